"""F16: a platform asks to slow down with Retry-After. It is left alone for that long, and the others go on."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from email.utils import formatdate

from leadtrackr.conversions.worker import Pace, Worker
from leadtrackr.kit.clock import MINUTE, SECOND
from tests.faults import checker
from tests.faults.backlog import rate
from tests.faults.frame import Found, Scene, at_least, exactly, fault, noted
from tests.support.engine import World
from tests.support.tables import execute
from tests.support.working import Works, working

SLUGS = ("meta", "ga4", "google_ads")
CREW = 3
"""Workers of the one database: what one is told holds for all."""
EACH_STEP = 2
"""Leads that are rated between two looks."""


@fault("F16", variants=("seconds", "date"))
def test_f16_nothing_is_sent_in_the_pause_and_the_others_go_on(scene: Scene) -> Found:
    """Each platform in its turn, for as many looks as it was well before; leads are rated all the while."""
    rounds, pause = scene.pick(short=3, long=6), scene.pick(short=8, long=20)
    count = 2 * pause * EACH_STEP * rounds
    with World(scene.database_url, seed=scene.seed) as world:
        world.furnish(*SLUGS)
        leads = [world.lead() for _ in range(count)]
        counts, refusals, ratio, keys = world.run(_story(scene, world, leads, rounds, pause))
    return Found(
        rounds,
        (
            noted("refusals", refusals),
            exactly("calls inside the pause", counts["inside"], 0),
            exactly("rounds in which it was not asked to slow down", counts["unasked"], 0),
            at_least("the others' events in the pause, parts of those before", ratio, 0.95),
            exactly("the others' left over in the pause", counts["left over"], 0),
            exactly("not delivered after the pause", counts["late"], 0),
            exactly("attempts burnt", sum(row - 1 for row in _tries(scene.database_url)), 0),
            exactly("sent again", sum(times - 1 for times in keys.values()), 0),
            exactly("lost", count * len(SLUGS) - len(keys), 0),
            checker.half_writes(scene.database_url, "accepted without attempt"),
        ),
    )


def _tries(url: str) -> list[int]:
    return [int(row[0]) for row in execute(url, "SELECT tries FROM deliveries")]


async def _story(
    scene: Scene, world: World, leads: list[int], rounds: int, pause: int
) -> tuple[Counter[str], int, float, dict[tuple[str, str], int]]:
    counts: Counter[str] = Counter()
    ratios: list[float] = []
    refusals, each = 0, pause * EACH_STEP
    async with working(world) as works:
        means = (world.db, works.http, world.box, world.clock, world.ids, works.metrics, Pace())
        crew = [Worker(*means) for _ in range(CREW)]
        for n in range(rounds):
            slug = SLUGS[n % len(SLUGS)]
            mine = leads[n * 2 * each : (n + 1) * 2 * each]
            before = await _phase(works, crew, mine[:each], slug)
            wait = str(pause) if scene.variant == "seconds" else formatdate(time.time() + pause + 2, usegmt=True)
            await works.fault({"destination": slug, "path": _path(slug), "status": 429, "retry_after": wait})
            number = len(await works.calls(slug))
            during = await _phase(works, crew, mine[each:], slug)
            refused = [call["at"] for call in (await works.calls(slug))[number:] if call["status"] == 429]
            counts["unasked"] += not refused
            counts["inside"] += sum(at > min(refused) for at in refused) if refused else 0
            counts["left over"] += checker.unsettled(world.url) - each
            refusals += len(refused)
            ratios.append(during / before)
            await works.well()
            # A pause that was said as a date is a little longer; then a probe, and all of it behind that.
            for _ in range(10):
                world.step(5 * SECOND)
                await _look(crew)
            counts["late"] += checker.unsettled(world.url)
            world.step(MINUTE)
        keys = {(slug, key): times for slug in SLUGS for key, times in (await works.keys(slug)).items()}
    return counts, refusals, min(ratios), keys


async def _phase(works: Works, crew: list[Worker], leads: Sequence[int], slug: str) -> int:
    """A look each second, with new leads before each; how many events the other platforms took meanwhile."""
    others = [one for one in SLUGS if one != slug]
    before = sum([len(await works.keys(one)) for one in others])
    for start in range(0, len(leads), EACH_STEP):
        await rate(works.world, leads[start : start + EACH_STEP])
        await _look(crew)
        works.world.step(SECOND)
    return sum([len(await works.keys(one)) for one in others]) - before


async def _look(crew: list[Worker]) -> None:
    await asyncio.gather(*(worker.look() for worker in crew))
    await asyncio.gather(*(worker.settle() for worker in crew))


def _path(slug: str) -> str:
    return "ingest" if slug == "google_ads" else ""
