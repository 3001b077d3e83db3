"""The Events API emulator."""

from typing import Any

import pytest

from leadtrackr.destinations.tiktok import TIKTOK
from tests.destinations.making import SETTINGS, event
from tests.destinations.over_http import deliver, send

from .client import DAY, NOW, SECOND, Client, Reply, digest

PATH = "/tiktok/open_api/v1.3/event/track/"
NOW_S = NOW // SECOND
DAY_S = DAY // SECOND
HASH = digest("a@example.com")


def made(**changes: Any) -> dict[str, Any]:
    """A valid event; a change to None takes the field out."""
    one = {
        "event": "Lead",
        "event_time": NOW_S - 3600,
        "event_id": "lt_1",
        "user": {"email": HASH},
        "page": {"url": "https://example.com/a"},
        **changes,
    }
    return {name: value for name, value in one.items() if value is not None}


def post(client: Client, *events: Any, token: str | None = None, path: str = PATH, **changes: Any) -> Reply:
    """POST these events, or one; without a token given, one that is good."""
    token = "good" if token is None else token
    body = {"event_source": "web", "event_source_id": "C4A1B2", "data": list(events) or [made()], **changes}
    sent = {name: value for name, value in body.items() if value is not None}
    return client.call("POST", path, sent, {"Access-Token": token} if token else {})


def code(reply: Reply) -> tuple[int, int]:
    """HTTP status and code of an answer."""
    assert set(reply.json) == {"code", "message", "request_id", "data"}
    return reply.status, reply.json["code"]


def flags(client: Client) -> list[tuple[str, str]]:
    return [(flag["code"], flag.get("field", "")) for flag in client.last("tiktok")["flags"]]


def test_events_are_taken_and_noted(sandbox: Client) -> None:
    money = {"value": 12.5, "currency": "EUR"}
    events = [made(), made(event_id="lt_2", event="Purchase", properties=money)]
    reply = post(sandbox, *events, test_event_code="TEST1")
    assert (reply.status, reply.json["code"], reply.json["message"]) == (200, 0, "OK")
    call = sandbox.last("tiktok")
    assert [(row["key"], row["scope"], row.get("value"), row["event"]) for row in call["accepted"]] == [
        ("lt_1", "C4A1B2/Lead", None, events[0]),
        ("lt_2", "C4A1B2/Purchase", 12.5, events[1]),
    ]
    assert (call["flags"], call["headers"]["Access-Token"]) == ([], "***")


@pytest.mark.parametrize(
    ("token", "status", "number"),
    [("", 401, 40104), ("bad-token", 401, 40105), ("known-bad", 401, 40105), ("old", 401, 40102)],
)
def test_tokens(sandbox: Client, token: str, status: int, number: int) -> None:
    sandbox.set("tiktok", bad_tokens=["known-bad"], expired_tokens=["old"])
    assert code(post(sandbox, token=token)) == (status, number)


def test_a_bearer_token_is_no_token(sandbox: Client) -> None:
    assert code(sandbox.call("POST", PATH, {}, {"Authorization": "Bearer good"})) == (401, 40104)


def test_refusals_come_with_http_200(sandbox: Client) -> None:
    sandbox.set("tiktok", unknown_sources=["A1"], forbidden_sources=["B2"], retired_versions=["v1.2"])
    assert code(post(sandbox, event_source_id="A1")) == (200, 40007)
    assert code(post(sandbox, event_source_id="B2")) == (200, 40001)
    assert code(post(sandbox, path=PATH.replace("v1.3", "v1.2"))) == (200, 40006)
    assert code(post(sandbox, path=PATH.rstrip("/"))) == (404, 40000)
    assert code(post(sandbox, path=PATH.replace("v1.3", "v9.0"))) == (200, 0)
    assert flags(sandbox) == [("unknown_version", "")]


@pytest.mark.parametrize(
    "changes",
    [
        {"event_source": None},
        {"event_source": "website"},
        {"event_source_id": None},
        {"event_source_id": 5},
        {"test_event_code": 5},
        {"data": None},
        {"data": []},
        {"data": {}},
    ],
)
def test_the_root_is_checked(sandbox: Client, changes: dict[str, Any]) -> None:
    assert code(post(sandbox, **changes)) == (200, 40002)


def test_the_limits_of_a_call(sandbox: Client) -> None:
    assert code(post(sandbox, *[made()] * 1001)) == (200, 40002)
    assert code(post(sandbox, *[made(event_id=f"lt_{n}") for n in range(1000)])) == (200, 0)
    assert code(sandbox.call("POST", PATH, b"{", {"Access-Token": "good"})) == (200, 40000)


CASES: list[tuple[str, dict[str, Any], int, str]] = [
    ("no_event", {"event": None}, 40002, "event"),
    ("no_time", {"event_time": None}, 40002, "event_time"),
    ("text_time", {"event_time": str(NOW_S)}, 40002, "event_time"),
    ("milliseconds", {"event_time": NOW_S * 1000}, 40002, "event_time"),
    ("future", {"event_time": NOW_S + 3600}, 40002, "event_time"),
    ("old", {"event_time": NOW_S - 28 * DAY_S - 1}, 40002, "event_time"),
    ("number_id", {"event_id": 5}, 40002, "event_id"),
    ("no_user", {"user": None}, 40002, "user"),
    ("empty_user", {"user": {}}, 40002, "user"),
    ("thin_user", {"user": {"first_name": HASH, "ip": "203.0.113.7"}}, 40002, "user"),
    ("plain_email", {"user": {"email": "a@example.com"}}, 40062, "user.email"),
    ("upper_hash", {"user": {"phone": HASH.upper()}}, 40062, "user.phone"),
    ("mixed_list", {"user": {"email": [HASH, "a@example.com"]}}, 40062, "user.email"),
    ("long_click", {"user": {"ttclid": "x" * 1001}}, 40002, "user.ttclid"),
    ("number_ip", {"user": {"email": HASH, "ip": 5}}, 40002, "user.ip"),
    ("no_page", {"page": None}, 40002, "page"),
    ("bare_page", {"page": {"url": "example.com/a"}}, 40002, "page.url"),
    ("text_value", {"properties": {"value": "5", "currency": "EUR"}}, 40002, "properties.value"),
    ("currency", {"properties": {"value": 5, "currency": "EURO"}}, 40002, "properties.currency"),
    ("properties", {"properties": []}, 40002, "properties"),
    ("limited", {"limited_data_use": "yes"}, 40002, "limited_data_use"),
]


@pytest.mark.parametrize(("changes", "number", "field"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_one_invalid_event_refuses_the_request_without_naming_it(
    sandbox: Client, changes: dict[str, Any], number: int, field: str
) -> None:
    reply = post(sandbox, made(), made(**changes), made())
    assert code(reply) == (200, number)
    assert "data[1]" not in reply.json["message"]
    assert flags(sandbox) == [(str(number), f"data[1].{field}")]
    assert sandbox.last("tiktok")["accepted"] == []


def test_a_part_is_taken_where_that_is_set(sandbox: Client) -> None:
    sandbox.set("tiktok", bad_event="partial")
    assert code(post(sandbox, made(event_id="a"), made(event=None), made(event_id="b"))) == (200, 20001)
    assert [row["key"] for row in sandbox.last("tiktok")["accepted"]] == ["a", "b"]
    assert code(post(sandbox, made(event=None))) == (200, 40002)


@pytest.mark.parametrize(
    ("source", "changes", "number"),
    [
        ("web", {"user": {"ttp": "01HZ"}}, 0),
        ("web", {"user": {"ip": "203.0.113.7", "user_agent": "x"}}, 0),
        ("offline", {"page": None}, 0),
        ("offline", {"user": {"ttclid": "E.C.P"}}, 40002),
        ("crm", {"page": None, "user": {"ttclid": "E.C.P"}}, 0),
        ("crm", {"user": {"lead_id": "7301"}}, 0),
        ("crm", {"user": {}, "lead": {"lead_id": "7301", "lead_event_source": "LeadTrackr"}}, 0),
        ("crm", {"user": {"ttp": "01HZ"}}, 40002),
    ],
)
def test_the_identifiers_of_each_source(sandbox: Client, source: str, changes: dict[str, Any], number: int) -> None:
    assert code(post(sandbox, made(**changes), event_source=source)) == (200, number)
    assert number or flags(sandbox) == []


@pytest.mark.parametrize(
    ("changes", "name", "field"),
    [
        ({"user": {"email": HASH, "em": HASH}}, "unknown_field", "user.em"),
        ({"user": {"email": HASH, "ttp": HASH}}, "hashed_plain_key", "user.ttp"),
        ({"test_event_code": "TEST1"}, "unknown_field", "test_event_code"),
        ({"event_time": NOW_S - 8 * DAY_S}, "old_event", "event_time"),
        ({"event_id": None}, "no_event_id", "event_id"),
        ({"properties": {"value": 5}}, "value_without_currency", "properties.currency"),
    ],
)
def test_what_tiktok_says_nothing_of_is_flagged(
    sandbox: Client, changes: dict[str, Any], name: str, field: str
) -> None:
    assert code(post(sandbox, made(**changes))) == (200, 0)
    assert flags(sandbox) == [(name, f"data[0].{field}")]


@pytest.mark.parametrize(("limit", "pause_s"), [("QPM", 300), ("QPD", None)])
def test_throttling_comes_with_http_401(sandbox: Client, limit: str, pause_s: float | None) -> None:
    sandbox.set("tiktok", throttle=limit)
    sandbox.fault({"destination": "tiktok", "max_requests": 0})
    reply = post(sandbox)
    assert code(reply) == (401, 40100)
    assert limit in reply.json["message"]
    (found,) = deliver(sandbox, TIKTOK, event(slug="tiktok"))
    assert found.kind == "retry"
    assert found.retry_after_s == pause_s or (pause_s is None and 0 < (found.retry_after_s or 0) <= 86_400)


def test_a_poisoned_event_refuses_the_request(sandbox: Client) -> None:
    sandbox.fault({"destination": "tiktok", "reject_event": 1})
    assert code(post(sandbox, made(event_id="a"), made(event_id="b"))) == (200, 40002)
    assert code(post(sandbox, made(event_id="a"))) == (200, 0)
    assert code(post(sandbox, made(event_id="b"))) == (200, 40002)


@pytest.mark.parametrize("source", ["web", "offline", "crm"])
def test_the_destination_is_understood_without_a_flag(sandbox: Client, source: str) -> None:
    events = [event(slug="tiktok", event_id=f"lt-{n}") for n in range(5)]
    found = deliver(sandbox, TIKTOK, *events, event_source=source, test_event_code="TEST1")
    assert [one.code for one in found] == ["ok"]
    call = sandbox.last("tiktok")
    assert call["flags"] == []
    assert [(row["key"], row["value"], row["currency"]) for row in call["accepted"]] == [
        (f"lt-{n}", 50.0, "EUR") for n in range(5)
    ]


@pytest.mark.parametrize(
    ("knob", "hold"),
    [
        ({"bad_tokens": ["hush-tiktok"]}, "credentials"),
        ({"forbidden_sources": [SETTINGS["tiktok"]["event_source_id"]]}, "configuration"),
        ({"retired_versions": ["v1.3"]}, "configuration"),
        ({}, None),
    ],
)
def test_the_connection_check(sandbox: Client, knob: dict[str, Any], hold: str | None) -> None:
    sandbox.set("tiktok", **knob)
    found = TIKTOK.read_check(send(sandbox, TIKTOK.check(SETTINGS["tiktok"], None)))
    assert (found.hold, found.code == "check_ok") == (hold, hold is None)
    assert sandbox.last("tiktok")["accepted"] == []
