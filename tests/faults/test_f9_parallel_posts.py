"""F9: a hundred clients rate the same lead in the same moment. One of them does, ninety-nine are told that one has."""

import asyncio
from collections import Counter

import aiohttp

from tests.faults import checker
from tests.faults.frame import Found, Scene, exactly, fault
from tests.faults.processes import WAIT_S, furnish, sandbox, server
from tests.support.engine import World

POSTS = 100


@fault("F9")
def test_f9_of_a_hundred_posts_for_one_lead_one_is_taken(scene: Scene) -> Found:
    """Four processes on PostgreSQL. Nothing is delivered meanwhile, so each job stays pending."""
    count, url = scene.pick(short=20, long=1000), scene.database_url
    with furnish(url, scene.seed) as world:
        world.label("Signed", on=("meta",))
        leads = [world.lead() for _ in range(count)]
    options = ("--no-worker", "--processes", "4" if scene.database == "postgresql" else "1")
    with sandbox(scene.folder) as platforms, server(url, scene.folder, platforms.url, *options) as running:
        answers = asyncio.run(_post_all(scene, world, leads, running.url))
        running.end()
    everything = sum(answers.values(), Counter[int]())
    wrong = sum(found != Counter({201: 1, 409: POSTS - 1}) for found in answers.values())
    jobs = checker.jobs_of(url)
    return Found(
        count,
        (
            exactly("201", everything[201], count),
            exactly("409", everything[409], count * (POSTS - 1)),
            exactly("5xx", sum(n for status, n in everything.items() if status >= 500), 0),
            exactly("leads with another count", wrong, 0),
            exactly("leads without exactly one job", sum(jobs.get(lead) != 1 for lead in leads), 0),
            checker.half_writes(url),
        ),
    )


async def _post_all(scene: Scene, world: World, leads: list[int], url: str) -> dict[int, Counter[int]]:
    timeout = aiohttp.ClientTimeout(total=WAIT_S)
    headers = {"X-API-Key": world.api_key}
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(url, timeout=timeout, headers=headers, connector=connector) as session:
        answers = {}
        for lead in leads:
            bodies = [
                {"leadId": lead, "conversionId": _label(scene, world), "price": price} for price in range(1, POSTS + 1)
            ]
            answers[lead] = Counter(await asyncio.gather(*(_post(session, body) for body in bodies)))
        return answers


def _label(scene: Scene, world: World) -> str:
    return scene.chance.choice(list(world.labels.values())).conversion_id


async def _post(session: aiohttp.ClientSession, body: dict[str, object]) -> int:
    async with session.post("/api/leads/updateLeadStatus", json=body) as answer:
        await answer.read()
        return answer.status
