"""What a platform is to the sandbox: it takes one call and gives one answer.

A new platform is one package, named by its slug, with a `Platform` in it.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, Protocol, TypeVar
from urllib.parse import parse_qsl

import msgspec

if TYPE_CHECKING:
    from leadtrackr.sandbox.world import World

BROKEN: Final = object()
"""What `Call.json` is when the body is no JSON."""

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class Flag(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Something worth knowing about a call that the platform's answer does not say.

    `dropped`: the platform answers with success and throws the event away.
    """

    code: str
    field: str = ""
    detail: str = ""
    dropped: bool = False


class Accepted(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One event that the platform took: `index` is its place in the call (0-based).

    `key` is the platform's dedup key (transactionId, event_id), unique within `scope`. `value` is in the currency's
    own units, `event_at` in microseconds since the epoch, UTC. `counts` is False when the platform takes the event and
    refuses it later, in its asynchronous processing, for the reason `processing_error`.
    """

    index: int
    key: str | None
    scope: str
    value: float | None = None
    currency: str | None = None
    event_at: int | None = None
    counts: bool = True
    processing_error: str | None = None
    event: dict[str, Any] | None = None


class Poison(Protocol):
    """A fault that makes one event of a batch invalid."""

    @property
    def named(self) -> bool:
        """Whether the refusal says which event it is, where the platform does so."""

    def find(self, keys: Sequence[str | None]) -> int | None:
        """The index of the event to refuse in a batch with these dedup keys, or None."""


@dataclass(frozen=True)
class Call:
    """One HTTP call to a platform; `path` is the platform's own, `headers` have lower-case names, `at` is in µs UTC."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    at: int
    poisons: tuple[Poison, ...] = ()

    @cached_property
    def json(self) -> object:
        """The body as JSON, or BROKEN."""
        try:
            return _decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return BROKEN

    @cached_property
    def form(self) -> dict[str, str]:
        """The body as application/x-www-form-urlencoded."""
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))

    @property
    def is_form(self) -> bool:
        """Whether the caller says that the body is URL-encoded."""
        return self.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")

    @property
    def bearer(self) -> str | None:
        """The token of `Authorization: Bearer`, or None."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() or None if scheme.lower() == "bearer" else None

    def poisoned(self, keys: Sequence[str | None]) -> list[tuple[int, bool]]:
        """(index, named) of each event that a fault makes invalid."""
        found = ((poison.find(keys), poison.named) for poison in self.poisons)
        return [(index, named) for index, named in found if index is not None]


@dataclass(frozen=True)
class Answer:
    """What the platform answers, and what the ledger notes about it."""

    status: int
    content: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    accepted: Sequence[Accepted] = ()
    flags: Sequence[Flag] = ()
    validation: bool = False
    """The caller only asked whether its events are right; the platform took none of them."""
    delay_s: float = 0
    """How late the answer comes; the call is taken at once."""


def json_answer(
    status: int,
    body: object,
    *,
    accepted: Sequence[Accepted] = (),
    flags: Iterable[Flag] = (),
    headers: Mapping[str, str] | None = None,
    validation: bool = False,
    delay_s: float = 0,
) -> Answer:
    """An answer with a JSON body."""
    kind = {"Content-Type": "application/json; charset=utf-8"}
    return Answer(status, _encode(body), {**kind, **(headers or {})}, accepted, tuple(flags), validation, delay_s)


def as_float(value: object) -> float | None:
    """A JSON number as a float, None when it is none or too large."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


S = TypeVar("S", bound=msgspec.Struct)


class Platform(ABC, Generic[S]):
    """One emulated platform, called at `/<slug>/<its own path>`.

    `settings` are its knobs (`PUT /_sandbox/settings`); `takes_events` says whether `reject_event` means something.
    """

    slug: ClassVar[str]
    takes_events: ClassVar[bool] = True

    def __init__(self, world: "World", settings: S) -> None:
        self.world = world
        self.settings: S = settings

    @abstractmethod
    def answer(self, call: Call) -> Answer:
        """Play the platform for one call."""

    @abstractmethod
    def failure(self, status: int) -> Answer:
        """The platform's own form of a failure with this HTTP status, for faults that give no body."""

    def configure(self, settings: S) -> None:
        """Take new settings."""
        self.settings = settings

    def forget(self) -> None:
        """Drop what was remembered about earlier calls: the ledger was emptied."""
