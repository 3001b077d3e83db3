"""The play itself, over HTTP like any client: leads are posted, rated, and waited for."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import aiohttp
import msgspec

from leadtrackr.cli.demo.clients import Client
from leadtrackr.cli.demo.platforms import REFRESH_TOKEN
from leadtrackr.cli.demo.progress import Progress
from leadtrackr.cli.demo.script import REFUSES, Scene, Step, To
from leadtrackr.cli.demo.stage import Stage
from leadtrackr.conversions import connections, receipts
from leadtrackr.conversions.model import UNSETTLED
from leadtrackr.conversions.receipts import Filters

PATIENCE_S: Final = 45.0
"""The longest that anything is waited for."""
LOOK_EVERY_S: Final = 0.05
SLOW_MS: Final = 2000
"""How long the first answer of Google Ads takes: the time in which a lead can be caught while it is pending."""
ASKED_S: Final = 1
"""How many seconds Reddit asks to be left alone for."""
FAULTS: Final[tuple[Mapping[str, object], ...]] = (
    {"destination": "meta", "status": 500, "until": 1},
    {"destination": "reddit", "status": 429, "retry_after": ASKED_S, "until": 1},
    {"destination": REFUSES, "reject_event": 0, "until": 1},
)
"""Each once: a second failure in a row would mean a far longer pause."""
SLOW: Final = ("google_ads", *(str(fault["destination"]) for fault in FAULTS))
"""A slow first call lets a batch gather behind it, so that what goes wrong then concerns more than one lead."""
UPDATE: Final = "/api/leads/updateLeadStatus"


class Answered(msgspec.Struct, frozen=True):
    """The server's answer to one post."""

    status: int
    body: dict[str, Any]


class Played(msgspec.Struct, frozen=True, kw_only=True):
    """What happened to one scene."""

    scene: Scene
    posts: tuple[Answered, ...]
    ids: Mapping[str, str]
    """The click ids and cookies that it was posted with."""
    ratings: tuple[Answered, ...] = ()
    repeat: Answered | None = None
    """The answer to a rating that was sent again while the lead was pending."""

    @property
    def lead_id(self) -> int:
        """The lead's number; 0 when it was not taken."""
        return int(self.posts[0].body.get("leadId", 0))


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """The whole run."""

    played: tuple[Played, ...]
    settled: bool
    """Every delivery came to its end in time."""
    renewed: bool
    """Microsoft's connection has the refresh token that came in place of the one it was made with."""


async def play(stage: Stage, scenes: Sequence[Scene], progress: Progress) -> Run:
    """Plays all scenes. What went wrong is in the answers; nothing is raised for it."""
    progress.step(f"Posting {len(scenes)} leads over HTTP, as twelve client programs write them")
    played = await _each(scenes, lambda scene: _post(stage, scene), progress)
    progress.step("Rating one lead twice at once, while Google Ads takes two seconds to answer")
    caught = [await _rate_twice(stage, one) for one in played if one.scene.asked_twice]
    played = _replaced(played, caught)
    progress.step("Rating the others, while Meta answers 500, Reddit 429, and Pinterest refuses one")
    await _fault(stage, *FAULTS)
    # Before the others, so that its conversion stands first in the request of which the platform refuses the first.
    refused = [await _rate(stage, one) for one in played if one.scene.refused]
    played = _replaced(played, refused)
    rest = [one for one in played if len(one.scene.steps) > len(one.ratings)]
    played = _replaced(played, await _each(rest, lambda one: _rate(stage, one), progress))
    progress.step("Waiting until each has been tried")
    settled = await _until(lambda: _none_pending(stage))
    progress.step("Rating some again: qualified leads become deals")
    rest = [one for one in played if len(one.scene.steps) > len(one.ratings)]
    played = _replaced(played, await _each(rest, lambda one: _rate(stage, one), progress))
    progress.step("Waiting until everything is delivered; Meta is left alone for a few seconds")
    settled = await _until(lambda: _none_open(stage)) and await _until(lambda: _none_pending(stage)) and settled
    progress.done()
    return Run(played=tuple(played), settled=settled, renewed=await _renewed(stage))


async def _each(items: Sequence[Any], work: Callable[[Any], Awaitable[Played]], progress: Progress) -> list[Played]:
    """Does the work for all at once, as far as the client's connections go; the results in order."""
    count = 0

    async def one(item: Any) -> Played:
        nonlocal count
        result = await work(item)
        count += 1
        progress.count(count, len(items))
        return result

    return list(await asyncio.gather(*map(one, items)))


def _replaced(played: Sequence[Played], changed: Sequence[Played]) -> list[Played]:
    by_number = {one.scene.number: one for one in changed}
    return [by_number.get(one.scene.number, one) for one in played]


async def _post(stage: Stage, scene: Scene) -> Played:
    # Programs name the project by its id or by its number; both are in use.
    project = str(stage.project_number) if scene.number % 2 else stage.project_id
    visit = scene.visit(stage.parts.clock.now(), project)

    async def one(client: Client) -> Answered:
        headers = {"Content-Type": "application/json", "User-Agent": client.agent}
        if client.keyed:
            headers["X-API-Key"] = stage.api_key
        return await _send(stage, client.path, client.wire(visit), headers)

    posts = await asyncio.gather(*map(one, scene.clients))
    return Played(scene=scene, posts=tuple(posts), ids=visit.ids())


async def _rate_twice(stage: Stage, played: Played) -> Played:
    await _fault(stage, *({"destination": slow, "delay_ms": SLOW_MS, "until": 1} for slow in SLOW))
    rated = await _rate(stage, played)
    repeat = await _update(stage, played, played.scene.steps[0])
    await _until(lambda: _called(stage, SLOW))
    return msgspec.structs.replace(rated, repeat=repeat)


async def _rate(stage: Stage, played: Played) -> Played:
    """Takes the scene's next step."""
    answer = await _update(stage, played, played.scene.steps[len(played.ratings)])
    return msgspec.structs.replace(played, ratings=(*played.ratings, answer))


async def _update(stage: Stage, played: Played, step: Step) -> Answered:
    body: dict[str, object] = {"leadId": played.lead_id, "conversionId": stage.conversion_ids[To(step.to)]}
    if step.price is not None:
        body["price"] = step.price
    headers = {"Content-Type": "application/json", "X-API-Key": stage.api_key}
    return await _send(stage, UPDATE, msgspec.json.encode(body), headers)


async def _send(stage: Stage, path: str, body: bytes, headers: dict[str, str]) -> Answered:
    try:
        async with stage.http.post(stage.url + path, data=body, headers=headers) as response:
            return Answered(response.status, await response.json())
    except (aiohttp.ClientError, ValueError) as error:
        return Answered(0, {"message": type(error).__name__})


async def _fault(stage: Stage, *faults: Mapping[str, object]) -> None:
    async with stage.http.put(f"{stage.sandbox_url}/_sandbox/faults", json=faults) as response:
        response.raise_for_status()


async def _called(stage: Stage, platforms: Sequence[str]) -> bool:
    """Whether each of them has got a call."""
    async with stage.http.get(f"{stage.sandbox_url}/_sandbox/ledger/summary") as response:
        return set(platforms) <= set((await response.json())["destinations"])


async def _none_pending(stage: Stage) -> bool:
    """As a client sees it: no lead has the status pending."""
    headers = {"X-API-Key": stage.api_key}
    params = {"status": "pending", "limit": "1"}
    async with stage.http.get(f"{stage.url}/api/leads/getLeads", params=params, headers=headers) as response:
        return bool((await response.json())["total"] == 0)


async def _none_open(stage: Stage) -> bool:
    """As the database has it, in one look: no delivery still moves."""
    return not await receipts.listing(stage.parts.db, stage.project_id, Filters(states=UNSETTLED, limit=1))


async def _until(condition: Callable[[], Awaitable[bool]]) -> bool:
    """Looks until the condition holds; False when it does not in time."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not await condition():  # noqa: ASYNC110 - what is waited for happens in other programs
                await asyncio.sleep(LOOK_EVERY_S)
    except TimeoutError:
        return False
    return True


async def _renewed(stage: Stage) -> bool:
    connection = await connections.find(stage.parts.db, stage.project_id, "microsoft")
    return connections.full_settings(connection, stage.parts.box)["refresh_token"] != REFRESH_TOKEN
