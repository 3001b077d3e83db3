"""A host's own clock may be wrong: what is kept in the database goes by the database's, which all hosts share."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import psycopg
import pytest
from sqlalchemy import update

from leadtrackr.conversions.drain import Drain
from leadtrackr.conversions.model import State
from leadtrackr.conversions.rates import Rate
from leadtrackr.conversions.worker import Pace, Worker
from leadtrackr.db import tables
from leadtrackr.db.statement import prepare
from leadtrackr.destinations.registry import DESTINATIONS
from leadtrackr.kit.clock import DAY, HOUR, MINUTE, SECOND, ManualClock, SystemClock
from tests.support.broken import BreakingDatabase
from tests.support.engine import START, World
from tests.support.postgres import Server
from tests.support.working import Works, working

off = pytest.mark.parametrize("off", [-HOUR, 0, HOUR], ids=["behind", "right", "ahead"])
"""By how much the worker's clock is wrong, microseconds; the world's own is the database's and the platform's."""


class WrongClock(SystemClock):
    """The clock of a machine that is an hour ahead."""

    def now(self) -> int:
        """Microseconds since the epoch, UTC."""
        return super().now() + HOUR


@asynccontextmanager
async def elsewhere(world: World, clock: ManualClock) -> AsyncIterator[Works]:
    """A worker on a host that has this clock."""
    async with working(world) as works:
        pace = Pace(lease_s=90 * DAY // SECOND)
        works.worker = Worker(world.db, works.http, world.box, clock, world.ids, works.metrics, pace)
        yield works


def rated(world: World, slug: str, count: int, **settings: str) -> None:
    world.project()
    world.label("Won", done=True)
    world.connect(slug, **settings)
    for n in range(count):
        world.rate(world.lead(email=f"lead{n}@example.de"), "Won", 5000)


def test_the_time_of_a_transaction_is_the_servers_own(postgres_server: Server) -> None:
    url = postgres_server.fresh()
    with World(url, clock=WrongClock()) as world, psycopg.connect(url) as connection:
        row = connection.execute("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint").fetchone()
        assert row is not None
        assert 0 <= world.write(lambda tx: tx.now()) - row[0] < MINUTE
        assert 0 <= world.read(lambda tx: tx.now()) - row[0] < MINUTE


@off
def test_what_is_in_its_window_is_sent_and_what_is_past_it_is_not(world: World, off: int) -> None:
    rated(world, "ga4", 20)
    soon = update(tables.deliveries).values(closes_at=START + 30 * MINUTE)
    world.write(lambda tx: tx.run(prepare(soon)))
    clock = ManualClock(START + off)

    async def story() -> None:
        async with elsewhere(world, clock) as works:
            await works.fault({"destination": "ga4", "delay_ms": 200})
            delivering = asyncio.create_task(works.deliver())
            await works.arrived("ga4")
            world.step(30 * MINUTE)
            clock.step(30 * MINUTE)
            await delivering

    world.run(story())
    in_flight = DESTINATIONS["ga4"].limits.in_flight
    assert Counter(world.states()) == {State.ACCEPTED: in_flight, State.EXPIRED: 20 - in_flight}


@off
def test_what_is_granted_is_spent_without_asking_again_until_it_is_old(world: World, off: int) -> None:
    granted = Rate(100, 1).free(0)
    rated(world, "ga4", granted, requests_per_second="100")
    clock = ManualClock(START + off)
    counting = BreakingDatabase(world.db, after=-1)

    async def may_wait() -> bool:
        return True

    async def story() -> None:
        async with elsewhere(world, clock) as works:
            drain = Drain(works.worker._means, world.connections["ga4"].id)
            claimed = await world.db.write(lambda tx: drain._claim(tx, "mine", ahead=False))
            assert claimed is not None
            batch, allowance = claimed
            assert len(batch.deliveries) == granted
            for _ in range(granted - 1):
                assert await allowance.spend(counting, may_wait)
            assert counting.statements == 0
            world.step(SECOND)
            clock.step(SECOND)
            assert await allowance.spend(counting, may_wait)
            assert counting.statements > 0, "what is left is of another moment"

    world.run(story())


@off
def test_a_limit_by_the_second_is_kept(world: World, off: int) -> None:
    rated(world, "meta", 16, requests_per_second="5")
    clock = ManualClock(START + off)

    async def story() -> list[Any]:
        async with elsewhere(world, clock) as works:
            await works.fault({"destination": "meta", "reject_event": 5, "named": False})
            delivering = asyncio.create_task(works.deliver())
            while not delivering.done():
                world.step(20_000)
                clock.step(20_000)
                await asyncio.sleep(0.002)
            await delivering
            return await works.calls("meta")

    calls = world.run(story())
    assert Counter(world.states()) == {State.ACCEPTED: 15, State.REJECTED: 1}
    times = sorted(datetime.fromisoformat(call["time"]).timestamp() for call in calls)
    assert len(times) >= 5
    assert all(later - first >= 1.0 for first, later in zip(times, times[5:], strict=False))
