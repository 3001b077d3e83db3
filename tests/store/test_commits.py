"""What a commit promises, on both databases."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from sqlalchemy import bindparam, insert, literal_column, select, text, update

from leadtrackr.db.database import Database, Tx
from leadtrackr.db.open import open_database, sqlite_path
from leadtrackr.db.statement import prepare
from leadtrackr.db.tables import api_keys, idempotency_keys, projects
from leadtrackr.kit.clock import ManualClock, SystemClock
from leadtrackr.kit.errors import Conflict, SettingError, Unavailable
from tests.support.engine import START, World
from tests.support.postgres import Server

_ADD = prepare(
    insert(projects).values(
        public_id=bindparam("public_id"), name="x", currency="EUR", active=1, created_at=bindparam("at")
    )
)
_RENAME = prepare(
    update(projects)
    .where(projects.c.public_id == bindparam("old"))
    .values(name=projects.c.name + literal_column("'x'"))
)
_NAMES = prepare(select(projects.c.public_id).order_by(projects.c.id))
_ORPHAN = prepare(
    insert(idempotency_keys).values(project_id=bindparam("project_id"), key="k", body_hash="h", created_at=1)
)


class Broken(Exception):
    """What a piece of work fails with here."""


def add(name: str) -> Callable[[Tx], None]:
    """Work that writes a project."""

    def work(tx: Tx) -> None:
        tx.run(_ADD, public_id=name, at=tx.now())

    return work


def add_and_break(name: str) -> Callable[[Tx], None]:
    """Work that writes a project and then fails."""

    def work(tx: Tx) -> None:
        tx.run(_ADD, public_id=name, at=tx.now())
        raise Broken

    return work


def names(world: World) -> list[str]:
    return [row.public_id for row in world.read(lambda tx: tx.all(_NAMES))]


def outside(url: str, sql: str) -> list[Any]:
    """Asks the database by a connection that has nothing to do with ours."""
    path = sqlite_path(url)
    if path is not None:
        connection = sqlite3.connect(path)
        found = connection.execute(sql).fetchall()
        connection.close()
        return found
    with psycopg.connect(url) as postgres:
        return postgres.execute(sql.encode()).fetchall()


def test_one_failing_piece_of_work_takes_nothing_of_the_others_with_it(world: World) -> None:
    async def all_at_once() -> list[BaseException | None]:
        works = [add_and_break(f"b{n}") if n % 3 == 0 else add(f"p{n:03}") for n in range(60)]
        return await asyncio.gather(*(world.db.write(work) for work in works), return_exceptions=True)

    found = world.run(all_at_once())
    assert [type(one) for n, one in enumerate(found) if n % 3 == 0] == [Broken] * 20
    assert [one for n, one in enumerate(found) if n % 3] == [None] * 40
    assert sorted(names(world)) == sorted(f"p{n:03}" for n in range(60) if n % 3)


def test_a_statement_that_fails_takes_nothing_of_the_others_with_it(world: World) -> None:
    """The database's own error, not ours: on SQLite it must not end the transaction that many share."""

    def orphan(tx: Tx) -> None:
        tx.run(_ADD, public_id="with-orphan", at=1)
        tx.run(_ORPHAN, project_id=999)

    async def all_at_once() -> list[BaseException | None]:
        works = [add("before"), orphan, add("between"), orphan, add("after")]
        return await asyncio.gather(*(world.db.write(work) for work in works), return_exceptions=True)

    first, broken, second, another, last = world.run(all_at_once())
    assert first is second is last is None
    assert all(isinstance(one, sqlite3.IntegrityError | psycopg.IntegrityError) for one in (broken, another))
    assert sorted(names(world)) == ["after", "before", "between"]


def test_work_that_fails_is_not_run_again(world: World) -> None:
    """The others of its commit may be, since what they wrote went with what it wrote."""
    runs: list[str] = []

    def breaks(tx: Tx) -> None:
        runs.append("breaks")
        add_and_break("broken")(tx)

    async def all_at_once() -> list[BaseException | None]:
        works = [add("before"), breaks, add("after")]
        return await asyncio.gather(*(world.db.write(work) for work in works), return_exceptions=True)

    assert [type(one) for one in world.run(all_at_once())] == [type(None), Broken, type(None)]
    assert runs == ["breaks"]
    assert sorted(names(world)) == ["after", "before"]


def test_what_was_written_can_be_seen_by_others_when_write_returns(world: World, database_url: str) -> None:
    for n in range(20):
        world.write(add(f"p{n:02}"))
        assert outside(database_url, "SELECT count(*) FROM projects") == [(n + 1,)]


def test_work_goes_on_when_its_caller_is_cancelled(world: World, database_url: str) -> None:
    async def cancelled() -> None:
        task = asyncio.create_task(world.db.write(add("kept")))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await world.db.close()

    world.run(cancelled())
    assert outside(database_url, "SELECT public_id FROM projects") == [("kept",)]


def test_reading_work_cannot_write(world: World) -> None:
    with pytest.raises((sqlite3.OperationalError, psycopg.errors.ReadOnlySqlTransaction, Unavailable)):
        world.read(add("never"))
    assert names(world) == []


def test_a_read_sees_one_moment(world: World) -> None:
    """Whatever is committed while it runs."""
    world.write(add("first"))

    def look(tx: Tx) -> tuple[int, int]:
        before = len(tx.all(_NAMES))
        asyncio.run_coroutine_threadsafe(world.db.write(add("second")), world.loop).result(10)
        return before, len(tx.all(_NAMES))

    assert world.read(look) == (1, 1)
    assert names(world) == ["first", "second"]


def test_the_time_stands_still_within_a_transaction(database_url: str) -> None:
    with World(database_url, clock=SystemClock()) as world:
        first, second = world.write(lambda tx: (tx.now(), tx.all(_NAMES), tx.now())[::2])
        assert first == second


def test_writing_to_a_closed_database_is_refused_and_never_hangs(world: World) -> None:
    async def after_close(db: Database) -> None:
        await db.close()
        with pytest.raises(Unavailable):
            await asyncio.wait_for(db.write(add("late")), 5)

    world.run(after_close(world.db))


def test_what_was_asked_before_the_close_is_done(database_url: str) -> None:
    async def hurried() -> None:
        db = open_database(database_url, ManualClock(START))
        tasks = [asyncio.create_task(db.write(add(f"p{n:02}"))) for n in range(20)]
        await asyncio.sleep(0)
        await db.close()
        await asyncio.gather(*tasks)

    asyncio.run(hurried())
    assert outside(database_url, "SELECT count(*) FROM projects") == [(20,)]


def test_a_refusal_is_not_told_when_what_it_was_for_was_never_committed(tmp_path: Any, sqlite_template: bytes) -> None:
    path = tmp_path / "group.db"
    path.write_bytes(sqlite_template)
    running, go_on = threading.Event(), threading.Event()

    def first(_: Tx) -> None:
        running.set()
        go_on.wait(10)

    def breaks_the_commit(tx: Tx) -> None:
        tx.run(prepare(text("PRAGMA defer_foreign_keys = ON")))
        tx.run(prepare(insert(api_keys).values(project_id=4711, hash="h", hint="t", created_at=0)))

    def refuses(_: Tx) -> None:
        raise Conflict("there already")

    async def story() -> list[BaseException | None]:
        db = open_database(f"sqlite:///{path}", SystemClock())
        blocking = asyncio.ensure_future(db.write(first))
        await asyncio.to_thread(running.wait, 10)
        group = [asyncio.ensure_future(db.write(work)) for work in (breaks_the_commit, refuses)]
        await asyncio.sleep(0)
        go_on.set()
        await blocking
        outcomes = await asyncio.gather(*group, return_exceptions=True)
        await db.close()
        return list(outcomes)

    broken, refused = asyncio.run(story())
    assert isinstance(broken, sqlite3.IntegrityError)
    assert isinstance(refused, sqlite3.IntegrityError), "told as a fault of the commit, not as a conflict"


def test_a_second_owner_of_a_sqlite_file_is_refused_with_what_to_do(tmp_path: Any, sqlite_template: bytes) -> None:
    path = tmp_path / "one.db"
    path.write_bytes(sqlite_template)

    async def two() -> None:
        first = open_database(f"sqlite:///{path}", ManualClock(START), owner=True)
        with pytest.raises(SettingError, match="another LeadTrackr server"):
            open_database(f"sqlite:///{path}", ManualClock(START), owner=True)
        await first.close()
        again = open_database(f"sqlite:///{path}", ManualClock(START), owner=True)
        await again.close()

    asyncio.run(two())


def test_sqlite_is_durable_and_waits_for_locks(tmp_path: Any, sqlite_template: bytes) -> None:
    """The pragmas that the promise stands on, asked of the connection that writes."""
    path = tmp_path / "one.db"
    path.write_bytes(sqlite_template)

    def pragmas(tx: Any) -> dict[str, object]:
        asked = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        return {name: tx._connection.execute(f"PRAGMA {name}").fetchone()[0] for name in asked}

    async def ask() -> dict[str, object]:
        db = open_database(f"sqlite:///{path}", ManualClock(START))
        found = await db.write(pragmas)
        await db.close()
        return found

    found = asyncio.run(ask())
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10_000}


def test_sqlite_waits_for_the_disk_unless_everything_in_a_commit_can_do_without(
    tmp_path: Any, sqlite_template: bytes
) -> None:
    """FULL (2) waits, NORMAL (1) does not. Whoever needs it has it, whoever they share the commit with."""
    path = tmp_path / "leadtrackr.db"
    path.write_bytes(sqlite_template)

    def asked(tx: Any) -> int:
        return int(tx._connection.execute("PRAGMA synchronous").fetchone()[0])

    async def write(*durable: bool) -> list[int]:
        begun, go_on = threading.Event(), threading.Event()

        def hold(_: Tx) -> None:
            begun.set()
            go_on.wait(10)

        db = open_database(f"sqlite:///{path}", SystemClock())
        first = asyncio.create_task(db.write(hold, durable=False))
        await asyncio.to_thread(begun.wait, 10)
        # They wait for the first, and so share the next commit.
        others = [asyncio.create_task(db.write(asked, durable=one)) for one in durable]
        await asyncio.sleep(0)
        go_on.set()
        await first
        found = [await one for one in others]
        await db.close()
        return found

    assert asyncio.run(write(True)) == [2]
    assert asyncio.run(write(False, False)) == [1, 1]
    assert asyncio.run(write(False, True, False)) == [2, 2, 2]


def test_sqlite_takes_its_write_lock_at_the_start(tmp_path: Any, sqlite_template: bytes) -> None:
    """With a deferred BEGIN a transaction that reads first and writes later fails when another has written between."""
    path = tmp_path / "one.db"
    path.write_bytes(sqlite_template)
    other = sqlite3.connect(path, isolation_level=None, timeout=0, check_same_thread=False)
    seen: list[str] = []

    def read_then_write(tx: Tx) -> None:
        tx.all(_NAMES)
        try:
            other.execute("INSERT INTO projects (public_id, name, currency, created_at) VALUES ('o', 'o', 'EUR', 1)")
        except sqlite3.OperationalError as error:
            seen.append(str(error))
        tx.run(_ADD, public_id="ours", at=1)

    async def story() -> None:
        db = open_database(f"sqlite:///{path}", ManualClock(START))
        await db.write(read_then_write)
        await db.close()

    asyncio.run(story())
    found = other.execute("SELECT public_id FROM projects").fetchall()
    other.close()
    assert (seen, found) == (["database is locked"], [("ours",)])


def test_a_deadlock_is_begun_again_and_seen_by_nobody(postgres_server: Server) -> None:
    """Two transactions take two rows in opposite order: PostgreSQL undoes one of them, which then runs once more."""
    first_locked, second_locked = threading.Event(), threading.Event()
    runs: list[str] = []

    def crossing(mine: str, other: str, locked: threading.Event, wait: threading.Event) -> Callable[[Tx], None]:
        def work(tx: Tx) -> None:
            runs.append(mine)
            tx.run(_RENAME, old=mine)
            locked.set()
            assert wait.wait(10)
            tx.run(_RENAME, old=other)

        return work

    async def both(world: World) -> None:
        await asyncio.gather(
            world.db.write(crossing("a", "b", first_locked, second_locked)),
            world.db.write(crossing("b", "a", second_locked, first_locked)),
        )

    with World(postgres_server.fresh()) as world:
        world.write(add("a"))
        world.write(add("b"))
        world.run(both(world))
        # Three as a rule; one more when the one that begins again is quicker than the one that was waiting for it.
        assert 3 <= len(runs) <= 5
        assert [row.name for row in world.rows(projects)] == ["xxx", "xxx"]
