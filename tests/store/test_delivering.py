"""Destinations with a way of their own, from the rating through the worker to the platform, on both databases."""

from typing import Any

import pytest
from sqlalchemy import select

from leadtrackr.conversions import connections, service
from leadtrackr.db import tables
from leadtrackr.db.statement import prepare
from leadtrackr.kit.clock import DAY, HOUR, MINUTE, SECOND
from leadtrackr.labels import service as labels
from tests.destinations.making import ACTIONS, SETTINGS
from tests.support.engine import World
from tests.support.working import Works, working

DELIVERIES = prepare(select(tables.deliveries).order_by(tables.deliveries.c.id))


def furnish(world: World, slug: str, **settings: str) -> int:
    """A project with a label Won on this destination alone, connected, and a lead."""
    world.project()
    new = labels.NewLabel(name="Won", done=True, take_back=True, events={slug: ACTIONS[slug]})
    world.labels["Won"] = world.run(labels.create(world.db, world.ids, world.project_ref, new))
    values = {**SETTINGS[slug], **settings}
    world.connections[slug] = world.run(connections.connect(world.db, world.box, world.project_ref, slug, values))
    return world.lead()


async def rate(works: Works, lead: int, price: int) -> None:
    world = works.world
    post = world.post(lead, "Won", price)
    await service.update_status(world.db, world.ids, world.api_key, post)
    await works.deliver()


async def states(works: Works) -> list[tuple[str, str | None]]:
    rows: list[Any] = await works.world.db.read(lambda tx: tx.all(DELIVERIES))
    return [(row.state, row.code) for row in rows]


def test_new_prices_go_to_the_legacy_upload_each_with_its_own_time(world: World) -> None:
    lead = furnish(world, "google_ads_legacy", click_age_hours="0")

    async def story() -> None:
        async with working(world) as works:
            await rate(works, lead, 5000)
            for price in (8000, 9000):
                world.step(DAY + MINUTE)
                await rate(works, lead, price)
            assert await states(works) == [("accepted", "ok")] * 3
            taken = [one for call in await works.calls("google_ads_legacy") for one in call["accepted"]]
            assert [one["value"] for one in taken] == [50.0, 80.0, 90.0]
            assert len({one["key"] for one in taken}) == 1

    world.run(story())


def test_an_account_that_may_not_upload_is_held_with_one_clear_word(world: World) -> None:
    lead = furnish(world, "google_ads_legacy", click_age_hours="0")

    async def story() -> None:
        async with working(world) as works:
            await works.settings(google_ads_legacy={"not_allowed": ["*"]})
            await rate(works, lead, 5000)
            assert await states(works) == [("held", "CUSTOMER_NOT_ALLOWLISTED_FOR_THIS_FEATURE")]
            (held,) = await connections.of_project(world.db, world.project_ref)
            assert (held.state, held.hold_reason) == ("held", "configuration")

    world.run(story())


def test_a_webhook_is_signed_anew_in_each_try_under_one_id(world: World) -> None:
    lead = furnish(world, "webhook")

    async def story() -> None:
        async with working(world) as works:
            await works.settings(webhook={"secrets": [SETTINGS["webhook"]["secret"]]})
            await works.fault({"destination": "webhook", "status": 503, "retry_after": 600, "until": 1})
            await rate(works, lead, 5000)
            assert [state for state, _ in await states(works)] == ["waiting"]
            world.step(9 * MINUTE)
            await works.deliver()
            assert len(await works.calls("webhook")) == 1, "Retry-After is kept"
            world.step(2 * MINUTE)
            await works.deliver()
            assert await states(works) == [("accepted", "ok")]
            first, second = [call["headers"] for call in await works.calls("webhook")]
            assert first["webhook-id"] == second["webhook-id"]
            assert int(second["webhook-timestamp"]) - int(first["webhook-timestamp"]) == 11 * MINUTE // SECOND
            assert first["webhook-signature"] != second["webhook-signature"]

    world.run(story())


@pytest.mark.parametrize(("status", "state", "code"), [(301, "waiting", "redirect"), (410, "held", "gone")])
def test_an_address_that_is_gone_loses_nothing(world: World, status: int, state: str, code: str) -> None:
    lead = furnish(world, "webhook")

    async def story() -> None:
        async with working(world) as works:
            elsewhere = {"status": status, "location": "https://elsewhere.example.com/" if status == 301 else ""}
            await works.settings(webhook={"paths": {"/leads": elsewhere}})
            await rate(works, lead, 5000)
            assert await states(works) == [(state, code)]
            (found,) = await connections.of_project(world.db, world.project_ref)
            assert (found.state == "held") == (status == 410)
            url = {"url": "https://hooks.example.com/new"}
            await connections.connect(world.db, world.box, world.project_ref, "webhook", url)
            world.step(HOUR)
            await works.deliver()
            assert await states(works) == [("accepted", "ok")]
            assert [call["path"] for call in await works.calls("webhook")] == ["/leads", "/new"]

    world.run(story())
