"""What becomes of a lead's earlier conversions when it is rated otherwise: cancelled, restated, taken back. Pure.

Only conversions of labels that ask for it. What the platform has cannot be unsaid everywhere: then a delivery that is
never sent says so, and what a person can do.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

import msgspec

from leadtrackr.conversions import outcomes
from leadtrackr.conversions.model import DELIVERED, UNSETTLED, DeliveryKind, State
from leadtrackr.conversions.planning import Connected, Planned, Prior, in_order, is_stuck, settled_as, timed
from leadtrackr.destinations import registry
from leadtrackr.destinations.contract import Destination, Event, LeadData

STANDS: Final = UNSETTLED | DELIVERED
"""States of a delivery that the platform has, or will have."""
STOPPABLE: Final = UNSETTLED - {State.SENDING}
_NO_WAY_BACK: Final = (outcomes.CANNOT_TAKE_BACK, outcomes.TAKE_BACK_OFF, outcomes.NO_VALUE_TO_TAKE_BACK)


class Earlier(msgspec.Struct, frozen=True, kw_only=True):
    """An earlier delivery of the lead, whole."""

    id: int
    label_id: int
    connection_id: int
    destination: str
    account: str
    action: str
    event_id: str
    kind: DeliveryKind
    takes_back: int | None
    happened_at: int
    value_cents: int | None
    currency: str | None
    state: State
    code: str | None
    behind: int | None
    passed: bool
    asks: bool
    """Whether its label wants its conversions taken back, as the label stands now."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """The status change."""

    lead: LeadData
    path: tuple[int, ...]
    """The new label with those before it, itself last; empty for `open`."""
    price: int | None
    currency: str
    now: int


class Undone(msgspec.Struct, frozen=True, kw_only=True):
    """What a status change does to what was before it."""

    deliveries: tuple[Planned, ...] = ()
    cancelled: Mapping[int, str] = {}
    """Deliveries that are not sent any more, with their code."""
    unsent: tuple[Earlier, ...] = ()
    """The same as they were before, oldest first."""
    behind: Mapping[int, int | None] = {}
    """Deliveries that stood behind a cancelled one, and what they stand behind now."""
    priors: tuple[Prior, ...] = ()
    """What is left of the past, for planning."""
    restated: frozenset[tuple[int, int]] = frozenset()
    """Label and connection of conversions that the new price goes to, so that no second one is made."""


class _Conversion(msgspec.Struct, frozen=True):
    """A conversion with what was done about it later, oldest first."""

    first: Earlier
    later: tuple[Earlier, ...]

    @property
    def restatements(self) -> list[Earlier]:
        return [one for one in self.later if one.kind == DeliveryKind.RESTATEMENT and one.state in STANDS]

    @property
    def gone(self) -> bool:
        """Whether it was taken back, or is about to be."""
        return any(one.kind == DeliveryKind.RETRACTION and one.state in STANDS for one in self.later)

    @property
    def stands(self) -> bool:
        return not self.gone and (self.first.state in STANDS or bool(self.restatements))

    @property
    def now(self) -> Earlier:
        """The delivery that says its value."""
        return (self.first, *self.restatements)[-1]


def wanted(change: Change, earlier: Sequence[Earlier]) -> list[int]:
    """The conversions that the change is to undo or to restate, by id."""
    return [one.first.id for one, _ in _todo(change, _conversions(earlier))]


def plan(
    change: Change,
    earlier: Sequence[Earlier],
    connected: Mapping[int, Connected],
    unsure: Collection[int],
    destinations: Mapping[str, Destination],
    event_ids: Sequence[str],
) -> Undone:
    """Plans it. `unsure` are unsent deliveries of which the platform may have taken one try all the same.

    `connected` holds the lead's connections by id, `event_ids` at least one fresh id for each of `wanted`.
    """
    conversions = _conversions(earlier)
    cancelled: dict[int, str] = {}
    made: list[Planned] = []
    for (one, kind), event_id in zip(_todo(change, conversions), event_ids, strict=False):
        first = one.first
        line, destination = connected.get(first.connection_id), destinations.get(first.destination)
        if first.state in STOPPABLE and not (first.id in unsure or one.restatements):
            cancelled[first.id] = outcomes.TAKEN_BACK
            continue
        if line is None or destination is None:
            continue
        if kind == DeliveryKind.RESTATEMENT and destination.account(line.settings) != first.account:
            continue
        planned = _one(change, one, kind, line, destination, event_id)
        if planned.code in _NO_WAY_BACK and first.state in STOPPABLE:
            cancelled[first.id] = outcomes.TAKEN_BACK_UNSURE
        elif not _said_already(one, planned):
            made.append(planned)
    behind = _relinked(earlier, cancelled)
    priors = _priors(earlier, conversions, cancelled, behind)
    placed: list[Planned] = []
    for planned in made:
        placed.append(in_order(planned, placed, priors))
    return Undone(
        deliveries=tuple(placed),
        cancelled=cancelled,
        unsent=tuple(one for one in earlier if one.id in cancelled),
        behind=behind,
        priors=priors,
        restated=frozenset(
            (each.label_id, each.connection_id) for each in placed if each.kind == DeliveryKind.RESTATEMENT
        ),
    )


def _conversions(earlier: Sequence[Earlier]) -> list[_Conversion]:
    later: dict[int, list[Earlier]] = {}
    for one in earlier:
        if one.takes_back is not None:
            later.setdefault(one.takes_back, []).append(one)
    return [_Conversion(one, tuple(later.get(one.id, ()))) for one in earlier if one.kind == DeliveryKind.CONVERSION]


def _todo(change: Change, conversions: Sequence[_Conversion]) -> list[tuple[_Conversion, DeliveryKind]]:
    """Which conversions are to be taken back, and which get the new price: of each label's the newest."""
    standing = [one for one in conversions if one.stands and one.first.asks]
    newest = {(one.first.label_id, one.first.connection_id): one for one in standing}
    found: list[tuple[_Conversion, DeliveryKind]] = []
    for one in standing:
        place = (one.first.label_id, one.first.connection_id)
        if one.first.label_id not in change.path:
            found.append((one, DeliveryKind.RETRACTION))
        elif one.first.label_id == change.path[-1] and newest[place] is one and _has_other_price(change, one.now):
            found.append((one, DeliveryKind.RESTATEMENT))
    return found


def _has_other_price(change: Change, now: Earlier) -> bool:
    return change.price is not None and (change.price, change.currency) != (now.value_cents, now.currency)


def _one(
    change: Change,
    one: _Conversion,
    kind: DeliveryKind,
    line: Connected,
    destination: Destination,
    event_id: str,
) -> Planned:
    first = one.first
    was = Event(
        event_id=first.event_id,
        action=first.action,
        happened_at=first.happened_at,
        value_cents=one.now.value_cents,
        currency=one.now.currency,
        lead=change.lead,
    )
    if kind == DeliveryKind.RETRACTION:
        event = registry.retraction(destination, was, line.settings)
    else:
        event = registry.restatement(destination, was, change.price or 0, change.currency)
    window = destination.window(event or was, line.settings)
    base = Planned(
        label_id=first.label_id,
        connection_id=first.connection_id,
        destination=first.destination,
        account=first.account,
        action=first.action,
        event_id=event_id,
        happened_at=first.happened_at,
        value_cents=None if event is None else event.value_cents,
        currency=None if event is None else event.currency,
        state=State.QUEUED,
        code=None,
        detail=None,
        field=None,
        run_at=max(change.now, window.opens_at),
        closes_at=window.closes_at,
        behind=None,
        passed=False,
        kind=kind,
        takes_back=first.id,
        sent_as=first.event_id,
    )
    if event is None:
        can = destination.take_back
        return settled_as(
            base, State.SKIPPED, _why_not(kind, destination, line), detail=None if can is None else can.sentence
        )
    return timed(base, line, change.now)


def _why_not(kind: DeliveryKind, destination: Destination, line: Connected) -> str:
    can = destination.take_back
    if kind == DeliveryKind.RESTATEMENT:
        return outcomes.CANNOT_RESTATE
    if can is None or can.build is None or not can.zero_setting:
        return outcomes.CANNOT_TAKE_BACK
    return outcomes.NO_VALUE_TO_TAKE_BACK if line.settings.get(can.zero_setting) == "yes" else outcomes.TAKE_BACK_OFF


def _said_already(one: _Conversion, planned: Planned) -> bool:
    """A conversion that cannot be taken back says so once, however often its lead is rated otherwise."""
    return planned.kind == DeliveryKind.RETRACTION and any(
        (other.kind, other.state, other.code) == (planned.kind, planned.state, planned.code)
        for other in one.later
        if other.state not in STANDS
    )


def _relinked(earlier: Sequence[Earlier], cancelled: Mapping[int, str]) -> dict[int, int | None]:
    """A line closes up where one is taken out of it: whoever stood behind it now stands behind the one before."""
    before = {one.id: one.behind for one in earlier}
    found: dict[int, int | None] = {}
    for one in earlier:
        if one.id in cancelled or one.behind not in cancelled:
            continue
        place: int | None = one.behind
        while place is not None and place in cancelled:
            place = before.get(place)
        found[one.id] = place
    return found


def _priors(
    earlier: Sequence[Earlier],
    conversions: Sequence[_Conversion],
    cancelled: Mapping[int, str],
    relinked: Mapping[int, int | None],
) -> tuple[Prior, ...]:
    gone = {one.first.id for one in conversions if one.gone}
    left = [one for one in earlier if one.id not in cancelled]
    behind = {one.id: relinked.get(one.id, one.behind) for one in left}
    followed = set(behind.values())
    return tuple(
        Prior(
            one.id,
            one.label_id,
            one.connection_id,
            one.state,
            is_stuck(one.state, behind[one.id], one.passed),
            one.kind == DeliveryKind.CONVERSION and one.id not in gone,
            one.id not in followed,
        )
        for one in left
    )
