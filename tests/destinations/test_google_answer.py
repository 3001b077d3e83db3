"""Google's answers: every reason has a class, and nothing is pinned on the wrong event.

Bodies follow google.rpc error details as the API's page "Understand errors" and field reports show them.
"""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadtrackr.destinations.contract import HTTP_CODES, Kind, PerEvent, Refused, Response, Scope, Whole
from leadtrackr.destinations.google_ads.answer import read
from leadtrackr.destinations.google_ads.codes import CODES, OURS
from leadtrackr.destinations.google_ads.consent import CONSENT_CODES
from leadtrackr.destinations.google_ads.oauth import OAUTH_CODES
from leadtrackr.destinations.google_ads.processing import PROCESSING, STATUS
from leadtrackr.destinations.google_ads.reading import READING
from tests.destinations.making import answer, names, outcomes

SIX_HOURS = 6 * 3600


def refusal(*violations: tuple[str, str], status: int = 400, reason: str = "INVALID_ARGUMENT") -> Response:
    """An error body with field violations (field, reason)."""
    fields = [{"field": field, "description": "Not right.", "reason": why} for field, why in violations]
    details: list[dict[str, Any]] = [
        {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": reason,
            "domain": "datamanager.googleapis.com",
            "metadata": {"requestId": "t-abc"},
        },
        {"@type": "type.googleapis.com/google.rpc.RequestInfo", "requestId": "t-abc"},
        {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": fields},
    ]
    message = "There was a problem with the request."
    return answer(status, {"error": {"code": status, "message": message, "status": reason, "details": details}})


REJECTED = names("""
REQUIRED_FIELD_MISSING INVALID_FORMAT INVALID_HEX_ENCODING INVALID_BASE64_ENCODING INVALID_SHA256_FORMAT
INVALID_POSTAL_CODE INVALID_COUNTRY_CODE INVALID_ENUM_VALUE INVALID_NUMBER_FORMAT INVALID_MOBILE_ID_FORMAT
TOO_MANY_EVENTS TOO_MANY_USER_IDENTIFIERS TOO_FEW_ELEMENTS TOO_MANY_ELEMENTS FIELD_VALUE_TOO_LONG FIELD_VALUE_TOO_SHORT
INVALID_CONVERSION_ACTION_ID INVALID_CONVERSION_ACTION_TYPE INVALID_CURRENCY_CODE INVALID_EVENT NO_IDENTIFIERS_PROVIDED
EVENT_TIME_INVALID EVENT_SOURCE_AND_DESTINATION_MISMATCH RESERVED_NAME_USED INVALID_EVENT_NAME
BOTH_CLIENT_ID_AND_APP_INSTANCE_ID_NOT_ALLOWED INVALID_REQUEST_ID INVALID_AD_IDENTIFIER_FOR_ACCOUNT
MULTIPLE_DATA_TYPES_NOT_ALLOWED INVALID_ARGUMENT
""")
CONFIGURATION = names("""
INVALID_DESTINATION DUPLICATE_DESTINATION_REFERENCE TOO_MANY_DESTINATIONS DESTINATION_ACCOUNT_TYPE_MISMATCH
DESTINATION_ACCOUNT_NOT_ENABLED_ENHANCED_CONVERSIONS_FOR_LEADS
DESTINATION_ACCOUNT_DATA_POLICY_PROHIBITS_ENHANCED_CONVERSIONS
DESTINATION_ACCOUNT_ENHANCED_CONVERSIONS_TERMS_NOT_SIGNED TERMS_AND_CONDITIONS_NOT_SIGNED
OPERATING_ACCOUNT_LOGIN_ACCOUNT_MISMATCH LINKED_ACCOUNT_ONLY_ALLOWED_WITH_DATA_PARTNER_LOGIN_ACCOUNT
UNSUPPORTED_OPERATING_ACCOUNT_FOR_DATA_PARTNER UNSUPPORTED_LINKED_ACCOUNT_FOR_DATA_PARTNER NOT_ALLOWLISTED
PERMISSION_DENIED SERVICE_DISABLED INVALID_PROPERTY_TYPE INVALID_STREAM_TYPE
MULTIPLE_DESTINATIONS_FOR_GOOGLE_ANALYTICS_EVENT
""")
LATER = ["NOT_FOUND", "CONVERSION_ACTION_TOO_RECENTLY_CREATED"]
TROUBLE = ["RESOURCE_EXHAUSTED", "INTERNAL_ERROR", "DEADLINE_EXCEEDED"]
VARIABLES = ["CUSTOM_VARIABLE_NOT_ENABLED", "CUSTOM_VARIABLE_NOT_PREDEFINED", "CUSTOM_VARIABLE_BRAND_NEW"]


@pytest.mark.parametrize("prefix", ["", "ERROR_REASON_"])
@pytest.mark.parametrize("reason", REJECTED)
def test_a_reason_that_rejects_the_event(reason: str, prefix: str) -> None:
    verdict = read(refusal(("events.events[1].user_data.user_identifiers[1]", prefix + reason)), 3)
    assert isinstance(verdict, Refused)
    assert list(verdict.named) == [1]
    assert (verdict.named[1].kind, verdict.named[1].code, verdict.named[1].hold) == ("rejected", reason, None)


@pytest.mark.parametrize("reason", VARIABLES)
def test_custom_variables_are_one_row(reason: str) -> None:
    verdict = read(refusal(("events.events[0].custom_variables[2].variable", reason)), 3)
    assert isinstance(verdict, Refused)
    assert (verdict.named[0].kind, verdict.named[0].code) == ("rejected", "CUSTOM_VARIABLE_*")


@pytest.mark.parametrize("reason", CONFIGURATION)
@pytest.mark.parametrize("field", ["destinations[0].login_account.account_id", "events.events[0].user_data"])
def test_a_reason_that_holds_the_destination(reason: str, field: str) -> None:
    verdict = read(refusal((field, reason), ("events.events[1].currency", "INVALID_CURRENCY_CODE")), 3)
    assert isinstance(verdict, Whole)
    found = verdict.outcome
    assert (found.kind, found.hold, found.scope, found.code) == ("hold", "configuration", "destination", reason)


@pytest.mark.parametrize("reason", LATER)
def test_a_reason_that_passes_in_six_hours(reason: str) -> None:
    verdict = read(refusal(("destinations[0].product_destination_id", reason)), 3)
    assert isinstance(verdict, Whole)
    assert (verdict.outcome.kind, verdict.outcome.code) == ("retry", reason)
    assert (verdict.outcome.retry_after_s, verdict.outcome.scope) == (SIX_HOURS, "event")


@pytest.mark.parametrize("reason", TROUBLE)
def test_a_reason_of_googles_own(reason: str) -> None:
    for response in (refusal(("events.events[0]", reason)), refusal(reason=reason)):
        verdict = read(response, 3)
        assert isinstance(verdict, Whole)
        assert (verdict.outcome.kind, verdict.outcome.code, verdict.outcome.scope) == ("retry", reason, "destination")


def test_every_row_is_covered() -> None:
    others = {"ACCESS_TOKEN_SCOPE_INSUFFICIENT", "ABORTED", "CUSTOM_VARIABLE_*"}
    tested = {*REJECTED, *CONFIGURATION, *LATER, *TROUBLE, *others}
    assert set(CODES) - {*PROCESSING, *STATUS, *OURS, *OAUTH_CODES, *CONSENT_CODES, *READING, *HTTP_CODES} == tested


@pytest.mark.parametrize(
    ("field", "index"),
    [("events.events[0].user_data", 0), ("events[1].events[2].currency", 2), ("events[2]", 2)],
)
def test_the_last_position_of_a_path_counts(field: str, index: int) -> None:
    verdict = read(refusal((field, "INVALID_EVENT")), 3)
    assert isinstance(verdict, Refused)
    assert set(verdict.named) == {index}


def test_the_action_alone_is_rejected_not_the_connection_held() -> None:
    verdict = read(refusal(("destinations[0].product_destination_id", "INVALID_CONVERSION_ACTION_ID")), 3)
    assert isinstance(verdict, Whole)
    assert (verdict.outcome.kind, verdict.outcome.code) == ("rejected", "INVALID_CONVERSION_ACTION_ID")


@pytest.mark.parametrize(
    ("field", "code"),
    [
        ("destinations[0].operating_account.account_id", "destination_invalid"),
        ("encoding", "request_invalid"),
    ],
)
def test_what_is_wrong_outside_the_events_costs_no_lead(field: str, code: str) -> None:
    verdict = read(refusal((field, "REQUIRED_FIELD_MISSING")), 2000)
    assert isinstance(verdict, Whole)
    assert (verdict.outcome.code, verdict.outcome.kind, verdict.outcome.hold) == (code, "hold", "configuration")


@pytest.mark.parametrize(
    ("status", "reason", "code", "kind", "hold"),
    [
        (403, "SERVICE_DISABLED", "SERVICE_DISABLED", "hold", "configuration"),
        (403, "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "hold", "credentials"),
        (403, "PERMISSION_DENIED", "PERMISSION_DENIED", "hold", "configuration"),
        (403, "SOMETHING_NEW", "PERMISSION_DENIED", "hold", "configuration"),
        (404, "NOT_FOUND", "NOT_FOUND", "retry", None),
        (409, "ABORTED", "ABORTED", "retry", None),
        (401, "UNAUTHENTICATED", "token_expired", "retry", None),
        (405, "METHOD", "unexpected", "rejected", None),
        (418, "TEAPOT", "unexpected", "rejected", None),
    ],
)
def test_statuses(status: int, reason: str, code: str, kind: str, hold: str | None) -> None:
    verdict = read(refusal(status=status, reason=reason), 3)
    assert isinstance(verdict, Whole)
    assert (verdict.outcome.code, verdict.outcome.kind, verdict.outcome.hold) == (code, kind, hold)


def test_an_expired_token_costs_nothing_and_waits_for_nothing() -> None:
    verdict = read(answer(401), 3)
    assert isinstance(verdict, Whole)
    found = verdict.outcome
    assert (found.kind, found.scope, found.retry_after_s) == (Kind.RETRY, Scope.DESTINATION, 0)


@pytest.mark.parametrize("status", [429, 500, 503, 504])
def test_pauses(status: int) -> None:
    verdict = read(answer(status, b"<html>", {"retry-after": "30"}), 3)
    assert isinstance(verdict, Whole)
    assert (verdict.outcome.kind, verdict.outcome.scope, verdict.outcome.retry_after_s) == ("retry", "destination", 30)


def test_a_new_reason_is_rejected_as_unexpected_with_googles_words() -> None:
    verdict = read(refusal(("events.events[2].foo", "BRAND_NEW_REASON")), 3)
    assert isinstance(verdict, Refused)
    assert verdict.named[2].code == "unexpected"
    assert "BRAND_NEW_REASON" in verdict.named[2].detail


def test_a_refusal_that_names_nothing_is_for_bisecting() -> None:
    for response in (refusal(("events", "TOO_MANY_ELEMENTS")), refusal(), answer(400, b"<html>"), answer(413)):
        verdict = read(response, 2000)
        assert isinstance(verdict, Refused)
        assert verdict.named == {}
        assert verdict.outcome.kind == "rejected"


def test_accepted_with_the_request_id() -> None:
    verdict = read(answer(200, {"requestId": "req-1"}), 3)
    assert isinstance(verdict, Whole)
    assert (verdict.outcome.kind, verdict.outcome.code, verdict.outcome.reference) == ("accepted", "ok", "req-1")


def test_warnings_stay_with_their_event() -> None:
    warnings = [
        {"field": "events.events[1].cart_data", "reason": "WARNING_REASON_GENERIC", "description": "One."},
        {"field": "consent", "reason": "WARNING_REASON_INVALID_CLIENT_ID", "description": "All."},
    ]
    verdict = read(answer(200, {"requestId": "r", "fieldWarnings": warnings}), 2)
    assert isinstance(verdict, PerEvent)
    assert {one.kind for one in verdict.outcomes} == {"accepted"}
    assert "GENERIC" not in verdict.outcomes[0].detail
    assert "GENERIC" in verdict.outcomes[1].detail
    assert all("INVALID_CLIENT_ID" in one.detail for one in verdict.outcomes)


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"<html>", b'{"requestId":""}', b'{"requestId":5'])
def test_a_success_that_cannot_be_read_is_unknown(body: bytes) -> None:
    verdict = read(answer(200, body), 3)
    assert isinstance(verdict, Whole)
    assert verdict.outcome.kind == "unknown"


def test_no_personal_data_in_details() -> None:
    body = {
        "error": {
            "message": "x",
            "details": [
                {
                    "fieldViolations": [
                        {
                            "field": "events[0].user_data",
                            "reason": "INVALID_FORMAT",
                            "description": "erika@example.de is not a hash",
                        }
                    ]
                }
            ],
        }
    }
    assert "erika" not in str(read(answer(400, body), 1))


@given(
    st.lists(st.tuples(st.integers(0, 12), st.sampled_from(["INVALID_EVENT", "NO_IDENTIFIERS_PROVIDED"])), max_size=20)
)
def test_any_set_order_and_repeat_of_indices(pairs: list[tuple[int, str]]) -> None:
    """Named events are exactly those that Google named; an index out of range makes all the others doubtful too."""
    n = 8
    verdict = read(refusal(*((f"events.events[{index}].x", reason) for index, reason in pairs)), n)
    assert isinstance(verdict, Refused)
    indices = {index for index, _ in pairs}
    assert set(verdict.named) == (indices if all(index < n for index in indices) else set())
    for index, outcome in verdict.named.items():
        assert outcome.code in {reason for other, reason in pairs if other == index}
        assert outcome.kind is Kind.REJECTED


@given(
    st.sampled_from([200, 400, 401, 403, 404, 409, 429, 500]),
    st.binary(max_size=200)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=10),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(
                    ["error", "details", "fieldViolations", "field", "reason", "requestId", "code", "fieldWarnings"]
                ),
                inner,
                max_size=5,
            )
        ),
        max_leaves=20,
    ),
)
def test_any_body_is_read(status: int, body: object) -> None:
    for outcome in outcomes(read(answer(status, body), 3)):
        assert outcome.code in CODES
        assert (outcome.hold is not None) == (outcome.kind is Kind.HOLD)


LATER_ON = {"TOO_RECENT_CLICK", "INTERNAL_ERROR", "DESTINATION_TOO_RECENTLY_CREATED"}
DELIVERED = {"DUPLICATE_TRANSACTION_ID", "DUPLICATE_GCLID"}
TERMINAL = names("""
INVALID_GCLID INVALID_GBRAID INVALID_WBRAID EVENT_TOO_OLD DENIED_CONSENT NO_CONSENT UNKNOWN_CONSENT
CONVERSION_PRECEDES_CLICK INVALID_CLICK CLICK_NOT_FOUND INVALID_OPERATING_ACCOUNT_FOR_CLICK INVALID_EVENT INVALID_FORMAT
ONE_PER_CLICK_CONVERSION_ACTION_NOT_PERMITTED_WITH_BRAID CUSTOM_VARIABLE_NOT_ENABLED EXTERNAL_ATTRIBUTION_DATA_MISSING
ORIGINAL_CONVERSIONS_NOT_FOUND DECRYPTION_ERROR DEK_DECRYPTION_ERROR INVALID_KEK KEK_PERMISSION_DENIED INVALID_WIP
""")


@pytest.mark.parametrize("reason", [*sorted(LATER_ON), *sorted(DELIVERED), *sorted(TERMINAL)])
def test_what_the_status_call_says(reason: str) -> None:
    row = CODES[f"PROCESSING_ERROR_REASON_{reason}"]
    if reason in LATER_ON:
        assert (row.kind, row.retry_after_s) == (Kind.RETRY, SIX_HOURS)
    else:
        assert row.kind is (Kind.CONFIRMED if reason in DELIVERED else Kind.REJECTED)


def test_the_odd_ones_of_the_status_call() -> None:
    assert CODES["PROCESSING_ERROR_OPERATING_ACCOUNT_MISMATCH_FOR_AD_IDENTIFIER"].kind is Kind.REJECTED
    terms = "PROCESSING_ERROR_REASON_DESTINATION_ACCOUNT_ENHANCED_CONVERSIONS_TERMS_NOT_SIGNED"
    assert CODES[terms].hold == "configuration"
