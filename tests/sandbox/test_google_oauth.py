"""The token endpoint, and its tokens at the Data Manager emulator."""

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from .client import NOW, SECOND, Ads, Client, Clock, Reply

DATAMANAGER = "https://www.googleapis.com/auth/datamanager"
ADWORDS = "https://www.googleapis.com/auth/adwords"
EMAIL = "robot@project.iam.gserviceaccount.com"
GOOD = {"grant_type": "refresh_token", "client_id": "app", "client_secret": "s3cret", "refresh_token": "1//refresh"}


def ask(sandbox: Client, **form: str) -> Reply:
    return sandbox.call("POST", "/google_oauth/token", form=form)


def refusal(reply: Reply) -> tuple[int, str]:
    return reply.status, reply.json["error"]


def test_a_refresh_token_buys_an_access_token_that_works(ads: Ads) -> None:
    reply = ask(ads.client, **GOOD)
    assert reply.status == 200
    assert reply.headers["Cache-Control"] == "no-store"
    token = reply.json.pop("access_token")
    assert {**reply.json, "access_token": None} == {
        "access_token": None,
        "expires_in": 3599,
        "scope": f"{ADWORDS} {DATAMANAGER}",
        "token_type": "Bearer",
    }
    ads.token = token
    assert ads.ingest().status == 200


def test_the_ledger_shows_no_secret(sandbox: Client) -> None:
    ask(sandbox, **GOOD)
    shown = sandbox.last("google_oauth")
    assert shown["body"] == {**GOOD, "client_secret": "***", "refresh_token": "***"}
    sandbox.call("POST", "/google_oauth/token", b"refresh_token=1//refresh&grant_type=refresh_token")
    assert "1//refresh" not in sandbox.call("GET", "/_sandbox/ledger").content.decode()


def test_client_credentials_may_come_as_basic(sandbox: Client) -> None:
    sandbox.set("google_oauth", clients={"app": "s3cret"})
    form = {"grant_type": "refresh_token", "refresh_token": "x"}
    for secret, status in (("s3cret", 200), ("wrong", 401)):
        headers = {"Authorization": "Basic " + base64.b64encode(f"app:{secret}".encode()).decode()}
        assert sandbox.call("POST", "/google_oauth/token", headers=headers, form=form).status == status
    reply = sandbox.call("POST", "/google_oauth/token", headers={"Authorization": "Basic ?"}, form=form)
    assert refusal(reply) == (401, "invalid_client")


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"refresh_token": "revoked-1"}, 400, "invalid_grant"),
        ({"refresh_token": ""}, 400, "invalid_request"),
        ({"client_secret": ""}, 400, "invalid_request"),
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": "other"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": ""}, 400, "invalid_request"),
        ({"scope": "https://www.googleapis.com/auth/drive"}, 400, "invalid_scope"),
    ],
)
def test_a_bad_request_is_refused(sandbox: Client, changes: dict[str, str], status: int, code: str) -> None:
    sandbox.set("google_oauth", clients={"app": "s3cret"})
    assert refusal(ask(sandbox, **{**GOOD, **changes})) == (status, code)


def test_json_is_no_form(sandbox: Client) -> None:
    assert refusal(sandbox.call("POST", "/google_oauth/token", GOOD)) == (400, "invalid_request")


def test_other_addresses_and_methods_are_refused(sandbox: Client) -> None:
    assert sandbox.call("GET", "/google_oauth/token").status == 405
    assert sandbox.call("POST", "/google_oauth/tokens").status == 404


def test_a_revoked_grant_is_dead_with_its_access_tokens(ads: Ads) -> None:
    ads.token = ask(ads.client, **GOOD).json["access_token"]
    ads.client.set("google_oauth", revoked_tokens=[GOOD["refresh_token"]])
    assert ads.ingest().status == 401
    reply = ask(ads.client, **GOOD)
    assert (reply.status, reply.json) == (
        400,
        {"error": "invalid_grant", "error_description": "Token has been expired or revoked."},
    )
    assert ask(ads.client, **{**GOOD, "refresh_token": "another"}).status == 200
    ads.client.set("google_oauth", revoked=True)
    assert refusal(ask(ads.client, **{**GOOD, "refresh_token": "another"})) == (400, "invalid_grant")


def test_a_token_expires_sooner_than_it_says(ads: Ads, clock: Clock) -> None:
    ads.client.set("google_oauth", lifetime_s=10)
    reply = ask(ads.client, **GOOD)
    ads.token = reply.json["access_token"]
    assert reply.json["expires_in"] == 3599
    clock.now += 10 * SECOND - 1
    assert ads.ingest().status == 200
    clock.now += 1
    assert ads.ingest().status == 401


@pytest.mark.parametrize("by_request", [True, False])
def test_a_token_without_the_scope_is_refused(ads: Ads, *, by_request: bool) -> None:
    if not by_request:
        ads.client.set("google_oauth", scopes=[ADWORDS])
    ads.token = ask(ads.client, **GOOD, **({"scope": ADWORDS} if by_request else {})).json["access_token"]
    error = ads.ingest().json["error"]
    assert (error["code"], error["status"]) == (403, "PERMISSION_DENIED")
    assert error["details"][0]["reason"] == "ACCESS_TOKEN_SCOPE_INSUFFICIENT"
    assert error["details"][0]["domain"] == "googleapis.com"


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    """A service account's private key."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pack(part: Any) -> str:
    content = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def assertion(key: rsa.RSAPrivateKey, header: dict[str, Any] | None = None, **changes: Any) -> str:
    now = NOW // SECOND
    claims = {
        "iss": EMAIL,
        "scope": DATAMANAGER,
        "aud": "https://oauth2.googleapis.com/token",
        "iat": now,
        "exp": now + 3600,
        **changes,
    }
    claims = {name: value for name, value in claims.items() if value is not None}
    signed = f"{pack(header or {'alg': 'RS256', 'typ': 'JWT'})}.{pack(claims)}"
    return f"{signed}.{pack(key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def ask_with(sandbox: Client, jwt: str) -> Reply:
    return ask(sandbox, grant_type="urn:ietf:params:oauth:grant-type:jwt-bearer", assertion=jwt)


def test_a_service_account_gets_a_token_that_works(ads: Ads, key: rsa.RSAPrivateKey) -> None:
    ads.token = ask_with(ads.client, assertion(key)).json["access_token"]
    assert ads.ingest().status == 200


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"header": {"alg": "HS256"}}, "invalid_grant"),
        ({"header": {"alg": "none"}}, "invalid_grant"),
        ({"iss": None}, "invalid_grant"),
        ({"iss": "robot"}, "invalid_grant"),
        ({"aud": "https://accounts.google.com"}, "invalid_grant"),
        ({"exp": NOW // SECOND + 3601}, "invalid_grant"),
        ({"iat": NOW // SECOND - 7200, "exp": NOW // SECOND - 3600}, "invalid_grant"),
        ({"iat": NOW // SECOND + 600, "exp": NOW // SECOND + 900}, "invalid_grant"),
        ({"iat": "now"}, "invalid_grant"),
        ({"scope": None}, "invalid_scope"),
    ],
)
def test_a_bad_assertion_is_refused(
    sandbox: Client, key: rsa.RSAPrivateKey, changes: dict[str, Any], code: str
) -> None:
    assert refusal(ask_with(sandbox, assertion(key, **changes))) == (400, code)


@pytest.mark.parametrize("jwt", ["", "a.b", "a.b.c", "e30.e30.", "e30.W10.eA", "é.e30.eA"])
def test_what_is_no_assertion_is_refused(sandbox: Client, jwt: str) -> None:
    assert refusal(ask_with(sandbox, jwt)) == (400, "invalid_grant")


def test_a_signature_is_verified_when_the_key_is_known(sandbox: Client, key: rsa.RSAPrivateKey) -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    sandbox.set("google_oauth", public_keys={EMAIL: pem.decode()})
    assert ask_with(sandbox, assertion(key)).status == 200
    assert refusal(ask_with(sandbox, assertion(other))) == (400, "invalid_grant")


def test_a_service_account_can_be_revoked(sandbox: Client, key: rsa.RSAPrivateKey) -> None:
    sandbox.set("google_oauth", revoked_tokens=[EMAIL])
    assert refusal(ask_with(sandbox, assertion(key))) == (400, "invalid_grant")
