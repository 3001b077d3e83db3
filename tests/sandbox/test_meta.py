"""The Conversions API emulator."""

import hashlib
from typing import Any

import pytest

from .client import DAY, NOW, SECOND, Capi, Client, digest

NOW_S = NOW // SECOND
DAY_S = DAY // SECOND
HASH = digest("a@example.com")


def error_of(capi: Capi, *events: Any, **changes: Any) -> dict[str, Any]:
    reply = capi.send(*events, **changes)
    assert reply.status == 400, reply.content
    error: dict[str, Any] = reply.json["error"]
    return error


def flags(capi: Capi) -> list[tuple[str, str]]:
    return [(flag["code"], flag["field"]) for flag in capi.client.last("meta")["flags"]]


def test_events_are_taken_and_noted(capi: Capi) -> None:
    custom = {"value": 12.5, "currency": "EUR"}
    events = [capi.event(), capi.event(event_id="lt_2", event_name="Purchase", custom_data=custom)]
    reply = capi.send(*events, test_event_code="TEST1", partner_agent="leadtrackr")
    assert (reply.status, reply.json["events_received"], reply.json["messages"]) == (200, 2, [])
    assert reply.json["fbtrace_id"]
    call = capi.client.last("meta")
    assert [(row["key"], row["scope"], row.get("value"), row["event"]) for row in call["accepted"]] == [
        ("lt_1", "123456789012345/Lead", None, events[0]),
        ("lt_2", "123456789012345/Purchase", 12.5, events[1]),
    ]
    assert (call["flags"], call["body"]["access_token"], call["body"]["test_event_code"]) == ([], "***", "TEST1")


def test_the_printed_vectors_are_taken(capi: Capi) -> None:
    printed = {
        "em": ("john_smith@gmail.com", "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f"),
        "ph": ("16505551212", "e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176"),
        "fn": ("mary", "6915771be1c5aa0c886870b6951b03d7eafc121fea0e80a5ea83beb7c449f4ec"),
        "ln": ("valéry", "08e1996b5dd49e62a4b4c010d44e4345592a863bb9f8e3976219bac29417149c"),
        "db": ("19970216", "01acdbf6ec7b4f478a225f1a246e5d6767eeab1a7ffa17f025265b5b94f40f0c"),
        "country": ("us", "79adb2a2fce5c6ba215fe5f27f532d4e7edbac4b6a5e09e1ef3a08084a904621"),
    }
    assert all(hashlib.sha256(text.encode()).hexdigest() == hashed for text, hashed in printed.values())
    as_text = {name: hashed for name, (_, hashed) in printed.items()}
    as_lists = {name: [hashed] for name, hashed in as_text.items()}
    assert capi.send(capi.event(user_data=as_text), capi.event(user_data=as_lists)).status == 200
    assert flags(capi) == []


@pytest.mark.parametrize("where", ["bearer", "body", "query", "form"])
def test_the_token_may_come_in_four_places(capi: Capi, where: str) -> None:
    data = [capi.event()]
    if where == "bearer":
        reply = capi.client.call("POST", Capi.PATH, {"data": data}, {"Authorization": "Bearer EAAtoken"})
    elif where == "query":
        reply = capi.client.call("POST", f"{Capi.PATH}?access_token=EAAtoken", {"data": data})
    elif where == "form":
        encoded = str(data).replace("'", '"')
        reply = capi.client.call("POST", Capi.PATH, form={"data": encoded, "access_token": "EAAtoken"})
    else:
        reply = capi.send(*data)
    assert (reply.status, reply.json.get("events_received")) == (200, 1)
    assert "EAAtoken" not in capi.client.call("GET", "/_sandbox/ledger").content.decode()


@pytest.mark.parametrize("token", [None, "", "bad-token", "two words", "known-bad"])
def test_a_bad_token_is_401_with_code_190(capi: Capi, token: str | None) -> None:
    capi.client.set("meta", bad_tokens=["known-bad"])
    reply = capi.send(access_token=token)
    assert (reply.status, reply.json["error"]["code"]) == (401, 190)
    assert reply.json["error"]["message"] == "Cannot parse access token"
    assert reply.json["error"]["is_transient"] is False


CASES: list[tuple[str, dict[str, Any], int | None, str]] = [
    ("no_name", {"event_name": None}, None, "event_name"),
    ("blank_name", {"event_name": " "}, None, "event_name"),
    ("no_time", {"event_time": None}, None, "event_time"),
    ("text_time", {"event_time": str(NOW_S)}, None, "event_time"),
    ("float_time", {"event_time": NOW_S - 1.5}, None, "event_time"),
    ("milliseconds", {"event_time": NOW_S * 1000}, None, "event_time"),
    ("future", {"event_time": NOW_S + 3600}, None, "event_time"),
    ("old", {"event_time": NOW_S - 7 * DAY_S - 1}, 2804003, "event_time"),
    ("old_in_store", {"event_time": NOW_S - 62 * DAY_S - 1, "action_source": "physical_store"}, 2804003, "event_time"),
    ("no_source", {"action_source": None}, None, "action_source"),
    ("bad_source", {"action_source": "crm"}, None, "action_source"),
    ("list_source", {"action_source": []}, None, "action_source"),
    ("no_user", {"user_data": None}, None, "user_data"),
    ("empty_user", {"user_data": {}}, 2804050, "user_data"),
    ("thin_place", {"user_data": {"ct": HASH, "country": HASH, "client_user_agent": "x"}}, 2804050, "user_data"),
    ("thin_birth", {"user_data": {"db": HASH}}, 2804050, "user_data"),
    ("thin_name", {"user_data": {"fn": HASH, "ge": HASH}}, 2804050, "user_data"),
    ("thin_surname", {"user_data": {"ln": HASH, "em": []}}, 2804050, "user_data"),
    ("plain_email", {"user_data": {"em": "a@example.com"}}, None, "user_data.em"),
    ("upper_hash", {"user_data": {"em": HASH.upper()}}, None, "user_data.em"),
    ("mixed_list", {"user_data": {"ph": [HASH, "31612345678"]}}, None, "user_data.ph"),
    ("hashed_fbp", {"user_data": {"em": HASH, "fbp": HASH}}, None, "user_data.fbp"),
    ("hashed_ip", {"user_data": {"em": HASH, "client_ip_address": HASH}}, None, "user_data.client_ip_address"),
    ("short_lead_id", {"user_data": {"lead_id": "12345678901234"}}, None, "user_data.lead_id"),
    ("hashed_lead_id", {"user_data": {"lead_id": HASH}}, None, "user_data.lead_id"),
    ("website", {"action_source": "website"}, None, "event_source_url"),
    ("website_path", {"action_source": "website", "event_source_url": "/a"}, None, "event_source_url"),
    ("no_value", {"event_name": "Purchase"}, 2804009, "custom_data"),
    ("no_currency", {"event_name": "Purchase", "custom_data": {"value": 5}}, 2804009, "custom_data"),
    (
        "text_value",
        {"event_name": "Purchase", "custom_data": {"value": "5", "currency": "EUR"}},
        2804009,
        "custom_data",
    ),
    ("custom_list", {"custom_data": []}, None, "custom_data"),
    ("number_id", {"event_id": 5}, None, "event_id"),
    ("opt_out", {"opt_out": "no"}, None, "opt_out"),
    ("options", {"data_processing_options": ["ldu"]}, None, "data_processing_options"),
    ("no_country", {"data_processing_options": ["LDU"]}, None, "data_processing_options_country"),
    (
        "bad_state",
        {"data_processing_options": ["LDU"], "data_processing_options_country": 1, "data_processing_options_state": 5},
        None,
        "data_processing_options_state",
    ),
]


@pytest.mark.parametrize(("changes", "subcode", "field"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_one_invalid_event_refuses_the_whole_batch(
    capi: Capi, changes: dict[str, Any], subcode: int | None, field: str
) -> None:
    error = error_of(capi, capi.event(), capi.event(**changes), capi.event())
    assert (error["code"], error.get("error_subcode"), error["is_transient"]) == (100, subcode, False)
    assert "data[1]" not in str(error)
    assert flags(capi) == [(str(subcode or 100), f"data[1].{field}")]
    assert capi.client.last("meta")["accepted"] == []


def test_the_old_event_has_its_title(capi: Capi) -> None:
    error = error_of(capi, capi.event(event_time=NOW_S - 8 * DAY_S))
    assert error["error_user_title"] == "Event Timestamp Too Old"
    assert error["type"] == "OAuthException"


@pytest.mark.parametrize(
    "changes",
    [
        {"event_time": NOW_S - 7 * DAY_S},
        {"event_time": NOW_S - 62 * DAY_S, "action_source": "physical_store"},
        {"user_data": {"fn": HASH, "ln": HASH}},
        {"user_data": {"lead_id": 123456789012345}},
        {"user_data": {"lead_id": "12345678901234567"}},
        {"user_data": {"external_id": "crm-5"}},
        {"user_data": {"fbc": "fb.1.1795435200000.IwAR2_aB-c"}},
        {"user_data": {"fbc": "fb.1.1795435200000.IwAR2_aB-c.AQYBAQIA"}},
        {"action_source": "website", "event_source_url": "https://example.com/a"},
        {"data_processing_options": []},
        {"data_processing_options": ["LDU"], "data_processing_options_country": 0, "data_processing_options_state": 0},
        {"custom_data": {"event_source": "crm", "lead_event_source": "LeadTrackr"}},
    ],
)
def test_valid_events_are_taken_without_a_flag(capi: Capi, changes: dict[str, Any]) -> None:
    assert capi.send(capi.event(**changes)).status == 200
    assert flags(capi) == []


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"test_event_code": "TEST1"}, "unknown_field", "test_event_code"),
        ({"user_data": {"em": HASH, "email": "x"}}, "unknown_field", "user_data.email"),
        ({"user_data": {"em": HASH, "fbc": "IwAR2"}}, "bad_fbc", "user_data.fbc"),
        ({"custom_data": {"value": "5", "currency": "EUR"}}, "bad_value", "custom_data.value"),
        ({"custom_data": {"value": 5}}, "value_without_currency", "custom_data.currency"),
        ({"custom_data": {"currency": "EURO"}}, "bad_currency", "custom_data.currency"),
        ({"custom_data": {"currency": ["EUR"]}}, "bad_currency", "custom_data.currency"),
        ({"custom_data": {"event_source": "crm"}}, "bad_crm_event", "custom_data.lead_event_source"),
        (
            {"custom_data": {"event_source": "crm", "lead_event_source": "x"}, "action_source": "email"},
            "bad_crm_event",
            "custom_data.event_source",
        ),
        (
            {
                "custom_data": {"event_source": "crm", "lead_event_source": "x"},
                "user_data": {"lead_id": "123456789012345"},
            },
            "bad_crm_event",
            "user_data.lead_id",
        ),
    ],
)
def test_what_meta_leaves_open_is_taken_and_flagged(capi: Capi, changes: dict[str, Any], code: str, field: str) -> None:
    assert capi.send(capi.event(**changes)).status == 200
    assert flags(capi) == [(code, f"data[0].{field}")]


def test_a_lead_id_that_is_not_metas_rejects_the_event(capi: Capi) -> None:
    capi.client.set("meta", unknown_leads=["123456789012345"])
    known = capi.event(user_data={"lead_id": 1234567890123456})
    assert error_of(capi, known, capi.event(user_data={"lead_id": 123456789012345}))["code"] == 100
    assert flags(capi) == [("100", "data[1].user_data.lead_id")]
    assert capi.send(known).status == 200


@pytest.mark.parametrize("data", [None, [], {}, "no json", 5])
def test_data_must_be_a_list_with_events(capi: Capi, data: Any) -> None:
    assert error_of(capi, data=data)["code"] == 100


def test_the_limits_of_a_call(capi: Capi) -> None:
    assert error_of(capi, *[capi.event()] * 1001)["code"] == 100
    assert capi.send(*[capi.event(event_id=f"lt_{n}") for n in range(1000)]).status == 200
    assert error_of(capi, test_event_code=5)["code"] == 100
    assert error_of(capi, "no event")["code"] == 100
    reply = capi.client.call("POST", Capi.PATH, b"{", {"Authorization": "Bearer EAAtoken"})
    assert (reply.status, reply.json["error"]["code"]) == (400, 100)


def test_an_unknown_dataset_is_100_33(capi: Capi) -> None:
    capi.client.set("meta", unknown_datasets=["123456789012345"])
    error = error_of(capi)
    assert (error["code"], error["error_subcode"], error["type"]) == (100, 33, "GraphMethodException")
    capi.client.set("meta", unknown_datasets=[], datasets=["1"])
    assert error_of(capi)["error_subcode"] == 33


def test_the_connection_check_needs_a_token(sandbox: Client) -> None:
    path = "/meta/v25.0/123456789012345"
    reply = sandbox.call("GET", path, headers={"Authorization": "Bearer EAAtoken"})
    assert (reply.status, reply.json["id"]) == (200, "123456789012345")
    assert sandbox.call("GET", path).status == 401
    assert sandbox.call("GET", "/meta/v25.0/me?access_token=x").json["error"]["error_subcode"] == 33


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/meta/123/events"), ("GET", "/meta/v25.0/1/events"), ("POST", "/meta/v25.0/1"), ("POST", "/meta/v25/1")],
)
def test_an_unknown_path_is_404_in_metas_shape(sandbox: Client, method: str, path: str) -> None:
    reply = sandbox.call(method, f"{path}?access_token=x")
    assert (reply.status, reply.json["error"]["type"]) == (404, "OAuthException")


def test_a_version_that_does_not_exist_yet_is_flagged(capi: Capi) -> None:
    path = Capi.PATH.replace("v25.0", "v99.0")
    assert capi.client.call("POST", path, {"data": [capi.event()], "access_token": "x"}).status == 200
    assert [flag["code"] for flag in capi.client.last("meta")["flags"]] == ["unknown_version"]


def test_undocumented_behaviour_is_a_setting(capi: Capi) -> None:
    hashed = capi.event(user_data={"em": HASH, "fbp": HASH})
    capi.client.set("meta", hashed_plain_keys="flag")
    assert capi.send(hashed).status == 200
    assert flags(capi) == [("hashed_plain_key", "data[0].user_data.fbp")]
    capi.client.set("meta", partial=True)
    reply = capi.send(capi.event(event_id="a"), capi.event(event_time=0), capi.event(event_id="b"))
    assert (reply.status, reply.json["events_received"], len(reply.json["messages"])) == (200, 2, 1)
    assert [row["key"] for row in capi.client.last("meta")["accepted"]] == ["a", "b"]
    capi.client.set("meta", max_age_days=400, future_s=7200)
    assert capi.send(capi.event(event_time=NOW_S - 300 * DAY_S), capi.event(event_time=NOW_S + 7000)).status == 200
