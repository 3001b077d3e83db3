"""Microsoft's sign-in: what is asked, what each answer means, and how accounts are listed."""

from collections.abc import Generator
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import pytest

from leadtrackr.destinations.contract import (
    HTTP_CODES,
    Account,
    AccountTree,
    Asked,
    Grant,
    Outcome,
    Request,
    Response,
    Returned,
)
from leadtrackr.destinations.microsoft import MICROSOFT
from leadtrackr.destinations.microsoft.accounts import list_accounts
from leadtrackr.destinations.microsoft.consent import CONSENT_CODES
from tests.destinations.making import NOON, answer

MANAGE = "https://ads.microsoft.com/msads.manage"
BACK = "http://localhost:8401/oauth/microsoft/callback"
SETTINGS = {"client_id": "app", "client_secret": "a&b=c d", "developer_token": "dev"}
CONSENT = MICROSOFT.consent
assert CONSENT is not None
ADDRESS, EXCHANGE, READ, REFUSED = CONSENT.address, CONSENT.exchange, CONSENT.read, CONSENT.refused
T = TypeVar("T")


def test_the_address() -> None:
    request = ADDRESS(SETTINGS, Asked(redirect_uri=BACK, state="xyz", challenge="c" * 43))
    parts = urlsplit(request.url)
    assert (request.service, parts.netloc, parts.path) == (
        "microsoft_oauth",
        "login.microsoftonline.com",
        "/common/oauth2/v2.0/authorize",
    )
    assert {name: values[0] for name, values in parse_qs(parts.query, strict_parsing=True).items()} == {
        "client_id": "app",
        "response_type": "code",
        "redirect_uri": BACK,
        "response_mode": "query",
        "scope": f"{MANAGE} offline_access",
        "state": "xyz",
        "prompt": "select_account",
        "code_challenge": "c" * 43,
        "code_challenge_method": "S256",
    }


def test_a_tenant_has_addresses_of_its_own() -> None:
    settings = {**SETTINGS, "tenant": "contoso.onmicrosoft.com"}
    page = ADDRESS(settings, Asked(redirect_uri=BACK, state="s", challenge="c"))
    exchange = EXCHANGE(settings, Returned(code="c", redirect_uri=BACK, verifier="v"))
    assert MICROSOFT.auth is not None
    renewal = MICROSOFT.auth.request({**settings, "refresh_token": "r"}, NOON)
    base = "https://login.microsoftonline.com/contoso.onmicrosoft.com/oauth2/v2.0"
    assert page.url.startswith(f"{base}/authorize?")
    assert exchange.url == renewal.url == f"{base}/token"


def test_a_code_is_exchanged_by_a_form() -> None:
    request = EXCHANGE(SETTINGS, Returned(code="M.C5", redirect_uri=BACK, verifier="v" * 43))
    assert request.service == "microsoft_oauth"
    assert parse_qs(request.body.decode(), strict_parsing=True) == {
        "client_id": ["app"],
        "client_secret": ["a&b=c d"],
        "grant_type": ["authorization_code"],
        "code": ["M.C5"],
        "redirect_uri": [BACK],
        "code_verifier": ["v" * 43],
        "scope": [f"{MANAGE} offline_access"],
    }
    native = EXCHANGE({"client_id": "app"}, Returned(code="M.C5", redirect_uri=BACK, verifier="v" * 43))
    assert b"client_secret" not in native.body


def test_a_grant_is_a_refresh_token_and_what_to_list_with() -> None:
    body = {"access_token": "a", "refresh_token": "r", "expires_in": 3600, "scope": f"{MANAGE} openid"}
    assert READ(answer(200, body), NOON) == Grant({"refresh_token": "r"}, frozenset({MANAGE, "openid"}), "a")


def aadsts(number: int, error: str = "invalid_grant") -> dict[str, Any]:
    words = f"AADSTS{number}: So it is. Trace ID: 1 Correlation ID: 2"
    return {"error": error, "error_description": words, "error_codes": [number]}


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (200, {"access_token": "a"}, "refresh_token_missing"),
        (200, {"refresh_token": "r"}, "token_unreadable"),
        (200, b"<html>", "token_unreadable"),
        (400, aadsts(70008), "AADSTS70008"),
        (400, aadsts(54005), "AADSTS54005"),
        (400, aadsts(50011), "AADSTS50011"),
        (400, aadsts(500112), "AADSTS500112"),
        (400, aadsts(50148), "AADSTS50148"),
        (400, aadsts(501481), "AADSTS501481"),
        (401, aadsts(7000215, "invalid_client"), "AADSTS7000215"),
        (401, aadsts(7000218, "invalid_client"), "AADSTS7000218"),
        (401, aadsts(700025, "invalid_client"), "AADSTS700025"),
        (400, aadsts(65001, "consent_required"), "AADSTS65001"),
        (400, aadsts(1, "invalid_grant"), "invalid_grant"),
        (400, {"error": "ok"}, "oauth_refused"),
        (503, b"", "server_error"),
    ],
)
def test_what_is_no_grant(status: int, body: object, code: str) -> None:
    found = READ(answer(status, body), NOON)
    assert isinstance(found, Outcome)
    assert found.code == code
    assert code in MICROSOFT.codes
    assert "Trace ID" not in found.detail


def test_a_code_that_came_too_late_is_not_told_as_a_connection_that_was_not_used() -> None:
    late = READ(answer(400, aadsts(70008)), NOON)
    assert isinstance(late, Outcome)
    assert MICROSOFT.codes[late.code].sentence == CONSENT_CODES["AADSTS70008"].sentence


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("access_denied", "access_denied"),
        ("consent_required", "consent_required"),
        ("interaction_required", "interaction_required"),
        ("temporarily_unavailable", "temporarily_unavailable"),
        ("server_error", "server_error"),
        ("invalid_scope", "invalid_scope"),
        ("anything_new", "oauth_refused"),
        ("timeout", "oauth_refused"),
    ],
)
def test_a_person_who_comes_back_with_an_error(error: str, code: str) -> None:
    assert REFUSED(error).code == code


# Accounts


def walk(steps: Generator[Request, Response, T], *answers: Response) -> tuple[list[Request], T]:
    """The requests, and what comes of these answers."""
    left, asked = list(answers), [next(steps)]
    try:
        while True:
            asked.append(steps.send(left.pop(0)))
    except StopIteration as done:
        assert not left
        found: T = done.value
        return asked, found


def row(number: int, customer: int = 9, **more: object) -> dict[str, Any]:
    return {"Id": number, "ParentCustomerId": customer, "Name": f"Shop {number}", **more}


def test_accounts_stand_under_the_customer_that_owns_them() -> None:
    rows = [
        row(2, 7, Number="F120XYZ", CurrencyCode="EUR", AccountLifeCycleStatus="Active"),
        row(1, 9, AccountLifeCycleStatus="Suspended", Name=None),
        {"Id": "3", "ParentCustomerId": "7", "AccountLifeCycleStatus": "Pause"},
    ]
    user = answer(200, {"User": {"Id": "4711"}, "CustomerRoles": []})
    asked, found = walk(list_accounts(SETTINGS, "tok"), user, answer(200, {"Accounts": rows}))
    assert [request.url.rpartition("/CustomerManagement/v13/")[2] for request in asked] == [
        "User/Query",
        "Accounts/Search",
    ]
    assert asked[1].headers["authorization"] == "Bearer tok"
    assert asked[1].headers["developertoken"] == "dev"
    assert b'"Predicates":[{"Field":"UserId","Operator":"Equals","Value":"4711"}]' in asked[1].body
    assert isinstance(found, AccountTree)
    shown = {one.id: one for one in found.everything()}
    assert [(top.id, top.kind, [one.id for one in top.below]) for top in found.accounts] == [
        ("9", "manager", ["1"]),
        ("7", "manager", ["3", "2"]),
    ]
    assert (shown["2"].name, shown["2"].currency) == ("Shop 2 (F120XYZ)", "EUR")
    assert shown["2"].settings == {"account_id": "2", "customer_id": "7"}
    assert shown["3"].settings == {"account_id": "3", "customer_id": "7"}
    assert (shown["1"].settings, shown["1"].state) == ({}, "suspended")


def test_every_page_is_read_to_an_end() -> None:
    user = answer(200, {"User": {"Id": 1}})
    full = answer(200, {"Accounts": [row(number) for number in range(1000)]})
    asked, found = walk(list_accounts(SETTINGS, "t"), user, full, answer(200, {"Accounts": [row(5000)]}))
    assert [b'"Index":1' in request.body for request in asked] == [False, False, True]
    assert isinstance(found, AccountTree)
    assert len(list(found.everything())) == 1002
    _, cut = walk(list_accounts(SETTINGS, "t"), user, *[full] * 20)
    assert isinstance(cut, AccountTree)
    assert cut.notes == ("Only the first 20,000 accounts are shown.",)


def fault(code: int, name: str) -> dict[str, Any]:
    return {"TrackingId": "t-1", "Errors": [{"Code": code, "ErrorCode": name, "Message": "No."}]}


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (401, fault(105, "InvalidCredentials"), "105"),
        (403, fault(106, "UserIsNotAuthorized"), "106"),
        (401, fault(109, "AuthenticationTokenExpired"), "token_expired"),
        (429, fault(117, "CallRateExceeded"), "117"),
        (400, fault(99999, "BrandNew"), "listing_refused"),
        (401, b"", "token_expired"),
        (404, b"", "version_gone"),
        (418, b"", "listing_refused"),
        (500, b"", "server_error"),
        (200, b"<html>", "listing_refused"),
        (200, {"User": {}}, "listing_refused"),
    ],
)
def test_why_nothing_is_listed(status: int, body: object, code: str) -> None:
    _, found = walk(list_accounts(SETTINGS, "t"), answer(status, body))
    assert isinstance(found, Outcome)
    assert found.code == code
    assert code in MICROSOFT.codes


def test_no_codes_of_the_sign_in_hide_those_of_sending() -> None:
    assert not set(CONSENT_CODES) & set(HTTP_CODES)
    assert Account(id="1", name="", kind="account").settings == {}
