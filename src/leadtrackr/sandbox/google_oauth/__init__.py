"""Google's OAuth 2: the page for people (`google_consent.py`) and the token endpoint, `POST /google_oauth/token`.

Grants, form-encoded: `authorization_code`, `refresh_token`, and `urn:ietf:params:oauth:grant-type:jwt-bearer` for
service accounts. The access tokens given out here are the ones that the Google emulators take. Source: Google's OAuth 2
pages for web servers and service accounts. Not verified: the wording of descriptions but that of a revoked grant.
"""

import base64
from typing import Any

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from leadtrackr.sandbox.contract import Answer, Call, Platform, json_answer
from leadtrackr.sandbox.google_consent import PATH, CodeError, Consents
from leadtrackr.sandbox.world import MICROS, World

TOKEN_URL = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
DATAMANAGER = "https://www.googleapis.com/auth/datamanager"
ADWORDS = "https://www.googleapis.com/auth/adwords"
EXPIRES_IN = 3599
CLOCK_SKEW_S = 60


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Knobs.

    revoked          every refresh token and every access token given out is dead
    revoked_tokens   these refresh tokens (or service account e-mails) are dead; so is one that starts with `revoked-`
    clients          client id → secret; empty: any client is known
    scopes           what a refresh token was granted that did not come of a code
    lifetime_s       how long an access token really works, in seconds; the answer says 3599 in any case
    redirect_uris    the client's registered redirect addresses; empty: any https one, and any of this machine
    denied           the person clicks Cancel
    unticked         scopes that the person leaves out
    code_life_s      how long a code can be exchanged, in seconds
    public_keys      service account e-mail → PEM public key; with a key, the assertion's signature is verified
    """

    revoked: bool = False
    revoked_tokens: frozenset[str] = frozenset()
    clients: dict[str, str] = {}
    scopes: tuple[str, ...] = (DATAMANAGER, ADWORDS)
    lifetime_s: float = EXPIRES_IN
    redirect_uris: frozenset[str] = frozenset()
    denied: bool = False
    unticked: frozenset[str] = frozenset()
    code_life_s: float = 600
    public_keys: dict[str, str] = {}


class OAuthError(Exception):
    """A refusal by the token endpoint."""

    def __init__(self, status: int, code: str, description: str) -> None:
        super().__init__(description)
        self.status, self.code = status, code


class GoogleOAuth(Platform[Settings]):
    """The page and the token endpoint."""

    slug = "google_oauth"
    takes_events = False

    def __init__(self, world: World) -> None:
        super().__init__(world, Settings())
        self._consents = Consents()

    def answer(self, call: Call) -> Answer:
        """Show the page, or exchange a grant for an access token."""
        if call.path == PATH and call.method == "GET":
            return self._consents.authorize(call, self.settings)
        if call.path != "/token":
            return _refusal(404, "not_found", "There is nothing at this address.")
        if call.method != "POST":
            return _refusal(405, "invalid_request", "The token endpoint takes POST only.")
        try:
            scopes, grant, new_token = self._grant(call)
        except OAuthError as error:
            return _refusal(error.status, error.code, str(error))
        token = self.world.issue(scopes, self.settings.lifetime_s, grant)
        body: dict[str, object] = {"access_token": token, "expires_in": EXPIRES_IN, "scope": " ".join(sorted(scopes))}
        if new_token is not None:
            body["refresh_token"] = new_token
        return json_answer(200, {**body, "token_type": "Bearer"}, headers={"Cache-Control": "no-store"})

    def failure(self, status: int) -> Answer:
        """An OAuth error body."""
        return _refusal(status, "internal_failure" if status >= 500 else "invalid_request", f"Failure {status}.")

    def configure(self, settings: Settings) -> None:
        """Take new settings; access tokens of a grant that is now revoked die at once."""
        super().configure(settings)
        tokens = self.world.tokens
        self.world.tokens = {name: token for name, token in tokens.items() if not self._is_revoked(token.grant)}

    def _grant(self, call: Call) -> tuple[frozenset[str], str, str | None]:
        """The scopes, the grant that the access token hangs on, and a refresh token where one is given out."""
        kind = call.form.get("grant_type", "") if call.is_form else ""
        if kind == "authorization_code":
            return self._code(call)
        if kind == "refresh_token":
            return *self._refresh(call), None
        if kind == JWT_BEARER:
            return *self._service_account(call), None
        if not kind:
            raise OAuthError(400, "invalid_request", "grant_type is missing from the form-encoded body.")
        raise OAuthError(400, "unsupported_grant_type", f"Unknown grant type: {kind}.")

    def _code(self, call: Call) -> tuple[frozenset[str], str, str | None]:
        client, secret = _client(call)
        self._check_client(client, secret)
        try:
            scopes, token = self._consents.redeem(call, client)
        except CodeError as error:
            raise OAuthError(400, error.code, str(error)) from error
        return scopes, token or client, token

    def _refresh(self, call: Call) -> tuple[frozenset[str], str]:
        form = call.form
        self._check_client(*_client(call))
        refresh_token = form.get("refresh_token", "")
        if not refresh_token:
            raise OAuthError(400, "invalid_request", "refresh_token is missing.")
        self._check_revoked(refresh_token)
        granted = self._consents.refresh_tokens.get(refresh_token, frozenset(self.settings.scopes))
        wanted = frozenset(form["scope"].split()) if form.get("scope") else granted
        if not wanted <= granted:
            raise OAuthError(400, "invalid_scope", "The scope asked for goes beyond the one granted.")
        return wanted, refresh_token

    def _check_client(self, client_id: str, secret: str) -> None:
        if not client_id or not secret:
            raise OAuthError(400, "invalid_request", "client_id or client_secret is missing.")
        known = self.settings.clients
        if known and known.get(client_id) != secret:
            raise OAuthError(401, "invalid_client", "The OAuth client is unknown, or its secret is wrong.")

    def _check_revoked(self, grant: str) -> None:
        if self._is_revoked(grant):
            raise OAuthError(400, "invalid_grant", "Token has been expired or revoked.")

    def _is_revoked(self, grant: str) -> bool:
        return self.settings.revoked or grant in self.settings.revoked_tokens or grant.startswith("revoked-")

    def _service_account(self, call: Call) -> tuple[frozenset[str], str]:
        signed, header, claims, signature = _read_jwt(call.form.get("assertion", ""))
        if header.get("alg") != "RS256":
            raise _bad_jwt("The algorithm must be RS256.")
        issuer, scope = claims.get("iss"), claims.get("scope")
        if not isinstance(issuer, str) or "@" not in issuer:
            raise _bad_jwt("iss must be the service account's e-mail address.")
        if claims.get("aud") != TOKEN_URL:
            raise _bad_jwt(f"aud must be {TOKEN_URL}.")
        _check_times(claims, self.world.now() / MICROS)
        if not isinstance(scope, str) or not scope.strip():
            raise OAuthError(400, "invalid_scope", "The assertion has no scope.")
        self._check_revoked(issuer)
        self._check_signature(issuer, signed, signature)
        return frozenset(scope.split()), issuer

    def _check_signature(self, issuer: str, signed: bytes, signature: bytes) -> None:
        pem = self.settings.public_keys.get(issuer)
        if pem is None:
            return
        key = load_pem_public_key(pem.encode())
        if not isinstance(key, rsa.RSAPublicKey):
            raise _bad_jwt("The public key in the settings is no RSA key.")
        try:
            key.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature as error:
            raise _bad_jwt("The signature does not fit the service account's key.") from error


def _client(call: Call) -> tuple[str, str]:
    scheme, _, encoded = call.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            client_id, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
        except ValueError as error:
            raise OAuthError(401, "invalid_client", "The Basic credentials cannot be read.") from error
        return client_id, secret
    return call.form.get("client_id", ""), call.form.get("client_secret", "")


def _read_jwt(assertion: str) -> tuple[bytes, dict[str, Any], dict[str, Any], bytes]:
    parts = assertion.split(".")
    if len(parts) != 3:
        raise _bad_jwt("The assertion must have three parts.")
    try:
        header, claims = (msgspec.json.decode(_unpad(part), type=dict[str, Any]) for part in parts[:2])
        signature = _unpad(parts[2])
    except (ValueError, msgspec.DecodeError) as error:
        raise _bad_jwt("The assertion cannot be decoded.") from error
    if not signature:
        raise _bad_jwt("The assertion is not signed.")
    return f"{parts[0]}.{parts[1]}".encode(), header, claims, signature


def _unpad(part: str) -> bytes:
    return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)


def _check_times(claims: dict[str, Any], now: float) -> None:
    issued, expires = claims.get("iat"), claims.get("exp")
    if type(issued) is not int or type(expires) is not int:
        raise _bad_jwt("iat and exp must be integer seconds.")
    if issued > now + CLOCK_SKEW_S or expires <= now:
        raise _bad_jwt("The assertion is not valid at this time; check iat and exp.")
    if expires > issued + 3600:
        raise _bad_jwt("exp may be at most 3600 seconds after iat.")


def _bad_jwt(reason: str) -> OAuthError:
    return OAuthError(400, "invalid_grant", f"Invalid JWT: {reason}")


def _refusal(status: int, code: str, description: str) -> Answer:
    return json_answer(status, {"error": code, "error_description": description})
