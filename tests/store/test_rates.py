"""Limits hold over everybody who takes at once: four databases on one PostgreSQL server, many tasks on one SQLite."""

import asyncio
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from leadtrackr.conversions.rates import Grant, Rate, forget, give_back, take
from leadtrackr.db import tables
from leadtrackr.db.database import Database, Tx
from leadtrackr.db.open import open_database
from leadtrackr.db.statement import Prepared
from leadtrackr.kit.clock import DAY, MINUTE, SECOND, ManualClock
from tests.support.broken import BreakingDatabase
from tests.support.engine import START, World
from tests.support.postgres import Server
from tests.support.windows import most_in_a_window

KEY = "a key"
BY_DAY = Rate(1_000, 86_400)
PLENTY = Rate(10_000, 60)
TAKERS = 4
WAIT_S = 30


@pytest.fixture
def together(world: World, database_url: str) -> Iterator[list[Database]]:
    """What each of several takers uses: a connection pool of its own, or SQLite's one writer."""
    if world.db.dialect == "sqlite":
        yield [world.db] * 20
        return

    async def connect() -> list[Database]:
        return [open_database(database_url, world.clock, pool=1) for _ in range(TAKERS)]

    opened = world.run(connect())
    yield opened
    for db in opened:
        world.run(db.close())


def taking(limits: tuple[Rate, ...], want: int, key: str = KEY) -> Callable[[Tx], tuple[int, Grant]]:
    """Takes by the transaction's clock; the time goes with the grant."""

    def work(tx: Tx) -> tuple[int, Grant]:
        now = tx.now()
        return now, take(tx, key, limits, want, now)

    return work


async def take_until(db: Database, clock: ManualClock, limits: tuple[Rate, ...], end: int, seed: int) -> Counter[int]:
    """Takes all it can; whoever has to wait moves the clock on for everybody. Time → requests."""
    made, chance = Counter[int](), random.Random(seed)
    while clock.now() < end:
        at, grant = await db.write(taking(limits, chance.randint(1, 3)))
        made[at] += grant.requests
        if not grant.requests:
            clock.step(max(0, at + grant.wait_us - clock.now()))
        for _ in range(chance.randint(0, 9)):
            await asyncio.sleep(0)  # somebody else may be first, also after one who took and would be back at once
    return made


@pytest.mark.parametrize(
    ("limits", "periods"),
    [
        ((Rate(10, 1),), 20),
        ((Rate(60, 60),), 5),
        ((Rate(10, 1), Rate(300, 60), Rate(1_000, 86_400)), 1),
    ],
    ids=["second", "minute", "all three"],
)
def test_never_above_the_limit_and_nine_tenths_used(
    world: World, together: list[Database], limits: tuple[Rate, ...], periods: int
) -> None:
    slowest = limits[-1]
    end = START + periods * slowest.period_s * SECOND

    async def everybody() -> list[Counter[int]]:
        return await asyncio.gather(
            *(take_until(db, world.clock, limits, end, seed) for seed, db in enumerate(together))
        )

    each = world.run(everybody())
    made = sum(each, Counter[int]())
    for rate in limits:
        assert most_in_a_window(made, rate.period_s * SECOND + rate.tolerance_us) <= rate.requests
    assert sum(count for at, count in made.items() if at < end) >= 0.9 * slowest.requests * periods
    assert len([one for one in each if one.total()]) > 1


class _MeetingTx:
    """A transaction whose first look at the buckets waits until everybody has looked."""

    def __init__(self, tx: Tx, meeting: threading.Barrier) -> None:
        self._tx, self._meeting, self._met = tx, meeting, False
        self.dialect, self.now, self.first, self.run, self.many = tx.dialect, tx.now, tx.first, tx.run, tx.many
        self.serial, self.together = tx.serial, tx.together
        self.insert, self.try_insert, self.lock, self.spread = tx.insert, tx.try_insert, tx.lock, tx.spread

    def all(self, statement: Prepared, /, **values: object) -> list[object]:
        found = self._tx.all(statement, **values)
        if not self._met:
            self._met = True
            self._meeting.wait(WAIT_S)
        return found


def test_the_first_of_all_takers_are_not_lost_on_each_other(postgres_server: Server) -> None:
    """Everybody has seen that the buckets are missing before anybody makes them."""
    limits = (PLENTY, BY_DAY)
    with World(postgres_server.fresh()) as world:
        meeting = threading.Barrier(TAKERS)

        async def everybody() -> list[Grant]:
            return await asyncio.gather(*(world.db.write(_meet(meeting, limits)) for _ in range(TAKERS)))

        granted = sorted(grant.requests for grant in world.run(everybody()))
        assert granted == [0] * (TAKERS - 1) + [BY_DAY.free(0)]
        assert _full(world) == [BY_DAY.free(0) * rate.interval_us for rate in limits]


@pytest.mark.parametrize("before", [(PLENTY, BY_DAY), (PLENTY,)], ids=["all are there", "one is missing"])
def test_a_taker_waits_for_the_one_before_to_commit(postgres_server: Server, before: tuple[Rate, ...]) -> None:
    """Buckets are locked between the look and the end. One that was made meanwhile is found before any is charged."""
    limits = (PLENTY, BY_DAY)
    with World(postgres_server.fresh()) as world:
        world.write(taking(before, 1))
        took, go_on = threading.Event(), threading.Event()
        counting = BreakingDatabase(world.db, after=-1)

        def slow(tx: Tx) -> Grant:
            grant = take(tx, KEY, limits, 45, START)
            took.set()
            go_on.wait(WAIT_S)
            return grant

        async def both() -> tuple[Grant, tuple[int, Grant]]:
            first = asyncio.create_task(world.db.write(slow))
            await asyncio.to_thread(took.wait, WAIT_S)
            second = asyncio.create_task(counting.write(taking(limits, 45)))
            await _until_blocked(world.db)
            assert not second.done()
            go_on.set()
            return await first, await second

        first, (_, second) = world.run(both())
        left = BY_DAY.free(0) - 45 - len(before) + 1
        assert (first.requests, second.requests) == (45, left)
        assert _full(world) == [(45 + left + (rate in before)) * rate.interval_us for rate in limits]
        assert counting.statements == (1 if len(before) == 2 else 5)


def _meet(meeting: threading.Barrier, limits: tuple[Rate, ...]) -> Callable[[Tx], Grant]:
    return lambda tx: take(_MeetingTx(tx, meeting), KEY, limits, 100, START)


def _full(world: World) -> list[int]:
    return [row.full_until - START for row in world.rows(tables.rate_buckets)]


async def _until_blocked(db: Database) -> None:
    def blocked(tx: Tx) -> bool:
        connection = tx._connection  # type: ignore[attr-defined] # PostgreSQL's own view, which no room needs
        found = connection.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'").fetchone()
        return bool(found[0])

    async with asyncio.timeout(WAIT_S):
        while not await db.read(blocked):  # noqa: ASYNC110 - another process's state, which no event announces
            await asyncio.sleep(0)


def test_keys_do_not_share(world: World) -> None:
    for key in ("one", "other"):
        assert world.write(taking((Rate(1, 60),), 1, key))[1].requests == 1
    for key in ("one", "other"):
        assert world.write(taking((Rate(1, 60),), 1, key))[1].requests == 0


def test_what_is_given_back_is_there_for_others(world: World) -> None:
    world.write(taking((BY_DAY,), 46))
    world.write(lambda tx: give_back(tx, KEY, (BY_DAY,), 5, START, START + SECOND))
    world.step(SECOND)
    assert world.write(taking((BY_DAY,), 46))[1].requests == 5


def test_what_stands_still_is_forgotten_and_what_is_in_use_is_not(world: World) -> None:
    limits = (Rate(5, 1), Rate(300, 60), BY_DAY)
    world.write(taking(limits, 1))
    world.write(taking(limits, 1, "other"))
    world.step(2 * MINUTE)
    world.write(taking(limits, 1, "other"))
    assert world.write(lambda tx: forget(tx, tx.now())) == 2
    left = [(row.key, row.period_s) for row in world.rows(tables.rate_buckets)]
    assert left == [(KEY, 86_400), ("other", 1), ("other", 60), ("other", 86_400)]
    world.step(3 * DAY)
    assert world.write(lambda tx: forget(tx, tx.now())) == 4
    assert world.write(lambda tx: forget(tx, tx.now())) == 0


def test_a_clock_that_was_ahead_stops_nobody_for_long(world: World) -> None:
    world.step(365 * DAY)
    world.write(taking((BY_DAY,), 1))
    world.step(-365 * DAY)
    assert world.write(taking((BY_DAY,), 1))[1].requests == 0
    assert world.write(lambda tx: forget(tx, tx.now())) == 1
    assert world.write(taking((BY_DAY,), 1))[1].requests == 1


@pytest.mark.parametrize("limits", [(BY_DAY,), (Rate(60, 60), BY_DAY), (Rate(10, 1), Rate(60, 60), BY_DAY)])
def test_taking_costs_one_look_and_one_write_for_each_limit(world: World, limits: tuple[Rate, ...]) -> None:
    for wait, writes in ((True, len(limits)), (False, len(limits)), (False, 0)):
        counting = BreakingDatabase(world.db, after=-1)
        _, grant = world.run(counting.write(taking(limits, 100)))
        assert bool(grant.requests) == bool(writes)
        assert counting.statements == 1 + writes
        world.step(grant.wait_us if wait else 0)
