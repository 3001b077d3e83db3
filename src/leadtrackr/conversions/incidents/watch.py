"""Incidents that time alone brings: tokens about to end, deliveries about to expire. Part of the worker's housekeeping.

Every statement finds and writes at once, and writes nothing where nothing has changed.
"""

from typing import Any, Final

from sqlalchemy import BigInteger, Text, and_, bindparam, case, cast, exists, func, literal_column, or_, select, update

from leadtrackr.conversions.hold import OPEN_UNTIL
from leadtrackr.conversions.incidents.changes import SAME_END, is_open, opening
from leadtrackr.conversions.incidents.model import CLOSES_WITHIN, TOKEN_ENDS_WITHIN, IncidentKind
from leadtrackr.conversions.model import ConnectionState
from leadtrackr.db.database import Tx
from leadtrackr.db.statement import constant, prepare
from leadtrackr.db.tables import connections, deliveries, incidents

_C: Final = connections.c
_D: Final = deliveries.c
_I: Final = incidents.c
_NOW: Final = cast(bindparam("now"), BigInteger)
_SOON: Final = cast(bindparam("soon"), BigInteger)
_NO_WORDS: Final = cast(literal_column("NULL"), Text)

_STUCK: Final = or_(_C.state == constant(ConnectionState.HELD), is_open(IncidentKind.FAILING))
"""Nobody knows when it goes on."""
_UNTIL: Final = case((or_(_STUCK, _C.paused_until > _SOON), _SOON), else_=_C.paused_until)
"""What closes until then is in danger; a pause has a known end, and harms only what closes within it."""
# The last condition follows from the one before, which PostgreSQL cannot know: else it may read all that is open.
_IN_DANGER: Final = and_(_D.connection_id == _C.id, OPEN_UNTIL, _D.closes_at <= _UNTIL, _D.closes_at <= _SOON)
_THREATENED: Final = and_(
    or_(_STUCK, _C.paused_until > _NOW),
    exists(select(literal_column("1")).where(_IN_DANGER).correlate(connections)),
)


def _over(kind: IncidentKind, condition: Any) -> Any:
    return prepare(
        update(incidents)
        .where(_I.kind == constant(kind.value), _I.recovered_at.is_(None), condition)
        .values(recovered_at=bindparam("now"))
    )


_CLOSING: Final = prepare(
    opening(
        select(
            _C.project_id,
            _C.id,
            constant(IncidentKind.CLOSING.value),
            func.coalesce(_C.hold_code, _C.pause_code),
            _NO_WORDS,
            _NOW,
            select(func.min(_D.closes_at)).where(_IN_DANGER).correlate(connections).scalar_subquery(),
            _NOW,
        )
        .where(_THREATENED, ~is_open(IncidentKind.CLOSING))
        .order_by(_C.id)
    )
)
_CLOSING_OVER: Final = _over(
    IncidentKind.CLOSING, ~exists(select(literal_column("1")).where(_C.id == _I.connection_id, _THREATENED))
)
_TOKENS: Final = prepare(
    opening(
        select(
            _C.project_id,
            _C.id,
            constant(IncidentKind.TOKEN_EXPIRING.value),
            _NO_WORDS,
            _NO_WORDS,
            _NOW,
            _C.token_ends_at,
            _NOW,
        )
        .where(_C.token_ends_at.is_not(None), _C.token_ends_at <= _SOON, ~is_open(IncidentKind.TOKEN_EXPIRING))
        .order_by(_C.id)
    )
)
_TOKENS_OVER: Final = _over(IncidentKind.TOKEN_EXPIRING, ~SAME_END)


def look(tx: Tx) -> None:
    """Opens and recovers what the time has brought."""
    now = tx.now()
    tx.run(_TOKENS_OVER, now=now)
    tx.run(_TOKENS, now=now, soon=now + TOKEN_ENDS_WITHIN)
    tx.run(_CLOSING_OVER, now=now, soon=now + CLOSES_WITHIN)
    tx.run(_CLOSING, now=now, soon=now + CLOSES_WITHIN)
