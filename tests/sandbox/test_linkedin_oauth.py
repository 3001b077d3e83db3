"""LinkedIn's page for members, the exchange of its codes, refresh tokens, and what the tokens may do."""

from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pytest

from .client import DAY, SECOND, Client, Clock, Reply

BACK = "https://leads.example.com/oauth/linkedin/callback"
HEADERS = {"LinkedIn-Version": "202609", "X-Restli-Protocol-Version": "2.0.0"}
PAGE = {
    "response_type": "code",
    "client_id": "app",
    "redirect_uri": BACK,
    "state": "xyz",
    "scope": "rw_conversions r_ads",
}
RULES = "/linkedin/rest/conversions?q=account&account=urn%3Ali%3AsponsoredAccount%3A512345678"
ACCOUNTS = "/linkedin/rest/adAccounts?q=search"


@pytest.fixture(autouse=True)
def registered(sandbox: Client) -> None:
    """One app with one address."""
    sandbox.set("linkedin_oauth", clients={"app": "s3cret", "other": "s3cret"}, redirect_uris=[BACK])


def visit(sandbox: Client, **changes: str | None) -> Reply:
    query = {name: value for name, value in {**PAGE, **changes}.items() if value is not None}
    return sandbox.call("GET", f"/linkedin_oauth/oauth/v2/authorization?{urlencode(query, quote_via=quote)}")


def back(reply: Reply, to: str = BACK) -> dict[str, str]:
    assert reply.status == 302, reply.content
    location = reply.headers["Location"]
    assert location.startswith(to)
    return dict(parse_qsl(urlsplit(location).query))


def token(sandbox: Client, **form: str | None) -> Reply:
    whole: dict[str, Any] = {"client_id": "app", "client_secret": "s3cret", **form}
    kept = {name: value for name, value in whole.items() if value is not None}
    return sandbox.call("POST", "/linkedin_oauth/oauth/v2/accessToken", form=kept)


def exchange(sandbox: Client, code: str, **changes: str | None) -> Reply:
    return token(sandbox, **{"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, **changes})


def refresh(sandbox: Client, given: str, **changes: str | None) -> Reply:
    return token(sandbox, **{"grant_type": "refresh_token", "refresh_token": given, **changes})


def read(sandbox: Client, path: str, given: str) -> Reply:
    return sandbox.call("GET", path, headers={**HEADERS, "Authorization": f"Bearer {given}"})


def test_a_code_buys_a_token_of_sixty_days_that_works(sandbox: Client) -> None:
    found = back(visit(sandbox))
    assert found["state"] == "xyz"
    reply = exchange(sandbox, found["code"]).json
    assert (reply["expires_in"], reply["scope"]) == (5_184_000, "r_ads rw_conversions")
    assert "refresh_token" not in reply, "only approved partners get one"
    assert read(sandbox, RULES, reply["access_token"]).status == 200
    assert read(sandbox, ACCOUNTS, reply["access_token"]).json["elements"][0]["id"] == 512345678
    sandbox.set("linkedin_oauth", comma=True)
    assert exchange(sandbox, back(visit(sandbox))["code"]).json["scope"] == "r_ads,rw_conversions"


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": None},
        {"client_id": "nobody"},
        {"redirect_uri": None},
        {"redirect_uri": BACK + "/"},
        {"redirect_uri": BACK.replace("https", "http")},
        {"redirect_uri": BACK + "#part"},
    ],
)
def test_a_wrong_app_sends_nobody_back(sandbox: Client, changes: dict[str, str | None]) -> None:
    reply = visit(sandbox, **changes)
    assert (reply.status, "Location" in reply.headers) == (401, False)
    assert reply.json["error_description"].endswith("doesn't match")


def test_arguments_of_the_address_do_not_matter(sandbox: Client) -> None:
    found = back(visit(sandbox, redirect_uri=f"{BACK}?of=us"))
    assert (found["of"], "code" in found) == ("us", True)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "invalid_request"),
        ({"scope": None}, "invalid_request"),
        ({"scope": "rw_conversions,r_ads"}, "unauthorized_scope_error"),
        ({"scope": "rw_conversions r_liteprofile"}, "unauthorized_scope_error"),
    ],
)
def test_a_wrong_question_is_told_to_the_app(sandbox: Client, changes: dict[str, str | None], error: str) -> None:
    found = back(visit(sandbox, **changes))
    assert (found["error"], found["state"], "code" in found) == (error, "xyz", False)


@pytest.mark.parametrize(
    ("where", "error"), [("login", "user_cancelled_login"), ("authorize", "user_cancelled_authorize")]
)
def test_a_member_who_cancels(sandbox: Client, where: str, error: str) -> None:
    sandbox.set("linkedin_oauth", denied=where)
    found = back(visit(sandbox))
    assert (found["error"], found["state"], "code" in found) == (error, "xyz", False)


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"redirect_uri": BACK + "/"}, 400, "invalid_redirect_uri"),
        ({"redirect_uri": None}, 400, "invalid_request"),
        ({"client_id": "other"}, 400, "invalid_redirect_uri"),
        ({"client_id": None}, 400, "invalid_request"),
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_secret": None}, 400, "invalid_request"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": None}, 400, "invalid_request"),
        ({"code": None}, 400, "invalid_request"),
        ({"code": "made-up"}, 401, "invalid_request"),
    ],
)
def test_a_wrong_exchange_is_refused(sandbox: Client, changes: dict[str, str | None], status: int, error: str) -> None:
    whole = {"grant_type": "authorization_code", "code": back(visit(sandbox))["code"], "redirect_uri": BACK}
    reply = token(sandbox, **{**whole, **changes})
    assert (reply.status, reply.json["error"]) == (status, error)


def test_a_code_is_good_once_and_for_half_an_hour(sandbox: Client, clock: Clock) -> None:
    code = back(visit(sandbox))["code"]
    assert exchange(sandbox, code).status == 200
    assert exchange(sandbox, code).json["error_description"].endswith("authorization code not found")
    late = back(visit(sandbox))["code"]
    clock.now += 1800 * SECOND
    assert exchange(sandbox, late).json["error"] == "invalid_redirect_uri"


def test_a_partners_refresh_token_keeps_its_end(sandbox: Client, clock: Clock) -> None:
    sandbox.set("linkedin_oauth", is_partner=True)
    first = exchange(sandbox, back(visit(sandbox))["code"]).json
    assert first["refresh_token_expires_in"] == 365 * 86_400
    clock.now += 59 * DAY
    again = refresh(sandbox, first["refresh_token"]).json
    assert (again["expires_in"], again["refresh_token_expires_in"]) == (5_184_000, 306 * 86_400)
    assert again["refresh_token"] == first["refresh_token"]
    assert read(sandbox, RULES, again["access_token"]).status == 200
    assert refresh(sandbox, first["refresh_token"], client_secret="wrong").json["error"] == "invalid_client"
    assert refresh(sandbox, first["refresh_token"], client_id="other").json["error"] == "invalid_grant"
    clock.now += 306 * DAY
    assert refresh(sandbox, first["refresh_token"]).json["error"] == "invalid_grant"


def test_refresh_tokens_may_rotate_and_be_revoked(sandbox: Client) -> None:
    sandbox.set("linkedin_oauth", is_partner=True, rotate=True)
    first = exchange(sandbox, back(visit(sandbox))["code"]).json["refresh_token"]
    second = refresh(sandbox, first).json
    assert second["refresh_token"] != first
    assert refresh(sandbox, first).json["error"] == "invalid_grant"
    sandbox.set("linkedin_oauth", revoked=True)
    assert refresh(sandbox, second["refresh_token"]).json["error"] == "invalid_grant"
    assert read(sandbox, RULES, second["access_token"]).json["code"] == "INVALID_ACCESS_TOKEN"


def test_tokens_have_an_end_and_rights(sandbox: Client, clock: Clock) -> None:
    ads_alone = exchange(sandbox, back(visit(sandbox, scope="r_ads"))["code"]).json["access_token"]
    assert read(sandbox, ACCOUNTS, ads_alone).status == 200
    assert read(sandbox, RULES, ads_alone).json["code"] == "ACCESS_DENIED"
    sandbox.set("linkedin_oauth", withheld=["r_ads"])
    sending = exchange(sandbox, back(visit(sandbox))["code"]).json
    assert sending["scope"] == "rw_conversions"
    assert read(sandbox, ACCOUNTS, sending["access_token"]).status == 403
    clock.now += 60 * DAY
    ended = read(sandbox, RULES, sending["access_token"])
    assert (ended.status, ended.json["code"]) == (401, "EXPIRED_ACCESS_TOKEN")


def test_what_is_odd_is_flagged(sandbox: Client) -> None:
    back(visit(sandbox, state=None, code_challenge="c" * 43))
    assert [flag["code"] for flag in sandbox.last("linkedin_oauth")["flags"]] == ["unknown_parameter", "state_missing"]
    assert sandbox.call("GET", "/linkedin_oauth/oauth/v2/accessToken").status == 405
    assert sandbox.call("GET", "/linkedin_oauth/oauth/v2/other").status == 404


def test_ad_accounts_come_page_by_page(sandbox: Client) -> None:
    sandbox.set("linkedin", ad_accounts=[{"id": number} for number in range(1, 6)])
    found, cursor = [], ""
    while True:
        page = read(sandbox, f"{ACCOUNTS}&pageSize=2{cursor}", "any").json
        found += [one["id"] for one in page["elements"]]
        if "nextPageToken" not in page["metadata"]:
            break
        cursor = f"&pageToken={page['metadata']['nextPageToken']}"
    assert found == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    "query", ["", "?q=account", "?q=search&pageSize=0", "?q=search&pageToken=x", "?q=search&start=0"]
)
def test_a_wrong_search_is_refused(sandbox: Client, query: str) -> None:
    assert read(sandbox, f"/linkedin/rest/adAccounts{query}", "any").status == 400
