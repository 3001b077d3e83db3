"""LinkedIn's OAuth 2: the page for members, `GET /linkedin_oauth/oauth/v2/authorization`, and the token endpoint,
`POST /linkedin_oauth/oauth/v2/accessToken`, form-encoded.

The page answers at once with the redirect that a member would cause who accepts; the settings say what they refuse. The
access tokens given out here work at `/linkedin` for as long as they live and with the rights that they have. Source:
LinkedIn's "Authorization Code Flow (3-legged OAuth)" and "Refresh Tokens with OAuth 2.0". Not verified: the look of the
error page (here JSON), whether a refresh token changes when it is used (a setting), the words for a wrong secret and
for a refresh token that has ended. Unknown parameters are flagged: whether LinkedIn refuses them is not documented.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any, Final, Literal
from urllib.parse import urlencode, urlsplit, urlunsplit

import msgspec

from leadtrackr.sandbox.contract import Answer, Call, Flag, Platform, json_answer
from leadtrackr.sandbox.words import words
from leadtrackr.sandbox.world import MICROS, World

PAGE: Final = "/oauth/v2/authorization"
TOKEN: Final = "/oauth/v2/accessToken"  # noqa: S105 - a path
ACCESS_LIFE_S: Final = 5_184_000
REFRESH_LIFE_S: Final = 31_536_000
_PARAMETERS: Final = words("response_type client_id redirect_uri state scope")
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost"})
_NO_MATCH: Final = (
    "Unable to retrieve access token: appid/redirect uri/code verifier does not match authorization code. "
    "Or authorization code expired. Or external member binding exists"
)
_NO_CODE: Final = "Unable to retrieve access token: authorization code not found"


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Knobs.

    clients           client id → secret; empty: any client is known
    redirect_uris     the app's authorized redirect addresses; empty: any https one, and any of this machine
    app_scopes        what the app's products let it ask for
    withheld          scopes that are asked for and not granted
    denied            the member cancels: at `login`, or when asked to `authorize`
    code_life_s       how long a code can be exchanged, in seconds
    is_partner        the app is given refresh tokens
    rotate            each use of a refresh token gives another, and the old one is dead
    comma             granted scopes come with commas between them
    lifetime_s        how long an access token really works, in seconds; the answer says 60 days in any case
    refresh_life_s    how long a refresh token works, from the sign-in on, in seconds
    revoked           every refresh token and every access token given out is dead
    revoked_tokens    these refresh tokens are dead; so is one that starts with `revoked-`
    """

    clients: dict[str, str] = {}
    redirect_uris: frozenset[str] = frozenset()
    app_scopes: frozenset[str] = frozenset({"r_ads", "rw_ads", "r_ads_reporting", "rw_conversions"})
    withheld: frozenset[str] = frozenset()
    denied: Literal["", "login", "authorize"] = ""
    code_life_s: float = 1800
    is_partner: bool = False
    rotate: bool = False
    comma: bool = False
    lifetime_s: float = ACCESS_LIFE_S
    refresh_life_s: float = REFRESH_LIFE_S
    revoked: bool = False
    revoked_tokens: frozenset[str] = frozenset()


class OAuthError(Exception):
    """A refusal by the token endpoint."""

    def __init__(self, status: int, code: str, description: str) -> None:
        super().__init__(description)
        self.status, self.code = status, code


@dataclass(frozen=True, slots=True)
class _Grant:
    """A code or a refresh token."""

    client: str
    redirect_uri: str
    scopes: frozenset[str]
    expires_at: int


class LinkedInOAuth(Platform[Settings]):
    """The page and the token endpoint."""

    slug = "linkedin_oauth"
    takes_events = False

    def __init__(self, world: World) -> None:
        super().__init__(world, Settings())
        self._codes: dict[str, _Grant] = {}
        self._refresh_tokens: dict[str, _Grant] = {}
        self._numbers = count(1)

    def answer(self, call: Call) -> Answer:
        """Show the page, or exchange a code or a refresh token for an access token."""
        if (call.method, call.path) == ("GET", PAGE):
            return self._page(call)
        if call.path != TOKEN:
            return _refusal(OAuthError(404, "not_found", "There is nothing at this address."))
        if call.method != "POST":
            return _refusal(OAuthError(405, "invalid_request", "The token endpoint takes POST only."))
        try:
            return self._exchange(call.form if call.is_form else {})
        except OAuthError as error:
            return _refusal(error)

    def failure(self, status: int) -> Answer:
        """An OAuth error body."""
        return _refusal(
            OAuthError(status, "server_error" if status >= 500 else "invalid_request", f"Failure {status}.")
        )

    def configure(self, settings: Settings) -> None:
        """Take new settings; access tokens of a grant that is now revoked die at once."""
        super().configure(settings)
        tokens = self.world.tokens
        self.world.tokens = {name: token for name, token in tokens.items() if not self._is_revoked(token.grant)}

    def _page(self, call: Call) -> Answer:
        """What is wrong with the client or the redirect address is told to the member, not to the app."""
        query = call.query
        client, redirect_uri = query.get("client_id", ""), query.get("redirect_uri", "")
        if not client or (self.settings.clients and client not in self.settings.clients):
            return _told("Client_id doesn't match")
        if not redirect_uri or not _is_registered(redirect_uri, self.settings.redirect_uris):
            return _told("Redirect_uri doesn't match")
        if (refused := self._refused(query)) is not None:
            error, description = refused
            return _back(redirect_uri, query, {"error": error, "error_description": description})
        name = f"AQT{next(self._numbers):06d}-{call.at:x}"
        scopes = frozenset(query["scope"].split()) - self.settings.withheld
        until = call.at + int(self.settings.code_life_s * MICROS)
        self._codes[name] = _Grant(client, redirect_uri, scopes, until)
        return _back(redirect_uri, query, {"code": name})

    def _refused(self, query: Mapping[str, str]) -> tuple[str, str] | None:
        if query.get("response_type") != "code":
            return "invalid_request", "response_type must be code"
        wanted = frozenset(query.get("scope", "").split())
        if unknown := sorted(wanted - self.settings.app_scopes):
            return "unauthorized_scope_error", f'Scope "{unknown[0]}" is not authorized for your application'
        if not wanted:
            return "invalid_request", 'A required parameter "scope" is missing'
        cancelled = {
            "login": ("user_cancelled_login", "The user cancelled LinkedIn login"),
            "authorize": ("user_cancelled_authorize", "The user cancelled the authorization"),
        }
        return cancelled.get(self.settings.denied)

    def _exchange(self, form: Mapping[str, str]) -> Answer:
        kind = _required(form, "grant_type")
        if kind not in ("authorization_code", "refresh_token"):
            raise OAuthError(400, "unsupported_grant_type", f"The grant type {kind[:40]} is not supported.")
        if kind == "authorization_code":
            code, redirect_uri = _required(form, "code"), _required(form, "redirect_uri")
            client = self._client(form)
            return self._of_code(code, redirect_uri, client)
        token = _required(form, "refresh_token")
        return self._of_refresh(token, self._client(form))

    def _client(self, form: Mapping[str, str]) -> str:
        client, secret = _required(form, "client_id"), _required(form, "client_secret")
        if self.settings.clients and self.settings.clients.get(client) != secret:
            raise OAuthError(401, "invalid_client", "Client authentication failed")
        return client

    def _of_code(self, name: str, redirect_uri: str, client: str) -> Answer:
        """A code is good once, whatever comes of it."""
        code = self._codes.pop(name, None)
        if code is None:
            raise OAuthError(401, "invalid_request", _NO_CODE)
        if code.client != client or code.redirect_uri != redirect_uri or self.world.now() >= code.expires_at:
            raise OAuthError(400, "invalid_redirect_uri", _NO_MATCH)
        if not self.settings.is_partner:
            return self._tokens(code.scopes, f"code-{name}", None)
        until = self.world.now() + int(self.settings.refresh_life_s * MICROS)
        made = self._new(_Grant(client, "", code.scopes, until))
        return self._tokens(code.scopes, made, made)

    def _of_refresh(self, name: str, client: str) -> Answer:
        grant = self._refresh_tokens.get(name)
        if grant is None or grant.client != client or self._is_revoked(name) or self.world.now() >= grant.expires_at:
            raise OAuthError(400, "invalid_grant", "The provided authorization grant or refresh token is invalid.")
        if not self.settings.rotate:
            return self._tokens(grant.scopes, name, name)
        del self._refresh_tokens[name]
        made = self._new(grant)
        return self._tokens(grant.scopes, made, made)

    def _new(self, grant: _Grant) -> str:
        name = f"AQX{next(self._numbers):06d}-{self.world.now():x}"
        self._refresh_tokens[name] = grant
        return name

    def _tokens(self, scopes: frozenset[str], grant: str, refresh_token: str | None) -> Answer:
        body: dict[str, Any] = {
            "access_token": self.world.issue(scopes, self.settings.lifetime_s, grant),
            "expires_in": ACCESS_LIFE_S,
            "scope": ("," if self.settings.comma else " ").join(sorted(scopes)),
        }
        if refresh_token is not None:
            left = self._refresh_tokens[refresh_token].expires_at - self.world.now()
            body |= {"refresh_token": refresh_token, "refresh_token_expires_in": left // MICROS}
        return json_answer(200, body, headers={"Cache-Control": "no-store"})

    def _is_revoked(self, grant: str) -> bool:
        return self.settings.revoked or grant in self.settings.revoked_tokens or grant.startswith("revoked-")


def _required(form: Mapping[str, str], name: str) -> str:
    if not form.get(name):
        raise OAuthError(400, "invalid_request", f'A required parameter "{name}" is missing')
    return form[name]


def _is_registered(redirect_uri: str, registered: frozenset[str]) -> bool:
    parts = urlsplit(redirect_uri)
    if parts.fragment:
        return False
    if registered:
        # Arguments of the address are ignored.
        return urlunsplit(parts._replace(query="")) in registered
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)


def _told(message: str) -> Answer:
    return json_answer(
        401, {"error": "invalid_request", "error_description": message}, flags=[Flag("told", "", message)]
    )


def _back(redirect_uri: str, query: Mapping[str, str], values: dict[str, str]) -> Answer:
    flags = [Flag("unknown_parameter", name) for name in sorted(query.keys() - _PARAMETERS)]
    if "state" not in query:
        flags.append(Flag("state_missing", "state", "Anybody could send a member back with a code."))
    state = {"state": query["state"]} if "state" in query else {}
    sign = "&" if "?" in redirect_uri else "?"
    return Answer(302, b"", {"Location": f"{redirect_uri}{sign}{urlencode({**values, **state})}"}, flags=flags)


def _refusal(error: OAuthError) -> Answer:
    body = {"error": error.code, "error_description": str(error)}
    return json_answer(error.status, body, flags=[Flag(error.code, detail=str(error))])
