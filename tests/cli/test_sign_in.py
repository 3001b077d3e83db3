"""`leadtrackr connect` with a platform's sign-in, the browser played by the test."""

import json
import re
import threading
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import Result

from leadtrackr.cli import signing_in
from leadtrackr.cli.signing_in import returned
from leadtrackr.kit.errors import InvalidInput
from tests.support.platform import CLIENT, browse

from .conftest import Environment, Run, call, data

ELSEWHERE = {
    "microsoft": (
        ("client_id=app", "client_secret=hush-secret", "developer_token=hush-developer"),
        ("account_id=123456789", "customer_id=987654321"),
    ),
    "linkedin": (("client_id=app", "client_secret=hush-secret"), ("ad_account=512345678",)),
}
"""The client, and what names the account, of the platforms beside Google."""
SETTINGS = tuple(f"{name}={value}" for name, value in CLIENT.items())
ACCOUNT = "operating_account=123-456-7890"


@pytest.fixture
def to_sandbox(on: Environment, sandbox_url: str) -> Environment:
    """Settings under which everything goes to the sandbox."""
    return on | {"LEADTRACKR_SANDBOX_URL": sandbox_url}


@pytest.fixture
def project(run: Run, to_sandbox: Environment) -> str:
    """A project's public id."""
    return str(data(run(to_sandbox, "project", "create", "My site", "--json"))["projectId"])


class Person:
    """Opens the address that is printed, lets the program in and follows the platform back."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, change: Callable[[str], str] = str) -> None:
        self.pages: list[tuple[int, str]] = []
        self.told: list[str] = []
        self._change = change
        self._threads: list[threading.Thread] = []
        monkeypatch.setattr(signing_in, "tell", self._hear)

    def _hear(self, text: str) -> None:
        self.told.append(text)
        if found := re.search(r"^http\S+$", text, re.MULTILINE):
            thread = threading.Thread(target=self._go, args=(found[0],))
            self._threads.append(thread)
            thread.start()

    def _go(self, address: str) -> None:
        _, location, _ = browse(address)
        wrong, _, _ = browse(location.replace("state=", "state=x"))
        status, _, body = browse(self._change(location))
        self.pages += [(wrong, ""), (status, body)]

    def finish(self) -> None:
        for thread in self._threads:
            thread.join(30)


def test_the_browser_comes_back_to_this_machine(
    run: Run, to_sandbox: Environment, project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = Person(monkeypatch)
    made = data(
        run(to_sandbox, "connect", project, "google_ads", *SETTINGS, ACCOUNT, "--port", "0", "--test", "--json")
    )
    person.finish()
    assert made["check"]["works"] is True
    assert [status for status, _ in person.pages] == [400, 200], "another state changes nothing"
    assert "Google Ads has given access" in person.pages[-1][1]
    assert not any("hush" in line for line in person.told)


def test_what_went_wrong_is_told_in_both_places(
    run: Run, to_sandbox: Environment, project: str, sandbox_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    adwords = "https://www.googleapis.com/auth/adwords"
    assert call("PUT", f"{sandbox_url}/_sandbox/settings", {"google_oauth": {"unticked": [adwords]}})[0] == 200
    person = Person(monkeypatch)
    result = run(to_sandbox, "connect", project, "google_ads", *SETTINGS, ACCOUNT, "--port", "0")
    person.finish()
    assert result.exit_code == 1
    assert "not everything was ticked" in result.stderr
    assert "not everything was ticked" in person.pages[-1][1]


def test_without_an_account_the_access_waits_for_one(
    run: Run, to_sandbox: Environment, project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = Person(monkeypatch)
    result = run(to_sandbox, "connect", project, "google_ads", *SETTINGS, "--port", "0")
    person.finish()
    assert result.exit_code == 1
    assert f"Choose an account: leadtrackr connect {project} google_ads operating_account=" in result.stderr
    assert "Sandbox Bakery" in result.stderr
    listed = data(run(to_sandbox, "destinations", "accounts", project, "google_ads", "--json"))["accounts"]
    assert [one["id"] for one in listed] == ["1234567890", "9876543210"]
    assert data(run(to_sandbox, "connect", project, "google_ads", ACCOUNT, "--test", "--json"))["check"]["works"]
    table = run(to_sandbox, "destinations", "accounts", project, "google_ads").stdout.splitlines()
    assert [line.split()[0] for line in table if "1234567890" in line][:2] == ["*", "Sandbox"], "the one in use"


def test_the_only_account_is_taken(
    run: Run, to_sandbox: Environment, project: str, sandbox_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert call("PUT", f"{sandbox_url}/_sandbox/settings", {"google_ads_api": {"accessible": ["1234567890"]}})[0] == 200
    person = Person(monkeypatch)
    made = data(run(to_sandbox, "connect", project, "google_ads", *SETTINGS, "--port", "0", "--json"))
    person.finish()
    assert made["connection"]["settings"]["operating_account"] == "1234567890"


def test_a_browser_on_another_machine_is_copied_from(
    run: Run, to_sandbox: Environment, project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def paste(*_: Any, **__: Any) -> str:
        found = re.search(r"^http\S+$", "\n".join(told), re.MULTILINE)
        assert found
        return browse(found[0])[1]

    told: list[str] = []
    monkeypatch.setattr(signing_in, "tell", told.append)
    monkeypatch.setattr("leadtrackr.cli.signing_in.click.prompt", paste)
    made = run(to_sandbox, "connect", project, "google_ads", *SETTINGS, ACCOUNT, "--paste", "--json")
    assert json.loads(made.stdout)["connection"]["settings"]["operating_account"] == "1234567890"


@pytest.mark.parametrize("slug", ELSEWHERE)
def test_the_browser_comes_back_from_other_platforms_too(
    run: Run, to_sandbox: Environment, project: str, slug: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, account = ELSEWHERE[slug]
    person = Person(monkeypatch)
    made = data(run(to_sandbox, "connect", project, slug, *client, *account, "--port", "0", "--json"))
    person.finish()
    assert made["check"]["works"] is True, "whoever has just signed in is shown that it works"
    assert [status for status, _ in person.pages] == [400, 200]
    assert re.search(rf"redirect_uri=http://localhost:\d+/oauth/{slug}/callback&", "".join(person.told))
    assert "hush" not in "".join(person.told) + json.dumps(made)


@pytest.mark.parametrize("slug", ELSEWHERE)
def test_an_account_of_other_platforms_is_chosen_afterwards(
    run: Run, to_sandbox: Environment, project: str, slug: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, account = ELSEWHERE[slug]
    person = Person(monkeypatch)
    result = run(to_sandbox, "connect", project, slug, *client, "--port", "0")
    person.finish()
    assert result.exit_code == 1
    names = " ".join(f"{one.partition('=')[0]}=…" for one in account)
    assert f"Choose an account: leadtrackr connect {project} {slug} {names}" in result.stderr
    assert "Sandbox Florist" in result.stderr
    listed = run(to_sandbox, "destinations", "accounts", project, slug)
    assert f"leadtrackr connect {project} {slug} {' '.join(account)}" in listed.stdout
    assert data(run(to_sandbox, "connect", project, slug, *account, "--json"))["check"]["works"] is True
    again = run(to_sandbox, "destinations", "accounts", project, slug).stdout.splitlines()
    assert [line.split()[0] for line in again if account[0].partition("=")[2] in line][:1] == ["*"], "the one in use"


@pytest.mark.parametrize(
    ("slug", "section", "accounts", "expected"),
    [
        ("microsoft", "microsoft_customers", [{"id": 5, "customer": 7}], {"account_id": "5", "customer_id": "7"}),
        ("linkedin", "linkedin", [{"id": 5}, {"id": 6, "status": "CANCELED"}], {"ad_account": "5"}),
    ],
)
def test_the_only_account_of_other_platforms_is_taken(
    run: Run,
    to_sandbox: Environment,
    project: str,
    sandbox_url: str,
    monkeypatch: pytest.MonkeyPatch,
    slug: str,
    section: str,
    accounts: list[dict[str, Any]],
    expected: dict[str, str],
) -> None:
    knob = "accounts" if slug == "microsoft" else "ad_accounts"
    assert call("PUT", f"{sandbox_url}/_sandbox/settings", {section: {knob: accounts}})[0] == 200
    person = Person(monkeypatch)
    made = data(run(to_sandbox, "connect", project, slug, *ELSEWHERE[slug][0], "--port", "0", "--json"))
    person.finish()
    settings = made["connection"]["settings"]
    assert {name: settings[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("slug", "denied", "words"),
    [
        ("microsoft", {"denied": True}, "did not let the app in"),
        ("linkedin", {"denied": "login"}, "The member did not sign in"),
    ],
)
def test_who_refuses_elsewhere_is_told_in_both_places(
    run: Run,
    to_sandbox: Environment,
    project: str,
    sandbox_url: str,
    monkeypatch: pytest.MonkeyPatch,
    slug: str,
    denied: dict[str, Any],
    words: str,
) -> None:
    assert call("PUT", f"{sandbox_url}/_sandbox/settings", {f"{slug}_oauth": denied})[0] == 200
    person = Person(monkeypatch)
    result = run(to_sandbox, "connect", project, slug, *ELSEWHERE[slug][0], "--port", "0")
    person.finish()
    assert result.exit_code == 1
    assert words in result.stderr
    assert words in person.pages[-1][1]


@pytest.mark.parametrize("slug", ELSEWHERE)
def test_signing_in_again_keeps_the_settings(
    run: Run, to_sandbox: Environment, project: str, slug: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, account = ELSEWHERE[slug]
    entered = "access_token=entered" if slug == "linkedin" else "refresh_token=entered"
    first = data(run(to_sandbox, "connect", project, slug, *client, *account, entered, "--json"))
    person = Person(monkeypatch)
    again = data(run(to_sandbox, "connect", project, slug, "--sign-in", "--port", "0", "--json"))
    person.finish()
    assert again["connection"]["id"] == first["connection"]["id"]
    before, after = first["connection"]["settings"], again["connection"]["settings"]
    assert {name: value for name, value in after.items() if name != "token_ends_on"} == before
    assert ("token_ends_on" in after) == (slug == "linkedin")


@pytest.mark.parametrize("slug", ELSEWHERE)
def test_a_browser_on_another_machine_is_copied_from_elsewhere_too(
    run: Run, to_sandbox: Environment, project: str, slug: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def paste(*_: Any, **__: Any) -> str:
        found = re.search(r"^http\S+$", "\n".join(told), re.MULTILINE)
        assert found
        return browse(found[0])[1]

    client, account = ELSEWHERE[slug]
    told: list[str] = []
    monkeypatch.setattr(signing_in, "tell", told.append)
    monkeypatch.setattr("leadtrackr.cli.signing_in.click.prompt", paste)
    made = data(run(to_sandbox, "connect", project, slug, *client, *account, "--paste", "--json"))
    assert made["check"]["works"] is True


def test_a_port_that_is_taken_is_told(run: Run, to_sandbox: Environment, project: str, sandbox_url: str) -> None:
    port = sandbox_url.rpartition(":")[2]
    result: Result = run(to_sandbox, "connect", project, "google_ads", *SETTINGS, ACCOUNT, "--port", port)
    assert result.exit_code == 1
    assert "Cannot listen at 127.0.0.1" in result.stderr


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("http://127.0.0.1:8401/oauth/google_ads/callback?state=s&code=4%2F0A", {"state": "s", "code": "4/0A"}),
        ("state=s&code=4%2F0A", {"state": "s", "code": "4/0A"}),
        (" 4/0Abc\n", {"code": "4/0Abc"}),
        ("http://x/?error=access_denied&state=s", {"error": "access_denied", "state": "s"}),
    ],
)
def test_what_can_be_pasted(text: str, found: dict[str, str]) -> None:
    assert returned(text) == found


@pytest.mark.parametrize("text", ["", " ", "https://accounts.google.com/signin"])
def test_what_cannot(text: str) -> None:
    with pytest.raises(InvalidInput, match="copy it whole"):
        returned(text)
