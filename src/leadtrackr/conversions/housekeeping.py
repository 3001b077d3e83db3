"""What moves by time alone: retries that are due, dead workers' leases, closed windows. In the caller's transaction."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, bindparam, delete, exists, func, literal_column, select, update

from leadtrackr.conversions import attempts, outcomes, rates, strays
from leadtrackr.conversions.hold import AT_ITS_CONNECTION, CHUNK, OPEN, OPEN_UNTIL
from leadtrackr.conversions.incidents import changes as incidents
from leadtrackr.conversions.incidents import watch
from leadtrackr.conversions.linking import queries as sign_ins
from leadtrackr.conversions.lots import DEATHS
from leadtrackr.conversions.model import UNSETTLED, JobState, State
from leadtrackr.conversions.settle import close_up, pass_jobs, settle_passed_jobs
from leadtrackr.db.database import Tx
from leadtrackr.db.statement import IdsIn, constant, prepare
from leadtrackr.db.tables import connections, deliveries, idempotency_keys, jobs, leases
from leadtrackr.destinations.contract import Kind, Outcome
from leadtrackr.kit.clock import DAY

DEAD_LEASES: Final = 2
"""Most leases that one step takes over."""
_D: Final = deliveries.c
_L: Final = leases.c
_IDS: Final = IdsIn(_D.id, "ids")

_DUE: Final = prepare(
    select(_D.id)
    .where(_D.state == constant(State.WAITING), _D.run_at <= bindparam("now"))
    .order_by(_D.run_at)
    .limit(CHUNK)
    .with_for_update(skip_locked=True)
)
_PROMOTE: Final = prepare(update(deliveries).where(_IDS).values(state=State.QUEUED.value, updated_at=bindparam("now")))
# By connection, as the index over what is not settled begins with it.
_IS_CLOSED: Final = AT_ITS_CONNECTION & OPEN_UNTIL & (_D.closes_at <= bindparam("now"))
_CLOSED: Final = prepare(
    select(_D.id, _D.job_id, _D.passed, _D.behind)
    .select_from(connections.join(deliveries, _IS_CLOSED))
    .limit(CHUNK)
    .with_for_update(of=deliveries, skip_locked=True)
)
_SETTLED_NOW: Final[dict[str, Any]] = {
    "passed": 1,
    "behind": None,
    "updated_at": bindparam("now"),
    "settled_at": bindparam("now"),
}
_EXPIRE: Final = prepare(
    update(deliveries)
    .where(_IDS)
    .values(state=State.EXPIRED.value, code=outcomes.WINDOW_CLOSED, detail=None, **_SETTLED_NOW)
)
_IS_DEAD: Final = _L.until <= bindparam("now")
_DEAD: Final = prepare(
    select(_L.token, _L.deliveries)
    .where(_IS_DEAD)
    .order_by(_L.until, _L.token)
    .limit(DEAD_LEASES)
    .with_for_update(skip_locked=True)
)
_LEFT_BEHIND: Final = prepare(
    select(_D.id, _D.job_id, _D.passed, _D.deaths, _D.tries, _D.updated_at)
    .where(_IDS, _D.lease_token == bindparam("of_token"), _D.state == constant(State.SENDING))
    .order_by(_D.id)
    .with_for_update()
)
_UNSAID: Final = Outcome(kind=Kind.UNKNOWN, code=outcomes.TAKEN_OVER)
_TAKE_OVER: Final = prepare(
    update(deliveries)
    .where(_IDS)
    .values(
        state=State.QUEUED.value,
        code=outcomes.TAKEN_OVER,
        deaths=_D.deaths + 1,
        lease_token=None,
        updated_at=bindparam("now"),
    )
)
_POISON: Final = prepare(
    update(deliveries)
    .where(_IDS)
    .values(
        state=State.REJECTED.value,
        code=outcomes.POISON,
        detail=None,
        deaths=_D.deaths + 1,
        lease_token=None,
        **_SETTLED_NOW,
    )
)
_END: Final = prepare(delete(leases).where(_L.token == bindparam("of_token")))
_ABANDON: Final = prepare(update(leases).values(until=bindparam("now")))
_ABANDON_RENEWALS: Final = prepare(
    update(connections).where(connections.c.renewing_until.is_not(None)).values(renewing_until=None)
)
_AHEAD = deliveries.alias("ahead")
_STALE: Final = prepare(
    select(_D.id)
    .join(_AHEAD, _AHEAD.c.id == _D.behind)
    .where(
        _D.behind.is_not(None),
        _AHEAD.c.state.not_in([constant(state) for state in sorted(UNSETTLED)]),
    )
    .limit(CHUNK)
)
_UNBLOCK: Final = prepare(update(deliveries).where(_IDS).values(behind=None))
_FORGET_KEYS: Final = prepare(idempotency_keys.delete().where(idempotency_keys.c.created_at < bindparam("before")))
_ONE: Final[ColumnElement[int]] = literal_column("1")
_NEEDED: Final = prepare(
    select(
        exists(select(_ONE).where(_D.state == constant(State.WAITING), _D.run_at <= bindparam("now"))).label("due"),
        exists(select(_ONE).select_from(connections.join(deliveries, _IS_CLOSED))).label("closed"),
        exists(select(_ONE).where(_IS_DEAD)).label("dead"),
        exists(
            select(_ONE).where(jobs.c.state == constant(JobState.PENDING), jobs.c.remaining == literal_column("0"))
        ).label("passed"),
        strays.THERE_ARE.label("strays"),
    )
)
_BACKLOG: Final = prepare(
    select(
        _D.destination,
        _D.state,
        func.count().label("n"),
        func.min(_D.created_at).label("oldest"),
    )
    .where(OPEN)
    .group_by(_D.destination, _D.state)
)
_LEASED: Final = prepare(select(_L.deliveries))
_SENDING: Final = prepare(
    select(
        _D.destination,
        _D.state,
        func.count().label("n"),
        func.min(_D.created_at).label("oldest"),
    )
    .where(_IDS, _D.state == constant(State.SENDING))
    .group_by(_D.destination, _D.state)
)
_ids: Final = msgspec.json.Decoder(list[int])


class Swept(msgspec.Struct, frozen=True):
    """What one round of housekeeping did."""

    promoted: int
    expired: int
    taken_over: int
    """Deliveries that a dead worker had left behind, those that were quarantined among them."""
    poisoned: int
    ended_leases: int
    stopped: int
    freed: int
    settled_jobs: int

    @property
    def total(self) -> int:
        """How many rows moved; more may be waiting while it is not 0."""
        return sum(getattr(self, name) for name in self.__struct_fields__)


class _TakenOver(msgspec.Struct, frozen=True):
    leases: int
    rows: tuple[Any, ...]
    poison: tuple[Any, ...]


def abandon_leases(tx: Tx) -> int:
    """Ends every lease: for a worker that knows that it is the only one, at its start. The next sweep takes over."""
    tx.run(_ABANDON_RENEWALS)
    return tx.run(_ABANDON, now=tx.now())


def housekeeping_needed(tx: Tx) -> bool:
    """Whether `sweep` would find something; a read, so that an idle worker writes nothing."""
    row = tx.first(_NEEDED, now=tx.now())
    return row is not None and any(row)


def sweep(tx: Tx) -> Swept:
    """One round: what is due is queued, dead workers' leases end, what is too late expires, passed jobs settle.

    What a stopped or released connection has left moves after it.
    """
    now = tx.now()
    # First, before any delivery is locked: a dead worker's are waited for.
    dead = _take_over(tx, now)
    freed = strays.free(tx, now)
    due = [row.id for row in tx.all(_DUE, now=now)]
    if due:
        tx.run(_PROMOTE, ids=sorted(due), now=now)
    closed = tx.all(_CLOSED, now=now)
    expired = sorted(row.id for row in closed)
    if closed:
        close_up(tx, {row.id: row.behind for row in closed})
        tx.run(_EXPIRE, ids=expired, now=now)
        incidents.lost(tx, expired)
    stopped, passed = strays.stop(tx, now)
    over = [*closed, *dead.poison]
    passed += [row.job_id for row in over if not row.passed]
    settled = pass_jobs(tx, passed, settled=[row.id for row in over], now=now)
    settled += settle_passed_jobs(tx, now)
    return Swept(len(due), len(closed), len(dead.rows), len(dead.poison), dead.leases, stopped, freed, settled)


def _take_over(tx: Tx, now: int) -> _TakenOver:
    """Ends leases that have run out. What was under them is queued again, but for what has been there too often.

    Whether it was sent nobody knows, so an attempt says that: no try of a delivery is without one.
    """
    rows: list[Any] = []
    poison: list[Any] = []
    dead = tx.all(_DEAD, now=now)
    for one in dead:
        left = tx.all(_LEFT_BEHIND, ids=_ids.decode(one.deliveries), of_token=one.token)
        _write_attempts(tx, left, now)
        worst = [row for row in left if row.deaths + 1 >= DEATHS]
        _move(tx, _POISON, worst, now)
        _move(tx, _TAKE_OVER, [row for row in left if row.deaths + 1 < DEATHS], now)
        tx.run(_END, of_token=one.token)
        rows += left
        poison += worst
    return _TakenOver(len(dead), tuple(rows), tuple(poison))


def _write_attempts(tx: Tx, left: Sequence[Any], now: int) -> None:
    """Of what was leased together, by those that have been tried as often."""
    numbers: dict[int, list[tuple[int, str]]] = {}
    for row in left:
        numbers.setdefault(row.tries + 1, []).append((row.id, ""))
    for number, rows in numbers.items():
        attempts.write(tx, rows, _UNSAID, number=number, started_at=left[0].updated_at, ended_at=now)


def _move(tx: Tx, statement: Any, rows: Sequence[Any], now: int) -> None:
    if rows:
        tx.run(statement, ids=[row.id for row in rows], now=now)


def mend(tx: Tx) -> None:
    """What is done once in a while: what is behind another without reason goes on, incidents are looked for."""
    watch.look(tx)
    stale = [row.id for row in tx.all(_STALE)]
    if stale:
        tx.run(_UNBLOCK, ids=sorted(stale))
    rates.forget(tx, tx.now())
    tx.run(_FORGET_KEYS, before=tx.now() - DAY)
    sign_ins.forget_old(tx)


class Backlog(msgspec.Struct, frozen=True):
    """How many deliveries of a destination stand in a state; `oldest_at` is when the oldest was made."""

    destination: str
    state: str
    count: int
    oldest_at: int | None


def backlog(tx: Tx) -> list[Backlog]:
    """What is not settled, for metrics and for people.

    What is being sent is found by the leases that it is under: no index leads to it, and it is never much.
    """
    leased = sorted({one for lease in tx.all(_LEASED) for one in _ids.decode(lease.deliveries)})
    rows = [*tx.all(_BACKLOG), *(tx.all(_SENDING, ids=leased) if leased else ())]
    return [Backlog(row.destination, row.state, int(row.n), row.oldest) for row in rows]
