"""F17: four workers share one limit of requests. The platform never sees more than that, and most of it is used."""

from bisect import bisect_left
from collections.abc import Sequence
from contextlib import ExitStack
from typing import NamedTuple

from leadtrackr.kit.clock import SECOND, SystemClock
from tests.faults import checker
from tests.faults.backlog import rated_backlog
from tests.faults.frame import Found, Scene, at_least, at_most, exactly, fault, noted
from tests.faults.processes import eventually, sandbox, worker
from tests.support.engine import World
from tests.support.tables import execute

PROJECTS = 4
"""Each with a connection to the same account, so that each worker has one to serve: the limit is the account's."""
WORKERS = {"postgresql": 4, "sqlite": 1}


class Limit(NamedTuple):
    """So many requests in so many seconds; watched for so long, short and long, without its beginning."""

    setting: str
    requests: int
    period_s: int
    short_s: int
    long_s: int
    used: float
    """Least part of it that must be used in the long form; ten elevenths can be."""


# A limit by the second forgives 50 ms of lateness, and a busy machine is later than that: what is late is not used.
LIMITS = {
    "20 a second": Limit("requests_per_second", 20, 1, 3, 15, 0.9),
    "600 a minute": Limit("requests_per_minute", 600, 60, 4, 66, 0.9),
}


@fault("F17", variants=tuple(LIMITS))
def test_f17_several_workers_keep_to_one_limit_and_use_it(scene: Scene) -> Found:
    """By the times at which requests came to the platform, in every window, wherever it begins."""
    url, limit = scene.database_url, LIMITS[scene.variant]
    seconds = scene.pick(short=limit.short_s, long=limit.long_s)
    per_s = limit.requests / limit.period_s
    wanted = int(per_s * (seconds + 1))
    with World(url, clock=SystemClock(), seed=scene.seed) as world:
        for _ in range(PROJECTS):
            world.project()
            world.label("Won", done=True, on=("ga4",))
            world.connect("ga4", **{limit.setting: str(limit.requests)})
            rated_backlog(world, wanted)
    with sandbox(scene.folder) as platforms, ExitStack() as stack:
        crew = [stack.enter_context(worker(url, scene.folder, platforms.url)) for _ in range(WORKERS[scene.database])]
        for one in crew:
            one.wait_for("ready")
        eventually(lambda: len(platforms.times("ga4")) >= wanted, "it sends", 4 * seconds + 60)
        times = platforms.times("ga4")
        for one in crew:
            assert one.end() == 0, "".join(one.lines)
        all_times, keys = platforms.times("ga4"), platforms.keys("ga4")
    accepted = {row[0] for row in execute(url, "SELECT event_id FROM deliveries WHERE state = 'accepted'")}
    return Found(
        1,
        (
            noted("workers", len(crew)),
            noted("requests", len(all_times)),
            at_most("most in a window", _most(all_times, limit.period_s * SECOND), limit.requests),
            at_least("used", _used(times, per_s), scene.pick(short=0.5, long=limit.used)),
            exactly("sent again", sum(keys.values()) - len(keys), 0),
            exactly("in the ledger and not accepted, or the other way", len(keys.keys() ^ accepted), 0),
            checker.half_writes(url),
        ),
    )


def _used(times: Sequence[int], per_s: float) -> float:
    """How much of the limit was used after the first second; all of it, if a platform that was late left nothing."""
    steady = times[bisect_left(times, times[0] + SECOND) :]
    return (len(steady) - 1) / ((steady[-1] - steady[0]) / SECOND * per_s) if len(steady) > 1 else 1.0


def _most(times: Sequence[int], window: int) -> int:
    """Most calls in any window, wherever it begins; one that comes when it ends is in the next."""
    return max(bisect_left(times, at + window) - place for place, at in enumerate(times))
