"""From a lead, a label's path and the connected destinations to deliveries and warnings. Pure.

The same function makes both, so a warning can never disagree with what is done.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Final

import msgspec

from leadtrackr.conversions import outcomes
from leadtrackr.conversions.audience import permitted
from leadtrackr.conversions.model import DELIVERED, UNSETTLED, ConnectionState, DeliveryKind, State, Warned
from leadtrackr.destinations.contract import Destination, Event, LeadData, Warning
from leadtrackr.kit.clock import iso_millis

_settings: Final = msgspec.json.Decoder(dict[str, str])


@lru_cache(maxsize=4096)
def stored_settings(text: str) -> Mapping[str, str]:
    """A connection's settings as they are stored: connections are few, and read for each rating."""
    return MappingProxyType(_settings.decode(text))


class Connected(msgspec.Struct, frozen=True, kw_only=True):
    """A connected destination."""

    connection_id: int
    destination: str
    settings: Mapping[str, str]
    """Without secrets: planning needs none."""
    state: ConnectionState
    hold_code: str | None
    paused_until: int | None
    pause_code: str | None


class Target(Connected, frozen=True, kw_only=True):
    """One label's event on one connected destination."""

    label_id: int
    action: str


class Prior(msgspec.Struct, frozen=True):
    """An earlier delivery of the same lead."""

    id: int
    label_id: int
    connection_id: int
    state: State
    stuck: bool
    """Whether the head of its line waits or is held, so that what stands behind it cannot be tried now."""
    counts: bool = True
    """Whether it is a conversion, and one that has not been taken back."""
    last: bool = True
    """Whether nothing stands behind it. Not always the newest: what is asked for again goes to the end of its line."""


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """One delivery to be made."""

    label_id: int
    connection_id: int
    destination: str
    account: str
    action: str
    event_id: str
    happened_at: int
    value_cents: int | None
    currency: str | None
    state: State
    code: str | None
    detail: str | None
    field: str | None
    run_at: int
    closes_at: int
    behind: int | None
    """The unsettled delivery that it stands behind: an id, or a negative -n for the plan's own nth, counted from 1."""
    passed: bool
    """Whether it needs no first pass: it cannot be tried now, or is settled from the start."""
    kind: DeliveryKind = DeliveryKind.CONVERSION
    takes_back: int | None = None
    """The delivery whose conversion it restates or takes back; its event id is `sent_as`."""
    sent_as: str | None = None


class Plan(msgspec.Struct, frozen=True):
    """What a status change will do."""

    deliveries: tuple[Planned, ...]
    warnings: tuple[Warned, ...]


class Rating(msgspec.Struct, frozen=True, kw_only=True):
    """The status change that is planned."""

    lead: LeadData
    path: tuple[int, ...]
    """The labels before it, earliest first, then the label itself."""
    convert_once: bool
    price: int | None
    currency: str
    now: int


_REASON_CONSENT = "The visitor denied consent ({kinds}), so nothing that this platform could match may be sent."


def plan(
    rating: Rating,
    targets: Sequence[Target],
    priors: Sequence[Prior],
    destinations: Mapping[str, Destination],
    event_ids: Sequence[str],
    before: Sequence[Planned] = (),
) -> Plan:
    """Plans one status change. `event_ids` holds at least one fresh id for each target; `before` is sent first."""
    by_label = {label_id: place for place, label_id in enumerate(rating.path)}
    ordered = sorted(targets, key=lambda target: (by_label[target.label_id], target.connection_id))
    data = permitted(rating.lead)
    deliveries: list[Planned] = list(before)
    warnings: dict[tuple[str, str], Warned] = {}
    for target, event_id in zip(ordered, event_ids, strict=False):
        last = target.label_id == rating.path[-1]
        done = any(
            prior.label_id == target.label_id
            and prior.connection_id == target.connection_id
            and prior.counts
            and (prior.state in UNSETTLED or prior.state in DELIVERED)
            for prior in priors
        )
        if done and not last:
            continue
        planned, warning = _one(
            rating, target, data, destinations[target.destination], event_id, once=done and rating.convert_once
        )
        if warning is not None:
            warnings.setdefault((warning.integration, warning.field), warning)
        deliveries.append(in_order(planned, deliveries, priors))
    return Plan(tuple(deliveries), tuple(warnings.values()))


def _one(
    rating: Rating, target: Target, data: LeadData, destination: Destination, event_id: str, *, once: bool
) -> tuple[Planned, Warned | None]:
    happened_at = max(rating.now, data.created_at)
    # A value never goes without a currency, and a currency says nothing without a value.
    value, currency = (rating.price, rating.currency) if rating.price is not None else (None, None)
    event = Event(
        event_id=event_id,
        action=target.action,
        happened_at=happened_at,
        value_cents=value,
        currency=currency,
        lead=data,
    )
    window = destination.window(event, target.settings)
    base = Planned(
        label_id=target.label_id,
        connection_id=target.connection_id,
        destination=target.destination,
        account=destination.account(target.settings),
        action=target.action,
        event_id=event_id,
        happened_at=happened_at,
        value_cents=value,
        currency=currency,
        state=State.QUEUED,
        code=None,
        detail=None,
        field=None,
        run_at=max(rating.now, window.opens_at),
        closes_at=window.closes_at,
        behind=None,
        passed=False,
    )
    if once:
        return settled_as(base, State.SKIPPED, outcomes.ONCE), None
    lacking = destination.missing(data, target.settings)
    if lacking:
        code, warning = _why(rating, target, destination, lacking[0])
        skipped = settled_as(base, State.SKIPPED, code, detail=warning.reason, field=warning.field)
        return skipped, Warned(target.destination, warning.reason, warning.field, iso_millis(rating.now))
    return timed(base, target, rating.now), None


def _why(rating: Rating, target: Target, destination: Destination, lacking: Warning) -> tuple[str, Warning]:
    """Whether the data was never there, or is there and may not be used."""
    if destination.missing(rating.lead, target.settings):
        return outcomes.MISSING, lacking
    kinds = ", ".join(kind for kind in ("ad_user_data", "ad_storage") if rating.lead.consent.get(kind) == "denied")
    return outcomes.CONSENT, Warning(lacking.field, _REASON_CONSENT.format(kinds=kinds))


def timed(base: Planned, target: Connected, now: int) -> Planned:
    """Whether it can be sent now, by its window and by its connection."""
    if base.closes_at <= now:
        return settled_as(base, State.EXPIRED, outcomes.WINDOW_CLOSED)
    if target.state == ConnectionState.HELD:
        return settled_as(base, State.HELD, target.hold_code or outcomes.HELD)
    if base.run_at > now:
        return settled_as(base, State.WAITING, outcomes.TOO_RECENT)
    if target.paused_until is not None and target.paused_until > now:
        paused = settled_as(base, State.WAITING, target.pause_code or outcomes.PAUSED)
        return msgspec.structs.replace(paused, run_at=target.paused_until)
    return base


def settled_as(
    base: Planned, state: State, code: str, *, detail: str | None = None, field: str | None = None
) -> Planned:
    """The same, and it needs no first pass."""
    return msgspec.structs.replace(base, state=state, code=code, detail=detail, field=field, passed=True)


def in_order(planned: Planned, before: Sequence[Planned], priors: Sequence[Prior]) -> Planned:
    """Puts a delivery behind the last unsettled one of the same lead and connection, if there is one."""
    if planned.state not in UNSETTLED:
        return planned
    ahead: tuple[int, bool] | None = None
    for prior in priors:
        if prior.connection_id == planned.connection_id and prior.state in UNSETTLED and prior.last:
            ahead = (prior.id, prior.stuck)
    for place, other in enumerate(before, start=1):
        if other.connection_id == planned.connection_id and other.state in UNSETTLED:
            ahead = (-place, is_stuck(other.state, other.behind, other.passed))
    if ahead is None:
        return planned
    behind, stuck = ahead
    return msgspec.structs.replace(
        planned,
        behind=behind,
        code=planned.code or outcomes.BEHIND,
        # What stands behind one that waits or is held cannot have a first pass of its own.
        passed=planned.passed or stuck,
    )


def is_stuck(state: State, behind: int | None, passed: bool) -> bool:
    """Whether the head of a delivery's line waits or is held: the delivery itself, or one somewhere before it.

    One that stands behind another has its pass only because of that.
    """
    return state in (State.WAITING, State.HELD) or (behind is not None and passed)
