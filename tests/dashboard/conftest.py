"""One running program for each database; every test gets a project of its own in it."""

from collections.abc import Iterator

import pytest

from leadtrackr.kit.clock import ManualClock
from tests.dashboard.site import Site
from tests.support.program import Program

START = 1_790_000_000_000_000
"""When the clock of the tests begins, in microseconds UTC: 21 September 2026, 14:13:20."""


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """The program on each database, for the whole run, with a clock that stands still."""
    folder = tmp_path_factory.mktemp("pages")
    if request.param == "sqlite":
        path = folder / "leadtrackr.db"
        path.write_bytes(request.getfixturevalue("sqlite_template"))
        url = f"sqlite:///{path}"
    else:
        url = request.getfixturevalue("postgres_server").fresh("leadtrackr_pages")
    with Program(url, folder, ManualClock(START)) as running:
        yield running


@pytest.fixture
def site(program: Program) -> Site:
    """A project."""
    return Site(program)


@pytest.fixture
def other(program: Program) -> Site:
    """Another project, which the people of the first must not see."""
    return Site(program, name="Rival")
