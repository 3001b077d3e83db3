"""Answers that come later: what a platform that only took a request says of each event in it. Runs in a transaction.

The order in which the events were sent is kept with the request's reference, since the platform names them by place.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import bindparam, exists, func, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert

from leadtrackr.conversions import moot, outcomes, schedule
from leadtrackr.conversions.hold import clock, hold_connection
from leadtrackr.conversions.incidents import changes as incidents
from leadtrackr.conversions.model import UNSETTLED, Connection, Result, State
from leadtrackr.conversions.settle import cut_in
from leadtrackr.db.database import Tx
from leadtrackr.db.statement import IdsIn, constant, counted, prepare
from leadtrackr.db.tables import deliveries, inquiries, leads
from leadtrackr.destinations.contract import Kind, Known, NotYet, Outcome, Scope, StatusAnswer, StatusPoll
from leadtrackr.destinations.registry import DESTINATIONS
from leadtrackr.kit.clock import DAY, MINUTE, SECOND

TOGETHER: Final = 20
"""Most requests asked about in one round."""
UNASKED_FOR: Final = 30 * DAY
"""From the request. A question that could not be put for so long, as its connection was held, is put no more."""
TAKEN_FOR: Final = 5 * MINUTE
"""A worker that has taken a question and died is followed by another one after this time."""
_I: Final = inquiries.c
_D: Final = deliveries.c
_BACK: Final = frozenset({Kind.RETRY, Kind.UNKNOWN, Kind.HOLD})
"""What it says of an event that is to be sent again."""
_places = msgspec.json.Decoder(list[int | None])

_BEGIN: Final = prepare(
    insert(inquiries)
    .values(
        {name: bindparam(name) for name in ("connection_id", "reference", "deliveries", "sent_at", "next_at")}
        | {"state": "open"}
    )
    .on_conflict_do_nothing(index_elements=["connection_id", "reference"])
)
_IS_DUE: Final = (_I.state == constant("open")) & (_I.next_at <= bindparam("now"))
_ANY_DUE: Final = prepare(select(exists(select(literal_column("1")).where(_IS_DUE)).label("any")))
_DUE: Final = prepare(
    select(_I.id, _I.connection_id, _I.reference, _I.deliveries, _I.sent_at, _I.times)
    .where(_IS_DUE)
    .order_by(_I.next_at, _I.id)
    .limit(TOGETHER)
    .with_for_update(skip_locked=True)
)
_TAKE: Final = prepare(update(inquiries).where(IdsIn(_I.id, "ids")).values(next_at=bindparam("until")))
_AGAIN: Final = prepare(
    update(inquiries)
    .where(_I.id == bindparam("of_inquiry"))
    .values(times=_I.times + 1, next_at=bindparam("at"), note=bindparam("new_note"))
)
_POSTPONE: Final = prepare(
    update(inquiries)
    .where(_I.id == bindparam("of_inquiry"))
    .values(next_at=bindparam("at"), note=bindparam("new_note"))
)
_CLOSE: Final = prepare(
    update(inquiries)
    .where(_I.id == bindparam("of_inquiry"), _I.state == constant("open"))
    .values(state=bindparam("new_state"), note=bindparam("new_note"), times=_I.times + 1)
)
_STILL_ACCEPTED: Final = prepare(
    select(_D.id, _D.lead_id, _D.closes_at, _D.retry_until)
    .where(IdsIn(_D.id, "ids"), _D.state == constant(State.ACCEPTED))
    .order_by(_D.id)
    .with_for_update()
)
_LEADS: Final = counted(
    select(leads.c.id)
    .where(leads.c.id.in_(select(_D.lead_id).where(IdsIn(_D.id, "ids"))))
    .order_by(leads.c.id)
    .with_for_update(key_share=True)
)
_MOVE: Final = prepare(
    update(deliveries)
    .where(IdsIn(_D.id, "ids"))
    .values(
        {name: bindparam(f"new_{name}") for name in ("state", "code", "detail", "run_at", "settled_at", "updated_at")}
        | {"retry_until": func.coalesce(_D.retry_until, bindparam("new_retry_until"))}
    )
)
_SAY: Final = prepare(
    update(deliveries)
    .where(IdsIn(_D.id, "ids"))
    .values(code=bindparam("new_code"), detail=bindparam("new_detail"), updated_at=bindparam("now"))
)


class Inquiry(msgspec.Struct, frozen=True, kw_only=True):
    """One request that a platform is to be asked about."""

    id: int
    connection_id: int
    reference: str
    deliveries: tuple[int | None, ...]
    """By place in the request; None where the outcome came too late to be ours."""
    sent_at: int
    times: int
    """How often it was asked."""


class _Step(msgspec.Struct, frozen=True):
    state: State
    code: str
    detail: str | None
    run_at: int
    settled_at: int | None
    retry_until: int | None = None
    """When its tries end by the connection's clock, unless an earlier failure has said so."""


def begin(tx: Tx, connection: Connection, results: Sequence[Result], now: int) -> None:
    """Notes each request that was taken, if its platform can be asked about it later."""
    destination = DESTINATIONS.get(connection.destination)
    if destination is None or destination.status is None:
        return
    requests: dict[str, list[int | None]] = {}
    for result in results:
        outcome = result.outcome
        if outcome.reference and result.size and outcome.kind == Kind.ACCEPTED:
            if outcome.reference not in requests:
                requests[outcome.reference] = [None] * result.size
            requests[outcome.reference][result.place] = result.delivery.id
    first_at = now + int(destination.status.first_after_s * SECOND)
    for reference, places in requests.items():
        text = msgspec.json.encode(places).decode()
        tx.run(_BEGIN, connection_id=connection.id, reference=reference, deliveries=text, sent_at=now, next_at=first_at)


def any_due(tx: Tx) -> bool:
    """Whether there is something to ask now."""
    row = tx.first(_ANY_DUE, now=tx.now())
    return row is not None and bool(row.any)


def take_due(tx: Tx) -> list[Inquiry]:
    """Takes what is to be asked now; no other worker asks it for a while."""
    now = tx.now()
    rows = tx.all(_DUE, now=now)
    if rows:
        tx.run(_TAKE, ids=sorted(row.id for row in rows), until=now + TAKEN_FOR)
    return [
        Inquiry(
            id=row.id,
            connection_id=row.connection_id,
            reference=row.reference,
            deliveries=tuple(_places.decode(row.deliveries)),
            sent_at=row.sent_at,
            times=row.times,
        )
        for row in rows
    ]


def apply(
    tx: Tx, inquiry: Inquiry, status: StatusPoll, answer: StatusAnswer, *, retry_days: int, soon: bool = False
) -> list[tuple[int, State]]:
    """Writes what a platform said; returns the deliveries that moved, with their new state.

    What it asks to be sent again is tried for `retry_days` in all. `soon`: it could not be asked for a reason that is
    over in a minute, such as an old token.
    """
    now = tx.now()
    if isinstance(answer, NotYet):
        _ask_again(tx, inquiry, status, answer, now, soon=soon)
        return []
    if tx.run(_CLOSE, of_inquiry=inquiry.id, new_state=_word(answer), new_note=None) == 0:
        return []
    if isinstance(answer, Known):
        return _pin(tx, inquiry, answer.outcomes, now, retry_days)
    _say(tx, inquiry, answer.outcome.code, answer.outcome.detail or None, now)
    return []


def postpone(tx: Tx, inquiry: Inquiry, at: int, reason: Outcome | None = None) -> None:
    """It could not be asked now, and is to be at that time, microseconds UTC. After a month nobody asks any more.

    That does not count as asked: the platform has not said that it does not know.
    """
    if tx.now() - inquiry.sent_at >= UNASKED_FOR:
        close(tx, inquiry)
    else:
        tx.run(_POSTPONE, of_inquiry=inquiry.id, at=at, new_note=_note(reason))


def close(tx: Tx, inquiry: Inquiry) -> None:
    """Nobody can be asked any more; the receipt says so, and what the platform has taken stays accepted."""
    if tx.run(_CLOSE, of_inquiry=inquiry.id, new_state="closed", new_note=outcomes.NOT_ASKED):
        _say(tx, inquiry, outcomes.NOT_ASKED, None, tx.now())


def _word(answer: StatusAnswer) -> str:
    return "known" if isinstance(answer, Known) else "closed"


def _ask_again(tx: Tx, inquiry: Inquiry, status: StatusPoll, answer: NotYet, now: int, *, soon: bool) -> None:
    trouble, age = answer.outcome, now - inquiry.sent_at
    if soon or (trouble is not None and trouble.scope == Scope.DESTINATION):
        # It has not answered, so it has not said that it does not know.
        if age >= UNASKED_FOR:
            close(tx, inquiry)
            return
    elif age >= status.give_up_after_s * SECOND:
        if tx.run(_CLOSE, of_inquiry=inquiry.id, new_state="given_up", new_note=_note(trouble)):
            _say(tx, inquiry, status.given_up, None, now)
        return
    wanted = None if trouble is None else trouble.retry_after_s
    delay = MINUTE if soon else max(step_of(inquiry, status), schedule.asked_delay(wanted or 0))
    tx.run(_AGAIN, of_inquiry=inquiry.id, at=now + delay, new_note=_note(trouble))


def step_of(inquiry: Inquiry, status: StatusPoll) -> int:
    """Microseconds from this question to the next."""
    steps = status.again_after_s
    return int(steps[min(inquiry.times, len(steps) - 1)] * SECOND)


def _note(outcome: Outcome | None) -> str | None:
    return None if outcome is None else f"{outcome.code}: {outcome.detail}"


def _accepted(tx: Tx, inquiry: Inquiry) -> dict[int, Any]:
    """The deliveries that are still where the request left them, with the end of their window and of their tries."""
    ids = sorted(delivery_id for delivery_id in inquiry.deliveries if delivery_id is not None)
    return {row.id: row for row in tx.all(_STILL_ACCEPTED, ids=ids)}


def _say(tx: Tx, inquiry: Inquiry, code: str, detail: str | None, now: int) -> None:
    """What is known goes on the receipt; the deliveries stay accepted, since it is said of none of them."""
    tx.run(_SAY, ids=sorted(_accepted(tx, inquiry)), new_code=code, new_detail=detail, now=now)


def _pin(tx: Tx, inquiry: Inquiry, said: Sequence[Outcome], now: int, retry_days: int) -> list[tuple[int, State]]:
    pairs = zip(inquiry.deliveries, said, strict=True)
    back = sorted(one for one, outcome in pairs if one is not None and outcome.kind in _BACK)
    if back:
        # Their leads first, as a rating does: what is rated meanwhile is to find them in their lines.
        tx.lock(_LEADS, ids=back)
    accepted = _accepted(tx, inquiry)
    taken_back = moot.taken_back(tx, list(accepted))
    shown = clock(tx, inquiry.connection_id, now=now) if back else 0
    groups: dict[_Step, list[int]] = {}
    for delivery_id, outcome in zip(inquiry.deliveries, said, strict=True):
        if delivery_id in accepted:
            step = _step(outcome, accepted[delivery_id], now, shown, retry_days)
            if step.state in UNSETTLED and delivery_id in taken_back:
                step = _Step(State.CANCELLED, outcomes.TAKEN_BACK, outcome.detail or None, now, now)
            groups.setdefault(step, []).append(delivery_id)
    for step, ids in groups.items():
        tx.run(
            _MOVE,
            ids=sorted(ids),
            new_state=step.state.value,
            new_code=step.code,
            new_detail=step.detail,
            new_run_at=step.run_at,
            new_settled_at=step.settled_at,
            new_retry_until=step.retry_until,
            new_updated_at=now,
        )
    incidents.lost(tx, [one for step, ids in groups.items() if step.state == State.EXPIRED for one in ids])
    hold = next((outcome for outcome in said if outcome.kind == Kind.HOLD), None)
    # What a person has mended since then stops nothing: the events that are held go on with the next sweep.
    if hold is not None and not incidents.mended_since(tx, inquiry.connection_id, inquiry.sent_at):
        hold_connection(tx, inquiry.connection_id, reason=hold.hold or "configuration", outcome=hold, now=now)
    returning = {one: accepted[one].lead_id for step, ids in groups.items() if step.state in UNSETTLED for one in ids}
    if returning:
        cut_in(tx, inquiry.connection_id, returning, now)
    return [(delivery_id, step.state) for step, ids in groups.items() for delivery_id in ids]


def _step(outcome: Outcome, delivery: Any, now: int, shown: int, retry_days: int) -> _Step:
    """Where an answer takes a delivery. `shown` is what the connection's clock shows, as in `record.move_of`."""
    detail = outcome.detail or None
    if outcome.kind in (Kind.ACCEPTED, Kind.CONFIRMED, Kind.REJECTED):
        return _Step(State(outcome.kind.value), outcome.code, detail, now, now)
    if outcome.kind == Kind.HOLD:
        return _Step(State.HELD, outcome.code, detail, now, None)
    delay, retry_until = schedule.asked_delay(outcome.retry_after_s or 0), shown + retry_days * DAY
    last = f"{outcome.code}: {detail or ''}"
    if shown + delay > (retry_until if delivery.retry_until is None else delivery.retry_until):
        return _Step(State.EXPIRED, outcomes.RETRIES_OVER, last, now, now)
    if now + delay >= delivery.closes_at:
        return _Step(State.EXPIRED, outcomes.WINDOW_CLOSED, last, now, now)
    return _Step(State.WAITING, outcome.code, detail, now + delay, None, retry_until)
