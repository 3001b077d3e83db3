"""One running program for each database; every test gets projects of its own in it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from leadtrackr.kit.clock import ManualClock
from leadtrackr.labels import service as labels
from leadtrackr.labels.model import Label
from leadtrackr.labels.service import NewLabel
from tests.support import tables
from tests.support.program import Answer, Program

START = 1_790_000_000_000_000
"""When the clock of the tests begins, in microseconds UTC: September 2026."""


@dataclass(frozen=True, slots=True)
class Api:
    """A project of the running program, as its owner's programs use it."""

    program: Program
    number: int
    public_id: str
    key: str
    labels: tuple[Label, ...]

    @property
    def url(self) -> str:
        """The database's URL."""
        return self.program.database_url

    @property
    def clock(self) -> ManualClock:
        """The program's clock, which stands still until it is stepped."""
        assert isinstance(self.program.clock, ManualClock)
        return self.program.clock

    def create(self, **parts: object) -> int:
        """Posts a lead, which must be taken; returns its number. `email` and the like are parts of userData."""
        user = {name: parts.pop(name) for name in ("firstName", "lastName", "email", "phone") if name in parts}
        answer = self.post("createLead", {"userData": user or {"firstName": "Jan"}, **parts})
        assert answer.status in (200, 201), answer.body
        return int(answer.json["leadId"])

    def post(self, call: str, body: Mapping[str, object], key: str | None = None) -> Answer:
        """Posts a body for this project."""
        return self.program.post(call, {"projectId": self.number, **body}, key)

    def rate(self, body: object, **headers: str) -> Answer:
        """Posts to updateLeadStatus with the project's key."""
        return self.program.post("updateLeadStatus", body, self.key, **headers)

    def get(self, **params: object) -> Answer:
        """getLead with the project's key."""
        return self.program.get("getLead", self.key, **params)

    def list(self, **params: object) -> Answer:
        """getLeads with the project's key."""
        return self.program.get("getLeads", self.key, **params)

    def lead(self, lead_id: int) -> dict[str, object]:
        """A lead as getLead shows it."""
        found: dict[str, object] = self.get(leadId=lead_id).json["lead"]
        return found

    def row(self, lead_id: int, *columns: str) -> tuple[object, ...]:
        """Columns of a lead's row, for what the API does not show."""
        return tables.execute(self.url, f"SELECT {', '.join(columns)} FROM leads WHERE id = ?", lead_id)[0]  # noqa: S608

    def count(self) -> int:
        """How many leads the project has."""
        return int(tables.execute(self.url, "SELECT count(*) FROM leads WHERE project_id = ?", self.number)[0][0])

    def tables(self) -> dict[str, tables.Rows]:
        """Every row of every table."""
        return tables.everything(self.url)

    def revoke_keys(self) -> None:
        """Revokes every key of the project."""
        tables.execute(self.url, "UPDATE api_keys SET revoked_at = 1 WHERE project_id = ?", self.number)

    def switch_off(self) -> None:
        """Makes the project inactive."""
        tables.execute(self.url, "UPDATE projects SET active = 0 WHERE id = ?", self.number)


def start(program: Program, *names: str) -> Api:
    """A new project with labels of these names, which mark the lead as done."""
    parts = program.parts
    made = program.run(labels.start_project(parts.db, parts.ids, name="Bakery", currency="EUR", country="NL"))
    number = made.project.id
    created = [
        program.run(labels.create(parts.db, parts.ids, str(number), NewLabel(name=name, done=True))) for name in names
    ]
    return Api(program, number, made.project.public_id, made.api_key, tuple(created))


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """The program on each database, for the whole run, with a clock that stands still."""
    folder = tmp_path_factory.mktemp("program")
    with Program(make_database(request, request.param, folder), folder, ManualClock(START)) as running:
        yield running


def make_database(request: pytest.FixtureRequest, kind: str, folder: Path) -> str:
    """An empty database of this kind, not the one that the other tests empty."""
    if kind == "sqlite":
        path = folder / "leadtrackr.db"
        path.write_bytes(request.getfixturevalue("sqlite_template"))
        return f"sqlite:///{path}"
    url: str = request.getfixturevalue("postgres_server").fresh("leadtrackr_api")
    return url


@pytest.fixture
def api(program: Program) -> Api:
    """A project with the labels Qualified and Sold."""
    return start(program, "Qualified", "Sold")


@pytest.fixture
def other(program: Program) -> Api:
    """Another project, whose key must open nothing of the first."""
    return start(program, "Other")


@pytest.fixture
def alone(database_url: str, tmp_path: Path) -> Iterator[Callable[..., Program]]:
    """Starts programs that a test may break, on a database of their own."""
    running: list[Program] = []

    def make(**environ: str) -> Program:
        running.append(Program(database_url, tmp_path, ManualClock(START), **environ))
        return running[-1]

    yield make
    for one in running:
        one.close()
