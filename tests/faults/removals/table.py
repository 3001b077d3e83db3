"""All removals."""

from typing import Final

from tests.faults.removals.leases import LEASES
from tests.faults.removals.lines import LINES
from tests.faults.removals.model import Removal
from tests.faults.removals.renewing import RENEWING
from tests.faults.removals.sending import SENDING
from tests.faults.removals.storage import STORAGE

SECTIONS: Final[dict[str, tuple[Removal, ...]]] = {
    "Storage and ratings": STORAGE,
    "Leases": LEASES,
    "Sending": SENDING,
    "Refresh tokens": RENEWING,
    "Order, first passes, orders by persons, later answers": LINES,
}
REMOVALS: Final[tuple[Removal, ...]] = tuple(removal for section in SECTIONS.values() for removal in section)
