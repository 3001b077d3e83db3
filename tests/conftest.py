"""Fixtures that every folder of tests may use."""

from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from leadtrackr.db import migrate
from tests.support import postgres

# No example has a time limit: on a busy machine that would be a test of the machine.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    """A running PostgreSQL server, one for each test process."""
    with postgres.server() as server:
        yield server


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """An empty SQLite file with the schema, to be copied."""
    path = tmp_path_factory.mktemp("template") / "template.db"
    migrate.upgrade(f"sqlite:///{path}")
    return path.read_bytes()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database with the schema, on each of the two: the way every storage function is tested."""
    if request.param == "sqlite":
        path = tmp_path / "leadtrackr.db"
        path.write_bytes(request.getfixturevalue("sqlite_template"))
        return f"sqlite:///{path}"
    url: str = request.getfixturevalue("postgres_server").fresh()
    return url
