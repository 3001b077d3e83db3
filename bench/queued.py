"""A queue of any length: deliveries of one connection, each of a lead and a job of its own, copied set by set."""

import contextlib
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg

from bench.templates import Site
from leadtrackr.conversions import service as conversions
from leadtrackr.db.open import sqlite_path
from leadtrackr.db.sqlite import connect
from leadtrackr.db.tables import metadata
from leadtrackr.kit.clock import HOUR
from leadtrackr.leads.service import Ref

MODELS: Final = 1000
"""Leads that are made with the program's own services; the rest are their copies."""
MANY: Final = 100_000
"""From so many rows on it is quicker to make the indexes again than to keep them."""
_TABLES: Final = ("leads", "jobs", "deliveries")
_OWN: Final = f"n * {MODELS} + {{}}"
_INDEXES_SQLITE: Final = (
    "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
    " AND tbl_name IN ('leads', 'jobs', 'deliveries')"
)
_INDEXES_POSTGRES: Final = (
    "SELECT indexname, indexdef FROM pg_indexes WHERE tablename IN ('leads', 'jobs', 'deliveries')"
    " AND indexname NOT IN (SELECT conname FROM pg_constraint)"
)
_CHANGED: Final = {
    "leads": {"id": _OWN.format("m.id"), "unique_event_id": "m.unique_event_id || '-' || n"},
    "jobs": {"id": _OWN.format("m.id"), "lead_id": _OWN.format("m.lead_id")},
    "deliveries": {
        "id": _OWN.format("m.id"),
        "job_id": _OWN.format("m.job_id"),
        "lead_id": _OWN.format("m.lead_id"),
        "event_id": "m.event_id || '-' || n",
        # In the order of their making, as ratings come in.
        "closes_at": "(SELECT min(closes_at) FROM model_deliveries) + " + _OWN.format("m.id"),  # noqa: S608 - our own words
    },
}
_Driver = sqlite3.Connection | psycopg.Connection[Any]


class Queue:
    """The queue of connection 1 in a database of its own."""

    def __init__(self, url: str) -> None:
        self._site = Site(url)
        self._path = sqlite_path(url)
        self._url = url
        self._copies = 0
        self.db, self.box = self._site.db, self._site.box

    async def start(self) -> None:
        """Makes the project and the models; the queue is empty then."""
        site = self._site
        await site.project()
        label = await site.label("google_ads")
        for lead in await site.leads(MODELS, 7 * HOUR):
            post = conversions.Post(ref=Ref(lead_id=lead), conversion_id=label, price=5000 + lead)
            await conversions.update_status(site.db, site.ids, site.key, post)
        with self._driver() as driver:
            for table in _TABLES:
                _run(driver, f"CREATE TABLE model_{table} AS SELECT * FROM {table}")  # noqa: S608 - our own words
            for table in reversed(_TABLES):
                _run(driver, f"DELETE FROM {table}")  # noqa: S608 - our own words

    def fill(self, count: int) -> None:
        """Adds so many deliveries, a multiple of MODELS, due now."""
        first, last = self._copies + 1, self._copies + count // MODELS
        self._copies = last
        with self._driver() as driver, _without_indexes(driver) if count >= MANY else contextlib.nullcontext():
            for table in _TABLES:
                _run(driver, _copy(table, first, last))
        if self._path is None:
            with psycopg.connect(self._url, autocommit=True) as server:
                # What autovacuum does in time.
                server.execute("VACUUM ANALYZE")

    def rest(self) -> None:
        """Writes out what the preparation has left, so that what is timed does not do it."""
        if self._path is not None:
            with contextlib.closing(connect(self._path)) as file:
                file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        else:
            with psycopg.connect(self._url, autocommit=True) as server:
                server.execute("CHECKPOINT")

    def empty_to(self, count: int) -> None:
        """Leaves so many deliveries in the queue, those whose window closes last."""
        last = f"SELECT id FROM deliveries WHERE state = 'queued' ORDER BY closes_at DESC, id DESC LIMIT {count}"  # noqa: S608
        with self._driver() as driver:
            _run(driver, f"DELETE FROM deliveries WHERE id NOT IN ({last})")  # noqa: S608 - our own words

    def count(self, what: str) -> int:
        """How many rows there are of `what`: a table, with a condition if wanted."""
        with self._driver() as driver:
            return int(_run(driver, f"SELECT count(*) FROM {what}")[0][0])  # noqa: S608 - our own words

    @contextmanager
    def _driver(self) -> Iterator[_Driver]:
        if self._path is not None:
            with contextlib.closing(connect(self._path)) as file:
                file.execute("PRAGMA foreign_keys = OFF")
                file.execute("BEGIN IMMEDIATE")
                yield file
                file.execute("COMMIT")
        else:
            with psycopg.connect(self._url) as server:
                # The copies refer to each other rightly; to have each looked up again takes longer than to write it.
                server.execute("SET session_replication_role = replica")
                server.execute("SET synchronous_commit = off")
                server.execute("SET maintenance_work_mem = '1GB'")
                yield server


def _run(driver: _Driver, sql: str) -> list[tuple[Any, ...]]:
    if isinstance(driver, sqlite3.Connection):
        return driver.execute(sql).fetchall()
    cursor = driver.execute(sql.encode())
    return cursor.fetchall() if cursor.description else []


def _copy(table: str, first: int, last: int) -> str:
    columns = [column.name for column in metadata.tables[table].columns]
    values = [_CHANGED[table].get(name, f"m.{name}") for name in columns]
    return (
        f"WITH RECURSIVE copies (n) AS (VALUES ({first}) UNION ALL SELECT n + 1 FROM copies WHERE n < {last})"  # noqa: S608
        f" INSERT INTO {table} ({', '.join(columns)})"
        f" SELECT {', '.join(values)} FROM copies CROSS JOIN model_{table} m ORDER BY n, m.id"
    )


@contextmanager
def _without_indexes(driver: _Driver) -> Iterator[None]:
    indexes = _run(driver, _INDEXES_SQLITE if isinstance(driver, sqlite3.Connection) else _INDEXES_POSTGRES)
    for name, _ in indexes:
        _run(driver, f"DROP INDEX {name}")
    yield
    for _, sql in indexes:
        _run(driver, sql)
