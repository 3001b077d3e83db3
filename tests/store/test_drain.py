"""Several workers, stops, deaths and windows: what one connection's deliveries go through on their way."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select, update

from leadtrackr.conversions import drain, housekeeping, lots
from leadtrackr.conversions.model import Claimed, State
from leadtrackr.conversions.record import Recorded, record
from leadtrackr.conversions.worker import Pace, Worker
from leadtrackr.db import tables
from leadtrackr.db.statement import prepare
from leadtrackr.destinations.registry import DESTINATIONS
from leadtrackr.kit.clock import DAY, HOUR, MINUTE
from leadtrackr.kit.errors import Unavailable
from leadtrackr.kit.metrics import Metrics
from tests.support.engine import LEASE_US, RETRY, World
from tests.support.working import Works, working


def rated(world: World, count: int) -> list[int]:
    leads = [world.lead(email=f"lead{n}@example.de") for n in range(count)]
    for lead in leads:
        world.rate(lead, "Won", 5000)
    return leads


@asynccontextmanager
async def crew(world: World, count: int, **fault: Any) -> AsyncIterator[tuple[Works, list[Worker]]]:
    """Several workers of one database and one platform."""
    async with working(world) as works:
        if fault:
            await works.fault({"destination": "meta", **fault})
        metrics = Metrics((), DESTINATIONS)
        yield (
            works,
            [Worker(world.db, works.http, world.box, world.clock, world.ids, metrics, Pace()) for _ in range(count)],
        )


async def all_look(workers: list[Worker]) -> None:
    await asyncio.gather(*(worker.look() for worker in workers))
    await asyncio.gather(*(worker.settle() for worker in workers))


def test_one_worker_at_a_time_sends_to_a_connection(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that what a platform allows of requests under way holds for all workers together."""
    monkeypatch.setattr(lots, "LOT", 2)
    world.furnish("meta")
    rated(world, 12)

    async def story() -> None:
        async with crew(world, 4, delay_ms=40) as (works, workers):
            for _ in range(8):
                await all_look(workers)
            calls = await works.calls("meta")
            assert Counter(len(call["accepted"]) for call in calls) == {2: 6}
            assert set((await works.keys("meta")).values()) == {1}

    world.run(story())
    assert set(world.states()) == {State.ACCEPTED}
    started = sorted((row.started_at, row.ended_at) for row in world.rows(tables.attempts))
    assert all(later >= ended for (_, ended), (later, _) in zip(started, started[2:], strict=False))


def test_another_workers_lease_keeps_a_connection_until_it_ends(world: World) -> None:
    world.furnish("meta")
    rated(world, 3)
    world.claim("meta", "someone", most=1)

    async def story() -> None:
        async with working(world) as works:
            await works.deliver()
            assert await works.calls("meta") == []
            world.step(LEASE_US)
            await works.deliver()
            assert len(await works.keys("meta")) == 3

    world.run(story())
    assert set(world.states()) == {State.ACCEPTED}


def test_one_probe_at_a_time_finds_out_whether_a_platform_is_back(world: World) -> None:
    """After the pause every worker may try; one request goes, and only its success lets the others follow."""
    world.furnish("meta")
    rated(world, 5)

    async def story() -> None:
        async with crew(world, 4, status=503) as (works, workers):
            for n in range(1, 5):
                await all_look(workers)
                assert len(await works.calls("meta")) == n
                world.step(HOUR)
            await works.well()
            await all_look(workers)
            assert set((await works.keys("meta")).values()) == {1}

    world.run(story())
    assert set(world.states()) == {State.ACCEPTED}
    assert {row.failures for row in world.rows(tables.connections)} == {0}


def test_a_probe_is_a_single_request(world: World) -> None:
    world.furnish("ga4")
    rated(world, 30)

    async def story() -> None:
        async with working(world) as works:
            await works.fault({"destination": "ga4", "status": 503})
            await works.deliver()
            first = len(await works.calls("ga4"))
            assert first <= DESTINATIONS["ga4"].limits.in_flight
            world.step(HOUR)
            await works.deliver()
            assert len(await works.calls("ga4")) == first + 1
            await works.well()
            world.step(HOUR)
            await works.deliver()
            assert len(await works.keys("ga4")) == 30

    world.run(story())


def test_what_closes_while_it_stands_in_line_is_not_sent(world: World) -> None:
    world.furnish("ga4")
    leads = rated(world, 20)

    async def story() -> None:
        async with working(world, Pace(lease_s=90 * 86400)) as works:
            await works.fault({"destination": "ga4", "delay_ms": 200})
            delivering = asyncio.create_task(works.deliver())
            await works.arrived("ga4")
            world.step(60 * DAY)
            await delivering

    world.run(story())
    in_flight = DESTINATIONS["ga4"].limits.in_flight
    assert Counter(world.states()) == {State.ACCEPTED: in_flight, State.EXPIRED: 20 - in_flight}
    expired = world.deliveries(state="expired")
    assert {(row.code, row.tries, row.lease_token) for row in expired} == {("window_closed", 0, None)}
    assert len(world.rows(tables.attempts)) == in_flight, "what was not sent has no attempt"
    assert "pending" not in {world.status(lead) for lead in leads}


def stopped(world: World, slug: str, **fault: Any) -> int:
    """Ends a worker whose platform does not answer; how many events the platform has."""

    async def story() -> int:
        async with working(world, Pace(grace_s=0.2)) as works:
            await works.fault({"destination": slug, **fault})
            running = asyncio.create_task(works.worker.run())
            await works.arrived(slug)
            works.worker.stop()
            async with asyncio.timeout(10):
                await running
            return len(await works.keys(slug))

    return world.run(story())


def test_a_worker_that_must_stop_gives_back_what_hangs(world: World) -> None:
    """The grace is over while a platform has not answered: no try is burnt, and the next worker begins at once.

    The attempt stays: the platform may have taken them.
    """
    world.furnish("meta")
    rated(world, 3)

    stopped(world, "meta", hang=True)
    assert world.rows(tables.leases) == []
    found = {(row.code, row.tries, row.lease_token) for row in world.deliveries(state="waiting")}
    assert found == {("interrupted", 0, None)}
    assert {(row.delivery_id, row.kind, row.code) for row in world.rows(tables.attempts)} == {
        (row.id, "unknown", "interrupted") for row in world.deliveries()
    }
    world.sweep()
    assert len(world.claim("meta")) == 3


def test_what_came_of_a_lot_is_written_when_the_database_is_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is sent once, and nobody takes its delivery for one that kills workers."""
    world.furnish("meta")
    rated(world, 3)
    away = iter((True, True))

    def sometimes(*arguments: Any) -> Recorded:
        if next(away, False):
            raise Unavailable("The database cannot be reached at the moment.")
        return record(*arguments)

    monkeypatch.setattr(drain, "record", sometimes)
    monkeypatch.setattr(drain, "WRITE_AGAIN_S", (0.0, 0.0, 0.0))

    async def story() -> dict[str, int]:
        async with working(world) as works:
            await works.deliver()
            return await works.keys("meta")

    assert set(world.run(story()).values()) == {1}
    assert {(row.state, row.tries, row.deaths) for row in world.deliveries()} == {("accepted", 1, 0)}
    assert set(world.takeovers()) == {0}
    assert world.rows(tables.leases) == []


def test_a_worker_that_must_stop_gives_back_what_it_has_not_sent(world: World) -> None:
    world.furnish("ga4")
    rated(world, 20)

    stopped(world, "ga4", hang=True)
    in_flight = DESTINATIONS["ga4"].limits.in_flight
    assert world.rows(tables.leases) == []
    assert len(world.deliveries(state="waiting", code="interrupted")) == in_flight
    assert {(row.code, row.tries) for row in world.deliveries(state="queued")} == {(None, 0)}
    assert set(world.takeovers()) == {0}
    assert len(world.claim("ga4")) == 20 - in_flight


def test_what_was_on_its_way_when_the_worker_stopped_is_not_called_never_sent(world: World) -> None:
    """The platform has taken it: a lead that turns out lost must not be told that nothing was sent."""
    world.furnish("meta")
    world.rate(world.lead(), "Won", 5000)

    assert stopped(world, "meta", accept_then_hang=True) == 1
    assert [(row.kind, row.number) for row in world.rows(tables.attempts)] == [("unknown", 1)]


def test_what_was_sent_before_a_forced_stop_is_recorded(world: World) -> None:
    world.furnish("ga4")
    rated(world, 20)

    async def story() -> dict[str, int]:
        async with working(world, Pace(grace_s=0.5)) as works:
            await works.fault({"destination": "ga4", "hang": True, "rate": 0.5})
            running = asyncio.create_task(works.worker.run())
            await works.arrived("ga4")
            works.worker.stop()
            async with asyncio.timeout(10):
                await running
            return await works.keys("ga4")

    sent = world.run(story())
    assert {row.event_id for row in world.deliveries(state="accepted")} == sent.keys()
    assert {State.WAITING, State.ACCEPTED} <= set(world.states()) <= {State.QUEUED, State.WAITING, State.ACCEPTED}
    assert {row.lease_token for row in world.deliveries()} == {None}
    assert set(world.takeovers()) == {0}


def test_a_delivery_that_kills_its_workers_is_quarantined_after_three_deaths(world: World) -> None:
    """F13: it takes its whole lot down once, a small lot a second time, and then it is alone."""
    world.furnish("meta")
    leads = rated(world, 100)
    killer = world.deliveries()[57].id
    deaths = 0
    for n in range(300):
        world.sweep()
        claimed = world.claim("meta", f"w{n}", most=lots.LOT)
        if not claimed:
            break
        if killer in {one.id for one in claimed}:
            deaths += 1
            world.step(LEASE_US)
        else:
            world.record("meta", f"w{n}", claimed)
    assert deaths == lots.DEATHS
    assert Counter(world.states()) == {State.ACCEPTED: 99, State.REJECTED: 1}
    (row,) = world.deliveries(state="rejected")
    assert (row.id, row.code, row.tries, row.lease_token) == (killer, "poison", 0, None)
    assert world.takeovers()[killer - 1] == lots.DEATHS
    assert row.settled_at is not None
    assert "pending" not in {world.status(lead) for lead in leads}
    assert world.rows(tables.leases) == []


def test_the_innocent_are_never_rejected_with_it(world: World) -> None:
    world.furnish("meta")
    rated(world, 40)

    def until_dead(token: str) -> list[Claimed]:
        claimed = world.claim("meta", token, most=lots.LOT)
        world.step(LEASE_US)
        world.sweep()
        return claimed

    assert len(until_dead("a")) == 40
    small = until_dead("b")
    assert len(small) == lots.SMALL_LOT
    alone = until_dead("c")
    assert len(alone) == 1
    assert Counter(world.states()) == {State.QUEUED: 39, State.REJECTED: 1}
    again = [world.claim("meta", f"t{n}", most=lots.LOT) for n in range(40)]
    assert sorted(len(lot) for lot in again if lot) == [1] * (lots.SMALL_LOT - 1) + [40 - lots.SMALL_LOT]


def test_a_follower_goes_on_when_the_one_before_it_is_quarantined(world: World) -> None:
    world.furnish("meta")
    world.label("Later")
    (lead,) = rated(world, 1)
    for n in range(lots.DEATHS):
        world.claim("meta", f"w{n}")
        world.step(LEASE_US)
        world.sweep()
    assert world.states() == [State.REJECTED]
    world.rate(lead, "Later")
    world.send("meta")
    assert world.states() == [State.REJECTED, State.ACCEPTED]
    assert not world.read(housekeeping.housekeeping_needed)


def test_a_limit_of_requests_holds_over_lots_and_workers(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """60 a minute: three at once, then one every 1.1 s; what has to wait does not keep its lead pending."""
    monkeypatch.setattr(lots, "LOT", 2)
    world.project()
    world.label("Won", done=True)
    world.connect("ga4", requests_per_minute="60")
    leads = rated(world, 20)

    async def story() -> None:
        async with crew(world, 3) as (works, workers):
            await all_look(workers)
            assert len(await works.calls("ga4")) == 3
            waiting = [row for row in await _deliveries(world) if row.state == State.QUEUED]
            assert {(row.code, row.passed) for row in waiting} == {("rate_limit", 1)}
            for n in range(1, 10):
                world.step(1_100_000)
                await all_look(workers)
                assert len(await works.calls("ga4")) == 3 + n
            world.step(HOUR)
            for _ in range(4):
                await all_look(workers)
                world.step(MINUTE)
            assert set((await works.keys("ga4")).values()) == {1}

    world.run(story())
    assert set(world.states()) == {State.ACCEPTED}
    assert "pending" not in {world.status(lead) for lead in leads}


async def _deliveries(world: World) -> list[Any]:
    return await world.db.read(lambda tx: tx.all(prepare(select(tables.deliveries).order_by(tables.deliveries.c.id))))


def test_the_limit_wakes_the_worker_when_it_allows_more(world: World) -> None:
    """The worker's own loop on the machine's clock: it does not wait for its next look."""
    world.project()
    world.label("Won", done=True)
    world.connect("ga4", requests_per_second="20")
    rated(world, 12)

    async def story() -> None:
        async with working(world, Pace(poll_s=3600)) as works:
            running = asyncio.create_task(works.worker.run())
            async with asyncio.timeout(20):
                while len(await works.keys("ga4")) < 12:
                    world.step(10_000)
                    await asyncio.sleep(0.005)
            works.worker.stop()
            await running

    world.run(story())
    assert set(world.states()) == {State.ACCEPTED}


def test_refusals_narrowed_down_stay_within_the_limit(world: World) -> None:
    world.project()
    world.label("Won", done=True)
    world.connect("meta", requests_per_second="5")
    rated(world, 16)

    async def story() -> list[Any]:
        async with working(world) as works:
            await works.fault({"destination": "meta", "reject_event": 5, "named": False})
            delivering = asyncio.create_task(works.deliver())
            seen: list[Any] = []
            while not delivering.done():
                world.step(20_000)
                await asyncio.sleep(0.002)
            await delivering
            seen += await works.calls("meta")
            return seen

    calls = world.run(story())
    assert Counter(world.states()) == {State.ACCEPTED: 15, State.REJECTED: 1}
    assert 5 <= len(calls) <= 9
    times = sorted(datetime.fromisoformat(call["time"]).timestamp() for call in calls)
    assert all(later - first >= 1.0 for first, later in zip(times, times[5:], strict=False))


def test_what_is_suspected_is_not_claimed_ahead(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the lot that is being sent kills the worker, one that only lay beside it has had no third death."""
    monkeypatch.setattr(lots, "LOT", 2)
    world.furnish("meta")
    rated(world, 3)
    suspect = world.deliveries()[-1].id
    twice = update(tables.deliveries).where(tables.deliveries.c.id == suspect).values(deaths=2)
    world.write(lambda tx: tx.run(prepare(twice)))

    async def story() -> None:
        async with working(world) as works:
            await works.fault({"destination": "meta", "delay_ms": 300, "until": 1})
            delivering = asyncio.create_task(works.deliver())
            await works.arrived("meta")
            assert {row.id: row.state for row in await _deliveries(world)}[suspect] == State.QUEUED
            await delivering

    world.run(story())
    assert set(world.states()) == {State.ACCEPTED}


def test_only_deaths_in_a_row_count(world: World) -> None:
    """Days of retries may meet many deaths that have nothing to do with what is being sent."""
    world.furnish("meta")
    rated(world, 1)
    for n in range(2 * lots.DEATHS):
        world.claim("meta", f"dead{n}")
        world.step(LEASE_US)
        world.sweep()
        world.record("meta", f"alive{n}", world.claim("meta", f"alive{n}"), RETRY)
        world.step(10 * HOUR)
        world.sweep()
    (row,) = world.deliveries()
    assert (row.state, row.deaths) == (State.QUEUED, 0)
    assert world.takeovers() == [2 * lots.DEATHS]
