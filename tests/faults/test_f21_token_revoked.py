"""F21: Google's access token dies before its time, the grant is revoked, and a person renews it two days later."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, Final

from leadtrackr.conversions import connections, housekeeping, service
from leadtrackr.kit.clock import MINUTE
from leadtrackr.leads import service as leads
from leadtrackr.leads.model import Door
from tests.faults import checker
from tests.faults.frame import Found, Scene, at_least, exactly, fault, noted
from tests.support.engine import SETTINGS, World
from tests.support.tables import execute
from tests.support.working import Works, working

SLUG: Final = "google_ads"
AWAY_H: Final = 48


@dataclass
class Story:
    """What has been rated, and what the platform was asked."""

    world: World
    works: Works
    each: int
    rated_at: dict[int, int] = field(default_factory=dict)

    async def rate(self) -> None:
        """Some more leads, rated now."""
        world = self.world
        body: dict[str, Any] = {"projectId": world.project_ref, "attributionData": {"gclid": "Cj0KCQ_AbC-123"}}
        made = [
            (await leads.store(world.db, leads.Arrival(body=body, door=Door.WEB))).lead_id for _ in range(self.each)
        ]
        posts = [world.post(lead, "Won", 100) for lead in made]
        await asyncio.gather(*(service.update_status(world.db, world.ids, world.api_key, post) for post in posts))
        self.rated_at |= dict.fromkeys(made, world.clock.now())

    async def an_hour(self) -> None:
        """Ratings come in, and the worker does all that it can do within an hour."""
        await self.rate()
        for _ in range(4):
            await self.works.deliver()
            await self.world.db.write(housekeeping.mend)
            self.world.step(15 * MINUTE)
        # A worker that was started anew remembers no token.
        self.works.restart()


@fault("F21")
def test_f21_one_alert_and_everything_arrives_with_its_own_time(scene: Scene) -> Found:
    """All by a clock that the test moves: hours of short-lived tokens, two days without any, and a new grant."""
    url, each = scene.database_url, scene.pick(short=2, long=60)
    with World(url, seed=scene.seed) as world:
        world.furnish(SLUG)
        return world.run(_all_of_it(world, url, each))


async def _all_of_it(world: World, url: str, each: int) -> Found:
    async with working(world) as works:
        story = Story(world, works, each)
        died = await _short_lived(story)
        assert _alerts(url) == [], "a token that only expired is no reason to call anybody"
        before = len(await works.keys(SLUG))
        await works.settings(google_oauth={"revoked": True})
        for _ in range(AWAY_H):
            await story.an_hour()
        while_away = len(await works.keys(SLUG)) - before
        tries = execute(url, "SELECT sum(tries) FROM deliveries WHERE state = 'held'")[0][0]
        alerts = _alerts(url)
        held = checker.unsettled(url)
        assert held == AWAY_H * each, "it was sent although nobody could send it"
        await works.settings(google_oauth={"revoked": False})
        await _renew(world)
        await story.an_hour()
        calls = await works.calls(SLUG)
    sent = {one["key"]: one for call in calls for one in call["accepted"]}
    rows = execute(url, "SELECT event_id, lead_id, tries, state FROM deliveries")
    there = [(sent[event_id], lead) for event_id, lead, _, _ in rows if event_id in sent]
    moved = sum(one["event_at"] != story.rated_at[lead] for one, lead in there)
    return Found(
        1,
        (
            noted("conversions", len(rows)),
            at_least("tokens that died before their time", died, 2),
            noted("held", held),
            exactly("alerts", len(alerts), 1),
            exactly("alerts left open", sum(recovered is None for _, recovered in _alerts(url)), 0),
            exactly("sent while revoked", while_away, 0),
            exactly("attempts burnt", tries + sum(row[2] - 1 for row in rows), 0),
            exactly("lost", len(story.rated_at) - len(there), 0),
            exactly("not accepted", sum(row[3] not in ("accepted", "confirmed") for row in rows), 0),
            exactly("times changed", moved, 0),
            checker.half_writes(url, but="accepted without attempt"),
        ),
    )


async def _short_lived(story: Story) -> int:
    """Tokens that die after ten minutes although they are said to live an hour; how many requests met a dead one."""
    await story.works.settings(google_oauth={"lifetime_s": 600})
    for _ in range(8):
        await story.rate()
        await story.works.deliver()
        story.world.step(15 * MINUTE)
    await story.works.settings(google_oauth={"lifetime_s": 3599})
    return sum(call["status"] == 401 for call in await story.works.calls(SLUG))


async def _renew(world: World) -> None:
    """A person connects it again with a new refresh token."""
    values = {**SETTINGS[SLUG], "refresh_token": "hush-another"}
    await connections.connect(world.db, world.box, world.project_ref, SLUG, values)


def _alerts(url: str) -> list[tuple[str, int | None]]:
    """Every incident of any kind: what it is, and when it was over."""
    return [(kind, recovered) for kind, recovered in execute(url, "SELECT kind, recovered_at FROM incidents")]
