"""PostgreSQL: a pool of connections, each used by one thread for one transaction. Many processes may share it."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Any, Final, TypeVar

import psycopg
from psycopg import IsolationLevel, errors
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout

from leadtrackr.db.statement import Prepared
from leadtrackr.kit.clock import Clock, SystemClock
from leadtrackr.kit.errors import Unavailable

T = TypeVar("T")
_NOW: Final = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
_AWAY: Final = "The database cannot be reached at the moment. Try again shortly."
_CLOSED: Final = "The database is closed: the server is stopping."
TRIES: Final = 5
"""How often work is begun again that the server undid whole, because it stood in the way of another transaction."""

CONNECT_S: Final = 2.0
"""How long a piece of work waits for a connection."""
AWAY_S: Final = 1.0
"""How long after that everybody is told at once that the database is away."""


class PostgresTx:
    """A transaction on a pooled connection."""

    dialect: Final = "postgresql"
    __slots__ = ("_at", "_clock", "_connection")

    def __init__(self, connection: psycopg.Connection[Any], clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self._at: int | None = None

    def now(self) -> int:
        """Microseconds UTC by the server's clock, which all processes share; the same for the whole transaction."""
        if self._at is None:
            if isinstance(self._clock, SystemClock):
                row = self._connection.execute(_NOW).fetchone()
                self._at = int(row[0]) if row else 0
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

    def many(self, statement: Prepared, rows: Sequence[Mapping[str, Any]], /) -> None:
        """Runs a statement once for each set of values."""
        sql, own, _ = statement.sql("postgresql")
        with self._connection.cursor() as cursor:
            cursor.executemany(sql, [{**own, **row} for row in rows] if own else rows)


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
            open=True,
            check=ConnectionPool.check_connection,
            kwargs={"options": "-c idle_in_transaction_session_timeout=30000 -c timezone=UTC"},
        )
        self._threads = ThreadPoolExecutor(size, "postgres")
        self._closed = False
        self._away_until = 0.0

    @property
    def alone(self) -> bool:
        """Never: any number of processes may share the server."""
        return False

    async def write(self, work: Callable[[PostgresTx], T]) -> T:
        """Runs work in a transaction and returns when it is committed. Goes on when the caller is cancelled."""
        return await asyncio.shield(self._submit(work, True))

    async def read(self, work: Callable[[PostgresTx], T]) -> T:
        """Runs work that only reads, on one consistent view."""
        return await self._submit(work, False)

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
        if monotonic() < self._away_until:
            raise Unavailable(_AWAY)
        try:
            result = self._again_while_undone(work, write)
        except PoolTimeout as error:
            # Whoever stands in the queue behind need not find it out again: clients wait five seconds at most.
            self._away_until = monotonic() + AWAY_S
            raise Unavailable(_AWAY) from error
        except (psycopg.OperationalError, psycopg.InterfaceError, PoolClosed) as error:
            raise Unavailable(_AWAY) from error
        if write and self._on_commit is not None:
            self._on_commit(1)
        return result

    def _again_while_undone(self, work: Callable[[PostgresTx], T], write: bool) -> T:
        """A deadlock's victim has left no trace, so beginning again is safe and spares the caller an error."""
        for _ in range(TRIES - 1):
            try:
                return self._once(work, write)
            except (errors.DeadlockDetected, errors.SerializationFailure):
                continue
        return self._once(work, write)

    def _once(self, work: Callable[[PostgresTx], T], write: bool) -> T:
        with self._pool.connection() as connection:
            # Both go along with BEGIN, so they cost no round trip.
            connection.read_only = not write
            connection.isolation_level = None if write else IsolationLevel.REPEATABLE_READ
            return work(PostgresTx(connection, self._clock))
