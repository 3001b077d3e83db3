"""What the handlers need, put together once at the start."""

from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network

import msgspec

from leadtrackr.conversions.preview import Address
from leadtrackr.conversions.validation import Validator
from leadtrackr.db.database import Database
from leadtrackr.kit.clock import Clock
from leadtrackr.kit.ids import Ids
from leadtrackr.kit.metrics import Metrics
from leadtrackr.kit.secretbox import SecretBox

Network = IPv4Network | IPv6Network


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """The program's parts that requests meet."""

    db: Database
    ids: Ids
    clock: Clock
    metrics: Metrics
    wake: Callable[[], None]
    """Tells the worker of this process, if there is one, that there is something to send."""
    max_body_bytes: int
    trusted_proxies: tuple[Network, ...]
    base_url: str
    box: SecretBox
    """Opens the secrets of connections, to build what would be sent. Nothing of them is ever answered."""
    address: Address
    """Where a request to a platform goes."""
    validator: Validator
    """Asks platforms whether what would be sent is right."""
