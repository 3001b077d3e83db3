"""`leadtrackr incidents`, and what `doctor` says of them, over a connection that somebody else broke."""

from datetime import timedelta

import pytest

from leadtrackr.kit.clock import SystemClock, to_datetime
from tests.support.tables import execute

from .conftest import Environment, Run, data


@pytest.fixture
def project(run: Run, on: Environment) -> str:
    """A project that is connected to Meta."""
    public_id = str(data(run(on, "project", "create", "My site", "--json"))["projectId"])
    assert run(on, "connect", public_id, "meta", "dataset_id=1234567890123456", "access_token=t").exit_code == 0
    return public_id


def broken(on: Environment, kind: str) -> None:
    """Writes down an open incident, as a worker would."""
    execute(
        on["LEADTRACKR_DATABASE_URL"],
        "INSERT INTO incidents (project_id, connection_id, kind, code, detail, since_at, opened_at, ends_at)"
        " SELECT project_id, id, ?, '190', 'Malformed access token', 1790000000000000, 1790000000000000,"
        " 1790000000000000 FROM connections",
        kind,
    )


def test_without_one_it_says_so(run: Run, on: Environment, project: str) -> None:
    assert run(on, "incidents", "list", project).stdout.strip() == "There is no such incident."
    assert data(run(on, "incidents", "list", "--json")) == {"incidents": [], "total": 0}
    unknown = run(on, "incidents", "list", "nobody")
    assert (unknown.exit_code, unknown.stderr.strip()) == (1, "Error: Project not found")


def test_they_are_listed_in_words_with_what_to_do(run: Run, on: Environment, project: str) -> None:
    broken(on, "stopped")
    text = run(on, "incidents", "list", "--open", project).stdout
    assert "meta of project" in text
    assert "Nothing is sent to Meta. Meta does not accept the access token." in text
    assert f"leadtrackr destinations resume {project} meta" in text
    assert "Malformed access token" in text
    assert "More        https://developers.facebook.com/" in text
    (one,) = data(run(on, "incidents", "list", "--json"))["incidents"]
    assert (one["projectId"], one["kind"], one["open"]) == (project, "stopped", True)
    assert one["since"] == "2026-09-21T14:13:20.000Z"


def test_resuming_ends_it(run: Run, on: Environment, project: str) -> None:
    broken(on, "stopped")
    assert run(on, "destinations", "resume", project, "meta").exit_code == 0
    assert data(run(on, "incidents", "list", "--open", "--json"))["incidents"] == []
    (one,) = data(run(on, "incidents", "list", project, "--over", "--json"))["incidents"]
    assert one["recoveredAt"] is not None
    assert one["nextStep"] == "Nothing to do: it is over."


@pytest.mark.parametrize(
    ("kind", "mark", "code"),
    [("failing", "warning ", 0), ("token_expiring", "warning ", 0), ("closing", "WRONG   ", 1)],
)
def test_the_doctor_tells(run: Run, on: Environment, project: str, kind: str, mark: str, code: int) -> None:
    broken(on, kind)
    result = run(on, "doctor")
    assert result.exit_code == code
    assert f"{mark} incidents: " in result.stdout
    assert project in result.stdout or kind == "failing"


def test_a_day_that_is_none_is_refused(run: Run, on: Environment, project: str) -> None:
    for wrong in ("tomorrow", "2027-02-30", "20270101", "2027-1-1"):
        result = run(on, "connect", project, "meta", f"token_ends_on={wrong}")
        assert result.exit_code == 1
        assert "(token_ends_on) is a day, such as 2027-01-31." in result.stderr


def test_the_day_stays_until_the_token_is_another(run: Run, on: Environment, project: str) -> None:
    day = (to_datetime(SystemClock().now()) + timedelta(days=30)).date().isoformat()

    def settings(*values: str) -> dict[str, str]:
        made = data(run(on, "connect", project, "meta", *values, "--json"))
        found: dict[str, str] = made["connection"]["settings"]
        return found

    assert settings(f"token_ends_on={day}")["token_ends_on"] == day
    assert settings("action_source=other", "access_token=t")["token_ends_on"] == day
    assert "token_ends_on" not in settings("access_token=another")
    assert settings("access_token=third", f"token_ends_on={day}")["token_ends_on"] == day
    assert "token_ends_on" not in settings("token_ends_on=")
