"""Meta's CRM profile: leads of Instant Forms under Meta's own id, others as conversions of a website."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from leadtrackr.conversions.audience import permitted
from leadtrackr.destinations.contract import Event, LeadData, Request, Response
from leadtrackr.destinations.meta import META
from leadtrackr.leads.attribution import read
from tests.destinations.making import HOUR, NOON, SETTINGS, answer, body_of, event, lead, outcomes, sha
from tests.destinations.test_compliance import leads
from tests.sandbox.client import NOW, Client, Clock, Server

CRM = {**SETTINGS["meta"], "profile": "crm", "crm_name": "Pipeline 5"}
HOST = "https://graph.facebook.com"


def instant(lead_id: str = "1234567890123456", **changes: Any) -> LeadData:
    """A lead of an Instant Form: no cookies, no page, no browser."""
    nothing: dict[str, Any] = {"conversion_page": None, "ip_address": None, "user_agent": None, "consent": {}}
    return lead(**{**nothing, "ids": {"meta_lead_id": lead_id}, **changes})


def sent(one: Event, **settings: str) -> dict[str, Any]:
    found: dict[str, Any] = body_of(META, one, **{**CRM, **settings})["data"][0]
    return found


def test_the_whole_event() -> None:
    request = META.build([event(instant(), "meta")], CRM, None)
    assert request.items == (
        (
            '{"event_name":"QualifiedLead","event_time":1795262400,"event_id":"lt-abcdefghijklmnopqrstuvwxyz",'
            '"action_source":"system_generated","user_data":{'
            f'"em":"{sha("erika.mustermann@example.de")}","ph":"{sha("493012345678")}",'
            f'"fn":"{sha("erika")}","ln":"{sha("mustermann")}","country":"{sha("de")}","external_id":"{sha("42")}",'
            '"lead_id":1234567890123456},'
            '"custom_data":{"value":50.00,"currency":"EUR","event_source":"crm","lead_event_source":"Pipeline 5"}}'
        ).encode(),
    )
    assert request.url == f"{HOST}/v25.0/123456789012345/events"
    assert request.headers == {"content-type": "application/json", "authorization": "Bearer hush-meta"}


def test_without_a_value_it_is_of_a_crm_all_the_same() -> None:
    found = sent(event(instant(), "meta", value_cents=None))
    assert found["custom_data"] == {"event_source": "crm", "lead_event_source": "Pipeline 5"}


@pytest.mark.parametrize("lead_id", ["123456789012345", "1234567890123456", "12345678901234567"])
def test_metas_id_alone_is_enough(lead_id: str) -> None:
    someone = LeadData(lead_id=1, created_at=NOON, ids={"meta_lead_id": lead_id})
    assert META.missing(someone, CRM) == ()
    assert META.missing(someone, SETTINGS["meta"]) != ()
    assert sent(event(someone, "meta"))["user_data"]["lead_id"] == int(lead_id)


@pytest.mark.parametrize(
    "lead_id", ["12345678901234", "123456789012345678", "l:123456789012345", "012345678901234", "", " 123456789012345"]
)
def test_an_id_of_another_form_would_have_it_rejected_so_it_is_not_sent(lead_id: str) -> None:
    someone = LeadData(lead_id=1, created_at=NOON, ids={"meta_lead_id": lead_id})
    assert META.missing(someone, CRM)[0].field == "user_data"
    found = sent(event(instant(lead_id), "meta"))
    assert "lead_id" not in found["user_data"]
    assert found["custom_data"] == {"value": 50, "currency": "EUR"}


def test_leads_of_a_website_go_as_before() -> None:
    plain = META.build([event(slug="meta")], SETTINGS["meta"], None)
    assert META.build([event(slug="meta")], CRM, None) == plain
    both = META.build([event(slug="meta"), event(instant(), "meta")], CRM, None)
    sources = [one["action_source"] for one in json.loads(both.body)["data"]]
    assert sources == ["website", "system_generated"]


def test_with_the_profile_of_a_website_no_lead_id_is_sent() -> None:
    found = sent(event(instant(), "meta"), profile="website")
    assert "lead_id" not in found["user_data"]
    assert "event_source" not in found["custom_data"]


@pytest.mark.parametrize("denied", ["ad_user_data", "ad_storage"])
def test_what_consent_forbids_is_not_sent(denied: str) -> None:
    someone = permitted(instant(consent={denied: "denied"}))
    assert "lead_id" not in sent(event(someone, "meta"))["user_data"]
    bare = permitted(LeadData(lead_id=1, created_at=NOON, ids=someone.ids, consent={denied: "denied"}))
    assert META.missing(bare, CRM) != ()


@pytest.mark.parametrize("stored", ['"1234567890123456"', "1234567890123456"])
def test_it_is_read_from_the_attribution_data(stored: str) -> None:
    assert read(f'{{"meta_lead_id":{stored}}}').ids == {"meta_lead_id": "1234567890123456"}


@pytest.fixture(scope="module")
def capi() -> Iterator[Client]:
    """The emulator; its clock stands still."""
    server = Server(Clock())
    yield Client(server.running.port)
    server.stop()


def send(client: Client, request: Request) -> Response:
    assert request.url.startswith(HOST)
    headers = {name.title(): value for name, value in request.headers.items()}
    reply = client.call("POST", f"/meta{request.url.removeprefix(HOST)}", request.body, headers)
    return Response(status=reply.status, body=reply.content)


@hypothesis_settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    someone=leads,
    lead_id=st.none() | st.from_regex(r"[0-9]{13,18}", fullmatch=True) | st.text(max_size=20),
    profile=st.sampled_from(["website", "crm"]),
)
def test_what_is_not_missing_is_taken_without_a_flag(
    capi: Client, someone: LeadData, lead_id: str | None, profile: str
) -> None:
    ids = {**someone.ids, **({} if lead_id is None else {"meta_lead_id": lead_id})}
    whole = LeadData(lead_id=1, created_at=NOW - 2 * HOUR, **_but(someone, ids=ids))
    if META.missing(whole, {**CRM, "profile": profile}):
        return
    request = META.build([event(whole, "meta", happened_at=NOW - HOUR)], {**CRM, "profile": profile}, None)
    assert outcomes(META.read(send(capi, request), 1))[0].code == "ok"
    flags = [flag["code"] for flag in capi.last("meta")["flags"]]
    assert [flag for flag in flags if flag != "bad_fbc"] == []


def _but(someone: LeadData, **changes: Any) -> dict[str, Any]:
    names = [name for name in LeadData.__struct_fields__ if name not in ("lead_id", "created_at")]
    return {**{name: getattr(someone, name) for name in names}, **changes}


def test_a_lead_id_that_is_not_metas_is_rejected_and_known(capi: Client) -> None:
    capi.set("meta", unknown_leads=["1234567890123456"])
    request = META.build([event(instant(), "meta", happened_at=NOW - HOUR)], CRM, None)
    found = outcomes(META.read(send(capi, request), 1))[0]
    assert (found.code, found.kind) == ("100", "rejected")
    assert META.read_check(answer(200, {"id": "1"})).code == "check_ok"
