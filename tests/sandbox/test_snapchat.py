"""The emulator of Snapchat's Conversions API."""

from typing import Any

import pytest

from leadtrackr.destinations.snapchat import SNAPCHAT
from tests.destinations.making import SETTINGS, event, lead
from tests.destinations.over_http import deliver, send

from .client import DAY, NOW, SECOND, Client, Reply, digest

PIXEL = "1ec32188-754e-4be2-8e55-c949a984a39f"
PATH = f"/snapchat/v3/{PIXEL}/events"
NOW_S = NOW // SECOND
DAY_S = DAY // SECOND
HASH = digest("a@example.com")


def made(**changes: Any) -> dict[str, Any]:
    """A valid event; a change to None takes the field out."""
    one = {
        "event_name": "SIGN_UP",
        "event_time": NOW_S - 3600,
        "event_id": "lt_1",
        "action_source": "WEB",
        "event_source_url": "https://example.com/a",
        "user_data": {"em": [HASH]},
        **changes,
    }
    return {name: value for name, value in one.items() if value is not None}


def post(client: Client, *events: Any, path: str = PATH, query: str = "?access_token=good") -> Reply:
    """POST these events, or one."""
    return client.call("POST", path + query, {"data": list(events) or [made()]})


def flags(client: Client) -> list[tuple[str, str]]:
    return [(flag["code"], flag.get("field", "")) for flag in client.last("snapchat")["flags"]]


def test_events_are_taken_and_noted(sandbox: Client) -> None:
    money = {"value": 12.5, "currency": "EUR"}
    events = [made(), made(event_id="lt_2", event_name="PURCHASE", custom_data=money)]
    reply = post(sandbox, *events)
    assert (reply.status, reply.json["status"]) == (200, "VALID")
    call = sandbox.last("snapchat")
    assert [(row["key"], row["scope"], row.get("value"), row["event"]) for row in call["accepted"]] == [
        ("lt_1", f"{PIXEL}/SIGN_UP", None, events[0]),
        ("lt_2", f"{PIXEL}/PURCHASE", 12.5, events[1]),
    ]
    assert (call["flags"], call["query"]) == ([], {"access_token": "***"})


@pytest.mark.parametrize("query", ["", "?access_token=", "?access_token=bad-1", "?access_token=known-bad"])
def test_bad_tokens(sandbox: Client, query: str) -> None:
    sandbox.set("snapchat", bad_tokens=["known-bad"])
    reply = post(sandbox, query=query)
    assert (reply.status, reply.json["status"]) == (401, "INVALID")


def test_pixels_and_paths(sandbox: Client) -> None:
    assert post(sandbox, path=PATH.replace("v3", "v2")).status == 404
    assert sandbox.call("GET", f"{PATH}?access_token=good").status == 404
    assert post(sandbox, path=f"{PATH}/validate/stats").status == 404
    sandbox.set("snapchat", unknown_pixels=[PIXEL])
    assert post(sandbox).status == 404
    sandbox.set("snapchat", unknown_pixels=[], forbidden_pixels=[PIXEL])
    assert post(sandbox).status == 403


CASES: list[tuple[str, dict[str, Any], str]] = [
    ("no_name", {"event_name": None}, "event_name"),
    ("no_time", {"event_time": None}, "event_time"),
    ("text_time", {"event_time": str(NOW_S)}, "event_time"),
    ("milliseconds", {"event_time": NOW_S * 1000}, "event_time"),
    ("future", {"event_time": NOW_S + 3600}, "event_time"),
    ("old", {"event_time": NOW_S - 7 * DAY_S - 1}, "event_time"),
    ("beyond", {"event_time": 10**30}, "event_time"),
    ("no_source", {"action_source": None}, "action_source"),
    ("bad_source", {"action_source": "PHONE"}, "action_source"),
    ("no_page", {"event_source_url": None}, "event_source_url"),
    ("bare_page", {"event_source_url": "example.com"}, "event_source_url"),
    ("number_id", {"event_id": 5}, "event_id"),
    ("no_user", {"user_data": None}, "user_data"),
    ("empty_user", {"user_data": {}}, "user_data"),
    ("click_alone", {"user_data": {"sc_click_id": "x"}}, "user_data"),
    ("ip_alone", {"user_data": {"client_ip_address": "::1"}}, "user_data"),
    ("plain", {"user_data": {"em": ["a@example.com"]}}, "user_data.em"),
    ("upper", {"user_data": {"ph": [HASH.upper()]}}, "user_data.ph"),
    ("hashed_ip", {"user_data": {"em": [HASH], "client_ip_address": HASH}}, "user_data.client_ip_address"),
    ("list_click", {"user_data": {"em": [HASH], "sc_click_id": ["x"]}}, "user_data.sc_click_id"),
    ("no_value", {"event_name": "PURCHASE"}, "custom_data"),
    ("no_currency", {"event_name": "PURCHASE", "custom_data": {"value": 5}}, "custom_data"),
    ("odd_value", {"custom_data": {"value": "five", "currency": "EUR"}}, "custom_data.value"),
    ("nan", {"custom_data": {"value": "nan", "currency": "EUR"}}, "custom_data.value"),
    ("currency", {"custom_data": {"value": 5, "currency": "EURO"}}, "custom_data.currency"),
    ("custom_list", {"custom_data": []}, "custom_data"),
]


@pytest.mark.parametrize(("changes", "field"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_one_invalid_event_refuses_the_request(sandbox: Client, changes: dict[str, Any], field: str) -> None:
    reply = post(sandbox, made(), made(**changes), made())
    assert (reply.status, reply.json["status"], reply.json["event"]) == (400, "INVALID", 1)
    assert reply.json["errors"]["error_msgs"]
    assert flags(sandbox) == [("INVALID", f"data[1].{field}")]
    assert sandbox.last("snapchat")["accepted"] == []


@pytest.mark.parametrize("body", [b"{", [], {}, {"data": []}, {"data": 5}, {"data": [1] * 2001}])
def test_a_request_without_a_list_of_events(sandbox: Client, body: Any) -> None:
    assert sandbox.call("POST", f"{PATH}?access_token=good", body).status == 400


@pytest.mark.parametrize(
    "changes",
    [
        {"action_source": "OFFLINE", "event_source_url": None},
        {"user_data": {"ph": HASH}},
        {"user_data": {"client_ip_address": "::1", "client_user_agent": "x"}},
        {"event_name": "PURCHASE", "custom_data": {"value": "10", "currency": "USD"}},
    ],
)
def test_valid_events_are_taken_without_a_flag(sandbox: Client, changes: dict[str, Any]) -> None:
    assert post(sandbox, made(**changes)).status == 200
    assert flags(sandbox) == []


@pytest.mark.parametrize(
    ("changes", "name", "field"),
    [
        ({"event_name": "Lead"}, "unknown_event_name", "event_name"),
        ({"action_source": "website"}, "other_spelling", "action_source"),
        ({"pixel_id": "x"}, "unknown_field", "pixel_id"),
        ({"user_data": {"em": [HASH], "email": "x"}}, "unknown_field", "user_data.email"),
        ({"user_data": {"em": [HASH], "sc_cookie1": "x"}}, "bad_cookie", "user_data.sc_cookie1"),
        ({"custom_data": {"value": 5}}, "value_without_currency", "custom_data.currency"),
    ],
)
def test_what_snapchat_leaves_open_is_flagged(sandbox: Client, changes: dict[str, Any], name: str, field: str) -> None:
    assert post(sandbox, made(**changes)).status == 200
    assert flags(sandbox) == [(name, f"data[0].{field}")]


def test_undocumented_behaviour_is_a_setting(sandbox: Client) -> None:
    sandbox.set("snapchat", bad_event="drop", max_events=3, max_age_days=37, time_unit="both")
    reply = post(sandbox, made(event_id="a"), made(user_data={}), made(event_id="b"))
    assert (reply.status, reply.json["status"]) == (200, "VALID")
    assert [row["key"] for row in sandbox.last("snapchat")["accepted"]] == ["a", "b"]
    assert post(sandbox, made(user_data={})).status == 400
    assert post(sandbox, *[made()] * 4).status == 400
    assert post(sandbox, made(event_time=NOW_S - 30 * DAY_S), made(event_time=NOW_S * 1000)).status == 200
    sandbox.set("snapchat", time_unit="milliseconds")
    assert post(sandbox).status == 400


def test_the_test_tool_counts_nothing(sandbox: Client) -> None:
    reply = post(sandbox, path=f"{PATH}/validate")
    assert (reply.status, reply.json["status"], reply.json["test_event"]) == (200, "VALID", True)
    reply = post(sandbox, made(), made(user_data={}), path=f"{PATH}/validate")
    assert (reply.status, [one["status"] for one in reply.json["event_logs"]]) == (400, ["VALID", "INVALID"])
    call = sandbox.last("snapchat")
    assert (call["accepted"], call["validation"]) == ([], True)
    for path in ("stats", "logs"):
        assert sandbox.call("GET", f"{PATH}/validate/{path}?access_token=good").json["status"] == "SUCCESS"


@pytest.mark.parametrize("settings", [{}, {"time_unit": "milliseconds"}, {"action_source": "OFFLINE"}])
def test_the_destination_is_understood_without_a_flag(sandbox: Client, settings: dict[str, str]) -> None:
    sandbox.set("snapchat", time_unit=settings.get("time_unit", "seconds"))
    events = [event(slug="snapchat", event_id=f"lt-{n}") for n in range(3)]
    assert [one.code for one in deliver(sandbox, SNAPCHAT, *events, **settings)] == ["ok"]
    call = sandbox.last("snapchat")
    assert (call["flags"], [row["value"] for row in call["accepted"]]) == ([], [50.0] * 3)
    assert {row["event_at"] // SECOND for row in call["accepted"]} == {1795262400}


def test_a_purchase_without_a_value_is_refused_in_words(sandbox: Client) -> None:
    bare = event(slug="snapchat", action="PURCHASE", value_cents=None)
    (found,) = deliver(sandbox, SNAPCHAT, bare)
    assert (found.code, found.kind) == ("INVALID", "rejected")
    assert "price and/or currency" in found.detail
    assert deliver(sandbox, SNAPCHAT, event(slug="snapchat", action="PURCHASE"))[0].code == "ok"


def test_validation_and_check_over_http(sandbox: Client) -> None:
    validation = SNAPCHAT.validation
    assert validation is not None
    for someone, code in ((lead(), "test_ok"), (lead(email=None, phone=None, user_agent=None), "INVALID")):
        real = SNAPCHAT.build([event(someone, "snapchat")], SETTINGS["snapchat"], None)
        assert validation.read(send(sandbox, validation.request(real))).code == code
    assert SNAPCHAT.read_check(send(sandbox, SNAPCHAT.check(SETTINGS["snapchat"], None))).code == "check_ok"
    assert sandbox.summary("snapchat")["accepted"] == 0
    sandbox.set("snapchat", bad_tokens=["hush-snapchat"])
    assert SNAPCHAT.read_check(send(sandbox, SNAPCHAT.check(SETTINGS["snapchat"], None))).hold == "credentials"


def test_faults(sandbox: Client) -> None:
    sandbox.fault({"destination": "snapchat", "reject_event": 1})
    assert post(sandbox, made(event_id="a"), made(event_id="b")).status == 400
    assert post(sandbox, made(event_id="a")).status == 200
    sandbox.fault({"destination": "snapchat", "max_requests": 0})
    assert post(sandbox).status == 429
    assert deliver(sandbox, SNAPCHAT, event(slug="snapchat"))[0].code == "rate_limited"
