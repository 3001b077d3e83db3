"""F3: a worker stands still past its lease, another takes over, and then the first goes on as if nothing had been."""

import json
import signal
from pathlib import Path

import pytest

from tests.faults.processes import Sandbox, eventually, figure, furnish, worker
from tests.faults.test_f2_worker_killed import rate_many, unsettled
from tests.faults.trapped_worker import LOT
from tests.support.tables import everything, execute

COUNT = LOT - 1
"""Fewer than a lot: nothing is claimed ahead."""
LATE = {"after_claim": 0, "before_send": COUNT, "after_send": COUNT}
"""Outcomes that the stopped worker still brings: one that stood before its first look at the lease sends nothing."""


@pytest.mark.parametrize("point", LATE)
def test_f3_what_comes_late_is_refused_and_nothing_is_recorded_twice(
    point: str, database_url: str, tmp_path: Path, fresh_sandbox: Sandbox
) -> None:
    with furnish(database_url) as world:
        rate_many(world, COUNT)
    with worker(database_url, tmp_path, fresh_sandbox.url, "SIGSTOP", point, "1") as stopped:
        stopped.wait_until_stopped()
        with worker(database_url, tmp_path, fresh_sandbox.url) as other:
            eventually(lambda: unsettled(database_url) == 0, "the other one takes over")
            assert other.end() == 0
        before = everything(database_url)
        stopped.signal(signal.SIGCONT)
        assert stopped.end() == 0
        counted = json.loads(stopped.wait_for("counted").partition(" ")[2])

    assert everything(database_url) == before, "a late outcome changed something"
    assert counted["late"] == LATE[point]
    keys = fresh_sandbox.keys("meta")
    made = {row[0] for row in execute(database_url, "SELECT event_id FROM deliveries WHERE state = 'accepted'")}
    twice = execute(database_url, "SELECT count(*) FROM attempts")[0][0] - COUNT
    resent = sum(times - 1 for times in keys.values())
    assert keys.keys() == made
    assert len(made) == COUNT
    assert twice == 0
    assert resent == LATE[point]
    figure(
        f"F3 {point}",
        database_url,
        1,
        f"late outcomes {LATE[point]}, refused {counted['late']:.0f}, recorded twice {twice}",
        "refused all, recorded twice 0",
        "none",
    )
