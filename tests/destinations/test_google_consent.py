"""Google's sign-in: what is asked, and what each answer means (RFC 6749, RFC 7636)."""

from urllib.parse import parse_qs

import pytest

from leadtrackr.destinations.contract import Grant, Outcome, Returned
from leadtrackr.destinations.google_ads import GOOGLE_ADS
from tests.destinations.making import NOON, answer

DATAMANAGER = "https://www.googleapis.com/auth/datamanager"
ADWORDS = "https://www.googleapis.com/auth/adwords"
SETTINGS = {"client_id": "client", "client_secret": "a&b=c d"}
CONSENT = GOOGLE_ADS.consent
assert CONSENT is not None
READ, REFUSED, EXCHANGE = CONSENT.read, CONSENT.refused, CONSENT.exchange


def test_a_code_is_exchanged_by_a_form() -> None:
    request = EXCHANGE(SETTINGS, Returned(code="4/0A", redirect_uri="https://x.example/cb", verifier="v" * 43))
    assert (request.service, request.method, request.url) == (
        "google_oauth",
        "POST",
        "https://oauth2.googleapis.com/token",
    )
    assert parse_qs(request.body.decode(), strict_parsing=True) == {
        "grant_type": ["authorization_code"],
        "code": ["4/0A"],
        "redirect_uri": ["https://x.example/cb"],
        "client_id": ["client"],
        "client_secret": ["a&b=c d"],
        "code_verifier": ["v" * 43],
    }


def test_a_grant_takes_the_place_of_a_service_account() -> None:
    body = {"access_token": "ya29", "refresh_token": "1//x", "scope": f"{ADWORDS} {DATAMANAGER}"}
    expected = {"refresh_token": "1//x", "service_account_json": ""}
    assert READ(answer(200, body), NOON) == Grant(expected, frozenset({ADWORDS, DATAMANAGER}))


def test_without_a_scope_everything_is_granted() -> None:
    found = READ(answer(200, {"access_token": "ya29", "refresh_token": "1//x"}), NOON)
    assert isinstance(found, Grant)
    assert found.scopes == {ADWORDS, DATAMANAGER}


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (200, {"access_token": "ya29"}, "refresh_token_missing"),
        (200, {"refresh_token": "1//x"}, "token_unreadable"),
        (200, b"<html>", "token_unreadable"),
        (400, {"error": "invalid_grant", "error_description": "Malformed auth code."}, "invalid_grant"),
        (400, {"error": "redirect_uri_mismatch"}, "redirect_uri_mismatch"),
        (401, {"error": "invalid_client"}, "invalid_client"),
        (400, {"error": "ok"}, "oauth_refused"),
        (503, b"", "server_error"),
    ],
)
def test_what_is_no_grant(status: int, body: object, code: str) -> None:
    found = READ(answer(status, body), NOON)
    assert isinstance(found, Outcome)
    assert found.code == code


@pytest.mark.parametrize(("error", "code"), [("access_denied", "access_denied"), ("anything_new", "oauth_refused")])
def test_a_person_who_comes_back_with_an_error(error: str, code: str) -> None:
    assert REFUSED(error).code == code
