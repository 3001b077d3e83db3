"""The delivery loop against the sandbox, whose ledger knows what really arrived."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from leadtrackr.conversions import claim, housekeeping, lots, operations, service, worker
from leadtrackr.conversions.drain import Drain
from leadtrackr.conversions.hold import CHUNK, pause_connection
from leadtrackr.conversions.housekeeping import Swept
from leadtrackr.conversions.model import State
from leadtrackr.conversions.worker import Pace
from leadtrackr.db import tables
from leadtrackr.db.database import Tx
from leadtrackr.db.open import open_database
from leadtrackr.db.statement import prepare
from leadtrackr.destinations.registry import DESTINATIONS
from leadtrackr.kit.clock import DAY, HOUR, MINUTE, SECOND
from leadtrackr.kit.errors import Unavailable
from leadtrackr.kit.metrics import Metrics
from leadtrackr.kit.secretbox import SecretBox
from tests.faults.backlog import rated_backlog
from tests.support.engine import DOWN, World
from tests.support.working import Works, working


def rated(world: World, count: int, price: int = 5000) -> list[int]:
    leads = [world.lead(email=f"lead{n}@example.de") for n in range(count)]
    for lead in leads:
        world.rate(lead, "Won", price)
    return leads


def test_what_is_rated_arrives_once_at_every_platform(world: World) -> None:
    world.furnish("google_ads", "ga4", "meta")
    leads = rated(world, 12)

    async def story() -> None:
        async with working(world) as works:
            await works.deliver()
            for slug in ("google_ads", "meta"):
                expected = {d.event_id: 1 for d in await _rows(works) if d.destination == slug}
                assert await works.keys(slug) == expected
            assert len(await works.calls("ga4")) == 12
            assert len(await works.calls("google_ads")) == len(await works.calls("meta")) == 1
            assert len(await works.calls("google_oauth")) == 1

    world.run(story())
    assert set(world.states()) == {State.ACCEPTED}
    assert {world.status(lead) for lead in leads} == {world.labels["Won"].conversion_id}
    assert len(world.rows(tables.attempts)) == 36


async def _rows(works: Works) -> list[Any]:
    return await works.world.db.read(lambda tx: tx.all(prepare(select(tables.deliveries))))


def test_money_and_time_arrive_as_they_were_frozen(world: World) -> None:
    world.furnish("meta")
    rated(world, 1, price=1234)
    rated_at = world.clock.now()
    world.step(HOUR)

    async def story() -> None:
        async with working(world) as works:
            await works.deliver()
            (call,) = await works.calls("meta")
            (taken,) = call["accepted"]
            assert (taken["value"], taken["currency"], taken["event_at"]) == (12.34, "EUR", rated_at)

    world.run(story())


def test_a_poison_event_stops_no_other_and_is_rejected(world: World) -> None:
    world.furnish("meta")
    rated(world, 50)

    async def story() -> None:
        async with working(world) as works:
            await works.fault({"destination": "meta", "reject_event": 17, "named": False})
            await works.deliver()
            keys = await works.keys("meta")
            assert (len(keys), set(keys.values())) == (49, {1})
            assert len(await works.calls("meta")) <= 13

    world.run(story())
    rejected = world.deliveries(state="rejected")
    assert len(rejected) == 1
    assert {d.tries for d in world.deliveries()} == {1}


def test_a_platform_that_is_down_costs_no_try_and_delivers_later(world: World) -> None:
    world.furnish("meta")
    leads = rated(world, 5)

    async def story() -> None:
        async with working(world) as works:
            await works.fault({"destination": "meta", "status": 503})
            for _ in range(6):
                await works.deliver()
                world.step(HOUR)
            assert {row.tries for row in await _rows(works)} == {0}
            await works.well()
            await works.deliver()
            assert set((await works.keys("meta")).values()) == {1}

    world.run(story())
    assert set(world.states()) == {State.ACCEPTED}
    assert {world.status(lead) for lead in leads} == {world.labels["Won"].conversion_id}
    assert {d.tries for d in world.deliveries()} == {1}


def test_nothing_is_sent_inside_the_pause_that_a_platform_asked_for(world: World) -> None:
    world.furnish("meta")
    rated(world, 3)

    async def story() -> None:
        async with working(world) as works:
            await works.fault({"destination": "meta", "status": 429, "retry_after": 600, "until": 1})
            await works.deliver()
            for _ in range(9):
                world.step(MINUTE)
                await works.deliver()
            assert len(await works.calls("meta")) == 1
            world.step(MINUTE)
            await works.deliver()
            assert len(await works.keys("meta")) == 3

    world.run(story())


def test_taken_but_never_answered_is_sent_again_under_the_same_event_id(world: World) -> None:
    world.furnish("meta")
    rated(world, 4)

    async def story() -> None:
        async with working(world) as works:
            await works.fault({"destination": "meta", "reset": True, "until": 1})
            await works.deliver()
            world.step(HOUR)
            await works.deliver()
            assert len(await works.keys("meta")) == 4

    world.run(story())
    assert set(world.states()) == {State.ACCEPTED}


def test_a_revoked_grant_holds_and_a_new_one_sends_everything_with_its_time(world: World) -> None:
    world.furnish("google_ads")
    leads = rated(world, 3)
    rated_at = world.clock.now()

    async def story() -> None:
        async with working(world) as works:
            await works.settings(google_oauth={"revoked": True})
            await works.deliver()
            world.step(2 * DAY)
            await works.deliver()
            assert len(await works.calls("google_ads")) == 0
            await works.settings(google_oauth={"revoked": False})
            await operations.resume(world.db, world.project_ref, "google_ads")
            await works.deliver()
            (call,) = await works.calls("google_ads")
            assert {event["event_at"] for event in call["accepted"]} == {rated_at}

    world.run(story())
    assert {(d.state, d.tries) for d in world.deliveries()} == {(State.ACCEPTED, 1)}
    assert {world.status(lead) for lead in leads} == {world.labels["Won"].conversion_id}


def test_a_slow_platform_does_not_look_like_a_dead_worker(world: World) -> None:
    """The lease is kept alive while an answer is on its way: else it ends first, the outcome is refused, for ever."""
    world.furnish("meta")
    rated(world, 3)

    async def story() -> None:
        pace = Pace(lease_s=0.3, poll_s=0.05)
        async with working(world, pace) as works:
            await works.fault({"destination": "meta", "delay_ms": 900, "until": 1})
            running = asyncio.create_task(works.worker.run())
            ticking = asyncio.create_task(_real_time(world))
            await works.settled()
            works.worker.stop()
            await running
            ticking.cancel()
            assert len(await works.calls("meta")) == 1

    world.run(story())
    assert set(world.states()) == {State.ACCEPTED}
    assert set(world.takeovers()) == {0}


async def _real_time(world: World) -> None:
    """Lets the world's clock go as fast as the machine's."""
    while True:
        await asyncio.sleep(0.02)
        world.step(SECOND // 50)


def test_secrets_that_cannot_be_read_hold_the_connection(world: World) -> None:
    world.furnish("meta")
    (lead,) = rated(world, 1)
    world.box = SecretBox(["another key for tests that is long enough too"])

    async def story() -> None:
        async with working(world) as works:
            await works.deliver()
            assert await works.calls("meta") == []

    world.run(story())
    assert (world.states(), world.deliveries()[0].code) == ([State.HELD], "unreadable_secrets")
    assert world.status(lead) != "pending"
    assert world.rows(tables.connections)[0].hold_code == "unreadable_secrets"


def test_a_rating_wakes_the_loop(world: World) -> None:
    """It is delivered at once, and not at the next look, which here would be in a minute."""
    world.furnish("meta")
    lead = world.lead()

    async def story() -> None:
        async with working(world, Pace(poll_s=60)) as works:
            running = asyncio.create_task(works.worker.run())
            await asyncio.sleep(0)
            await service.update_status(world.db, world.ids, world.api_key, world.post(lead, "Won"))
            works.worker.wake()
            await works.arrived("meta")
            works.worker.stop()
            await running

    world.run(story())
    assert world.states() == [State.ACCEPTED]


def test_a_rating_at_the_very_end_of_a_drain_is_delivered_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The drain has found nothing more, and is still there when the rating's look comes: that look leaves it alone."""
    world.furnish("meta")
    first, second = world.lead(email="first@example.de"), world.lead(email="second@example.de")
    run, ends = Drain.run, list[int]()

    async def story() -> None:
        async with working(world, Pace(poll_s=60)) as works:

            async def run_and_linger(drain: Drain) -> None:
                await run(drain)
                ends.append(1)
                if len(ends) == 1:
                    await service.update_status(world.db, world.ids, world.api_key, world.post(second, "Won"))
                    await works.worker.look()

            monkeypatch.setattr(Drain, "run", run_and_linger)
            await service.update_status(world.db, world.ids, world.api_key, world.post(first, "Won"))
            running = asyncio.create_task(works.worker.run())
            await works.arrived("meta", 2)
            works.worker.stop()
            await running

    world.run(story())
    assert world.states() == [State.ACCEPTED] * 2


def test_a_connection_has_one_drain_in_a_worker(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look that finds its drain at work begins no second one: a lease of the same worker would not stop that."""
    world.furnish("meta")
    first, second = world.lead(email="first@example.de"), world.lead(email="second@example.de")
    run, at_work, together = Drain.run, set[Drain](), list[int]()

    async def run_and_count(drain: Drain) -> None:
        at_work.add(drain)
        together.append(len(at_work))
        await run(drain)
        at_work.discard(drain)

    monkeypatch.setattr(Drain, "run", run_and_count)

    async def story() -> None:
        async with working(world) as works:
            await works.fault({"destination": "meta", "delay_ms": 300, "until": 1})
            await service.update_status(world.db, world.ids, world.api_key, world.post(first, "Won"))
            await works.worker.look()
            await works.arrived("meta")
            await service.update_status(world.db, world.ids, world.api_key, world.post(second, "Won"))
            await works.deliver()
            assert set((await works.keys("meta")).values()) == {1}

    world.run(story())
    assert together == [1], "the one that is at work takes what comes meanwhile"
    assert world.states() == [State.ACCEPTED] * 2


def test_stopping_finishes_what_is_on_its_way(world: World) -> None:
    world.furnish("meta")
    rated(world, 2)

    async def story() -> None:
        async with working(world) as works:
            await works.fault({"destination": "meta", "delay_ms": 200})
            running = asyncio.create_task(works.worker.run())
            await works.arrived("meta")
            works.worker.stop()
            await running
            assert len(await works.calls("meta")) == 1

    world.run(story())
    assert set(world.states()) == {State.ACCEPTED}


def test_a_batch_to_be_tried_later_does_not_slow_the_others(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one look everything that can be sent is sent, whatever became of the first batch."""
    monkeypatch.setattr(lots, "LOT", 2)
    world.furnish("google_ads")
    rated(world, 6)

    async def story() -> None:
        async with working(world) as works:
            await works.fault({"destination": "google_ads", "status": 404, "until": 1})
            await works.deliver()

    world.run(story())
    assert sorted(world.states()) == [State.ACCEPTED] * 4 + [State.WAITING] * 2


def test_the_only_worker_takes_over_at_once_what_a_crash_left_behind(tmp_path: Any, sqlite_template: bytes) -> None:
    path = tmp_path / "owned.db"
    path.write_bytes(sqlite_template)
    with World(f"sqlite:///{path}") as world:
        world.furnish("meta")
        world.rate(world.lead(), "Won", 5000)
        world.claim("meta", token="of-a-dead-process")

    async def story(world: World) -> None:
        owned = open_database(f"sqlite:///{path}", world.clock, owner=True)
        metrics = Metrics((), DESTINATIONS)
        async with working(world) as works:
            alone = worker.Worker(owned, works.http, world.box, world.clock, world.ids, metrics, Pace())
            running = asyncio.create_task(alone.run())
            await works.arrived("meta")
            alone.stop()
            await running
        await owned.close()

    with World(f"sqlite:///{path}") as world:
        world.run(story(world))
        assert world.states() == [State.ACCEPTED]


def test_a_worker_among_others_waits_for_their_leases(world: World) -> None:
    world.furnish("meta")
    world.rate(world.lead(), "Won", 5000)
    world.claim("meta", token="of-another")
    assert not world.db.alone

    async def story() -> None:
        async with working(world) as works:
            running = asyncio.create_task(works.worker.run())
            for _ in range(3):
                await works.deliver()
            works.worker.stop()
            await running
            assert await works.calls("meta") == []

    world.run(story())
    assert world.states() == [State.SENDING]


def test_three_lots_are_claimed_while_one_is_on_its_way(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lots, "LOT", 2)
    world.furnish("meta")
    rated(world, 11)

    async def story() -> None:
        async with working(world) as works:
            await works.fault({"destination": "meta", "delay_ms": 300, "until": 1})
            delivering = asyncio.create_task(works.deliver())
            await works.arrived("meta")
            await _sending(works, 8)
            assert len(await works.calls("meta")) == 1
            await delivering
            assert [len(call["accepted"]) for call in await works.calls("meta")] == [2, 2, 2, 2, 2, 1]
            assert set((await works.keys("meta")).values()) == {1}

    world.run(story())
    assert set(world.states()) == {State.ACCEPTED}
    assert {one.tries for one in world.deliveries()} == {1}
    assert set(world.takeovers()) == {0}


def many_due(world: World) -> None:
    """So many retries are due that the housekeeping queues them in three steps."""
    world.furnish("meta")
    rated_backlog(world, 3 * CHUNK)
    meta = world.connections["meta"].id
    world.write(lambda tx: pause_connection(tx, meta, outcome=DOWN, now=tx.now(), fraction=0.5))
    while world.sweep().total:
        pass
    world.step(DAY)


def before_each_step(monkeypatch: pytest.MonkeyPatch, do: Callable[[], None]) -> None:
    """Of the housekeeping."""
    real = housekeeping.sweep

    def sweep(tx: Tx) -> Swept:
        do()
        return real(tx)

    monkeypatch.setattr(housekeeping, "sweep", sweep)


def test_nobody_waits_for_all_of_the_housekeeping(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What its first step has queued is on its way while the others are made."""
    many_due(world)

    serving: list[bool] = []

    async def story() -> None:
        async with working(world) as works:
            before_each_step(monkeypatch, lambda: serving.append(bool(works.worker._draining)))
            await works.worker.look()
            works.worker.stop()
            await works.worker.settle()

    world.run(story())
    assert serving == [False, True, True]


def test_a_worker_that_must_stop_leaves_the_housekeeping_to_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    many_due(world)

    steps = 0

    async def story() -> None:
        async with working(world) as works:

            def stop() -> None:
                nonlocal steps
                steps += 1
                works.worker.stop()

            before_each_step(monkeypatch, stop)
            await works.worker.run()

    world.run(story())
    assert steps == 1


async def _sending(works: Works, count: int) -> None:
    async with asyncio.timeout(10):
        for _ in range(2000):
            if [row.state for row in await _rows(works)].count(State.SENDING) == count:
                return
            await asyncio.sleep(0.005)
    raise TimeoutError


@pytest.mark.parametrize(("status", "expected"), [(503, State.WAITING), (401, State.HELD)])
def test_what_was_claimed_ahead_is_not_sent_to_a_platform_that_has_stopped(
    world: World, monkeypatch: pytest.MonkeyPatch, status: int, expected: State
) -> None:
    monkeypatch.setattr(lots, "LOT", 2)
    world.furnish("meta")
    leads = rated(world, 6)

    async def story() -> None:
        async with working(world) as works:
            await works.fault({"destination": "meta", "status": status})
            await works.deliver()
            assert len(await works.calls("meta")) == 1

    world.run(story())
    assert set(world.states()) == {expected}
    assert {(d.tries, d.passed, d.lease_token) for d in world.deliveries()} == {(0, 1, None)}
    assert {world.status(lead) for lead in leads} == {world.labels["Won"].conversion_id}
    assert len(world.rows(tables.attempts)) == 2


def test_what_was_claimed_ahead_goes_back_when_the_worker_stops(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lots, "LOT", 2)
    world.furnish("meta")
    rated(world, 6)

    async def story() -> None:
        async with working(world) as works:
            await works.fault({"destination": "meta", "delay_ms": 300})
            running = asyncio.create_task(works.worker.run())
            await works.arrived("meta")
            await _sending(works, 6)
            works.worker.stop()
            await running
            assert len(await works.calls("meta")) == 1

    world.run(story())
    assert sorted(world.states()) == [State.ACCEPTED] * 2 + [State.QUEUED] * 4
    assert {d.lease_token for d in world.deliveries()} == {None}


def test_what_was_sent_is_recorded_though_the_next_claim_fails(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lots, "LOT", 2)
    world.furnish("meta")
    rated(world, 4)
    lease, claims = claim.lease, list[str]()

    def fails_once(tx: Tx, connection_id: int, **values: Any) -> Any:
        claims.append(values["token"])
        if len(claims) == 2:
            raise Unavailable("The database cannot be reached at the moment.")
        return lease(tx, connection_id, **values)

    monkeypatch.setattr(claim, "lease", fails_once)

    async def story() -> None:
        async with working(world) as works:
            await works.deliver()
            assert sorted(row.state for row in await _rows(works)) == [State.ACCEPTED] * 2 + [State.QUEUED] * 2
            await works.deliver()
            assert set((await works.keys("meta")).values()) == {1}

    world.run(story())
    assert set(world.states()) == {State.ACCEPTED}
