"""Microsoft Advertising to the byte: addresses, headers, bodies, times, adjustments, windows and every answer."""

import json
from typing import Any
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadtrackr.destinations.contract import Kind, Outcome, PerEvent, Refused, Scope, Token, Whole
from leadtrackr.destinations.microsoft import MICROSOFT, adjust, build, check, missing, window
from leadtrackr.destinations.microsoft.answer import read, read_check
from leadtrackr.destinations.microsoft.codes import CODES, ROWS
from leadtrackr.destinations.microsoft.oauth import MICROSOFT_AUTH, OAUTH_CODES, read_token, token_request
from tests.destinations.making import DAY, HOUR, NOON, SETTINGS, answer, event, lead, names, outcomes, sha

CONNECTION = SETTINGS["microsoft"]
CLICK = "a1b2c3d4e5f60718293a4b5c6d7e8f90"
HOST = "https://campaign.api.bingads.microsoft.com"


def body(of: bytes) -> dict[str, Any]:
    """A request's body."""
    found: dict[str, Any] = json.loads(of)
    return found


def error(code: int, index: int | None = 0, symbol: str = "", **more: Any) -> dict[str, Any]:
    """One item of a list of errors."""
    return {
        "FieldPath": None,
        "ErrorCode": symbol or f"Symbol{code}",
        "Message": "It is wrong.",
        "Code": code,
        "Details": None,
        "Index": index,
        "Type": "BatchError",
        "ForwardCompatibilityMap": None,
        **more,
    }


def partial(*errors: Any) -> dict[str, Any]:
    """An answer with these errors."""
    return {"PartialErrors": list(errors)}


def ad_fault(*codes: int) -> dict[str, Any]:
    """The first form of a fault."""
    listed = [{"Code": one, "Detail": None, "ErrorCode": f"S{one}", "Message": "No."} for one in codes]
    return {"TrackingId": "track-1", "Errors": listed, "Type": "AdApiFaultDetail"}


def api_fault(*operation: int, batch: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """The second form of a fault."""
    listed = [{"Code": one, "Details": None, "ErrorCode": f"S{one}", "Message": "No."} for one in operation]
    return {"TrackingId": "track-2", "BatchErrors": batch or [], "OperationErrors": listed, "Type": "ApiFaultDetail"}


def of_each(status: int, content: object, n: int) -> list[Outcome]:
    """What becomes of n events; the answer has to say it of each."""
    verdict = read(answer(status, content), n)
    assert isinstance(verdict, PerEvent), verdict
    return list(verdict.outcomes)


def whole(status: int, content: object, n: int = 3) -> Outcome:
    """What becomes of all of them alike."""
    verdict = read(answer(status, content), n)
    assert isinstance(verdict, Whole), verdict
    return verdict.outcome


def test_a_conversion_to_the_byte() -> None:
    request = build([event(slug="microsoft")], CONNECTION, "hush-token")
    assert (request.method, request.url) == ("POST", f"{HOST}/CampaignManagement/v13/OfflineConversions/Apply")
    assert request.headers == {
        "content-type": "application/json",
        "authorization": "Bearer hush-token",
        "developertoken": "hush-developer",
        "customerid": "987654321",
        "customeraccountid": "123456789",
    }
    expected = (
        '{"OfflineConversions":[{"ConversionName":"Qualified lead","ConversionTime":"2026-11-21T12:00:00Z",'
        f'"MicrosoftClickId":"{CLICK}","HashedEmailAddress":"{sha("erika.mustermann@example.de")}",'
        f'"HashedPhoneNumber":"{sha("+493012345678")}","ConversionValue":50.00,"ConversionCurrencyCode":"EUR"}}]}}'
    )
    assert request.body.decode() == expected
    assert request.items == (expected.removeprefix('{"OfflineConversions":[').removesuffix("]}").encode(),)


def test_without_consent_to_hashes_only_the_click_id_goes() -> None:
    (one,) = body(build([event(slug="microsoft")], {**CONNECTION, "user_data": "no"}, "t").body)["OfflineConversions"]
    assert "HashedEmailAddress" not in one
    assert "HashedPhoneNumber" not in one
    assert one["MicrosoftClickId"] == CLICK


@pytest.mark.parametrize("click", ["AbC-_.%2B=", CLICK.upper(), " lead ", "ü" * 300])
def test_click_ids_are_sent_letter_for_letter(click: str) -> None:
    one = event(lead(ids={"msclkid": click}), "microsoft")
    assert body(build([one], CONNECTION, "t").body)["OfflineConversions"][0]["MicrosoftClickId"] == click


@pytest.mark.parametrize(
    ("cents", "currency", "text"),
    [(5000, "EUR", "50.00"), (5000, "JPY", "5000"), (5000, "KWD", "5.000"), (0, "USD", "0.00")],
)
def test_values_are_numbers_in_the_currencys_units(cents: int, currency: str, text: str) -> None:
    sent = build([event(slug="microsoft", value_cents=cents, currency=currency)], CONNECTION, "t").body
    assert f'"ConversionValue":{text},"ConversionCurrencyCode":"{currency}"'.encode() in sent


def test_the_time_is_the_conversions_never_before_the_lead_and_always_the_same() -> None:
    early = event(slug="microsoft", happened_at=NOON - DAY)
    (one,) = body(build([early], CONNECTION, "t").body)["OfflineConversions"]
    assert one["ConversionTime"] == "2026-11-20T12:00:00Z"
    fractions = [event(slug="microsoft", happened_at=NOON + DAY + part) for part in (0, 999_999)]
    assert build(fractions[:1], CONNECTION, "t").body == build(fractions[1:], CONNECTION, "t").body


def test_adjustments_to_the_byte() -> None:
    changed: dict[str, Any] = {"slug": "microsoft", "changed_at": NOON + 3 * DAY + 7}
    restated = event(**changed, value_cents=9950, currency="USD")
    retracted = event(**changed, value_cents=None, currency=None, retracted=True)
    request = adjust([restated, retracted], CONNECTION, "hush-token")
    assert request.url == f"{HOST}/CampaignManagement/v13/OfflineConversionAdjustments/Apply"
    keys = (
        f'"ConversionName":"Qualified lead","ConversionTime":"2026-11-21T12:00:00Z","MicrosoftClickId":"{CLICK}",'
        f'"HashedEmailAddress":"{sha("erika.mustermann@example.de")}","HashedPhoneNumber":"{sha("+493012345678")}"'
    )
    at = '"AdjustmentTime":"2026-11-23T12:00:00Z"'
    assert request.body.decode() == (
        f'{{"OfflineConversionAdjustments":[{{{keys},"AdjustmentType":"Restate",{at},"AdjustmentValue":99.50,'
        f'"AdjustmentCurrencyCode":"USD"}},{{{keys},"AdjustmentType":"Retract",{at}}}]}}'
    )
    assert request.headers["authorization"] == "Bearer hush-token"


@pytest.mark.parametrize(("cents", "currency"), [(None, "EUR"), (100, None), (None, None)])
def test_a_new_value_needs_a_currency(cents: int | None, currency: str | None) -> None:
    with pytest.raises(ValueError, match="value with a currency"):
        adjust([event(slug="microsoft", value_cents=cents, currency=currency)], CONNECTION, "t")


def test_an_adjustment_is_never_before_its_conversion() -> None:
    one = event(slug="microsoft", changed_at=NOON, retracted=True)
    (sent,) = body(adjust([one], CONNECTION, "t").body)["OfflineConversionAdjustments"]
    assert sent["AdjustmentTime"] == sent["ConversionTime"]


def test_the_version_is_a_setting() -> None:
    assert "/v14/OfflineConversions/" in build([event()], {**CONNECTION, "api_version": "v14"}, "t").url


def test_the_connection_test_sends_an_empty_list() -> None:
    request = check(CONNECTION, "hush-token")
    assert request.url == f"{HOST}/CampaignManagement/v13/OfflineConversions/Apply"
    assert (request.body, request.items) == (b'{"OfflineConversions":[]}', ())
    for good in (answer(400, api_fault(5600)), answer(200, partial(error(5600, None))), answer(200, partial())):
        assert read_check(good).code == "check_ok"
    assert read_check(answer(401, ad_fault(105))).hold == "credentials"
    assert read_check(answer(400, ad_fault(208))).hold == "configuration"


@pytest.mark.parametrize(
    ("changes", "user_data", "fields"),
    [
        ({}, "yes", []),
        ({}, "no", []),
        ({"ids": {}}, "yes", []),
        ({"ids": {}}, "no", ["msclkid"]),
        ({"ids": {"msclkid": " \t"}}, "no", ["msclkid"]),
        ({"ids": {}, "email": None}, "yes", []),
        ({"ids": {}, "phone": None}, "yes", []),
        ({"ids": {}, "phone": None, "email": None}, "yes", ["msclkid"]),
        ({"ids": {"gclid": "x"}}, "no", ["msclkid"]),
    ],
)
def test_what_is_missing(changes: dict[str, Any], user_data: str, fields: list[str]) -> None:
    found = missing(lead(**changes), {**CONNECTION, "user_data": user_data})
    assert [one.field for one in found] == fields


def test_the_window_opens_an_hour_after_the_lead_and_closes_90_days_after_the_conversion() -> None:
    found = window(event(slug="microsoft"), CONNECTION)
    assert found.opens_at == NOON + HOUR
    assert NOON + 91 * DAY - 61_000_000 <= found.closes_at < NOON + 91 * DAY
    assert window(event(slug="microsoft"), {**CONNECTION, "click_age_hours": "0"}).opens_at == NOON


# What comes back


def test_all_is_well() -> None:
    assert [one.code for one in of_each(200, partial(), 3)] == ["ok"] * 3
    assert [one.code for one in of_each(200, {"PartialErrors": None}, 2)] == ["ok"] * 2


def test_errors_are_placed_by_index_whatever_their_order() -> None:
    found = of_each(200, partial(error(5615, 3), None, error(5604, 0), error(5612, 2)), 5)
    assert [one.code for one in found] == ["5604", "ok", "5612", "5615", "ok"]
    assert [one.kind for one in found[::3]] == [Kind.REJECTED, Kind.RETRY]
    assert found[3].retry_after_s == 7200


@given(st.permutations([(0, 5604), (1, 5606), (2, 5609), (4, 5614)]))
def test_any_order_gives_the_same(errors: list[tuple[int, int]]) -> None:
    found = of_each(200, partial(*(error(code, index) for index, code in errors)), 6)
    assert [one.code for one in found] == ["5604", "5606", "5609", "ok", "5614", "ok"]


def test_of_several_errors_of_one_event_the_final_one_counts() -> None:
    assert of_each(200, partial(error(5612, 0), error(5604, 0)), 1)[0].code == "5604"
    assert of_each(200, partial(error(5604, 0), error(5613, 0)), 1)[0].code == "5613"


@pytest.mark.parametrize("index", [None, -1, 3])
def test_an_error_that_names_no_event_is_pinned_on_none(index: int | None) -> None:
    verdict = read(answer(200, partial(error(5604, 1), error(5610, index))), 3)
    assert isinstance(verdict, Refused)
    assert (verdict.outcome.code, verdict.named) == ("5610", {})
    assert whole(200, partial(error(0, index))).kind is Kind.RETRY


def test_a_new_code_is_told_as_it_is() -> None:
    (found,) = of_each(200, partial(error(5999, 0, "SomethingNew")), 1)
    assert (found.code, found.kind) == ("unexpected", Kind.REJECTED)
    assert found.detail == "5999 SomethingNew It is wrong."


def test_a_name_without_a_number_is_known() -> None:
    (found,) = of_each(200, partial(error(-1, 0, "ConversionAlreadyRetracted")), 1)
    assert (found.code, found.kind) == ("ConversionAlreadyRetracted", Kind.CONFIRMED)
    (found,) = of_each(200, partial(error(7, 0, "AdjustmentOriginalNotFound")), 1)
    assert (found.kind, found.retry_after_s) == (Kind.RETRY, 21_600)


RETRIES = {"0": None, "117": 60, "202": None, "207": 60, "5612": None, "5614": 600, "5615": 7200, "5622": 600}
HOLDS = {
    **dict.fromkeys(names("105 108 120 122 123 124 125"), "credentials"),
    **dict.fromkeys(names("106 116 204 205 208 303 5613"), "configuration"),
}


@pytest.mark.parametrize("code", [code for code in ROWS if code.isdigit()])
@pytest.mark.parametrize("form", ["partial", "ad", "api", "batch"])
def test_every_code_in_every_form(code: str, form: str) -> None:
    number = int(code)
    content = {
        "partial": partial(error(number, 0)),
        "ad": ad_fault(number),
        "api": api_fault(number),
        "batch": api_fault(batch=[error(number, 0)]),
    }[form]
    verdict = read(answer(200 if form == "partial" else 400, content), 1)
    found = outcomes(verdict)[0]
    assert (found.code, found.detail.split()[0]) == (code, code)
    if code in RETRIES:
        assert (found.kind, found.retry_after_s) == (Kind.RETRY, RETRIES[code])
    elif code in HOLDS:
        assert (found.kind, found.hold, found.scope) == (Kind.HOLD, HOLDS[code], Scope.DESTINATION)
    else:
        assert found.kind is Kind.REJECTED


def test_the_codes_of_the_documents_are_all_there() -> None:
    numbers = {int(code) for code in ROWS if code.isdigit()}
    assert set(range(5600, 5628)) <= numbers
    assert {0, 100, 105, 106, 116, 117, 120, 122, 123, 124, 208} <= numbers


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (401, ad_fault(109)),
        (400, api_fault(109)),
        (200, partial(error(109, 1))),
        (200, partial(error(5604, 0), error(109, None))),
        (400, ad_fault(5601, 109)),
        (200, b"<s:Envelope>Authentication token expired</s:Envelope>"),
        (200, b'{"Message": "Authentication Token Expired"}'),
        (401, b""),
        (401, ad_fault(9999)),
    ],
)
def test_an_expired_token_in_every_form(status: int, content: object) -> None:
    found = whole(status, content)
    assert (found.code, found.kind, found.scope) == ("token_expired", Kind.RETRY, Scope.DESTINATION)


def test_a_fault_of_the_whole_stops_everything() -> None:
    found = whole(400, ad_fault(117))
    assert (found.code, found.retry_after_s, found.reference) == ("117", 60, "track-1")
    asked = read(answer(429, ad_fault(117), {"retry-after": "90"}), 3)
    assert isinstance(asked, Whole)
    assert asked.outcome.retry_after_s == 90
    assert whole(500, ad_fault(0)).code == "0"
    assert whole(500, ad_fault(9999)).code == "server_error"
    assert whole(403, ad_fault(9999)).code == "106"
    assert whole(403, b"").hold == "configuration"


def test_a_refused_batch_that_names_its_events() -> None:
    verdict = read(answer(400, api_fault(batch=[error(5604, 2), error(5610, 0)])), 3)
    assert isinstance(verdict, Refused)
    assert {index: one.code for index, one in verdict.named.items()} == {2: "5604", 0: "5610"}


@pytest.mark.parametrize("content", [api_fault(5601), api_fault(5604, batch=[error(5604, 0)]), ad_fault(5999)])
def test_a_refused_batch_that_does_not_is_looked_at_in_parts(content: object) -> None:
    verdict = read(answer(400, content), 3)
    assert isinstance(verdict, Refused)
    assert verdict.named == {}


@pytest.mark.parametrize("status", [404, 410])
def test_a_version_that_is_gone_is_held_and_not_retried(status: int) -> None:
    found = whole(status, b"")
    assert (found.code, found.kind, found.hold) == ("version_gone", Kind.HOLD, "configuration")


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"OK", b'{"PartialErrors": 1}', {"TrackingId": "t"}])
def test_an_answer_that_says_nothing_is_no_success(content: object) -> None:
    found = whole(200, content)
    assert (found.code, found.kind) == ("unreadable", Kind.UNKNOWN)


def test_nothing_personal_stays_of_an_answer() -> None:
    digest = sha("erika.mustermann@example.de")
    (found,) = of_each(200, partial(error(5604, 0, Message=f"{digest} of erika@example.de")), 1)
    assert digest not in found.detail
    assert "erika@example.de" not in found.detail


# The access token


def test_the_request_for_a_token() -> None:
    request = token_request(CONNECTION, NOON)
    assert request.service == "microsoft_oauth"
    assert request.url == "https://login.microsoftonline.com/common/oauth2/v2.0/token"
    assert {name: values[0] for name, values in parse_qs(request.body.decode()).items()} == {
        "client_id": CONNECTION["client_id"],
        "client_secret": "hush-client",
        "grant_type": "refresh_token",
        "refresh_token": "hush-refresh",
        "scope": "https://ads.microsoft.com/msads.manage offline_access",
    }
    native = {name: value for name, value in CONNECTION.items() if name != "client_secret"}
    assert b"client_secret" not in token_request(native, NOON).body


def test_the_next_refresh_token_comes_with_the_access_token() -> None:
    granted = {"token_type": "Bearer", "expires_in": 3600, "access_token": "a", "refresh_token": "r2"}
    scope = {"scope": "https://ads.microsoft.com/msads.manage"}
    assert read_token(answer(200, {**granted, **scope})) == Token("a", 3600, "r2")
    del granted["refresh_token"]
    assert read_token(answer(200, granted)) == Token("a", 3600, None)
    assert MICROSOFT_AUTH.rotates in {field.name for field in MICROSOFT.fields if field.secret}


def refused(body_: object, status: int = 400) -> Outcome:
    """Why there is no token."""
    found = read_token(answer(status, body_))
    assert isinstance(found, Outcome)
    return found


@pytest.mark.parametrize("key", [key for key in OAUTH_CODES if key.startswith("AADSTS")])
def test_every_aadsts_code_is_held_in_words_of_its_own(key: str) -> None:
    number = int(key.removeprefix("AADSTS"))
    words = f"{key}: It is so. Trace ID: 1 Correlation ID: 2 Timestamp: 3"
    found = refused({"error": "invalid_grant", "error_description": words, "error_codes": [number]})
    assert (found.code, found.hold) == (key, "credentials")
    assert found.detail == f"invalid_grant {key}: It is so."


@pytest.mark.parametrize(
    ("status", "content", "code", "kind"),
    [
        (400, {"error": "invalid_grant", "error_codes": [70000]}, "invalid_grant", Kind.HOLD),
        (400, {"error": "invalid_grant"}, "invalid_grant", Kind.HOLD),
        (401, {"error": "invalid_client"}, "invalid_client", Kind.HOLD),
        (400, {"error": "interaction_required"}, "interaction_required", Kind.HOLD),
        (400, {"error": "temporarily_unavailable"}, "temporarily_unavailable", Kind.RETRY),
        (400, {"error": "brand_new"}, "oauth_refused", Kind.HOLD),
        (400, b"<html>", "oauth_refused", Kind.HOLD),
        (503, {"error": "invalid_grant"}, "server_error", Kind.RETRY),
        (429, b"", "rate_limited", Kind.RETRY),
        (200, {"access_token": "", "expires_in": 1}, "token_unreadable", Kind.RETRY),
        (200, b"", "token_unreadable", Kind.RETRY),
        (200, {"access_token": "a", "expires_in": 1, "scope": "openid"}, "scope_missing", Kind.HOLD),
    ],
)
def test_why_there_is_no_token(status: int, content: object, code: str, kind: Kind) -> None:
    found = refused(content, status)
    assert (found.code, found.kind) == (code, kind)
    assert found.code in CODES


def test_the_words_for_a_refresh_token_that_was_lost() -> None:
    row = CODES["invalid_grant"]
    assert "between Microsoft's answer with the next token and its being stored" in row.sentence
    assert row.next_step.startswith("Connect Microsoft Advertising again")
