"""OpenAI's emulator: each documented stimulus and its answer."""

from typing import Any

import pytest
from iso4217 import Currency

from leadtrackr.sandbox.currencies import CODES
from leadtrackr.sandbox.openai.rules import DECIMALS

from .client import DAY, NOW, OpenAiApi, digest

HASH = digest("a@example.com")
NOW_MS = NOW // 1000
WEEK_MS = 7 * DAY // 1000


def flags(api: OpenAiApi) -> list[tuple[str, str]]:
    return [(flag["code"], flag.get("field", "")) for flag in api.client.last("openai")["flags"]]


def data(**more: Any) -> dict[str, Any]:
    """The data of a lead."""
    return {"type": "customer_action", **more}


def test_events_are_taken_and_noted(openai: OpenAiApi) -> None:
    events = [
        openai.event(data=data(amount=1250, currency="EUR")),
        openai.event(id="b", data=data(amount=1250, currency="JPY")),
        openai.event(id="c", type="custom", custom_event_name="Deal signed", data={"type": "custom"}),
    ]
    assert openai.send(*events, integration_source="x", validate_only=False).status == 200
    rows = openai.client.last("openai")["accepted"]
    assert [(row["key"], row["scope"], row.get("value")) for row in rows] == [
        ("lt_1", "px1/lead_created", 12.5),
        ("b", "px1/lead_created", 1250.0),
        ("c", "px1/Deal signed", None),
    ]
    assert flags(openai) == []


CASES: list[tuple[dict[str, Any], str]] = [
    ({"foo": 1}, "foo"),
    ({"id": None}, "id"),
    ({"type": None}, "type"),
    ({"type": "Lead"}, "type"),
    ({"type": "custom", "data": {"type": "custom"}}, "custom_event_name"),
    ({"custom_event_name": "x"}, "custom_event_name"),
    ({"timestamp_ms": None}, "timestamp_ms"),
    ({"timestamp_ms": str(NOW_MS)}, "timestamp_ms"),
    ({"timestamp_ms": NOW_MS // 1000}, "timestamp_ms"),
    ({"timestamp_ms": NOW_MS - WEEK_MS - 1}, "timestamp_ms"),
    ({"timestamp_ms": NOW_MS + 600_001}, "timestamp_ms"),
    ({"action_source": "website"}, "action_source"),
    ({"action_source": "web"}, "source_url"),
    ({"action_source": "web", "source_url": "/a"}, "source_url"),
    ({"opt_out": "yes"}, "opt_out"),
    ({"oppref": 5}, "oppref"),
    ({"data": None}, "data"),
    ({"data": {"type": "contents"}}, "data.type"),
    ({"data": data(contents=[])}, "data.contents"),
    ({"data": data(amount=12.5, currency="EUR")}, "data.amount"),
    ({"data": data(amount="1250", currency="EUR")}, "data.amount"),
    ({"data": data(amount=1250)}, "data.currency"),
    ({"data": data(amount=1250, currency="EURO")}, "data.currency"),
    ({"user": {"email_sha256": HASH}}, "user.email_sha256"),
    ({"user": {"emails_sha256": HASH}}, "user.emails_sha256"),
    ({"user": {"emails_sha256": ["a@example.com"]}}, "user.emails_sha256"),
    ({"user": {"phone_numbers_sha256": [HASH.upper()]}}, "user.phone_numbers_sha256"),
    ({"user": {"ip_address": 5}}, "user.ip_address"),
]


@pytest.mark.parametrize(("changes", "field"), CASES)
def test_one_failing_event_fails_the_batch(openai: OpenAiApi, changes: dict[str, Any], field: str) -> None:
    reply = openai.send(openai.event(), openai.event(**changes), openai.event())
    assert (reply.status, reply.json["error"]["message"]) == (400, "An event is invalid.")
    assert flags(openai) == [("invalid", f"events[1].{field}")]
    assert openai.client.last("openai")["accepted"] == []


@pytest.mark.parametrize(
    "changes",
    [
        {"timestamp_ms": NOW_MS - WEEK_MS},
        {"timestamp_ms": NOW_MS + 600_000},
        {"action_source": "web", "source_url": "https://example.com/a"},
        {"action_source": None},
        {"opt_out": True},
        {"user": None, "oppref": "x"},
        {"user": {"obref": "x", "countries": ["NL"], "first_names_sha256": [HASH]}},
        {"user": {"ip_address": "203.0.113.7", "user_agent": "Mozilla"}},
        {
            "type": "order_created",
            "data": {"type": "contents", "contents": [{"id": "1", "amount": 5, "currency": "EUR"}]},
        },
        {"type": "subscription_created", "data": {"type": "plan_enrollment", "plan_id": "p"}},
    ],
)
def test_valid_events_are_taken_without_a_flag(openai: OpenAiApi, changes: dict[str, Any]) -> None:
    assert openai.send(openai.event(**changes)).status == 200
    assert flags(openai) == []
    assert len(openai.client.last("openai")["accepted"]) == 1


@pytest.mark.parametrize("user", [None, {}, {"countries": ["NL"]}, {"ip_address": "203.0.113.7"}])
def test_an_event_of_nobody_is_taken_and_of_no_use(openai: OpenAiApi, user: Any) -> None:
    assert openai.send(openai.event(), openai.event(user=user)).status == 200
    call = openai.client.last("openai")
    assert [row["index"] for row in call["accepted"]] == [0]
    assert [(flag["code"], flag["dropped"]) for flag in call["flags"]] == [("no_match_key", True)]


def test_validation_saves_nothing(openai: OpenAiApi) -> None:
    assert openai.send(validate_only=True).status == 200
    call = openai.client.last("openai")
    assert (call["validation"], call["accepted"]) == (True, [])
    assert openai.send(openai.event(id=None), validate_only=True).status == 400


def test_keys_and_pixels(openai: OpenAiApi) -> None:
    openai.client.set("openai", bad_keys=["known-bad"], no_scope=["ads-key"], pixels=["px1"])
    body = {"events": [openai.event()]}
    assert [openai.post(body, key).status for key in (None, "bad-1", "known-bad", "ads-key", "good")] == [401] * 4 + [
        200
    ]
    assert openai.post(body, "ads-key").json["error"]["message"] == "Missing scopes: ads.third_party_events.write"
    paths = ("/openai/v1/events", "/openai/v1/events?pid=px2", "/openai/v2/events?pid=px1")
    assert [openai.post(body, path=path).status for path in paths] == [400, 404, 404]


def test_the_limits_and_the_form_of_a_request(openai: OpenAiApi) -> None:
    assert openai.send(*[openai.event(id=str(n)) for n in range(1000)]).status == 200
    bodies: list[object] = [b"{", [], openai.event(), {}, {"events": []}, {"events": [openai.event()] * 1001}]
    bodies += [
        {"events": [openai.event()], "foo": 1},
        {"events": [openai.event()], "validate_only": "yes"},
        {"events": [5]},
    ]
    assert [openai.post(body).status for body in bodies] == [400] * len(bodies)


def test_what_is_not_documented_is_a_setting_or_a_flag(openai: OpenAiApi) -> None:
    openai.client.set("openai", names_events=True, max_age_days=1, future_s=0)
    reply = openai.send(openai.event(), openai.event(timestamp_ms=NOW_MS + 1))
    assert reply.json["error"]["message"].startswith("events[1].timestamp_ms: ")
    assert openai.send(openai.event(timestamp_ms=NOW_MS - 2 * WEEK_MS // 7)).status == 400
    assert openai.send(openai.event(user={"emails_sha256": [digest(text) for text in "abcd"]})).status == 200
    assert flags(openai) == [("many_values", "events[0].user.emails_sha256")]


def test_a_fault_refuses_one_event(openai: OpenAiApi) -> None:
    openai.client.fault({"destination": "openai", "reject_event": 1})
    assert openai.send(openai.event(id="a"), openai.event(id="b")).status == 400
    assert flags(openai) == [("invalid", "events[1]")]
    assert openai.send(openai.event(id="a")).status == 200


@pytest.mark.parametrize("status", [401, 429, 500])
def test_faults_have_a_body(openai: OpenAiApi, status: int) -> None:
    openai.client.fault({"destination": "openai", "status": status})
    assert openai.send().json["error"]["message"]


def test_the_decimals_are_those_of_iso_4217() -> None:
    assert {code: DECIMALS.get(code, 2) for code in CODES} == {
        currency.code: currency.exponent for currency in Currency if currency.code in CODES
    }
