"""Google's page for people, and the exchange of its codes."""

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from .client import SECOND, Ads, Client, Clock, Reply

DATAMANAGER = "https://www.googleapis.com/auth/datamanager"
ADWORDS = "https://www.googleapis.com/auth/adwords"
ANALYTICS = "https://www.googleapis.com/auth/analytics.readonly"
BACK = "https://leads.example.com/oauth/google_ads/callback"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
PAGE = {
    "client_id": "app",
    "redirect_uri": BACK,
    "response_type": "code",
    "scope": f"{DATAMANAGER} {ADWORDS}",
    "access_type": "offline",
    "prompt": "consent",
    "state": "xyz",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}


@pytest.fixture(autouse=True)
def registered(sandbox: Client) -> None:
    """One client with one address."""
    sandbox.set("google_oauth", clients={"app": "s3cret", "other": "s3cret"}, redirect_uris=[BACK])


def visit(sandbox: Client, **changes: str | None) -> Reply:
    query = {name: value for name, value in {**PAGE, **changes}.items() if value is not None}
    return sandbox.call("GET", f"/google_oauth/o/oauth2/v2/auth?{urlencode(query)}")


def back(reply: Reply) -> dict[str, str]:
    assert reply.status == 302, reply.content
    location = reply.headers["Location"]
    assert location.startswith(f"{BACK}?")
    return dict(parse_qsl(urlsplit(location).query))


def exchange(sandbox: Client, code: str, **changes: str | None) -> Reply:
    form: dict[str, Any] = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": BACK,
        "client_id": "app",
        "client_secret": "s3cret",
        "code_verifier": VERIFIER,
        **changes,
    }
    return sandbox.call(
        "POST", "/google_oauth/token", form={name: value for name, value in form.items() if value is not None}
    )


def test_a_code_buys_tokens_that_work(ads: Ads) -> None:
    found = back(visit(ads.client))
    assert (found["state"], found["scope"]) == ("xyz", f"{ADWORDS} {DATAMANAGER}")
    reply = exchange(ads.client, found["code"]).json
    ads.token = reply["access_token"]
    assert ads.ingest().status == 200
    again = {"grant_type": "refresh_token", "client_id": "app", "client_secret": "s3cret"}
    renewed = ads.client.call(
        "POST", "/google_oauth/token", form={**again, "refresh_token": reply["refresh_token"]}
    ).json
    assert renewed["scope"] == f"{ADWORDS} {DATAMANAGER}"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"client_id": None}, "invalid_request"),
        ({"client_id": "nobody"}, "invalid_client"),
        ({"redirect_uri": None}, "invalid_request"),
        ({"redirect_uri": BACK + "/"}, "redirect_uri_mismatch"),
        ({"redirect_uri": BACK.replace("https", "http")}, "redirect_uri_mismatch"),
        ({"response_type": "token"}, "invalid_request"),
        ({"scope": None}, "invalid_scope"),
        ({"scope": "everything"}, "invalid_scope"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge_method": "S512"}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"acces_type": "offline"}, "invalid_request"),
    ],
)
def test_a_wrong_page_sends_nobody_back(sandbox: Client, changes: dict[str, str | None], code: str) -> None:
    reply = visit(sandbox, **changes)
    assert (reply.status, reply.json["error"]) == (400, code)
    assert "Location" not in reply.headers


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"redirect_uri": BACK + "/"}, "redirect_uri_mismatch"),
        ({"redirect_uri": None}, "redirect_uri_mismatch"),
        ({"code_verifier": "w" * 43}, "invalid_grant"),
        ({"code_verifier": None}, "invalid_grant"),
        ({"client_id": "other"}, "invalid_grant"),
        ({"client_secret": "wrong"}, "invalid_client"),
    ],
)
def test_a_wrong_exchange_is_refused(sandbox: Client, changes: dict[str, str | None], code: str) -> None:
    assert exchange(sandbox, back(visit(sandbox))["code"], **changes).json["error"] == code


def test_a_code_is_good_once_and_for_ten_minutes(sandbox: Client, clock: Clock) -> None:
    code = back(visit(sandbox))["code"]
    assert exchange(sandbox, code).status == 200
    assert exchange(sandbox, code).json == {"error": "invalid_grant", "error_description": "Bad Request"}
    late = back(visit(sandbox))["code"]
    clock.now += 600 * SECOND
    assert exchange(sandbox, late).json["error"] == "invalid_grant"
    assert exchange(sandbox, "made-up").json["error_description"] == "Malformed auth code."


def test_what_a_person_leaves_out(sandbox: Client) -> None:
    sandbox.set("google_oauth", unticked=[ADWORDS])
    found = back(visit(sandbox))
    assert found["scope"] == DATAMANAGER
    assert exchange(sandbox, found["code"]).json["scope"] == DATAMANAGER
    sandbox.set("google_oauth", unticked=[ADWORDS, DATAMANAGER])
    assert back(visit(sandbox)) == {"state": "xyz", "error": "access_denied"}


def test_a_person_who_cancels(sandbox: Client) -> None:
    sandbox.set("google_oauth", denied=True)
    assert back(visit(sandbox)) == {"state": "xyz", "error": "access_denied"}


def test_a_refresh_token_comes_the_first_time_or_when_the_page_is_shown(sandbox: Client) -> None:
    def refresh_token(**changes: str | None) -> bool:
        return "refresh_token" in exchange(sandbox, back(visit(sandbox, **changes))["code"]).json

    assert refresh_token(prompt=None)
    assert not refresh_token(prompt=None)
    assert refresh_token()
    assert not refresh_token(access_type=None)


def test_scopes_granted_before_are_included_on_request(sandbox: Client) -> None:
    back(visit(sandbox))
    alone = back(visit(sandbox, scope=ANALYTICS))
    assert alone["scope"] == ANALYTICS
    both = back(visit(sandbox, scope=ANALYTICS, include_granted_scopes="true"))
    assert set(both["scope"].split()) == {ADWORDS, ANALYTICS, DATAMANAGER}


def test_a_missing_state_is_flagged(sandbox: Client) -> None:
    back(visit(sandbox, state=None))
    assert [flag["code"] for flag in sandbox.last("google_oauth")["flags"]] == ["state_missing"]
