"""First passes and the settling of jobs: when a lead leaves `pending`. Runs in the caller's transaction.

A lead shows as pending by its job alone, so the lead's row is never written here.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from sqlalchemy import bindparam, func, literal_column, select, update

from leadtrackr.conversions import outcomes
from leadtrackr.conversions.model import JobState
from leadtrackr.db.database import Tx
from leadtrackr.db.statement import IdsIn, constant, packed, prepare, unpack
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
_job: Final = msgspec.json.Decoder(list[tuple[int, str, int]])
_OF_JOBS: Final = packed(
    select(_J.id, _J.state, _J.remaining).where(IdsIn(_J.id, "ids")).order_by(_J.id).with_for_update()
)
_COUNT_DOWN: Final = prepare(
    update(jobs).where(IdsIn(_J.id, "ids")).values(remaining=_J.remaining - bindparam("passes"))
)
_PASSED: Final = prepare(
    select(_J.id)
    .where(_J.state == constant(JobState.PENDING), _J.remaining == literal_column("0"))
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
    done: list[int] = []
    by_count: dict[int, list[int]] = {}
    # Two workers may record for the same jobs at once: both take them in one order, so neither waits for the other.
    for job_id, state, remaining in unpack(_job, tx.first(_OF_JOBS, ids=sorted(passes))):
        if state == JobState.PENDING and remaining == passes[job_id]:
            done.append(job_id)
        else:
            by_count.setdefault(passes[job_id], []).append(job_id)
    for count, ids in sorted(by_count.items()):
        tx.run(_COUNT_DOWN, ids=ids, passes=count)
    return _settle(tx, done, now)


def settle_passed_jobs(tx: Tx, now: int) -> int:
    """Settles jobs with nothing to pass, such as those of a label that no destination listens to."""
    return _settle(tx, [row.id for row in tx.all(_PASSED)], now)


def _settle(tx: Tx, ids: list[int], now: int) -> int:
    if ids:
        tx.run(_SETTLE, ids=ids, now=now)
    return len(ids)
