"""willCount over HTTP: who may ask, how the lead and the label are named, and that the answer is as described."""

from typing import Any, Final

import jsonschema_rs
import pytest

from leadtrackr.api.openapi import description
from tests.api.conftest import Api
from tests.api.test_warnings import connect_everything
from tests.support.program import Answer

DOCUMENT: Final = description("https://leads.example.com")
PERSON: Final = {"email": "jan@example.com", "phone": "06 12345678", "uniqueIdentifier": "crm-1"}
CLICK: Final = {"attributionData": {"gclid": "G", "fbp": "fb.1.2.3"}}


def ask(api: Api, key: str | None, **params: object) -> Answer:
    return api.program.get("willCount", key, **params)


def told(api: Api, **params: object) -> dict[str, Any]:
    """An answer, which is as the description says."""
    answer = ask(api, api.key, **params)
    assert answer.status == 200, answer.body
    schema = {"components": DOCUMENT["components"], "$ref": "#/components/schemas/Counting"}
    jsonschema_rs.Draft202012Validator(schema).validate(answer.json)
    found: dict[str, Any] = answer.json
    return found


def test_each_platform_answers_with_what_is_missing_and_until_when(api: Api) -> None:
    conversion_id = connect_everything(api)
    lead_id = api.create(**PERSON, **CLICK)
    before = api.tables()
    found = told(api, leadId=lead_id, conversionId=conversion_id)
    assert api.tables() == before, "nothing is written"
    assert found["message"] == "Nothing was sent: this is what the rating would count for now"
    (label,) = found["labels"]
    assert (label["label"], label["conversionId"]) == ("Everywhere", conversion_id)
    by = {one["destination"]: one for one in label["platforms"]}
    assert {slug: one["answer"] for slug, one in by.items()} == {"google_ads": "not_yet", "ga4": "no", "meta": "yes"}
    assert by["ga4"]["missing"]["field"] == "cid"
    assert by["google_ads"]["sendAt"] < by["google_ads"]["usableUntil"]
    assert by["meta"]["usableUntil"] is None


def test_what_it_says_is_what_the_rating_then_does(api: Api) -> None:
    conversion_id = connect_everything(api)
    lead_id = api.create(**PERSON, **CLICK)
    (label,) = told(api, leadId=lead_id, conversionId=conversion_id)["labels"]
    lacking = {one["destination"] for one in label["platforms"] if one["answer"] == "no"}
    warnings = api.rate({"leadId": lead_id, "conversionId": conversion_id}).json["warnings"]
    assert lacking == {one["integration"] for one in warnings} == {"ga4"}
    found = told(api, leadId=lead_id, conversionId=conversion_id)
    assert found["pending"]
    assert found["message"].endswith("once the lead's pending job has been processed")


@pytest.mark.parametrize(
    "named",
    [{"uniqueIdentifier": "crm-1"}, {"email": " JAN@example.com "}, {"phone": "+31612345678"}, {"phone": "0612345678"}],
)
def test_the_lead_is_named_as_in_get_lead(api: Api, named: dict[str, str]) -> None:
    connect_everything(api)
    lead_id = api.create(**PERSON)
    assert api.get(**named).json["lead"]["id"] == lead_id
    assert told(api, **named, conversionId="lost")["leadId"] == lead_id
    assert ask(api, api.key, leadId=lead_id + 1, **named).status == 404, "the first name decides alone"


def test_without_a_label_all_are_answered_for_and_open_counts_nowhere(api: Api) -> None:
    connect_everything(api)
    lead_id = api.create(**PERSON)
    assert [one["label"] for one in told(api, leadId=lead_id)["labels"]] == ["Qualified", "Sold", "Everywhere", "Lost"]
    (opened,) = told(api, leadId=lead_id, conversionId="open")["labels"]
    assert (opened["label"], opened["platforms"]) == (None, [])


def test_a_label_of_another_project_is_none(api: Api, other: Api) -> None:
    answer = ask(api, api.key, leadId=api.create(**PERSON), conversionId=other.labels[0].conversion_id)
    assert (answer.status, answer.message) == (
        400,
        "Invalid conversionId: this project has no such conversion label",
    )


def test_only_the_project_s_own_key_opens_it(api: Api, other: Api) -> None:
    lead_id = api.create(**PERSON)
    assert ask(api, api.key, leadId=lead_id).status == 200
    stranger = ask(api, other.key, leadId=lead_id)
    assert (stranger.status, stranger.message) == (404, "Lead not found")
    for key, message in ((None, "Missing X-API-Key header"), ("ltk_no", "Invalid API key")):
        answer = ask(api, key, conversionId="nonsense")
        assert (answer.status, answer.message) == (401, message), "before anything about the parameters"
    posted = api.program.post("willCount", {"leadId": lead_id}, api.key)
    assert (posted.status, posted.headers["allow"]) == (405, "GET, HEAD, OPTIONS")


def test_no_secret_and_nothing_personal_is_in_it(api: Api) -> None:
    connect_everything(api)
    answer = ask(api, api.key, leadId=api.create(**PERSON, **CLICK))
    text = answer.body.decode()
    assert all(word not in text for word in ("jan@example.com", "31612345678", '"G"', "refresh_token", "api_secret"))
