"""The Google Ads API: what it refuses, and that its answers have the form of proto3 JSON."""

from typing import Any

import pytest

from .client import Client, Reply

AGENCY, SHOP, BAKERY = "9876543210", "1234567890", "2345678901"
LEVELS = "SELECT customer_client.id, customer_client.level, customer_client.manager FROM customer_client"
ACTIONS = "SELECT conversion_action.id, conversion_action.name FROM conversion_action"


def send(sandbox: Client, path: str, body: object = None, bearer: str = "sandbox-x", **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    sent = {"Authorization": f"Bearer {bearer}", **named}
    return sandbox.call("GET" if body is None else "POST", f"/google_ads_api/{path}", body, sent)


def search(sandbox: Client, query: str, customer: str = SHOP, login: str | None = None, **more: Any) -> Reply:
    headers = {} if login is None else {"login_customer_id": login}
    return send(sandbox, f"v25/customers/{customer}/googleAds:search", {"query": query, **more}, **headers)


def create(sandbox: Client, customer: str = SHOP, **changes: Any) -> Reply:
    made = {"name": "Qualified", "type": "UPLOAD_CLICKS", "category": "QUALIFIED_LEAD", **changes}
    body = {"operations": [{"create": {name: value for name, value in made.items() if value is not None}}]}
    return send(sandbox, f"v25/customers/{customer}/conversionActions:mutate", body)


def refusal(reply: Reply) -> tuple[int, str]:
    """Status and code; the first error's, or that of the request as a whole."""
    (detail, *_) = reply.json["error"]["details"]
    if "reason" in detail:
        return reply.status, detail["reason"]
    assert detail["@type"] == "type.googleapis.com/google.ads.googleads.v25.errors.GoogleAdsFailure"
    ((code,),) = [list(error["errorCode"].values()) for error in detail["errors"]]
    return reply.status, code


def test_accessible_customers(sandbox: Client) -> None:
    reply = send(sandbox, "v25/customers:listAccessibleCustomers")
    assert reply.json == {"resourceNames": [f"customers/{AGENCY}", f"customers/{SHOP}"]}
    assert reply.headers["request-id"]


def test_rows_are_proto3_json(sandbox: Client) -> None:
    reply = search(sandbox, LEVELS, AGENCY)
    first, second = (row["customerClient"] for row in reply.json["results"][:2])
    assert first == {
        "resourceName": f"customers/{AGENCY}/customerClients/{AGENCY}",
        "id": AGENCY,
        "manager": True,
    }
    assert second == {"resourceName": f"customers/{AGENCY}/customerClients/{SHOP}", "id": SHOP, "level": "1"}
    sandbox.set("google_ads_api", sparse=False)
    assert search(sandbox, LEVELS, AGENCY).json["results"][0]["customerClient"]["level"] == "0"


def test_conditions_pick_rows(sandbox: Client) -> None:
    def ids(where: str) -> list[str]:
        rows = search(sandbox, f"{LEVELS} WHERE {where}", AGENCY).json.get("results", [])
        return [row["customerClient"]["id"] for row in rows]

    assert ids("customer_client.level <= 0") == [AGENCY]
    assert ids("customer_client.level = 1 AND customer_client.manager = FALSE") == [SHOP, BAKERY]
    assert ids("customer_client.status IN ('CLOSED', 'SUSPENDED')") == []
    assert ids(f"customer_client.id != {SHOP}") == [AGENCY, BAKERY]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "EXPECTED_SELECT"),
        ("DELETE FROM customer", "EXPECTED_SELECT"),
        ("SELECT campaign.id FROM campaign", "BAD_RESOURCE_TYPE_IN_FROM_CLAUSE"),
        ("SELECT customer_client.nothing FROM customer_client", "UNRECOGNIZED_FIELD"),
        (f"{LEVELS} WHERE customer_client.nothing = 1", "UNRECOGNIZED_FIELD"),
        (f"{LEVELS} WHERE customer_client.level LIKES 1", "EXPECTED_CONDITION_OPERATOR"),
        (f"{LEVELS} WHERE customer_client.level = 'x'", "INVALID_VALUE_WITH_COMPARISON_OPERATOR"),
        (f"{LEVELS} WHERE customer_client.status = x y", "BAD_VALUE"),
    ],
)
def test_queries_that_are_refused(sandbox: Client, query: str, code: str) -> None:
    assert refusal(search(sandbox, query)) == (400, code)


def test_pages(sandbox: Client) -> None:
    sandbox.set("google_ads_api", page_rows=2)
    first = search(sandbox, LEVELS, AGENCY).json
    second = search(sandbox, LEVELS, AGENCY, pageToken=first["nextPageToken"]).json
    assert [len(page["results"]) for page in (first, second)] == [2, 1]
    assert "nextPageToken" not in second
    other = search(sandbox, ACTIONS, AGENCY, pageToken=first["nextPageToken"])
    assert refusal(other) == (400, "INVALID_PAGE_TOKEN")
    assert refusal(search(sandbox, LEVELS, pageSize=10)) == (400, "PAGE_SIZE_NOT_SUPPORTED")
    assert search(sandbox, LEVELS, size=10).status == 400


@pytest.mark.parametrize(
    ("customer", "login", "expected"),
    [
        (BAKERY, AGENCY, None),
        (BAKERY, None, (403, "USER_PERMISSION_DENIED")),
        (BAKERY, SHOP, (403, "USER_PERMISSION_DENIED")),
        (AGENCY, SHOP, (403, "USER_PERMISSION_DENIED")),
        ("5555555555", None, (403, "USER_PERMISSION_DENIED")),
        (SHOP, "987-654-3210", (400, "INVALID_LOGIN_CUSTOMER_ID")),
        ("123-456-7890", None, (400, "INVALID_CUSTOMER_ID")),
    ],
)
def test_the_way_to_an_account(
    sandbox: Client, customer: str, login: str | None, expected: tuple[int, str] | None
) -> None:
    reply = search(sandbox, LEVELS, customer, login)
    assert (reply.status == 200) if expected is None else (refusal(reply) == expected)


def test_who_may_ask(sandbox: Client) -> None:
    path = "v25/customers:listAccessibleCustomers"
    assert refusal(send(sandbox, path, bearer="made-up")) == (401, "ACCESS_TOKEN_EXPIRED")
    sandbox.set("google_oauth", scopes=["https://www.googleapis.com/auth/datamanager"])
    form = {"grant_type": "refresh_token", "client_id": "a", "client_secret": "b", "refresh_token": "c"}
    token = sandbox.call("POST", "/google_oauth/token", form=form).json["access_token"]
    assert refusal(send(sandbox, path, bearer=token)) == (403, "ACCESS_TOKEN_SCOPE_INSUFFICIENT")
    assert send(sandbox, "v22/customers:listAccessibleCustomers").status == 404
    assert send(sandbox, "v25/customers:list").status == 404


def test_an_action_is_made_and_found(sandbox: Client) -> None:
    value = {"defaultValue": 25, "defaultCurrencyCode": "EUR", "alwaysUseDefaultValue": True}
    made = create(sandbox, countingType="ONE_PER_CLICK", clickThroughLookbackWindowDays=60, valueSettings=value)
    (result,) = made.json["results"]
    rows = search(sandbox, f"{ACTIONS} WHERE conversion_action.type = 'UPLOAD_CLICKS'").json["results"]
    assert [row["conversionAction"]["name"] for row in rows] == ["Imported lead", "Qualified"]
    assert rows[1]["conversionAction"]["resourceName"] == result["resourceName"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"name": None}, "REQUIRED"),
        ({"name": "Imported lead"}, "DUPLICATE_NAME"),
        ({"name": "x" * 101}, "TOO_LONG"),
        ({"type": None}, "REQUIRED"),
        ({"type": "IMPORT"}, "UNKNOWN"),
        ({"category": "LEAD"}, "UNKNOWN"),
        ({"countingType": "ONE"}, "UNKNOWN"),
        ({"clickThroughLookbackWindowDays": 91}, "TOO_HIGH"),
        ({"clickThroughLookbackWindowDays": 0}, "TOO_HIGH"),
        ({"valueSettings": {"defaultValue": "much"}}, "TOO_LOW"),
        ({"valueSettings": {"defaultCurrencyCode": "EURO"}}, "UNSUPPORTED"),
        ({"counting": "ONE_PER_CLICK"}, "UNKNOWN"),
        ({"valueSettings": {"value": 1}}, "UNKNOWN"),
    ],
)
def test_actions_that_are_refused(sandbox: Client, changes: dict[str, Any], code: str) -> None:
    assert refusal(create(sandbox, **changes)) == (400, code)
    assert len(search(sandbox, ACTIONS).json["results"]) == 2


def test_an_action_that_is_only_validated_is_not_made(sandbox: Client) -> None:
    body = {"operations": [{"create": {"name": "New", "type": "UPLOAD_CLICKS"}}], "validateOnly": True}
    assert send(sandbox, f"v25/customers/{SHOP}/conversionActions:mutate", body).json == {}
    assert len(search(sandbox, ACTIONS).json["results"]) == 2
