"""Connecting a platform, with the sandbox as the platform."""

from pathlib import Path

import pytest

from leadtrackr.destinations.registry import DESTINATIONS

from .conftest import Environment, Run, call, data

META = ("dataset_id=1234567890123456", "access_token=good-token")
GOOGLE = ("operating_account=123-456-7890", "client_id=c", "client_secret=s", "refresh_token=r")
LINKEDIN = ("ad_account=512345678", "access_token=good-token")
REDDIT = ("pixel_id=a2_abc", "access_token=good-token")
OPENAI = ("pixel_id=px1", "api_key=good-token")
GA4 = ("measurement_id=G-AB12CD34", "api_secret=s3cret")


@pytest.fixture
def to_sandbox(on: Environment, sandbox_url: str) -> Environment:
    """Settings under which everything goes to the sandbox."""
    return on | {"LEADTRACKR_SANDBOX_URL": sandbox_url}


@pytest.fixture
def project(run: Run, to_sandbox: Environment) -> str:
    """A project's public id."""
    return str(data(run(to_sandbox, "project", "create", "My site", "--json"))["projectId"])


@pytest.mark.parametrize(
    ("slug", "settings"),
    [
        ("meta", META),
        ("google_ads", GOOGLE),
        ("ga4", GA4),
        ("linkedin", LINKEDIN),
        ("reddit", REDDIT),
        ("openai", OPENAI),
    ],
)
def test_good_credentials_work(
    run: Run, to_sandbox: Environment, project: str, slug: str, settings: tuple[str, ...]
) -> None:
    made = data(run(to_sandbox, "connect", project, slug, *settings, "--test", "--json"))
    assert made["connection"]["destination"] == slug
    assert made["check"]["works"] is True
    assert not {"good-token", "s3cret", "s", "r"} & set(made["connection"]["settings"].values())
    (again,) = data(run(to_sandbox, "destinations", "check", project, "--json"))["checks"]
    assert again == made["check"]


def test_bad_credentials_say_what_to_do(run: Run, to_sandbox: Environment, project: str) -> None:
    result = run(to_sandbox, "connect", project, "meta", META[0], "access_token=bad-token", "--test")
    assert result.exit_code == 1
    assert "Meta does not accept the access token." in result.stdout
    assert "What to do: Make a new access token" in result.stdout
    assert result.stderr.strip() == "Error: The connection test of meta failed."
    checked = run(to_sandbox, "destinations", "check", project, "meta")
    assert (checked.exit_code, "does not accept" in checked.stdout) == (1, True)


def test_a_refused_token_request_is_told(run: Run, to_sandbox: Environment, project: str) -> None:
    result = run(to_sandbox, "connect", project, "google_ads", *GOOGLE[:3], "refresh_token=revoked-1", "--test")
    assert result.exit_code == 1
    assert "Google does not accept the connection any more." in result.stdout


def test_a_platform_that_is_away_fails_the_test(run: Run, to_sandbox: Environment, project: str) -> None:
    away = to_sandbox | {"LEADTRACKR_SANDBOX_URL": "http://127.0.0.1:1"}
    result = run(away, "connect", project, "meta", *META, "--test")
    assert result.exit_code == 1
    assert "The platform could not be reached." in result.stdout


def test_a_secret_can_come_from_a_file_or_from_standard_input(
    run: Run, to_sandbox: Environment, project: str, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("good-token\n")
    args = ("connect", project, "meta", META[0])
    assert data(run(to_sandbox, *args, "access_token=@token", "--test", "--json"))["check"]["works"]
    assert data(run(to_sandbox, *args, "access_token=@-", "--test", "--json", stdin="other-token\n"))["check"]["works"]
    missing = run(to_sandbox, *args, "access_token=@nowhere")
    assert missing.stderr.strip() == (
        "Error: access_token: the file nowhere cannot be read (no such file or directory)."
    )


def test_values_that_are_not_named_stay(run: Run, to_sandbox: Environment, project: str) -> None:
    run(to_sandbox, "connect", project, "meta", *META)
    changed = data(run(to_sandbox, "connect", project, "meta", "action_source=other", "--test", "--json"))
    assert changed["connection"]["settings"]["dataset_id"] == "1234567890123456"
    assert changed["check"]["works"]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("meta", "dataset_id"), "'dataset_id' is no setting; write KEY=VALUE"),
        (("meta", "foo=1"), "Meta has no setting 'foo'; it takes dataset_id, access_token"),
        (("meta", "dataset_id=1234567890123456"), "Access token (access_token) is missing."),
        (("meta", "dataset_id=x", "access_token=y"), "Dataset id (dataset_id) is not right."),
        (("myspace",), "There is no destination 'myspace'"),
    ],
)
def test_settings_that_cannot_be(
    run: Run, to_sandbox: Environment, project: str, args: tuple[str, ...], words: str
) -> None:
    result = run(to_sandbox, "connect", project, *args)
    assert result.exit_code == 1
    assert words in result.stderr
    assert data(run(to_sandbox, "destinations", "check", project, "--json"))["checks"] == []


def test_resume_names_the_connection(run: Run, to_sandbox: Environment, project: str) -> None:
    nothing = run(to_sandbox, "destinations", "resume", project, "meta")
    assert nothing.stderr.strip() == "Error: This project is not connected to Meta."
    run(to_sandbox, "connect", project, "meta", *META)
    assert data(run(to_sandbox, "destinations", "resume", project, "meta", "--json"))["released"] == 0


def test_the_list_of_destinations_needs_no_database(run: Run, environment: Environment, tmp_path: Path) -> None:
    listed = data(run(environment, "destinations", "list", "--json"))["destinations"]
    assert [one["slug"] for one in listed] == list(DESTINATIONS)
    assert listed[2]["apiVersionEnds"] == "2028-07-29"
    assert "not announced" in run(environment, "destinations", "list").stdout
    assert not (tmp_path / "data").exists()


def test_the_doctor_asks_the_platforms(run: Run, to_sandbox: Environment, project: str, sandbox_url: str) -> None:
    run(to_sandbox, "connect", project, "meta", *META)
    online = data(run(to_sandbox, "doctor", "--online", "--json"))
    assert [one["level"] for one in online["checks"] if one["name"] == "credentials"] == ["ok"]
    assert call("PUT", f"{sandbox_url}/_sandbox/settings", {"meta": {"bad_tokens": ["good-token"]}})[0] == 200
    result = run(to_sandbox, "doctor", "--online")
    assert result.exit_code == 1
    assert "WRONG    credentials: meta of project" in result.stdout
    assert result.stderr.strip() == "Error: Something is wrong: credentials."
    assert run(to_sandbox, "doctor").exit_code == 0
