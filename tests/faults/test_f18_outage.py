"""F18: a platform is down for half an hour with a long backlog. No attempt is burnt, and it drains at the limit."""

from bisect import bisect_left

import pytest

from leadtrackr.conversions import lots
from leadtrackr.kit.clock import MINUTE, SECOND
from tests.faults import checker
from tests.faults.backlog import rated_backlog
from tests.faults.frame import Found, Scene, at_least, at_most, exactly, fault, noted
from tests.support.engine import World
from tests.support.tables import execute
from tests.support.working import working

OUTAGE = 30 * MINUTE
PER_MINUTE = 60
"""The limit of requests."""
STEP = 550_000
"""Microseconds between two looks while it drains: half of what lies between two requests."""


@fault("F18")
def test_f18_half_an_hour_of_503_burns_nothing_and_drains_at_the_limit(scene: Scene) -> Found:
    """A hundred requests' worth: the short form has small ones."""
    count, lot = scene.pick(short=(2000, 20), long=(100_000, 1000))
    url = scene.database_url
    with World(url, seed=scene.seed) as world, pytest.MonkeyPatch.context() as patch:
        patch.setattr(lots, "LOT", lot)
        world.project()
        world.label("Won", done=True, on=("meta",))
        world.connect("meta", requests_per_minute=str(PER_MINUTE))
        rated_backlog(world, count)
        world.run(_outage(world))
        before = {row[0]: row[1] for row in execute(url, "SELECT tries, count(*) FROM deliveries GROUP BY tries")}
        pending = execute(url, "SELECT count(*) FROM jobs WHERE state = 'pending'")[0][0]
        probes = execute(url, "SELECT count(DISTINCT started_at) FROM attempts")[0][0]
        paused_until = execute(url, "SELECT paused_until FROM connections")[0][0]
        world.step(max(0, paused_until - world.clock.now()))
        times, keys = world.run(_drain(world))
    tries = execute(url, "SELECT sum(tries) FROM deliveries")[0][0]
    used = (len(times) - 1) / ((times[-1] - times[0]) / MINUTE * PER_MINUTE)
    return Found(
        1,
        (
            noted("backlog", count),
            at_most("probes while it was down", probes, 20),
            exactly("attempts burnt while it was down", count - before.get(0, 0), 0),
            exactly("leads kept pending by it", pending, 0),
            exactly("attempts burnt", tries - count, 0),
            at_most("most requests in a minute", _most(times), PER_MINUTE),
            at_least("of the limit used", used, 0.9),
            exactly("sent again", sum(keys.values()) - len(keys), 0),
            *checker.delivered(url, keys),
            checker.half_writes(url),
        ),
    )


async def _outage(world: World) -> None:
    """Looks at least every ten seconds."""
    async with working(world) as works:
        await works.fault({"destination": "meta", "status": 503})
        over = world.clock.now() + OUTAGE
        while world.clock.now() < over:
            await works.deliver()
            world.step(10 * SECOND)
        assert not await works.keys("meta")


async def _drain(world: World) -> tuple[list[int], dict[str, int]]:
    """When requests came once one had been taken, and what the platform has."""
    async with working(world) as works:
        for look in range(100_000):
            await works.deliver()
            if look % 20 == 0 and not checker.unsettled(world.url):
                break
            world.step(STEP)
        calls = [call["at"] for call in await works.calls("meta")]
        return calls[1:], await works.keys("meta")


def _most(times: list[int]) -> int:
    return max(bisect_left(times, at + MINUTE) - place for place, at in enumerate(times))
