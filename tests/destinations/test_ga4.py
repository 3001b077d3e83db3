"""GA4: exact bytes and answers, by the Measurement Protocol's reference."""

import json
from typing import Any

import pytest

from leadtrackr.destinations.contract import Refused, Whole, Window
from leadtrackr.destinations.ga4 import CODES, GA4
from tests.destinations.making import DAY, HOUR, NOON, SETTINGS, answer, body_of, event, lead, sha

MINUTE = HOUR // 60


def body(one: Any = None) -> dict[str, Any]:
    """The body of one event."""
    return body_of(GA4, one or event(slug="ga4"))


def params(one: Any = None) -> dict[str, Any]:
    """The parameters of one event."""
    found: dict[str, Any] = body(one)["events"][0]["params"]
    return found


def test_the_whole_request() -> None:
    request = GA4.build([event(slug="ga4")], SETTINGS["ga4"], None)
    email = sha("erika.mustermann@example.de")
    phone = sha("+493012345678")
    expected = (
        '{"client_id":"123456789.1790000000","timestamp_micros":1795262400123456,'
        '"events":[{"name":"qualify_lead","params":{"transaction_id":"lt-abcdefghijklmnopqrstuvwxyz",'
        '"engagement_time_msec":1,"session_id":"1790000001","value":50.00,"currency":"EUR"}}],'
        '"consent":{"ad_user_data":"GRANTED","ad_personalization":"DENIED"},'
        f'"user_data":{{"sha256_email_address":["{email}"],"sha256_phone_number":["{phone}"]}}}}'
    )
    assert request.body == expected.encode()
    assert request.items == (request.body,)
    assert request.url == (
        "https://www.google-analytics.com/mp/collect?measurement_id=G-AB12CD34EF&api_secret=hush-ga4"
    )
    assert (request.service, request.method, request.headers) == ("ga4", "POST", {"content-type": "application/json"})


def test_europe_and_odd_secrets() -> None:
    settings = {**SETTINGS["ga4"], "region": "eu", "api_secret": "a&b=c/d+e"}
    url = GA4.build([event(slug="ga4")], settings, None).url
    assert url.startswith("https://region1.google-analytics.com/mp/collect?")
    assert url.endswith("&api_secret=a%26b%3Dc%2Fd%2Be")


@pytest.mark.parametrize(
    ("sid", "sent"), [("1790000001", "1790000001"), ("GS1.1.1790000001.1.0", None), ("", None), ("١٢٣", None)]
)
def test_session_ids_are_numbers(sid: str, sent: str | None) -> None:
    assert params(event(lead(ids={"cid": "1.2", "sid": sid}), "ga4")).get("session_id") == sent


@pytest.mark.parametrize("cid", ["123.456", "GA1.1.123456789.1790000000", "FPID2.2.abc/d+e="])
def test_client_ids_are_byte_exact(cid: str) -> None:
    assert body(event(lead(ids={"cid": cid}), "ga4"))["client_id"] == cid


@pytest.mark.parametrize(
    ("cents", "currency", "text"),
    [(5000, "EUR", b'"value":50.00'), (5000, "JPY", b'"value":5000,'), (5000, "KWD", b'"value":5.000')],
)
def test_money(cents: int, currency: str, text: bytes) -> None:
    request = GA4.build([event(slug="ga4", value_cents=cents, currency=currency)], SETTINGS["ga4"], None)
    assert text in request.body


@pytest.mark.parametrize(("cents", "currency"), [(None, "EUR"), (5000, None), (None, None)])
def test_value_and_currency_only_together(cents: int | None, currency: str | None) -> None:
    assert not {"value", "currency"} & set(params(event(slug="ga4", value_cents=cents, currency=currency)))


@pytest.mark.parametrize(
    ("consent", "said"),
    [
        ({}, None),
        ({"ad_storage": "denied"}, None),
        ({"ad_user_data": "denied"}, {"ad_user_data": "DENIED"}),
        ({"ad_personalization": "granted"}, {"ad_personalization": "GRANTED"}),
        ({"ad_user_data": "?"}, None),
    ],
)
def test_consent_is_sent_as_recorded(consent: dict[str, str], said: dict[str, str] | None) -> None:
    assert body(event(lead(consent=consent), "ga4")).get("consent") == said


def test_user_data_as_there_is() -> None:
    assert "user_data" not in body(event(lead(email=None, phone=None), "ga4"))
    only_email = body(event(lead(email="a.b+c@gmail.com", phone=None), "ga4"))["user_data"]
    assert only_email == {"sha256_email_address": [sha("ab+c@gmail.com")]}
    assert set(body(event(lead(email=None), "ga4"))["user_data"]) == {"sha256_phone_number"}


def test_the_client_id_is_needed() -> None:
    assert GA4.missing(lead(ids={"cid": "1.2"}, email=None, phone=None), {}) == ()
    (warning,) = GA4.missing(lead(ids={"gclid": "x", "cid": ""}), {})
    assert warning.field == "cid"


def test_window_of_72_hours() -> None:
    assert GA4.window(event(slug="ga4", happened_at=NOON + DAY), {}) == Window(NOON, NOON + 4 * DAY - MINUTE)


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_every_2xx_is_accepted_and_no_more(status: int) -> None:
    verdict = GA4.read(answer(status), 1)
    assert isinstance(verdict, Whole)
    assert (verdict.outcome.kind, verdict.outcome.code) == ("accepted", "ok")
    assert "GA4 cannot confirm" in CODES["ok"].sentence


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "unexpected", "rejected"),
        (403, "unexpected", "rejected"),
        (413, "unexpected", "rejected"),
        (302, "unreadable", "unknown"),
        (429, "rate_limited", "retry"),
        (500, "server_error", "retry"),
    ],
)
def test_other_answers(status: int, code: str, kind: str) -> None:
    verdict = GA4.read(answer(status, b"<html>"), 1)
    assert isinstance(verdict, Whole | Refused)
    assert (verdict.outcome.code, verdict.outcome.kind) == (code, kind)


def test_the_check_asks_the_validation_server() -> None:
    request = GA4.check({**SETTINGS["ga4"], "region": "eu"}, None)
    assert request.url.startswith("https://region1.google-analytics.com/debug/mp/collect?measurement_id=G-AB12CD34EF")
    assert json.loads(request.body)["events"][0]["name"] == "generate_lead"


VALIDATION = [
    "VALUE_INVALID",
    "VALUE_REQUIRED",
    "NAME_INVALID",
    "NAME_RESERVED",
    "VALUE_OUT_OF_BOUNDS",
    "EXCEEDED_MAX_ENTITIES",
    "NAME_DUPLICATED",
]


@pytest.mark.parametrize("code", VALIDATION)
def test_what_the_validation_server_finds(code: str) -> None:
    message = {"fieldPath": "events[0].name", "description": "Name is bad.", "validationCode": code}
    found = GA4.read_check(answer(200, {"validationMessages": [message]}))
    assert (found.kind, found.code) == ("rejected", code)
    assert "events[0].name" in found.detail


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (200, {"validationMessages": []}, "check_ok"),
        (200, {"validationMessages": [{"description": "x", "validationCode": "INTERNAL_ERROR"}]}, "INTERNAL_ERROR"),
        (200, {"validationMessages": [{"description": "x", "validationCode": "BRAND_NEW"}]}, "unexpected"),
        (200, {}, "unreadable"),
        (200, b"", "unreadable"),
        (404, b"", "unexpected"),
        (503, b"", "server_error"),
    ],
)
def test_other_answers_to_the_check(status: int, body: object, code: str) -> None:
    assert GA4.read_check(answer(status, body)).code == code


def test_a_passing_check_says_what_it_cannot_see() -> None:
    assert "neither measurement id nor API secret" in CODES["check_ok"].sentence
