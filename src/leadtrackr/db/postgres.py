"""PostgreSQL: a pool of connections, each used by one thread for one transaction. Many processes may share it."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from time import monotonic, sleep
from typing import Any, Final, TypeVar

import msgspec
import psycopg
from psycopg import IsolationLevel, errors
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout

from leadtrackr.db.probe import UNWRITABLE, Health
from leadtrackr.db.spread import Spread
from leadtrackr.db.statement import Insertion, Prepared
from leadtrackr.kit.clock import Clock, SystemClock
from leadtrackr.kit.errors import Unavailable

T = TypeVar("T")
_NOW: Final = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, NULL"
_NOW_AND_ID: Final = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, pg_current_xact_id()::text"
# A server that has crashed since may have given the number away again. Its statistics begin anew with such a start.
_STATUS: Final = (
    "SELECT CASE WHEN stats_reset < to_timestamp(%s::float8 / 1000000) THEN pg_xact_status(%s::text::xid8) END"
    " FROM pg_stat_bgwriter"
)
_AWAY: Final = "The database cannot be reached at the moment. Try again shortly."
_CLOSED: Final = "The database is closed: the server is stopping."
TRIES: Final = 5
"""How often work is begun again that the server undid whole, because it stood in the way of another transaction."""

DOUBT_S: Final = 2.0
"""How long the fate of a transaction is asked for whose COMMIT was never answered."""
CONNECT_S: Final = 2.0
"""How long a piece of work waits for a connection."""
AWAY_S: Final = 1.0
"""How long after that everybody is told at once that the database is away."""


_UNWRITTEN: Final = (errors.ReadOnlySqlTransaction, errors.DiskFull)
"""A standby, a server that its keeper has set to read-only, a full disk: all of them pass."""
_LOST: Final = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    errors.IdleInTransactionSessionTimeout,
    PoolClosed,
)
"""The connection, and with it whether the work was done."""


class PostgresTx:
    """A transaction on a pooled connection."""

    dialect: Final = "postgresql"
    serial: Final = False
    __slots__ = ("_at", "_clock", "_connection", "_write", "done", "number")

    def __init__(self, connection: psycopg.Connection[Any], clock: Clock, write: bool) -> None:
        self._connection = connection
        self._clock = clock
        self._write = write
        self._at: int | None = None
        self.number: str | None = None
        """The server's own number of it; comes with the time, so it costs no round trip."""
        self.done = False
        """Whether the work is over and only the COMMIT is left."""

    def now(self) -> int:
        """Microseconds UTC by the server's clock, which all processes share; the same for the whole transaction."""
        if self._at is None:
            if isinstance(self._clock, SystemClock):
                row = self._connection.execute(_NOW_AND_ID if self._write else _NOW).fetchone()
                self._at, self.number = (int(row[0]), row[1]) if row else (0, None)
            else:
                self._at = self._clock.now()
        return self._at

    def _execute(self, statement: Prepared, values: Mapping[str, Any]) -> tuple[psycopg.Cursor[Any], Any]:
        sql, own, row = statement.sql("postgresql")
        return self._connection.execute(sql, {**own, **values} if own else values), row

    def all(self, statement: Prepared, /, **values: Any) -> list[Any]:
        """Every row, as named tuples."""
        cursor, row = self._execute(statement, values)
        return [row(found) for found in cursor.fetchall()]

    def first(self, statement: Prepared, /, **values: Any) -> Any | None:
        """The first row or None."""
        cursor, row = self._execute(statement, values)
        found = cursor.fetchone()
        return None if found is None else row(found)

    def run(self, statement: Prepared, /, **values: Any) -> int:
        """Runs a statement; returns how many rows it touched."""
        return self._execute(statement, values)[0].rowcount

    def insert(self, statement: Insertion, /, **values: Any) -> int:
        """Writes one row; returns its id."""
        row: Any = self.first(statement, **values)
        return int(row.id)

    def try_insert(self, statement: Insertion, /, **values: Any) -> int | None:
        """The same for a statement that does nothing where there is such a row already: None then."""
        row = self.first(statement, **values)
        return None if row is None else int(row.id)

    def together(self, statement: Insertion, rows: Sequence[Mapping[str, Any]], /) -> None:
        """Writes rows, each with all of the statement's values; there may be none."""
        self.many(statement, rows)

    def lock(self, statement: Prepared, /, **values: Any) -> None:
        """Takes the locks of a SELECT … FOR UPDATE, whose rows nobody wants; nothing where one alone writes."""
        self._execute(statement, values)

    def many(self, statement: Prepared, rows: Sequence[Mapping[str, Any]], /) -> None:
        """Runs a statement once for each set of values."""
        sql, own, _ = statement.sql("postgresql")
        with self._connection.cursor() as cursor:
            cursor.executemany(sql, [{**own, **row} for row in rows] if own else rows)

    def spread(self, statement: Spread, rows: Sequence[tuple[int, str]], /, **shared: Any) -> None:
        """Inserts a row for each number and text, with the same other values."""
        self.run(statement.postgresql, pairs=msgspec.json.encode(dict(rows)).decode(), **shared)


class PostgresDatabase:
    """A server, connected. `size` connections, and as many threads to use them."""

    dialect: Final = "postgresql"

    def __init__(
        self, url: str, clock: Clock, *, size: int = 8, on_commit: Callable[[int], None] | None = None
    ) -> None:
        self._clock = clock
        self._on_commit = on_commit
        self._pool = ConnectionPool(
            url,
            min_size=1,
            max_size=size,
            timeout=CONNECT_S,
            # The pool waits twice as long after each try; after a minute of that nobody would be let in for another.
            reconnect_timeout=CONNECT_S,
            open=True,
            check=ConnectionPool.check_connection,
            kwargs={"options": "-c idle_in_transaction_session_timeout=30000 -c timezone=UTC"},
        )
        self._threads = ThreadPoolExecutor(size, "postgres")
        self._closed = False
        self._health = Health()
        self._away_until = 0.0

    @property
    def alone(self) -> bool:
        """Never: any number of processes may share the server."""
        return False

    async def write(self, work: Callable[[PostgresTx], T], *, durable: bool = True) -> T:  # noqa: ARG002
        """Runs work in a transaction and returns when it is committed. Goes on when the caller is cancelled.

        Everything is durable here: to ask the server for less would cost the round trip that it saves.
        """
        return await asyncio.shield(self._submit(work, True))

    async def read(self, work: Callable[[PostgresTx], T]) -> T:
        """Runs work that only reads, on one consistent view."""
        return await self._submit(work, False)

    async def ready(self) -> None:
        """Reads, and writes too where the last write has failed."""
        await self._health.check(self)

    async def close(self) -> None:
        """Waits for what is under way and closes every connection."""
        self._closed = True
        await asyncio.get_running_loop().run_in_executor(None, self._close)

    def _close(self) -> None:
        self._threads.shutdown()
        self._pool.close()

    def _submit(self, work: Callable[[PostgresTx], T], write: bool) -> asyncio.Future[T]:
        if self._closed:
            raise Unavailable(_CLOSED)
        return asyncio.get_running_loop().run_in_executor(self._threads, self._run, work, write)

    def _run(self, work: Callable[[PostgresTx], T], write: bool) -> T:
        try:
            result = self._told(work, write)
        except Unavailable:
            if write:
                self._health.failed()
            raise
        if write:
            self._health.succeeded()
            if self._on_commit is not None:
                self._on_commit(1)
        return result

    def _told(self, work: Callable[[PostgresTx], T], write: bool) -> T:
        """What the server's errors mean for whoever asked."""
        if monotonic() < self._away_until:
            raise Unavailable(_AWAY)
        try:
            return self._again_while_undone(work, write)
        except PoolTimeout as error:
            # Whoever stands in the queue behind need not find it out again: clients wait five seconds at most.
            self._away_until = monotonic() + AWAY_S
            raise Unavailable(_AWAY) from error
        except _UNWRITTEN as error:
            raise Unavailable(UNWRITABLE) from error
        except _LOST as error:
            raise Unavailable(_AWAY) from error

    def _again_while_undone(self, work: Callable[[PostgresTx], T], write: bool) -> T:
        """A deadlock's victim has left no trace, so beginning again is safe and spares the caller an error."""
        for _ in range(TRIES - 1):
            try:
                return self._once(work, write)
            except (errors.DeadlockDetected, errors.SerializationFailure):
                continue
        return self._once(work, write)

    def _once(self, work: Callable[[PostgresTx], T], write: bool) -> T:
        tx: PostgresTx | None = None
        try:
            with self._pool.connection() as connection:
                # Both go along with BEGIN, so they cost no round trip. To ask for READ WRITE would overrule a keeper
                # who has set the server to read-only because its disk is nearly full.
                connection.read_only = None if write else True
                connection.isolation_level = None if write else IsolationLevel.REPEATABLE_READ
                tx = PostgresTx(connection, self._clock, write)
                result = work(tx)
                tx.done = True
        except _LOST:
            # Who is told that it failed does it again; what is on disk must not be done twice.
            if tx is None or not tx.done or tx.number is None or not self._is_committed(tx.number, tx.now()):
                raise
        return result

    def _is_committed(self, number: str, at: int) -> bool:
        """Whether a transaction whose COMMIT was never answered is on disk; False too when that cannot be found out.

        `at` is when it got its number, in microseconds UTC by the server's clock.
        """
        until = monotonic() + DOUBT_S
        status: str | None = "in progress"
        while status == "in progress" and monotonic() < until:
            try:
                with self._pool.connection() as connection:
                    row = connection.execute(_STATUS, (at, number)).fetchone()
                    status = row[0] if row else None
            except (PoolTimeout, PoolClosed, errors.InvalidParameterValue):
                # The last is a number that the server has not given out yet: it has forgotten the transaction.
                break
            except _LOST:
                continue
            if status == "in progress":
                sleep(0.02)
        return status == "committed"
