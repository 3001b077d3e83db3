"""LinkedIn: exact bytes, every answer of the table, and the way to the emulator over HTTP."""

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadtrackr.conversions.again import Fate, Group
from leadtrackr.destinations.contract import HTTP_CODES, Kind, LeadData, PerEvent, Refused, Scope, Whole, Window
from leadtrackr.destinations.linkedin import LINKEDIN
from leadtrackr.destinations.linkedin.codes import CODES
from leadtrackr.destinations.linkedin.declared import VERSION, VERSIONS
from tests.destinations.at_sandbox import flags, is_taken, sandbox_at, send
from tests.destinations.making import DAY, NOON, SETTINGS, answer, body_of, event, lead, outcomes, sha
from tests.sandbox.client import Client

FAT_ID = "1e0a7c3f-9B2d-4d11-8f6a-0c5d1b7e2a90"
MINUTE = 60_000_000


def sent(one: Any = None, **changes: str) -> dict[str, Any]:
    """The one event of a request."""
    found: dict[str, Any] = body_of(LINKEDIN, one or event(slug="linkedin"), **changes)["elements"][0]
    return found


def of(someone: LeadData, **changes: str) -> dict[str, Any]:
    """The user of a lead's event."""
    found: dict[str, Any] = sent(event(someone, "linkedin"), **changes)["user"]
    return found


def test_the_whole_request() -> None:
    request = LINKEDIN.build([event(slug="linkedin")], SETTINGS["linkedin"], None)
    item = (
        '{"conversion":"urn:lla:llaPartnerConversion:104012","conversionHappenedAt":1795262400123,"user":{"userIds":['
        f'{{"idType":"SHA256_EMAIL","idValue":"{sha("erika.mustermann@example.de")}"}},'
        f'{{"idType":"LINKEDIN_FIRST_PARTY_ADS_TRACKING_UUID","idValue":"{FAT_ID}"}},'
        f'{{"idType":"SHA256_IP_ADDRESS","idValue":"{sha("203.0.113.7")}"}}],"userInfo":{{'
        f'"hashedFirstName":"{sha("erika")}","hashedLastName":"{sha("mustermann")}",'
        '"companyName":"Muster GmbH","countryCode":"DE"}},"eventId":"lt-abcdefghijklmnopqrstuvwxyz",'
        '"conversionValue":{"currencyCode":"EUR","amount":"50.00"}}'
    )
    assert request.items == (item.encode(),)
    assert request.body == f'{{"elements":[{item}]}}'.encode()
    assert (request.service, request.method) == ("linkedin", "POST")
    assert request.url == "https://api.linkedin.com/rest/conversionEvents"
    assert request.headers == {
        "content-type": "application/json",
        "authorization": "Bearer hush-linkedin",
        "linkedin-version": "202609",
        "x-restli-protocol-version": "2.0.0",
        "x-restli-method": "BATCH_CREATE",
    }


@pytest.mark.parametrize("version", ["202601", "202608"])
def test_names_leave_plain_until_202608(version: str) -> None:
    request = LINKEDIN.build([event(slug="linkedin")], {**SETTINGS["linkedin"], "api_version": version}, None)
    assert request.headers["linkedin-version"] == version
    assert json.loads(request.items[0])["user"]["userInfo"] == {
        "firstName": "Erika",
        "lastName": "Mustermann",
        "companyName": "Muster GmbH",
        "countryCode": "DE",
    }


@pytest.mark.parametrize("version", ["202609", "202610", "202701"])
def test_names_leave_as_digests_from_202609_on(version: str) -> None:
    found = of(lead(first_name=" Jean-Luc ", last_name="O'Neill de Vries"), api_version=version)["userInfo"]
    assert (found["hashedFirstName"], found["hashedLastName"]) == (sha("jeanluc"), sha("oneilldevries"))
    assert not {"firstName", "lastName"} & set(found)


@pytest.mark.parametrize(
    "changes", [{"first_name": None}, {"last_name": ""}, {"first_name": "-"}, {"last_name": " . "}]
)
@pytest.mark.parametrize("version", ["202608", "202609"])
def test_nothing_of_the_person_without_both_names(changes: dict[str, Any], version: str) -> None:
    assert "userInfo" not in of(lead(**changes), api_version=version)


def test_user_ids_are_there_even_when_empty() -> None:
    someone = LeadData(lead_id=1, created_at=NOON, first_name="Erika", last_name="Mustermann")
    assert of(someone)["userIds"] == []
    assert LINKEDIN.missing(someone, {}) == ()


@pytest.mark.parametrize(
    ("address", "leaves"),
    [
        ("203.0.113.7", True),
        ("8.8.8.8", True),
        ("2001:db8::1", False),
        ("999.1.1.1", False),
        ("", False),
        (None, False),
    ],
)
def test_only_ipv4_addresses_and_only_as_digests(address: str | None, leaves: bool) -> None:
    kinds = {one["idType"]: one["idValue"] for one in of(lead(ip_address=address))["userIds"]}
    assert kinds.get("SHA256_IP_ADDRESS") == (sha(address) if leaves and address else None)
    assert "PLAINTEXT_IP_ADDRESS" not in kinds


def test_li_fat_id_is_byte_exact_and_phones_stay_here() -> None:
    someone = lead(email=None, ip_address=None, ids={"li_fat_id": " aB%20_é "}, first_name=None)
    assert of(someone) == {"userIds": [{"idType": "LINKEDIN_FIRST_PARTY_ADS_TRACKING_UUID", "idValue": " aB%20_é "}]}


def test_the_email_loses_all_white_space() -> None:
    assert of(lead(email="test @example.com"))["userIds"][0]["idValue"] == (
        "973dfe463ec85785f5f95af5ba3906eedb2d931c24e69824a89ea65dba4e813b"
    )
    dotted = of(lead(email="john.smith+ads@gmail.com"))["userIds"][0]["idValue"]
    assert dotted == "05e05255b3e0de727bc07f9f3d06fb0a568406b6dd3aa352ed4ed72e887ee022"


@pytest.mark.parametrize(
    ("cents", "currency", "amount"),
    [(5000, "EUR", "50.00"), (5000, "JPY", "5000"), (5001, "KWD", "5.001"), (0, "EUR", "0.00")],
)
def test_the_amount_is_a_text(cents: int, currency: str, amount: str) -> None:
    found = sent(event(slug="linkedin", value_cents=cents, currency=currency))
    assert found["conversionValue"] == {"currencyCode": currency, "amount": amount}


@pytest.mark.parametrize(("cents", "currency"), [(None, "EUR"), (5000, None)])
def test_value_and_currency_only_together(cents: int | None, currency: str | None) -> None:
    assert "conversionValue" not in sent(event(slug="linkedin", value_cents=cents, currency=currency))


def test_the_time_is_never_before_the_lead() -> None:
    assert sent(event(slug="linkedin", happened_at=NOON - DAY))["conversionHappenedAt"] == NOON // 1000
    found = LINKEDIN.window(event(slug="linkedin", happened_at=NOON + DAY + 999), {})
    assert found == Window(NOON, NOON + 91 * DAY - MINUTE)


def test_versions_and_their_ends() -> None:
    assert (LINKEDIN.api_version, LINKEDIN.api_version_ends) == (VERSION, date(2027, 9, 15))
    assert list(VERSIONS) == sorted(VERSIONS, reverse=True)
    (field,) = [field for field in LINKEDIN.fields if field.name == "api_version"]
    assert field.default == VERSION
    assert "202601 on 2027-01-15" in field.help


NOBODY: list[dict[str, Any]] = [
    {},
    {"phone": "+493012345678"},
    {"ip_address": "203.0.113.7", "user_agent": "Mozilla"},
    {"first_name": "Erika"},
    {"first_name": "Erika", "last_name": "-"},
    {"ids": {"gclid": "x", "fbc": "fb.1.1.x"}},
]


@pytest.mark.parametrize("known", NOBODY)
def test_leads_that_linkedin_cannot_find(known: dict[str, Any]) -> None:
    (warning,) = LINKEDIN.missing(LeadData(lead_id=1, created_at=NOON, **known), {})
    assert warning.field == "user_data"
    assert "no phone numbers" in warning.reason


def said(status: int, message: str = "", **more: Any) -> Any:
    """An answer in LinkedIn's form."""
    return answer(status, {"message": message, "status": status, **more})


def test_each_status_of_a_batch_is_read_by_itself() -> None:
    statuses = [201, 200, 422, 400, 401, 403, 429, 500, 409]
    elements = [{"status": status, "error": {"message": f"no {status}"}} for status in statuses]
    verdict = LINKEDIN.read(answer(200, {"elements": elements}, {"x-li-uuid": "AAB"}), len(statuses))
    assert isinstance(verdict, PerEvent)
    assert [outcome.code for outcome in verdict.outcomes] == [
        *("ok", "ok", "422", "400", "401", "403", "rate_limited", "server_error", "element_failed")
    ]
    assert verdict.outcomes[0].reference == "AAB"
    assert verdict.outcomes[2].detail == "422 no 422"


@pytest.mark.parametrize("body", [b"", b"{}", b'{"elements":[]}', b'{"elements":[{}]}', b"[]", b'{"elements":[1]}'])
def test_a_success_that_does_not_say_which_is_unknown(body: bytes) -> None:
    verdict = LINKEDIN.read(answer(200, body), 2)
    assert isinstance(verdict, Whole)
    assert (verdict.outcome.kind, verdict.outcome.code) == ("unknown", "unreadable")


def test_too_few_or_too_many_statuses_are_pinned_on_nobody() -> None:
    for count in (1, 3):
        assert isinstance(LINKEDIN.read(answer(200, {"elements": [{"status": 201}] * count}), 2), Whole)


def test_created_alone_is_a_success_for_one_event_only() -> None:
    assert outcomes(LINKEDIN.read(answer(201), 1))[0].code == "ok"
    assert outcomes(LINKEDIN.read(answer(201), 2))[0].kind == Kind.UNKNOWN


def test_a_422_names_the_events_with_their_own_lines() -> None:
    message = (
        'Index: 1, ERROR :: /user/userIds/0/idType :: "Erika" is not an enum symbol\n'
        "ERROR :: /eventId :: 5 cannot be coerced to String\nIndex: 12, ERROR :: /user :: field is required"
    )
    verdict = LINKEDIN.read(said(422, message), 20)
    assert isinstance(verdict, Refused)
    assert {index: outcome.code for index, outcome in verdict.named.items()} == {1: "422", 12: "422"}
    first = "ERROR :: /user/userIds/0/idType :: “…” is not an enum symbol"
    assert verdict.named[1].detail == f"{first} ERROR :: /eventId :: 5 cannot be coerced to String"
    assert verdict.named[12].detail == "ERROR :: /user :: field is required"
    assert verdict.outcome.kind == Kind.REJECTED


@pytest.mark.parametrize("message", ["ERROR :: /eventId :: 5 cannot be coerced to String", "", "Index: x, no"])
def test_a_422_without_an_index_names_nobody(message: str) -> None:
    verdict = LINKEDIN.read(said(422, message), 3)
    assert isinstance(verdict, Refused)
    assert (verdict.named, verdict.outcome.code) == ({}, "422")


WORDS = [
    ("Conversion time should be within 90 days and not exceed current time, indices [0] (0-indexed).", "too_old", [0]),
    ("Conversion's method should be CONVERSIONS_API, indices [0, 3] (0-indexed).", "rule_not_capi", [0, 3]),
    ("Conversion is marked as deleted. Conversion enabled should be true, indices [2].", "rule_deleted", [2]),
    ("Something new, indices [1,2].", "400", [1, 2]),
    ("Something new.", "400", []),
]


@pytest.mark.parametrize(("message", "code", "places"), WORDS)
def test_a_400_names_the_events_by_their_indices(message: str, code: str, places: list[int]) -> None:
    verdict = LINKEDIN.read(said(400, message), 5)
    assert isinstance(verdict, Refused)
    assert (verdict.outcome.code, verdict.outcome.kind) == (code, "rejected")
    assert sorted(verdict.named) == places
    assert all(outcome.code == code for outcome in verdict.named.values())


HELD = [
    (said(401, "Invalid", serviceErrorCode=65600, code="INVALID_ACCESS_TOKEN"), "65600", "credentials"),
    (said(401, "Revoked", serviceErrorCode=65601, code="REVOKED_ACCESS_TOKEN"), "65601", "credentials"),
    (said(401, "Revoked", code="REVOKED_ACCESS_TOKEN"), "65601", "credentials"),
    (said(401, "Ended", serviceErrorCode=65602, code="EXPIRED_ACCESS_TOKEN"), "EXPIRED_ACCESS_TOKEN", "credentials"),
    (said(401, "New", serviceErrorCode=65999, code="NEW"), "401", "credentials"),
    (answer(401), "401", "credentials"),
    (said(403, "No ad accounts found"), "no_ad_accounts", "configuration"),
    (said(403, "Not enough permissions", code="ACCESS_DENIED", serviceErrorCode=100), "403", "configuration"),
    (answer(403), "403", "configuration"),
    (said(426, "Gone", code="NONEXISTENT_VERSION"), "NONEXISTENT_VERSION", "configuration"),
    (answer(426, b"<html>"), "NONEXISTENT_VERSION", "configuration"),
    (said(400, "A version must be present", code="VERSION_MISSING"), "VERSION_MISSING", "configuration"),
]


@pytest.mark.parametrize(("response", "code", "hold"), HELD)
def test_what_holds_the_connection(response: Any, code: str, hold: str) -> None:
    verdict = LINKEDIN.read(response, 3)
    assert isinstance(verdict, Whole)
    found = verdict.outcome
    assert (found.code, found.kind, found.hold, found.scope) == (code, Kind.HOLD, hold, Scope.DESTINATION)


@pytest.mark.parametrize(
    ("status", "code"),
    [(408, "server_error"), (423, "423"), (429, "rate_limited"), (500, "server_error"), (503, "server_error")],
)
def test_what_is_tried_again(status: int, code: str) -> None:
    for response in (said(status, "later"), answer(status, b"<html>")):
        verdict = LINKEDIN.read(response, 3)
        assert isinstance(verdict, Whole)
        assert (verdict.outcome.code, verdict.outcome.kind) == (code, Kind.RETRY)


@pytest.mark.parametrize(("status", "body"), [(404, b""), (405, b"{}"), (302, b""), (400, b"")])
def test_what_nobody_documents(status: int, body: bytes) -> None:
    found = outcomes(LINKEDIN.read(answer(status, body), 3))[0]
    assert found.code == ("unexpected" if status >= 400 else "unreadable")


def test_every_row_of_the_table_is_reached() -> None:
    reached = {code for _, code, _ in WORDS} | {code for _, code, _ in HELD}
    by_status = {"422", "423", "check_ok", "element_failed"}
    assert set(CODES) - set(HTTP_CODES) - reached == by_status - reached


@pytest.mark.parametrize("code", ["timeout", "unreadable"])
def test_a_repeat_is_called_uncertain(code: str) -> None:
    assert "Uncertain: LinkedIn does not say whether it counts an event id once" in CODES[code].next_step
    assert not LINKEDIN.counts_once
    assert "may count twice" in Group(fate=Fate.REPEAT, destination="linkedin", ids=(1,)).sentence


@given(
    st.sampled_from([200, 201, 400, 401, 403, 422, 426, 429, 500]),
    st.fixed_dictionaries(
        {},
        optional={
            "message": st.none()
            | st.text(max_size=9)
            | st.sampled_from(["indices [9]", "Index: 99, x", "indices [ ,]"]),
            "status": st.integers() | st.none(),
            "code": st.none() | st.text(max_size=4),
            "serviceErrorCode": st.none() | st.integers(),
            "elements": st.none() | st.lists(st.fixed_dictionaries({"status": st.integers()}), max_size=4),
        },
    ),
)
def test_any_body_is_read(status: int, body: dict[str, object]) -> None:
    for outcome in outcomes(LINKEDIN.read(answer(status, body), 3)):
        assert outcome.code in CODES
        assert (outcome.hold is not None) == (outcome.kind is Kind.HOLD)


def test_the_check_lists_the_rules() -> None:
    request = LINKEDIN.check(SETTINGS["linkedin"], None)
    assert request.url == (
        "https://api.linkedin.com/rest/conversions?q=account&account=urn%3Ali%3AsponsoredAccount%3A512345678"
    )
    assert (request.method, request.body, request.service) == ("GET", b"", "linkedin")
    assert request.headers == {
        "authorization": "Bearer hush-linkedin",
        "linkedin-version": "202609",
        "x-restli-protocol-version": "2.0.0",
    }
    assert LINKEDIN.read_check(answer(200, {"elements": []})).code == "check_ok"
    assert LINKEDIN.read_check(answer(200, b"{}")).code == "unreadable"
    assert LINKEDIN.read_check(said(401, "x")).hold == "credentials"
    assert LINKEDIN.read_check(said(403, "Not enough permissions")).hold == "configuration"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Client]:
    """One sandbox for this file, two days after the lead."""
    with sandbox_at(lambda: NOON + 2 * DAY) as client:
        yield client


@pytest.mark.parametrize("version", ["202601", "202609"])
def test_a_lead_with_everything_is_taken_without_a_flag(sandbox: Client, version: str) -> None:
    assert is_taken(sandbox, LINKEDIN, lead(), api_version=version)
    assert flags(sandbox, "linkedin") == []
    (row,) = sandbox.last("linkedin")["accepted"]
    assert (row["value"], row["currency"], row["event_at"]) == (50.0, "EUR", NOON + DAY + 123_000)
    assert LINKEDIN.read_check(send(sandbox, LINKEDIN.check(SETTINGS["linkedin"], None))).code == "check_ok"


some_leads = st.builds(
    LeadData,
    lead_id=st.just(1),
    created_at=st.just(NOON),
    email=st.none() | st.sampled_from(["a@example.com", "ü@example.de"]),
    phone=st.none() | st.just("+493012345678"),
    first_name=st.none() | st.sampled_from(["Erika", "-", " ", "정"]),
    last_name=st.none() | st.sampled_from(["Mustermann", "O'Neill", ".", ""]),
    company_name=st.none() | st.text(max_size=5),
    country=st.none() | st.just("DE"),
    ids=st.dictionaries(st.sampled_from(["li_fat_id", "gclid"]), st.text(max_size=9)),
    ip_address=st.none() | st.sampled_from(["203.0.113.7", "2001:db8::1", "x"]),
)


@settings(max_examples=150, deadline=None)
@given(someone=some_leads, version=st.sampled_from(["202608", "202609"]))
def test_what_is_not_missing_is_taken_and_the_rest_is_not(sandbox: Client, someone: LeadData, version: str) -> None:
    lacking = LINKEDIN.missing(someone, {**SETTINGS["linkedin"], "api_version": version})
    assert is_taken(sandbox, LINKEDIN, someone, api_version=version) == (not lacking)


def test_what_the_emulator_names_is_what_is_at_fault(sandbox: Client) -> None:
    """One event too old and one of nobody, in one batch: each is named in its turn and the others stay."""
    nobody = LeadData(lead_id=1, created_at=NOON)
    old = lead(created_at=NOON - 200 * DAY)
    events = [event(slug="linkedin", event_id=f"lt-{n}") for n in range(5)]
    events[1] = event(nobody, "linkedin", event_id="lt-1")
    events[3] = event(old, "linkedin", event_id="lt-3", happened_at=NOON - 100 * DAY)
    found: list[list[int]] = []
    while True:
        verdict = LINKEDIN.read(send(sandbox, LINKEDIN.build(events, SETTINGS["linkedin"], None)), len(events))
        if not isinstance(verdict, Refused):
            break
        found.append(sorted(verdict.named))
        events = [one for place, one in enumerate(events) if place not in verdict.named]
    assert found == [[3], [1]]
    assert isinstance(verdict, PerEvent)
    assert [outcome.code for outcome in verdict.outcomes] == ["ok"] * 3


@pytest.mark.parametrize(
    ("knobs", "code"),
    [
        ({"bad_tokens": ["hush-linkedin"]}, "65600"),
        ({"revoked_tokens": ["hush-linkedin"]}, "65601"),
        ({"unknown_rules": ["104012"]}, "no_ad_accounts"),
        ({"wrong_method_rules": ["104012"]}, "rule_not_capi"),
        ({"deleted_rules": ["104012"]}, "rule_deleted"),
        ({"retired_versions": ["202609"]}, "NONEXISTENT_VERSION"),
        ({"element_statuses": {"lt-abcdefghijklmnopqrstuvwxyz": 422}}, "422"),
    ],
)
def test_the_emulators_refusals_are_understood(sandbox: Client, knobs: dict[str, Any], code: str) -> None:
    sandbox.set("linkedin", **knobs)
    try:
        request = LINKEDIN.build([event(slug="linkedin")], SETTINGS["linkedin"], None)
        assert outcomes(LINKEDIN.read(send(sandbox, request), 1))[0].code == code
    finally:
        sandbox.call("DELETE", "/_sandbox/settings")
