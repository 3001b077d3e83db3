"""Whatever is sent, the platforms answer as platforms do: no crash, and nothing taken that was refused."""

import copy
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from iso4217 import Currency

from leadtrackr.sandbox.contract import Call
from leadtrackr.sandbox.currencies import CODES
from leadtrackr.sandbox.ledger import Ledger
from leadtrackr.sandbox.registry import platforms
from leadtrackr.sandbox.world import World

from .client import NOW, Ads, Capi, Client, LinkedInApi, Mp, OpenAiApi, RedditApi

NOWHERE = Client(0)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner))
RICH_EVENT = Ads(NOWHERE).event(
    userData={"userIdentifiers": [{"emailAddress": "a" * 64}, {"address": {"regionCode": "NL"}}]},
    destinationReferences=["a"],
    userProperties={"customerType": "NEW"},
    customVariables=[{"variable": "a", "value": "b"}],
    eventDeviceInfo={"userAgent": "x"},
    lastUpdatedTimestamp="2026-11-23T11:00:00Z",
)
RICH_PERSON = {"em": ["a" * 64], "fbc": "fb.1.1795435200000.x", "lead_id": 123456789012345, "client_ip_address": "::1"}
CALLS: list[tuple[str, str, dict[str, Any]]] = [
    (
        "google_ads",
        "/v1/events:ingest",
        Ads(NOWHERE).body(RICH_EVENT, destinations=[Ads(NOWHERE).destination(reference="a")], consent={}),
    ),
    (
        "meta",
        "/v25.0/1/events",
        {"data": [Capi(NOWHERE).event(user_data=RICH_PERSON, custom_data={"value": 1, "currency": "EUR"})]},
    ),
    (
        "ga4",
        "/mp/collect",
        Mp(NOWHERE).body(
            user_id="a",
            timestamp_micros=NOW,
            consent={},
            user_data={"address": [{}]},
            user_properties={"a": {"value": 1}},
        ),
    ),
    ("ga4", "/debug/mp/collect", Mp(NOWHERE).body()),
    (
        "linkedin",
        "/rest/conversionEvents",
        {
            "elements": [
                LinkedInApi(NOWHERE).event(
                    user={
                        "userIds": [{"idType": "SHA256_EMAIL", "idValue": "a" * 64}],
                        "userInfo": {"firstName": "a", "hashedLastName": "b" * 64, "countryCode": "NL"},
                        "externalIds": ["a"],
                    }
                )
            ]
        },
    ),
    (
        "reddit",
        "/api/v3/pixels/a2_abc/conversion_events",
        {
            "data": {
                "events": [RedditApi(NOWHERE).event(metadata={"conversion_id": "a", "value": 1, "currency": "EUR"})]
            }
        },
    ),
    (
        "openai",
        "/v1/events",
        {
            "events": [
                OpenAiApi(NOWHERE).event(
                    data={"type": "customer_action", "amount": 1, "currency": "EUR"}, opt_out=True, oppref="a"
                )
            ]
        },
    ),
]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value inside a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for name, item in inner for found in places(item, (*path, name)))]


def put(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """A copy with another value at this path."""
    if not path:
        return new
    changed = copy.deepcopy(value)
    spot = changed
    for name in path[:-1]:
        spot = spot[name]
    spot[path[-1]] = new
    return changed


@settings(max_examples=400, deadline=None)
@given(data=st.data(), call=st.sampled_from(CALLS), new=VALUES)
def test_a_value_of_any_kind_in_any_place_gets_a_proper_answer(
    data: st.DataObject, call: tuple[str, str, dict[str, Any]], new: Any
) -> None:
    slug, path, body = call
    changed = put(body, data.draw(st.sampled_from(places(body))), new)
    played = platforms(World(lambda: NOW, Ledger()))[slug]
    headers = {**LinkedInApi.HEADERS, "authorization": "Bearer sandbox-a"}
    query = {"measurement_id": "G-1", "api_secret": "x", "pid": "px1"}
    answer = played.answer(Call("POST", path, query, headers, json.dumps(changed).encode(), NOW))
    assert answer.status in (200, 204, 400, 403, 422)
    assert answer.status < 400 or not answer.accepted


@given(slug=st.sampled_from(["google_ads", "meta", "ga4", "linkedin", "reddit", "openai"]), body=st.binary(max_size=50))
def test_any_bytes_get_a_proper_answer(slug: str, body: bytes) -> None:
    path = next(path for name, path, _ in CALLS if name == slug)
    played = platforms(World(lambda: NOW, Ledger()))[slug]
    headers = {**LinkedInApi.HEADERS, "authorization": "Bearer sandbox-a"}
    answer = played.answer(Call("POST", path, {}, headers, body, NOW))
    assert answer.status in (204, 400)


def test_the_currencies_are_those_of_iso_4217() -> None:
    """Funds, metals, test codes and the Swiss and Uruguayan units of account are no currencies of a price."""
    no_money = {"BOV", "CHE", "CHW", "CLF", "COU", "MXV", "USN", "UYI", "UYW", "XSU", "XUA", "XDR", "XTS", "XXX"}
    metals_and_bonds = {"XAD", "XAG", "XAU", "XPD", "XPT", "XBA", "XBB", "XBC", "XBD"}
    assert {currency.code for currency in Currency} - no_money - metals_and_bonds == CODES
