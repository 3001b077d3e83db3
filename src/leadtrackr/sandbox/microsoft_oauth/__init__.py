"""The Microsoft identity platform: the page for people (`microsoft_consent.py`) and the token endpoint, form-encoded,
`POST /microsoft_oauth/{tenant}/oauth2/v2.0/token`.

Grants: `authorization_code` and `refresh_token`. Each use of a refresh token gives a new one and ends the old one at
once, which is stricter than Microsoft: it leaves the old one good for a while (`grace_s`). The access tokens given out
here are those that the emulators of Microsoft Advertising take. Source: "Microsoft identity platform and OAuth 2.0
authorization code flow" and its list of AADSTS codes. Not verified: the wording of descriptions.
"""

import re
from itertools import count
from typing import Any, Final

import msgspec

from leadtrackr.sandbox.contract import Answer, Call, Platform, json_answer
from leadtrackr.sandbox.ledger import iso
from leadtrackr.sandbox.microsoft_consent import OFFLINE, OPENID, CodeError, Consents
from leadtrackr.sandbox.world import MICROS, World

MANAGE: Final = "https://ads.microsoft.com/msads.manage"
EXPIRES_IN: Final = 3600
_PATH = re.compile(r"/[A-Za-z0-9.-]+/oauth2/v2\.0/(authorize|token)").fullmatch


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Knobs.

    rotate             each use of a refresh token gives a new one; false: it stays good and no other comes
    grace_s            how long a refresh token that was used stays good, in seconds
    revoked            every refresh token and every access token given out is dead
    revoked_tokens     these refresh tokens are dead; so is one that starts with `revoked-`
    unused_days        a refresh token given out here ends when it was not used for so long
    clients            client id → secret, empty for a native app; none: any client is known
    scopes             what apps may ask for, and what a refresh token was granted that did not come of a code
    lifetime_s         how long an access token really works, in seconds; the answer says 3600 in any case
    redirect_uris      the app's registered redirect addresses; none: any https one, and any of this machine
    denied             the person does not accept
    withheld           scopes that are asked for and not granted
    code_life_s        how long a code can be exchanged, in seconds
    """

    rotate: bool = True
    grace_s: float = 0
    revoked: bool = False
    revoked_tokens: frozenset[str] = frozenset()
    unused_days: float = 90
    clients: dict[str, str] = {}
    scopes: tuple[str, ...] = (MANAGE,)
    lifetime_s: float = EXPIRES_IN
    redirect_uris: frozenset[str] = frozenset()
    denied: bool = False
    withheld: frozenset[str] = frozenset()
    code_life_s: float = 600


class OAuthError(Exception):
    """A refusal by the token endpoint; `number` is the AADSTS code."""

    def __init__(self, status: int, code: str, number: int, description: str) -> None:
        super().__init__(description)
        self.status, self.code, self.number = status, code, number


class MicrosoftOAuth(Platform[Settings]):
    """The page and the token endpoint."""

    slug = "microsoft_oauth"
    takes_events = False

    def __init__(self, world: World) -> None:
        super().__init__(world, Settings())
        self._used: dict[str, int] = {}
        """Refresh token → when it was used first, µs UTC."""
        self._made: dict[str, int] = {}
        self._granted: dict[str, frozenset[str]] = {}
        """Refresh token that came of a code → what was allowed."""
        self._consents = Consents()
        self._numbers = count(1)

    def answer(self, call: Call) -> Answer:
        """Show the page, or exchange a code or a refresh token for an access token and the next refresh token."""
        path = _PATH(call.path)
        if path is None:
            return self._refusal(OAuthError(404, "invalid_request", 90002, "There is nothing at this address."))
        if path[1] == "authorize" and call.method == "GET":
            return self._consents.authorize(call, self.settings)
        if path[1] != "token" or call.method != "POST":
            return self._refusal(OAuthError(405, "invalid_request", 900561, "The endpoint only accepts POST requests."))
        try:
            return self._exchange(call, call.form if call.is_form else {})
        except OAuthError as error:
            return self._refusal(error)

    def failure(self, status: int) -> Answer:
        """An OAuth error body."""
        code = "temporarily_unavailable" if status >= 500 or status == 429 else "invalid_request"
        return self._refusal(OAuthError(status, code, 90033, f"Failure {status}."))

    def configure(self, settings: Settings) -> None:
        """Take new settings; access tokens of a grant that is now revoked die at once."""
        super().configure(settings)
        tokens = self.world.tokens
        self.world.tokens = {name: token for name, token in tokens.items() if not self._is_revoked(token.grant)}

    def _exchange(self, call: Call, form: dict[str, str]) -> Answer:
        kind = form.get("grant_type", "")
        if kind not in ("authorization_code", "refresh_token"):
            raise OAuthError(400, "unsupported_grant_type", 70003, f"The grant type '{kind}' is not supported here.")
        self._check_client(form.get("client_id", ""), form.get("client_secret", ""))
        return self._code(call) if kind == "authorization_code" else self._refresh(form)

    def _code(self, call: Call) -> Answer:
        try:
            scopes = self._consents.redeem(call, call.form["client_id"])
        except CodeError as error:
            raise OAuthError(400, "invalid_grant", error.number, str(error)) from error
        first = self._next() if OFFLINE in scopes else None
        if first is not None:
            self._granted[first] = scopes
        return self._tokens(scopes - OPENID - {OFFLINE}, first or call.form["code"], first)

    def _refresh(self, form: dict[str, str]) -> Answer:
        given = form.get("refresh_token", "")
        if not given:
            raise OAuthError(400, "invalid_request", 900144, "The request body must contain: 'refresh_token'.")
        granted = self._granted.get(given, frozenset(self.settings.scopes))
        scopes = self._check_scopes(form.get("scope", "").split(), granted)
        self._check_refresh(given)
        renewed = None
        if self.settings.rotate:
            self._used.setdefault(given, self.world.now())
            renewed = self._next()
            self._granted[renewed] = granted
        return self._tokens(scopes, given, renewed)

    def _tokens(self, scopes: frozenset[str], grant: str, refresh_token: str | None) -> Answer:
        body: dict[str, Any] = {
            "token_type": "Bearer",
            "scope": " ".join(sorted(scopes)),
            "expires_in": EXPIRES_IN,
            "ext_expires_in": EXPIRES_IN,
            "access_token": self.world.issue(scopes, self.settings.lifetime_s, grant),
        }
        if refresh_token is not None:
            body["refresh_token"] = refresh_token
        return json_answer(200, body, headers={"Cache-Control": "no-store"})

    def _next(self) -> str:
        now = self.world.now()
        name = f"M.C5{next(self._numbers):06d}-{now:x}"
        self._made[name] = now
        return name

    def _check_client(self, client_id: str, secret: str) -> None:
        if not client_id:
            raise OAuthError(400, "invalid_request", 900144, "The request body must contain: 'client_id'.")
        known = self.settings.clients
        if known and client_id not in known:
            raise OAuthError(400, "unauthorized_client", 700016, "The application was not found in the directory.")
        if known and known[client_id] != secret:
            raise _wrong_secret(known[client_id], secret)

    def _check_scopes(self, wanted: list[str], granted: frozenset[str]) -> frozenset[str]:
        asked = frozenset(wanted) - {"offline_access"}
        if not asked:
            raise OAuthError(400, "invalid_scope", 70011, "The provided value for 'scope' is not valid.")
        if not asked <= granted:
            raise OAuthError(400, "invalid_grant", 65001, "The user or administrator has not consented.")
        return asked

    def _check_refresh(self, given: str) -> None:
        now = self.world.now()
        if self._is_revoked(given):
            raise OAuthError(400, "invalid_grant", 50173, "The grant has expired due to it being revoked.")
        used = self._used.get(given)
        if used is not None and now >= used + int(self.settings.grace_s * MICROS):
            raise OAuthError(400, "invalid_grant", 70000, "The provided refresh token was used before.")
        made = self._made.get(given)
        if made is not None and now - made > self.settings.unused_days * 86_400 * MICROS:
            raise OAuthError(400, "invalid_grant", 700082, "The refresh token has expired due to inactivity.")

    def _is_revoked(self, grant: str) -> bool:
        return self.settings.revoked or grant in self.settings.revoked_tokens or grant.startswith("revoked-")

    def _refusal(self, error: OAuthError) -> Answer:
        time = iso(self.world.now())
        trace = f"00000000-0000-0000-0000-{next(self._numbers):012d}"
        body = {
            "error": error.code,
            "error_description": f"AADSTS{error.number}: {error} Trace ID: {trace} Correlation ID: {trace} "
            f"Timestamp: {time}",
            "error_codes": [error.number],
            "timestamp": time,
            "trace_id": trace,
            "correlation_id": trace,
        }
        return json_answer(error.status, body)


def _wrong_secret(known: str, given: str) -> OAuthError:
    if not known:
        sentence = "Client is public so neither 'client_assertion' nor 'client_secret' should be presented."
        return OAuthError(401, "invalid_client", 700025, sentence)
    if not given:
        sentence = "The request body must contain: 'client_assertion' or 'client_secret'."
        return OAuthError(401, "invalid_client", 7000218, sentence)
    return OAuthError(401, "invalid_client", 7000215, "Invalid client secret provided.")
