"""All removals, and the page that shows them."""

from typing import Final

from tests.faults.removals.leases import LEASES
from tests.faults.removals.lines import LINES
from tests.faults.removals.model import Removal
from tests.faults.removals.sending import SENDING
from tests.faults.removals.storage import STORAGE

REMOVALS: Final[tuple[Removal, ...]] = (*STORAGE, *LEASES, *SENDING, *LINES)
