"""What the Data Manager emulator refuses, with its codes."""

import base64
from collections.abc import Callable
from typing import Any

import pytest

from .client import DAY, NOW, Ads, Client, digest, rfc3339

E = "events.events[0]"
D = "destinations[0]"
IDENTIFIERS = f"{E}.user_data.user_identifiers"
HASH = digest("alexz@example.com")
ACCOUNT = {"accountType": "GOOGLE_ADS", "accountId": "1234567890"}


def emails(*values: str) -> dict[str, Any]:
    return {"userIdentifiers": [{"emailAddress": value} for value in values]}


EVENT_REFUSALS: list[tuple[str, dict[str, Any], str, str]] = [
    ("no_time", {"eventTimestamp": None}, f"{E}.event_timestamp", "REQUIRED_FIELD_MISSING"),
    ("no_zone", {"eventTimestamp": "2026-11-23T11:00:00"}, f"{E}.event_timestamp", "INVALID_FORMAT"),
    ("no_such_day", {"eventTimestamp": "2026-02-30T11:00:00Z"}, f"{E}.event_timestamp", "INVALID_FORMAT"),
    ("epoch_time", {"eventTimestamp": 1795435200}, f"{E}.event_timestamp", "INVALID_FORMAT"),
    ("future", {"eventTimestamp": rfc3339(NOW + DAY)}, f"{E}.event_timestamp", "EVENT_TIME_INVALID"),
    ("too_old", {"eventTimestamp": rfc3339(NOW - 91 * DAY)}, f"{E}.event_timestamp", "EVENT_TIME_INVALID"),
    ("no_source", {"eventSource": None}, f"{E}.event_source", "REQUIRED_FIELD_MISSING"),
    ("bad_source", {"eventSource": "WEBSITE"}, f"{E}.event_source", "INVALID_ENUM_VALUE"),
    ("list_source", {"eventSource": ["WEB"]}, f"{E}.event_source", "INVALID_ENUM_VALUE"),
    ("numeric_id", {"transactionId": "12345"}, f"{E}.transaction_id", "INVALID_FORMAT"),
    ("bad_currency", {"currency": "EURO"}, f"{E}.currency", "INVALID_CURRENCY_CODE"),
    ("no_currency_code", {"currency": "ZZZ"}, f"{E}.currency", "INVALID_CURRENCY_CODE"),
    ("no_identifier", {"adIdentifiers": None}, E, "NO_IDENTIFIERS_PROVIDED"),
    ("empty_identifier", {"adIdentifiers": {"gclid": ""}}, E, "NO_IDENTIFIERS_PROVIDED"),
    ("both_braids", {"adIdentifiers": {"gbraid": "a", "wbraid": "b"}}, f"{E}.ad_identifiers", "INVALID_EVENT"),
    ("consent", {"consent": {"adUserData": "GRANTED"}}, f"{E}.consent.ad_user_data", "INVALID_ENUM_VALUE"),
    ("plain_email", {"userData": emails("a@example.com")}, f"{IDENTIFIERS}[0].email_address", "INVALID_HEX_ENCODING"),
    ("md5", {"userData": emails("d" * 32)}, f"{IDENTIFIERS}[0].email_address", "INVALID_SHA256_FORMAT"),
    ("63_digits", {"userData": emails("a" * 63)}, f"{IDENTIFIERS}[0].email_address", "INVALID_HEX_ENCODING"),
    ("second_email", {"userData": emails(HASH, "x@y.nl")}, f"{IDENTIFIERS}[1].email_address", "INVALID_HEX_ENCODING"),
    (
        "plain_phone",
        {"userData": {"userIdentifiers": [{"phoneNumber": "+31612345678"}]}},
        f"{IDENTIFIERS}[0].phone_number",
        "INVALID_HEX_ENCODING",
    ),
    ("no_identifiers", {"userData": {"userIdentifiers": []}}, IDENTIFIERS, "REQUIRED_FIELD_MISSING"),
    ("empty_identifier_object", {"userData": {"userIdentifiers": [{}]}}, f"{IDENTIFIERS}[0]", "REQUIRED_FIELD_MISSING"),
    ("many_identifiers", {"userData": emails(*[HASH] * 11)}, IDENTIFIERS, "TOO_MANY_USER_IDENTIFIERS"),
    ("reference", {"destinationReferences": ["x"]}, f"{E}.destination_references[0]", "INVALID_DESTINATION"),
    (
        "customer",
        {"userProperties": {"customerType": "OLD"}},
        f"{E}.user_properties.customer_type",
        "INVALID_ENUM_VALUE",
    ),
    ("updated", {"lastUpdatedTimestamp": "yesterday"}, f"{E}.last_updated_timestamp", "INVALID_FORMAT"),
]


@pytest.mark.parametrize(
    ("changes", "field", "reason"), [case[1:] for case in EVENT_REFUSALS], ids=[c[0] for c in EVENT_REFUSALS]
)
def test_an_event_is_refused_with_its_path_and_reason(
    ads: Ads, changes: dict[str, Any], field: str, reason: str
) -> None:
    assert ads.violations(ads.ingest(ads.event(**changes))) == [(field, reason)]
    assert ads.client.last("google_ads")["accepted"] == []


ADDRESS = {"givenName": HASH, "familyName": HASH, "regionCode": "NL", "postalCode": "1011AA"}


@pytest.mark.parametrize(
    ("changes", "field", "reason"),
    [
        ({"regionCode": "nl"}, "region_code", "INVALID_COUNTRY_CODE"),
        ({"regionCode": "NLD"}, "region_code", "INVALID_COUNTRY_CODE"),
        ({"postalCode": ""}, "postal_code", "REQUIRED_FIELD_MISSING"),
        ({"givenName": "jan"}, "given_name", "INVALID_HEX_ENCODING"),
        ({"familyName": ""}, "family_name", "REQUIRED_FIELD_MISSING"),
    ],
)
def test_an_address_is_refused(ads: Ads, changes: dict[str, str], field: str, reason: str) -> None:
    event = ads.event(userData={"userIdentifiers": [{"address": {**ADDRESS, **changes}}]})
    assert ads.violations(ads.ingest(event)) == [(f"{IDENTIFIERS}[0].address.{field}", reason)]


REQUEST_REFUSALS: list[tuple[str, Callable[[Ads], dict[str, Any]], str, str]] = [
    ("no_events", lambda ads: {**ads.body(), "events": []}, "events", "TOO_FEW_ELEMENTS"),
    ("many_events", lambda ads: ads.body(*[ads.event()] * 2001), "events", "TOO_MANY_EVENTS"),
    ("no_destinations", lambda ads: ads.body(destinations=None), "destinations", "REQUIRED_FIELD_MISSING"),
    (
        "many_destinations",
        lambda ads: ads.body(destinations=[ads.destination()] * 11),
        "destinations",
        "TOO_MANY_DESTINATIONS",
    ),
    (
        "same_reference",
        lambda ads: ads.body(destinations=[ads.destination(reference="a")] * 2),
        "destinations",
        "DUPLICATE_DESTINATION_REFERENCE",
    ),
    (
        "no_account",
        lambda ads: ads.body(destinations=[ads.destination(operatingAccount=None)]),
        f"{D}.operating_account",
        "REQUIRED_FIELD_MISSING",
    ),
    (
        "no_account_type",
        lambda ads: ads.body(destinations=[ads.destination(operatingAccount={"accountId": "1"})]),
        f"{D}.operating_account.account_type",
        "REQUIRED_FIELD_MISSING",
    ),
    (
        "account_type",
        lambda ads: ads.body(destinations=[ads.destination(operatingAccount={**ACCOUNT, "accountType": "ADS"})]),
        f"{D}.operating_account.account_type",
        "INVALID_ENUM_VALUE",
    ),
    (
        "hyphens",
        lambda ads: ads.body(destinations=[ads.destination(loginAccount={**ACCOUNT, "accountId": "123-456-7890"})]),
        f"{D}.login_account.account_id",
        "INVALID_NUMBER_FORMAT",
    ),
    (
        "linked",
        lambda ads: ads.body(destinations=[ads.destination(linkedAccount=ACCOUNT)]),
        f"{D}.linked_account",
        "LINKED_ACCOUNT_ONLY_ALLOWED_WITH_DATA_PARTNER_LOGIN_ACCOUNT",
    ),
    (
        "no_action",
        lambda ads: ads.body(destinations=[ads.destination(productDestinationId=None)]),
        f"{D}.product_destination_id",
        "REQUIRED_FIELD_MISSING",
    ),
    (
        "resource_name",
        lambda ads: ads.body(destinations=[ads.destination(productDestinationId="customers/1/conversionActions/5")]),
        f"{D}.product_destination_id",
        "INVALID_CONVERSION_ACTION_ID",
    ),
    (
        "no_encoding",
        lambda ads: ads.body(ads.event(userData=emails(HASH)), encoding=None),
        "encoding",
        "REQUIRED_FIELD_MISSING",
    ),
    ("bad_encoding", lambda ads: ads.body(encoding="HEXADECIMAL"), "encoding", "INVALID_ENUM_VALUE"),
    (
        "request_consent",
        lambda ads: ads.body(consent={"adPersonalization": "YES"}),
        "consent.ad_personalization",
        "INVALID_ENUM_VALUE",
    ),
]


@pytest.mark.parametrize(
    ("make", "field", "reason"), [case[1:] for case in REQUEST_REFUSALS], ids=[c[0] for c in REQUEST_REFUSALS]
)
def test_a_request_is_refused_with_its_path_and_reason(
    ads: Ads, make: Callable[[Ads], dict[str, Any]], field: str, reason: str
) -> None:
    assert ads.violations(ads.send(make(ads))) == [(field, reason)]


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda ads: ads.body(eventz=[]), ""),
        (lambda ads: ads.body(ads.event(click_id="x")), "events[0]"),
        (lambda ads: ads.body(ads.event(adIdentifiers={"gclid": "x", "fbclid": "y"})), "events[0].ad_identifiers"),
        (lambda ads: ads.body(destinations=[{**ads.destination(), "customerId": "1"}]), "destinations[0]"),
        (lambda ads: ads.body(ads.event(conversionValue="twelve")), "events[0].conversion_value"),
        (lambda ads: ads.body(ads.event(conversionValue=True)), "events[0].conversion_value"),
        (lambda ads: ads.body(ads.event(transactionId=5)), "events[0].transaction_id"),
        (lambda ads: ads.body(ads.event(transaction_id="twice")), "events[0]"),
        (
            lambda ads: ads.body(destinations=[ads.destination(productDestinationId=555)]),
            "destinations[0].product_destination_id",
        ),
        (lambda ads: ads.body(validateOnly="yes"), "validate_only"),
        (
            lambda ads: ads.body(ads.event(userData={"userIdentifiers": 5})),
            "events[0].user_data.user_identifiers",
        ),
        (lambda ads: ads.body(ads.event(destinationReferences="a")), "events[0].destination_references"),
        (lambda ads: ads.body(ads.event(customVariables={})), "events[0].custom_variables"),
        (lambda ads: {**ads.body(), "events": {"a": 1}}, "events"),
        (
            lambda ads: ads.body(
                ads.event(userData={"userIdentifiers": [{"emailAddress": HASH, "phoneNumber": HASH}]})
            ),
            "events[0].user_data.user_identifiers[0]",
        ),
    ],
)
def test_what_does_not_fit_the_proto_is_refused_before_the_rules(
    ads: Ads, make: Callable[[Ads], dict[str, Any]], field: str
) -> None:
    reply = ads.send(make(ads))
    assert ads.violations(reply) == [(field, "")]
    assert reply.json["error"]["status"] == "INVALID_ARGUMENT"


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b'"text"'])
def test_a_body_that_is_no_json_object_is_refused(ads: Ads, body: bytes) -> None:
    reply = ads.send(body)
    assert (reply.status, reply.json["error"]["status"]) == (400, "INVALID_ARGUMENT")


def test_an_empty_body_lacks_everything(ads: Ads) -> None:
    assert ads.violations(ads.send(b"")) == [("destinations", "REQUIRED_FIELD_MISSING"), ("events", "TOO_FEW_ELEMENTS")]


def test_one_bad_event_refuses_all_and_every_bad_one_is_listed(ads: Ads) -> None:
    good = [ads.event(transactionId=f"lt_{n}") for n in range(5)]
    good[1]["currency"] = "XXX1"
    del good[3]["eventSource"]
    assert ads.violations(ads.ingest(*good)) == [
        ("events.events[1].currency", "INVALID_CURRENCY_CODE"),
        ("events.events[3].event_source", "REQUIRED_FIELD_MISSING"),
    ]
    assert ads.client.summary("google_ads")["accepted"] == 0


def test_the_error_body_has_googles_shape(ads: Ads) -> None:
    error = ads.ingest(ads.event(eventSource=None)).json["error"]
    kinds = [detail.pop("@type").removeprefix("type.googleapis.com/google.rpc.") for detail in error["details"]]
    request_id = error["details"][1]["requestId"]
    assert request_id.startswith("t-")
    assert kinds == ["ErrorInfo", "RequestInfo", "BadRequest"]
    assert error == {
        "code": 400,
        "message": "There was a problem with the request.",
        "status": "INVALID_ARGUMENT",
        "details": [
            {
                "reason": "INVALID_ARGUMENT",
                "domain": "datamanager.googleapis.com",
                "metadata": {"requestId": request_id},
            },
            {"requestId": request_id},
            {
                "fieldViolations": [
                    {
                        "field": "events.events[0].event_source",
                        "description": "Required field is missing.",
                        "reason": "REQUIRED_FIELD_MISSING",
                    }
                ]
            },
        ],
    }


def test_hashes_are_judged_by_the_declared_encoding(ads: Ads) -> None:
    in_base64 = base64.b64encode(bytes.fromhex(HASH)).decode()
    field = f"{IDENTIFIERS}[0].email_address"

    def violations(value: str) -> list[tuple[str, str]]:
        return ads.violations(ads.ingest(ads.event(userData=emails(value)), encoding="BASE64"))

    assert ads.ingest(ads.event(userData=emails(in_base64)), encoding="BASE64").status == 200
    assert violations("not base64!") == [(field, "INVALID_BASE64_ENCODING")]
    assert violations(HASH) == [(field, "INVALID_SHA256_FORMAT")]


@pytest.mark.parametrize(
    ("setting", "changes", "field", "reason"),
    [
        ({"both_braids": "accept"}, {"adIdentifiers": {"gbraid": "a", "wbraid": "b"}}, None, None),
        ({}, {"adIdentifiers": {"gclid": "a", "wbraid": "b"}}, None, None),
        (
            {"gclid_with_braid": "refuse"},
            {"adIdentifiers": {"gclid": "a", "wbraid": "b"}},
            f"{E}.ad_identifiers",
            "INVALID_EVENT",
        ),
        ({"max_age_days": 200}, {"eventTimestamp": rfc3339(NOW - 91 * DAY)}, None, None),
        ({"max_transaction_id": 4}, {"transactionId": "lt_12"}, f"{E}.transaction_id", "FIELD_VALUE_TOO_LONG"),
    ],
)
def test_what_is_not_documented_is_a_setting(
    ads: Ads, setting: dict[str, Any], changes: dict[str, Any], field: str | None, reason: str | None
) -> None:
    ads.client.set("google_ads", **setting)
    reply = ads.ingest(ads.event(**changes))
    assert reply.status == 200 if field is None else ads.violations(reply) == [(field, reason)]


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ("terms_not_signed", "DESTINATION_ACCOUNT_ENHANCED_CONVERSIONS_TERMS_NOT_SIGNED"),
        ("leads_not_enabled", "DESTINATION_ACCOUNT_NOT_ENABLED_ENHANCED_CONVERSIONS_FOR_LEADS"),
        ("policy_prohibits", "DESTINATION_ACCOUNT_DATA_POLICY_PROHIBITS_ENHANCED_CONVERSIONS"),
    ],
)
def test_user_data_needs_the_accounts_consent_and_clicks_do_not(ads: Ads, setting: str, reason: str) -> None:
    ads.client.set("google_ads", **{setting: [Ads.ACCOUNT]})
    mixed = [ads.event(), ads.event(transactionId="lt_2", userData=emails(HASH))]
    assert ads.violations(ads.ingest(*mixed)) == [(D, reason)]
    assert ads.ingest(mixed[0]).status == 200


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ("too_new_actions", "CONVERSION_ACTION_TOO_RECENTLY_CREATED"),
        ("wrong_type_actions", "INVALID_CONVERSION_ACTION_TYPE"),
    ],
)
def test_the_state_of_an_action_refuses(ads: Ads, setting: str, reason: str) -> None:
    ads.client.set("google_ads", **{setting: [Ads.ACTION]})
    assert ads.violations(ads.ingest()) == [(f"{D}.product_destination_id", reason)]


def test_google_analytics_events_have_their_own_rules(ads: Ads) -> None:
    property_ = {"accountType": "GOOGLE_ANALYTICS_PROPERTY", "accountId": "9"}
    target = ads.destination(operatingAccount=property_, productDestinationId="G-ABC")
    bare = ads.event(eventSource=None, adIdentifiers=None)
    assert ads.violations(ads.ingest(bare, destinations=[target, {**target, "reference": "b"}])) == [
        (E, "MULTIPLE_DESTINATIONS_FOR_GOOGLE_ANALYTICS_EVENT"),
        (f"{E}.event_name", "REQUIRED_FIELD_MISSING"),
        (f"{E}.client_id", "REQUIRED_FIELD_MISSING"),
    ]
    assert ads.ingest({**bare, "eventName": "qualify_lead", "clientId": "1.2"}, destinations=[target]).status == 200
    both = {**bare, "eventName": "x", "clientId": "1.2", "appInstanceId": "a"}
    assert ads.violations(ads.ingest(both, destinations=[target])) == [
        (E, "BOTH_CLIENT_ID_AND_APP_INSTANCE_ID_NOT_ALLOWED")
    ]


def error_of(ads: Ads, token: str) -> tuple[int, str, str]:
    ads.token = token
    reply = ads.ingest()
    error = reply.json["error"]
    return reply.status, error["status"], error["details"][0]["reason"]


def test_a_bad_token_is_refused(ads: Ads) -> None:
    assert error_of(ads, "ya29.unknown") == (401, "UNAUTHENTICATED", "ACCESS_TOKEN_EXPIRED")
    assert error_of(ads, "") == (401, "UNAUTHENTICATED", "CREDENTIALS_MISSING")
    assert ads.send(ads.body(), Authorization="Basic eDp5").status == 401


def test_the_account_and_the_project_must_be_open(ads: Ads) -> None:
    ads.client.set("google_ads", service_disabled=True)
    assert error_of(ads, "sandbox-a") == (403, "PERMISSION_DENIED", "SERVICE_DISABLED")
    ads.client.set("google_ads", service_disabled=False, no_access=["987"])
    manager = {"accountType": "GOOGLE_ADS", "accountId": "987"}
    refused = ads.ingest(destinations=[ads.destination(loginAccount=manager)])
    assert (refused.status, refused.json["error"]["details"][0]["reason"]) == (403, "PERMISSION_DENIED")
    ads.client.set("google_ads", unknown_actions=["*"])
    assert error_of(ads, "sandbox-a") == (404, "NOT_FOUND", "NOT_FOUND")


def test_more_requests_than_the_quota_are_refused(ads: Ads) -> None:
    ads.client.set("google_ads", requests_per_minute=2)
    assert [ads.ingest().status for _ in range(3)] == [200, 200, 429]
    ads.client.set("sandbox", clock_offset_s=60)
    assert ads.ingest().status == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/google_ads/v1/events:ingest"),
        ("POST", "/google_ads/v1/events"),
        ("POST", "/google_ads/v2/events:ingest"),
        ("GET", "/google_ads"),
    ],
)
def test_an_unknown_method_is_404_in_googles_shape(sandbox: Client, method: str, path: str) -> None:
    reply = sandbox.call(method, path, headers={"Authorization": "Bearer sandbox-a"})
    assert (reply.status, reply.json["error"]["status"]) == (404, "NOT_FOUND")
