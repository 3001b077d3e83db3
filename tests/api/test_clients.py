"""What the client programs in the field need of the server, a test for each numbered line of that list.

Line 20, the custom webhook, has no call here yet.
"""

import socket
from pathlib import Path
from typing import Any

import pytest

from leadtrackr.api.app import ROUTES
from tests import bodies
from tests.api.conftest import Api, start
from tests.support import tables
from tests.support.program import Program, together

BROWSER = "Mozilla/5.0 (X11; Linux x86_64)"
WEB = "createLead"
SERVER = "createServerSideLead"


def raw_post(api: Api, body: dict[str, Any], **headers: str) -> int:
    """Posts to createLead with headers of one's own; the lead's number."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = api.program.send("POST", "/api/leads/createLead", bodies.wire({"projectId": api.number, **body}), named)
    assert answer.status == 201, answer.body
    return int(answer.json["leadId"])


def test_8_01_paths_are_exact_and_never_redirect(api: Api) -> None:
    posts = ("createLead", "createServerSideLead", "createCTLead", "updateLeadStatus")
    assert all(ROUTES[f"/api/leads/{call}"][0] == "POST" for call in posts)
    assert all(ROUTES[f"/api/leads/{call}"][0] == "GET" for call in ("getLead", "getLeads"))
    for call in posts:
        for path in (f"/api/leads/{call}/", f"/api/leads/{call.lower()}", f"//api/leads/{call}"):
            answer = api.program.send("POST", path, b"{}", {"X-Forwarded-Proto": "http"})
            assert answer.status == 404
            assert "location" not in answer.headers


@pytest.mark.parametrize("origin", ["https://klant.example", "null"])
def test_8_02_preflight_and_cors_on_every_answer(api: Api, origin: str) -> None:
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,x-api-key,x-my-own-token",
    }
    preflight = api.program.send("OPTIONS", "/api/leads/createLead", headers=asked)
    assert 200 <= preflight.status < 300
    assert {"POST", "OPTIONS"} <= set(preflight.headers["access-control-allow-methods"].split(", "))
    allowed = preflight.headers["access-control-allow-headers"].split(",")
    assert {"content-type", "x-api-key", "x-my-own-token"} <= set(allowed)
    for body in (b"{", b"\xff", b"{}", bodies.wire({"projectId": 0, "userData": {"email": "a@b.nl"}})):
        answer = api.program.send("POST", "/api/leads/createLead", body, {"Origin": origin})
        assert answer.status in (400, 404)
        assert answer.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("name", ["x-api-key", "X-API-Key", "X-API-KEY", "x-Api-Key"])
def test_8_03_header_names_are_case_insensitive(api: Api, name: str) -> None:
    body = bodies.wire({"projectId": api.number, "userData": {"firstName": "Jan"}})
    assert api.program.send("POST", "/api/leads/createServerSideLead", body, {name: api.key}).status == 201


@pytest.mark.parametrize("empty", [[], None, {}, "absent"])
@pytest.mark.parametrize("slot", ["formData", "attributionData", "deviceData", "formFields", "userData"])
def test_8_04_empty_list_null_and_missing_are_empty(api: Api, slot: str, empty: object) -> None:
    body: dict[str, Any] = {
        "formData": {"formName": "F", "formFields": {"a": "b"}},
        "userData": {"firstName": "Jan"},
        "attributionData": {"gclid": "G"},
        "deviceData": {"ipAddress": "203.0.113.7"},
    }
    place = body["formData"] if slot == "formFields" else body
    if empty == "absent":
        del place[slot]
    else:
        place[slot] = empty
    assert api.post(WEB, body).status == 201
    # For servers the key userData must exist, if only as null.
    expected = 400 if (slot, empty) == ("userData", "absent") else 201
    assert api.post(SERVER, body, api.key).status == expected


def test_8_05_other_spellings_are_read(api: Api) -> None:
    lead_id = api.create(
        userData={"company": "Bakery"},
        deviceData={"ipAdress": "203.0.113.7"},
        lt_channelflow=[{"t": 5, "ch": {"s": "google"}}],
        unique_identifier="crm-9",
    )
    lead = api.lead(lead_id)
    assert (lead["companyName"], lead["uniqueIdentifier"]) == ("Bakery", "crm-9")
    assert lead["channelFlow"] == [{"timestamp": 5, "channel": {"source": "google"}}]
    assert api.row(lead_id, "ip_address") == ("203.0.113.7",)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [("Jan", "Jan"), (" Jan ", "Jan"), (42, "42"), (4.5, "4.5"), (4.0, "4"), (True, "true"), (["", None, "Jan"], "Jan"),
     ([7], "7"), ({"a": "b"}, None), ("", None), ("undefined", None), ("null", None), (None, None), (" \t\n", None)],
)  # fmt: skip
def test_8_06_scalars_are_coerced(api: Api, sent: object, kept: str | None) -> None:
    user = {"firstName": sent, "lastName": sent, "phone": sent, "companyName": sent}
    lead_id = api.create(userData=user, attributionData={"gclid": "G"}, uniqueIdentifier=sent)
    lead = api.lead(lead_id)
    for column in ("firstName", "lastName", "phone", "companyName", "uniqueIdentifier"):
        assert lead[column] == kept
    assert lead["userData"] == user


def test_8_06_number_and_text_are_one_event(api: Api) -> None:
    ids = {
        api.create(firstName="Jan", formData={"uniqueEventId": event}) for event in (123, "123", " 123 ", [123], 123.0)
    }
    assert len(ids) == 1


@pytest.mark.parametrize("blank", ["", "undefined", "null", None, " ", []])
def test_8_06_blank_never_overwrites_and_never_dedups(api: Api, blank: object) -> None:
    event = {"formData": {"uniqueEventId": "e"}}
    lead_id = api.create(**event, userData={"firstName": "Jan", "email": "a@b.nl"}, attributionData={"gclid": "G"})
    before = api.lead(lead_id)
    api.create(**event, userData={"firstName": blank, "email": blank, "x": 1}, attributionData={"gclid": blank})
    after = api.lead(lead_id)
    assert {name: after[name] for name in ("firstName", "email")} == {"firstName": "Jan", "email": "a@b.nl"}
    assert after["attributionData"] == before["attributionData"]
    assert api.create(firstName="A", formData={"uniqueEventId": blank}) != api.create(
        firstName="B", formData={"uniqueEventId": blank}
    )


FIELDS: list[object] = [
    {"Naam": "Jan"},
    {"names": {"first_name": "Jan", "last": {"x": []}}},
    [{"Voornaam:": "Jan"}, {"Mail": "a@b.nl"}, {"": "x"}],
    ["a", "b", 3, None],
    {"services": ["roof", "solar"], "": "empty key", "_fluentform_3_fluentformnonce": "0a1b", "<b>x.y:z</b>": 1},
    "text",
    7,
    False,
]


@pytest.mark.parametrize("fields", FIELDS)
def test_8_07_form_fields_are_stored_as_given(api: Api, fields: object) -> None:
    lead = api.lead(api.create(firstName="Jan", formData={"formName": "F", "formFields": fields}))
    assert lead["formData"] == {"formName": "F", "formFields": fields}


@pytest.mark.parametrize(
    ("form", "name"),
    [
        ({"formName": "undefined form name"}, "undefined form name"),
        ({"formName": "Contact", "customFormName": ""}, "Contact"),
        ({"formName": "Contact", "customFormName": "Quote form"}, "Quote form"),
        ({"formName": 1234}, "1234"),
        ({"formName": "LeadBot — WhatsApp"}, "LeadBot — WhatsApp"),
        ({}, None),
    ],
)
def test_8_08_form_names(api: Api, form: dict[str, object], name: str | None) -> None:
    assert api.lead(api.create(firstName="Jan", formData=form))["formName"] == name


def test_8_09_what_holds_no_value_is_400_and_a_page_is_a_value(api: Api) -> None:
    empties: list[dict[str, object]] = [
        {},
        {"userData": {}, "attributionData": {}},
        {"userData": [], "attributionData": []},
        {"userData": {}, "attributionData": {"gclid": "", "fbp": ""}},
    ]
    for body in empties:
        assert api.post(WEB, body).status == 400
    assert api.post(WEB, {"userData": {}, "attributionData": {"conversionPage": "localhost:8080/"}}).status == 201


def test_8_10_project_id_in_every_form(api: Api) -> None:
    for form in (api.number, str(api.number), f" {api.number}\n", api.public_id, f" {api.public_id}"):
        for call in (WEB, SERVER, "createCTLead"):
            assert api.post(call, {"projectId": form, "userData": {"firstName": "Jan"}}, api.key).status == 201
    assert api.count() == 15


def test_8_11_missing_unknown_and_inactive_project(api: Api) -> None:
    jan = {"userData": {"firstName": "Jan"}}
    for call in (WEB, SERVER, "createCTLead"):
        missing = api.program.post(call, jan, api.key)
        assert (missing.status, missing.message) == (400, "Missing required field: projectId")
        assert api.program.post(call, {**jan, "projectId": "nope"}, api.key).status == 404
    api.switch_off()
    assert [api.post(call, jan, api.key).status for call in (WEB, SERVER, "createCTLead")] == [403, 403, 403]


def test_8_12_server_key_is_needed_only_where_there_is_one(api: Api, other: Api) -> None:
    jan = {"userData": {"firstName": "Jan"}}
    assert api.post(SERVER, jan).status == 401
    assert api.post(SERVER, jan, other.key).status == 401
    assert api.post(SERVER, jan, api.key).status == 201
    api.revoke_keys()
    assert api.post(SERVER, jan).status == 201
    assert api.post(SERVER, jan, other.key).status == 401


def test_8_13_one_event_is_one_lead_and_keeps_its_status(api: Api) -> None:
    event = {"formData": {"uniqueEventId": "one"}}
    web = {**event, "userData": {"firstName": "Jan"}, "attributionData": {"gclid": "G"}}
    server = {**event, "userData": {"email": "a@b.nl"}, "attributionData": {"fbp": "F", "gclid": ""}}
    answers = together(2, lambda n: api.post(WEB, web) if n else api.post(SERVER, server, api.key))
    assert sorted(answer.status for answer in answers) == [200, 201]
    assert {answer.message for answer in answers} == {"Lead created successfully", "Lead updated successfully"}
    lead_id = answers[0].json["leadId"]
    assert api.lead(lead_id)["attributionData"] == {"gclid": "G", "fbp": "F"}
    assert api.rate({"leadId": lead_id, "conversionId": "lost"}).status == 201
    api.program.deliver()
    assert api.post(WEB, {**web, "status": "open"}).status == 200
    assert api.lead(lead_id)["status"] == "lost"


def test_8_14_answers_are_json_with_message_lead_id_and_identifier(api: Api) -> None:
    answer = api.post(WEB, {"userData": {"firstName": "Jan"}})
    assert (answer.status, list(answer.json)) == (201, ["message", "leadId", "uniqueIdentifier"])
    assert type(answer.json["leadId"]) is int
    for body in (b"", b"{}", b"nonsense"):
        assert list(api.program.post(WEB, body).json) == ["message"]


def test_8_15_lead_is_stored_although_the_browser_has_gone(api: Api) -> None:
    """The whole body goes out and the connection is reset at once, as when a page is left."""
    body = bodies.wire(
        {"projectId": api.number, "userData": {"firstName": "Jan"}, "formData": {"uniqueEventId": "gone"}}
    )
    head = f"POST /api/leads/createLead HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    for _ in range(10):
        with socket.create_connection(("127.0.0.1", api.program.port)) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            connection.sendall(head + body)
    again = {"userData": {"firstName": "Jan"}, "formData": {"uniqueEventId": "gone"}}
    assert api.post(WEB, again).status == 200
    assert api.count() == 1


def test_8_15_what_was_answered_is_on_disk(alone: Any) -> None:
    """Read by another connection, as a restarted program would."""
    program: Program = alone()
    api = start(program)
    lead_id = api.create(firstName="Jan")
    assert tables.execute(api.url, "SELECT first_name FROM leads WHERE id = ?", lead_id) == [("Jan",)]


def test_8_16_unknown_keys_and_ours_are_ignored(api: Api) -> None:
    body = {"status": "lost", "platform": {"a": 1}, "createdBy": [7], "It_channelflow": '[{"t":1}]', "x" * 300: None}
    lead_id = api.create(firstName="Jan", **body)
    lead = api.lead(lead_id)
    assert (lead["status"], lead["channelFlow"]) == ("open", None)
    assert not set(body) - {"status"} & set(lead)


def test_8_17_utf_8_and_php_escapes(api: Api) -> None:
    name = "Café — “søn” 😀 中文 \u2028 'x' \\ / \""
    body = {"projectId": api.number, "userData": {"firstName": name}, "formData": {"formName": name}}
    leads = [api.lead(api.program.post(WEB, write(body)).json["leadId"]) for write in (bodies.wire, bodies.php)]
    for lead in leads:
        assert (lead["firstName"], lead["formName"]) == (name, name)
    half = f'{{"projectId":{api.number},"userData":{{"firstName":"\\ud83d cut","lastName":"a\\u0000b"}}}}'.encode()
    lead = api.lead(api.program.post(WEB, half).json["leadId"])
    assert (lead["firstName"], lead["lastName"]) == ("\ufffd cut", "ab")


@pytest.mark.parametrize("size", [256 * 1024, 900 * 1024])
def test_8_18_large_bodies_are_taken(api: Api, size: int) -> None:
    fields = {"message": "x" * size}
    lead = api.lead(api.create(firstName="Jan", formData={"formFields": fields}))
    assert lead["formData"] == {"formFields": fields}


def test_8_19_device_data_wins_and_a_browsers_request_stands_in(api: Api) -> None:
    jan = {"userData": {"firstName": "Jan"}}
    given = raw_post(api, {**jan, "deviceData": {"ipAddress": "203.0.113.7", "userAgent": "Own"}}, User_Agent=BROWSER)
    assert api.row(given, "ip_address", "user_agent") == ("203.0.113.7", "Own")
    browser = raw_post(api, jan, User_Agent=BROWSER)
    # The test calls from 127.0.0.1, which says nothing of a visitor.
    assert api.row(browser, "ip_address", "user_agent") == (None, BROWSER)
    forged = raw_post(api, jan, User_Agent=BROWSER, X_Forwarded_For="198.51.100.9")
    assert api.row(forged, "ip_address") == (None,)
    unknown = raw_post(api, {**jan, "deviceData": {"ipAdress": "127.0.0.1"}}, User_Agent="WordPress/6.8")
    assert api.row(unknown, "ip_address", "user_agent") == (None, None)


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("198.51.100.9", "198.51.100.9"),
        ("203.0.113.99, 198.51.100.9", "198.51.100.9"),
        ("198.51.100.9, 10.1.2.3", "198.51.100.9"),
        ("2001:db8::9", "2001:db8::9"),
        ("nonsense", None),
        ("", None),
    ],
)
def test_8_19_trusted_proxy_is_believed(alone: Any, forwarded: str, address: str | None) -> None:
    api = start(alone(LEADTRACKR_TRUSTED_PROXIES="127.0.0.1, 10.0.0.0/8"))
    lead_id = raw_post(api, {"userData": {"firstName": "Jan"}}, User_Agent=BROWSER, X_Forwarded_For=forwarded)
    assert api.row(lead_id, "ip_address") == (address,)
    server = bodies.wire({"projectId": api.number, "userData": {"firstName": "Jan"}})
    headers = {"X-API-Key": api.key, "X-Forwarded-For": "198.51.100.9", "User-Agent": BROWSER}
    found = api.program.send("POST", "/api/leads/createServerSideLead", server, headers).json["leadId"]
    assert api.row(found, "ip_address", "user_agent") == (None, None)


def test_every_line_but_the_webhooks_has_a_test() -> None:
    text = Path(__file__).read_text()
    assert [number for number in range(1, 20) if f"def test_8_{number:02}_" not in text] == []
