"""SQLite: one writer connection in one thread with group commit, and readers that can only read.

Many requests share one commit (one fsync). One that fails takes nothing of the others with it: when it had written
something, the others are run again, each in its own savepoint. One process owns the file; a lock on a side file tells a
second one so.
"""

import asyncio
import contextlib
import fcntl
import os
import queue
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import Any, Final, TypeVar

from leadtrackr.db.checkpoint import Checkpoints
from leadtrackr.db.probe import UNWRITABLE, Health
from leadtrackr.db.spread import SIZES, Spread
from leadtrackr.db.statement import Insertion, Prepared, fit_lists
from leadtrackr.kit.clock import Clock
from leadtrackr.kit.errors import SettingError, Unavailable

T = TypeVar("T")
GROUP: Final = 512
"""Most pieces of work in one commit: bounds how long the first one waits for the last."""
READERS: Final = 4
LOG_BYTES: Final = 256 * 1024**2
"""What the log may keep of the disk when it begins anew: more than it grows to by itself under load, so that nothing is
cut off at every turn."""
_BEGIN: Final = "BEGIN IMMEDIATE"
_CLOSED: Final = "The database is closed: the server is stopping."


def connect(path: Path, *, query_only: bool = False) -> sqlite3.Connection:
    """A connection with the pragmas that the delivery promise needs: FULL means that a commit survives a power cut."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=512)
    connection.execute("PRAGMA busy_timeout = 10000")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA cache_size = -32000")
    connection.execute("PRAGMA temp_store = MEMORY")
    # 16 MB instead of 4: a batch of deliveries would otherwise write its pages to the file itself at each commit.
    connection.execute("PRAGMA wal_autocheckpoint = 4000")
    # What a long reader made of the log is given back to the disk when the log begins anew.
    connection.execute(f"PRAGMA journal_size_limit = {LOG_BYTES}")
    if query_only:
        connection.execute("PRAGMA query_only = ON")
    return connection


class SqliteTx:
    """A transaction on a driver connection."""

    dialect: Final = "sqlite"
    serial: Final = True
    __slots__ = ("_at", "_clock", "_connection")

    def __init__(self, connection: sqlite3.Connection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self._at: int | None = None

    def now(self) -> int:
        """Microseconds UTC by the machine's clock; the same for the whole transaction."""
        if self._at is None:
            self._at = self._clock.now()
        return self._at

    def _execute(self, statement: Prepared, values: Mapping[str, Any]) -> tuple[sqlite3.Cursor, Any]:
        sql, own, row = statement.sql("sqlite")
        if list in map(type, values.values()):
            values = fit_lists(values)
        return self._connection.execute(sql, {**own, **values} if own else values), row

    def all(self, statement: Prepared, /, **values: Any) -> list[Any]:
        """Every row, as named tuples."""
        cursor, row = self._execute(statement, values)
        return [row(found) for found in cursor.fetchall()]

    def first(self, statement: Prepared, /, **values: Any) -> Any | None:
        """The first row or None."""
        cursor, row = self._execute(statement, values)
        found = cursor.fetchone()
        cursor.close()
        return None if found is None else row(found)

    def run(self, statement: Prepared, /, **values: Any) -> int:
        """Runs a statement; returns how many rows it touched."""
        return self._execute(statement, values)[0].rowcount

    def insert(self, statement: Insertion, /, **values: Any) -> int:
        """Writes one row; returns its id."""
        return int(self._execute(statement, values)[0].lastrowid or 0)

    def try_insert(self, statement: Insertion, /, **values: Any) -> int | None:
        """The same for a statement that does nothing where there is such a row already: None then."""
        cursor = self._execute(statement, values)[0]
        return cursor.lastrowid if cursor.rowcount else None

    def together(self, statement: Insertion, rows: Sequence[Mapping[str, Any]], /) -> None:
        """Writes rows, each with all of the statement's values; there may be none."""
        if rows:
            sql, names = statement.together(len(rows))
            self._connection.execute(sql, [row[name] for row in rows for name in names])

    def lock(self, statement: Prepared, /, **values: Any) -> None:
        """Takes the locks of a SELECT … FOR UPDATE, whose rows nobody wants; nothing where one alone writes."""

    def many(self, statement: Prepared, rows: Sequence[Mapping[str, Any]], /) -> None:
        """Runs a statement once for each set of values."""
        sql, own, _ = statement.sql("sqlite")
        self._connection.executemany(sql, [{**own, **row} for row in rows] if own else rows)

    def spread(self, statement: Spread, rows: Sequence[tuple[int, str]], /, **shared: Any) -> None:
        """Inserts a row for each number and text, with the same other values."""
        values, start = [shared[name] for name in statement.shared], 0
        for size in SIZES:
            while len(rows) - start >= size:
                own = chain.from_iterable(rows[start : start + size])
                self._connection.execute(statement.sqlite(size), [*values, *own])
                start += size


class _Item:
    """One piece of work, the future that waits for it and, once it has run, what came of it."""

    __slots__ = ("durable", "error", "future", "loop", "result", "work")

    def __init__(
        self,
        work: Callable[[SqliteTx], Any],
        future: asyncio.Future[Any],
        loop: asyncio.AbstractEventLoop,
        durable: bool,
    ) -> None:
        self.work = work
        self.future = future
        self.loop = loop
        self.durable = durable
        self.result: Any = None
        self.error: Exception | None = None


def _resolve(items: Sequence[_Item]) -> None:
    for item in items:
        if item.future.done():
            continue
        if item.error is not None:
            item.future.set_exception(item.error)
        else:
            item.future.set_result(item.result)


def _explain(error: sqlite3.Error) -> Exception:
    """A full disk, a read-only file or a busy one passes; anything else is a fault of ours and stays what it is.

    SQLITE_ERROR (1) is the code of a wrong statement; an error of this module's own has no code.
    """
    if (
        isinstance(error, sqlite3.OperationalError)
        and getattr(error, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_ERROR
    ):
        return Unavailable(UNWRITABLE)
    return error


class SqliteDatabase:
    """The file, open. `owner=True` takes the side lock that a second server is refused by."""

    dialect: Final = "sqlite"

    def __init__(
        self, path: Path, clock: Clock, *, owner: bool = False, on_commit: Callable[[int], None] | None = None
    ) -> None:
        self._clock = clock
        self._on_commit = on_commit
        self._lock = _own(path) if owner else None
        self._path = path
        self._closed = False
        self._health = Health()
        self._queue: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._writer_connection = connect(path)
        # A look into the file, which makes the log's index.
        self._writer_connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        self._checkpoints = Checkpoints(path, lambda: connect(path))
        if self._checkpoints.works:
            self._writer_connection.execute("PRAGMA wal_autocheckpoint = 0")
        self._waits = True
        self._local = threading.local()
        self._reader_connections: list[sqlite3.Connection] = []
        self._readers = ThreadPoolExecutor(READERS, "sqlite-reader")
        self._writer = threading.Thread(target=self._write_loop, name="sqlite-writer", daemon=True)
        self._writer.start()

    @property
    def alone(self) -> bool:
        """Whether this process owns the file."""
        return self._lock is not None

    async def write(self, work: Callable[[SqliteTx], T], *, durable: bool = True) -> T:
        """Runs work in a transaction and returns when it is on disk. Goes on when the caller is cancelled.

        A commit in which nothing is `durable` is written but not waited for until it has reached the disk.
        """
        if self._closed:
            raise Unavailable(_CLOSED)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._queue.put(_Item(work, future, loop, durable))
        return await future

    async def read(self, work: Callable[[SqliteTx], T]) -> T:
        """Runs work that only reads, on one consistent view."""
        if self._closed:
            raise Unavailable(_CLOSED)
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, work)

    async def ready(self) -> None:
        """Reads, and writes too where the last write has failed."""
        await self._health.check(self)

    async def close(self) -> None:
        """Finishes the queued work and closes the file."""
        # Set in the loop that also calls `write`, so that nothing is queued behind the end.
        self._closed = True
        await asyncio.get_running_loop().run_in_executor(None, self._close)

    def _close(self) -> None:
        if self._writer.is_alive():
            self._queue.put(None)
            self._writer.join()
        self._readers.shutdown()
        self._checkpoints.close()
        for connection in (*self._reader_connections, self._writer_connection):
            connection.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _read(self, work: Callable[[SqliteTx], T]) -> T:
        connection = getattr(self._local, "connection", None)
        try:
            if connection is None:
                connection = self._local.connection = connect(self._path, query_only=True)
                self._reader_connections.append(connection)
            connection.execute("BEGIN")
            try:
                return work(SqliteTx(connection, self._clock))
            finally:
                connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise _explain(error) from error

    def _write_loop(self) -> None:
        stop = False
        while not stop:
            first = self._queue.get()
            if first is None:
                return
            group = [first]
            while len(group) < GROUP:
                try:
                    item = self._queue.get_nowait()
                except queue.Empty:
                    break
                if item is None:
                    stop = True
                    break
                group.append(item)
            self._commit(group)

    def _commit(self, group: list[_Item]) -> None:
        connection, committed = self._writer_connection, False
        try:
            before = connection.total_changes
            self._wait_for_the_disk(any(item.durable for item in group))
            connection.execute(_BEGIN)
            if (failed := self._run_all(connection, group)) is not None:
                connection.execute("ROLLBACK")
                connection.execute(_BEGIN)
                for item in group:
                    if item is not failed:
                        self._run_one(connection, SqliteTx(connection, self._clock), item)
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            # Whatever the file does, this thread has to live: everybody's work waits for it.
            with contextlib.suppress(sqlite3.Error):
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
            # A refusal is unsure now too: it may have been for what another one wrote, and that is gone.
            for item in group:
                item.error = _explain(error)
            self._health.failed()
        else:
            if connection.total_changes > before:
                self._health.succeeded()
            if self._on_commit is not None:
                self._on_commit(len(group))
            committed = True
        for loop in {item.loop for item in group}:
            # A loop that has closed in the meantime waits for nothing any more.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(_resolve, [item for item in group if item.loop is loop])
        if committed:
            # Whoever waited for the commit has its answer: to copy a log takes time.
            self._checkpoints.after_commit(connection)

    def _wait_for_the_disk(self, wait: bool) -> None:
        """Whether the next commit does; it takes those before it along, as the log is one file."""
        if wait != self._waits:
            self._writer_connection.execute(f"PRAGMA synchronous = {'FULL' if wait else 'NORMAL'}")
            self._waits = wait

    def _run_all(self, connection: sqlite3.Connection, group: list[_Item]) -> _Item | None:
        """Runs a group without savepoints, which cost as much as what they guard.

        Returns the first that failed when it had written something: all that the group wrote must go then, and each of
        the others be run by itself. One that is refused before it writes, as nearly all that are, leaves nothing.
        """
        for item in group:
            before = connection.total_changes
            try:
                item.result = item.work(SqliteTx(connection, self._clock))
            except Exception as error:  # noqa: BLE001 - whoever asked for it is told
                _still_in(connection, error)
                self._failed(item, error)
                if connection.total_changes > before:
                    return item
        return None

    def _failed(self, item: _Item, error: Exception) -> None:
        item.error = _explain(error) if isinstance(error, sqlite3.Error) else error
        if isinstance(item.error, Unavailable):
            self._health.failed()

    def _run_one(self, connection: sqlite3.Connection, tx: SqliteTx, item: _Item) -> None:
        connection.execute("SAVEPOINT one")
        item.error = None
        try:
            item.result = item.work(tx)
        except Exception as error:  # noqa: BLE001 - whoever asked for it is told
            _still_in(connection, error)
            connection.execute("ROLLBACK TO one")
            self._failed(item, error)
        connection.execute("RELEASE one")


def _still_in(connection: sqlite3.Connection, error: Exception) -> None:
    """SQLite itself ends a transaction that a disk lets it not go on with: then nothing of the group is left."""
    if not connection.in_transaction:
        raise sqlite3.OperationalError("the transaction was ended by the database") from error


def _own(path: Path) -> int:
    """Takes the side lock; SettingError when another process has it."""
    lock = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise SettingError(
            "LEADTRACKR_DATABASE_URL",
            f"another LeadTrackr server is running on {path}. Stop it first, or use PostgreSQL to run several.",
        ) from error
    return lock
