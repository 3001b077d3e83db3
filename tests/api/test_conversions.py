"""The calls about conversions: what a program sees and orders, and that nobody else does."""

import json
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from leadtrackr.api.openapi import description
from leadtrackr.conversions import connections
from tests.api.conftest import Api, start
from tests.api.test_warnings import connect_everything
from tests.faults.processes import Sandbox, sandbox
from tests.support import tables
from tests.support.program import Answer, Program

PATH = "/api/conversions"
DOCUMENT = description("https://leads.example.com")
PERSON = {"email": "jan@example.com", "attributionData": {"gclid": "G", "cid": "111.222", "fbp": "fb.1.2.3"}}
EVERY = ("google_ads", "ga4", "meta")


def rated(api: Api, count: int = 1, price: int | None = 5000) -> list[dict[str, Any]]:
    """Rates so many leads on three platforms; the conversions, newest first."""
    conversion_id = connect_everything(api)
    for number in range(count):
        lead_id = api.create(**{**PERSON, "email": f"jan{number}@example.com"})
        assert api.rate({"leadId": lead_id, "conversionId": conversion_id, "price": price}).status == 201
    return listed(api)


def listed(api: Api, **params: object) -> list[dict[str, Any]]:
    answer = api.program.get(PATH, api.key, **params)
    assert answer.status == 200, answer.body
    found: list[dict[str, Any]] = answer.json["conversions"]
    return found


def shown(api: Api, number: int) -> dict[str, Any]:
    found: dict[str, Any] = api.program.get(f"{PATH}/{number}", api.key).json["conversion"]
    return found


def order(api: Api, name: str, **body: object) -> dict[str, Any]:
    answer = api.program.post(f"{PATH}/{name}", body, api.key)
    assert answer.status == 200, answer.body
    found: dict[str, Any] = answer.json
    return found


def put(api: Api, state: str, code: str, *ids: int) -> None:
    """Puts deliveries into a state, as the engine would."""
    for one in ids:
        tables.execute(api.url, "UPDATE deliveries SET state = ?, code = ?, passed = 1 WHERE id = ?", state, code, one)


# Who may


def calls(api: Api) -> dict[str, Callable[[str | None], Answer]]:
    """Every call, as somebody with another key would make it about this project."""
    number, lead_id = listed(api)[0]["id"], listed(api)[0]["leadId"]
    rating = {"leadId": lead_id, "conversionId": "lost"}
    program = api.program
    return {
        "show": lambda key: program.get(f"{PATH}/{number}", key),
        "retry": lambda key: program.post(f"{PATH}/retry", {"ids": [number]}, key),
        "plan of retry": lambda key: program.post(f"{PATH}/retry", {"ids": [number], "plan": True}, key),
        "cancel": lambda key: program.post(f"{PATH}/cancel", {"ids": [number]}, key),
        "plan of cancel": lambda key: program.post(f"{PATH}/cancel", {"ids": [number], "plan": True}, key),
        "plan": lambda key: program.post(f"{PATH}/plan", rating, key),
        "validate": lambda key: program.post(f"{PATH}/validate", rating, key),
        "plan by query": lambda key: program.get(f"{PATH}/plan", key, **rating),
    }


def test_the_project_s_own_key_opens_every_call(api: Api) -> None:
    rated(api)
    for name, call in calls(api).items():
        assert call(api.key).status == 200, name


def test_a_key_of_another_project_gets_the_same_404_as_for_what_does_not_exist(api: Api, other: Api) -> None:
    (first, *_) = rated(api)
    before = api.tables()
    for name, call in calls(api).items():
        stranger = call(other.key)
        nothing = stranger.message.replace(str(first["id"]), "N")
        assert stranger.status == 404, name
        assert nothing in ("This project has no delivery N.", "Lead not found"), name
    assert listed(other) == []
    assert listed(other, leadId=first["leadId"]) == []
    assert order(other, "retry", filter={"leadId": first["leadId"]})["groups"] == []
    assert order(other, "cancel", filter={"leadId": first["leadId"]})["ids"] == []
    assert api.tables() == before


@pytest.mark.parametrize(("key", "message"), [(None, "Missing X-API-Key header"), ("ltk_no", "Invalid API key")])
def test_without_a_good_key_nothing_is_said_or_done(api: Api, key: str | None, message: str) -> None:
    rated(api)
    before = api.tables()
    for answer in (api.program.get(PATH, key), *(call(key) for call in calls(api).values())):
        assert (answer.status, answer.message) == (401, message)
    assert api.program.post(f"{PATH}/retry", b"{", key).status == 401, "before anything about the body"
    assert api.tables() == before


def test_one_wrong_id_among_good_ones_refuses_the_whole_order(api: Api, other: Api) -> None:
    mine = [one["id"] for one in rated(api)]
    theirs = rated(other)[0]["id"]
    before = api.tables()
    for name in ("retry", "cancel"):
        answer = api.program.post(f"{PATH}/{name}", {"ids": [*mine, theirs, 2**70]}, api.key)
        assert (answer.status, answer.message) == (404, f"This project has no delivery {theirs}, {2**70}.")
    assert api.tables() == before


# Reading


def test_the_list_has_everything_in_words_newest_first(api: Api) -> None:
    found = rated(api, 2)
    assert [one["id"] for one in found] == sorted((one["id"] for one in found), reverse=True)
    assert len(found) == 6
    meta = next(one for one in found if one["destination"] == "meta")
    assert (meta["account"], meta["action"], meta["valueCents"], meta["currency"]) == (
        "1234567890",
        "Lead",
        5000,
        "EUR",
    )
    assert (meta["label"], meta["state"], meta["code"], meta["class"]) == ("Everywhere", "queued", None, None)
    assert meta["sentence"] == "It is about to be sent."
    assert meta["nextTryAt"] == meta["happenedAt"] < meta["closesAt"]
    put(api, "rejected", "100/2804003", meta["id"])
    refused = shown(api, meta["id"])
    assert refused["sentence"].endswith(".")
    assert refused["nextStep"].endswith(".")
    assert refused["link"].startswith("https://")
    assert refused["class"] == "you_act"
    assert (refused["nextTryAt"], refused["closesAt"], refused["attempts"]) == (None, None, [])


def test_the_class_says_who_has_to_act_now(api: Api) -> None:
    number = next(one["id"] for one in rated(api) if one["destination"] == "meta")
    for state, code, action in [
        ("waiting", "server_error", "wait"),
        ("accepted", "ok", "done"),
        ("rejected", "unexpected", "we_act"),
        ("held", "190", "you_act"),
        ("queued", "behind_earlier", "wait"),
        # It goes by itself: what refused it before has been mended.
        ("queued", "190", None),
        ("rejected", "BRAND_NEW", None),
    ]:
        put(api, state, code, number)
        found = shown(api, number)
        assert (found["code"], found["class"]) == (code, action)
        if code == "behind_earlier":
            assert found["link"] == "/outcomes#leadtrackr-behind_earlier", "a page of this server"


def test_filters_and_pages(api: Api) -> None:
    found = rated(api, 3)
    ids = [one["id"] for one in found]
    put(api, "rejected", "190", ids[0])
    put(api, "held", "10", ids[1])
    first = found[0]
    for params, expected in (
        ({"state": "rejected"}, ids[:1]),
        ({"state": "held, Rejected"}, ids[:2]),
        ({"state": "accepted"}, []),
        ({"code": "10"}, ids[1:2]),
        ({"destination": "ga4", "state": ""}, [one["id"] for one in found if one["destination"] == "ga4"]),
        ({"leadId": first["leadId"]}, ids[:3]),
        ({"leadId": 10**30}, []),
        ({"createdAt__gte": first["createdAt"]}, ids),
        ({"createdAt__lte": first["createdAt"]}, ids),
        ({"createdAt__gte": "2100-01-01"}, []),
        ({"createdAt__lte": "2000-01-01"}, []),
        ({"limit": 4, "page": 2}, ids[4:8]),
    ):
        assert [one["id"] for one in listed(api, **params)] == expected, params
    page = api.program.get(PATH, api.key, limit=4, page=3).json
    assert (page["total"], page["totalPages"], page["hasMore"], len(page["conversions"])) == (9, 3, False, 1)


# Sending again


def test_the_plan_says_of_each_what_would_become_of_it_and_moves_nothing(api: Api) -> None:
    found = rated(api, 4)
    of = {slug: [one["id"] for one in found if one["destination"] == slug] for slug in EVERY}
    tables.execute(
        api.url, "UPDATE connections SET state = 'held' WHERE project_id = ? AND destination = 'ga4'", api.number
    )
    put(api, "rejected", "190", *of["meta"][:2])
    put(api, "accepted", "ok", of["meta"][2])
    put(api, "expired", "window_closed", of["google_ads"][0])
    tables.execute(api.url, "UPDATE deliveries SET closes_at = 1 WHERE id = ?", of["google_ads"][0])
    put(api, "skipped", "missing_data", of["google_ads"][1])
    put(api, "rejected", "account_changed", of["google_ads"][2])
    tables.execute(api.url, "UPDATE deliveries SET account = 'gone' WHERE id = ?", of["google_ads"][2])
    put(api, "cancelled", "cancelled", of["ga4"][0])
    attempt(api, of["meta"][0], "unknown")
    before = api.tables()
    answer = order(api, "retry", ids=[one["id"] for one in found], plan=True)
    groups = {(one["fate"], one["destination"]): one["ids"] for one in answer["groups"]}
    assert groups == {
        ("send", "meta"): [of["meta"][1]],
        ("repeat", "meta"): [of["meta"][0]],
        ("held", "ga4"): [of["ga4"][0]],
        ("too_old", "google_ads"): [of["google_ads"][0]],
        ("other_account", "google_ads"): [of["google_ads"][2]],
        ("accepted", "meta"): [of["meta"][2]],
        ("skipped", "google_ads"): [of["google_ads"][1]],
        ("on_its_way", "google_ads"): [of["google_ads"][3]],
        ("on_its_way", "ga4"): sorted(of["ga4"][1:]),
        ("on_its_way", "meta"): [of["meta"][3]],
    }
    assert (answer["plan"], answer["count"], answer["more"]) == (True, 3, False)
    assert all(one["sentence"].endswith(".") and one["count"] == len(one["ids"]) for one in answer["groups"])
    assert api.tables() == before
    done = order(api, "retry", ids=[one["id"] for one in found])
    assert done["groups"] == answer["groups"], "the deed is the plan"
    assert {one["id"] for one in listed(api, state="waiting")} == {*of["meta"][:2], of["ga4"][0], of["google_ads"][3]}
    again = order(api, "retry", ids=[one["id"] for one in found])
    assert (again["count"], again["message"]) == (0, "No conversion can be sent again")


def attempt(api: Api, delivery_id: int, kind: str) -> None:
    tables.execute(
        api.url,
        "INSERT INTO attempts (delivery_id, number, started_at, ended_at, kind, scope, code, detail, reference, url,"
        " request) VALUES (?, 1, 1, 2, ?, 'event', 'timeout', '', '', '', '')",
        delivery_id,
        kind,
    )


def test_a_platform_that_knows_no_repeats_is_said_to_count_twice(api: Api) -> None:
    (ga4,) = (one["id"] for one in rated(api) if one["destination"] == "ga4")
    put(api, "expired", "retries_over", ga4)
    attempt(api, ga4, "unknown")
    (group,) = order(api, "retry", ids=[ga4], plan=True)["groups"]
    assert (group["fate"], "twice" in group["sentence"]) == ("repeat", True)


def test_an_order_by_filter_takes_what_the_filter_takes(api: Api) -> None:
    found = rated(api, 2)
    put(api, "rejected", "190", *(one["id"] for one in found))
    wanted = sorted(one["id"] for one in found if one["destination"] == "meta")
    answer = order(api, "retry", filter={"state": ["rejected", "expired"], "destination": "meta"})
    assert [one["ids"] for one in answer["groups"]] == [wanted]
    assert {one["id"] for one in listed(api, state="waiting")} == set(wanted)
    lead = found[0]["leadId"]
    assert order(api, "retry", filter={"leadId": lead, "state": "rejected"})["count"] == 2


def test_cancel_stops_what_was_not_sent_and_names_what_stays(api: Api) -> None:
    found = rated(api)
    put(api, "sending", "", found[0]["id"])
    lead_id = found[0]["leadId"]
    answer = order(api, "cancel", ids=[one["id"] for one in found])
    assert answer["ids"] == sorted(one["id"] for one in found[1:])
    assert answer["left"] == [{"id": found[0]["id"], "state": "sending"}]
    assert {one["state"] for one in listed(api, leadId=lead_id)} == {"sending", "cancelled"}
    again = order(api, "cancel", ids=[one["id"] for one in found[1:]])
    assert (again["count"], again["message"]) == (0, "No conversion could be stopped")


def test_what_a_filter_takes_is_stopped_and_the_plan_says_first_what_that_is(api: Api) -> None:
    found = rated(api, 2)
    put(api, "accepted", "ok", found[0]["id"])
    lead_id, settled = found[0]["leadId"], found[0]["id"]
    wanted = sorted(one["id"] for one in found[1:] if one["leadId"] == lead_id)
    before = api.tables()
    plan = order(api, "cancel", filter={"leadId": lead_id}, plan=True)
    assert (plan["message"], plan["plan"], plan["ids"], plan["left"], plan["more"]) == (
        "Nothing was stopped: this is the plan",
        True,
        wanted,
        [],
        False,
    )
    assert api.tables() == before
    put(api, "sending", "", wanted[0])
    assert order(api, "cancel", filter={"leadId": lead_id}, plan=True)["left"] == [
        {"id": wanted[0], "state": "sending"}
    ]
    put(api, "queued", "", wanted[0])
    done = order(api, "cancel", filter={"leadId": lead_id})
    assert (done["plan"], done["count"], done["ids"]) == (False, 2, wanted)
    assert {one["id"] for one in listed(api, state="cancelled")} == set(wanted)
    again = order(api, "cancel", filter={"leadId": lead_id})
    assert (again["count"], again["message"]) == (0, "No conversion could be stopped")
    named = order(api, "cancel", filter={"leadId": lead_id, "state": "accepted"})
    assert named["left"] == [{"id": settled, "state": "accepted"}]
    assert "cancelled" not in {one["state"] for one in listed(api) if one["leadId"] != lead_id}


# The dry run


def test_a_dry_run_shows_each_request_and_writes_nothing(api: Api) -> None:
    conversion_id = connect_everything(api)
    lead_id = api.create(**PERSON, phone="+31612345678", deviceData={"ipAddress": "203.0.113.7", "userAgent": "Fox"})
    before = api.tables()
    answer = order(api, "plan", leadId=lead_id, conversionId=conversion_id, price=12345)
    asked = api.program.get(f"{PATH}/plan", api.key, email="JAN@example.com", conversionId=conversion_id, price=12345)
    assert api.tables() == before
    by = {one["destination"]: one for one in answer["deliveries"]}
    assert set(by) == set(EVERY)
    assert [one["destination"] for one in asked.json["deliveries"]] == [*by]
    assert (answer["pending"], answer["label"], answer["warnings"]) == (False, "Everywhere", [])
    body = json.loads(by["meta"]["request"]["body"])
    (event,) = body["data"]
    assert (event["event_id"], event["custom_data"]) == (by["meta"]["eventId"], {"value": 123.45, "currency": "EUR"})
    assert len(event["user_data"]["em"]) == 64
    assert event["user_data"]["client_ip_address"] == "***"
    assert by["meta"]["request"]["headers"]["authorization"] == "Bearer ***"
    assert by["meta"]["request"]["url"] == "https://graph.facebook.com/v25.0/1234567890/events"
    assert by["google_ads"]["state"] == "waiting"
    assert by["google_ads"]["sendAt"] > by["google_ads"]["happenedAt"]
    assert by["google_ads"]["request"]["headers"]["authorization"] == "Bearer ***"
    assert by["ga4"]["request"]["url"] == "https://www.google-analytics.com/mp/collect"
    text = (asked.body + json.dumps(answer).encode()).lower()
    for secret in (b"jan@example.com", b"612345678", b"203.0.113.7", b'"fox"'):
        assert secret not in text


def test_what_is_foreseen_is_what_the_rating_does(api: Api) -> None:
    conversion_id = connect_everything(api)
    lead_id = api.create(userData={}, attributionData={"cid": "111.222"})
    foreseen = order(api, "plan", leadId=lead_id, conversionId=conversion_id, price=700)
    made = api.rate({"leadId": lead_id, "conversionId": conversion_id, "price": 700})
    assert made.json["warnings"] == foreseen["warnings"] != []
    keys = ("destination", "account", "action", "state", "code", "field", "valueCents", "currency", "happenedAt")
    there = sorted([one[key] for key in keys] for one in foreseen["deliveries"])
    assert there == sorted([one[key] for key in keys] for one in listed(api, leadId=lead_id))
    skipped = [one for one in foreseen["deliveries"] if one["state"] == "skipped"]
    assert {one["destination"] for one in skipped} == {"google_ads", "meta"}
    for one in skipped:
        assert (one["request"], one["sendAt"]) == (None, None)
        assert one["sentence"].endswith(".")
        assert one["detail"].endswith(".")


def test_a_dry_run_tells_of_a_pending_job_of_a_hold_and_of_a_lead_that_would_be_open(api: Api) -> None:
    found = rated(api)
    conversion_id, lead_id = found[0]["conversionId"], found[0]["leadId"]
    tables.execute(api.url, "UPDATE connections SET state = 'held', hold_code = '190' WHERE project_id = ?", api.number)
    answer = order(api, "plan", leadId=lead_id, conversionId=conversion_id)
    assert answer["pending"]
    assert "pending job" in answer["message"]
    meta = next(one for one in answer["deliveries"] if one["destination"] == "meta")
    assert (meta["state"], meta["code"], meta["request"] is None) == ("held", "190", False)
    opened = order(api, "plan", leadId=lead_id, conversionId="open")
    assert (opened["label"], opened["deliveries"], opened["cancels"]) == (None, [], [])


def test_a_dry_run_tells_what_a_status_change_would_take_back_and_cancel(api: Api) -> None:
    found = {one["destination"]: one for one in rated(api)}
    lead_id, meta = found["meta"]["leadId"], found["meta"]["id"]
    tables.execute(api.url, "UPDATE labels SET take_back = 1 WHERE project_id = ?", api.number)
    tables.execute(api.url, "UPDATE deliveries SET state = 'accepted', code = 'ok' WHERE id = ?", meta)
    tables.execute(api.url, "UPDATE jobs SET state = 'settled' WHERE project_id = ?", api.number)
    foretold = order(api, "plan", leadId=lead_id, conversionId="open")
    assert [(one["kind"], one["takesBack"], one["code"]) for one in foretold["deliveries"]] == [
        ("retraction", meta, "cannot_take_back")
    ]
    unsent = {one["id"] for slug, one in found.items() if slug != "meta"}
    assert {one["id"] for one in foretold["cancels"]} == unsent != set()
    assert order(api, "plan", leadId=lead_id, conversionId="lost")["cancels"] == foretold["cancels"]
    assert api.rate({"leadId": lead_id, "conversionId": "open"}).status == 200
    after = {one["id"]: one for one in listed(api, leadId=lead_id)}
    assert {key for key, one in after.items() if one["state"] == "cancelled"} == unsent
    assert {one["code"] for one in foretold["cancels"]} == {after[key]["code"] for key in unsent}
    assert [one["takesBack"] for one in after.values() if one["kind"] == "retraction"] == [meta]


def test_secrets_that_cannot_be_read_are_told_and_hide_nothing(api: Api) -> None:
    conversion_id = connect_everything(api)
    lead_id = api.create(**PERSON)
    tables.execute(api.url, "UPDATE connections SET secrets = 'x' WHERE project_id = ?", api.number)
    answer = order(api, "plan", leadId=lead_id, conversionId=conversion_id)
    assert {(one["state"], one["code"], one["request"]) for one in answer["deliveries"]} == {
        ("held", "unreadable_secrets", None)
    }


# Sent for real


@pytest.fixture
def ads(tmp_path: Path) -> Iterator[Sandbox]:
    """The platforms."""
    with sandbox(tmp_path) as running:
        yield running


@pytest.fixture
def live(database_url: str, tmp_path: Path, ads: Sandbox) -> Iterator[Api]:
    """A project of a program that delivers to the sandbox, both by the machine's clock."""
    with Program(database_url, tmp_path, LEADTRACKR_SANDBOX_URL=ads.url) as program:
        yield start(program)


def test_what_was_refused_is_shown_as_it_was_sent_and_arrives_once_when_it_is_sent_again(
    live: Api, ads: Sandbox
) -> None:
    refusal = {"destination": "meta", "status": 400, "body": {"error": {"code": 100, "message": "no"}}}
    fault = urllib.request.Request(f"{ads.url}/_sandbox/faults", json.dumps(refusal).encode(), method="PUT")  # noqa: S310 - our own
    with urllib.request.urlopen(fault, timeout=60) as answer:  # noqa: S310 - our own
        assert answer.status == 200
    rated(live)
    live.program.deliver()
    (meta,) = listed(live, destination="meta")
    assert meta["state"] == "rejected"
    full = shown(live, meta["id"])
    (tried,) = full["attempts"]
    assert (tried["method"], tried["httpStatus"], tried["outcome"]) == ("POST", 400, "rejected")
    assert tried["headers"] == {"content-type": "application/json", "authorization": "Bearer ***"}
    assert tried["url"] == f"{ads.url}/meta/v25.0/1234567890/events"
    assert json.loads(tried["request"])["event_id"] == full["eventId"]
    assert tried["sentence"].endswith(".")
    assert tried["class"] == full["class"] == "you_act"
    with urllib.request.urlopen(urllib.request.Request(f"{ads.url}/_sandbox/faults", method="DELETE"), timeout=60):  # noqa: S310 - our own
        pass
    for count in (1, 0):
        assert order(live, "retry", filter={"state": "rejected,waiting", "destination": "meta"})["count"] == count
    live.program.deliver()
    live.program.deliver()
    assert order(live, "retry", ids=[meta["id"]])["groups"][0]["fate"] == "accepted"
    assert ads.keys("meta") == {meta["eventId"]: 1}
    after = shown(live, meta["id"])
    assert (after["state"], after["happenedAt"], len(after["attempts"])) == ("accepted", meta["happenedAt"], 2)


def test_what_no_database_can_hold_is_left_out_of_a_query(api: Api) -> None:
    lead_id = api.create(**PERSON)
    for odd in ("\0lost", "lost\0", "\0l\0ost"):
        found = api.program.get(f"{PATH}/plan", api.key, leadId=lead_id, conversionId=odd)
        assert (found.status, found.json.get("label")) == (200, "Lost"), found.body
    assert api.program.get(f"{PATH}/plan", api.key, leadId=lead_id, conversionId="\0").status == 400


# Asking the platforms


def validated(api: Api, **body: object) -> dict[str, Any]:
    """What the platforms say; the answer is as the description says."""
    found = order(api, "validate", **body)
    schema = {"components": DOCUMENT["components"], "$ref": "#/components/schemas/RatingValidation"}
    jsonschema_rs.Draft202012Validator(schema).validate(found)
    return found


def put_fault(ads: Sandbox, *faults: dict[str, Any]) -> None:
    request = urllib.request.Request(f"{ads.url}/_sandbox/faults", json.dumps(faults).encode(), method="PUT")  # noqa: S310 - our own
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - our own
        assert answer.status == 200


def ledger(ads: Sandbox) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{ads.url}/_sandbox/ledger", timeout=60) as answer:  # noqa: S310 - our own
        found: list[dict[str, Any]] = json.load(answer)["calls"]
        return found


def test_the_platforms_are_asked_and_nothing_is_counted_or_written(live: Api, ads: Sandbox) -> None:
    conversion_id = connect_everything(live)
    parts, click = live.program.parts, {"click_age_hours": "0"}
    live.program.run(connections.connect(parts.db, parts.box, str(live.number), "google_ads", click))
    lead_id = live.create(**PERSON)
    before = live.tables()
    found = validated(live, leadId=lead_id, conversionId=conversion_id, price=5000)
    assert live.tables() == before
    assert len(found["deliveries"]) == 3
    assert [one["destination"] for one in found["validations"]] == list(EVERY)
    said = {one["destination"]: one for one in found["validations"]}
    assert {slug: (one["asked"], one["right"], one["code"], one["class"]) for slug, one in said.items()} == {
        "google_ads": (True, True, "validated", "done"),
        "ga4": (True, True, "check_ok", "done"),
        "meta": (False, None, None, None),
    }
    assert said["meta"]["sentence"].startswith("The platform has no mode in which it looks at an event without")
    assert all(one["label"] == "Everywhere" and one["sentence"].endswith(".") for one in said.values())
    calls = [call for call in ledger(ads) if call["destination"] in EVERY]
    assert {(call["destination"], call["validation"]) for call in calls} == {("google_ads", True), ("ga4", True)}
    assert all(call["accepted"] == [] for call in calls)
    text = json.dumps(found)
    assert [word for word in ("jan@example.com", "api_secret", "refresh_token", "Bearer t") if word in text] == []


def test_a_no_is_told_from_a_platform_that_did_not_judge(live: Api, ads: Sandbox) -> None:
    conversion_id = connect_everything(live)
    lead_id = live.create(email="jan@example.com", attributionData={"cid": "111.222"})
    put_fault(ads, {"destination": "ga4", "status": 503})
    said = {
        one["destination"]: one for one in validated(live, leadId=lead_id, conversionId=conversion_id)["validations"]
    }
    assert (said["ga4"]["asked"], said["ga4"]["right"], said["ga4"]["code"]) == (True, None, "server_error")
    assert (said["google_ads"]["asked"], said["google_ads"]["code"]) == (False, "missing_data")
    assert (said["ga4"]["class"], said["google_ads"]["class"]) == ("wait", "you_act")
    planned = order(live, "plan", leadId=lead_id, conversionId=conversion_id)["deliveries"]
    assert {one["destination"]: one["class"] for one in planned} == {"google_ads": "you_act", "ga4": None, "meta": None}
    assert listed(live) == []
    parts = live.program.parts
    wrong = {"measurement_id": "G-AB12CD34EF", "api_secret": "s"}
    live.program.run(connections.connect(parts.db, parts.box, str(live.number), "ga4", wrong))
    verdict = {"validationMessages": [{"validationCode": "NAME_INVALID", "description": "no", "fieldPath": "events"}]}
    put_fault(ads, {"destination": "ga4", "status": 200, "body": verdict})
    said = {
        one["destination"]: one for one in validated(live, leadId=lead_id, conversionId=conversion_id)["validations"]
    }
    assert (said["ga4"]["asked"], said["ga4"]["right"]) == (True, False)
    assert said["ga4"]["detail"].startswith("NAME_INVALID")


def test_a_rating_that_sends_nothing_asks_nobody(live: Api, ads: Sandbox) -> None:
    connect_everything(live)
    lead_id = live.create(**PERSON)
    for conversion_id in ("open", "lost"):
        found = validated(live, leadId=lead_id, conversionId=conversion_id)
        assert (found["deliveries"], found["validations"]) == ([], [])
    assert ledger(ads) == []


def test_only_a_post_asks_the_platforms(api: Api) -> None:
    """A GET may be sent again, or ahead, by anything on the way."""
    answer = api.program.get(f"{PATH}/validate", api.key, leadId=1, conversionId="lost")
    assert (answer.status, answer.headers["allow"]) == (405, "POST, OPTIONS")
    for body in ({"leadId": "1\x00", "conversionId": "lost"}, {"email": "a\x00b", "conversionId": "\x00"}):
        assert api.program.post(f"{PATH}/validate", body, api.key).status in (400, 404)
