"""The emulated uploads of the Google Ads API: row by row, by the protos."""

from typing import Any

import pytest

from .client import NOW, SECOND, Client, Reply, digest

ACTION = "customers/1234567890/conversionActions/555"
UPLOAD, ADJUST = "uploadClickConversions", "uploadConversionAdjustments"
HASH = digest("a@example.com")


def row(**changes: Any) -> dict[str, Any]:
    """A valid conversion; a change to None takes the field out."""
    values = {
        "gclid": "Cj0",
        "conversionAction": ACTION,
        "conversionDateTime": "2026-11-22 11:00:00+01:00",
        "conversionValue": 12.5,
        "currencyCode": "EUR",
        "orderId": "lt_1",
        **changes,
    }
    return {name: value for name, value in values.items() if value is not None}


def change(**changes: Any) -> dict[str, Any]:
    """A valid restatement."""
    values = {
        "adjustmentType": "RESTATEMENT",
        "conversionAction": ACTION,
        "adjustmentDateTime": "2026-11-23 11:00:00+00:00",
        "orderId": "lt_1",
        "restatementValue": {"adjustedValue": 20, "currencyCode": "EUR"},
        **changes,
    }
    return {name: value for name, value in values.items() if value is not None}


def send(
    client: Client, *rows: Any, method: str = UPLOAD, access: str = "sandbox-a", version: str = "v25", **more: Any
) -> Reply:
    key = "conversions" if method == UPLOAD else "conversionAdjustments"
    body = {key: list(rows), "partialFailure": True, **more}
    path = f"/google_ads_legacy/{version}/customers/1234567890:{method}"
    return client.call("POST", path, body, {"Authorization": f"Bearer {access}"})


def errors(reply: Reply) -> list[tuple[str, int, str]]:
    """(name, row, last field) of each error of a partial failure."""
    assert reply.status == 200, reply.content
    status = reply.json.get("partialFailureError", {"details": [{"errors": []}]})
    found = []
    for one in status["details"][0]["errors"]:
        (name,) = one["errorCode"].values()
        path = one["location"]["fieldPathElements"]
        found.append((name, path[0]["index"], path[-1]["fieldName"]))
    return found


def refused(reply: Reply) -> tuple[int, str]:
    (name,) = reply.json["error"]["details"][0]["errors"][0]["errorCode"].values()
    return reply.status, name


def test_rows_are_echoed_in_order_and_failed_ones_empty(sandbox: Client) -> None:
    reply = send(
        sandbox,
        row(),
        row(gclid="other", orderId="lt_2", conversionAction=None),
        row(gclid=None, wbraid="w", orderId="lt_3"),
    )
    assert reply.json["results"] == [
        {"gclid": "Cj0", "conversionAction": ACTION, "conversionDateTime": "2026-11-22 11:00:00+01:00"},
        {},
        {"wbraid": "w", "conversionAction": ACTION, "conversionDateTime": "2026-11-22 11:00:00+01:00"},
    ]
    assert errors(reply) == [("REQUIRED", 1, "conversion_action")]
    assert int(reply.json["jobId"]) >= 2**31
    status = reply.json["partialFailureError"]
    assert (status["code"], status["details"][0]["@type"]) == (
        3,
        "type.googleapis.com/google.ads.googleads.v25.errors.GoogleAdsFailure",
    )
    assert reply.headers["request-id"]
    accepted = sandbox.last("google_ads_legacy")["accepted"]
    assert [(one["index"], one["key"], one["scope"], one["value"]) for one in accepted] == [
        (0, "lt_1", "1234567890/555", 12.5),
        (2, "lt_3", "1234567890/555", 12.5),
    ]
    assert accepted[0]["event_at"] == NOW - 26 * 3600 * SECOND


def test_both_spellings_are_taken_and_no_third(sandbox: Client) -> None:
    snake = {"gclid": "x", "conversion_action": ACTION, "conversion_date_time": "2026-11-22 11:00:00+00:00"}
    assert errors(send(sandbox, snake)) == []
    for bad in (row(clickId="x"), row(conversion_Action=ACTION), row(conversionValue="much"), row(orderId=5), "row"):
        reply = send(sandbox, bad)
        assert (reply.status, reply.json["error"]["status"]) == (400, "INVALID_ARGUMENT")
        assert sandbox.last("google_ads_legacy")["flags"][0]["code"] == "INVALID_JSON"


@pytest.mark.parametrize(
    ("changes", "name", "field"),
    [
        ({"conversionAction": "555"}, "RESOURCE_NAME_MALFORMED", "conversion_action"),
        ({"conversionAction": "customers/1/conversionActions/x"}, "RESOURCE_NAME_MALFORMED", "conversion_action"),
        ({"conversionDateTime": None}, "REQUIRED", "conversion_date_time"),
        *(
            ({"conversionDateTime": text}, "INVALID_STRING_DATE_TIME_SECONDS_WITH_OFFSET", "conversion_date_time")
            for text in (
                "2026-11-22 11:00:00",
                "2026-11-22T11:00:00Z",
                "2026-11-22 11:00:00 +00:00",
                "2026-13-22 11:00:00+00:00",
            )
        ),
        ({"gclid": None}, "REQUIRED", "gclid"),
        ({"gclid": None, "gbraid": "a", "wbraid": "b"}, "GBRAID_WBRAID_BOTH_SET", "gbraid"),
        ({"currencyCode": "ABC"}, "UNSUPPORTED_CURRENCY_CODE", "currency_code"),
        ({"orderId": "jane@example.com"}, "ORDER_ID_CONTAINS_PII", "order_id"),
        ({"userIdentifiers": [{"hashedEmail": "a@example.com"}]}, "INVALID_USER_IDENTIFIER", "user_identifiers"),
        (
            {"userIdentifiers": [{"hashedEmail": HASH, "hashedPhoneNumber": HASH}]},
            "UNSUPPORTED_USER_IDENTIFIER",
            "user_identifiers",
        ),
        ({"userIdentifiers": [{"addressInfo": {"city": "x"}}]}, "UNSUPPORTED_USER_IDENTIFIER", "user_identifiers"),
        ({"userIdentifiers": [{"hashedEmail": HASH}] * 6}, "TOO_MANY", "user_identifiers"),
        (
            {"userIdentifiers": [{"hashedEmail": HASH, "userIdentifierSource": "X"}]},
            "ENUM_VALUE_NOT_PERMITTED",
            "user_identifier_source",
        ),
        ({"consent": {"adUserData": "YES"}}, "ENUM_VALUE_NOT_PERMITTED", "ad_user_data"),
        ({"conversionEnvironment": "WEB"}, "CUSTOMER_NOT_ALLOWLISTED_FOR_THIS_FEATURE", "conversion_environment"),
        ({"userIpAddress": "203.0.113.7"}, "CUSTOMER_NOT_ALLOWLISTED_FOR_THIS_FEATURE", "user_ip_address"),
    ],
)
def test_a_row_that_is_not_right(sandbox: Client, changes: dict[str, Any], name: str, field: str) -> None:
    assert errors(send(sandbox, row(orderId="lt_0", gclid="fine"), row(**changes))) == [(name, 1, field)]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"consent": {"adUserData": "GRANTED", "adPersonalization": "GRANTED"}}, "not_settable"),
        ({"currencyCode": None}, "value_without_currency"),
        ({"conversionDateTime": "2026-11-23 12:00:01+00:00"}, "future"),
    ],
)
def test_what_the_documents_leave_open_is_flagged(sandbox: Client, changes: dict[str, Any], code: str) -> None:
    assert errors(send(sandbox, row(**changes))) == []
    assert [one["code"] for one in sandbox.last("google_ads_legacy")["flags"]] == [code]


def test_what_is_there_already_or_twice(sandbox: Client) -> None:
    assert errors(send(sandbox, row(), row(), row(orderId="lt_2"))) == [
        ("DUPLICATE_ORDER_ID", 1, "order_id"),
        ("DUPLICATE_CLICK_CONVERSION_IN_REQUEST", 1, "conversions"),
        ("DUPLICATE_CLICK_CONVERSION_IN_REQUEST", 2, "conversions"),
    ]
    assert errors(send(sandbox, row(gclid="other"), row(orderId="lt_3"))) == [
        ("ORDER_ID_ALREADY_IN_USE", 0, "order_id"),
        ("CLICK_CONVERSION_ALREADY_EXISTS", 1, "conversions"),
    ]
    assert errors(send(sandbox, row(conversionAction=f"{ACTION}6"))) == [], "order ids are unique for an action"


def test_a_gclid_with_a_braid_is_a_setting(sandbox: Client) -> None:
    assert errors(send(sandbox, row(wbraid="w"))) == []
    sandbox.set("google_ads_legacy", gclid_with_braid="refuse")
    assert errors(send(sandbox, row(wbraid="w", orderId="lt_2"))) == [("VALUE_MUST_BE_UNSET", 0, "gclid")]


def test_requests_that_are_not_right(sandbox: Client) -> None:
    assert refused(send(sandbox, row(), partialFailure=False)) == (400, "PARTIAL_FAILURE_MODE_REQUIRED")
    assert refused(send(sandbox)) == (400, "REQUIRED_FIELD_MISSING")
    assert refused(send(sandbox, *[row()] * 2001)) == (400, "TOO_MANY_CONVERSIONS_IN_REQUEST")
    assert refused(send(sandbox, *[change()] * 2001, method=ADJUST)) == (400, "TOO_MANY_ADJUSTMENTS_IN_REQUEST")
    assert refused(send(sandbox, row(), jobId="2147483648")) == (400, "INVALID_JOB_ID")
    assert send(sandbox, row(), jobId=7).status == 200


def test_callers_that_may_not(sandbox: Client) -> None:
    assert refused(send(sandbox, row(), access="who")) == (401, "OAUTH_TOKEN_INVALID")
    assert send(sandbox, row(), version="v22").status == 404
    assert sandbox.call("GET", f"/google_ads_legacy/v25/customers/1234567890:{UPLOAD}").status == 404
    sandbox.set("google_oauth", scopes=["https://www.googleapis.com/auth/datamanager"])
    form = {"grant_type": "refresh_token", "refresh_token": "r", "client_id": "c", "client_secret": "s"}
    token = sandbox.call("POST", "/google_oauth/token", form=form).json["access_token"]
    reply = send(sandbox, row(), access=token)
    assert (reply.status, reply.json["error"]["details"][0]["reason"]) == (403, "ACCESS_TOKEN_SCOPE_INSUFFICIENT")
    sandbox.set("google_oauth", scopes=["https://www.googleapis.com/auth/adwords"])
    token = sandbox.call("POST", "/google_oauth/token", form=form).json["access_token"]
    assert send(sandbox, row(), access=token).status == 200


def test_validate_only_keeps_nothing(sandbox: Client) -> None:
    for _ in range(2):
        reply = send(sandbox, row(), row(gclid=None, orderId=None), validateOnly=True)
        assert "results" not in reply.json
        assert errors(reply) == [("REQUIRED", 1, "gclid")]
    assert (sandbox.last("google_ads_legacy")["validation"], sandbox.last("google_ads_legacy")["accepted"]) == (
        True,
        [],
    )


def test_accounts_that_may_not_upload(sandbox: Client) -> None:
    sandbox.set("google_ads_legacy", not_allowed=["1234567890"])
    code = "CUSTOMER_NOT_ALLOWLISTED_FOR_THIS_FEATURE"
    for validate in (False, True):
        reply = send(sandbox, row(), row(gclid=None), validateOnly=validate)
        assert errors(reply) == [(code, 0, "conversions"), (code, 1, "conversions")]
    assert errors(send(sandbox, change(), method=ADJUST)) == [("CONVERSION_NOT_FOUND", 0, "order_id")]
    sandbox.set("google_ads_legacy", adjusting_allowed=False)
    assert errors(send(sandbox, change(), method=ADJUST)) == [(code, 0, "conversion_adjustments")]


def test_values_are_restated_and_conversions_retracted(sandbox: Client) -> None:
    send(sandbox, row(), row(gclid="b", orderId="lt_2"))
    gone = change(adjustmentType="RETRACTION", orderId="lt_2", restatementValue=None)
    assert errors(send(sandbox, change(), gone, method=ADJUST)) == []
    keys = sandbox.call("GET", "/_sandbox/ledger/keys?destination=google_ads_legacy").json["keys"]
    assert [(one["key"], one["value"], one["times"]) for one in keys] == [("lt_1", 20.0, 2), ("lt_2", 0.0, 2)]
    assert errors(send(sandbox, change(), gone, method=ADJUST)) == [
        ("RESTATEMENT_ALREADY_EXISTS", 0, "adjustment_date_time"),
        ("CONVERSION_ALREADY_RETRACTED", 1, "order_id"),
    ]
    older = change(adjustmentDateTime="2026-11-23 10:00:00+00:00")
    assert errors(send(sandbox, older, method=ADJUST)) == [("MORE_RECENT_RESTATEMENT_FOUND", 0, "adjustment_date_time")]


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"adjustmentType": None}, "ENUM_VALUE_NOT_PERMITTED"),
        ({"adjustmentType": "ENHANCEMENT"}, "INVALID_CONVERSION_ACTION_TYPE"),
        ({"adjustmentType": "RETRACTION"}, "REQUIRED"),
        ({"restatementValue": None}, "REQUIRED"),
        ({"restatementValue": {"currencyCode": "EUR"}}, "REQUIRED"),
        ({"restatementValue": {"adjustedValue": 1, "currencyCode": "ABC"}}, "UNSUPPORTED_CURRENCY_CODE"),
        ({"orderId": None}, "REQUIRED"),
        ({"gclidDateTimePair": {"gclid": "Cj0"}}, "GCLID_DATE_TIME_PAIR_AND_ORDER_ID_BOTH_SET"),
        ({"orderId": "lt_9"}, "CONVERSION_NOT_FOUND"),
        ({"adjustmentDateTime": "2026-11-22 10:00:00+00:00"}, "ADJUSTMENT_PRECEDES_CONVERSION"),
        ({"adjustmentDateTime": "yesterday"}, "INVALID_STRING_DATE_TIME_SECONDS_WITH_OFFSET"),
    ],
)
def test_an_adjustment_that_is_not_right(sandbox: Client, changes: dict[str, Any], name: str) -> None:
    send(sandbox, row())
    assert [one[0] for one in errors(send(sandbox, change(**changes), method=ADJUST))] == [name]


def test_a_conversion_too_young_or_too_old_for_another_value(sandbox: Client) -> None:
    send(
        sandbox,
        row(conversionDateTime="2026-11-22 12:00:01+00:00"),
        row(conversionDateTime="2026-09-30 11:59:59+00:00", orderId="lt_2"),
    )
    found = errors(send(sandbox, change(), change(orderId="lt_2"), change(), method=ADJUST))
    assert [one[0] for one in found] == [
        "TOO_RECENT_CONVERSION",
        "CONVERSION_EXPIRED",
        "DUPLICATE_ADJUSTMENT_IN_REQUEST",
        "TOO_RECENT_CONVERSION",
    ]


NOW_S = NOW / SECOND


@pytest.mark.parametrize(
    ("identity", "clicked_s", "name"),
    [
        ({"gclid": "a"}, NOW_S - 6 * 3600, []),
        ({"gclid": "a"}, NOW_S - 6 * 3600 + 1, ["TOO_RECENT_EVENT"]),
        ({"gbraid": "a"}, NOW_S - 90 * 86_400, []),
        ({"gbraid": "a"}, NOW_S - 90 * 86_400 - 1, ["EXPIRED_EVENT"]),
        ({"gclid": "a"}, NOW_S, ["CONVERSION_PRECEDES_EVENT"]),
        ({"gclid": "unknown"}, NOW_S, []),
        ({"userIdentifiers": [{"hashedEmail": HASH}]}, NOW_S - 63 * 86_400, []),
        ({"userIdentifiers": [{"hashedEmail": HASH}]}, NOW_S - 63 * 86_400 - 1, ["EXPIRED_EVENT"]),
    ],
)
def test_a_click_whose_time_is_known_is_judged_by_its_age(
    sandbox: Client, identity: dict[str, Any], clicked_s: float, name: list[str]
) -> None:
    sandbox.set("google_ads_legacy", clicks={"a": clicked_s, HASH: clicked_s})
    reply = send(sandbox, row(conversionDateTime="2026-11-23 11:59:59+00:00", **{"gclid": None, **identity}))
    assert [error for error, _, _ in errors(reply)] == name
