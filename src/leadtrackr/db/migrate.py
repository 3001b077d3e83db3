"""The schema's version: what the database has, what this program needs, and the way from one to the other."""

from pathlib import Path
from typing import Final

from sqlalchemy import Connection, create_engine, inspect, text

HEAD: Final = "0001"
"""The newest revision; a test compares it with the migration files."""


def sqlalchemy_url(url: str) -> str:
    """The URL as SQLAlchemy names the drivers that are installed here."""
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


def current(url: str) -> str | None:
    """The revision that the database has; None when it has no tables of ours."""
    engine = create_engine(sqlalchemy_url(url))
    try:
        with engine.connect() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return None
            found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
            return None if found is None else str(found)
    finally:
        engine.dispose()


def upgrade(url: str) -> None:
    """Brings the database up to date; does nothing when it is."""
    engine = create_engine(sqlalchemy_url(url))
    try:
        with engine.begin() as connection:
            run(connection)
    finally:
        engine.dispose()


def run(connection: Connection, revision: str = "head") -> None:
    """Runs the migrations on an open connection."""
    # Imported here, because a start on an up-to-date database never needs it.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
