"""LinkedIn's sign-in, its refresh tokens, and the list of ad accounts."""

from collections.abc import Generator
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import pytest

from leadtrackr.destinations.contract import (
    AccountTree,
    Asked,
    Grant,
    Kind,
    Outcome,
    Request,
    Response,
    Returned,
    Token,
)
from leadtrackr.destinations.linkedin import LINKEDIN
from leadtrackr.destinations.linkedin.accounts import list_accounts
from leadtrackr.destinations.registry import token_ends_at, validate_settings
from leadtrackr.kit.clock import DAY
from leadtrackr.kit.errors import InvalidInput
from tests.destinations.making import NOON, SETTINGS, answer, event

BACK = "http://localhost:8401/oauth/linkedin/callback"
CLIENT = {"client_id": "app", "client_secret": "a&b=c+d"}
RENEWED = {"ad_account": "512345678", **CLIENT, "refresh_token": "hush-refresh"}
CONSENT, AUTH = LINKEDIN.consent, LINKEDIN.auth
assert CONSENT is not None
assert AUTH is not None
ADDRESS, EXCHANGE, READ, REFUSED = CONSENT.address, CONSENT.exchange, CONSENT.read, CONSENT.refused
TOKEN_REQUEST, READ_TOKEN = AUTH.request, AUTH.read
T = TypeVar("T")


def day(seconds: int) -> str:
    return datetime.fromtimestamp(NOON // 1_000_000 + seconds, UTC).date().isoformat()


def test_the_address_has_no_challenge() -> None:
    request = ADDRESS(CLIENT, Asked(redirect_uri=BACK, state="xyz", challenge="c" * 43))
    parts = urlsplit(request.url)
    assert (request.service, f"{parts.netloc}{parts.path}") == (
        "linkedin_oauth",
        "www.linkedin.com/oauth/v2/authorization",
    )
    assert {name: values[0] for name, values in parse_qs(parts.query, strict_parsing=True).items()} == {
        "response_type": "code",
        "client_id": "app",
        "redirect_uri": BACK,
        "state": "xyz",
        "scope": "rw_conversions r_ads",
    }


def test_a_code_is_exchanged_by_a_form() -> None:
    request = EXCHANGE(CLIENT, Returned(code="AQT", redirect_uri=BACK, verifier="v" * 43))
    assert (request.service, request.url) == ("linkedin_oauth", "https://www.linkedin.com/oauth/v2/accessToken")
    assert parse_qs(request.body.decode(), strict_parsing=True) == {
        "grant_type": ["authorization_code"],
        "code": ["AQT"],
        "client_id": ["app"],
        "client_secret": ["a&b=c+d"],
        "redirect_uri": [BACK],
    }


def test_an_access_token_comes_with_the_day_on_which_it_ends() -> None:
    found = READ(answer(200, {"access_token": "a", "expires_in": 5_184_000, "scope": "r_ads rw_conversions"}), NOON)
    values = {"access_token": "a", "refresh_token": "", "token_ends_on": day(5_184_000)}
    assert found == Grant(values, frozenset({"r_ads", "rw_conversions"}), "a")
    ends = token_ends_at(LINKEDIN, values)
    assert ends is not None
    assert NOON + 59 * DAY <= ends <= NOON + 60 * DAY, "the warning is never later than the end"


def test_a_refresh_token_takes_its_place() -> None:
    body = {"access_token": "a", "expires_in": 5_184_000, "refresh_token": "r", "refresh_token_expires_in": 31_536_000}
    found = READ(answer(200, {**body, "scope": "r_ads,rw_conversions"}), NOON)
    values = {"access_token": "", "refresh_token": "r", "token_ends_on": day(31_536_000)}
    assert found == Grant(values, frozenset({"r_ads", "rw_conversions"}), "a")


def test_without_a_life_there_is_no_day() -> None:
    found = READ(answer(200, {"access_token": "a"}), NOON)
    assert isinstance(found, Grant)
    assert found.values["token_ends_on"] == ""
    assert found.scopes == {"r_ads", "rw_conversions"}, "an answer without scopes grants what was asked"


REFUSALS = [
    (200, {"expires_in": 5}, "token_unreadable"),
    (200, b"<html>", "token_unreadable"),
    (401, {"error": "invalid_request", "error_description": "authorization code not found"}, "invalid_request"),
    (400, {"error": "invalid_redirect_uri"}, "invalid_redirect_uri"),
    (401, {"error": "invalid_client"}, "invalid_client"),
    (400, {"error": "invalid_grant"}, "invalid_grant"),
    (400, {"error": "ok"}, "oauth_refused"),
    (400, b"", "oauth_refused"),
    (429, b"", "rate_limited"),
    (503, b"", "server_error"),
]


@pytest.mark.parametrize(("status", "body", "code"), REFUSALS)
def test_what_is_no_grant_is_no_token_either(status: int, body: object, code: str) -> None:
    for found in (READ(answer(status, body), NOON), READ_TOKEN(answer(status, body))):
        assert isinstance(found, Outcome)
        assert found.code == code
        assert code in LINKEDIN.codes


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("user_cancelled_login", "user_cancelled_login"),
        ("user_cancelled_authorize", "user_cancelled_authorize"),
        ("access_denied", "access_denied"),
        ("unauthorized_scope_error", "unauthorized_scope_error"),
        ("anything_new", "oauth_refused"),
        ("server_error", "oauth_refused"),
    ],
)
def test_a_member_who_comes_back_with_an_error(error: str, code: str) -> None:
    assert REFUSED(error).code == code


# Tokens


def test_either_credential_is_enough_and_one_is_needed() -> None:
    assert validate_settings(LINKEDIN, SETTINGS["linkedin"])["access_token"] == "hush-linkedin"
    assert validate_settings(LINKEDIN, RENEWED)["refresh_token"] == "hush-refresh"
    for lacking in ("refresh_token", "client_id", "client_secret"):
        with pytest.raises(InvalidInput, match="LinkedIn needs access_token, or client_id with"):
            validate_settings(LINKEDIN, {name: value for name, value in RENEWED.items() if name != lacking})


def test_an_entered_token_is_used_as_it_is() -> None:
    assert AUTH is not None
    assert AUTH.given(SETTINGS["linkedin"]) == "hush-linkedin"
    assert AUTH.given(RENEWED) is None
    headers = LINKEDIN.check(SETTINGS["linkedin"], None).headers
    assert headers["authorization"] == "Bearer hush-linkedin"
    asked_for = LINKEDIN.build([event(slug="linkedin")], RENEWED, "tok")
    assert asked_for.headers["authorization"] == "Bearer tok"


def test_a_refresh_token_is_exchanged_by_a_form() -> None:
    request = TOKEN_REQUEST(RENEWED, NOON)
    assert (request.service, request.url) == ("linkedin_oauth", "https://www.linkedin.com/oauth/v2/accessToken")
    assert parse_qs(request.body.decode(), strict_parsing=True) == {
        "grant_type": ["refresh_token"],
        "refresh_token": ["hush-refresh"],
        "client_id": ["app"],
        "client_secret": ["a&b=c+d"],
    }
    for lacking in ("refresh_token", "client_id", "client_secret"):
        with pytest.raises(InvalidInput) as refused:
            TOKEN_REQUEST({name: value for name, value in RENEWED.items() if name != lacking}, NOON)
        assert refused.value.field == lacking


def test_what_a_refresh_token_buys() -> None:
    body: dict[str, Any] = {"access_token": "a", "expires_in": 5_184_000}
    assert READ_TOKEN(answer(200, body)) == Token("a", 5_184_000, None)
    assert READ_TOKEN(answer(200, {**body, "refresh_token": "r2"})) == Token("a", 5_184_000, "r2")
    lacking = READ_TOKEN(answer(200, {**body, "scope": "r_ads"}))
    assert isinstance(lacking, Outcome)
    assert (lacking.code, lacking.kind) == ("scope_missing", Kind.HOLD)


def test_which_refusals_may_be_of_a_token_that_ended_early() -> None:
    assert AUTH is not None
    assert AUTH.renewed_on == {"65600", "401", "EXPIRED_ACCESS_TOKEN"}
    assert "65601" not in AUTH.renewed_on, "a member who withdrew it meant it"


# Ad accounts


def walk(steps: Generator[Request, Response, T], *answers: Response) -> tuple[list[Request], T]:
    """The requests, and what comes of these answers."""
    left, asked = list(answers), [next(steps)]
    try:
        while True:
            asked.append(steps.send(left.pop(0)))
    except StopIteration as done:
        assert not left
        found: T = done.value
        return asked, found


def test_every_page_of_ad_accounts_is_read() -> None:
    first = {
        "elements": [
            {"id": 2, "name": "beta", "currency": "EUR", "status": "ACTIVE", "test": True, "servingStatuses": []},
            {"id": 3, "name": "Closed", "status": "CANCELED"},
        ],
        "metadata": {"nextPageToken": "a/b+c="},
    }
    second = {"elements": [{"id": 1, "name": "Alpha", "status": "ACTIVE"}], "metadata": {}}
    asked, found = walk(list_accounts(RENEWED, "tok"), answer(200, first), answer(200, second))
    assert [request.url for request in asked] == [
        "https://api.linkedin.com/rest/adAccounts?q=search&pageSize=100",
        "https://api.linkedin.com/rest/adAccounts?q=search&pageSize=100&pageToken=a%2Fb%2Bc%3D",
    ]
    assert asked[0].headers["authorization"] == "Bearer tok"
    assert asked[0].headers["linkedin-version"] == "202609"
    assert isinstance(found, AccountTree)
    assert [(one.id, one.name, one.is_test, one.state) for one in found.accounts] == [
        ("1", "Alpha", False, "active"),
        ("2", "beta", True, "active"),
        ("3", "Closed", False, "canceled"),
    ]
    assert [one.settings for one in found.accounts] == [{"ad_account": "1"}, {"ad_account": "2"}, {}]


def test_a_list_without_an_end_is_cut() -> None:
    page = answer(200, {"elements": [{"id": 1}], "metadata": {"nextPageToken": "again"}})
    _, found = walk(list_accounts(RENEWED, "t"), *[page] * 50)
    assert isinstance(found, AccountTree)
    assert found.notes == ("Only the first 50 ad accounts are shown.",)


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (401, {"code": "INVALID_ACCESS_TOKEN", "message": "No."}, "accounts_token"),
        (403, {"code": "ACCESS_DENIED"}, "accounts_forbidden"),
        (426, b"", "accounts_refused"),
        (400, b"<html>", "accounts_refused"),
        (503, b"", "server_error"),
        (200, b"[]", "unreadable"),
    ],
)
def test_why_nothing_is_listed(status: int, body: object, code: str) -> None:
    _, found = walk(list_accounts(RENEWED, "t"), answer(status, body))
    assert isinstance(found, Outcome)
    assert found.code == code
    assert code in LINKEDIN.codes
