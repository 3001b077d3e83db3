"""createLead: what it takes, what it makes of it, and what it refuses."""

from itertools import permutations
from pathlib import Path

import pytest

from leadtrackr.kit.clock import iso_millis
from tests import bodies
from tests.api.conftest import Api
from tests.support.program import Answer, Program, together

LEAD_KEYS = [
    *("id", "status", "formName", "firstName", "lastName", "phone", "email", "companyName", "price", "note"),
    *("formData", "userData", "attributionData", "channelFlow", "uniqueIdentifier", "createdAt"),
]
JAN = {"userData": {"firstName": "Jan"}}


def test_new_lead_is_201_and_a_known_event_is_200(api: Api) -> None:
    post = {**JAN, "formData": {"uniqueEventId": "evt"}, "uniqueIdentifier": "crm-1"}
    first, second = api.post("createLead", post), api.post("createLead", post)
    assert (first.status, second.status) == (201, 200)
    lead_id = first.json["leadId"]
    assert isinstance(lead_id, int)
    assert first.json == {"message": "Lead created successfully", "leadId": lead_id, "uniqueIdentifier": "crm-1"}
    assert second.json == {"message": "Lead updated successfully", "leadId": lead_id, "uniqueIdentifier": "crm-1"}
    assert api.count() == 1


def test_unique_identifier_is_null_when_there_is_none(api: Api) -> None:
    assert api.post("createLead", JAN).json["uniqueIdentifier"] is None


def test_without_event_id_every_post_is_a_lead(api: Api) -> None:
    assert api.create(firstName="Jan") != api.create(firstName="Jan")


@pytest.mark.parametrize("blank", ["", " ", "undefined", "null", None, [], {}, [None], "\u00a0"])
def test_blank_event_id_is_none(api: Api, blank: object) -> None:
    post = {**JAN, "formData": {"uniqueEventId": blank}}
    assert [api.post("createLead", post).status for _ in range(2)] == [201, 201]


def test_event_id_is_the_projects_own(api: Api, other: Api) -> None:
    post = {**JAN, "formData": {"uniqueEventId": "evt"}}
    assert api.post("createLead", post).status == 201
    assert other.post("createLead", post).status == 201


def test_event_id_of_any_length_is_told_apart(api: Api) -> None:
    long = "e" * 5000
    ids = [api.create(formData={"uniqueEventId": event}) for event in (long, long, long + "x")]
    assert ids[0] == ids[1] != ids[2]


@pytest.mark.parametrize("ref", ["number", "text", "padded", "public"])
def test_project_is_found_by_number_or_public_id(api: Api, ref: str) -> None:
    refs = {"number": api.number, "text": str(api.number), "padded": f" {api.number} ", "public": api.public_id}
    assert api.post("createLead", {**JAN, "projectId": refs[ref]}).status == 201
    assert api.count() == 1


@pytest.mark.parametrize("blank", [None, "", "  ", "undefined", "null", [], {}])
def test_missing_project_is_400_with_the_exact_message(api: Api, blank: object) -> None:
    answer = api.post("createLead", {**JAN, "projectId": blank})
    assert (answer.status, answer.message) == (400, "Missing required field: projectId")
    without = api.program.post("createLead", JAN)
    assert (without.status, without.message) == (400, "Missing required field: projectId")


@pytest.mark.parametrize("ref", ["nobody", 0, -1, 10**30, 1.5, "p" * 5000, True, "١٦", "1 OR 1=1", "%00", "\x00x"])
def test_unknown_project_is_404(api: Api, ref: object) -> None:
    answer = api.post("createLead", {**JAN, "projectId": ref})
    assert (answer.status, answer.message) == (404, "Project not found")


def test_inactive_project_is_403(api: Api) -> None:
    api.switch_off()
    answer = api.post("createLead", JAN)
    assert (answer.status, answer.message) == (403, "Project is inactive")
    assert api.count() == 0


EMPTY: list[object] = [
    {},
    [],
    None,
    "",
    {"email": ""},
    {"email": " ", "phone": None},
    {"a": {"b": ["undefined", "null"]}},
    "text",
    7,
]


@pytest.mark.parametrize("user", EMPTY)
@pytest.mark.parametrize("attribution", EMPTY[:6])
def test_lead_that_holds_nothing_is_400(api: Api, user: object, attribution: object) -> None:
    answer = api.post("createLead", {"userData": user, "attributionData": attribution})
    assert answer.status == 400
    assert "userData" in answer.message
    assert "attributionData" in answer.message
    assert api.count() == 0


@pytest.mark.parametrize(
    "parts",
    [
        {"userData": {"email": "x"}},
        {"userData": {"anything": 0}},
        {"userData": ["Jan"]},
        {"userData": {}, "attributionData": {"conversionPage": "localhost:8080/"}},
        {"attributionData": {"gclid": "x"}},
        {"attributionData": {"consent": {"ad_storage": "denied"}}},
        {"userData": False, "attributionData": {"cid": "1.2"}},
    ],
)
def test_any_value_in_either_is_enough(api: Api, parts: dict[str, object]) -> None:
    assert api.post("createLead", parts).status == 201


@pytest.mark.parametrize("name", ["uniqueIdentifier", "unique_identifier"])
def test_unique_identifier_above_255_characters_is_400(api: Api, name: str) -> None:
    answer = api.post("createLead", {**JAN, name: "é" * 256})
    assert answer.status == 400
    assert answer.message == "uniqueIdentifier has 256 characters; it may have at most 255."
    assert api.count() == 0
    assert api.post("createLead", {**JAN, name: "é" * 255}).json["uniqueIdentifier"] == "é" * 255


def test_lead_starts_open_whatever_the_body_says(api: Api) -> None:
    lead_id = api.create(
        firstName="Jan", status="lost", platform="x", createdBy=7, price=5, note="n", id=99, label_id=1, createdAt="x"
    )
    lead = api.lead(lead_id)
    assert lead["id"] == lead_id
    assert (lead["status"], lead["price"], lead["note"]) == ("open", None, None)
    assert api.row(lead_id, "door", "label_id", "stage") == ("web", None, "open")


def test_lead_shows_exactly_its_keys(api: Api) -> None:
    lead_id = api.create(attributionData={"gclid": "G"}, userData={})
    lead = api.lead(lead_id)
    assert list(lead) == LEAD_KEYS
    absent = {"formName", "firstName", "lastName", "phone", "email", "companyName", "price", "note"}
    assert {name for name, value in lead.items() if value is None} == absent | {"channelFlow", "uniqueIdentifier"}
    assert (lead["userData"], lead["formData"], lead["attributionData"]) == ({}, {}, {"gclid": "G"})
    assert lead["createdAt"] == iso_millis(api.clock.now())


def test_form_and_attribution_are_given_back_as_they_came(api: Api) -> None:
    form = {"formName": "Q", "x": {"": [1, 2.5, None, True, "é—😀"]}, "formFields": [{"a:": "b"}], "uniqueEventId": 7}
    attribution = {"gclid": " G ", "own": {"deep": [[]]}, "sid": 123}
    lead = api.lead(api.create(formData=form, attributionData=attribution))
    assert lead["formData"] == form
    assert lead["attributionData"] == attribution


def test_repeat_merges_and_blanks_never_overwrite(api: Api) -> None:
    label = api.labels[0]
    first = {
        "userData": {"firstName": "Jan", "email": "jan@example.com", "phone": "0612345678"},
        "attributionData": {"gclid": "G1", "fbp": "F1", "consent": {"ad_storage": "granted"}},
        "formData": {"uniqueEventId": "e", "formName": "Quote"},
    }
    second = {
        "userData": {"firstName": "", "lastName": "de Vries", "email": None, "phone": "undefined"},
        "attributionData": {"gclid": "", "fbp": "F2", "cid": "1.2", "consent": {"ad_user_data": "denied"}},
        "formData": {"uniqueEventId": "e", "formName": "undefined form name"},
        "uniqueIdentifier": "crm-2",
    }
    lead_id = api.create(**first)
    assert api.rate({"leadId": lead_id, "conversionId": label.conversion_id, "price": 900}).status == 201
    api.program.deliver()
    answer = api.post("createLead", second)
    assert answer.json == {"message": "Lead updated successfully", "leadId": lead_id, "uniqueIdentifier": "crm-2"}
    lead = api.lead(lead_id)
    assert (lead["firstName"], lead["lastName"]) == ("Jan", "de Vries")
    assert (lead["email"], lead["phone"], lead["formName"]) == ("jan@example.com", "0612345678", "Quote")
    assert lead["attributionData"] == {
        "gclid": "G1",
        "fbp": "F2",
        "cid": "1.2",
        "consent": {"ad_storage": "granted", "ad_user_data": "denied"},
    }
    assert (lead["status"], lead["price"], lead["uniqueIdentifier"]) == (label.conversion_id, 900, "crm-2")
    assert api.row(lead_id, "stage", "label_id") == ("rated", label.id)
    assert api.list(fbp__exists="true", cid__exists="true").json["total"] == 1


def test_repeat_that_says_nothing_changes_nothing(api: Api) -> None:
    post = {**JAN, "formData": {"uniqueEventId": "e"}}
    api.create(**post)
    before = api.tables()
    assert api.post("createLead", post).status == 200
    assert api.post("createLead", {"attributionData": {"gclid": ""}, **post}).status == 200
    assert api.tables() == before


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"channelFlow": [{"t": 1, "ch": {"s": "google", "m": "cpc", "cm": "c", "ct": "d", "tm": "e"}, "lp": "/x"}]},
         [{"timestamp": 1, "landingPage": "/x",
           "channel": {"source": "google", "medium": "cpc", "campaign": "c", "content": "d", "term": "e"}}]),
        ({"lt_channelflow": '[{"timestamp":"2","channel":{"source":"bing","medium":""}}]'},
         [{"timestamp": 2, "channel": {"source": "bing"}}]),
        ({"channelFlow": "%5B%7B%22t%22%3A3%7D%5D"}, [{"timestamp": 3, "channel": {}}]),
        ({"channelFlow": "", "lt_channelflow": [{"t": 4}]}, [{"timestamp": 4, "channel": {}}]),
        ({"channelFlow": "junk"}, None),
        ({"channelFlow": {}}, None),
        ({"channelFlow": 7}, None),
    ],
)  # fmt: skip
def test_channel_flow_is_shown_in_its_normal_form(api: Api, body: dict[str, object], fields: object) -> None:
    assert api.lead(api.create(firstName="Jan", **body))["channelFlow"] == fields


@pytest.mark.parametrize("name", bodies.WEB)
@pytest.mark.parametrize("write", [bodies.wire, bodies.php])
def test_body_of_every_client_is_taken(api: Api, name: str, write: object) -> None:
    raw = (bodies.php if write is bodies.php else bodies.wire)({**bodies.WEB[name], "projectId": str(api.number)})
    answer = api.program.post("createLead", raw)
    assert answer.status == 201
    assert list(api.lead(answer.json["leadId"])) == LEAD_KEYS


@pytest.mark.parametrize("name", bodies.REFUSED)
def test_real_body_without_a_value_is_400(api: Api, name: str) -> None:
    assert api.post("createLead", {**bodies.REFUSED[name], "projectId": api.number}).status == 400


def test_two_endpoints_racing_on_one_event_make_one_lead(api: Api) -> None:
    calls = ("createLead", "createServerSideLead")
    posts = {
        "createLead": {"userData": {"firstName": "Jan"}, "attributionData": {"gclid": "G", "cid": ""}},
        "createServerSideLead": {"userData": {"email": "jan@example.com"}, "attributionData": {"cid": "1.2"}},
    }
    for number in range(20):
        form = {"formData": {"uniqueEventId": f"race-{number}"}}

        def post(n: int, form: dict[str, dict[str, str]] = form) -> Answer:
            return api.post(calls[n % 2], {**posts[calls[n % 2]], **form}, api.key)

        answers = together(8, post)
        assert sorted(answer.status for answer in answers) == [200] * 7 + [201]
        assert len({answer.json["leadId"] for answer in answers}) == 1
        lead = api.lead(answers[0].json["leadId"])
        assert (lead["firstName"], lead["email"]) == ("Jan", "jan@example.com")
        assert lead["attributionData"] == {"gclid": "G", "cid": "1.2"}
    assert api.count() == 20


def test_two_servers_on_one_postgresql_make_one_lead(api: Api, tmp_path: Path) -> None:
    if not api.url.startswith("postgresql"):
        pytest.skip("one process owns an SQLite file")
    with Program(api.url, tmp_path) as second:
        ways = ((api.program, "createLead"), (second, "createServerSideLead"))
        for number in range(10):
            body: dict[str, object] = {
                "projectId": api.number,
                **JAN,
                "formData": {"uniqueEventId": f"servers-{number}"},
            }

            def post(n: int, body: dict[str, object] = body) -> Answer:
                return ways[n % 2][0].post(ways[n % 2][1], body, api.key)

            answers = together(8, post)
            assert sorted(answer.status for answer in answers) == [200] * 7 + [201]
    assert api.count() == 10


def test_merge_does_not_depend_on_the_order(api: Api) -> None:
    posts = [{"attributionData": {"gclid": "G"}}, {"userData": {"email": "a@b.nl"}}, {"attributionData": {"fbp": "F"}}]
    leads = []
    for number, order in enumerate(permutations(posts)):
        for post in order:
            lead_id = api.create(formData={"uniqueEventId": f"order-{number}"}, **{"userData": {}, **post})
        lead = api.lead(lead_id)
        leads.append((lead["email"], lead["attributionData"]))
    assert all(lead == ("a@b.nl", {"gclid": "G", "fbp": "F"}) for lead in leads)
