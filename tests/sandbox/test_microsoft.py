"""The emulator of Microsoft Advertising: each documented stimulus gets its answer. And its token endpoint."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from .client import DAY, NOW, SECOND, Client, Clock, Reply, digest

HEADERS = {
    "Authorization": "Bearer sandbox-any",
    "DeveloperToken": "developer",
    "CustomerId": "1",
    "CustomerAccountId": "2",
}
V13 = "/microsoft/CampaignManagement/v13"
MANAGE = "https://ads.microsoft.com/msads.manage"


def utc(at: int) -> str:
    """Microseconds as Microsoft wants times."""
    return datetime.fromtimestamp(at / SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def conversion(**changes: Any) -> dict[str, Any]:
    """A valid conversion; a change to None takes the field out."""
    one = {
        "ConversionName": "Qualified lead",
        "ConversionTime": utc(NOW - DAY),
        "MicrosoftClickId": "a1b2",
        "ConversionValue": 12.5,
        "ConversionCurrencyCode": "EUR",
        **changes,
    }
    return {name: value for name, value in one.items() if value is not None}


def adjustment(**changes: Any) -> dict[str, Any]:
    """A valid new value for it."""
    return conversion(
        **{
            "ConversionValue": None,
            "ConversionCurrencyCode": None,
            "AdjustmentType": "Restate",
            "AdjustmentTime": utc(NOW - 3600 * SECOND),
            "AdjustmentValue": 20,
            "AdjustmentCurrencyCode": "EUR",
            **changes,
        }
    )


def apply(sandbox: Client, *items: Any, adjust: bool = False, **headers: str) -> Reply:
    """POST these."""
    name = "OfflineConversionAdjustments" if adjust else "OfflineConversions"
    sent = {name_: value for name_, value in {**HEADERS, **headers}.items() if value}
    return sandbox.call("POST", f"{V13}/{name}/Apply", {name: list(items)}, sent)


def errors(reply: Reply) -> list[tuple[int, int, str]]:
    """(index, code, name) of each partial error, in the order of the answer."""
    assert reply.status == 200, reply.content
    return [(one["Index"], one["Code"], one["ErrorCode"]) for one in reply.json["PartialErrors"]]


def fault(reply: Reply) -> tuple[int, int]:
    """HTTP status and code of a fault."""
    listed = reply.json.get("Errors") or reply.json["OperationErrors"]
    return reply.status, listed[0]["Code"]


def test_what_is_right_is_taken(sandbox: Client) -> None:
    hashed = conversion(MicrosoftClickId=None, HashedEmailAddress=digest("a@example.com"))
    bare = conversion(MicrosoftClickId="c3", ConversionValue=None, ConversionCurrencyCode=None)
    reply = apply(sandbox, conversion(), hashed, bare)
    assert (reply.status, reply.json) == (200, {"PartialErrors": []})
    call = sandbox.last("microsoft")
    assert [(row["scope"], row.get("value")) for row in call["accepted"]] == [
        ("2/Qualified lead", 12.5),
        ("2/Qualified lead", 12.5),
        ("2/Qualified lead", None),
    ]
    assert (call["flags"], call["headers"]["DeveloperToken"]) == ([], "***")


REFUSED: list[tuple[dict[str, Any], int]] = [
    ({"MicrosoftClickId": None}, 5603),
    ({"MicrosoftClickId": " "}, 5603),
    ({"MicrosoftClickId": "bad-1"}, 5604),
    ({"MicrosoftClickId": "unknown"}, 5604),
    ({"MicrosoftClickId": 7}, 5604),
    ({"ConversionName": ""}, 5605),
    ({"ConversionName": None}, 5605),
    ({"ConversionName": "Nobody's goal"}, 5606),
    ({"ConversionTime": "20.11.2026"}, 5607),
    ({"ConversionTime": "2026-11-20T10:00:00"}, 5607),
    ({"ConversionTime": "2026-11-20T10:00:00+01:00"}, 5607),
    ({"ConversionTime": "2026-13-20T10:00:00Z"}, 5607),
    ({"ConversionTime": None}, 5608),
    ({"ConversionTime": utc(NOW - 90 * DAY - SECOND)}, 5609),
    ({"ConversionValue": -1}, 5610),
    ({"ConversionValue": "12.5"}, 5610),
    ({"ConversionCurrencyCode": "EURO"}, 5611),
    ({"ConversionTime": utc(NOW + 120 * SECOND)}, 5614),
    ({"ConversionName": "New goal"}, 5615),
    ({"MicrosoftClickId": "clicked", "ConversionTime": utc(NOW - 11 * DAY)}, 5616),
    ({"MicrosoftClickId": "clicked", "ConversionTime": utc(NOW - SECOND)}, 5617),
    ({"HashedEmailAddress": "a@example.com"}, -1),
    ({"HashedPhoneNumber": "+4930123456"}, -1),
    ({"ConversionName": "Plain goal", "HashedPhoneNumber": "a" * 64}, -1),
]


@pytest.mark.parametrize(("changes", "code"), REFUSED)
def test_each_rule_for_a_conversion(sandbox: Client, changes: dict[str, Any], code: int) -> None:
    sandbox.set(
        "microsoft",
        goals=["Qualified lead", "New goal", "Plain goal"],
        new_goals=["New goal"],
        no_hashes=["Plain goal"],
        bad_clicks=["unknown"],
        clicks={"clicked": (NOW - 10 * DAY) // SECOND},
        window_days=5,
    )
    reply = apply(sandbox, conversion(MicrosoftClickId="good"), conversion(**changes))
    assert [one[:2] for one in errors(reply)] == [(1, code)]
    assert [row["index"] for row in sandbox.last("microsoft")["accepted"]] == [0]


ADJUSTMENTS: list[tuple[dict[str, Any], int]] = [
    ({"AdjustmentType": "Delete"}, 5618),
    ({"AdjustmentType": None}, 5618),
    ({"AdjustmentTime": None}, 5619),
    ({"AdjustmentTime": utc(NOW - 2 * DAY)}, 5620),
    ({"AdjustmentTime": "now"}, 5621),
    ({"AdjustmentTime": utc(NOW + 120 * SECOND)}, 5622),
    ({"AdjustmentType": "Retract"}, 5624),
    ({"AdjustmentValue": None}, 5625),
    ({"AdjustmentCurrencyCode": None}, 5626),
    ({"ConversionName": "Fixed goal"}, 5627),
    ({"ConversionTime": utc(NOW - DAY - SECOND)}, -1),
    ({"MicrosoftClickId": "another"}, -1),
]


@pytest.mark.parametrize(("changes", "code"), ADJUSTMENTS)
def test_each_rule_for_an_adjustment(sandbox: Client, changes: dict[str, Any], code: int) -> None:
    sandbox.set("microsoft", no_adjustments=["Fixed goal"])
    apply(sandbox, conversion())
    assert [one[:2] for one in errors(apply(sandbox, adjustment(**changes), adjust=True))] == [(0, code)]


def test_a_conversion_can_be_restated_and_is_retracted_once(sandbox: Client) -> None:
    apply(sandbox, conversion())
    back = adjustment(AdjustmentType="Retract", AdjustmentValue=None, AdjustmentCurrencyCode=None)
    assert errors(apply(sandbox, adjustment(), adjust=True)) == []
    assert errors(apply(sandbox, back, adjust=True)) == []
    assert [one[2] for one in errors(apply(sandbox, back, adjust=True))] == ["ConversionAlreadyRetracted"]
    keys = sandbox.call("GET", "/_sandbox/ledger/keys?destination=microsoft").json["keys"]
    assert [(one["scope"], one["value"]) for one in keys] == [
        ("2/Qualified lead", 12.5),
        ("2/Qualified lead/Restate", 20.0),
        ("2/Qualified lead/Retract", None),
    ]


def test_an_unknown_original_can_be_let_through(sandbox: Client) -> None:
    sandbox.set("microsoft", unknown_original="flag")
    assert errors(apply(sandbox, adjustment(), adjust=True)) == []
    assert [flag["code"] for flag in sandbox.last("microsoft")["flags"]] == ["AdjustmentOriginalNotFound"]


def test_errors_come_in_an_order_of_their_own_and_null_items_are_errors(sandbox: Client) -> None:
    reply = apply(sandbox, conversion(MicrosoftClickId=""), conversion(), None, "text")
    assert [one[:2] for one in errors(reply)] == [(3, 5602), (2, 5602), (0, 5603)]


def test_a_repeat_within_one_request_is_ignored_too(sandbox: Client) -> None:
    apply(sandbox, conversion(), conversion(ConversionValue=99))
    assert [row.get("counts", True) for row in sandbox.last("microsoft")["accepted"]] == [True, False]


def test_unknown_fields_and_values_without_currency_are_flagged(sandbox: Client) -> None:
    apply(sandbox, conversion(TransactionId="x", ConversionCurrencyCode=None))
    assert [flag["code"] for flag in sandbox.last("microsoft")["flags"]] == ["unknown_field", "value_without_currency"]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Authorization": ""}, (400, 116)),
        ({"DeveloperToken": ""}, (400, 116)),
        ({"CustomerId": ""}, (400, 116)),
        ({"CustomerAccountId": ""}, (400, 116)),
        ({"Authorization": "Bearer nobodys"}, (401, 105)),
        ({"DeveloperToken": "bad-1"}, (401, 105)),
        ({"CustomerAccountId": "F107"}, (400, 208)),
        ({"CustomerAccountId": "404"}, (400, 208)),
        ({"CustomerAccountId": "403"}, (403, 106)),
    ],
)
@pytest.mark.parametrize("form", ["ad_api", "api"])
def test_who_may_not(sandbox: Client, headers: dict[str, str], expected: tuple[int, int], form: str) -> None:
    sandbox.set("microsoft", unknown_accounts=["404"], forbidden_accounts=["403"], fault=form)
    reply = apply(sandbox, conversion(), adjust=False, **headers)
    assert fault(reply) == expected
    assert reply.json["Type"] == ("AdApiFaultDetail" if form == "ad_api" else "ApiFaultDetail")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", (400, 100)),
        ([], (400, 100)),
        ({}, (400, 5600)),
        ({"OfflineConversions": []}, (400, 5600)),
        ({"OfflineConversions": [conversion()] * 1001}, (400, 5601)),
    ],
)
def test_a_request_that_holds_no_list(sandbox: Client, body: object, expected: tuple[int, int]) -> None:
    assert fault(sandbox.call("POST", f"{V13}/OfflineConversions/Apply", body, HEADERS)) == expected


def test_other_versions_and_addresses(sandbox: Client) -> None:
    path = "/microsoft/CampaignManagement/v12/OfflineConversions/Apply"
    assert fault(sandbox.call("POST", path, {}, HEADERS)) == (400, 303)
    assert sandbox.call("POST", "/microsoft/CampaignManagement/v13/Other/Apply", {}, HEADERS).status == 404
    sandbox.set("microsoft", retired_versions=["v13"])
    assert fault(apply(sandbox, conversion())) == (400, 303)


def test_faults_have_microsofts_form(sandbox: Client) -> None:
    for status, code in ((401, 109), (403, 106), (429, 117), (500, 0), (400, 201)):
        sandbox.call("DELETE", "/_sandbox/faults")
        sandbox.fault({"destination": "microsoft", "status": status})
        assert fault(apply(sandbox, conversion())) == (status, code)


def test_a_poison_event_is_named(sandbox: Client) -> None:
    sandbox.fault({"destination": "microsoft", "reject_event": 1})
    items = [conversion(MicrosoftClickId=f"c{number}") for number in range(3)]
    assert [one[:2] for one in errors(apply(sandbox, *items))] == [(1, 5604)]


# The token endpoint


def ask(sandbox: Client, **form: str) -> Reply:
    """A refresh token's exchange."""
    full = {
        "grant_type": "refresh_token",
        "client_id": "app",
        "client_secret": "s3cret",
        "refresh_token": "first",
        "scope": f"{MANAGE} offline_access",
        **form,
    }
    return sandbox.call("POST", "/microsoft_oauth/common/oauth2/v2.0/token", form=full)


def refusal(reply: Reply) -> tuple[int, str, int]:
    """Status, error and AADSTS code."""
    assert reply.json["error_description"].startswith(f"AADSTS{reply.json['error_codes'][0]}: ")
    return reply.status, reply.json["error"], reply.json["error_codes"][0]


def test_each_use_gives_the_next_refresh_token_and_ends_the_old_one(sandbox: Client) -> None:
    first = ask(sandbox)
    assert first.headers["Cache-Control"] == "no-store"
    assert (first.json["token_type"], first.json["expires_in"], first.json["scope"]) == ("Bearer", 3600, MANAGE)
    assert refusal(ask(sandbox)) == (400, "invalid_grant", 70000)
    second = ask(sandbox, refresh_token=first.json["refresh_token"])
    assert second.json["refresh_token"] not in ("first", first.json["refresh_token"])
    for token in (first.json["access_token"], second.json["access_token"]):
        assert apply(sandbox, conversion(), Authorization=f"Bearer {token}").status == 200


def test_a_grace_leaves_the_old_one_good_for_a_while(sandbox: Client, clock: Clock) -> None:
    sandbox.set("microsoft_oauth", grace_s=60)
    assert ask(sandbox).status == 200
    clock.now += 60 * SECOND - 1
    assert ask(sandbox).status == 200
    clock.now += 1
    assert refusal(ask(sandbox)) == (400, "invalid_grant", 70000)


def test_without_rotation_no_other_token_comes(sandbox: Client) -> None:
    sandbox.set("microsoft_oauth", rotate=False)
    assert "refresh_token" not in ask(sandbox).json
    assert ask(sandbox).status == 200


def test_an_unused_refresh_token_ends(sandbox: Client, clock: Clock) -> None:
    token = ask(sandbox).json["refresh_token"]
    clock.now += 90 * DAY + 1
    assert refusal(ask(sandbox, refresh_token=token)) == (400, "invalid_grant", 700082)


def test_an_access_token_ends(sandbox: Client, clock: Clock) -> None:
    sandbox.set("microsoft_oauth", lifetime_s=10)
    bearer = f"Bearer {ask(sandbox).json['access_token']}"
    assert apply(sandbox, conversion(), Authorization=bearer).status == 200
    clock.now += 10 * SECOND
    assert fault(apply(sandbox, conversion(), Authorization=bearer)) == (401, 109)
    sandbox.set("microsoft", expired_in_success=True)
    reply = apply(sandbox, conversion(), Authorization=bearer)
    assert (reply.status, b"Authentication token expired" in reply.content) == (200, True)


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({"refresh_token": "revoked-1"}, (400, "invalid_grant", 50173)),
        ({"refresh_token": ""}, (400, "invalid_request", 900144)),
        ({"client_id": ""}, (400, "invalid_request", 900144)),
        ({"client_id": "other"}, (400, "unauthorized_client", 700016)),
        ({"client_secret": "wrong"}, (401, "invalid_client", 7000215)),
        ({"grant_type": "password"}, (400, "unsupported_grant_type", 70003)),
        ({"scope": "offline_access"}, (400, "invalid_scope", 70011)),
        ({"scope": "https://graph.microsoft.com/.default"}, (400, "invalid_grant", 65001)),
    ],
)
def test_bad_requests_for_a_token(sandbox: Client, form: dict[str, str], expected: tuple[int, str, int]) -> None:
    sandbox.set("microsoft_oauth", clients={"app": "s3cret"})
    assert refusal(ask(sandbox, **form)) == expected
    assert ask(sandbox).status == 200, "a refused request uses nothing up"


def test_a_revoked_grant_is_dead_with_its_access_tokens(sandbox: Client) -> None:
    bearer = f"Bearer {ask(sandbox).json['access_token']}"
    sandbox.set("microsoft_oauth", revoked=True)
    assert refusal(ask(sandbox, refresh_token="another")) == (400, "invalid_grant", 50173)
    assert fault(apply(sandbox, conversion(), Authorization=bearer)) == (401, 105)


def test_the_ledger_shows_no_secret(sandbox: Client) -> None:
    token = ask(sandbox, refresh_token="hush-1").json["access_token"]
    apply(sandbox, conversion(), Authorization=f"Bearer {token}", DeveloperToken="hush-2")
    shown = json.dumps(sandbox.call("GET", "/_sandbox/ledger").json)
    assert "hush" not in shown
    assert token not in shown


def test_other_methods_and_addresses(sandbox: Client) -> None:
    assert sandbox.call("GET", "/microsoft_oauth/common/oauth2/v2.0/token").status == 405
    assert sandbox.call("POST", "/microsoft_oauth/token", form={}).status == 404
