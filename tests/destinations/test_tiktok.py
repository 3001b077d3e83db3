"""TikTok: exact bytes, the rule of each event source, and one test per row of the outcome table. Rules: Events API."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadtrackr.destinations.contract import HTTP_CODES, Kind, LeadData, Refused, Whole, Window
from leadtrackr.destinations.tiktok import TIKTOK
from leadtrackr.destinations.tiktok.codes import CODES, ROWS
from tests.destinations.making import DAY, HOUR, NOON, SETTINGS, answer, body_of, event, lead, outcomes, sha

MIDNIGHT = {"date": "Sat, 21 Nov 2026 22:30:00 GMT"}


def sent(one: Any = None, **settings: str) -> dict[str, Any]:
    """The one event of a request."""
    found: dict[str, Any] = body_of(TIKTOK, one or event(slug="tiktok"), **settings)["data"][0]
    return found


def said(code: int, message: str = "words", status: int = 200, **headers: str) -> Any:
    """An answer of TikTok's own."""
    return answer(status, {"code": code, "message": message, "request_id": "R1", "data": {}}, headers)


def test_the_whole_request() -> None:
    request = TIKTOK.build([event(slug="tiktok")], SETTINGS["tiktok"], None)
    item = (
        '{"event":"Lead","event_time":1795262400,"event_id":"lt-abcdefghijklmnopqrstuvwxyz","user":{'
        f'"email":"{sha("erika.mustermann@example.de")}","phone":"{sha("+493012345678")}",'
        f'"first_name":"{sha("erika")}","last_name":"{sha("mustermann")}",'
        '"ttclid":"E.C.P.AbC-dEf_1","ttp":"01HZ.Ttp-Cookie",'
        '"ip":"203.0.113.7","user_agent":"Mozilla/5.0 (X11; Linux x86_64)"},'
        '"page":{"url":"https://example.de/kontakt"},"properties":{"value":50.00,"currency":"EUR"}}'
    )
    root = '{"event_source":"web","event_source_id":"C4A1B2C3D4E5F6G7H8I9"'
    assert request.items == (item.encode(),)
    assert request.body == f'{root},"data":[{item}]}}'.encode()
    assert request.url == "https://business-api.tiktok.com/open_api/v1.3/event/track/"
    assert (request.service, request.method) == ("tiktok", "POST")
    assert request.headers == {"content-type": "application/json", "access-token": "hush-tiktok"}


def test_the_test_event_code_stands_at_the_root() -> None:
    body = body_of(TIKTOK, event(slug="tiktok"), test_event_code="TEST1")
    assert list(body) == ["event_source", "event_source_id", "test_event_code", "data"]
    assert body["test_event_code"] == "TEST1"
    assert "test_event_code" not in body["data"][0]


@pytest.mark.parametrize("source", ["offline", "crm"])
def test_only_a_website_has_a_page(source: str) -> None:
    body = body_of(TIKTOK, event(slug="tiktok"), event_source=source)
    assert body["event_source"] == source
    assert "page" not in body["data"][0]


def test_the_vectors_of_both_kinds() -> None:
    user = sent(event(lead(phone="+16505551212", email="test@example.com"), "tiktok"))["user"]
    assert user["phone"] == "1e231c66011e7a2d867a9cfae267a6aff103cf4913640b6e71a99850fc0ffbc8"
    assert user["email"] == "973dfe463ec85785f5f95af5ba3906eedb2d931c24e69824a89ea65dba4e813b"


def test_names_lose_their_spaces() -> None:
    user = sent(event(lead(first_name=" Anna Maria ", last_name="  "), "tiktok"))["user"]
    assert user["first_name"] == sha("annamaria")
    assert "last_name" not in user


@pytest.mark.parametrize(("length", "is_sent"), [(1, True), (1000, True), (1001, False)])
def test_a_click_id_is_sent_whole_or_not_at_all(length: int, is_sent: bool) -> None:
    someone = lead(ids={"ttclid": "aB" * 500 + "c"} if length > 1000 else {"ttclid": "x" * length})
    assert ("ttclid" in sent(event(someone, "tiktok"))["user"]) == is_sent


EMAIL, PHONE = {"email": "a@example.com"}, {"phone": "+12125550123"}
CLICK, COOKIE = {"ids": {"ttclid": "E.C.P"}}, {"ids": {"ttp": "01HZ"}}
DEVICE = {"ip_address": "203.0.113.7", "user_agent": "Mozilla"}
NAMES = {"first_name": "Erika", "last_name": "Mustermann"}
PAGE = {"conversion_page": "example.de/a"}


@pytest.mark.parametrize(
    ("source", "has", "field"),
    [
        ("web", {**PAGE, **EMAIL}, None),
        ("web", {**PAGE, **PHONE}, None),
        ("web", {**PAGE, **CLICK}, None),
        ("web", {**PAGE, **COOKIE}, None),
        ("web", {**PAGE, **DEVICE}, None),
        ("web", {**PAGE, **NAMES}, "email"),
        ("web", {**PAGE, "ip_address": "203.0.113.7"}, "email"),
        ("web", {**PAGE, "ids": {"ttclid": "x" * 1001}}, "email"),
        ("web", EMAIL, "page"),
        ("web", {**EMAIL, "conversion_page": "/a"}, "page"),
        ("offline", EMAIL, None),
        ("offline", PHONE, None),
        ("offline", {**CLICK, **DEVICE, **PAGE}, "email"),
        ("crm", EMAIL, None),
        ("crm", PHONE, None),
        ("crm", CLICK, None),
        ("crm", {**COOKIE, **DEVICE, **PAGE}, "email"),
    ],
)
def test_each_event_source_has_its_rule(source: str, has: dict[str, Any], field: str | None) -> None:
    lacking = TIKTOK.missing(LeadData(lead_id=1, created_at=NOON, **has), {"event_source": source})
    assert [warning.field for warning in lacking] == ([field] if field else [])


@pytest.mark.parametrize(
    ("cents", "currency", "text"),
    [(5000, "EUR", b'"value":50.00'), (5000, "JPY", b'"value":5000,'), (5000, "KWD", b'"value":5.000')],
)
def test_money(cents: int, currency: str, text: bytes) -> None:
    one = event(slug="tiktok", value_cents=cents, currency=currency)
    assert text in TIKTOK.build([one], SETTINGS["tiktok"], None).body


@pytest.mark.parametrize(("cents", "currency"), [(None, "EUR"), (5000, None), (None, None)])
def test_value_and_currency_only_together(cents: int | None, currency: str | None) -> None:
    assert "properties" not in sent(event(slug="tiktok", value_cents=cents, currency=currency))


def test_never_before_the_lead() -> None:
    assert sent(event(slug="tiktok", happened_at=NOON - DAY))["event_time"] == NOON // 1_000_000


@pytest.mark.parametrize(("settings", "days"), [({}, 28), ({"max_age_days": "7"}, 7)])
def test_the_window_is_the_settings(settings: dict[str, str], days: int) -> None:
    found = TIKTOK.window(event(slug="tiktok", happened_at=NOON + DAY + 999_999), settings)
    assert found == Window(NOON, NOON + DAY + days * DAY - HOUR // 60)


@pytest.mark.parametrize("status", [200, 400, 401, 500])
def test_the_code_counts_and_not_the_status(status: int) -> None:
    assert outcomes(TIKTOK.read(said(0, "OK", status), 3))[0].code == "ok"
    assert outcomes(TIKTOK.read(said(40100, status=status), 3))[0].kind == "retry"
    assert outcomes(TIKTOK.read(said(40105, status=status), 3))[0].hold == "credentials"
    assert outcomes(TIKTOK.read(said(40002, status=status), 3))[0].kind == "rejected"


REJECTED = (40000, 40002, 40061, 40062, 40063)


@pytest.mark.parametrize("code", REJECTED)
def test_a_refusal_names_nobody(code: int) -> None:
    verdict = TIKTOK.read(said(code), 1000)
    assert isinstance(verdict, Refused)
    assert verdict.named == {}
    found = verdict.outcome
    assert (found.kind, found.code, found.reference, found.detail) == ("rejected", str(code), "R1", f"{code} words")


CREDENTIALS = {40102: "40102", 40104: "40104", 40105: "40105", 40113: "40113", 40110: "401xx", 40199: "401xx"}


@pytest.mark.parametrize(("code", "key"), CREDENTIALS.items())
def test_held_for_credentials(code: int, key: str) -> None:
    verdict = TIKTOK.read(said(code, status=401), 3)
    assert isinstance(verdict, Whole)
    found = verdict.outcome
    assert (found.kind, found.hold, found.scope, found.code) == ("hold", "credentials", "destination", key)


CONFIGURATION = (40001, 40003, 40117, 40118, 40125, 40130, 40006, 40007, 40051)


@pytest.mark.parametrize("code", CONFIGURATION)
def test_held_for_configuration_and_a_retired_version_too(code: int) -> None:
    verdict = TIKTOK.read(said(code), 3)
    assert isinstance(verdict, Whole)
    found = verdict.outcome
    assert (found.kind, found.hold, found.scope, found.code) == ("hold", "configuration", "destination", str(code))


RETRIED = {40202: "40202", 60001: "60001", 50000: "5xxxx", 50002: "5xxxx", 51010: "5xxxx", 52000: "5xxxx"}


@pytest.mark.parametrize(("code", "key"), RETRIED.items())
def test_retried(code: int, key: str) -> None:
    verdict = TIKTOK.read(said(code), 3)
    assert isinstance(verdict, Whole)
    assert (verdict.outcome.kind, verdict.outcome.code, verdict.outcome.retry_after_s) == ("retry", key, None)


THROTTLED = (40016, 40100, 40132, 40133, 61000)


@pytest.mark.parametrize("code", THROTTLED)
@pytest.mark.parametrize(
    ("message", "headers", "pause_s"),
    [
        ("Exceeded the QPM limit", MIDNIGHT, 300),
        ("Too many requests", {}, 300),
        ("Exceeded the QPD limit", MIDNIGHT, 5400),
        ("The daily limit is used up", MIDNIGHT, 5400),
        ("Exceeded the QPD limit", {}, 300),
        ("Exceeded the QPM limit", {"retry-after": "42"}, 42),
    ],
)
def test_a_pause_for_a_minute_or_until_midnight(
    code: int, message: str, headers: dict[str, str], pause_s: float
) -> None:
    verdict = TIKTOK.read(said(code, message, 401, **headers), 3)
    assert isinstance(verdict, Whole)
    found = verdict.outcome
    assert (found.kind, found.scope, found.retry_after_s) == ("retry", "destination", pause_s)


def test_a_request_taken_in_part_is_looked_into() -> None:
    assert isinstance(TIKTOK.read(said(20001), 2), Refused)
    alone = TIKTOK.read(said(20001), 1)
    assert isinstance(alone, Whole)
    assert (alone.outcome.kind, alone.outcome.code) == ("accepted", "20001")


def test_every_row_is_covered() -> None:
    keys = {str(code) for code in (*REJECTED, *CONFIGURATION, *THROTTLED, 20001)}
    assert set(ROWS) == keys | set(CREDENTIALS.values()) | set(RETRIED.values())
    assert set(CODES) == set(HTTP_CODES) | set(ROWS) | {"check_ok"}


@pytest.mark.parametrize("code", [1, 40099, 40999, 70000])
def test_a_new_code_is_refused_with_its_words(code: int) -> None:
    verdict = TIKTOK.read(said(code), 3)
    assert isinstance(verdict, Refused)
    assert (verdict.outcome.code, verdict.outcome.detail) == ("unexpected", f"{code} words")


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (200, "unreadable", "unknown"),
        (401, "unreadable", "unknown"),
        (404, "unreadable", "unknown"),
        (429, "rate_limited", "retry"),
        (502, "server_error", "retry"),
    ],
)
@pytest.mark.parametrize("body", [b"<html>", b"", b"{}", b"[]", b'{"code":"no"}'])
def test_a_body_without_a_code_is_not_the_apis(status: int, code: str, kind: str, body: bytes) -> None:
    found = outcomes(TIKTOK.read(answer(status, body), 3))[0]
    assert (found.code, found.kind) == (code, kind)


@given(
    st.sampled_from([200, 401, 404, 500]),
    st.fixed_dictionaries(
        {},
        optional={
            "code": st.integers() | st.integers(39990, 61010) | st.text(max_size=4) | st.none(),
            "message": st.text(max_size=9) | st.none() | st.integers(),
            "request_id": st.text(max_size=5) | st.none(),
        },
    ),
)
def test_any_body_is_read(status: int, body: dict[str, object]) -> None:
    for outcome in outcomes(TIKTOK.read(answer(status, body), 3)):
        assert outcome.code in CODES
        assert (outcome.hold is not None) == (outcome.kind is Kind.HOLD)


def test_the_check_sends_no_event() -> None:
    request = TIKTOK.check(SETTINGS["tiktok"], None)
    assert request.url == "https://business-api.tiktok.com/open_api/v1.3/event/track/"
    assert request.body == b'{"event_source":"web","event_source_id":"C4A1B2C3D4E5F6G7H8I9","data":[]}'
    assert request.headers == {"content-type": "application/json", "access-token": "hush-tiktok"}
    assert [TIKTOK.read_check(said(code)).code for code in (0, 40002, 40000)] == ["check_ok"] * 3
    assert TIKTOK.read_check(said(40105, status=401)).hold == "credentials"
    assert TIKTOK.read_check(said(40001)).hold == "configuration"
    assert TIKTOK.read_check(answer(200, b"<html>")).code == "unreadable"


def test_a_thousand_events_keep_their_order() -> None:
    events = [event(slug="tiktok", event_id=f"lt-{number}") for number in range(1000)]
    found = json.loads(TIKTOK.build(events, SETTINGS["tiktok"], None).body)["data"]
    assert [one["event_id"] for one in found] == [f"lt-{number}" for number in range(1000)]
