"""F3: a worker stands still past its lease, another takes over, and then the first goes on as if nothing had been."""

import json
import signal

from tests.faults import checker
from tests.faults.frame import Found, Scene, exactly, fault
from tests.faults.processes import Sandbox, eventually, furnish, rate_many, sandbox, worker
from tests.faults.trapped_worker import LOT
from tests.support.tables import everything, execute

COUNT = LOT - 1
"""Fewer than a lot: nothing is claimed ahead."""
LATE = {"after_claim": 0, "before_send": COUNT, "after_send": COUNT}
"""Outcomes that the stopped worker still brings: one that stood before its first look at the lease sends nothing."""


@fault("F3", variants=tuple(LATE))
def test_f3_what_comes_late_is_refused_and_nothing_is_recorded_twice(scene: Scene) -> Found:
    """Once, or several times, each with leads and a connection of its own."""
    url, stops, refused = scene.database_url, scene.pick(short=1, long=5), 0.0
    with sandbox(scene.folder) as platforms:
        for stop in range(stops):
            with furnish(url, scene.seed + stop) as world:
                rate_many(world, COUNT)
            refused += _stop(scene, platforms)
        keys = platforms.keys("meta")
    late = stops * LATE[scene.variant]
    recorded = execute(url, checker.ATTEMPTS)[0][0] - execute(url, checker.TAKEN_OVER)[0][0]
    return Found(
        stops,
        (
            exactly("late outcomes refused", refused, late),
            exactly("sent again", sum(times - 1 for times in keys.values()), late),
            exactly("recorded twice", recorded - stops * COUNT, 0),
            *checker.delivered(url, keys),
            checker.half_writes(url),
        ),
    )


def _stop(scene: Scene, platforms: Sandbox) -> float:
    """One worker stopped and continued; how many late outcomes it counted as refused."""
    url = scene.database_url
    with worker(url, scene.folder, platforms.url, "SIGSTOP", scene.variant, "1") as stopped:
        stopped.wait_until_stopped()
        with worker(url, scene.folder, platforms.url) as other:
            eventually(lambda: checker.unsettled(url) == 0, "the other one takes over")
            assert other.end() == 0, "".join(other.lines)
        before = everything(url)
        stopped.signal(signal.SIGCONT)
        assert stopped.end() == 0, "".join(stopped.lines)
        counted = json.loads(stopped.wait_for("counted").partition(" ")[2])
    assert everything(url) == before, "a late outcome changed something"
    return float(counted["late"])
