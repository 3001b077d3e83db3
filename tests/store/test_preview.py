"""What a rating would send, and what the platforms say to it, without anything being written or counted."""

import json
from typing import Any

import pytest

from leadtrackr.conversions import service
from leadtrackr.conversions.model import Connection
from leadtrackr.conversions.preview import Preview, Prospect, preview
from leadtrackr.conversions.tokens import Tokens
from leadtrackr.conversions.validation import Validator
from leadtrackr.db import tables
from leadtrackr.destinations.contract import Kind, Outcome
from leadtrackr.kit.clock import DAY
from leadtrackr.kit.errors import Unavailable
from tests.support.engine import SETTINGS, World
from tests.support.tables import everything
from tests.support.working import Works, working

ALL = ("google_ads", "ga4", "meta")


def foreseen(world: World, lead_id: int, price: int | None = 5000) -> dict[str, Prospect]:
    post = world.post(lead_id, "Won", price)
    found = world.run(service.foresee(world.db, world.ids, world.project_ref, post))
    return {one.planned.destination: one for one in found.prospects}


def previews(world: World, lead_id: int) -> dict[str, Preview]:
    found = foreseen(world, lead_id)
    return {slug: preview(one, world.box, lambda request: request.url) for slug, one in found.items()}


def test_the_body_that_is_shown_is_the_body_that_is_sent(world: World, database_url: str) -> None:
    world.furnish(*ALL)
    lead_id = world.lead()
    before = everything(database_url)
    shown = previews(world, lead_id)
    assert everything(database_url) == before
    world.rate(lead_id, "Won", 5000)
    ids = {row.destination: row.event_id for row in world.deliveries()}

    async def story() -> None:
        async with working(world) as works:
            await works.deliver()
            for slug in ALL:
                (call,) = await works.calls(slug)
                request = shown[slug].request
                assert request is not None
                foretold = request.body.replace(shown[slug].prospect.planned.event_id, ids[slug])
                assert json.loads(foretold) == call["body"], slug

    world.run(story())


def test_behind_an_earlier_one_it_is_told_that_it_waits_for_it(world: World, database_url: str) -> None:
    world.furnish("meta")
    lead_id = world.lead()
    world.rate(lead_id, "Won", 5000)
    before = everything(database_url)
    found = world.run(service.foresee(world.db, world.ids, world.project_ref, world.post(lead_id, "Won", 1)))
    assert found.pending
    (one,) = (preview(each, world.box, lambda request: request.url) for each in found.prospects)
    assert (one.code, one.words.sentence[:10]) == ("behind_earlier", "An earlier")
    assert everything(database_url) == before


def test_what_cannot_be_made_into_an_event_is_told_as_the_real_path_refuses_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.furnish("meta")
    lead_id = world.lead(attribution={"fbp": "fb.1.1790000000000.1", "fbc": "fb.1.1790000000000." + "x" * 9_000_000})
    (one,) = previews(world, lead_id).values()
    assert (one.state, one.code, one.request) == ("rejected", "too_large", None)


# Validation


def ask(world: World, works: Works, prospect: Prospect) -> Any:
    return validator(world, works).one(prospect)


def validator(world: World, works: Works) -> Validator:
    tokens = Tokens(works.http, world.clock, world.db, world.box)
    return Validator(http=works.http, tokens=tokens, box=world.box, clock=world.clock, ids=world.ids)


def test_the_platforms_that_can_are_asked_and_count_nothing(world: World, database_url: str) -> None:
    world.furnish(*ALL)
    prospects = foreseen(world, world.lead())
    before = everything(database_url)

    async def story() -> None:
        async with working(world) as works:
            said = {slug: await ask(world, works, one) for slug, one in prospects.items()}
            assert said["meta"] is None, "Meta counts test events too"
            assert await works.calls("meta") == []
            assert (said["google_ads"].kind, said["google_ads"].code) == (Kind.ACCEPTED, "validated")
            assert (said["ga4"].kind, said["ga4"].code) == (Kind.ACCEPTED, "check_ok")
            for slug in ("google_ads", "ga4"):
                (call,) = await works.calls(slug)
                assert (call["validation"], call["accepted"], call["status"]) == (True, [], 200)
                assert await works.keys(slug) == {}
            assert (await works.calls("google_ads"))[0]["body"]["validateOnly"] is True
            assert (await works.calls("ga4"))[0]["path"] == "/debug/mp/collect"

    world.run(story())
    assert everything(database_url) == before


def test_what_is_wrong_is_told_in_the_codes_of_the_real_path(world: World) -> None:
    world.furnish("google_ads", "ga4")
    prospects = foreseen(world, world.lead())

    async def story() -> dict[str, Outcome]:
        async with working(world) as works:
            await works.settings(google_ads={"unknown_actions": ["*"]})
            first = await ask(world, works, prospects["google_ads"])
            await works.settings(google_ads={"unknown_actions": [], "terms_not_signed": ["*"]})
            second = await ask(world, works, prospects["google_ads"])
            await works.fault({"destination": "ga4", "status": 503})
            third = await ask(world, works, prospects["ga4"])
            await works.settings(google_oauth={"revoked": True})
            fourth = await ask(world, works, prospects["google_ads"])
            assert await works.keys("google_ads") == {}
            refused = [call for call in await works.calls("google_ads") if call["status"] != 200]
            assert [call["validation"] for call in refused] == [True, True]
            return {"action": first, "terms": second, "down": third, "token": fourth}

    said = world.run(story())
    assert said["action"].code == "NOT_FOUND"
    assert said["terms"].code == "DESTINATION_ACCOUNT_ENHANCED_CONVERSIONS_TERMS_NOT_SIGNED"
    assert said["down"].code == "server_error"
    assert (said["token"].kind, said["token"].code) == (Kind.HOLD, "invalid_grant")
    assert not any(one.kind == Kind.ACCEPTED for one in said.values())


def test_what_would_not_be_sent_is_not_asked_about(world: World) -> None:
    world.furnish("google_ads")
    prospects = foreseen(world, world.lead(email=None, attribution={"cid": "1.2"}))
    assert prospects["google_ads"].planned.state == "skipped"

    async def story() -> None:
        async with working(world) as works:
            assert await ask(world, works, prospects["google_ads"]) is None
            assert await works.calls("google_ads") == await works.calls("google_oauth") == []

    world.run(story())


def test_a_take_back_is_looked_at_as_the_request_that_it_would_be(world: World) -> None:
    world.project()
    world.label("Won", done=True, take_back=True)
    world.connect("google_ads_legacy", click_age_hours="0")
    lead_id = world.lead()
    world.rate(lead_id, "Won", 5000)
    world.send("google_ads_legacy")
    world.step(2 * DAY)
    world.sweep()
    found = world.run(service.foresee(world.db, world.ids, world.project_ref, world.post(lead_id, "lost")))
    (prospect,) = found.prospects
    assert prospect.planned.kind == "retraction"
    shown = preview(prospect, world.box, lambda request: request.url).request
    assert shown is not None

    async def story() -> None:
        async with working(world) as works:
            await ask(world, works, prospect)
            (call,) = await works.calls("google_ads_legacy")
            assert (call["validation"], shown.url.endswith(call["path"].rpartition("/")[2])) == (True, True)
            assert call["path"].endswith(":uploadConversionAdjustments")

    world.run(story())


def test_a_token_that_was_kept_and_is_refused_is_asked_for_anew_once(world: World) -> None:
    world.furnish("google_ads")
    prospects = list(foreseen(world, world.lead()).values())

    async def story() -> None:
        async with working(world) as works:
            asking = validator(world, works)
            dead = {"destination": "google_ads", "status": 401}
            for faults, code, tokens in (([], "validated", 1), ([dead | {"until": 1}], "validated", 2)):
                await works.fault(*faults)
                (said,) = await asking.everything(prospects)
                assert said is not None
                assert (said.code, len(await works.calls("google_oauth"))) == (code, tokens)
            await works.fault(dead)
            (said,) = await asking.everything(prospects)
            assert said is not None
            assert (said.kind, said.code) == (Kind.HOLD, "token_refused"), "a new one was refused too"

    world.run(story())


def test_one_that_cannot_be_asked_does_not_cut_the_others_short(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a platform answers meanwhile, such as a token that it renews, is heard and stored."""
    world.furnish("google_ads", "ga4")
    prospects = list(foreseen(world, world.lead()).values())

    async def story() -> None:
        async with working(world) as works:
            asking = validator(world, works)
            get = asking.tokens.get

            async def away(connection: Connection, *rest: Any) -> Any:
                if connection.destination == "google_ads":
                    raise Unavailable("The database is away.")
                return await get(connection, *rest)

            monkeypatch.setattr(asking.tokens, "get", away)
            with pytest.raises(Unavailable):
                await asking.everything(prospects)
            assert [call["validation"] for call in await works.calls("ga4")] == [True]

    world.run(story())


def test_every_attempt_keeps_method_and_headers_without_secrets(world: World) -> None:
    world.furnish(*ALL)
    world.rate(world.lead(), "Won", 5000)

    async def story() -> None:
        async with working(world) as works:
            await works.deliver()

    world.run(story())
    heads = {row.url.split("/")[3]: row.head for row in world.rows(tables.attempts)}
    assert heads == {
        "google_ads": "POST\ncontent-type: application/json\nauthorization: Bearer ***",
        "ga4": "POST\ncontent-type: application/json",
        "meta": "POST\ncontent-type: application/json\nauthorization: Bearer ***",
    }
    assert "hush" in json.dumps(SETTINGS)
    assert "hush" not in repr(world.rows(tables.attempts))


def test_after_the_window_it_is_told_that_it_is_too_late(world: World) -> None:
    world.furnish("google_ads")
    lead_id = world.lead()
    world.step(91 * DAY)
    (one,) = previews(world, lead_id).values()
    assert (one.state, one.code, one.request) == ("expired", "window_closed", None)
