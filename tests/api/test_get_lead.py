"""getLead: by which name a lead is found, and who may read it."""

from urllib.parse import quote

import pytest

from tests.api.conftest import Api

NO_NAME = "Missing required field: one of leadId, uniqueIdentifier, email or phone"


def ask(api: Api, query: str) -> tuple[int, str, object]:
    """Sends a query string as it is written; status, message and the lead's id."""
    answer = api.program.send("GET", f"/api/leads/getLead?{query}", headers={"X-API-Key": api.key})
    return answer.status, answer.message, answer.json.get("lead", {}).get("id")


def test_found_lead_is_200(api: Api) -> None:
    lead_id = api.create(firstName="Jan")
    answer = api.get(leadId=lead_id)
    assert answer.status == 200
    assert list(answer.json) == ["message", "lead"]
    assert answer.message == "Lead retrieved"
    assert answer.json["lead"]["id"] == lead_id


@pytest.mark.parametrize("query", ["", "leadId=", "leadId=%20&email=&phone=null", "id=1", "LeadId=1", "leadId"])
def test_no_identifier_is_400(api: Api, query: str) -> None:
    assert ask(api, query) == (400, NO_NAME, None)


@pytest.mark.parametrize("wrong", ["abc", "-1", "1.5", "1e3", "%D9%A4", "1%00x", "NaN"])
def test_lead_id_that_is_no_number_is_400(api: Api, wrong: str) -> None:
    assert ask(api, f"leadId={wrong}")[:2] == (400, "Invalid parameter: leadId must be a whole number")


@pytest.mark.parametrize(
    "query",
    ["leadId=0", f"leadId={10**40}", "uniqueIdentifier=nobody", "email=nobody@example.com", "email=nobody", "phone=1",
     "uniqueIdentifier=%00a", "email=%FF", "phone=%F0%9F%98%80", "uniqueIdentifier=%25", "uniqueIdentifier=crm_1"],
)  # fmt: skip
def test_unknown_lead_is_404(api: Api, query: str) -> None:
    api.create(email="jan@example.com", phone="0612345678", uniqueIdentifier="crm-1")
    assert ask(api, query) == (404, "Lead not found", None)


def test_plus_that_was_not_encoded_is_understood(api: Api) -> None:
    lead_id = api.create(phone="0612345678", email="jan+form@example.com")
    for query in ("phone=+31612345678", "phone=%2B31612345678", "phone=+31+6+12345678", "phone=+(31)612345678"):
        assert ask(api, query) == (200, "Lead retrieved", lead_id)
    for query in ("email=jan+form@example.com", "email=jan%2Bform@example.com", "email=+jan%2Bform@example.com+"):
        assert ask(api, query) == (200, "Lead retrieved", lead_id)


def test_unicode_names_are_found(api: Api) -> None:
    lead_id = api.create(uniqueIdentifier="müller & søn +1 😀")
    assert ask(api, f"uniqueIdentifier={quote('müller & søn +1 😀')}") == (200, "Lead retrieved", lead_id)


def test_only_the_own_key_reaches_a_lead(api: Api, other: Api) -> None:
    lead_id = api.create(email="jan@example.com", phone="0612345678", uniqueIdentifier="crm-1")
    refs: tuple[dict[str, object], ...] = (
        {"leadId": lead_id}, {"email": "jan@example.com"}, {"phone": "0612345678"}, {"uniqueIdentifier": "crm-1"},
    )  # fmt: skip
    for ref in refs:
        assert api.get(**ref).status == 200
        assert other.get(**ref).status == 404
        assert api.program.get("getLead", None, **ref).message == "Missing X-API-Key header"
        assert api.program.get("getLead", "ltk_wrong", **ref).message == "Invalid API key"
    api.revoke_keys()
    assert api.get(leadId=lead_id).status == 401


def test_inactive_project_is_403(api: Api) -> None:
    lead_id = api.create(firstName="Jan")
    api.switch_off()
    answer = api.get(leadId=lead_id)
    assert (answer.status, answer.message) == (403, "Project is inactive")
