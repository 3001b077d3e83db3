"""The emulator of Pinterest's API for Conversions."""

from typing import Any

import pytest

from leadtrackr.destinations.pinterest import PINTEREST
from tests.destinations.making import SETTINGS, event, lead
from tests.destinations.over_http import deliver, send

from .client import DAY, NOW, SECOND, Client, Reply, digest

PATH = "/pinterest/v5/ad_accounts/549755885175/events"
NOW_S = NOW // SECOND
DAY_S = DAY // SECOND
HASH = digest("a@example.com")
GOOD = {"Authorization": "Bearer good"}


def made(**changes: Any) -> dict[str, Any]:
    """A valid event; a change to None takes the field out."""
    one = {
        "event_name": "lead",
        "action_source": "web",
        "event_time": NOW_S - 3600,
        "event_id": "lt_1",
        "user_data": {"em": [HASH]},
        **changes,
    }
    return {name: value for name, value in one.items() if value is not None}


def post(client: Client, *events: Any, path: str = PATH) -> Reply:
    """POST these events, or one."""
    return client.call("POST", path, {"data": list(events) or [made()]}, GOOD)


def statuses(reply: Reply) -> list[str]:
    """The result of each event."""
    return [one["status"] for one in reply.json["events"]]


def flags(client: Client) -> list[tuple[str, str]]:
    return [(flag["code"], flag.get("field", "")) for flag in client.last("pinterest")["flags"]]


def test_events_are_taken_and_noted(sandbox: Client) -> None:
    events = [made(), made(event_id="lt_2", event_name="checkout", custom_data={"value": "12.50", "currency": "EUR"})]
    reply = post(sandbox, *events)
    assert (reply.status, reply.json["num_events_received"], reply.json["num_events_processed"]) == (200, 2, 2)
    assert reply.json["events"] == [{"status": "processed", "error_message": None, "warning_message": None}] * 2
    call = sandbox.last("pinterest")
    assert [(row["key"], row["scope"], row.get("value"), row["event"]) for row in call["accepted"]] == [
        ("lt_1", "549755885175/lead", None, events[0]),
        ("lt_2", "549755885175/checkout", 12.5, events[1]),
    ]
    assert (call["flags"], call["headers"]["Authorization"]) == ([], "***")


@pytest.mark.parametrize("token", [None, "Bearer bad-token", "Bearer known-bad", "Basic good"])
def test_bad_tokens(sandbox: Client, token: str | None) -> None:
    sandbox.set("pinterest", bad_tokens=["known-bad"])
    reply = sandbox.call("POST", PATH, {"data": [made()]}, {"Authorization": token} if token else {})
    assert (reply.status, reply.json) == (401, {"code": 2, "message": "Authentication failed."})


def test_accounts_and_paths(sandbox: Client) -> None:
    assert post(sandbox, path=PATH.replace("549755885175", "me")).status == 404
    assert post(sandbox, path=PATH.replace("v5", "v4")).status == 404
    assert sandbox.call("GET", PATH, headers=GOOD).status == 404
    sandbox.set("pinterest", unknown_accounts=["549755885175"])
    assert post(sandbox).status == 404
    sandbox.set("pinterest", unknown_accounts=[], forbidden_accounts=["549755885175"])
    assert post(sandbox).status == 403


@pytest.mark.parametrize("body", [b"{", [], {}, {"data": []}, {"data": {}}, {"data": [1] * 1001}])
def test_a_request_without_a_list_of_events(sandbox: Client, body: Any) -> None:
    reply = sandbox.call("POST", PATH, body, GOOD)
    assert (reply.status, set(reply.json)) == (400, {"code", "message"})


def test_a_thousand_events_are_taken(sandbox: Client) -> None:
    assert post(sandbox, *[made(event_id=f"lt_{n}") for n in range(1000)]).json["num_events_processed"] == 1000


CASES: list[tuple[str, dict[str, Any], str]] = [
    ("no_name", {"event_name": None}, "event_name"),
    ("no_id", {"event_id": None}, "event_id"),
    ("empty_id", {"event_id": ""}, "event_id"),
    ("no_source", {"action_source": None}, "action_source"),
    ("website", {"action_source": "website"}, "action_source"),
    ("no_time", {"event_time": None}, "event_time"),
    ("text_time", {"event_time": str(NOW_S)}, "event_time"),
    ("milliseconds", {"event_time": NOW_S * 1000}, "event_time"),
    ("future", {"event_time": NOW_S + 3600}, "event_time"),
    ("bare_page", {"event_source_url": "example.com"}, "event_source_url"),
    ("opt_out", {"opt_out": "no"}, "opt_out"),
    ("no_user", {"user_data": None}, "user_data"),
    ("empty_user", {"user_data": {}}, "user_data"),
    ("phone_alone", {"user_data": {"ph": [HASH]}}, "user_data"),
    ("click_alone", {"user_data": {"click_id": "dj0y"}}, "user_data"),
    ("ip_alone", {"user_data": {"client_ip_address": "::1"}}, "user_data"),
    ("bare_hash", {"user_data": {"em": HASH}}, "user_data.em"),
    ("plain", {"user_data": {"em": ["a@example.com"]}}, "user_data.em"),
    ("upper", {"user_data": {"em": [HASH.upper()]}}, "user_data.em"),
    ("list_click", {"user_data": {"em": [HASH], "click_id": ["x"]}}, "user_data.click_id"),
    ("number_value", {"custom_data": {"value": 5, "currency": "EUR"}}, "custom_data.value"),
    ("odd_value", {"custom_data": {"value": "5,00", "currency": "EUR"}}, "custom_data.value"),
    ("currency", {"custom_data": {"value": "5", "currency": "EURO"}}, "custom_data.currency"),
    ("custom_list", {"custom_data": []}, "custom_data"),
]


@pytest.mark.parametrize(("changes", "field"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_an_invalid_event_fails_alone(sandbox: Client, changes: dict[str, Any], field: str) -> None:
    reply = post(sandbox, made(event_id="a"), made(**changes), made(event_id="b"))
    assert (reply.status, reply.json["num_events_processed"]) == (200, 2)
    assert statuses(reply) == ["processed", "failed", "processed"]
    assert reply.json["events"][1]["error_message"]
    call = sandbox.last("pinterest")
    assert ([row["key"] for row in call["accepted"]], flags(sandbox)) == (["a", "b"], [("failed", f"data[1].{field}")])


@pytest.mark.parametrize(
    ("changes", "name", "field"),
    [
        ({"event_name": "qualified"}, "unknown_event_name", "event_name"),
        ({"test": True}, "unknown_field", "test"),
        ({"user_data": {"em": [HASH], "email": "x"}}, "unknown_field", "user_data.email"),
        ({"custom_data": {"value": "5"}}, "value_without_currency", "custom_data.currency"),
    ],
)
def test_what_pinterest_leaves_open_is_flagged(sandbox: Client, changes: dict[str, Any], name: str, field: str) -> None:
    assert statuses(post(sandbox, made(**changes))) == ["processed"]
    assert flags(sandbox) == [(name, f"data[0].{field}")]


def test_undocumented_behaviour_is_a_setting(sandbox: Client) -> None:
    old = made(event_time=NOW_S - 400 * DAY_S)
    assert statuses(post(sandbox, old)) == ["processed"]
    sandbox.set("pinterest", max_age_days=90, partial_status=422, warn_of_no_click_id=True)
    reply = post(sandbox, made(), old)
    assert (reply.status, statuses(reply)) == (422, ["processed", "failed"])
    assert reply.json["events"][0]["warning_message"]


def test_a_poisoned_event_fails_alone(sandbox: Client) -> None:
    sandbox.fault({"destination": "pinterest", "reject_event": 1})
    assert statuses(post(sandbox, made(event_id="a"), made(event_id="b"))) == ["processed", "failed"]
    assert statuses(post(sandbox, made(event_id="b"))) == ["failed"]


def test_a_test_request_records_nothing(sandbox: Client) -> None:
    reply = post(sandbox, made(), made(user_data={}), path=f"{PATH}?test=true")
    assert statuses(reply) == ["processed", "failed"]
    call = sandbox.last("pinterest")
    assert (call["accepted"], call["validation"]) == ([], True)


@pytest.mark.parametrize("status", [200, 422])
def test_the_destination_is_understood_and_understands(sandbox: Client, status: int) -> None:
    sandbox.set("pinterest", partial_status=status)
    events = [event(slug="pinterest", event_id=f"lt-{n}") for n in range(3)]
    assert [one.code for one in deliver(sandbox, PINTEREST, *events)] == ["ok"] * 3
    assert flags(sandbox) == []
    nobody = event(lead(email=None, user_agent=None), "pinterest", event_id="lt-9")
    found = deliver(sandbox, PINTEREST, events[0], nobody, events[1])
    assert [one.code for one in found] == ["ok", "failed", "ok"]


def test_validation_and_check_over_http(sandbox: Client) -> None:
    validation = PINTEREST.validation
    assert validation is not None
    real = PINTEREST.build([event(slug="pinterest")], SETTINGS["pinterest"], None)
    assert validation.read(send(sandbox, validation.request(real))).code == "test_ok"
    assert PINTEREST.read_check(send(sandbox, PINTEREST.check(SETTINGS["pinterest"], None))).code == "check_ok"
    assert sandbox.summary("pinterest")["accepted"] == 0
    sandbox.set("pinterest", bad_tokens=["hush-pinterest"])
    assert PINTEREST.read_check(send(sandbox, PINTEREST.check(SETTINGS["pinterest"], None))).hold == "credentials"


def test_throttling(sandbox: Client) -> None:
    sandbox.fault({"destination": "pinterest", "max_requests": 0})
    assert post(sandbox).json["code"] == 8
    (found,) = deliver(sandbox, PINTEREST, event(slug="pinterest"))
    assert (found.kind, found.code) == ("retry", "rate_limited")
