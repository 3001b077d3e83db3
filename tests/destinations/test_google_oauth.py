"""Google's tokens: the forms that are sent (RFC 6749, RFC 7523) and what each refusal means."""

import json
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from joserfc import jwt
from joserfc.jwk import RSAKey

from leadtrackr.destinations.contract import Outcome, Request, Token
from leadtrackr.destinations.google_ads import GOOGLE_ADS
from leadtrackr.destinations.google_ads.oauth import cloud_project, read_token, token_request
from leadtrackr.destinations.registry import validate_settings
from leadtrackr.kit.errors import InvalidInput
from tests.destinations.making import NOON, SETTINGS, answer

SCOPE = "https://www.googleapis.com/auth/datamanager"


def form(request: Request) -> dict[str, str]:
    """The form fields of a token request."""
    return {name: values[0] for name, values in parse_qs(request.body.decode(), strict_parsing=True).items()}


def test_refresh_token() -> None:
    settings = {**SETTINGS["google_ads"], "client_secret": "a&b=c d"}
    request = token_request(settings, NOON)
    assert (request.service, request.url, request.method) == (
        "google_oauth",
        "https://oauth2.googleapis.com/token",
        "POST",
    )
    assert request.headers == {"content-type": "application/x-www-form-urlencoded"}
    assert request.items == ()
    assert form(request) == {
        "grant_type": "refresh_token",
        "refresh_token": "hush-refresh",
        "client_id": "client",
        "client_secret": "a&b=c d",
    }


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def key_file(key: rsa.RSAPrivateKey) -> str:
    """A service account's key as Google's console gives it."""
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    content = {"type": "service_account", "client_email": "sa@p.iam", "private_key_id": "k1", "private_key": pem}
    return json.dumps(content)


@pytest.mark.parametrize(
    ("account", "project"),
    [
        ("sender@shop-1234.iam.gserviceaccount.com", "shop-1234"),
        ("other@shop-1234.iam.gserviceaccount.com", "shop-1234"),
        ("123-compute@developer.gserviceaccount.com", "123-compute@developer.gserviceaccount.com"),
        ("shop-1234@appspot.gserviceaccount.com", "shop-1234@appspot.gserviceaccount.com"),
        ("@shop-1234.iam.gserviceaccount.com", "@shop-1234.iam.gserviceaccount.com"),
    ],
)
def test_a_service_account_counts_for_its_project(account: str, project: str) -> None:
    """It goes before the OAuth client, as for the token."""
    own = {"service_account_json": json.dumps({"client_email": account, "private_key": "hush"})}
    assert cloud_project({**own, "client_id": "1-x.apps.googleusercontent.com"}) == project


@pytest.mark.parametrize(
    ("client", "project"),
    [
        ("407408718192-abc1.apps.googleusercontent.com", "407408718192"),
        ("407408718192-zyx9.apps.googleusercontent.com", "407408718192"),
        ("a client of another form", "a client of another form"),
    ],
)
def test_an_oauth_client_counts_for_its_project(client: str, project: str) -> None:
    assert cloud_project({"client_id": client}) == project


def test_service_account(key: rsa.RSAPrivateKey) -> None:
    settings = {"operating_account": "1234567890", "service_account_json": key_file(key)}
    request = token_request(validate_settings(GOOGLE_ADS, settings), NOON)
    fields = form(request)
    assert fields["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    token = jwt.decode(fields["assertion"], RSAKey.import_key(public), algorithms=["RS256"])
    assert token.header == {"alg": "RS256", "typ": "JWT", "kid": "k1"}
    assert token.claims == {
        "iss": "sa@p.iam",
        "scope": SCOPE,
        "aud": "https://oauth2.googleapis.com/token",
        "iat": NOON // 1_000_000,
        "exp": NOON // 1_000_000 + 3600,
    }


@pytest.mark.parametrize("private_key", ["", "hush", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_key_that_is_none(private_key: str) -> None:
    text = json.dumps({"client_email": "sa@p.iam", "private_key": private_key})
    with pytest.raises(InvalidInput, match="RSA key") as refused:
        token_request({"service_account_json": text}, NOON)
    assert refused.value.field == "service_account_json"
    assert "hush" not in str(refused.value)


def test_an_elliptic_key_is_refused_with_a_sentence() -> None:
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    text = json.dumps({"client_email": "sa@p.iam", "private_key": pem.decode()})
    with pytest.raises(InvalidInput, match="RSA key"):
        token_request({"service_account_json": text}, NOON)


def test_neither() -> None:
    with pytest.raises(InvalidInput, match="neither"):
        token_request({}, NOON)


def test_granted() -> None:
    body = {"access_token": "ya29.x", "expires_in": 3599, "scope": SCOPE, "token_type": "Bearer"}
    assert read_token(answer(200, body)) == Token("ya29.x", 3599)
    assert read_token(answer(200, {"access_token": "y", "expires_in": 10})) == Token("y", 10)
    both = {**body, "scope": f"https://www.googleapis.com/auth/adwords {SCOPE}"}
    assert isinstance(read_token(answer(200, both)), Token)


REFUSALS = [
    (400, "invalid_grant", "invalid_grant"),
    (401, "invalid_client", "invalid_client"),
    (400, "unauthorized_client", "unauthorized_client"),
    (400, "invalid_scope", "invalid_scope"),
    (400, "invalid_request", "invalid_request"),
    (403, "access_denied", "access_denied"),
    (400, "admin_policy_enforced", "admin_policy_enforced"),
    (400, "brand_new", "oauth_refused"),
    (400, "ok", "oauth_refused"),
]


@pytest.mark.parametrize(("status", "error", "code"), REFUSALS)
def test_refusals_hold_for_credentials(status: int, error: str, code: str) -> None:
    found = read_token(answer(status, {"error": error, "error_description": "Token has been expired or revoked."}))
    assert isinstance(found, Outcome)
    assert (found.kind, found.hold, found.scope, found.code) == ("hold", "credentials", "destination", code)
    assert error in found.detail


def test_the_usual_causes_are_named() -> None:
    row = GOOGLE_ADS.codes["invalid_grant"]
    for cause in ("Testing", "7 days", "revoked", "6 months"):
        assert cause in row.sentence


def test_a_right_that_was_not_given() -> None:
    body = {"access_token": "y", "expires_in": 9, "scope": "https://www.googleapis.com/auth/adwords"}
    found = read_token(answer(200, body))
    assert isinstance(found, Outcome)
    assert (found.code, found.hold) == ("scope_missing", "credentials")


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (500, b"", "server_error"),
        (503, b"<html>", "server_error"),
        (429, b"", "rate_limited"),
        (200, b"{}", "token_unreadable"),
    ],
)
def test_what_passes(status: int, body: bytes, code: str) -> None:
    found = read_token(answer(status, body))
    assert isinstance(found, Outcome)
    assert (found.kind, found.code, found.scope) == ("retry", code, "destination")


def test_a_refusal_without_words() -> None:
    found = read_token(answer(400, b"<html>"))
    assert isinstance(found, Outcome)
    assert found.code == "oauth_refused"
