"""Deliveries that do not fit the state of their connection, put right. Runs in the caller's transaction.

A connection is stopped and released in one transaction, which moves the first of its deliveries: the others are moved
here, step by step. What another one does at that moment may miss it, too: a rating that was planned before and commits
after, a dead worker's lease that ends, an outcome that comes late. Such a delivery must neither keep its lead pending
nor stay held for ever.
"""

from typing import Final

from sqlalchemy import ColumnElement, bindparam, exists, literal_column, or_, select

from leadtrackr.conversions import hold, outcomes
from leadtrackr.conversions.hold import FRESH, OPEN
from leadtrackr.conversions.model import ConnectionState, State
from leadtrackr.db.database import Tx
from leadtrackr.db.statement import Prepared, constant, prepare
from leadtrackr.db.tables import connections, deliveries

_D: Final = deliveries.c
_C: Final = connections.c


def _with(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists(select(literal_column("1")).where(_D.connection_id == _C.id, condition))


_HELD: Final = (_C.state == constant(ConnectionState.HELD)) & or_(
    *(_with(OPEN & (_D.state == constant(state))) for state in (State.QUEUED, State.WAITING))
)
_PAUSED: Final = (_C.state == constant(ConnectionState.ACTIVE)) & (_C.paused_until > bindparam("now")) & _with(FRESH)
_RELEASED: Final = (_C.state == constant(ConnectionState.ACTIVE)) & _with(OPEN & (_D.state == constant(State.HELD)))


def _find(condition: ColumnElement[bool]) -> Prepared:
    """Locks the connections, so that none is stopped or released until this transaction ends."""
    return prepare(
        select(_C.id, _C.hold_code, _C.paused_until)
        .where(condition)
        .order_by(_C.id)
        .with_for_update(skip_locked=True, key_share=True)
    )


THERE_ARE: Final = exists(select(literal_column("1")).select_from(connections).where(_HELD | _PAUSED | _RELEASED))
"""Whether `stop` or `free` would find something; takes `now`."""
_FIND_HELD: Final = _find(_HELD)
_FIND_PAUSED: Final = _find(_PAUSED)
_FIND_RELEASED: Final = _find(_RELEASED)


def stop(tx: Tx, now: int) -> tuple[int, list[int]]:
    """Stops a step of what is to be sent on stopped connections; how many, and the jobs that it passed."""
    stopped, passed = 0, list[int]()
    for row in tx.all(_FIND_HELD):
        if stopped >= hold.CHUNK:
            break
        count, jobs = hold.hold_deliveries(tx, row.id, code=row.hold_code or outcomes.HELD, now=now)
        stopped, passed = stopped + count, passed + jobs
    for row in tx.all(_FIND_PAUSED, now=now):
        if stopped >= hold.CHUNK:
            break
        jobs = hold.pass_by(tx, row.id, until=row.paused_until, now=now)
        stopped, passed = stopped + len(jobs), passed + jobs
    return stopped, passed


def free(tx: Tx, now: int) -> int:
    """A step of what is held though its connection is not goes on; returns how many."""
    freed = 0
    for row in tx.all(_FIND_RELEASED):
        freed += hold.release_deliveries(tx, row.id, now=now)
        if freed >= hold.CHUNK // 2:
            break
    return freed
