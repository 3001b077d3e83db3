"""A repeated event id: later values come in, blanks change nothing, and a repeat of the repeat changes nothing."""

import json
import sys
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadtrackr.kit.errors import InvalidInput
from leadtrackr.leads.coerce import holds_value, json_text
from leadtrackr.leads.intake import merge, merge_attribution
from leadtrackr.leads.model import Door, Intake
from tests import bodies
from tests.unit.making import JSON_VALUES, maps, stored, take

BLANKS = ["", " ", "undefined", "null", None, [], {}, [""], {"a": ""}]


def merged(old: object, new: object) -> Any:
    return json.loads(merge_attribution(json.dumps(old), json.dumps(new)))


def test_8_13_a_repeat_changes_nothing() -> None:
    for body in [*bodies.WEB.values(), *bodies.SERVER.values()]:
        assert merge(stored(take(body)), take(body)) == {}


def test_8_13_browser_and_server_tell_of_one_lead() -> None:
    browser = take(bodies.GTM_NEW | {"userData": {"email": "jan@example.com", "phone": ""}})
    server = take(
        bodies.SGTM_NEW | {"attributionData": {"fbc": "", "ttclid": "E.C.P", "consent": {"ad_storage": "denied"}}},
        Door.SERVER,
    )
    changes = merge(stored(browser, status="sold", price=100), server)
    assert not {"status", "stage", "label_id", "price", "note", "door", "unique_event_id"} & changes.keys()
    lead = stored(browser, **changes)
    assert (lead.email, lead.phone, lead.phone_e164) == ("jan@example.com", "31612345678", "+31612345678")
    assert (lead.first_name, lead.unique_identifier) == ("Jan", "crm-lead-456")
    attribution = json.loads(lead.attribution_data)
    assert (attribution["fbc"], attribution["gclid"], attribution["ttclid"]) == (bodies.FBC, bodies.GCLID, "E.C.P")
    assert attribution["consent"] == {
        "ad_storage": "denied",
        "analytics_storage": "granted",
        "ad_user_data": "denied",
        "ad_personalization": "denied",
    }
    assert changes["search_text"] == "jan\njan@example.com\n31612345678\n+31612345678"
    assert (changes["gclid"], changes["fbc"]) == (bodies.GCLID, bodies.FBC)


def test_values_overwrite_and_fill_in() -> None:
    old = take({"userData": {"firstName": "J", "email": "a@example.com"}})
    changes = merge(
        stored(old), take({"userData": {"firstName": "Jan", "email": "B@example.com", "company": "Bakery"}})
    )
    assert changes == {
        "first_name": "Jan",
        "email": "B@example.com",
        "email_key": "b@example.com",
        "company_name": "Bakery",
        "user_data": '{"firstName":"Jan","email":"B@example.com","company":"Bakery"}',
        "search_text": "jan\nb@example.com\nbakery",
    }


@pytest.mark.parametrize("blank", BLANKS)
def test_8_06_blanks_never_overwrite(blank: object) -> None:
    old = stored(take(bodies.API_CLIENT | {"channelFlow": bodies.COMPACT_FLOW}))
    keys = ("firstName", "lastName", "email", "phone", "companyName", "company")
    new = {
        "userData": dict.fromkeys(keys, blank),
        "formData": {"formName": blank, "formMessage": blank, "formFields": blank},
        "attributionData": {"gclid": blank, "sid": blank, "consent": blank, "fbp": bodies.FBP},
        "deviceData": {"ipAddress": blank, "userAgent": blank},
        "channelFlow": blank,
        "uniqueIdentifier": blank,
    }
    changes = merge(old, take(new, Door.SERVER))
    assert changes.keys() == {"attribution_data", "gclid", "cid", "fbp", "fbc"}
    assert (changes["gclid"], changes["fbp"]) == (bodies.GCLID, bodies.FBP)
    assert merged(bodies.GRANTED, {"ad_storage": blank}) == bodies.GRANTED


def test_what_is_not_understood_does_not_replace_what_is() -> None:
    old = take({"userData": {"email": "a@example.com", "phone": "0612345678"}})
    changes = merge(stored(old), take({"userData": {"email": "none", "phone": "call me"}}))
    assert changes.keys() == {"user_data"}
    worse = take({"userData": {"email": "none", "phone": "call me"}})
    assert merge(stored(worse), old)["phone_e164"] == "+31612345678"
    assert merge(stored(worse), take({"userData": {"phone": "later"}}))["phone"] == "later"


DENIED = {"ad_storage": "granted", "ad_user_data": "denied", "x": "kept"}


@pytest.mark.parametrize(
    ("new", "result"),
    [
        (["x"], {}),
        ({"gclid": {"a": "b"}, "fbp": bodies.FBP}, {"fbp": bodies.FBP}),
        ({"gclid": [{"a": "b"}]}, {}),
        ({"fbc": "bare-fbclid"}, {}),
        ({"gclid": "newer"}, {"gclid": "newer"}),
        ({"consent": "granted"}, {}),
        ({"consent": ["granted"]}, {}),
        ({"consent": {"ad_user_data": {"a": "b"}}}, {}),
        ({"consent": {"ad_user_data": "maybe", "y": "z"}}, {"consent": {**DENIED, "y": "z"}}),
        ({"consent": {"ad_user_data": "granted"}}, {"consent": {**DENIED, "ad_user_data": "granted"}}),
    ],
)
def test_attribution_that_is_not_understood_does_not_replace_what_is(new: object, result: dict[str, Any]) -> None:
    """The old web tag sends a bare fbclid as fbc beside the server tag's whole one; a denial must never get lost."""
    old = {"gclid": bodies.GCLID, "fbc": bodies.FBC, "consent": DENIED}
    lead = stored(take({"attributionData": old}))
    changes = merge(lead, take({"attributionData": new, "userData": {"firstName": "Jan"}}))
    after = stored(take({"attributionData": old}), **changes)
    assert json.loads(after.attribution_data) == {**old, **result}
    assert changes.get("gclid", bodies.GCLID) == {**old, **result}["gclid"]
    assert changes.get("fbc", bodies.FBC) == bodies.FBC


def test_a_form_without_a_name_does_not_take_a_name_away() -> None:
    def form(**values: str) -> Intake:
        return take({"formData": values, "attributionData": {"gclid": "x"}})

    named, nameless = form(formName="Contact"), form(formName="undefined form name")
    assert merge(stored(named), nameless) == {}
    assert merge(stored(nameless), named) == {"form_data": '{"formName":"Contact"}', "form_name": "Contact"}
    assert "form_name" not in merge(
        stored(named), take({"formData": {"formName": {"a": "b"}}, "userData": {"phone": 1}})
    )
    own = stored(form(formName="Contact", customFormName="Quote"))
    assert merge(own, form(formName="Other")).keys() == {"form_data"}


@pytest.mark.parametrize(
    ("old", "new", "result"),
    [
        ({"a": "1"}, {"b": "2"}, {"a": "1", "b": "2"}),
        ({"a": "1"}, {"a": 2}, {"a": 2}),
        ({"a": "1"}, {"b": "", "c": {}}, {"a": "1"}),
        ([], {"a": "1"}, {"a": "1"}),
        ({"a": "1"}, [], {"a": "1"}),
        ({"consent": {"x": "granted"}}, {"consent": {"y": "denied"}}, {"consent": {"x": "granted", "y": "denied"}}),
        ({"consent": "?"}, {"consent": {"y": "denied", "z": ""}}, {"consent": {"y": "denied", "z": ""}}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
    ],
)
def test_merge_attribution(old: object, new: object, result: object) -> None:
    assert merged(old, new) == result


def test_a_wide_body_below_a_deep_one_is_merged_in_one_pass() -> None:
    stored_json = '{"a":' * 150 + json.dumps(["x", *[""] * 10_000]) + "}" * 150
    incoming_json = '{"b":1,' + stored_json[1:]
    looked_at = 0

    def count(*_: object) -> None:
        nonlocal looked_at
        looked_at += 1

    sys.setprofile(count)
    try:
        merge_attribution(stored_json, incoming_json)
    finally:
        sys.setprofile(None)
    assert 10_000 < looked_at < 500_000


@given(maps(), maps())
def test_merging_twice_is_merging_once(old: dict[str, Any], new: dict[str, Any]) -> None:
    stored_json, incoming_json = json_text(old), json_text(new)
    once = merge_attribution(stored_json, incoming_json)
    assert merge_attribution(once, incoming_json) == once
    assert merge_attribution(once, once) == once


@given(maps(), maps())
def test_nothing_stored_is_lost_but_to_a_value(old: dict[str, Any], new: dict[str, Any]) -> None:
    before, later = (msgspec.json.decode(json_text(value)) for value in (old, new))
    after = json.loads(merge_attribution(json_text(old), json_text(new)))
    for name, value in before.items():
        if not holds_value(later.get(name)):
            assert after[name] == value
    for name, value in later.items():
        if holds_value(value):
            assert holds_value(after[name])
            assert isinstance(value, dict) or after[name] == value


BODIES = st.fixed_dictionaries(
    {"userData": maps()},
    optional={
        "attributionData": maps(),
        "formData": st.dictionaries(st.sampled_from(["formName", "customFormName", "formFields"]), JSON_VALUES)
        | st.just({"formName": "undefined form name"}),
        "uniqueIdentifier": JSON_VALUES,
        "channelFlow": st.sampled_from([bodies.COMPACT_FLOW, "", None]),
    },
)


@given(BODIES, BODIES)
def test_a_merge_is_idempotent_and_never_empties_a_column(first: dict[str, Any], second: dict[str, Any]) -> None:
    try:
        old, new = take(first), take(second)
    except InvalidInput:
        return
    before = stored(old)
    changes = merge(before, new)
    after = stored(old, **changes)
    again = merge(after, new)
    assert again == {}
    for name in before.__struct_fields__:
        assert getattr(before, name) is None or getattr(after, name) is not None
