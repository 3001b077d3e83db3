"""Snapchat: exact bytes, its rule for identifiers, answers in words. Rules: Conversions API, version 3."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadtrackr.destinations.contract import HTTP_CODES, Kind, LeadData, Refused, Whole, Window
from leadtrackr.destinations.snapchat import SNAPCHAT
from leadtrackr.destinations.snapchat.codes import CODES
from tests.destinations.making import DAY, HOUR, NOON, SETTINGS, answer, body_of, event, lead, outcomes, sha

BASE = "https://tr.snapchat.com/v3/1ec32188-754e-4be2-8e55-c949a984a39f/events"
VALID = {"status": "VALID", "reason": "All events were processed."}
INVALID = {"status": "INVALID", "event": 1, "errors": {"codes": ["E7"], "error_msgs": ["Unhashed PII"]}}
VALIDATION = SNAPCHAT.validation
assert VALIDATION is not None


def sent(one: Any = None, **settings: str) -> dict[str, Any]:
    """The one event of a request."""
    found: dict[str, Any] = body_of(SNAPCHAT, one or event(slug="snapchat"), **settings)["data"][0]
    return found


def test_the_whole_request() -> None:
    request = SNAPCHAT.build([event(slug="snapchat")], SETTINGS["snapchat"], None)
    item = (
        '{"event_name":"SIGN_UP","event_time":1795262400,"event_id":"lt-abcdefghijklmnopqrstuvwxyz",'
        '"action_source":"WEB","user_data":{'
        f'"em":["{sha("erika.mustermann@example.de")}"],"ph":["{sha("493012345678")}"],'
        f'"fn":["{sha("erika")}"],"ln":["{sha("mustermann")}"],"country":["{sha("de")}"],'
        '"sc_click_id":"ScCid-AbC_1","sc_cookie1":"0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9",'
        '"client_ip_address":"203.0.113.7","client_user_agent":"Mozilla/5.0 (X11; Linux x86_64)"},'
        '"event_source_url":"https://example.de/kontakt","custom_data":{"value":50.00,"currency":"EUR"}}'
    )
    assert request.items == (item.encode(),)
    assert request.body == f'{{"data":[{item}]}}'.encode()
    assert request.url == f"{BASE}?access_token=hush-snapchat"
    assert (request.service, request.method) == ("snapchat", "POST")
    assert request.headers == {"content-type": "application/json"}


def test_a_token_is_quoted_in_the_address() -> None:
    settings = {**SETTINGS["snapchat"], "access_token": "a+b/c=&d"}
    assert SNAPCHAT.build([event(slug="snapchat")], settings, None).url == f"{BASE}?access_token=a%2Bb%2Fc%3D%26d"


@pytest.mark.parametrize(
    ("page", "source", "sent_source", "url"),
    [
        ("example.de/kontakt", "WEB", "WEB", "https://example.de/kontakt"),
        (None, "WEB", "OFFLINE", None),
        ("/kontakt", "WEB", "OFFLINE", None),
        ("example.de/kontakt", "OFFLINE", "OFFLINE", None),
    ],
)
def test_the_source_is_true(page: str | None, source: str, sent_source: str, url: str | None) -> None:
    found = sent(event(lead(conversion_page=page), "snapchat"), action_source=source)
    assert (found["action_source"], found.get("event_source_url")) == (sent_source, url)


def test_the_unit_of_time_is_a_setting() -> None:
    assert sent()["event_time"] == 1795262400
    assert sent(time_unit="milliseconds")["event_time"] == 1795262400000


def test_only_a_cookie_in_its_form_is_sent() -> None:
    user = sent(event(lead(ids={"scid": "v2.0a1b", "scclid": "X.y-Z"}), "snapchat"))["user_data"]
    assert "sc_cookie1" not in user
    assert user["sc_click_id"] == "X.y-Z"


def test_the_vectors_of_both_kinds() -> None:
    user = sent(event(lead(phone="+16505551212", email="test@example.com"), "snapchat"))["user_data"]
    assert user["ph"] == ["e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176"]
    assert user["em"] == ["973dfe463ec85785f5f95af5ba3906eedb2d931c24e69824a89ea65dba4e813b"]


@pytest.mark.parametrize(
    ("cents", "currency", "text"),
    [(5000, "EUR", b'"value":50.00'), (5000, "JPY", b'"value":5000,'), (5000, "KWD", b'"value":5.000')],
)
def test_money(cents: int, currency: str, text: bytes) -> None:
    one = event(slug="snapchat", value_cents=cents, currency=currency)
    assert text in SNAPCHAT.build([one], SETTINGS["snapchat"], None).body


@pytest.mark.parametrize(("cents", "currency"), [(None, "EUR"), (5000, None), (None, None)])
def test_value_and_currency_only_together(cents: int | None, currency: str | None) -> None:
    assert "custom_data" not in sent(event(slug="snapchat", value_cents=cents, currency=currency))


@pytest.mark.parametrize(
    ("has", "is_enough"),
    [
        ({"email": "a@example.com"}, True),
        ({"phone": "+12125550123"}, True),
        ({"ip_address": "203.0.113.7", "user_agent": "Mozilla"}, True),
        ({"ip_address": "203.0.113.7"}, False),
        ({"user_agent": "Mozilla"}, False),
        ({"ids": {"scclid": "x", "scid": "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"}}, False),
        ({"first_name": "Erika", "last_name": "Mustermann", "country": "DE"}, False),
    ],
)
def test_email_phone_or_device(has: dict[str, Any], is_enough: bool) -> None:
    lacking = SNAPCHAT.missing(LeadData(lead_id=1, created_at=NOON, **has), {})
    assert [warning.field for warning in lacking] == ([] if is_enough else ["email"])


@pytest.mark.parametrize(("settings", "days"), [({}, 7), ({"max_age_days": "37"}, 37)])
def test_the_window_is_the_settings(settings: dict[str, str], days: int) -> None:
    found = SNAPCHAT.window(event(slug="snapchat", happened_at=NOON + DAY + 999_999), settings)
    assert found == Window(NOON, NOON + DAY + days * DAY - HOUR // 60)


@pytest.mark.parametrize("body", [VALID, {"status": "OK"}, {"status": "SUCCESS"}, {}])
def test_accepted(body: dict[str, Any]) -> None:
    verdict = SNAPCHAT.read(answer(200, body), 3)
    assert isinstance(verdict, Whole)
    assert (verdict.outcome.kind, verdict.outcome.code) == ("accepted", "ok")


@pytest.mark.parametrize("status", [200, 400])
def test_a_refusal_is_pinned_on_nobody(status: int) -> None:
    verdict = SNAPCHAT.read(answer(status, INVALID), 3)
    assert isinstance(verdict, Refused)
    assert verdict.named == {}
    found = verdict.outcome
    assert (found.kind, found.code, found.detail) == ("rejected", "INVALID", "E7 Unhashed PII")


@pytest.mark.parametrize(
    ("status", "code", "kind", "hold"),
    [
        (401, "http_401", "hold", "credentials"),
        (403, "http_403", "hold", "configuration"),
        (404, "http_404", "hold", "configuration"),
        (413, "unexpected", "rejected", None),
        (429, "rate_limited", "retry", None),
        (503, "server_error", "retry", None),
        (302, "unreadable", "unknown", None),
    ],
)
@pytest.mark.parametrize("body", [b"<html>", b'{"status":"INVALID","reason":"words"}', b"[]"])
def test_refusals_by_status(status: int, code: str, kind: str, hold: str | None, body: bytes) -> None:
    found = outcomes(SNAPCHAT.read(answer(status, body), 3))[0]
    assert (found.code, found.kind, found.hold) == (code, kind, hold)


@pytest.mark.parametrize(("status", "code"), [(200, "unreadable"), (400, "unexpected")])
def test_a_body_that_is_none(status: int, code: str) -> None:
    assert outcomes(SNAPCHAT.read(answer(status, b"<html>"), 3))[0].code == code


def test_every_row_can_happen() -> None:
    held = {"http_401", "http_403", "http_404"}
    assert set(CODES) - set(HTTP_CODES) == held | {"INVALID", "FAILURE", "check_ok", "test_ok"}


@given(
    st.sampled_from([200, 400, 401, 500]),
    st.fixed_dictionaries(
        {},
        optional={
            "status": st.sampled_from(["VALID", "INVALID", "FAILURE", None, 5]),
            "reason": st.text(max_size=5) | st.none(),
            "errors": st.none()
            | st.fixed_dictionaries({}, optional={"codes": st.none() | st.lists(st.text(max_size=3))}),
            "event_logs": st.none() | st.lists(st.just({"warnings": None, "errors": None}), max_size=2),
        },
    ),
)
def test_any_body_is_read(status: int, body: dict[str, object]) -> None:
    for outcome in outcomes(SNAPCHAT.read(answer(status, body), 3)):
        assert outcome.code in CODES
        assert (outcome.hold is not None) == (outcome.kind is Kind.HOLD)


def test_the_check_reads_numbers() -> None:
    request = SNAPCHAT.check(SETTINGS["snapchat"], None)
    assert (request.method, request.body) == ("GET", b"")
    assert request.url == f"{BASE}/validate/stats?access_token=hush-snapchat"
    assert SNAPCHAT.read_check(answer(200, {"status": "SUCCESS", "stats": {}})).code == "check_ok"
    assert SNAPCHAT.read_check(answer(200, {"status": "FAILURE", "reason": "no"})).hold == "configuration"
    assert SNAPCHAT.read_check(answer(401, {"status": "INVALID"})).hold == "credentials"
    assert SNAPCHAT.read_check(answer(200, b"<html>")).code == "unreadable"


def test_validation_asks_the_test_tool() -> None:
    assert VALIDATION is not None
    real = SNAPCHAT.build([event(slug="snapchat")], SETTINGS["snapchat"], None)
    asked = VALIDATION.request(real)
    assert (asked.url, asked.body) == (f"{BASE}/validate?access_token=hush-snapchat", real.body)
    logs = [{"event": 0, "status": "INVALID", "errors": {"error_msgs": ["too old"]}, "warnings": ["no click id"]}]
    assert VALIDATION.read(answer(200, {**VALID, "test_event": True})).code == "test_ok"
    found = VALIDATION.read(answer(400, {"status": "INVALID", "event_logs": logs}))
    assert (found.code, found.detail) == ("INVALID", "too old no click id")


def test_many_events_keep_their_order() -> None:
    events = [event(slug="snapchat", event_id=f"lt-{number}") for number in range(1000)]
    found = json.loads(SNAPCHAT.build(events, SETTINGS["snapchat"], None).body)["data"]
    assert [one["event_id"] for one in found] == [f"lt-{number}" for number in range(1000)]
