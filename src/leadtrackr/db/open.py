"""From a URL to an open database."""

import os
from collections.abc import Callable
from pathlib import Path

from leadtrackr.db import migrate
from leadtrackr.db.database import Database
from leadtrackr.db.postgres import PostgresDatabase
from leadtrackr.db.sqlite import SqliteDatabase
from leadtrackr.kit.clock import Clock
from leadtrackr.kit.errors import SettingError


def sqlite_path(url: str) -> Path | None:
    """The file of a `sqlite:///` URL; None for any other."""
    return Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite:///") else None


def open_database(
    url: str, clock: Clock, *, owner: bool = False, pool: int = 8, on_commit: Callable[[int], None] | None = None
) -> Database:
    """Opens the database of a URL. `owner` takes SQLite's side lock, for programs that stay."""
    path = sqlite_path(url)
    if path is not None:
        return SqliteDatabase(path, clock, owner=owner, on_commit=on_commit)
    return PostgresDatabase(url, clock, size=pool, on_commit=on_commit)


def ensure_schema(url: str) -> None:
    """Migrates SQLite by itself; on PostgreSQL an older or newer schema stops the start with what to do."""
    path = sqlite_path(url)
    if path is not None and not path.exists():
        # It holds people's data: nobody else on the machine reads it. Its side files take the same mode.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    found = migrate.current(url)
    if found == migrate.HEAD:
        return
    if path is not None:
        migrate.upgrade(url)
        return
    raise SettingError(
        "LEADTRACKR_DATABASE_URL",
        f"the database's schema is {found or 'empty'}, this program needs {migrate.HEAD}. Run: leadtrackr migrate",
    )
