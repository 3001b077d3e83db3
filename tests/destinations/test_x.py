"""X: exact bytes, the signed header, its rule for identifiers, answers by status and code. Rules: Conversion API."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadtrackr.destinations.contract import HTTP_CODES, Kind, LeadData, Refused, Whole, Window
from leadtrackr.destinations.x import X
from leadtrackr.destinations.x.codes import BY_CODE, CODES
from tests.destinations.making import DAY, HOUR, NOON, SETTINGS, answer, body_of, event, lead, outcomes, sha

URL = "https://ads-api.x.com/12/measurement/conversions/o8z6j"
NOW = 1_795_435_200_000_000
NONCE = "abcdefghijklmnopqrstuvwx"
SIGNED = "%2FsbfjeRbRcTvB8AILihQ3JKsP7s%3D"
DATE = {"date": "Sat, 21 Nov 2026 22:30:00 GMT"}


def sent(one: Any = None, **settings: str) -> dict[str, Any]:
    """The one conversion of a request."""
    found: dict[str, Any] = body_of(X, one or event(slug="x"), **settings)["conversions"][0]
    return found


def refusal(status: int, *codes: str | int, headers: dict[str, str] | None = None) -> Any:
    """Errors as the Ads API words them."""
    errors = [{"code": code, "message": "words", "parameter": "event_id"} for code in codes]
    return answer(status, {"errors": errors, "request": {"params": {}}}, headers)


def test_the_whole_request() -> None:
    request = X.build([event(slug="x")], SETTINGS["x"], None)
    item = (
        '{"conversion_time":"2026-11-21T12:00:00.123Z","event_id":"tw-o8z6j-o87ne","identifiers":['
        '{"twclid":"23opevjt88psuo13lu8d020qkn"},'
        f'{{"hashed_email":"{sha("erika.mustermann@example.de")}"}},'
        f'{{"hashed_phone_number":"{sha("+493012345678")}"}}],'
        '"conversion_id":"lt-abcdefghijklmnopqrstuvwxyz","value":"50.00","price_currency":"EUR"}'
    )
    assert request.items == (item.encode(),)
    assert request.body == f'{{"conversions":[{item}]}}'.encode()
    assert (request.service, request.method, request.url) == ("x", "POST", URL)
    assert request.headers == {"content-type": "application/json"}


def test_the_signed_header() -> None:
    """Signed with openssl over a base string that was written out by hand; the JSON body is no part of it."""
    request = X.build([event(slug="x")], SETTINGS["x"], None)
    assert request.sign is not None
    header = request.sign(NOW + 999_999, NONCE)["authorization"]
    assert header == (
        'OAuth oauth_consumer_key="hush-key", oauth_nonce="abcdefghijklmnopqrstuvwx", '
        f'oauth_signature="{SIGNED}", oauth_signature_method="HMAC-SHA1", '
        'oauth_timestamp="1795435200", oauth_token="hush-token", oauth_version="1.0"'
    )
    assert "secret-of" not in header
    other = X.build([event(slug="x", event_id="lt-2")], SETTINGS["x"], None)
    assert other.sign is not None
    assert other.sign(NOW, NONCE)["authorization"] == header
    assert other.sign(NOW + 1_000_000, NONCE)["authorization"] != header
    assert other.sign(NOW, "another")["authorization"] != header


def test_the_vectors_of_both_kinds() -> None:
    found = sent(event(lead(phone="+442071838750", email="john.smith+ads@gmail.com", ids={}), "x"))
    assert found["identifiers"] == [
        {"hashed_email": "05e05255b3e0de727bc07f9f3d06fb0a568406b6dd3aa352ed4ed72e887ee022"},
        {"hashed_phone_number": "e631c2534428c6c9b48c2167604a8983046085e43a2c00ed748733c544c0bb4d"},
    ]


@pytest.mark.parametrize(
    ("has", "is_enough"),
    [
        ({"email": "a@example.com"}, True),
        ({"phone": "+12125550123"}, True),
        ({"ids": {"twclid": "23op"}}, True),
        ({"ip_address": "203.0.113.7", "user_agent": "Mozilla"}, False),
        ({"first_name": "Erika", "last_name": "Mustermann", "country": "DE"}, False),
    ],
)
def test_one_identifier_is_needed(has: dict[str, Any], is_enough: bool) -> None:
    lacking = X.missing(LeadData(lead_id=1, created_at=NOON, **has), {})
    assert [warning.field for warning in lacking] == ([] if is_enough else ["email"])


@pytest.mark.parametrize(
    ("cents", "currency", "text"), [(5000, "EUR", "50.00"), (5000, "JPY", "5000"), (5000, "KWD", "5.000")]
)
def test_the_value_is_a_text(cents: int, currency: str, text: str) -> None:
    found = sent(event(slug="x", value_cents=cents, currency=currency))
    assert (found["value"], found["price_currency"]) == (text, currency)


@pytest.mark.parametrize(("cents", "currency"), [(None, "EUR"), (5000, None), (None, None)])
def test_value_and_currency_only_together(cents: int | None, currency: str | None) -> None:
    assert not {"value", "price_currency"} & set(sent(event(slug="x", value_cents=cents, currency=currency)))


def test_never_before_the_lead() -> None:
    assert sent(event(slug="x", happened_at=NOON - DAY))["conversion_time"] == "2026-11-20T12:00:00.000Z"


@pytest.mark.parametrize(("settings", "days"), [({}, 30), ({"max_age_days": "7"}, 7)])
def test_the_window_is_the_settings(settings: dict[str, str], days: int) -> None:
    found = X.window(event(slug="x", happened_at=NOON + DAY + 999_999), settings)
    assert found == Window(NOON, NOON + DAY + days * DAY - HOUR // 60)


@pytest.mark.parametrize("data", [{"conversions_processed": 3, "debug_id": "d1"}, {"debug_id": "d1"}])
def test_accepted(data: dict[str, Any]) -> None:
    verdict = X.read(answer(200, {"request": {}, "data": data}), 3)
    assert isinstance(verdict, Whole)
    assert (verdict.outcome.kind, verdict.outcome.code, verdict.outcome.reference) == ("accepted", "ok", "d1")


def test_fewer_processed_than_sent_is_looked_into() -> None:
    verdict = X.read(answer(200, {"data": {"conversions_processed": 2}}), 3)
    assert isinstance(verdict, Refused)
    assert (verdict.named, verdict.outcome.code, verdict.outcome.detail) == ({}, "not_processed", "2 of 3 processed")


def test_a_refusal_is_pinned_on_nobody() -> None:
    verdict = X.read(refusal(400, "INVALID_PARAMETER", "MISSING_PARAMETER"), 3)
    assert isinstance(verdict, Refused)
    assert verdict.named == {}
    found = verdict.outcome
    words = "INVALID_PARAMETER event_id words MISSING_PARAMETER event_id words"
    assert (found.kind, found.code, found.detail) == ("rejected", "http_400", words)


@pytest.mark.parametrize(
    ("status", "code", "kind", "hold"),
    [
        (401, "http_401", "hold", "credentials"),
        (403, "http_403", "hold", "configuration"),
        (404, "http_404", "hold", "configuration"),
        (410, "http_410", "hold", "configuration"),
        (413, "unexpected", "rejected", None),
        (429, "rate_limited", "retry", None),
        (500, "server_error", "retry", None),
        (302, "unreadable", "unknown", None),
    ],
)
@pytest.mark.parametrize("body", [b"<html>", b'{"errors":[{"code":"NEW","message":"words"}]}', b"[]"])
def test_refusals_by_status(status: int, code: str, kind: str, hold: str | None, body: bytes) -> None:
    found = outcomes(X.read(answer(status, body), 3))[0]
    assert (found.code, found.kind, found.hold) == (code, kind, hold)


@pytest.mark.parametrize(("code", "key"), BY_CODE.items())
@pytest.mark.parametrize("status", [401, 403, 503])
def test_codes_that_say_more_than_their_status(code: str, key: str, status: int) -> None:
    verdict = X.read(refusal(status, int(code) if code.isdigit() else code), 3)
    assert isinstance(verdict, Whole)
    assert verdict.outcome.code == key
    assert (verdict.outcome.hold == "configuration") == (key == "135")


@pytest.mark.parametrize(
    ("headers", "pause_s"),
    [
        ({**DATE, "retry-after": "7", "x-rate-limit-reset": "1795300260"}, 7),
        ({**DATE, "x-rate-limit-reset": "1795300260"}, 60),
        ({**DATE, "x-rate-limit-reset": "1"}, 0),
        ({**DATE, "x-rate-limit-reset": "soon"}, None),
        ({"x-rate-limit-reset": "1795300260"}, None),
        ({}, None),
    ],
)
def test_a_pause_that_x_names(headers: dict[str, str], pause_s: float | None) -> None:
    assert outcomes(X.read(refusal(429, "TOO_MANY_REQUESTS", headers=headers), 3))[0].retry_after_s == pause_s


def test_every_row_can_happen() -> None:
    statuses = {f"http_{status}" for status in (400, 401, 403, 404, 410)}
    own = {"135", "OVER_CAPACITY", "INTERNAL_ERROR", "not_processed", "check_ok"}
    assert set(CODES) - set(HTTP_CODES) == statuses | own


@given(
    st.sampled_from([200, 400, 401, 500]),
    st.fixed_dictionaries(
        {},
        optional={
            "data": st.none()
            | st.fixed_dictionaries({}, optional={"conversions_processed": st.none() | st.integers()}),
            "errors": st.none()
            | st.lists(st.fixed_dictionaries({}, optional={"code": st.integers() | st.text(max_size=3) | st.none()})),
        },
    ),
)
def test_any_body_is_read(status: int, body: dict[str, object]) -> None:
    for outcome in outcomes(X.read(answer(status, body), 3)):
        assert outcome.code in CODES
        assert (outcome.hold is not None) == (outcome.kind is Kind.HOLD)


def test_the_check_lists_accounts() -> None:
    request = X.check(SETTINGS["x"], None)
    assert (request.method, request.url, request.body) == ("GET", "https://ads-api.x.com/12/accounts?count=1", b"")
    assert request.sign is not None
    assert 'oauth_timestamp="1795435200"' in request.sign(NOW, NONCE)["authorization"]
    assert X.read_check(answer(200, {"data": [{"id": "18ce54d4x5t"}]})).code == "check_ok"
    assert X.read_check(answer(200, b"<html>")).code == "unreadable"
    assert X.read_check(refusal(401, "UNAUTHORIZED_ACCESS")).hold == "credentials"
    assert X.read_check(refusal(403, "UNAUTHORIZED_CLIENT_APPLICATION")).hold == "configuration"


def test_five_hundred_conversions_keep_their_order() -> None:
    events = [event(slug="x", event_id=f"lt-{number}") for number in range(500)]
    found = json.loads(X.build(events, SETTINGS["x"], None).body)["conversions"]
    assert [one["conversion_id"] for one in found] == [f"lt-{number}" for number in range(500)]
