"""Google Ads legacy upload: exact bytes, answers row by row, each row of the table, the emulator over HTTP."""

import itertools
import json
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from leadtrackr.destinations.contract import (
    HTTP_CODES,
    Event,
    Kind,
    LeadData,
    Outcome,
    PerEvent,
    Refused,
    Request,
    Response,
    Token,
    Verdict,
    Whole,
    Window,
)
from leadtrackr.destinations.google_ads.oauth import OAUTH_CODES
from leadtrackr.destinations.google_ads_legacy import GOOGLE_ADS_LEGACY as LEGACY
from leadtrackr.destinations.google_ads_legacy.codes import CODES, known
from leadtrackr.destinations.registry import retraction
from tests.destinations.making import DAY, HOUR, NOON, SETTINGS, answer, body_of, event, lead, outcomes, sha
from tests.destinations.test_compliance import leads
from tests.sandbox.client import NOW, SECOND, Client, Clock, Server

SLUG = "google_ads_legacy"
CONNECTION = SETTINGS[SLUG]
TOKEN = "sandbox-any"
HOST = "https://googleads.googleapis.com"
ACTION = "customers/1234567890/conversionActions/987654321"
assert LEGACY.take_back is not None
assert LEGACY.take_back.build is not None
assert LEGACY.validation is not None
adjust, VALIDATION = LEGACY.take_back.build, LEGACY.validation


def sent(one: Event | None = None, **settings: str) -> dict[str, Any]:
    """The one row of a request."""
    found: dict[str, Any] = body_of(LEGACY, one or event(slug=SLUG), **settings)["conversions"][0]
    return found


def test_the_whole_request() -> None:
    request = LEGACY.build([event(slug=SLUG)], CONNECTION, "tok")
    item = (
        f'{{"conversionAction":"{ACTION}","conversionDateTime":"2026-11-21 12:00:00+00:00",'
        '"orderId":"lt-abcdefghijklmnopqrstuvwxyz","gclid":"Cj0KCQ_AbC-123","conversionValue":50.00,'
        '"currencyCode":"EUR","userIdentifiers":['
        f'{{"hashedEmail":"{sha("erika.mustermann@example.de")}","userIdentifierSource":"FIRST_PARTY"}},'
        f'{{"hashedPhoneNumber":"{sha("+493012345678")}","userIdentifierSource":"FIRST_PARTY"}}],'
        '"consent":{"adUserData":"GRANTED"}}'
    )
    assert request.items == (item.encode(),)
    assert request.body == f'{{"conversions":[{item}],"partialFailure":true}}'.encode()
    assert request.url == f"{HOST}/v25/customers/1234567890:uploadClickConversions"
    assert (request.service, request.method) == (SLUG, "POST")
    assert request.headers == {
        "content-type": "application/json",
        "authorization": "Bearer tok",
        "login-customer-id": "9876543210",
    }


def test_without_a_manager_none_is_named_and_the_version_can_be_another() -> None:
    own = {name: value for name, value in CONNECTION.items() if name != "login_customer"}
    request = LEGACY.build([event(slug=SLUG)], {**own, "api_version": "v26"}, "tok")
    assert set(request.headers) == {"content-type", "authorization"}
    assert request.url == f"{HOST}/v26/customers/1234567890:uploadClickConversions"


@pytest.mark.parametrize(
    "given_ids", [ids for n in range(4) for ids in itertools.combinations(("gclid", "gbraid", "wbraid"), n)]
)
def test_exactly_one_click_id_and_byte_exact(given_ids: tuple[str, ...]) -> None:
    values = {"gclid": "Cj0 Ab_-%c", "gbraid": "0AAAB.x", "wbraid": "CjwK/=="}
    found = sent(event(lead(ids={name: values[name] for name in given_ids}), SLUG))
    chosen = {name: found[name] for name in values if name in found}
    assert chosen == ({given_ids[0]: values[given_ids[0]]} if given_ids else {})
    assert ("userIdentifiers" in found) == (not given_ids or given_ids[0] == "gclid")


def test_hashed_data_only_when_the_account_takes_it() -> None:
    assert "userIdentifiers" not in sent(user_data="no")
    nobody = lead(email=None, phone=None)
    assert "userIdentifiers" not in sent(event(nobody, SLUG))
    by_mail = event(lead(phone=None, ids={}), SLUG)
    assert sent(by_mail)["userIdentifiers"] == [
        {"hashedEmail": sha("erika.mustermann@example.de"), "userIdentifierSource": "FIRST_PARTY"}
    ]
    assert LEGACY.missing(by_mail.lead, {"user_data": "yes"}) == ()
    assert LEGACY.missing(by_mail.lead, {"user_data": "no"})[0].field == "gclid"


@pytest.mark.parametrize(
    ("consent", "wire"),
    [
        ({"ad_user_data": "granted", "ad_personalization": "granted"}, {"adUserData": "GRANTED"}),
        ({"ad_user_data": "denied"}, {"adUserData": "DENIED"}),
        ({"ad_personalization": "denied"}, None),
        ({}, None),
    ],
)
def test_consent_to_user_data_alone(consent: dict[str, str], wire: dict[str, str] | None) -> None:
    assert sent(event(lead(consent=consent), SLUG)).get("consent") == wire


@pytest.mark.parametrize(
    ("cents", "currency", "text"),
    [(5000, "EUR", b'"conversionValue":50.00,'), (5000, "JPY", b'Value":5000,'), (5000, "KWD", b'Value":5.000,')],
)
def test_money(cents: int, currency: str, text: bytes) -> None:
    assert text in LEGACY.build([event(slug=SLUG, value_cents=cents, currency=currency)], CONNECTION, "tok").body


def test_time_is_never_before_the_lead_and_has_its_offset() -> None:
    assert sent(event(slug=SLUG, happened_at=NOON - DAY))["conversionDateTime"] == "2026-11-20 12:00:00+00:00"


def test_windows() -> None:
    clicked, hashed = event(slug=SLUG), event(lead(ids={}), SLUG)
    assert LEGACY.window(clicked, CONNECTION) == Window(NOON + 6 * HOUR, NOON + 90 * DAY)
    assert LEGACY.window(hashed, {**CONNECTION, "click_age_hours": "0"}) == Window(NOON, NOON + 63 * DAY)


def test_a_new_value_is_a_restatement_of_the_order_id() -> None:
    one = event(slug=SLUG, value_cents=9950, currency="USD", changed_at=NOON + 3 * DAY)
    request = adjust([one], CONNECTION, "tok")
    assert request.url == f"{HOST}/v25/customers/1234567890:uploadConversionAdjustments"
    item = (
        f'{{"adjustmentType":"RESTATEMENT","conversionAction":"{ACTION}",'
        '"adjustmentDateTime":"2026-11-23 12:00:00+00:00","orderId":"lt-abcdefghijklmnopqrstuvwxyz",'
        '"restatementValue":{"adjustedValue":99.50,"currencyCode":"USD"}}'
    )
    assert request.body == f'{{"conversionAdjustments":[{item}],"partialFailure":true}}'.encode()
    assert request.items == (item.encode(),)


@pytest.mark.parametrize("changed_at", [None, NOON - DAY])
def test_a_new_value_is_of_a_time_after_the_conversion(changed_at: int | None) -> None:
    found = json.loads(adjust([event(slug=SLUG, changed_at=changed_at)], CONNECTION, "tok").body)
    assert found["conversionAdjustments"][0]["adjustmentDateTime"] == "2026-11-21 12:00:01+00:00"


def test_a_lost_conversion_is_retracted_by_its_order_id() -> None:
    lost = retraction(LEGACY, event(slug=SLUG, value_cents=None, currency=None, changed_at=NOON + 3 * DAY), CONNECTION)
    assert lost is not None
    request = adjust([lost], CONNECTION, "tok")
    item = (
        f'{{"adjustmentType":"RETRACTION","conversionAction":"{ACTION}",'
        '"adjustmentDateTime":"2026-11-23 12:00:00+00:00","orderId":"lt-abcdefghijklmnopqrstuvwxyz"}'
    )
    assert request.items == (item.encode(),)


@pytest.mark.parametrize(("cents", "currency"), [(None, "EUR"), (100, None)])
def test_a_restatement_needs_a_value_and_a_currency(cents: int | None, currency: str | None) -> None:
    with pytest.raises(ValueError, match="value with a currency"):
        adjust([event(slug=SLUG, value_cents=cents, currency=currency)], CONNECTION, "tok")


def test_tokens_are_asked_for_with_the_scope_of_google_ads() -> None:
    assert LEGACY.auth is not None
    scope = "https://www.googleapis.com/auth/adwords"
    granted = {"access_token": "a", "expires_in": 3599, "scope": scope}
    assert LEGACY.auth.read(answer(200, granted)) == Token("a", 3599)
    other = LEGACY.auth.read(answer(200, {**granted, "scope": "https://www.googleapis.com/auth/datamanager"}))
    assert isinstance(other, Outcome)
    assert (other.code, other.hold) == ("scope_missing", "credentials")
    assert scope in CODES["scope_missing"].next_step


KINDS = {
    "conversionUploadError": """
        TOO_MANY_CONVERSIONS_IN_REQUEST UNPARSEABLE_GCLID UNPARSEABLE_GBRAID UNPARSEABLE_WBRAID UNAUTHORIZED_CUSTOMER
        INVALID_CUSTOMER_FOR_CLICK CONVERSION_TRACKING_NOT_ENABLED_AT_IMPRESSION_TIME EXTERNAL_ATTRIBUTION_DATA_SET
        ORDER_ID_NOT_PERMITTED_FOR_EXTERNALLY_ATTRIBUTED_CONVERSION_ACTION CUSTOM_VARIABLE_NOT_ENABLED
        CONVERSION_NOT_COMPLIANT_WITH_ATT_POLICY INVALID_USER_IDENTIFIER UNSUPPORTED_USER_IDENTIFIER
        GBRAID_WBRAID_BOTH_SET VALUE_MUST_BE_UNSET CONVERSION_PRECEDES_EVENT EXPIRED_EVENT EVENT_NOT_FOUND
        ONE_PER_CLICK_CONVERSION_ACTION_NOT_PERMITTED_WITH_BRAID ORDER_ID_CONTAINS_PII INVALID_JOB_ID
        NO_CONVERSION_ACTION_FOUND INVALID_CONVERSION_ACTION_TYPE CONVERSION_PRECEDES_CLICK EXPIRED_CLICK
        CLICK_NOT_FOUND
    """,
    "conversionAdjustmentUploadError": """
        CONVERSION_ALREADY_RETRACTED CONVERSION_NOT_FOUND CONVERSION_EXPIRED ADJUSTMENT_PRECEDES_CONVERSION
        MORE_RECENT_RESTATEMENT_FOUND TOO_MANY_ADJUSTMENTS_IN_REQUEST TOO_MANY_ADJUSTMENTS
        GCLID_DATE_TIME_PAIR_AND_ORDER_ID_BOTH_SET SOMETHING_NEW
    """,
    "dateError": "INVALID_STRING_DATE_TIME_SECONDS_WITH_OFFSET",
    "currencyCodeError": "UNSUPPORTED_CURRENCY_CODE",
    "requestError": "REQUIRED_FIELD_MISSING",
    "fieldError": "REQUIRED",
    "someNewError": "WHATEVER",
}
REJECTED = [(kind, name) for kind, names in KINDS.items() for name in names.split()]
CONFIRMED = [
    ("conversionUploadError", "ORDER_ID_ALREADY_IN_USE"),
    ("conversionUploadError", "CLICK_CONVERSION_ALREADY_EXISTS"),
    ("conversionAdjustmentUploadError", "RESTATEMENT_ALREADY_EXISTS"),
]
AGAIN: list[tuple[str, str, float | None]] = [
    ("conversionUploadError", "TOO_RECENT_CONVERSION_ACTION", 21600),
    ("conversionUploadError", "TOO_RECENT_EVENT", 21600),
    ("conversionUploadError", "TOO_RECENT_CLICK", 21600),
    ("conversionUploadError", "DUPLICATE_ORDER_ID", None),
    ("conversionUploadError", "DUPLICATE_CLICK_CONVERSION_IN_REQUEST", None),
    ("conversionAdjustmentUploadError", "TOO_RECENT_CONVERSION", 86400),
    ("conversionAdjustmentUploadError", "DUPLICATE_ADJUSTMENT_IN_REQUEST", None),
    ("databaseError", "CONCURRENT_MODIFICATION", None),
]
TROUBLE = [
    ("internalError", "INTERNAL_ERROR"),
    ("internalError", "TRANSIENT_ERROR"),
    ("internalError", "DEADLINE_EXCEEDED"),
    ("databaseError", "SOMETHING_NEW"),
    ("quotaError", "RESOURCE_EXHAUSTED"),
    ("quotaError", "RESOURCE_TEMPORARILY_EXHAUSTED"),
    ("quotaError", "EXCESSIVE_SHORT_TERM_QUERY_RESOURCE_CONSUMPTION"),
    ("quotaError", "EXCESSIVE_LONG_TERM_QUERY_RESOURCE_CONSUMPTION"),
]
HELD = [
    ("notAllowlistedError", "CUSTOMER_NOT_ALLOWLISTED_FOR_THIS_FEATURE", "configuration"),
    ("conversionUploadError", "CUSTOMER_DATA_POLICY_PROHIBITS_ENHANCED_CONVERSIONS", "configuration"),
    ("conversionUploadError", "CUSTOMER_NOT_ACCEPTED_CUSTOMER_DATA_TERMS", "configuration"),
    ("conversionUploadError", "CUSTOMER_NOT_ENABLED_ENHANCED_CONVERSIONS_FOR_LEADS", "configuration"),
    ("authorizationError", "USER_PERMISSION_DENIED", "configuration"),
    ("authorizationError", "INVALID_LOGIN_CUSTOMER_ID_SERVING_CUSTOMER_ID_COMBINATION", "configuration"),
    ("authorizationError", "CUSTOMER_NOT_ENABLED", "configuration"),
    ("authenticationError", "CUSTOMER_NOT_FOUND", "configuration"),
    ("authorizationError", "ACTION_NOT_PERMITTED", "configuration"),
    ("authorizationError", "CLOUD_PROJECT_NOT_APPROVED_FOR_PRODUCTION", "configuration"),
    ("authorizationError", "DEVELOPER_TOKEN_NOT_APPROVED", "configuration"),
    ("authorizationError", "PROJECT_DISABLED", "configuration"),
    ("quotaError", "ACCESS_PROHIBITED", "configuration"),
    ("partialFailureError", "PARTIAL_FAILURE_MODE_REQUIRED", "configuration"),
    ("authenticationError", "NOT_ADS_USER", "credentials"),
    ("authenticationError", "OAUTH_TOKEN_REVOKED", "credentials"),
    ("authenticationError", "OAUTH_TOKEN_DISABLED", "credentials"),
    ("authenticationError", "TWO_STEP_VERIFICATION_NOT_ENROLLED", "credentials"),
]


def fault(kind: str, name: str, place: int | None = None, **more: Any) -> dict[str, Any]:
    """One error, at a row of the upload or at none."""
    found: dict[str, Any] = {"errorCode": {kind: name}, "message": "Google's words", **more}
    if place is None:
        return found
    path = [{"fieldName": "conversions", "index": place}, {"fieldName": "gclid"}]
    return {**found, "location": {"fieldPathElements": path}}


def failed(*faults: dict[str, Any], rows: Sequence[bool]) -> Response:
    """A partial failure; `rows` says which rows are echoed."""
    detail = {"@type": "…GoogleAdsFailure", "errors": faults, "requestId": "R1"}
    results = [{"gclid": "x", "conversionAction": ACTION} if taken else {} for taken in rows]
    error = {"code": 3, "message": "Multiple errors", "details": [detail]}
    return answer(200, {"results": results, "partialFailureError": error, "jobId": "9"})


def refusal(status: int, *faults: dict[str, Any], **error: Any) -> Response:
    """A refusal of the whole request."""
    detail = {"errors": faults, "requestId": "R1"}
    return answer(status, {"error": {"code": status, "message": "No.", "details": [detail], **error}})


def only(verdict: Verdict) -> Outcome:
    assert isinstance(verdict, PerEvent)
    return verdict.outcomes[1]


@pytest.mark.parametrize(("kind", "name"), REJECTED)
def test_a_row_that_is_refused_fails_alone(kind: str, name: str) -> None:
    verdict = LEGACY.read(failed(fault(kind, name, 1), rows=[True, False, True]), 3)
    assert [one.kind for one in outcomes(verdict)] == ["accepted", "rejected", "accepted"]
    found = only(verdict)
    assert found.code == (known(kind, name) or "unexpected")
    assert name in found.detail
    assert found.reference == "R1"


@pytest.mark.parametrize(("kind", "name"), CONFIRMED)
def test_what_google_has_already_is_confirmed(kind: str, name: str) -> None:
    assert only(LEGACY.read(failed(fault(kind, name, 1), rows=[True, False]), 2)).kind == "confirmed"


@pytest.mark.parametrize(("kind", "name", "after_s"), AGAIN)
def test_what_passes_is_sent_again(kind: str, name: str, after_s: float | None) -> None:
    found = only(LEGACY.read(failed(fault(kind, name, 1), rows=[True, False]), 2))
    assert (found.kind, found.scope, found.retry_after_s) == ("retry", "event", after_s)


@pytest.mark.parametrize(("kind", "name"), TROUBLE)
@pytest.mark.parametrize("status", [429, 500, 503])
def test_trouble_is_of_the_whole_destination(kind: str, name: str, status: int) -> None:
    verdict = LEGACY.read(refusal(status, fault(kind, name)), 3)
    assert isinstance(verdict, Whole)
    assert (verdict.outcome.kind, verdict.outcome.scope) == ("retry", "destination")
    assert verdict.outcome.code == known(kind, name)


@pytest.mark.parametrize(("kind", "name", "hold"), HELD)
def test_holds(kind: str, name: str, hold: str) -> None:
    rows = failed(*(fault(kind, name, place) for place in range(3)), rows=[False] * 3)
    for verdict in (LEGACY.read(rows, 3), LEGACY.read(refusal(403, fault(kind, name)), 3)):
        assert isinstance(verdict, Whole)
        assert (verdict.outcome.kind, verdict.outcome.hold, verdict.outcome.code) == ("hold", hold, name)


def test_the_refusal_of_new_accounts_says_to_switch() -> None:
    row = CODES["CUSTOMER_NOT_ALLOWLISTED_FOR_THIS_FEATURE"]
    assert "google_ads" in row.next_step
    assert "switch to Data Manager" in row.next_step
    one = fault("notAllowlistedError", "CUSTOMER_NOT_ALLOWLISTED_FOR_THIS_FEATURE", 0)
    looked_at = answer(200, {"partialFailureError": {"code": 3, "details": [{"errors": [one]}]}})
    assert LEGACY.read_check(looked_at).code == "CUSTOMER_NOT_ALLOWLISTED_FOR_THIS_FEATURE"


def test_every_row_is_covered() -> None:
    named = {known(*pair[:2]) for table in (REJECTED, CONFIRMED, TROUBLE) for pair in table} - {None}
    named |= {known(kind, name) for kind, name, _ in AGAIN} | {known(kind, name) for kind, name, _ in HELD}
    ours = {"check_ok", "validated", "token_expired", "token_refused", "version_retired"}
    ours |= {"ACCESS_TOKEN_SCOPE_INSUFFICIENT", "SERVICE_DISABLED"}
    assert set(CODES) - set(HTTP_CODES) - set(OAUTH_CODES) == named | ours


WRONG: list[tuple[list[dict[str, Any]], list[bool], int]] = [
    ([fault("conversionUploadError", "EXPIRED_EVENT")], [True, False], 2),
    ([fault("conversionUploadError", "EXPIRED_EVENT", 2)], [True, False], 2),
    ([fault("conversionUploadError", "EXPIRED_EVENT", 1)], [False, True], 2),
    ([fault("conversionUploadError", "EXPIRED_EVENT", 1)], [False, False], 2),
    ([fault("conversionUploadError", "EXPIRED_EVENT", 1)], [True, False, True], 2),
    ([fault("conversionUploadError", "EXPIRED_EVENT", 1)], [], 2),
    ([], [True, False], 2),
    ([], [True, True], 2),
]


@pytest.mark.parametrize(("faults", "rows", "n"), WRONG)
def test_an_answer_that_does_not_agree_with_itself_is_unknown(
    faults: list[dict[str, Any]], rows: list[bool], n: int
) -> None:
    verdict = LEGACY.read(failed(*faults, rows=rows), n)
    assert isinstance(verdict, Whole)
    assert (verdict.outcome.code, verdict.outcome.kind) == ("unreadable", "unknown")


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", {"results": []}, {"results": [{}, {}]}, {"results": [{"gclid": "x"}]}]
)
def test_a_success_without_all_rows_is_unknown(body: object) -> None:
    assert outcomes(LEGACY.read(answer(200, body), 2))[0].code == "unreadable"


def test_several_errors_of_a_row_are_one_outcome() -> None:
    both = [fault("conversionUploadError", name, 1) for name in ("TOO_RECENT_EVENT", "EXPIRED_EVENT")]
    assert only(LEGACY.read(failed(*both, rows=[True, False]), 2)).code == "EXPIRED_EVENT"
    assert only(LEGACY.read(failed(*reversed(both), rows=[True, False]), 2)).code == "EXPIRED_EVENT"


def test_a_whole_refusal_that_names_rows_settles_these() -> None:
    verdict = LEGACY.read(refusal(400, fault("fieldError", "REQUIRED", 1)), 3)
    assert isinstance(verdict, Refused)
    assert set(verdict.named) == {1}
    nameless = LEGACY.read(refusal(400, fault("fieldError", "REQUIRED")), 3)
    assert isinstance(nameless, Refused)
    assert nameless.named == {}


def test_quota_says_how_long_to_wait() -> None:
    more: dict[str, Any] = {"details": {"quotaErrorDetails": {"retryDelay": "3600s"}}}
    (found,) = outcomes(LEGACY.read(refusal(429, fault("quotaError", "RESOURCE_EXHAUSTED", **more)), 1))
    assert found.retry_after_s == 3600


@pytest.mark.parametrize(
    ("status", "body", "code", "kind"),
    [
        (401, b"", "token_expired", "retry"),
        (401, {"error": {"message": "Expired", "status": "UNAUTHENTICATED"}}, "token_expired", "retry"),
        (403, b"", "USER_PERMISSION_DENIED", "hold"),
        (404, b"<!DOCTYPE html>", "version_retired", "hold"),
        (404, {"error": {"code": 404, "status": "NOT_FOUND"}}, "version_retired", "hold"),
        (429, b"", "rate_limited", "retry"),
        (503, b"", "server_error", "retry"),
        (400, b"", "unexpected", "rejected"),
        (302, b"", "unreadable", "unknown"),
    ],
)
def test_statuses(status: int, body: object, code: str, kind: str) -> None:
    found = outcomes(LEGACY.read(answer(status, body), 3))[0]
    assert (found.code, found.kind) == (code, kind)


@pytest.mark.parametrize("reason", ["ACCESS_TOKEN_SCOPE_INSUFFICIENT", "SERVICE_DISABLED"])
def test_what_google_cloud_says_of_the_project(reason: str) -> None:
    body = {"error": {"code": 403, "message": "No.", "details": [{"@type": "…ErrorInfo", "reason": reason}]}}
    (found,) = outcomes(LEGACY.read(answer(403, body), 1))
    assert (found.code, found.kind) == (reason, "hold")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["errors", "errorCode", "index", "location", "fieldPathElements", "details", "results"]),
            inner,
        )
    ),
    max_leaves=8,
)


@given(
    status=st.sampled_from([200, 400, 401, 403, 404, 429, 500]),
    body=st.fixed_dictionaries({}, optional={"results": JSON, "partialFailureError": JSON, "error": JSON}),
    n=st.integers(1, 3),
)
def test_any_body_is_read(status: int, body: dict[str, Any], n: int) -> None:
    for found in [*outcomes(LEGACY.read(answer(status, body), n)), LEGACY.read_check(answer(status, body))]:
        assert found.code in CODES
        assert (found.hold is not None) == (found.kind is Kind.HOLD)


# Against the emulator


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[Client, Clock]]:
    """One sandbox for this file; its clock stands still."""
    clock = Clock()
    server = Server(clock)
    yield Client(server.running.port), clock
    server.stop()


@pytest.fixture
def google(running: tuple[Client, Clock]) -> Client:
    """The sandbox, empty and with its own settings."""
    client, clock = running
    clock.now = NOW
    for path in ("/_sandbox/ledger", "/_sandbox/settings"):
        assert client.call("DELETE", path).status < 300
    return client


def send(client: Client, request: Request) -> Response:
    """A destination's request, sent to the sandbox instead."""
    assert request.url.startswith(HOST)
    headers = {name.title(): value for name, value in request.headers.items()}
    reply = client.call("POST", f"/{request.service}{request.url.removeprefix(HOST)}", request.body, headers)
    return Response(status=reply.status, headers={k.lower(): v for k, v in reply.headers.items()}, body=reply.content)


def deliver(client: Client, *events: Event, **settings: str) -> list[str]:
    """The code of each event."""
    request = LEGACY.build(events, {**CONNECTION, **settings}, TOKEN)
    verdict = LEGACY.read(send(client, request), len(events))
    return [verdict.outcome.code] * len(events) if isinstance(verdict, Whole) else [o.code for o in outcomes(verdict)]


def events(n: int, **changes: Any) -> list[Event]:
    return [
        event(lead(ids={"gclid": f"Cj0-{number}"}), SLUG, event_id=f"lt-{number}", **changes) for number in range(n)
    ]


def test_rows_are_taken_once_and_refused_alone(google: Client) -> None:
    google.set(SLUG, row_errors={"lt-1": "EXPIRED_EVENT", "Cj0-3": "TOO_RECENT_EVENT"})
    assert deliver(google, *events(5)) == ["ok", "EXPIRED_EVENT", "ok", "TOO_RECENT_EVENT", "ok"]
    google.set(SLUG, row_errors={})
    again = ["ORDER_ID_ALREADY_IN_USE", "ok", "ORDER_ID_ALREADY_IN_USE", "ok", "ORDER_ID_ALREADY_IN_USE"]
    assert deliver(google, *events(5)) == again
    summary = google.summary(SLUG)
    assert (summary["distinct_keys"], summary["duplicates"]) == (5, 0)


def test_accounts_that_may_not_upload_are_held_by_delivery_and_by_check(google: Client) -> None:
    google.set(SLUG, not_allowed=["*"])
    assert set(deliver(google, *events(3))) == {"CUSTOMER_NOT_ALLOWLISTED_FOR_THIS_FEATURE"}
    found = LEGACY.read_check(send(google, LEGACY.check(CONNECTION, TOKEN)))
    assert (found.code, found.hold) == ("CUSTOMER_NOT_ALLOWLISTED_FOR_THIS_FEATURE", "configuration")


def test_the_check_and_the_validation_count_nothing(google: Client) -> None:
    google.set(SLUG, row_errors={"lt-check": "UNPARSEABLE_GCLID"})
    for settings in ({}, {"unknown_actions": ["1"]}):
        google.set(SLUG, **settings)
        assert LEGACY.read_check(send(google, LEGACY.check(CONNECTION, TOKEN))).code == "check_ok"
    asked = VALIDATION.request(LEGACY.build(events(1), CONNECTION, TOKEN))
    assert VALIDATION.read(send(google, asked)).code == "validated"
    google.set(SLUG, row_errors={"lt-0": "EXPIRED_EVENT"})
    assert VALIDATION.read(send(google, asked)).code == "EXPIRED_EVENT"
    assert (google.summary(SLUG)["accepted"], google.last(SLUG)["validation"]) == (0, True)


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"service_disabled": True}, "SERVICE_DISABLED"),
        ({"no_access": ["1234567890"]}, "USER_PERMISSION_DENIED"),
        ({"no_access": ["9876543210"]}, "USER_PERMISSION_DENIED"),
        ({"exhausted_s": 60}, "RESOURCE_EXHAUSTED"),
        ({"oldest_version": 26}, "version_retired"),
        ({"unknown_actions": ["987654321"]}, "NO_CONVERSION_ACTION_FOUND"),
        ({"wrong_type_actions": ["*"]}, "INVALID_CONVERSION_ACTION_TYPE"),
        ({"too_new_actions": ["*"]}, "TOO_RECENT_CONVERSION_ACTION"),
        ({"terms_not_signed": ["*"]}, "CUSTOMER_NOT_ACCEPTED_CUSTOMER_DATA_TERMS"),
        ({"leads_not_enabled": ["*"]}, "CUSTOMER_NOT_ENABLED_ENHANCED_CONVERSIONS_FOR_LEADS"),
        ({"policy_prohibits": ["*"]}, "CUSTOMER_DATA_POLICY_PROHIBITS_ENHANCED_CONVERSIONS"),
    ],
)
def test_what_the_emulator_refuses_is_known_by_its_name(google: Client, settings: dict[str, Any], code: str) -> None:
    google.set(SLUG, **settings)
    assert deliver(google, *events(2)) == [code] * 2


def test_without_hashed_data_no_terms_are_needed(google: Client) -> None:
    google.set(SLUG, terms_not_signed=["*"])
    assert deliver(google, *events(1), user_data="no") == ["ok"]


def test_a_bad_token(google: Client) -> None:
    request = LEGACY.build(events(1), CONNECTION, "expired")
    assert outcomes(LEGACY.read(send(google, request), 1))[0].code == "token_expired"


def test_values_are_stated_again_once_the_conversion_is_a_day_old(
    running: tuple[Client, Clock], google: Client
) -> None:
    _, clock = running
    first = events(2, happened_at=NOW - HOUR)
    assert deliver(google, *first) == ["ok", "ok"]

    def change(cents: int, at: int) -> list[str]:
        changed = [msgspec.structs.replace(one, value_cents=cents, changed_at=at) for one in first]
        verdict = LEGACY.read(send(google, adjust(changed, CONNECTION, TOKEN)), 2)
        assert isinstance(verdict, PerEvent)
        return [one.code for one in verdict.outcomes]

    assert change(8000, NOW) == ["TOO_RECENT_CONVERSION"] * 2
    clock.now = NOW + DAY
    assert change(8000, NOW) == ["ok"] * 2
    assert change(8000, NOW) == ["RESTATEMENT_ALREADY_EXISTS"] * 2
    assert change(9000, NOW + 60 * SECOND) == ["ok"] * 2
    assert change(7000, NOW + 30 * SECOND) == ["MORE_RECENT_RESTATEMENT_FOUND"] * 2
    keys = google.call("GET", f"/_sandbox/ledger/keys?destination={SLUG}").json["keys"]
    assert [(one["key"], one["value"], one["currency"]) for one in keys] == [
        ("lt-0", 90.0, "EUR"),
        ("lt-1", 90.0, "EUR"),
    ]
    clock.now = NOW + 60 * DAY
    assert change(1, NOW + 59 * DAY) == ["CONVERSION_EXPIRED"] * 2


def test_a_retracted_conversion_takes_no_value_any_more(running: tuple[Client, Clock], google: Client) -> None:
    _, clock = running
    first = events(1, happened_at=NOW - HOUR)
    assert deliver(google, *first) == ["ok"]
    clock.now = NOW + DAY

    def change(**changes: Any) -> list[str]:
        verdict = LEGACY.read(
            send(google, adjust([msgspec.structs.replace(first[0], **changes)], CONNECTION, TOKEN)), 1
        )
        return [one.code for one in outcomes(verdict)]

    assert change(retracted=True, changed_at=NOW) == ["ok"]
    assert change(retracted=True, changed_at=NOW + SECOND) == ["CONVERSION_ALREADY_RETRACTED"]
    assert change(value_cents=100, changed_at=NOW + SECOND) == ["CONVERSION_ALREADY_RETRACTED"]


@hypothesis_settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    someone=leads,
    user_data=st.sampled_from(["yes", "no"]),
    cents=st.none() | st.integers(0, 10**9),
    currency=st.none() | st.sampled_from(["EUR", "JPY", "KWD"]),
)
def test_what_is_missing_is_what_google_refuses(
    google: Client, someone: LeadData, user_data: str, cents: int | None, currency: str | None
) -> None:
    assert google.call("DELETE", "/_sandbox/ledger").status == 204
    one = event(someone, SLUG, value_cents=cents, currency=currency)
    lacking = LEGACY.missing(someone, {**CONNECTION, "user_data": user_data})
    (code,) = deliver(google, one, user_data=user_data)
    assert code == ("request_invalid" if lacking else "ok")
    flags = [flag["code"] for flag in google.last(SLUG)["flags"]]
    assert flags == (["REQUIRED"] if lacking else [])
