"""Every sign-in of the registry is declared whole."""

from urllib.parse import parse_qs, urlsplit

import pytest

from leadtrackr.destinations.contract import Asked, Consent, Destination, Grant, Outcome, Returned
from leadtrackr.destinations.registry import DESTINATIONS
from tests.destinations.making import NOON, SETTINGS, answer

BACK = "https://leads.example.com/oauth/x/callback"
WITH = [one for one in DESTINATIONS.values() if one.consent is not None]
EACH = pytest.mark.parametrize("one", WITH, ids=lambda one: one.slug)
CLIENT = {"client_id": "app", "client_secret": "hush&secret", "developer_token": "hush-developer"}


def consent_of(one: Destination) -> Consent:
    assert one.consent is not None
    return one.consent


def test_these_have_one() -> None:
    assert [one.slug for one in WITH] == ["google_ads", "ga4", "linkedin", "microsoft"]


@EACH
def test_it_names_settings_that_there_are(one: Destination) -> None:
    consent, fields = consent_of(one), {field.name: field for field in one.fields}
    assert {*consent.client, *consent.credentials} <= set(fields)
    assert not fields[consent.client[0]].secret, "the pages look for it among what is no secret"
    assert all(fields[name].secret for name in consent.credentials)
    assert consent.loopback in ("127.0.0.1", "localhost")
    assert consent.lacking[0].isupper()
    assert not consent.lacking.endswith((".", ":"))


@EACH
def test_its_rights_are_in_the_address(one: Destination) -> None:
    consent = consent_of(one)
    request = consent.address(CLIENT, Asked(redirect_uri=BACK, state="xyz", challenge="c" * 43))
    assert (request.method, request.body) == ("GET", b"")
    assert "hush" not in request.url, "no secret goes through a browser"
    query = {name: values[0] for name, values in parse_qs(urlsplit(request.url).query, strict_parsing=True).items()}
    assert (query["client_id"], query["redirect_uri"], query["state"]) == ("app", BACK, "xyz")
    assert query["response_type"] == "code"
    assert {right.scope for right in consent.rights} <= set(query["scope"].split())
    assert consent.rights
    assert all(len(right.tick.split()) > 2 for right in consent.rights)


@EACH
def test_a_code_is_exchanged_in_a_body_alone(one: Destination) -> None:
    request = consent_of(one).exchange(CLIENT, Returned(code="c&d", redirect_uri=BACK, verifier="v" * 43))
    assert (request.method, urlsplit(request.url).query) == ("POST", "")
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    form = parse_qs(request.body.decode(), strict_parsing=True)
    assert (form["grant_type"], form["code"], form["redirect_uri"]) == (["authorization_code"], ["c&d"], [BACK])
    assert form["client_secret"] == ["hush&secret"]


@EACH
def test_what_it_gives_are_settings_and_what_it_says_has_words(one: Destination) -> None:
    consent = consent_of(one)
    found = consent.read(answer(200, {"access_token": "a", "refresh_token": "r", "expires_in": 3600}), NOON)
    assert isinstance(found, Grant)
    assert set(found.values) <= {field.name for field in one.fields}
    assert found.scopes == {right.scope for right in consent.rights}, "an answer without scopes grants what was asked"
    for status in (200, 302, 400, 401, 403, 404, 429, 500, 503):
        for body in (b"", b"<html>", b"[]", b'{"error":"brand_new"}', b'{"error":"invalid_grant"}', b'{"error":"ok"}'):
            said = consent.read(answer(status, body), NOON)
            assert isinstance(said, Outcome)
            assert said.code in one.codes
    for error in ("access_denied", "invalid_scope", "server_error", "brand_new", "ok", ""):
        assert consent.refused(error).code in one.codes
    assert consent.refused("access_denied").hold == "credentials"
    assert "scope_missing" in one.codes


@EACH
def test_usual_settings_are_access_already(one: Destination) -> None:
    assert set(consent_of(one).credentials) & set(SETTINGS[one.slug])
