"""F12: one bad event in an all-or-nothing thousand, named or not: 999 are delivered, and none loses a try."""

from leadtrackr.conversions import lots
from leadtrackr.db import tables
from tests.faults import checker
from tests.faults.backlog import deliver_as_time_goes, rated_backlog
from tests.faults.frame import Found, Scene, at_most, exactly, fault
from tests.support.engine import World
from tests.support.tables import execute
from tests.support.working import working

COUNT = 1000
MOST_REQUESTS = {"named": 2, "not named": 21}
"""All of them and the rest; or ten halvings, two requests each, after the first."""
PLATFORMS = {"named": ("google_ads",), "not named": ("meta", "google_ads")}


@fault("F12", variants=tuple(MOST_REQUESTS))
def test_f12_one_bad_event_of_a_thousand_costs_few_requests_and_the_good_ones_nothing(scene: Scene) -> Found:
    """At any place of the batch, which is the sandbox's to refuse; each time a thousand others."""
    assert COUNT <= lots.LOT
    slugs, rounds = PLATFORMS[scene.variant], scene.pick(short=2, long=6)
    requests: list[int] = []
    refused: list[bool] = []
    keys: dict[str, int] = {}
    with World(scene.database_url, seed=scene.seed) as world:
        for n in range(rounds):
            slug, place = slugs[n % len(slugs)], scene.chance.randrange(COUNT)
            world.furnish(slug)
            rated_backlog(world, COUNT)
            made, taken, right = world.run(_round(world, slug, place, named=scene.variant == "named"))
            requests.append(made)
            refused.append(right)
            keys |= taken
        attempts = len(world.rows(tables.attempts))
    url = scene.database_url
    tries = [row[0] for row in execute(url, "SELECT tries FROM deliveries WHERE state IN ('accepted', 'confirmed')")]
    rejected = execute(url, "SELECT count(*) FROM deliveries WHERE state = 'rejected'")[0][0]
    return Found(
        rounds,
        (
            exactly("delivered", len(tries), (COUNT - 1) * rounds),
            exactly("in the ledger", len(keys), (COUNT - 1) * rounds),
            exactly("sent again", sum(keys.values()) - len(keys), 0),
            exactly("refused", rejected, rounds),
            exactly("the wrong one refused", refused.count(False), 0),
            at_most("requests", max(requests), MOST_REQUESTS[scene.variant]),
            exactly("attempts lost by good ones", sum(tries) - len(tries), 0),
            exactly("attempts", attempts, COUNT * rounds),
            checker.half_writes(url),
        ),
    )


async def _round(world: World, slug: str, place: int, *, named: bool) -> tuple[int, dict[str, int], bool]:
    """How many requests it took, what the platform has, and whether the event at that place is the one refused."""
    async with working(world) as works:
        await works.fault({"destination": slug, "reject_event": place, "named": named})
        await deliver_as_time_goes(works)
        calls = [call for call in await works.calls(slug) if call["method"] == "POST"]
        keys = await works.keys(slug)
    first = [event.get("event_id") or event["transactionId"] for event in _events(calls[0]["body"])]
    assert len(first) == COUNT, "the first request was not the whole batch"
    return len(calls), keys, set(first) - keys.keys() == {first[place]}


def _events(body: dict[str, list[dict[str, str]]]) -> list[dict[str, str]]:
    return body.get("data") or body["events"]
