"""F14: the platform takes it and is silent. It is sent again, and whoever counts an event id once counts it once."""

import asyncio
from collections.abc import Mapping
from typing import Any

from leadtrackr.conversions.worker import Pace, Worker
from leadtrackr.kit.clock import MINUTE
from leadtrackr.kit.http import HttpClient, Outgoing, Sent
from tests.faults import checker
from tests.faults.backlog import rated_backlog
from tests.faults.frame import Found, Scene, at_least, exactly, fault, noted
from tests.support.engine import World
from tests.support.tables import execute
from tests.support.working import Works, working

SLUGS = ("meta", "ga4", "google_ads")
FAULTS: Mapping[str, Mapping[str, object]] = {
    "times out": {"accept_then_hang": True},
    "connection cut": {"accept_then_hang": True},
    "cut before": {"reset": True},
}
"""Taken and never answered, taken and cut off, and the counterpart: cut off before anything was taken."""
TIMEOUT_S = 0.3
"""In the place of each platform's own."""


class Impatient(HttpClient):
    """Waits less long."""

    async def send(self, request: Outgoing, timeout_s: float = 30.0) -> Sent:
        """As ever, but not for long."""
        return await super().send(request, min(timeout_s, TIMEOUT_S))


@fault("F14", variants=tuple(FAULTS))
def test_f14_what_was_taken_without_an_answer_counts_once(scene: Scene) -> Found:
    """Half of the calls meet the fault, for a while; whatever is sent again is the same event under the same id."""
    rounds, count = scene.pick(short=1, long=3), scene.pick(short=40, long=100)
    with World(scene.database_url, seed=scene.seed) as world:
        for _ in range(rounds):
            world.furnish(*SLUGS)
            rated_backlog(world, count)
        accepted, calls = world.run(_story(scene, world))
    url = scene.database_url
    made = {(row[0], row[1]) for row in execute(url, "SELECT destination, event_id FROM deliveries")}
    done = execute(url, "SELECT count(*) FROM deliveries WHERE state IN ('accepted', 'confirmed')")[0][0]
    counted = {key[:2] for key in accepted}
    times = sum(accepted[key][0] for key in accepted)
    return Found(
        rounds,
        (
            noted("deliveries", len(made)),
            at_least("calls that met the fault", calls, 3 * rounds),
            noted("sent again", times - len(accepted)),
            *([at_least("taken again", times - len(accepted), rounds)] if scene.variant != "cut before" else []),
            exactly("lost", len(made - counted) + len(made) - done, 0),
            exactly("duplicates after dedup", len(accepted) - len(made), 0),
            exactly("repeats that say something else", sum(len(found[1]) - 1 for found in accepted.values()), 0),
            exactly("attempts burnt", execute(url, "SELECT sum(tries) FROM deliveries")[0][0] - len(made), 0),
            checker.half_writes(url, "accepted without attempt"),
        ),
    )


Taken = dict[tuple[str, str, str], tuple[int, set[tuple[object, ...]]]]
"""By platform, dedup key and its scope: how often it was taken, and what was said each time."""


async def _story(scene: Scene, world: World) -> tuple[Taken, int]:
    async with working(world) as works:
        http = Impatient(works.url)
        worker = Worker(world.db, http, world.box, world.clock, world.ids, works.metrics, Pace())
        for n in range(200):
            await works.well()
            broken = n < scene.pick(short=5, long=12)
            if broken:
                await _break(scene, works)
            await _deliver(scene, works, worker, cut=broken and scene.variant == "connection cut")
            if not checker.unsettled(world.url):
                break
            world.step(31 * MINUTE if n % 2 else 2 * MINUTE)
        await http.close()
        calls = [call for slug in SLUGS for call in await works.calls(slug)]
    return _taken(calls), sum(call["fault"] is not None for call in calls)


async def _break(scene: Scene, works: Works) -> None:
    for slug in SLUGS:
        seed = scene.chance.randrange(1000)
        await works.fault({"destination": slug, "rate": 0.5, "seed": seed, **FAULTS[scene.variant]})


async def _deliver(scene: Scene, works: Works, worker: Worker, *, cut: bool) -> None:
    """One look. With `cut`, a platform that is silent soon breaks the connection, before the time is over."""

    async def all_of_it() -> None:
        await worker.look()
        await worker.settle()

    delivering = asyncio.create_task(all_of_it())
    while not delivering.done():
        works.world.step(10_000)  # a limit of requests waits for the clock
        await asyncio.sleep(0.01)
        if cut:
            await works.well()
            await _break(scene, works)
    await delivering


def _taken(calls: list[dict[str, Any]]) -> Taken:
    found: Taken = {}
    for call in calls:
        for event in call["accepted"]:
            times, said = found.get(key := (call["destination"], event["key"], event["scope"]), (0, set()))
            found[key] = times + 1, said | {(event.get("value"), event.get("currency"), event.get("event_at"))}
    return found
