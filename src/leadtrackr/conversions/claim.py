"""Leasing deliveries to a worker, and the housekeeping around it. Every function runs in the caller's transaction."""

from typing import Final

import msgspec
from sqlalchemy import bindparam, exists, func, literal_column, or_, select, update

from leadtrackr.conversions import moot, outcomes, strays
from leadtrackr.conversions.hold import OPEN
from leadtrackr.conversions.model import UNSETTLED, Claimed, ConnectionState, JobState, State
from leadtrackr.conversions.settle import pass_jobs, settle_passed_jobs
from leadtrackr.db.database import Tx
from leadtrackr.db.statement import IdsIn, constant, prepare
from leadtrackr.db.tables import connections, deliveries, idempotency_keys, jobs, leads
from leadtrackr.kit.clock import DAY

CHUNK: Final = 2000
"""Most rows that one step of housekeeping touches, so that no transaction is long."""
_D: Final = deliveries.c
_C: Final = connections.c
_IDS: Final = IdsIn(_D.id, "ids")

_CLAIMABLE: Final = (_D.state == constant(State.QUEUED)) & _D.behind.is_(None)

_READY_CONNECTIONS: Final = prepare(
    select(_C.id)
    .where(
        _C.state == constant(ConnectionState.ACTIVE),
        or_(_C.paused_until.is_(None), _C.paused_until <= bindparam("now")),
        exists(select(literal_column("1")).where(_D.connection_id == _C.id, _CLAIMABLE)),
    )
    .order_by(_C.id)
)
_FROM_LEAD: Final = (
    "email_key",
    "phone_e164",
    "first_name",
    "last_name",
    "company_name",
    "attribution_data",
    "ip_address",
    "user_agent",
)
_FROM_DELIVERY: Final = tuple(
    name for name in Claimed.__struct_fields__ if name not in (*_FROM_LEAD, "lead_created_at")
)
_PICK: Final = prepare(
    select(
        *(_D[name] for name in _FROM_DELIVERY),
        leads.c.created_at.label("lead_created_at"),
        *(leads.c[name] for name in _FROM_LEAD),
    )
    .select_from(deliveries.join(leads, leads.c.id == _D.lead_id))
    .where(_D.connection_id == bindparam("connection_id"), _CLAIMABLE, _D.closes_at > bindparam("now"))
    .order_by(_D.closes_at, _D.id)
    .limit(bindparam("most"))
    .with_for_update(of=deliveries, skip_locked=True)
)
_LEASE: Final = prepare(
    update(deliveries)
    .where(_IDS)
    .values(
        state=State.SENDING.value,
        lease_token=bindparam("token"),
        lease_until=bindparam("until"),
        updated_at=bindparam("now"),
    )
)
_RENEW: Final = prepare(
    update(deliveries)
    .where(_D.lease_token == bindparam("of_token"), _D.state == constant(State.SENDING))
    .values(lease_until=bindparam("until"))
)
_GIVE_BACK: Final = prepare(
    update(deliveries)
    .where(_D.lease_token == bindparam("of_token"), _D.state == constant(State.SENDING), _IDS)
    .values(state=State.QUEUED.value, lease_token=None, lease_until=None, updated_at=bindparam("now"))
)
_DUE: Final = prepare(
    select(_D.id)
    .where(_D.state == constant(State.WAITING), _D.run_at <= bindparam("now"))
    .order_by(_D.run_at)
    .limit(CHUNK)
    .with_for_update(skip_locked=True)
)
_PROMOTE: Final = prepare(update(deliveries).where(_IDS).values(state=State.QUEUED.value, updated_at=bindparam("now")))
_CLOSED: Final = prepare(
    select(_D.id, _D.job_id, _D.passed)
    .where(OPEN, _D.closes_at <= bindparam("now"))
    .order_by(_D.closes_at)
    .limit(CHUNK)
    .with_for_update(skip_locked=True)
)
_EXPIRE: Final = prepare(
    update(deliveries)
    .where(_IDS)
    .values(
        state=State.EXPIRED.value,
        code=outcomes.WINDOW_CLOSED,
        detail=None,
        passed=1,
        behind=None,
        updated_at=bindparam("now"),
        settled_at=bindparam("now"),
    )
)
_DEAD: Final = prepare(
    select(_D.id)
    .where(_D.state == constant(State.SENDING), _D.lease_until <= bindparam("now"))
    .order_by(_D.lease_until)
    .limit(CHUNK)
    .with_for_update(skip_locked=True)
)
_TAKE_OVER: Final = prepare(
    update(deliveries)
    .where(_IDS)
    .values(
        state=State.QUEUED.value,
        code=outcomes.TAKEN_OVER,
        takeovers=_D.takeovers + 1,
        lease_token=None,
        lease_until=None,
        updated_at=bindparam("now"),
    )
)
_ABANDON: Final = prepare(
    update(deliveries).where(_D.state == constant(State.SENDING)).values(lease_until=bindparam("now"))
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
_NEEDED: Final = prepare(
    select(
        exists(
            select(literal_column("1")).where(_D.state == constant(State.WAITING), _D.run_at <= bindparam("now"))
        ).label("due"),
        exists(select(literal_column("1")).where(OPEN, _D.closes_at <= bindparam("now"))).label("closed"),
        exists(
            select(literal_column("1")).where(_D.state == constant(State.SENDING), _D.lease_until <= bindparam("now"))
        ).label("dead"),
        exists(
            select(literal_column("1")).where(
                jobs.c.state == constant(JobState.PENDING), jobs.c.remaining == literal_column("0")
            )
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


class Swept(msgspec.Struct, frozen=True):
    """What one round of housekeeping did."""

    promoted: int
    expired: int
    taken_over: int
    stopped: int
    settled_jobs: int

    @property
    def total(self) -> int:
        """How many rows moved; more may be waiting while it is not 0."""
        return self.promoted + self.expired + self.taken_over + self.stopped + self.settled_jobs


def ready_connections(tx: Tx) -> list[int]:
    """The active connections that have something to send now."""
    return [row.id for row in tx.all(_READY_CONNECTIONS, now=tx.now())]


def lease(tx: Tx, connection_id: int, *, token: str, most: int, lease_us: int) -> list[Claimed]:
    """Leases up to `most` deliveries of a connection, those whose window closes first at the front."""
    now = tx.now()
    picked = [Claimed(**row._asdict()) for row in tx.all(_PICK, connection_id=connection_id, most=most, now=now)]
    picked = moot.drop(tx, picked, now)
    if picked:
        tx.run(_LEASE, ids=sorted(one.id for one in picked), token=token, until=now + lease_us, now=now)
    return picked


def renew(tx: Tx, token: str, lease_us: int) -> int:
    """Makes a lease longer; returns how many deliveries are still held under the token."""
    return tx.run(_RENEW, of_token=token, until=tx.now() + lease_us)


def give_back(tx: Tx, token: str, ids: list[int]) -> int:
    """Puts leased deliveries that were not sent back into the queue, no attempt burnt."""
    return tx.run(_GIVE_BACK, of_token=token, ids=sorted(ids), now=tx.now())


def abandon_leases(tx: Tx) -> int:
    """Ends every lease: for a worker that knows that it is the only one, at its start. The next sweep takes over."""
    return tx.run(_ABANDON, now=tx.now())


def housekeeping_needed(tx: Tx) -> bool:
    """Whether `sweep` would find something; a read, so that an idle worker writes nothing."""
    row = tx.first(_NEEDED, now=tx.now())
    return row is not None and any(row)


def sweep(tx: Tx) -> Swept:
    """One round: what is due is queued, dead workers' leases end, what is too late expires, passed jobs settle."""
    now = tx.now()
    due = [row.id for row in tx.all(_DUE, now=now)]
    if due:
        tx.run(_PROMOTE, ids=sorted(due), now=now)
    dead = [row.id for row in tx.all(_DEAD, now=now)]
    if dead:
        tx.run(_TAKE_OVER, ids=sorted(dead), now=now)
    closed = tx.all(_CLOSED, now=now)
    expired = sorted(row.id for row in closed)
    if closed:
        tx.run(_EXPIRE, ids=expired, now=now)
    stopped, passed = strays.stop(tx, now)
    passed += [row.job_id for row in closed if not row.passed]
    settled = pass_jobs(tx, passed, settled=expired, now=now)
    return Swept(len(due), len(closed), len(dead), stopped, settled + settle_passed_jobs(tx, now))


def mend(tx: Tx) -> None:
    """What is done once in a while: what is held or stands behind another without reason goes on, old keys go."""
    strays.free(tx, tx.now())
    stale = [row.id for row in tx.all(_STALE)]
    if stale:
        tx.run(_UNBLOCK, ids=sorted(stale))
    tx.run(_FORGET_KEYS, before=tx.now() - DAY)


class Backlog(msgspec.Struct, frozen=True):
    """How many deliveries of a destination stand in a state; `oldest_at` is when the oldest was made."""

    destination: str
    state: str
    count: int
    oldest_at: int | None


def backlog(tx: Tx) -> list[Backlog]:
    """What is not settled, for metrics and for people."""
    return [Backlog(row.destination, row.state, int(row.n), row.oldest) for row in tx.all(_BACKLOG)]
