"""Connecting a platform, with the sandbox as the platform."""

import re
from pathlib import Path

import pytest

from leadtrackr.destinations.registry import DESTINATIONS
from tests.destinations.making import SETTINGS

from .conftest import Environment, Run, call, data

META = ("dataset_id=1234567890123456", "access_token=good-token")
GOOGLE = ("operating_account=123-456-7890", "client_id=c", "client_secret=s", "refresh_token=r")
MICROSOFT = (
    *("account_id=1", "customer_id=2", "developer_token=d3v", "client_id=c"),
    *("client_secret=s", "refresh_token=r"),
)


@pytest.fixture
def to_sandbox(on: Environment, sandbox_url: str) -> Environment:
    """Settings under which everything goes to the sandbox."""
    return on | {"LEADTRACKR_SANDBOX_URL": sandbox_url}


@pytest.fixture
def project(run: Run, to_sandbox: Environment) -> str:
    """A project's public id."""
    return str(data(run(to_sandbox, "project", "create", "My site", "--json"))["projectId"])


@pytest.mark.parametrize("slug", DESTINATIONS)
def test_good_credentials_work(run: Run, to_sandbox: Environment, project: str, slug: str) -> None:
    settings = [f"{name}={value}" for name, value in SETTINGS[slug].items()]
    made = data(run(to_sandbox, "connect", project, slug, *settings, "--test", "--json"))
    assert made["connection"]["destination"] == slug
    assert made["check"]["works"] is True
    assert "hush" not in "".join(made["connection"]["settings"].values())
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


def test_a_webhooks_secret_is_made_up_and_shown_once(run: Run, to_sandbox: Environment, project: str) -> None:
    args = ("connect", project, "webhook", "url=https://hooks.example.com/leads")
    shown = run(to_sandbox, *args, "--test").stdout
    (secret,) = re.findall(r"^Signing secret, shown only now: (whsec_\S{44})$", shown, re.MULTILINE)
    assert "took a signed test event" in shown
    sandbox = to_sandbox["LEADTRACKR_SANDBOX_URL"]
    assert call("PUT", f"{sandbox}/_sandbox/settings", {"webhook": {"secrets": [secret]}})[0] == 200
    again = data(run(to_sandbox, *args, "person_data=yes", "--test", "--json"))
    assert again["check"]["works"]
    assert "madeUp" not in again
    assert secret not in str(again)
    other = data(run(to_sandbox, *args, "secret=", f"old_secret={secret}", "--test", "--json"))
    assert other["check"]["works"], "the former secret signs too"
    assert other["madeUp"]["secret"] not in (secret, "")
    assert run(to_sandbox, *args, "old_secret=", "--test").exit_code == 1, "and then no more"


@pytest.mark.parametrize("url", ["https://127.0.0.1/x", "http://hooks.example.com/x", "https://localhost/x"])
def test_a_webhook_goes_to_the_public_internet_alone(run: Run, to_sandbox: Environment, project: str, url: str) -> None:
    result = run(to_sandbox, "connect", project, "webhook", f"url={url}")
    assert result.exit_code == 1
    assert "Address (url) is not right." in result.stderr


def test_a_label_has_an_event_type_for_the_webhook(run: Run, to_sandbox: Environment, project: str) -> None:
    made = data(run(to_sandbox, "label", "create", project, "Won", "--event", "webhook=lead.won", "--json"))
    assert made["events"] == {"webhook": "lead.won"}
    refused = run(to_sandbox, "label", "create", project, "Ping", "--event", "webhook=ping")
    assert "kept for the connection test" in refused.stderr


def test_resume_names_the_connection(run: Run, to_sandbox: Environment, project: str) -> None:
    nothing = run(to_sandbox, "destinations", "resume", project, "meta")
    assert nothing.stderr.strip() == "Error: This project is not connected to Meta."
    run(to_sandbox, "connect", project, "meta", *META)
    assert data(run(to_sandbox, "destinations", "resume", project, "meta", "--json"))["released"] == 0


def test_a_pause_is_seen_and_asked_twice_it_is_done_once(run: Run, to_sandbox: Environment, project: str) -> None:
    assert "has no connection yet" in run(to_sandbox, "destinations", "connected", project).stdout
    run(to_sandbox, "connect", project, "meta", *META)
    assert "Conversions are sent as they come." in run(to_sandbox, "destinations", "connected", project).stdout
    first = run(to_sandbox, "destinations", "pause", project, "meta").stdout
    assert "Meta is paused; 0 deliveries are held." in first
    again = run(to_sandbox, "destinations", "pause", project, "meta")
    assert (again.exit_code, "Meta was paused already." in again.stdout) == (0, True)
    (one,) = data(run(to_sandbox, "destinations", "connected", project, "--json"))["connections"]
    assert (one["state"], one["code"], one["toSend"]) == ("held", "paused_by_person", 0)
    text = run(to_sandbox, "destinations", "connected", project).stdout
    assert all(words in text for words in ("A person paused this connection.", "Resume the connection", one["since"]))
    assert "/outcomes#leadtrackr-paused_by_person" in text
    assert "hush" not in text
    resumed = [run(to_sandbox, "destinations", "resume", project, "meta").stdout for _ in range(2)]
    assert ["Meta goes on; 0 held" in resumed[0], resumed[1].strip()] == [True, "Meta was not held."]


def test_the_list_of_destinations_needs_no_database(run: Run, environment: Environment, tmp_path: Path) -> None:
    listed = data(run(environment, "destinations", "list", "--json"))["destinations"]
    assert [one["slug"] for one in listed] == list(DESTINATIONS)
    assert {one["slug"]: one for one in listed}["meta"]["apiVersionEnds"] == "2028-07-29"
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


def test_a_refresh_token_that_rotates_survives_every_command(
    run: Run, to_sandbox: Environment, project: str, sandbox_url: str
) -> None:
    run(to_sandbox, "connect", project, "microsoft", *MICROSOFT, "--test")
    run(to_sandbox, "connect", project, "microsoft", "customer_id=3", "--test")
    run(to_sandbox, "doctor", "--online")
    assert data(run(to_sandbox, "destinations", "check", project, "--json"))["checks"][0]["works"] is True
    label = run(to_sandbox, "label", "create", project, "Won", "--event", "microsoft=Qualified lead")
    assert label.exit_code == 0, label.stderr


def test_conversion_actions_are_listed_and_made(run: Run, to_sandbox: Environment, project: str) -> None:
    run(to_sandbox, "connect", project, "google_ads", *GOOGLE)
    place = ("destinations", "actions", project, "google_ads")
    (one,) = data(run(to_sandbox, *place, "list", "--json"))["actions"]
    assert (one["id"], one["category"]) == ("987654321", "IMPORTED_LEAD")
    assert "Not of the type Import" in run(to_sandbox, *place, "list", "--all").stdout
    value = ("--value", "2500", "--currency", "eur", "--counting", "one", "--window-days", "60")
    made = run(to_sandbox, *place, "create", "--name", "Deal", "--category", "converted_lead", *value)
    assert made.exit_code == 0, made.stderr
    assert "--event google_ads=7000000001" in made.stdout
    assert "four to six hours" in made.stderr
    wrong = run(to_sandbox, *place, "create", "--name", "Deal", "--category", "LEAD")
    assert "The category is one of QUALIFIED_LEAD" in wrong.stderr


def test_the_check_shows_how_the_account_stands(
    run: Run, to_sandbox: Environment, project: str, sandbox_url: str
) -> None:
    made = run(to_sandbox, "connect", project, "google_ads", *GOOGLE, "--test")
    assert "  Customer data terms: accepted\n" in made.stdout
    assert "  Sent: click ids and hashed customer data" in made.stdout
    shop = {"id": "1234567890", "terms": False}
    unsigned = {"google_ads_api": {"customers": [shop], "accessible": ["1234567890"]}}
    assert call("PUT", f"{sandbox_url}/_sandbox/settings", unsigned)[0] == 200
    checked = run(to_sandbox, "destinations", "check", project)
    assert checked.exit_code == 0
    assert "  Sent: click ids only" in checked.stdout
    assert "accept the terms" in checked.stdout
