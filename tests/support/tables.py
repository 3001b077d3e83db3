"""Reads and writes whole tables of either database, beside the program."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from leadtrackr.db.open import sqlite_path
from leadtrackr.db.tables import metadata

Rows = list[tuple[Any, ...]]


@contextmanager
def _connected(url: str) -> Iterator[Any]:
    """A connection that commits at the end."""
    path = sqlite_path(url)
    if path is not None:
        lite = sqlite3.connect(path, timeout=30)
        try:
            with lite:
                yield lite
        finally:
            lite.close()
    else:
        with psycopg.connect(url) as connection:
            yield connection


def _run(connection: Any, sql: str, values: tuple[object, ...]) -> Rows:
    if isinstance(connection, psycopg.Connection):
        cursor = connection.execute(sql.replace("?", "%s").encode(), values or None)
        return cursor.fetchall() if cursor.description else []
    rows: Rows = connection.execute(sql, values).fetchall()
    return rows


def execute(url: str, sql: str, *values: object) -> Rows:
    """Runs one statement and commits; `?` stands for a value. The rows, if it has any."""
    with _connected(url) as connection:
        return _run(connection, sql, values)


def everything(url: str) -> dict[str, Rows]:
    """Every row of every table, sorted: what may not change when a request is refused."""
    with _connected(url) as connection:
        return {
            table.name: sorted(_run(connection, f"SELECT * FROM {table.name}", ()), key=repr)  # noqa: S608
            for table in metadata.sorted_tables
        }
