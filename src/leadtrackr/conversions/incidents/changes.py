"""Incidents that a change opens or recovers: written in the transaction of the change itself.

Asking twice does it once. That no connection has two open incidents of a kind is a unique index, not a check in code,
so it holds however many processes see the fault at once.
"""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import BigInteger, Insert, Select, Text, bindparam, cast, exists, func, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert

from leadtrackr.conversions import outcomes
from leadtrackr.conversions.incidents.model import FAILED_FOR, FAILED_TIMES, IncidentKind
from leadtrackr.db.database import Tx
from leadtrackr.db.statement import IdsIn, Prepared, constant, prepare
from leadtrackr.db.tables import connections, deliveries, incidents
from leadtrackr.destinations.contract import Outcome

_C: Final = connections.c
_D: Final = deliveries.c
_I: Final = incidents.c
_ITS: Final = incidents.alias("its").c
_NOW: Final = cast(bindparam("now"), BigInteger)
_CODE: Final = cast(bindparam("new_code"), Text)
_DETAIL: Final = cast(bindparam("new_detail"), Text)
_COLUMNS: Final = ("project_id", "connection_id", "kind", "code", "detail", "since_at", "ends_at", "opened_at")
NOTHING: Final = cast(literal_column("NULL"), BigInteger)


def opening(found: Select[Any]) -> Insert:
    """Opens an incident for each row: project, connection, kind, code, detail, since, end and now."""
    return (
        insert(incidents)
        .from_select(_COLUMNS, found)
        .on_conflict_do_nothing(index_elements=["connection_id", "kind"], index_where=_I.recovered_at.is_(None))
    )


def is_open(kind: IncidentKind) -> Any:
    """Whether a connection has an open incident of this kind."""
    return exists(
        select(literal_column("1"))
        .where(_ITS.connection_id == _C.id, _ITS.kind == constant(kind.value), _ITS.recovered_at.is_(None))
        # Spelt out: it is asked from two levels down as well.
        .correlate(connections)
    )


def _recover(kind: IncidentKind, *more: Any) -> Prepared:
    return prepare(
        update(incidents)
        .where(
            _I.connection_id == bindparam("of_connection"),
            _I.kind == constant(kind.value),
            _I.recovered_at.is_(None),
            *more,
        )
        .values(recovered_at=bindparam("now"))
    )


_STOPPED: Final = prepare(
    opening(
        select(_C.project_id, _C.id, constant(IncidentKind.STOPPED.value), _CODE, _DETAIL, _NOW, NOTHING, _NOW).where(
            _C.id == bindparam("of_connection")
        )
    )
)
_FAILED: Final = prepare(
    opening(
        select(
            _C.project_id,
            _C.id,
            constant(IncidentKind.FAILING.value),
            _CODE,
            _DETAIL,
            _C.failing_since,
            NOTHING,
            _NOW,
        ).where(
            _C.id == bindparam("of_connection"),
            _C.failures >= literal_column(str(FAILED_TIMES)),
            _C.failing_since <= bindparam("before"),
        )
    )
)
_RELEASED: Final = _recover(IncidentKind.STOPPED)
_WORKS: Final = _recover(IncidentKind.FAILING)
SAME_END: Final = exists(select(literal_column("1")).where(_C.id == _I.connection_id, _C.token_ends_at == _I.ends_at))
_RENEWED: Final = _recover(IncidentKind.TOKEN_EXPIRING, ~SAME_END)
_MENDED: Final = prepare(
    select(_I.id)
    .join(connections, (_C.id == _I.connection_id) & (_C.project_id == _I.project_id))
    .where(
        _C.id == bindparam("connection_id"),
        _I.kind == constant(IncidentKind.STOPPED.value),
        _I.recovered_at >= bindparam("since"),
    )
    .limit(1)
)
_CONNECTIONS_OF: Final = prepare(
    select(_D.connection_id, func.count().label("n"))
    .where(IdsIn(_D.id, "ids"))
    .group_by(_D.connection_id)
    .order_by(_D.connection_id)
)
_LOST: Final = prepare(
    update(incidents)
    .where(
        _I.connection_id == bindparam("of_connection"),
        _I.kind == constant(IncidentKind.CLOSING.value),
        _I.recovered_at.is_(None),
    )
    .values(lost=_I.lost + bindparam("more"))
)


def stopped(tx: Tx, connection_id: int, outcome: Outcome, now: int) -> None:
    """A connection was held. Not an incident when a person chose to."""
    if outcome.code != outcomes.PAUSED_BY_PERSON:
        detail = outcome.detail or None
        tx.run(_STOPPED, of_connection=connection_id, new_code=outcome.code, new_detail=detail, now=now)


def released(tx: Tx, connection_id: int, now: int) -> None:
    """A person has mended what held the connection."""
    tx.run(_RELEASED, of_connection=connection_id, now=now)


def mended_since(tx: Tx, connection_id: int, at: int) -> bool:
    """Whether a person has mended what stopped a connection, then or later (microseconds UTC)."""
    return tx.first(_MENDED, connection_id=connection_id, since=at) is not None


def failed(tx: Tx, connection_id: int, outcome: Outcome, now: int) -> None:
    """The platform failed as a whole, and it has been noted: an incident once that has lasted."""
    tx.run(
        _FAILED,
        of_connection=connection_id,
        new_code=outcome.code,
        new_detail=outcome.detail or None,
        before=now - FAILED_FOR,
        now=now,
    )


def works(tx: Tx, connection_id: int, now: int) -> None:
    """The platform took something. Asked of the incident and not of the count, which a release sets back."""
    tx.run(_WORKS, of_connection=connection_id, now=now)


def renewed(tx: Tx, connection_id: int, now: int) -> None:
    """The connection was made again: a warning of a token's end is over if it is another end now, or none."""
    tx.run(_RENEWED, of_connection=connection_id, now=now)


def lost(tx: Tx, delivery_ids: Sequence[int]) -> None:
    """These deliveries expired: counted where that was foreseen, so that its end does not look like a rescue."""
    if delivery_ids:
        for row in tx.all(_CONNECTIONS_OF, ids=sorted(delivery_ids)):
            tx.run(_LOST, of_connection=row.connection_id, more=int(row.n))
