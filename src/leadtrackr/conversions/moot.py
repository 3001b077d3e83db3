"""Take-backs with nothing to take back, and conversions that were taken back. Runs in the caller's transaction.

What a platform makes of a conversion may come to light only after its lead was rated otherwise.
"""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import bindparam, select, update

from leadtrackr.conversions import outcomes
from leadtrackr.conversions.model import DELIVERED, UNSETTLED, DeliveryKind, State
from leadtrackr.conversions.settle import pass_jobs
from leadtrackr.db.database import Tx
from leadtrackr.db.statement import IdsIn, constant, prepare
from leadtrackr.db.tables import deliveries

_D: Final = deliveries.c
_TAKEN: Final = _D.state.in_([constant(state) for state in sorted(DELIVERED)])
_THERE: Final = prepare(select(_D.id).where(IdsIn(_D.id, "ids"), _TAKEN))
_THERE_BY_RESTATEMENT: Final = prepare(
    select(_D.takes_back.label("id")).where(
        _D.takes_back.is_not(None),
        IdsIn(_D.takes_back, "ids"),
        _D.kind == constant(DeliveryKind.RESTATEMENT),
        _TAKEN,
    )
)
_RETRACTIONS: Final = prepare(
    select(_D.id, _D.job_id, _D.passed, _D.takes_back)
    .where(IdsIn(_D.id, "ids"), _D.kind == constant(DeliveryKind.RETRACTION), _D.takes_back.is_not(None))
    .order_by(_D.id)
)
_DROP: Final = prepare(
    update(deliveries)
    .where(IdsIn(_D.id, "ids"))
    .values(
        state=State.CANCELLED.value,
        code=outcomes.NOTHING_TO_TAKE_BACK,
        detail=None,
        passed=1,
        updated_at=bindparam("now"),
        settled_at=bindparam("now"),
    )
)
_TAKEN_BACK: Final = prepare(
    select(_D.takes_back)
    .where(
        _D.takes_back.is_not(None),
        IdsIn(_D.takes_back, "ids"),
        _D.state.in_([constant(state) for state in sorted(UNSETTLED | DELIVERED)]),
    )
    .distinct()
)


def drop(tx: Tx, ids: Sequence[int], now: int) -> set[int]:
    """Cancels the take-backs among queued deliveries whose conversion the platform never took; returns their ids.

    A restatement is sent all the same: it is the whole conversion, and the lead still has its label.
    """
    backs = tx.all(_RETRACTIONS, ids=sorted(ids)) if ids else []
    if not backs:
        return set()
    originals = sorted({row.takes_back for row in backs})
    there = {row.id for which in (_THERE, _THERE_BY_RESTATEMENT) for row in tx.all(which, ids=originals)}
    moot = [row for row in backs if row.takes_back not in there]
    dropped = [row.id for row in moot]
    if moot:
        tx.run(_DROP, ids=dropped, now=now)
        pass_jobs(tx, [row.job_id for row in moot if not row.passed], settled=dropped, now=now)
    return set(dropped)


def taken_back(tx: Tx, ids: Sequence[int]) -> set[int]:
    """Which of these conversions were restated or taken back since: they must not be sent again as they were."""
    return {row.takes_back for row in tx.all(_TAKEN_BACK, ids=sorted(ids))} if ids else set()
