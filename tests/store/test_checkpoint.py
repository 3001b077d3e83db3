"""SQLite's log is copied into the file beside the writer, and does not grow without end."""

import asyncio
import contextlib
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import bindparam, insert

from leadtrackr.db import checkpoint, sqlite
from leadtrackr.db.checkpoint import Checkpoints
from leadtrackr.db.database import Database
from leadtrackr.db.open import open_database
from leadtrackr.db.sqlite import connect
from leadtrackr.db.statement import prepare
from leadtrackr.db.tables import projects
from leadtrackr.kit.clock import SystemClock

_ADD = prepare(
    insert(projects).values(public_id=bindparam("ref"), name=bindparam("name"), currency="EUR", active=1, created_at=1)
)


@pytest.fixture
def path(tmp_path: Path, sqlite_template: bytes) -> Path:
    path = tmp_path / "leadtrackr.db"
    path.write_bytes(sqlite_template)
    return path


async def add(db: Database, number: int) -> None:
    """A commit of some pages."""
    await db.write(lambda tx: tx.run(_ADD, ref=f"p{number}", name="x" * 40_000))


def without_its_log(path: Path) -> int:
    """How many projects the file alone holds."""
    alone = path.with_name("alone.db")
    alone.write_bytes(path.read_bytes())
    with contextlib.closing(sqlite3.connect(f"file:{alone}?immutable=1", uri=True)) as found:
        return int(found.execute("SELECT count(*) FROM projects").fetchone()[0])


def test_the_log_is_copied_while_the_writer_goes_on(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was committed is in the file itself, without its log, while the program runs."""
    monkeypatch.setattr(checkpoint, "PAGES", 50)
    copied = asyncio.Event()

    async def run() -> None:
        loop = asyncio.get_running_loop()
        real = checkpoint._copy

        def copy(connection: sqlite3.Connection) -> None:
            real(connection)
            loop.call_soon_threadsafe(copied.set)

        monkeypatch.setattr(checkpoint, "_copy", copy)
        db = open_database(f"sqlite:///{path}", SystemClock())
        for number in range(20):
            await add(db, number)
        async with asyncio.timeout(20):
            await copied.wait()
        assert without_its_log(path) > 0
        await db.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("seen", "looks"),
    [
        ([(10, 10), (20, 20), (30, 30), (30, 30), (40, 40)], 4),
        ([(10, 10), (20, 20), (9, 9), (checkpoint.MANY + 5, checkpoint.MANY), (0, 0)], 4),
        ([(checkpoint.MANY, checkpoint.MANY), (0, 0)], 1),
    ],
    ids=["quiet", "too much at last", "too much at once"],
)
def test_it_is_copied_in_a_quiet_moment(
    path: Path, monkeypatch: pytest.MonkeyPatch, seen: list[tuple[int, int]], looks: int
) -> None:
    """Where the writer rests, or where it does not and too much waits."""
    monkeypatch.setattr(checkpoint, "QUIET_S", 0)
    connection = connect(path)
    connection.execute("SELECT count(*) FROM projects").fetchone()
    watched, left = Checkpoints(path, lambda: connect(path)), list(seen)
    monkeypatch.setattr(watched, "_held", lambda: left.pop(0))
    watched._wait_for_quiet()
    assert len(left) == len(seen) - looks
    watched.close()
    connection.close()


def test_a_long_log_begins_anew_under_a_writer_that_never_rests(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "PAGES", 10**9)
    monkeypatch.setattr(checkpoint, "LONGEST", 100)
    longest = 0

    async def run() -> None:
        nonlocal longest
        db = open_database(f"sqlite:///{path}", SystemClock())
        for number in range(100):
            await add(db, number)
            longest = max(longest, path.with_name(path.name + "-wal").stat().st_size)
        await db.close()

    asyncio.run(run())
    assert 100 * 4096 <= longest < 200 * 4200


@contextlib.contextmanager
def reading(path: Path) -> Iterator[None]:
    """Somebody else looks at one moment of the database for long."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM projects").fetchone()
        yield


def test_a_log_that_a_reader_holds_is_not_looked_through_at_every_commit(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither by the writer nor beside it; when the reader has gone, all of it is copied, and the disk gets it back."""
    monkeypatch.setattr(checkpoint, "PAGES", 20)
    monkeypatch.setattr(checkpoint, "MANY", 50)
    monkeypatch.setattr(checkpoint, "LONGEST", 200)
    monkeypatch.setattr(checkpoint, "QUIET_S", 0)
    monkeypatch.setattr(checkpoint, "REST", 10**6)
    monkeypatch.setattr(checkpoint, "REST_S", 600.0)
    monkeypatch.setattr(sqlite, "LOG_BYTES", 300 * 4096)
    log, real, looks = path.with_name(path.name + "-wal"), checkpoint._copy, Counter[str]()

    def copy(connection: sqlite3.Connection) -> None:
        looks[threading.current_thread().name] += 1
        real(connection)

    monkeypatch.setattr(checkpoint, "_copy", copy)

    async def run() -> None:
        db = open_database(f"sqlite:///{path}", SystemClock())
        await add(db, 0)
        with reading(path):
            for number in range(1, 201):
                await add(db, number)
        pages = log.stat().st_size // 4120
        assert pages > 2000
        assert 1 <= looks["sqlite-checkpoint"] <= 10
        assert 1 <= looks["sqlite-writer"] <= pages // 400
        for number in range(201, 301):
            await add(db, number)
        assert without_its_log(path) > 200
        assert log.stat().st_size <= 500 * 4120
        await db.close()

    asyncio.run(run())


def test_copying_goes_on_while_it_moves_something(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long it took: under load the log would grow while it rests."""
    monkeypatch.setattr(checkpoint, "PAGES", 20)
    monkeypatch.setattr(checkpoint, "MANY", 20)
    monkeypatch.setattr(checkpoint, "REST", 10**6)
    monkeypatch.setattr(checkpoint, "REST_S", 600.0)
    real, copied = checkpoint._copy, threading.Semaphore(0)

    def copy(connection: sqlite3.Connection) -> None:
        real(connection)
        copied.release()

    monkeypatch.setattr(checkpoint, "_copy", copy)

    async def run() -> None:
        db = open_database(f"sqlite:///{path}", SystemClock())
        for number in range(20):
            await add(db, 2 * number)
            await add(db, 2 * number + 1)
            if number % 4 == 3:
                assert await asyncio.to_thread(copied.acquire, timeout=10)
        await db.close()

    asyncio.run(run())


def test_the_numbers_of_the_log_are_those_that_sqlite_tells(path: Path) -> None:
    connection = connect(path)
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    for number in range(10):
        connection.execute(
            "INSERT INTO projects (public_id, name, currency, created_at) VALUES (?, 'x', 'EUR', 1)", [number]
        )
    watched = Checkpoints(path, lambda: connect(path))
    held, waiting = watched._held()
    assert held == waiting > 0
    assert connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone() == (0, held, held)
    assert watched._held() == (held, 0)
    watched.close()
    watched.close()
    connection.close()


def test_an_index_that_cannot_be_read_stops_nobody(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log is then copied at every commit, which is slow and safe."""
    connection = connect(path)
    connection.execute("SELECT count(*) FROM projects").fetchone()
    watched = Checkpoints(path, lambda: connect(path))
    copied: list[sqlite3.Connection] = []
    monkeypatch.setattr(checkpoint, "_copy", copied.append)
    for fault in (OSError("no such device"), b"short"):

        def read(*_: object, fault: OSError | bytes = fault) -> bytes:
            if isinstance(fault, OSError):
                raise fault
            return fault

        with monkeypatch.context() as broken:
            broken.setattr("leadtrackr.db.checkpoint.os.pread", read)
            watched.after_commit(connection)
    assert copied.count(connection) == 2
    watched.close()
    connection.close()


def test_a_disk_that_fails_stops_nobody_but_whoever_writes(path: Path) -> None:
    """The copy is tried again later; nobody waits for it, so nobody is told."""
    connection = connect(path)
    connection.close()
    checkpoint._copy(connection)
