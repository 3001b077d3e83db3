"""Whatever is sent, the platforms answer as platforms do: no crash, and nothing taken that was refused."""

import copy
import json
from typing import Any
from urllib.parse import urlencode

from hypothesis import given, settings
from hypothesis import strategies as st
from iso4217 import Currency

from leadtrackr.destinations.x.oauth1 import Keys, authorization
from leadtrackr.sandbox.contract import Call
from leadtrackr.sandbox.currencies import CODES
from leadtrackr.sandbox.ledger import Ledger
from leadtrackr.sandbox.registry import platforms
from leadtrackr.sandbox.world import World

from .client import NOW, SECOND, Ads, Capi, Client, LinkedInApi, Mp, OpenAiApi, RedditApi
from .test_microsoft import adjustment, conversion

NOWHERE = Client(0)
MICROSOFT = {"developertoken": "a", "customerid": "1", "customeraccountid": "2"}
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
        "microsoft",
        "/CampaignManagement/v13/OfflineConversions/Apply",
        {"OfflineConversions": [conversion(HashedEmailAddress="a" * 64, ExternalAttributionCredit=1)]},
    ),
    (
        "microsoft",
        "/CampaignManagement/v13/OfflineConversionAdjustments/Apply",
        {"OfflineConversionAdjustments": [adjustment()]},
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
        "google_ads_legacy",
        "/v25/customers/1234567890:uploadClickConversions",
        {
            "conversions": [
                {
                    "gclid": "a",
                    "conversionAction": "customers/1/conversionActions/2",
                    "conversionDateTime": "2026-11-23 11:00:00+00:00",
                    "conversionValue": 1,
                    "currencyCode": "EUR",
                    "orderId": "a",
                    "consent": {"adUserData": "GRANTED"},
                    "userIdentifiers": [{"hashedEmail": "a" * 64}],
                    "cartData": {"items": [{"quantity": 1}]},
                }
            ],
            "partialFailure": True,
            "jobId": "7",
        },
    ),
    (
        "google_ads_legacy",
        "/v25/customers/1234567890:uploadConversionAdjustments",
        {
            "conversionAdjustments": [
                {
                    "adjustmentType": "RESTATEMENT",
                    "conversionAction": "customers/1/conversionActions/2",
                    "adjustmentDateTime": "2026-11-23 11:00:00+00:00",
                    "orderId": "a",
                    "restatementValue": {"adjustedValue": 1, "currencyCode": "EUR"},
                }
            ],
            "partialFailure": True,
        },
    ),
    (
        "webhook",
        "/in",
        {"type": "a.b", "timestamp": "2026-11-23T12:00:00Z", "data": {"value": 1, "currency": "EUR"}},
    ),
    (
        "tiktok",
        "/open_api/v1.3/event/track/",
        {
            "event_source": "web",
            "event_source_id": "C4A1B2",
            "data": [
                {
                    "event": "Lead",
                    "event_time": NOW // SECOND,
                    "event_id": "lt_1",
                    "user": {"email": "a" * 64, "ttclid": "x", "ip": "::1"},
                    "lead": {"lead_id": "7301"},
                    "page": {"url": "https://example.com"},
                    "properties": {"value": 1, "currency": "EUR"},
                }
            ],
        },
    ),
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
CALLS.append(
    (
        "pinterest",
        "/v5/ad_accounts/549755885175/events",
        {
            "data": [
                {
                    "event_name": "lead",
                    "action_source": "web",
                    "event_time": NOW // SECOND,
                    "event_id": "lt_1",
                    "event_source_url": "https://example.com",
                    "user_data": {"em": ["a" * 64], "click_id": "x", "client_ip_address": "::1"},
                    "custom_data": {"value": "1", "currency": "EUR"},
                }
            ]
        },
    )
)
CALLS.append(
    (
        "snapchat",
        "/v3/1ec32188/events",
        {
            "data": [
                {
                    "event_name": "PURCHASE",
                    "action_source": "WEB",
                    "event_time": NOW // SECOND,
                    "event_id": "lt_1",
                    "event_source_url": "https://example.com",
                    "user_data": {"em": ["a" * 64], "sc_click_id": "x", "sc_cookie1": "x", "client_ip_address": "::1"},
                    "custom_data": {"value": "1", "currency": "EUR"},
                }
            ]
        },
    )
)
CALLS.append(
    (
        "x",
        "/12/measurement/conversions/o8z6j",
        {
            "conversions": [
                {
                    "conversion_time": "2026-11-23T11:00:00Z",
                    "conversion_timestamp": NOW // 1000,
                    "event_id": "tw-o8z6j-o87ne",
                    "identifiers": [{"twclid": "x"}, {"hashed_email": "a" * 64}, {"ip_address": "::1"}],
                    "conversion_id": "lt_1",
                    "value": "1",
                    "price_currency": "EUR",
                }
            ]
        },
    )
)
HEADERS = {
    "authorization": "Bearer sandbox-a",
    "access-token": "a",
    "content-type": "application/json",
    "webhook-id": "lt_1",
    "webhook-timestamp": str(NOW // SECOND),
    "webhook-signature": f"v1,{'A' * 43}=",
}
QUERY = {"measurement_id": "G-1", "api_secret": "x", "access_token": "x", "pid": "px1"}
SAYS_NO_WITH_200 = {"tiktok"}
"""Platforms whose refusals come with HTTP 200."""


def headers(slug: str, path: str) -> dict[str, str]:
    """Headers that every platform accepts; a signature says nothing of a JSON body."""
    url = f"https://ads-api.x.com{path}?{urlencode(QUERY)}"
    keys = Keys("k", "secret-of-k", "t", "secret-of-t")
    signed = {"authorization": authorization("POST", url, keys, NOW // SECOND, "nonce")} if slug == "x" else {}
    return {**LinkedInApi.HEADERS, **HEADERS, **MICROSOFT, **signed}


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
    answer = played.answer(Call("POST", path, QUERY, headers(slug, path), json.dumps(changed).encode(), NOW))
    assert answer.status in (200, 204, 400, 403, 422)
    assert answer.status < 400 or not answer.accepted


@given(
    slug=st.sampled_from(sorted({slug for slug, _, _ in CALLS})),
    body=st.binary(max_size=50),
)
def test_any_bytes_get_a_proper_answer(slug: str, body: bytes) -> None:
    path = next(path for name, path, _ in CALLS if name == slug)
    played = platforms(World(lambda: NOW, Ledger()))[slug]
    answer = played.answer(Call("POST", path, QUERY, headers(slug, path), body, NOW))
    assert answer.status in ((200,) if slug in SAYS_NO_WITH_200 else (204, 400))
    assert not answer.accepted


def test_the_currencies_are_those_of_iso_4217() -> None:
    """Funds, metals, test codes and the Swiss and Uruguayan units of account are no currencies of a price."""
    no_money = {"BOV", "CHE", "CHW", "CLF", "COU", "MXV", "USN", "UYI", "UYW", "XSU", "XUA", "XDR", "XTS", "XXX"}
    metals_and_bonds = {"XAD", "XAG", "XAU", "XPD", "XPT", "XBA", "XBB", "XBC", "XBD"}
    assert {currency.code for currency in Currency} - no_money - metals_and_bonds == CODES
