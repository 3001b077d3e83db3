"""The Measurement Protocol emulator: what it swallows, what it flags, what the debug endpoint says."""

from typing import Any

import pytest

from .client import DAY, NOW, SECOND, Client, Mp, digest

P = "events[0].params"


def test_events_are_taken_and_noted(mp: Mp) -> None:
    events = [mp.event(), {"name": "purchase", "params": {"transaction_id": "T1", "value": 5, "currency": "EUR"}}]
    reply = mp.send(mp.body(*events, timestamp_micros=NOW - DAY))
    assert (reply.status, reply.content) == (204, b"")
    call = mp.client.last("ga4")
    assert [(row["key"], row["scope"], row["value"], row["event_at"]) for row in call["accepted"]] == [
        ("lt_1", "G-ABC123/qualify_lead", 10, NOW - DAY),
        ("T1", "G-ABC123/purchase", 5, NOW - DAY),
    ]
    assert (call["flags"], call["query"]) == ([], {"measurement_id": "G-ABC123", "api_secret": "***"})
    assert mp.debug(mp.body(*events)) == []


CASES: list[tuple[str, dict[str, Any], str, bool, str, str]] = [
    ("client_id", {"client_id": None}, "missing_client_id", True, "client_id", "VALUE_REQUIRED"),
    ("number", {"client_id": 111.222}, "missing_client_id", True, "client_id", "VALUE_REQUIRED"),
    ("no_events", {"events": []}, "missing_events", True, "events", "VALUE_REQUIRED"),
    ("unknown", {"gclid": "x"}, "unknown_field", False, "gclid", "VALUE_INVALID"),
    ("user_id", {"user_id": "x" * 257}, "bad_user_id", False, "user_id", "VALUE_INVALID"),
    ("time", {"timestamp_micros": "soon"}, "bad_timestamp", True, "timestamp_micros", "VALUE_INVALID"),
    ("future", {"timestamp_micros": NOW + DAY}, "in_the_future", False, "timestamp_micros", "VALUE_OUT_OF_BOUNDS"),
    ("consent", {"consent": {"ad_user_data": True}}, "bad_consent", False, "consent.ad_user_data", "VALUE_INVALID"),
    (
        "property",
        {"user_properties": {"user_id": {"value": "x"}}},
        "reserved_user_property",
        False,
        "user_properties.user_id",
        "NAME_RESERVED",
    ),
    (
        "property_name",
        {"user_properties": {"n" * 25: {"value": "x"}}},
        "bad_user_property",
        False,
        f"user_properties.{'n' * 25}",
        "NAME_INVALID",
    ),
    (
        "property_value",
        {"user_properties": {"tier": {"value": "x" * 37}}},
        "value_too_long",
        False,
        "user_properties.tier",
        "VALUE_OUT_OF_BOUNDS",
    ),
    (
        "properties",
        {"user_properties": {f"p{n}": {"value": 1} for n in range(26)}},
        "too_many_user_properties",
        False,
        "user_properties",
        "EXCEEDED_MAX_ENTITIES",
    ),
    ("properties_list", {"user_properties": []}, "bad_user_properties", False, "user_properties", "VALUE_INVALID"),
    ("user_data", {"user_data": "x"}, "bad_user_data", False, "user_data", "VALUE_INVALID"),
    (
        "plain_email",
        {"user_data": {"sha256_email_address": ["a@example.com"]}},
        "bad_hash",
        False,
        "user_data.sha256_email_address",
        "VALUE_INVALID",
    ),
    (
        "hashes",
        {"user_data": {"sha256_phone_number": [digest("+31")] * 4}},
        "too_many_hashes",
        False,
        "user_data.sha256_phone_number",
        "EXCEEDED_MAX_ENTITIES",
    ),
    (
        "addresses",
        {"user_data": {"address": [{}] * 3}},
        "too_many_addresses",
        False,
        "user_data.address",
        "EXCEEDED_MAX_ENTITIES",
    ),
]


def check(mp: Mp, body: dict[str, Any], code: str, field: str, validation_code: str, *, dropped: bool) -> None:
    reply = mp.send(body)
    assert (reply.status, reply.content) == (204, b"")
    assert mp.flags() == [(code, dropped)]
    assert len(mp.client.last("ga4")["accepted"]) == (0 if dropped else 1)
    assert mp.debug(body) == [(field, validation_code)]


@pytest.mark.parametrize(
    ("changes", "code", "dropped", "field", "validation_code"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_a_payload_is_answered_204_whatever_is_wrong(
    mp: Mp, changes: dict[str, Any], code: str, dropped: bool, field: str, validation_code: str
) -> None:
    check(mp, mp.body(**changes), code, field, validation_code, dropped=dropped)


EVENT_CASES: list[tuple[Any, str, bool, str, str]] = [
    ("text", "bad_event", True, "events[0]", "VALUE_INVALID"),
    ({"params": {}}, "missing_event_name", True, "events[0].name", "VALUE_REQUIRED"),
    ({"name": "qualify-lead"}, "bad_event_name", True, "events[0].name", "NAME_INVALID"),
    ({"name": "1st_lead"}, "bad_event_name", True, "events[0].name", "NAME_INVALID"),
    ({"name": "n" * 41}, "bad_event_name", True, "events[0].name", "NAME_INVALID"),
    ({"name": "session_start"}, "reserved_event_name", True, "events[0].name", "NAME_RESERVED"),
    ({"name": "screen_view"}, "reserved_event_name", True, "events[0].name", "NAME_RESERVED"),
    ({"name": "lead", "gclid": "x"}, "unknown_field", False, "events[0].gclid", "VALUE_INVALID"),
    ({"name": "lead", "params": []}, "bad_params", True, P, "VALUE_INVALID"),
    ({"name": "lead", "params": {f"p{n}": 1 for n in range(26)}}, "too_many_params", True, P, "EXCEEDED_MAX_ENTITIES"),
    ({"name": "lead", "params": {"ga_x": 1}}, "reserved_param_name", True, f"{P}.ga_x", "NAME_RESERVED"),
    (
        {"name": "lead", "params": {"firebase_conversion": 1}},
        "reserved_param_name",
        True,
        f"{P}.firebase_conversion",
        "NAME_RESERVED",
    ),
    ({"name": "lead", "params": {"lead-id": 1}}, "bad_param_name", True, f"{P}.lead-id", "NAME_INVALID"),
    ({"name": "lead", "params": {"a": "x" * 101}}, "value_too_long", False, f"{P}.a", "VALUE_OUT_OF_BOUNDS"),
    ({"name": "lead", "params": {"value": 5}}, "value_without_currency", False, f"{P}.currency", "VALUE_REQUIRED"),
    ({"name": "lead", "params": {"value": "5", "currency": "EUR"}}, "bad_value", False, f"{P}.value", "VALUE_INVALID"),
    ({"name": "lead", "params": {"currency": "EURO"}}, "bad_currency", False, f"{P}.currency", "VALUE_INVALID"),
    (
        {"name": "lead", "timestamp_micros": 1.5},
        "bad_timestamp",
        True,
        "events[0].timestamp_micros",
        "VALUE_INVALID",
    ),
]


@pytest.mark.parametrize(("event", "code", "dropped", "field", "validation_code"), EVENT_CASES)
def test_an_event_is_answered_204_whatever_is_wrong(
    mp: Mp, event: Any, code: str, dropped: bool, field: str, validation_code: str
) -> None:
    check(mp, mp.body(event), code, field, validation_code, dropped=dropped)


def test_a_bad_event_leaves_the_others(mp: Mp) -> None:
    mp.send(mp.body(mp.event(event_id="a"), {"name": "error"}, mp.event(event_id="b")))
    assert [(row["index"], row["key"]) for row in mp.client.last("ga4")["accepted"]] == [(0, "a"), (2, "b")]


def test_too_many_events_lose_all(mp: Mp) -> None:
    mp.send(mp.body(*[mp.event()] * 25))
    assert len(mp.client.last("ga4")["accepted"]) == 25
    mp.send(mp.body(*[mp.event()] * 26))
    assert mp.flags() == [("too_many_events", True)]
    assert mp.client.last("ga4")["accepted"] == []
    assert mp.debug(mp.body(*[mp.event()] * 26)) == [("events", "EXCEEDED_MAX_ENTITIES")]


def test_an_old_event_is_moved_unless_recommendations_are_enforced(mp: Mp) -> None:
    old = NOW - 72 * 3600 * SECOND - 1
    mp.send(mp.body(timestamp_micros=str(old)))
    assert (mp.flags(), len(mp.client.last("ga4")["accepted"])) == ([("too_old", False)], 1)
    assert mp.debug(mp.body(timestamp_micros=old)) == []
    strict = mp.body(timestamp_micros=old, validation_behavior="ENFORCE_RECOMMENDATIONS")
    mp.send(strict)
    assert (mp.flags(), mp.client.last("ga4")["accepted"]) == ([("too_old", True)], [])
    assert mp.debug(strict) == [("timestamp_micros", "VALUE_OUT_OF_BOUNDS")]
    mp.client.set("ga4", max_age_h=100)
    mp.send(strict)
    assert mp.flags() == []


@pytest.mark.parametrize(
    ("query", "code", "field"),
    [
        ("?api_secret=x", "missing_measurement_id", "measurement_id"),
        ("?measurement_id=G-1", "missing_api_secret", "api_secret"),
    ],
)
def test_the_stream_must_be_named(mp: Mp, query: str, code: str, field: str) -> None:
    assert mp.send(mp.body(), query).status == 204
    assert mp.flags() == [(code, True)]
    assert mp.debug(mp.body(), query) == [(field, "VALUE_REQUIRED")]


def test_a_wrong_secret_is_swallowed_and_the_debug_endpoint_does_not_see_it(mp: Mp) -> None:
    mp.client.set("ga4", secrets={"G-ABC123": "other"})
    assert mp.send(mp.body()).status == 204
    assert (mp.flags(), mp.client.last("ga4")["accepted"]) == ([("wrong_api_secret", True)], [])
    assert mp.debug(mp.body()) == []
    mp.client.set("ga4", secrets={"G-ABC123": "s3cret"})
    mp.send(mp.body())
    assert mp.flags() == []


def test_app_streams_have_their_own_id_and_names(mp: Mp) -> None:
    query = "?firebase_app_id=1:2:android:3&api_secret=s3cret"
    mp.send(mp.body({"name": "screen_view"}, client_id=None, app_instance_id="abc"), query)
    assert mp.flags() == []
    mp.send(mp.body(), query)
    assert mp.flags() == [("missing_app_instance_id", True)]


@pytest.mark.parametrize("body", [b"", b"{", b"[]"])
def test_no_json_is_swallowed_too(mp: Mp, body: bytes) -> None:
    assert mp.send(body).status == 204
    assert mp.flags() == [("bad_json", True)]
    assert mp.debug(body) == [("", "VALUE_INVALID")]


def test_a_body_of_130_kb_is_lost(mp: Mp) -> None:
    mp.send(mp.body(user_agent="x" * 130_000))
    assert mp.flags() == [("body_too_large", True)]
    assert mp.client.last("ga4")["accepted"] == []


def test_other_paths_and_methods(sandbox: Client) -> None:
    assert sandbox.call("POST", "/ga4/g/collect").status == 404
    assert sandbox.call("GET", "/ga4/mp/collect").status == 405
