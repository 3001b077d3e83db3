"""Microsoft's page for people, the exchange of its codes, and who is behind the tokens."""

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from .client import DAY, SECOND, Client, Clock, Reply

MANAGE = "https://ads.microsoft.com/msads.manage"
BACK = "https://leads.example.com/oauth/microsoft/callback"
LOCAL = "http://localhost/oauth/microsoft/callback"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
LOGIN = "/microsoft_oauth/common/oauth2/v2.0"
PAGE = {
    "client_id": "app",
    "redirect_uri": BACK,
    "response_type": "code",
    "response_mode": "query",
    "scope": f"{MANAGE} offline_access",
    "state": "xyz",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}


@pytest.fixture(autouse=True)
def registered(sandbox: Client) -> None:
    """A web app, a native one without a secret, and two addresses."""
    sandbox.set(
        "microsoft_oauth", clients={"app": "s3cret", "other": "s3cret", "native": ""}, redirect_uris=[BACK, LOCAL]
    )


def visit(sandbox: Client, **changes: str | None) -> Reply:
    query = {name: value for name, value in {**PAGE, **changes}.items() if value is not None}
    return sandbox.call("GET", f"{LOGIN}/authorize?{urlencode(query)}")


def back(reply: Reply, to: str = BACK) -> dict[str, str]:
    assert reply.status == 302, reply.content
    location = reply.headers["Location"]
    assert location.startswith(f"{to}?")
    return dict(parse_qsl(urlsplit(location).query))


def exchange(sandbox: Client, code: str, **changes: str | None) -> Reply:
    form: dict[str, Any] = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": BACK,
        "client_id": "app",
        "client_secret": "s3cret",
        "code_verifier": VERIFIER,
        "scope": f"{MANAGE} offline_access",
        **changes,
    }
    kept = {name: value for name, value in form.items() if value is not None}
    return sandbox.call("POST", f"{LOGIN}/token", form=kept)


def refresh(sandbox: Client, token: str) -> Reply:
    form = {"grant_type": "refresh_token", "client_id": "app", "client_secret": "s3cret", "scope": MANAGE}
    return sandbox.call("POST", f"{LOGIN}/token", form={**form, "refresh_token": token})


def ask(sandbox: Client, what: str, body: object, **headers: str) -> Reply:
    sent = {"Authorization": "Bearer sandbox-any", "DeveloperToken": "dev", **headers}
    return sandbox.call("POST", f"/microsoft_customers/CustomerManagement/v13/{what}", body, sent)


def number(reply: Reply) -> int:
    found: int = reply.json["error_codes"][0]
    return found


def test_a_code_buys_tokens_that_work_and_rotate(sandbox: Client) -> None:
    found = back(visit(sandbox))
    assert found["state"] == "xyz"
    first = exchange(sandbox, found["code"]).json
    assert first["scope"] == MANAGE, "offline_access shows in the refresh token alone"
    bearer = {"Authorization": f"Bearer {first['access_token']}"}
    assert ask(sandbox, "User/Query", {}, **bearer).json["User"]["Id"] == 4711
    second = refresh(sandbox, first["refresh_token"]).json
    assert second["refresh_token"] != first["refresh_token"]
    assert number(refresh(sandbox, first["refresh_token"])) == 70000
    assert refresh(sandbox, second["refresh_token"]).status == 200


def test_without_offline_access_no_refresh_token_comes(sandbox: Client) -> None:
    assert "refresh_token" not in exchange(sandbox, back(visit(sandbox, scope=MANAGE))["code"]).json


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"client_id": None}, "AADSTS900144"),
        ({"client_id": "nobody"}, "AADSTS700016"),
        ({"redirect_uri": None}, "AADSTS900971"),
        ({"redirect_uri": BACK + "/"}, "AADSTS50011"),
        ({"redirect_uri": BACK.replace("https", "http")}, "AADSTS50011"),
        ({"redirect_uri": BACK.replace(".com", ".com:8443")}, "AADSTS50011"),
        ({"redirect_uri": LOCAL.replace("localhost", "127.0.0.1:8401")}, "AADSTS50011"),
        ({"redirect_uri": LOCAL.replace("localhost/", "localhost:8401/other/")}, "AADSTS50011"),
    ],
)
def test_a_wrong_app_sends_nobody_back(sandbox: Client, changes: dict[str, str | None], words: str) -> None:
    reply = visit(sandbox, **changes)
    assert reply.status == 400
    assert reply.json["error_description"].startswith(words)
    assert "Location" not in reply.headers


def test_the_port_of_localhost_does_not_matter(sandbox: Client) -> None:
    local = LOCAL.replace("localhost", "localhost:8401")
    code = back(visit(sandbox, redirect_uri=local), local)["code"]
    assert number(exchange(sandbox, code, redirect_uri=LOCAL)) == 500112, "but it is the same in both requests"
    code = back(visit(sandbox, redirect_uri=local), local)["code"]
    assert exchange(sandbox, code, redirect_uri=local).status == 200


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"scope": None}, "invalid_scope"),
        ({"scope": "offline_access"}, "invalid_scope"),
        ({"scope": "https://graph.microsoft.com/mail.read"}, "invalid_scope"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge_method": "S512"}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
    ],
)
def test_a_wrong_question_is_told_to_the_app(sandbox: Client, changes: dict[str, str | None], error: str) -> None:
    found = back(visit(sandbox, **changes))
    assert (found["error"], found["state"]) == (error, "xyz")
    assert found["error_description"].startswith("AADSTS")
    assert "code" not in found


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"redirect_uri": BACK + "/"}, 500112),
        ({"redirect_uri": None}, 500112),
        ({"code_verifier": "w" * 43}, 501481),
        ({"code_verifier": None}, 50148),
        ({"client_id": "other"}, 70000),
        ({"client_secret": "wrong"}, 7000215),
        ({"client_secret": None}, 7000218),
        ({"client_id": "native"}, 700025),
        ({"client_id": "nobody"}, 700016),
        ({"grant_type": "password"}, 70003),
    ],
)
def test_a_wrong_exchange_is_refused(sandbox: Client, changes: dict[str, str | None], expected: int) -> None:
    reply = exchange(sandbox, back(visit(sandbox))["code"], **changes)
    assert (number(reply), reply.status >= 400) == (expected, True)


def test_a_native_app_needs_no_secret(sandbox: Client) -> None:
    code = back(visit(sandbox, client_id="native"))["code"]
    assert exchange(sandbox, code, client_id="native", client_secret=None).status == 200


def test_a_code_is_good_once_and_for_ten_minutes(sandbox: Client, clock: Clock) -> None:
    code = back(visit(sandbox))["code"]
    assert exchange(sandbox, code).status == 200
    assert number(exchange(sandbox, code)) == 54005
    late = back(visit(sandbox))["code"]
    clock.now += 600 * SECOND
    assert number(exchange(sandbox, late)) == 70008
    assert number(exchange(sandbox, "made-up")) == 70000


def test_a_failed_exchange_uses_the_code_up(sandbox: Client) -> None:
    code = back(visit(sandbox))["code"]
    assert number(exchange(sandbox, code, code_verifier="w" * 43)) == 501481
    assert number(exchange(sandbox, code)) == 54005


def test_a_person_who_does_not_accept(sandbox: Client) -> None:
    sandbox.set("microsoft_oauth", denied=True)
    found = back(visit(sandbox))
    assert (found["error"], found["state"]) == ("access_denied", "xyz")


def test_what_is_withheld_is_not_granted(sandbox: Client) -> None:
    sandbox.set("microsoft_oauth", withheld=[MANAGE])
    reply = exchange(sandbox, back(visit(sandbox))["code"]).json
    assert reply["scope"] == ""
    bearer = {"Authorization": f"Bearer {reply['access_token']}"}
    assert ask(sandbox, "User/Query", {}, **bearer).json["Errors"][0]["Code"] == 105
    assert number(refresh(sandbox, reply["refresh_token"])) == 65001


def test_a_refresh_token_of_a_code_ends_when_it_is_not_used(sandbox: Client, clock: Clock) -> None:
    token = exchange(sandbox, back(visit(sandbox))["code"]).json["refresh_token"]
    clock.now += 91 * DAY
    assert number(refresh(sandbox, token)) == 700082


def test_what_is_odd_is_flagged(sandbox: Client) -> None:
    back(visit(sandbox, state=None, access_type="offline"))
    assert [flag["code"] for flag in sandbox.last("microsoft_oauth")["flags"]] == ["unknown_parameter", "state_missing"]


# Customer Management


def search(sandbox: Client, user: str = "4711", **page: int) -> Reply:
    predicate = {"Field": "UserId", "Operator": "Equals", "Value": user}
    info: dict[str, int] = {"Index": 0, "Size": 10, **page}
    return ask(sandbox, "Accounts/Search", {"Predicates": [predicate], "PageInfo": info})


def test_a_users_accounts_come_page_by_page(sandbox: Client) -> None:
    assert [one["Id"] for one in search(sandbox).json["Accounts"]] == [123456789, 223456789]
    second = search(sandbox, Index=1, Size=1).json["Accounts"]
    assert [(one["Name"], one["ParentCustomerId"]) for one in second] == [("Sandbox Florist", 987654321)]
    assert search(sandbox, Index=2, Size=1).json == {"Accounts": []}
    assert search(sandbox, user="1").json == {"Accounts": []}
    sandbox.set("microsoft_customers", text_ids=True)
    assert search(sandbox).json["Accounts"][0]["Id"] == "123456789"


@pytest.mark.parametrize(
    ("what", "body", "headers", "code"),
    [
        ("User/Query", [], {}, 100),
        ("User/Query", {"UserId": 1}, {}, 106),
        ("User/Query", {}, {"DeveloperToken": ""}, 116),
        ("User/Query", {}, {"DeveloperToken": "bad-one"}, 105),
        ("User/Query", {}, {"Authorization": "Bearer made-up"}, 105),
        ("Accounts/Search", {"PageInfo": {"Index": 0, "Size": 1}}, {}, 201),
        ("Accounts/Search", {"Predicates": [{"Field": "CustomerId", "Operator": "Equals", "Value": "1"}]}, {}, 201),
        ("Accounts/Search", {"Predicates": [{"Field": "UserId", "Operator": "Equals", "Value": "1"}]}, {}, 203),
    ],
)
def test_what_customer_management_refuses(
    sandbox: Client, what: str, body: object, headers: dict[str, str], code: int
) -> None:
    reply = ask(sandbox, what, body, **headers)
    assert (reply.status >= 400, reply.json["Errors"][0]["Code"]) == (True, code)


def test_pages_have_bounds_and_tokens_an_end(sandbox: Client, clock: Clock) -> None:
    for index, size in ((0, 1001), (0, 0), (-1, 10)):
        assert search(sandbox, Index=index, Size=size).json["Errors"][0]["Code"] == 201
    token = exchange(sandbox, back(visit(sandbox))["code"]).json["access_token"]
    clock.now += 3600 * SECOND
    reply = ask(sandbox, "User/Query", {}, Authorization=f"Bearer {token}")
    assert (reply.status, reply.json["Errors"][0]["Code"]) == (401, 109)
    assert sandbox.call("POST", "/microsoft_customers/CustomerManagement/v12/User/Query", {}).json["Errors"]
    assert sandbox.call("GET", "/microsoft_customers/CustomerManagement/v13/User/Query").status == 404
