"""What becomes of each delivery when a person asks for it again: a pure sorting, so that plan and deed agree."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final, Protocol

import msgspec

from leadtrackr.conversions import outcomes
from leadtrackr.conversions.model import DELIVERED, Connection, ConnectionState, State
from leadtrackr.destinations import registry

AGAIN: Final = frozenset({State.REJECTED, State.EXPIRED, State.CANCELLED, State.WAITING})
"""States from which a delivery can be sent again. A skipped one was never made to be sent: rate the lead again."""


class Fate(StrEnum):
    """What an order to send again means for a delivery. The first three are sent, the others stay as they are."""

    SEND = "send"
    REPEAT = "repeat"
    """Sent, although an earlier attempt may have arrived."""
    HELD = "held"
    """Sent as soon as its connection is mended."""
    TOO_OLD = "too_old"
    TAKEN_BACK = "taken_back"
    """The lead was rated otherwise since, so the platform must not get it again."""
    CONVERTED = "converted"
    """It counts once, and another delivery of it counts or is on its way."""
    OTHER_ACCOUNT = "other_account"
    ACCEPTED = "accepted"
    ON_ITS_WAY = "on_its_way"
    SKIPPED = "skipped"


_NOT_SOONER: Final = frozenset({outcomes.ASKED_AGAIN, outcomes.TOO_RECENT, "PROCESSING_ERROR_REASON_TOO_RECENT_CLICK"})
"""What waits under these goes at its time and no sooner: it was asked for already, or its window is not open yet."""
SENT: Final = frozenset({Fate.SEND, Fate.REPEAT, Fate.HELD})
_LEFT_ALONE: Final = frozenset({Fate.CONVERTED, Fate.OTHER_ACCOUNT, Fate.ACCEPTED, Fate.ON_ITS_WAY, Fate.SKIPPED})
_TWICE: Final = "Sent again. The platform may have it already and does not recognise repeats, so it may count twice."
_WORDS: Final[Mapping[Fate, str]] = {
    Fate.SEND: "Sent again under its own event id, with its original time.",
    Fate.REPEAT: "Sent again. The platform may have it already; it counts an event id once.",
    Fate.HELD: "Sent again as soon as its connection, which is held, is mended.",
    Fate.TOO_OLD: "Left as it is: the platform's time window for it has closed.",
    Fate.TAKEN_BACK: "Left as it is: it was taken back or restated since, or its lead was rated otherwise.",
    Fate.CONVERTED: "Left as it is: its lead counts once under this label, and another conversion of it was taken, is "
    "on its way or is sent again.",
    Fate.OTHER_ACCOUNT: "Left as it is: it was rated for another account than the one that the connection leads to "
    "now. Connect the former account, or rate the lead again.",
    Fate.ACCEPTED: "Left as it is: the platform has accepted it.",
    Fate.ON_ITS_WAY: "Left as it is: it is on its way and goes by itself.",
    Fate.SKIPPED: "Left as it is: it was skipped when the lead was rated. Rate the lead again when it has what was "
    "missing.",
}


class Asked(Protocol):
    """The columns of a delivery that its fate depends on."""

    @property
    def id(self) -> int: ...
    @property
    def destination(self) -> str: ...
    @property
    def connection_id(self) -> int: ...
    @property
    def account(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def code(self) -> str | None: ...
    @property
    def closes_at(self) -> int: ...


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Deliveries of one destination that share a fate."""

    fate: Fate
    destination: str
    ids: tuple[int, ...]

    @property
    def sentence(self) -> str:
        """The fate in words."""
        known = registry.DESTINATIONS.get(self.destination)
        if self.fate == Fate.REPEAT and known is not None and not known.counts_once:
            return _TWICE
        if self.fate == Fate.REPEAT and known is not None and known.natural_key:
            return f"Sent again. The platform may have it already; it counts the same {known.natural_key} once."
        return _WORDS[self.fate]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What an order to send again will do, or has done. Every delivery that it is about is in exactly one group."""

    groups: tuple[Group, ...]
    more: bool = False
    """Whether more deliveries fit the order than one order moves."""

    @property
    def ids(self) -> tuple[int, ...]:
        """The deliveries that are sent again."""
        return tuple(sorted(one for group in self.groups if group.fate in SENT for one in group.ids))

    @property
    def to_send(self) -> dict[str, int]:
        """How many are sent again, by destination."""
        return self._count(SENT)

    @property
    def held(self) -> dict[str, int]:
        """Of `to_send`, those whose connection is held."""
        return self._count({Fate.HELD})

    @property
    def too_old(self) -> dict[str, int]:
        """The platform's window has closed: they stay as they are."""
        return self._count({Fate.TOO_OLD})

    @property
    def taken_back(self) -> dict[str, int]:
        """The lead was rated otherwise since: they stay as they are."""
        return self._count({Fate.TAKEN_BACK})

    @property
    def not_again(self) -> dict[str, int]:
        """On their way already, delivered, counted once, skipped, or of another account: they stay as they are."""
        return self._count(_LEFT_ALONE)

    def _count(self, fates: set[Fate] | frozenset[Fate]) -> dict[str, int]:
        counts: dict[str, int] = {}
        for group in self.groups:
            if group.fate in fates:
                counts[group.destination] = counts.get(group.destination, 0) + len(group.ids)
        return counts


def sort(
    rows: Sequence[Asked],
    connections: Mapping[int, Connection],
    arrived: frozenset[int],
    superseded: set[int],
    converted: set[int],
    now: int,
) -> tuple[Group, ...]:
    """Groups by destination and fate, in the order of `Fate`.

    `arrived`: of which an attempt may have reached the platform. `superseded`: which must not be sent any more.
    `converted`: which count once and have been counted, or are, by another one.
    """
    found: dict[tuple[str, Fate], list[int]] = {}
    for row in rows:
        fate = _fate(row, connections.get(row.connection_id), now, arrived=row.id in arrived)
        if row.id in superseded and row.state in AGAIN:
            fate = Fate.TAKEN_BACK
        elif row.id in converted and fate in SENT:
            fate = Fate.CONVERTED
        found.setdefault((row.destination, fate), []).append(int(row.id))
    order = list(Fate)
    ordered = sorted(found.items(), key=lambda item: (order.index(item[0][1]), item[0][0]))
    return tuple(Group(fate=fate, destination=slug, ids=tuple(ids)) for (slug, fate), ids in ordered)


def _fate(row: Asked, connection: Connection | None, now: int, *, arrived: bool) -> Fate:
    state = State(row.state)
    if state in DELIVERED:
        return Fate.ACCEPTED
    if state == State.SKIPPED:
        return Fate.SKIPPED
    if state not in AGAIN or (state == State.WAITING and row.code in _NOT_SOONER):
        return Fate.ON_ITS_WAY
    if row.closes_at <= now:
        return Fate.TOO_OLD
    if connection is not None and row.account != _account(connection):
        return Fate.OTHER_ACCOUNT
    if connection is not None and connection.state == ConnectionState.HELD:
        return Fate.HELD
    return Fate.REPEAT if arrived else Fate.SEND


def _account(connection: Connection) -> str:
    return registry.get(connection.destination).account(connection.settings)
