"""First passes and the settling of jobs: when a lead leaves `pending`. Runs in the caller's transaction.

A lead shows as pending by its job alone, so the lead's row is never written here.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import bindparam, func, literal_column, select, update

from leadtrackr.conversions import outcomes
from leadtrackr.conversions.model import UNSETTLED, JobState, State
from leadtrackr.db.database import Tx
from leadtrackr.db.statement import IdsIn, constant, counted, prepare
from leadtrackr.db.tables import deliveries, jobs

_D: Final = deliveries.c
_J: Final = jobs.c

_FOLLOWERS: Final = prepare(
    select(_D.id, _D.job_id, _D.passed)
    .where(_D.behind.is_not(None), IdsIn(_D.behind, "ids"))
    .order_by(_D.id)
    # Locked, so that two transactions that pass the same delivery do not both count it.
    .with_for_update()
)
_PASS_FOLLOWERS: Final = prepare(update(deliveries).where(IdsIn(_D.id, "ids"), _D.passed == 0).values(passed=1))
_FREE_FOLLOWERS: Final = prepare(
    update(deliveries)
    .where(_D.behind.is_not(None), IdsIn(_D.behind, "ids"))
    .values(behind=None, code=func.nullif(_D.code, constant(outcomes.BEHIND)))
)
_RELINK: Final = prepare(
    update(deliveries).where(_D.behind == bindparam("of_delivery")).values(behind=bindparam("new_behind"))
)
_HEADS: Final = prepare(
    select(_D.id, _D.lead_id, _D.state)
    .where(
        IdsIn(_D.lead_id, "lead_ids"),
        _D.connection_id == bindparam("of_connection"),
        _D.behind.is_(None),
        _D.state.in_([constant(state) for state in sorted(UNSETTLED)]),
    )
    .order_by(_D.id)
    .with_for_update()
)
_STAND: Final = prepare(
    update(deliveries)
    .where(_D.id == bindparam("of_delivery"))
    .values(behind=bindparam("new_behind"), code=func.coalesce(_D.code, constant(outcomes.BEHIND)))
)
_PENDING: Final = _J.state == constant(JobState.PENDING)
# Two workers may record for the same jobs at once: both take them in one order, so neither waits for the other.
_LOCK: Final = counted(select(_J.id).where(IdsIn(_J.id, "ids")).order_by(_J.id).with_for_update())
_SETTLE_LAST: Final = prepare(
    update(jobs)
    .where(IdsIn(_J.id, "ids"), _PENDING, _J.remaining == bindparam("passes"))
    .values(remaining=0, state=JobState.SETTLED.value, settled_at=bindparam("now"))
)
_COUNT_DOWN: Final = prepare(
    update(jobs).where(IdsIn(_J.id, "ids"), _PENDING).values(remaining=_J.remaining - bindparam("passes"))
)
_PASSED: Final = prepare(
    select(_J.id)
    .where(_PENDING, _J.remaining == literal_column("0"))
    .order_by(_J.id)
    .limit(2000)
    .with_for_update(skip_locked=True)
)
_SETTLE: Final = prepare(
    update(jobs)
    .where(IdsIn(_J.id, "ids"))
    .values(remaining=0, state=JobState.SETTLED.value, settled_at=bindparam("now"))
)


def close_up(tx: Tx, leaving: Mapping[int, int | None]) -> None:
    """Closes the gaps that deliveries leave in their lines: what stood behind one of them stands behind the one before.

    `leaving`: those that are settled out of turn, before they are written, with what each stands behind.
    """
    for delivery_id, place in sorted(leaving.items()):
        while place is not None and place in leaving:
            place = leaving[place]
        if place is not None:
            tx.run(_RELINK, of_delivery=delivery_id, new_behind=place)


def cut_in(tx: Tx, connection_id: int, returning: Mapping[int, int], now: int) -> None:
    """Puts deliveries that were settled, and are not any more, at the front of their lines: the others follow them.

    `returning`: their leads, by their own ids, after they are written. One that is being sent at this moment stays
    before them.
    """
    heads = {
        row.lead_id: row
        for row in _heads(tx, connection_id, sorted(set(returning.values())))
        if row.id not in returning
    }
    last: dict[int, int] = {lead: row.id for lead, row in heads.items() if row.state == State.SENDING}
    stands: dict[int, int] = {}
    for delivery_id, lead in sorted(returning.items()):
        if lead in last:
            stands[delivery_id] = last[lead]
        last[lead] = delivery_id
    for lead, head in heads.items():
        if head.state == State.SENDING:
            tx.run(_RELINK, of_delivery=head.id, new_behind=last[lead])
        else:
            stands[head.id] = last[lead]
    if stands:
        tx.many(_STAND, [{"of_delivery": one, "new_behind": place} for one, place in sorted(stands.items())])
    pass_jobs(tx, (), stuck=sorted(returning), now=now)


def _heads(tx: Tx, connection_id: int, lead_ids: list[int]) -> list[Any]:
    """Who stands first in each line. Asked again until it stays: one that was waited for may have left its place."""
    before, found = None, tx.all(_HEADS, lead_ids=lead_ids, of_connection=connection_id)
    while found != before:
        before, found = found, tx.all(_HEADS, lead_ids=lead_ids, of_connection=connection_id)
    return found


def pass_jobs(
    tx: Tx, job_ids: Sequence[int], *, settled: Sequence[int] = (), stuck: Sequence[int] = (), now: int
) -> int:
    """Counts first passes and settles the jobs that have had all of theirs; returns how many jobs were settled.

    `job_ids` names a job once for each of its deliveries that has just had its first pass. Deliveries behind `settled`
    ones become free; those behind `stuck` ones (waiting or held) count as passed, all the way down the line.
    """
    passes = Counter(job_ids)
    if settled:
        tx.run(_FREE_FOLLOWERS, ids=sorted(settled))
    line = list(stuck)
    while line:
        followers = tx.all(_FOLLOWERS, ids=sorted(line))
        line = [row.id for row in followers]
        if line:
            passes.update(row.job_id for row in followers if not row.passed)
            tx.run(_PASS_FOLLOWERS, ids=line)
    if not passes:
        return 0
    tx.lock(_LOCK, ids=sorted(passes))
    by_count: dict[int, list[int]] = {}
    for job_id, count in passes.items():
        by_count.setdefault(count, []).append(job_id)
    return sum(_count_down(tx, sorted(ids), count, now) for count, ids in sorted(by_count.items()))


def _count_down(tx: Tx, ids: list[int], passes: int, now: int) -> int:
    """Jobs with so many more first passes; returns how many of them have had their last."""
    settled = tx.run(_SETTLE_LAST, ids=ids, passes=passes, now=now)
    if settled < len(ids):
        tx.run(_COUNT_DOWN, ids=ids, passes=passes)
    return settled


def settle_passed_jobs(tx: Tx, now: int) -> int:
    """Settles jobs with nothing to pass, such as those of a label that no destination listens to."""
    return _settle(tx, [row.id for row in tx.all(_PASSED)], now)


def _settle(tx: Tx, ids: list[int], now: int) -> int:
    if ids:
        tx.run(_SETTLE, ids=ids, now=now)
    return len(ids)
