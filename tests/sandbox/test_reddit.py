"""Reddit's emulator: each documented stimulus and its answer."""

from typing import Any

import pytest

from .client import DAY, NOW, RedditApi, digest

HASH = digest("a@example.com")
NOW_MS = NOW // 1000
WEEK_MS = 7 * DAY // 1000
UUID = "1677712978045.b8f7eb7d-b357-437b-8bd3-e1c8166c7132"


def flags(api: RedditApi) -> list[tuple[str, str]]:
    return [(flag["code"], flag.get("field", "")) for flag in api.client.last("reddit")["flags"]]


def test_events_are_taken_and_noted(reddit: RedditApi) -> None:
    metadata = {"conversion_id": "lt_2", "value": 12.5, "currency": "EUR", "item_count": 1}
    custom = {"tracking_type": "CUSTOM", "custom_event_name": "Deal signed"}
    reply = reddit.send(reddit.event(), reddit.event(type=custom, metadata=metadata))
    assert (reply.status, reply.json) == (200, {"data": {"message": "Successfully processed 2 conversion events."}})
    rows = reddit.client.last("reddit")["accepted"]
    assert [(row["key"], row["scope"], row.get("value")) for row in rows] == [
        ("lt_1", "a2_abc/LEAD", None),
        ("lt_2", "a2_abc/Deal signed", 12.5),
    ]
    assert flags(reddit) == []


CASES: list[tuple[dict[str, Any], str]] = [
    ({"event_at": None}, "event_at"),
    ({"event_at": "2026-11-23T11:00:00Z"}, "event_at"),
    ({"event_at": NOW_MS // 1000}, "event_at"),
    ({"event_at": NOW_MS - WEEK_MS - 1}, "event_at"),
    ({"event_at": NOW_MS + 61_000}, "event_at"),
    ({"action_source": None}, "action_source"),
    ({"action_source": "website"}, "action_source"),
    ({"type": None}, "type.tracking_type"),
    ({"type": {"tracking_type": "Lead"}}, "type.tracking_type"),
    ({"type": {"tracking_type": "CUSTOM"}}, "type.custom_event_name"),
    ({"type": {"tracking_type": "CUSTOM", "custom_event_name": "a" * 65}}, "type.custom_event_name"),
    ({"click_id": 5}, "click_id"),
    ({"user": []}, "user"),
    ({"user": {"email": 5}}, "user.email"),
    ({"user": {"uuid": "1700000000.abcd-uuid"}}, "user.UUID"),
    ({"metadata": {"value": -1, "currency": "EUR"}}, "metadata.value"),
    ({"metadata": {"value": "5", "currency": "EUR"}}, "metadata.value"),
    ({"metadata": {"value": 5, "currency": "EURO"}}, "metadata.currency"),
    ({"metadata": {"conversion_id": 5}}, "metadata.conversion_id"),
]


@pytest.mark.parametrize(("changes", "field"), CASES)
def test_one_invalid_event_and_none_is_processed(reddit: RedditApi, changes: dict[str, Any], field: str) -> None:
    reply = reddit.send(reddit.event(), reddit.event(**changes), reddit.event())
    error = reply.json["error"]
    assert (reply.status, error["code"]) == (400, 400)
    assert error["message"] == "There were 1 invalid conversion events. None were processed."
    assert [one["field"] for one in error["fields"]] == [f"$.data.events[1].{field}"]
    assert reddit.client.last("reddit")["accepted"] == []


def test_an_old_event_has_its_words(reddit: RedditApi) -> None:
    reply = reddit.send(reddit.event(event_at=NOW_MS - WEEK_MS - 1))
    assert reply.json["error"]["fields"][0]["message"] == "event_at timestamp must be less than 168h0m0s old"


def test_the_older_form_echoes_the_event(reddit: RedditApi) -> None:
    reddit.client.set("reddit", error_form="invalid_events")
    bad = reddit.event(action_source="x")
    reply = reddit.send(reddit.event(), bad)
    assert reply.status == 400
    assert [one["event"] for one in reply.json["invalid_events"]] == [bad]
    assert reply.json["invalid_events"][0]["error_message"]


@pytest.mark.parametrize(
    "changes",
    [
        {"event_at": NOW_MS - WEEK_MS},
        {"event_at": NOW_MS},
        {"user": {"uuid": UUID}},
        {"user": {"uuid": UUID.partition(".")[2]}},
        {"user": None, "click_id": "3184742045291813272"},
        {"user": {"ip_address": HASH, "user_agent": "Mozilla"}},
        {"action_source": "PHYSICAL_STORE"},
        {"event_source_url": "https://example.com/a"},
    ],
)
def test_valid_events_are_taken_without_a_flag(reddit: RedditApi, changes: dict[str, Any]) -> None:
    assert reddit.send(reddit.event(**changes)).status == 200
    assert flags(reddit) == []
    assert len(reddit.client.last("reddit")["accepted"]) == 1


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"foo": 1}, "unknown_field", ".foo"),
        ({"event_metadata": {}}, "unknown_field", ".event_metadata"),
        ({"user": {"email": "a@example.com"}}, "plain_value", ".user.email"),
        ({"user": {"email": HASH.upper()}}, "plain_value", ".user.email"),
        ({"metadata": None}, "no_conversion_id", ".metadata.conversion_id"),
        ({"metadata": {"conversion_id": "a", "value": 5}}, "value_without_currency", ".metadata.currency"),
        (
            {"type": {"tracking_type": "LEAD", "custom_event_name": "a"}},
            "needless_name",
            ".type.custom_event_name",
        ),
        ({"action_source": "PHYSICAL_STORE", "click_id": "1"}, "device_in_a_store", ".user"),
    ],
)
def test_what_reddit_leaves_open_is_taken_and_flagged(
    reddit: RedditApi, changes: dict[str, Any], code: str, field: str
) -> None:
    assert reddit.send(reddit.event(**changes)).status == 200
    assert flags(reddit) == [(code, f"data.events[0]{field}")]


@pytest.mark.parametrize("user", [None, {}, {"user_agent": "Mozilla"}, {"ip_address": HASH}])
def test_an_event_of_nobody_is_answered_with_success_and_of_no_use(reddit: RedditApi, user: Any) -> None:
    assert reddit.send(reddit.event(user=user), reddit.event()).status == 200
    call = reddit.client.last("reddit")
    assert [row["index"] for row in call["accepted"]] == [1]
    assert [(flag["code"], flag["dropped"]) for flag in call["flags"]] == [("no_match_key", True)]


def test_tokens_and_pixels(reddit: RedditApi) -> None:
    reddit.client.set("reddit", bad_tokens=["known-bad"])
    assert reddit.send(token=None).json == {"error": {"code": 401, "message": "No bearer token provided"}}
    for token in ("bad-1", "known-bad"):
        assert (reddit.send(token=token).status, reddit.send(token=token).json["error"]["message"]) == (
            401,
            "UNAUTHORIZED",
        )
    reddit.client.set("reddit", no_access=["a2_abc"])
    reply = reddit.send()
    assert reply.status == 403
    assert reply.json["error"]["message"] == "You're not authorized to post conversions to Pixel ID a2_abc."
    reddit.client.set("reddit", no_access=[], pixels=["other"])
    assert reddit.send().status == 403


def test_the_limits_and_the_form_of_a_request(reddit: RedditApi) -> None:
    assert reddit.send(*[reddit.event()] * 1000).status == 200
    bodies: list[object] = [
        b"{",
        [],
        {},
        {"data": []},
        {"data": {}},
        {"data": {"events": []}},
        {"events": [reddit.event()]},
    ]
    bodies.append({"data": {"events": [reddit.event()] * 1001}})
    for body in bodies:
        reply = reddit.post(body)
        assert (reply.status, reply.json["error"]["message"]) == (400, "Bad Request")
    assert reddit.client.call("GET", RedditApi.PATH).status == 404
    assert reddit.post({"data": {"events": [reddit.event()], "test_id": "t2_x", "foo": 1}}).status == 200
    assert flags(reddit) == [("unknown_field", "data.foo"), ("test_event", "data.test_id")]


def test_what_is_not_documented_is_a_setting(reddit: RedditApi) -> None:
    reddit.client.set("reddit", max_age_h=1, future_s=3600)
    assert reddit.send(reddit.event(event_at=NOW_MS + 3_600_000)).status == 200
    assert reddit.send(reddit.event(event_at=NOW_MS - 3_600_001)).status == 400


def test_a_fault_refuses_one_event_with_or_without_its_place(reddit: RedditApi) -> None:
    pair = [reddit.event(metadata={"conversion_id": key}) for key in "ab"]
    reddit.client.fault({"destination": "reddit", "reject_event": 1})
    assert reddit.send(*pair).json["error"]["fields"][0]["field"] == "$.data.events[1].type"
    reddit.client.call("DELETE", "/_sandbox/faults")
    reddit.client.fault({"destination": "reddit", "reject_event": 1, "named": False})
    reply = reddit.send(*pair)
    assert (reply.status, "fields" in reply.json["error"]) == (400, False)


@pytest.mark.parametrize("status", [401, 429, 500, 503])
def test_faults_speak_reddits_form(reddit: RedditApi, status: int) -> None:
    reddit.client.fault({"destination": "reddit", "status": status})
    assert reddit.send().json["error"]["code"] == status
