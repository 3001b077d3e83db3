"""What stops and starts a connection: held for a person, left alone for a while, released. Runs in a transaction.

From then on nothing is sent, or all may be. Of its deliveries the first move in the same transaction and the others,
when there are very many, in steps of the housekeeping: no other request waits for all of them.
"""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, bindparam, case, func, literal_column, or_, select, update

from leadtrackr.conversions import outcomes, schedule
from leadtrackr.conversions.incidents import changes as incidents
from leadtrackr.conversions.model import ConnectionState, State
from leadtrackr.conversions.settle import pass_jobs
from leadtrackr.db.database import Tx
from leadtrackr.db.statement import IdsIn, Prepared, constant, prepare
from leadtrackr.db.tables import connections, deliveries
from leadtrackr.destinations.contract import Outcome

CHUNK: Final = 2000
"""Most deliveries that one transaction moves, so that none is long."""
BY_A_PERSON: Final = "person"
"""The `hold_reason` of a connection that a person has paused."""
_C: Final = connections.c
_D: Final = deliveries.c
_OF_CONNECTION: Final = _D.connection_id == bindparam("of_connection")
OPEN: Final = or_(*(_D.state == constant(state) for state in (State.QUEUED, State.WAITING, State.HELD)))
"""Word for word the condition of the partial index over what is not settled: SQLite uses it only then. Not as a list:
SQLite would put that into a table of its own for each row that is written."""
OPEN_UNTIL: Final = OPEN & _D.passed.in_([literal_column("0"), literal_column("1")])
"""The same, said so that the index leads on from `connection_id` and `state` to `closes_at`."""
AT_ITS_CONNECTION: Final = _D.connection_id == _C.id + literal_column("0")
"""Joins deliveries to connections, the few first: by the bare id SQLite would read every open delivery and look up the
connection of each."""
QUEUED: Final = OPEN & (_D.state == constant(State.QUEUED))
FRESH: Final = QUEUED & (_D.passed == literal_column("0"))

_OF_THIS: Final = _C.id == bindparam("of_connection")
_SINCE: Final = func.coalesce(_C.held_at, bindparam("now"))
_SHOWS: Final[ColumnElement[int]] = case((_C.paused_until > _SINCE, _C.paused_until), else_=_SINCE) - _C.stood_still
"""A connection's clock: it stands still while that is held or paused. A pause counts from its first moment to its end,
and what ends early gives the rest back."""


def _shows_the_same(at: ColumnElement[int]) -> ColumnElement[int]:
    """What `stood_still` must be, so that the clock goes on from what it shows now. `at`: where it stands after."""
    return at - _SHOWS


_CLOCK: Final = prepare(select(_SHOWS.label("shows")).where(_OF_THIS))
_HOLD: Final = prepare(
    update(connections)
    .where(_OF_THIS)
    .values(
        {name: bindparam(f"new_{name}") for name in ("hold_reason", "hold_code", "hold_detail")}
        | {"state": ConnectionState.HELD.value, "held_at": _SINCE, "updated_at": bindparam("now")}
    )
)
_TO_BE_HELD: Final = (_OF_CONNECTION, OPEN, _D.state.in_([constant(State.QUEUED), constant(State.WAITING)]))
_HELD: Final = (_OF_CONNECTION, OPEN, _D.state == constant(State.HELD))
_HOW_MANY: Final = prepare(select(func.count().label("n")).where(_OF_CONNECTION, OPEN))


def _some(*columns: ColumnElement[Any], where: Sequence[ColumnElement[bool]], most: int = CHUNK) -> Prepared:
    """Locks some of them, in the order of the index: to sort what is left at each step would read all of it again.

    Nobody is waited for, as with no order that could end in a deadlock; what is locked now is for the next step.
    """
    return prepare(select(*columns).where(*where).limit(most).with_for_update(skip_locked=True))


_TO_HOLD: Final = _some(_D.id, _D.job_id, _D.passed, where=_TO_BE_HELD)
_HOLD_DELIVERIES: Final = prepare(
    update(deliveries)
    .where(IdsIn(_D.id, "ids"))
    .values(state=State.HELD.value, code=bindparam("new_code"), passed=1, updated_at=bindparam("now"))
)
# The weaker lock: new deliveries, which refer to the connection, can be written meanwhile.
_FAILURES: Final = prepare(
    select(_C.failures, _C.paused_until, _C.pause_code).where(_OF_THIS).with_for_update(key_share=True)
)
_PAUSE: Final = prepare(
    update(connections)
    .where(_OF_THIS)
    .values(
        failures=bindparam("new_failures"),
        failing_since=case(
            (bindparam("new_failures") > literal_column("0"), func.coalesce(_C.failing_since, bindparam("now")))
        ),
        paused_until=bindparam("until"),
        pause_code=bindparam("new_code"),
        stood_still=_shows_the_same(bindparam("until")),
        updated_at=bindparam("now"),
    )
)
_WELL_AGAIN: Final = prepare(
    update(connections)
    .where(_OF_THIS, _C.failures > 0)
    .values(
        failures=0,
        failing_since=None,
        paused_until=None,
        pause_code=None,
        stood_still=_shows_the_same(_SINCE),
        updated_at=bindparam("now"),
    )
)
_TO_PASS: Final = _some(_D.id, _D.job_id, where=(_OF_CONNECTION, FRESH))
_WAIT: Final = prepare(
    update(deliveries)
    .where(IdsIn(_D.id, "ids"))
    .values(
        state=State.WAITING.value,
        code=bindparam("new_code"),
        run_at=bindparam("until"),
        passed=1,
        updated_at=bindparam("now"),
    )
)
_PASS_IN_QUEUE: Final = prepare(
    update(deliveries).where(IdsIn(_D.id, "ids")).values(code=bindparam("new_code"), passed=1)
)
_RELEASE: Final = prepare(
    update(connections)
    .where(_OF_THIS)
    .values(
        state=ConnectionState.ACTIVE.value,
        hold_reason=None,
        hold_code=None,
        hold_detail=None,
        held_at=None,
        failures=0,
        failing_since=None,
        paused_until=None,
        pause_code=None,
        stood_still=_shows_the_same(bindparam("now")),
        updated_at=bindparam("now"),
    )
)
# Half a step: what goes on is older than what falls due elsewhere, which needs the other half to be queued beside it.
_TO_RELEASE: Final = _some(_D.id, where=_HELD, most=CHUNK // 2)
_RELEASE_DELIVERIES: Final = prepare(
    update(deliveries).where(IdsIn(_D.id, "ids")).values(state=State.WAITING.value, updated_at=bindparam("now"))
)


def clock(tx: Tx, connection_id: int, *, now: int) -> int:
    """What the connection's clock shows, microseconds: it goes as fast as any, but not while nothing may be sent."""
    row: Any = tx.first(_CLOCK, of_connection=connection_id, now=now)
    return int(row.shows)


def how_many(tx: Tx, connection_id: int) -> int:
    """How many deliveries of a connection are neither settled nor being sent: what is held with it, or goes on."""
    row: Any = tx.first(_HOW_MANY, of_connection=connection_id)
    return int(row.n)


def hold_connection(tx: Tx, connection_id: int, *, reason: str, outcome: Outcome, now: int) -> None:
    """Nothing is sent until a person has mended it. What was to be sent is held, its clock stands still."""
    tx.run(
        _HOLD,
        of_connection=connection_id,
        new_hold_reason=reason,
        new_hold_code=outcome.code,
        new_hold_detail=outcome.detail,
        now=now,
    )
    incidents.stopped(tx, connection_id, outcome, now)
    _, passed = hold_deliveries(tx, connection_id, code=outcome.code, now=now)
    pass_jobs(tx, passed, now=now)


def hold_deliveries(tx: Tx, connection_id: int, *, code: str, now: int) -> tuple[int, list[int]]:
    """Holds a step of what is queued or waits; how many, and the job of each that has had its first pass by it."""
    waiting = tx.all(_TO_HOLD, of_connection=connection_id)
    if waiting:
        tx.run(_HOLD_DELIVERIES, ids=sorted(row.id for row in waiting), new_code=code, now=now)
    return len(waiting), [row.job_id for row in waiting if not row.passed]


def pause_connection(tx: Tx, connection_id: int, *, outcome: Outcome, now: int, fraction: float) -> int:
    """Leaves a destination alone for a while; returns until when, microseconds UTC.

    Deliveries that have had no first pass wait with the reason, so that their leads leave `pending`; the others stay
    in the queue and cost no write.
    """
    row = tx.first(_FAILURES, of_connection=connection_id)
    failures = 1 if row is None else int(row.failures) + 1
    delay = schedule.pause_delay(failures, fraction)
    if outcome.retry_after_s is not None:
        delay = schedule.asked_delay(outcome.retry_after_s)
    until, code = now + delay, outcome.code
    # Another request was under way when the platform asked for a longer pause: that one holds.
    if row is not None and (row.paused_until or 0) > until:
        until, code = int(row.paused_until), row.pause_code
    tx.run(_PAUSE, of_connection=connection_id, new_failures=failures, until=until, new_code=code, now=now)
    incidents.failed(tx, connection_id, outcome, now)
    pass_jobs(tx, pass_by(tx, connection_id, until=until, now=now), now=now)
    return until


def asked_to_wait(tx: Tx, connection_id: int, *, outcome: Outcome, now: int) -> None:
    """A question was answered with a pause: nothing is sent in it. The connection has not failed by that."""
    row = tx.first(_FAILURES, of_connection=connection_id)
    until = now + schedule.asked_delay(outcome.retry_after_s or 0)
    if row is None or (row.paused_until or 0) >= until:
        return
    code = outcome.code
    tx.run(_PAUSE, of_connection=connection_id, new_failures=int(row.failures), until=until, new_code=code, now=now)
    pass_jobs(tx, pass_by(tx, connection_id, until=until, now=now), now=now)


def pass_by(tx: Tx, connection_id: int, *, until: int, now: int) -> list[int]:
    """Lets a step of what has had no first pass wait until the pause is over; returns the job of each."""
    fresh = tx.all(_TO_PASS, of_connection=connection_id)
    if fresh:
        tx.run(_WAIT, ids=sorted(row.id for row in fresh), new_code=outcomes.PAUSED, until=until, now=now)
    return [row.job_id for row in fresh]


def pass_in_queue(tx: Tx, connection_id: int, *, code: str) -> list[int]:
    """Gives a step of what is queued its first pass without a try; it stays there. Returns the job of each."""
    fresh = tx.all(_TO_PASS, of_connection=connection_id)
    if fresh:
        tx.run(_PASS_IN_QUEUE, ids=sorted(row.id for row in fresh), new_code=code)
    return [row.job_id for row in fresh]


def clear_failures(tx: Tx, connection_id: int, *, now: int) -> None:
    """It works: what it failed before is forgotten, and a pause that has not ended yet is over."""
    tx.run(_WELL_AGAIN, of_connection=connection_id, now=now)
    incidents.works(tx, connection_id, now)


def release_connection(tx: Tx, connection_id: int, *, now: int) -> None:
    """Sending goes on, in the original order with the original times."""
    tx.run(_RELEASE, of_connection=connection_id, now=now)
    incidents.released(tx, connection_id, now)
    release_deliveries(tx, connection_id, now=now)


def release_deliveries(tx: Tx, connection_id: int, *, now: int) -> int:
    """A step of what is held is to be sent again; returns how many."""
    held = sorted(row.id for row in tx.all(_TO_RELEASE, of_connection=connection_id))
    return tx.run(_RELEASE_DELIVERIES, ids=held, now=now) if held else 0
