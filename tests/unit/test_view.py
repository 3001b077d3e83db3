"""The lead object that the API shows."""

import json
from typing import Any

import msgspec
import pytest

from leadtrackr.leads.view import to_wire
from tests.bodies import API_CLIENT, COMPACT_FLOW, LEADBOT_CONTACT, SERVER, WEB, WP_10_CF7
from tests.unit.making import stored, take

KEYS = (
    *("id", "status", "formName", "firstName", "lastName", "phone", "email", "companyName", "price", "note"),
    *("formData", "userData", "attributionData", "channelFlow", "uniqueIdentifier", "createdAt"),
)


def shown(body: dict[str, Any], **changes: object) -> dict[str, Any]:
    found = json.loads(msgspec.json.encode(to_wire(stored(take(body), **changes))))
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("body", [*WEB.values(), *SERVER.values()], ids=[*WEB, *SERVER])
def test_the_keys_and_their_order(body: dict[str, Any]) -> None:
    assert tuple(shown(body)) == KEYS


def test_a_lead() -> None:
    lead = shown(LEADBOT_CONTACT, price=12_500, status="sold", note="Call on Monday")
    assert (lead["id"], lead["status"], lead["price"], lead["note"]) == (42, "sold", 12_500, "Call on Monday")
    assert (lead["firstName"], lead["lastName"]) == ("Jan", "de Vries")
    assert (lead["email"], lead["phone"]) == ("Jan.deVries@Example.com", "06 12 34 56 78")
    assert lead["formName"] == "LeadBot — Contact form"
    assert lead["createdAt"] == "2026-09-21T14:13:20.123Z"
    for name in ("formData", "userData", "attributionData"):
        assert lead[name] == LEADBOT_CONTACT[name]
    assert [entry["timestamp"] for entry in lead["channelFlow"]] == [entry["t"] for entry in COMPACT_FLOW]


def test_absent_values_are_null() -> None:
    lead = shown({"attributionData": {"gclid": "x"}})
    empty = (
        "formName",
        "firstName",
        "phone",
        "email",
        "companyName",
        "price",
        "note",
        "channelFlow",
        "uniqueIdentifier",
    )
    assert [lead[name] for name in empty] == [None] * len(empty)


def test_empty_lists_are_shown_as_objects() -> None:
    assert shown(WP_10_CF7)["attributionData"] == {}
    assert shown({"userData": {"phone": "1"}, "formData": [], "attributionData": None})["formData"] == {}


def test_form_data_holds_the_event_id_as_it_was_sent() -> None:
    assert shown(API_CLIENT)["formData"]["uniqueEventId"] == "evt-1"
    assert shown(API_CLIENT)["uniqueIdentifier"] == "crm-lead-457"
