"""createServerSideLead and createCTLead: the key, userData, and what is never taken from the request."""

import pytest

from tests import bodies
from tests.api.conftest import Api

CALLS = ("createServerSideLead", "createCTLead")
JAN = {"userData": {"firstName": "Jan"}}
BROWSER = "Mozilla/5.0 (X11; Linux x86_64)"


@pytest.mark.parametrize("call", CALLS)
def test_own_key_opens_and_other_keys_do_not(api: Api, other: Api, call: str) -> None:
    before = api.tables()
    for key, message in ((None, "Missing X-API-Key header"), ("", "Missing X-API-Key header"),
                         (" ", "Missing X-API-Key header"), (other.key, "Invalid API key"),
                         ("ltk_unknown", "Invalid API key"), (api.key[:-1], "Invalid API key"),
                         (api.key.upper(), "Invalid API key"), ("\xe9", "Invalid API key")):  # fmt: skip
        answer = api.post(call, JAN, key)
        assert (answer.status, answer.message) == (401, message)
    assert api.tables() == before
    assert api.post(call, JAN, api.key).status == 201


@pytest.mark.parametrize("call", CALLS)
def test_revoked_key_opens_nothing(api: Api, call: str) -> None:
    api.revoke_keys()
    answer = api.post(call, JAN, api.key)
    assert (answer.status, answer.message) == (401, "Invalid API key")
    assert api.count() == 0


def test_project_without_a_key_takes_a_server_but_not_a_call(api: Api, other: Api) -> None:
    api.revoke_keys()
    assert api.post("createServerSideLead", JAN).status == 201
    assert api.post("createServerSideLead", JAN, other.key).status == 401
    answer = api.post("createCTLead", JAN)
    assert (answer.status, answer.message) == (401, "Missing X-API-Key header")


@pytest.mark.parametrize("name", ["X-API-Key", "x-api-key", "X-Api-KEY"])
def test_key_header_is_read_in_any_case_and_trimmed(api: Api, name: str) -> None:
    raw = bodies.wire({"projectId": api.number, **JAN})
    assert api.program.send("POST", "/api/leads/createServerSideLead", raw, {name: f"  {api.key} "}).status == 201


@pytest.mark.parametrize("call", CALLS)
def test_project_comes_first_and_its_state_last(api: Api, call: str) -> None:
    assert api.post(call, {**JAN, "projectId": ""}, api.key).message == "Missing required field: projectId"
    assert api.post(call, {**JAN, "projectId": "nobody"}, api.key).status == 404
    api.switch_off()
    assert api.post(call, JAN).status == 401
    assert api.post(call, JAN, api.key).status == 403


def test_user_data_must_be_there_for_a_server(api: Api) -> None:
    answer = api.post("createServerSideLead", {"attributionData": {"gclid": "G"}}, api.key)
    assert (answer.status, answer.message) == (400, "Missing required field: userData")
    empties: list[object] = [{}, [], None]
    for empty in empties:
        found = api.post("createServerSideLead", {"userData": empty, "attributionData": {"gclid": "G"}}, api.key)
        assert found.status == 201


@pytest.mark.parametrize("call", CALLS)
def test_nothing_in_it_is_400(api: Api, call: str) -> None:
    assert api.post(call, {"userData": {}, "attributionData": {"gclid": ""}}, api.key).status == 400


@pytest.mark.parametrize("call", CALLS)
def test_answers_are_those_of_create_lead(api: Api, call: str) -> None:
    post = {**JAN, "formData": {"uniqueEventId": call}, "uniqueIdentifier": 7}
    first, second = api.post(call, post, api.key), api.post(call, post, api.key)
    lead_id = first.json["leadId"]
    assert (first.status, second.status) == (201, 200)
    assert first.json == {"message": "Lead created successfully", "leadId": lead_id, "uniqueIdentifier": "7"}
    assert second.json == {"message": "Lead updated successfully", "leadId": lead_id, "uniqueIdentifier": "7"}


def test_event_id_is_shared_by_the_three_calls(api: Api) -> None:
    post = {**JAN, "formData": {"uniqueEventId": "shared"}}
    ids = {api.post(call, post, api.key).json["leadId"] for call in ("createLead", *CALLS)}
    assert len(ids) == 1


def test_phone_call_is_kept_with_its_door(api: Api) -> None:
    answer = api.post("createCTLead", {"userData": {"phone": "020 123 4567"}}, api.key)
    assert api.row(answer.json["leadId"], "door", "phone_e164") == ("call", "+31201234567")


def test_servers_own_address_is_never_taken_for_the_visitors(api: Api) -> None:
    raw = bodies.wire({"projectId": api.number, **JAN})
    headers = {"X-API-Key": api.key, "User-Agent": BROWSER, "X-Forwarded-For": "198.51.100.1"}
    for call in CALLS:
        lead_id = api.program.send("POST", f"/api/leads/{call}", raw, headers).json["leadId"]
        assert api.row(lead_id, "ip_address", "user_agent") == (None, None)


def test_device_data_is_taken(api: Api) -> None:
    device = {"ipAddress": "2001:db8::7", "userAgent": BROWSER}
    lead_id = api.post("createServerSideLead", {**JAN, "deviceData": device}, api.key).json["leadId"]
    assert api.row(lead_id, "ip_address", "user_agent") == ("2001:db8::7", BROWSER)


@pytest.mark.parametrize("name", bodies.SERVER)
def test_body_of_every_server_is_taken(api: Api, name: str) -> None:
    assert api.post("createServerSideLead", {**bodies.SERVER[name], "projectId": api.number}, api.key).status == 201


@pytest.mark.parametrize("name", bodies.CALL)
def test_body_of_call_tracking_is_taken(api: Api, name: str) -> None:
    assert api.post("createCTLead", {**bodies.CALL[name], "projectId": api.number}, api.key).status == 201
