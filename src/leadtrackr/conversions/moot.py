"""Take-backs with nothing to take back, and conversions that were taken back. Runs in the caller's transaction.

What a platform makes of a conversion may come to light only after its lead was rated otherwise.
"""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import bindparam, select, update

from leadtrackr.conversions import outcomes
from leadtrackr.conversions.model import DELIVERED, UNSETTLED, Claimed, DeliveryKind, State
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


def drop(tx: Tx, picked: Sequence[Claimed], now: int) -> list[Claimed]:
    """What is left to send. Where the platform never took the conversion there is nothing to take back.

    A restatement is sent all the same: it is the whole conversion, and the lead still has its label.
    """
    backs = [one for one in picked if one.kind == DeliveryKind.RETRACTION and one.takes_back is not None]
    if not backs:
        return list(picked)
    originals = sorted({one.takes_back for one in backs if one.takes_back is not None})
    there = {row.id for which in (_THERE, _THERE_BY_RESTATEMENT) for row in tx.all(which, ids=originals)}
    moot = [one for one in backs if one.takes_back not in there]
    if moot:
        ids = sorted(one.id for one in moot)
        tx.run(_DROP, ids=ids, now=now)
        pass_jobs(tx, [one.job_id for one in moot if not one.passed], settled=ids, now=now)
    dropped = {one.id for one in moot}
    return [one for one in picked if one.id not in dropped]


def taken_back(tx: Tx, ids: Sequence[int]) -> set[int]:
    """Which of these conversions were restated or taken back since: they must not be sent again as they were."""
    return {row.takes_back for row in tx.all(_TAKEN_BACK, ids=sorted(ids))} if ids else set()
