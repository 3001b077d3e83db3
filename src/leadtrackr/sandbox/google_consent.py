"""Google's page on which a person allows an app something, and the codes that come of it.

`GET /google_oauth/o/oauth2/v2/auth` answers at once with the redirect that a person would cause who clicks through; the
settings say what they leave out. Source: Google's OAuth 2 pages for web servers, RFC 6749, RFC 7636. Not verified: the
look of the error page (here JSON), how long a code is good, the wording of descriptions.
"""

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol
from urllib.parse import urlencode, urlsplit

from leadtrackr.sandbox.contract import Answer, Call, Flag, json_answer
from leadtrackr.sandbox.words import words
from leadtrackr.sandbox.world import MICROS

PATH: Final = "/o/oauth2/v2/auth"
_PARAMETERS: Final = words(
    "client_id redirect_uri response_type scope access_type prompt include_granted_scopes state code_challenge "
    "code_challenge_method login_hint enable_granular_consent hd"
)
_KNOWN_SCOPE: Final = "https://www.googleapis.com/auth/"
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9._~-]{43,128}").fullmatch
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


class Knobs(Protocol):
    """The settings that the page looks at."""

    @property
    def clients(self) -> dict[str, str]: ...
    @property
    def redirect_uris(self) -> frozenset[str]: ...
    @property
    def denied(self) -> bool: ...
    @property
    def unticked(self) -> frozenset[str]: ...
    @property
    def code_life_s(self) -> float: ...


class CodeError(Exception):
    """A code that is not exchanged."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description)
        self.code = code


@dataclass(frozen=True, slots=True)
class _Code:
    client: str
    redirect_uri: str
    scopes: frozenset[str]
    challenge: str
    method: str
    is_offline: bool
    expires_at: int


@dataclass(slots=True)
class Consents:
    """What was allowed: codes that wait to be exchanged, refresh tokens given out, scopes granted before."""

    codes: dict[str, _Code] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    refresh_tokens: dict[str, frozenset[str]] = field(default_factory=dict)
    granted: dict[str, frozenset[str]] = field(default_factory=dict)
    issued: int = 0

    def authorize(self, call: Call, knobs: Knobs) -> Answer:
        """The page. What is wrong with the client or the redirect address is told to the person, not to the app."""
        query = call.query
        client, redirect_uri = query.get("client_id", ""), query.get("redirect_uri", "")
        if (wrong := _wrong_app(query, client, redirect_uri, knobs)) is not None:
            return _page(*wrong)
        if (unknown := sorted(query.keys() - _PARAMETERS)) != []:
            return _page("invalid_request", f"Parameter not allowed for this message type: {', '.join(unknown)}")
        wanted = frozenset(query.get("scope", "").split())
        if not wanted or any(not scope.startswith(_KNOWN_SCOPE) for scope in wanted):
            return _page("invalid_scope", "Some requested scopes were missing or invalid.")
        if (complaint := _wrong_challenge(query)) is not None:
            return _page("invalid_request", complaint)
        if knobs.denied:
            return _back(redirect_uri, query, {"error": "access_denied"})
        scopes = wanted - knobs.unticked
        if not scopes:
            return _back(redirect_uri, query, {"error": "access_denied"})
        code = self._code(call, knobs, client, redirect_uri, scopes)
        shown = self.codes[code].scopes
        return _back(redirect_uri, query, {"code": code, "scope": " ".join(sorted(shown))})

    def _code(self, call: Call, knobs: Knobs, client: str, redirect_uri: str, scopes: frozenset[str]) -> str:
        query = call.query
        before = self.granted.get(client)
        if query.get("include_granted_scopes") == "true" and before:
            scopes |= before
        self.granted[client] = scopes | (before or frozenset())
        self.issued += 1
        code = f"4/0A{self.issued:06d}-{call.at:x}"
        self.codes[code] = _Code(
            client=client,
            redirect_uri=redirect_uri,
            scopes=scopes,
            challenge=query.get("code_challenge", ""),
            method=query.get("code_challenge_method", "plain"),
            # To whom a refresh token was given before, Google gives one only when the page was really shown.
            is_offline=query.get("access_type") == "offline" and (before is None or query.get("prompt") == "consent"),
            expires_at=call.at + int(knobs.code_life_s * MICROS),
        )
        return code

    def redeem(self, call: Call, client: str) -> tuple[frozenset[str], str | None]:
        """The scopes of a code and, for offline access, a new refresh token. A code is good once."""
        form = call.form
        name = form.get("code", "")
        code = self.codes.pop(name, None)
        if code is None:
            if name in self.used:
                raise CodeError("invalid_grant", "Bad Request")
            raise CodeError("invalid_grant", "Malformed auth code.")
        self.used.add(name)
        if call.at >= code.expires_at or client != code.client:
            raise CodeError("invalid_grant", "Bad Request")
        if form.get("redirect_uri") != code.redirect_uri:
            raise CodeError("redirect_uri_mismatch", "Bad Request")
        if code.challenge:
            _verify(code, form.get("code_verifier", ""))
        if not code.is_offline:
            return code.scopes, None
        token = f"1//0sandbox-{self.issued:06d}-{call.at:x}"
        self.refresh_tokens[token] = code.scopes
        return code.scopes, token


def _wrong_app(query: Mapping[str, str], client: str, redirect_uri: str, knobs: Knobs) -> tuple[str, str] | None:
    if not client:
        return "invalid_request", "Missing required parameter: client_id"
    if knobs.clients and client not in knobs.clients:
        return "invalid_client", "The OAuth client was not found."
    if not redirect_uri:
        return "invalid_request", "Missing required parameter: redirect_uri"
    if not _is_registered(redirect_uri, knobs.redirect_uris):
        return "redirect_uri_mismatch", f"The redirect URI in the request, {redirect_uri}, is not the client's."
    if query.get("response_type") != "code":
        return "invalid_request", "response_type must be code."
    return None


def _is_registered(redirect_uri: str, registered: frozenset[str]) -> bool:
    if registered:
        return redirect_uri in registered
    parts = urlsplit(redirect_uri)
    is_local = parts.scheme == "http" and parts.hostname in _LOOPBACK
    return (parts.scheme == "https" or is_local) and not parts.fragment


def _wrong_challenge(query: Mapping[str, str]) -> str | None:
    challenge, method = query.get("code_challenge"), query.get("code_challenge_method", "plain")
    if challenge is None:
        return "code_challenge is missing." if "code_challenge_method" in query else None
    if method not in ("S256", "plain"):
        return f"Invalid parameter value for code_challenge_method: {method}"
    return None if _CHALLENGE(challenge) else "Invalid parameter value for code_challenge."


def _verify(code: _Code, verifier: str) -> None:
    if not verifier:
        raise CodeError("invalid_grant", "Missing code verifier.")
    made = verifier
    if code.method == "S256":
        made = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    if made != code.challenge:
        raise CodeError("invalid_grant", "Invalid code verifier.")


def _page(code: str, description: str) -> Answer:
    return json_answer(400, {"error": code, "error_description": description}, flags=[Flag(code, detail=description)])


def _back(redirect_uri: str, query: Mapping[str, str], values: dict[str, str]) -> Answer:
    state = {"state": query["state"]} if "state" in query else {}
    sign = "&" if "?" in redirect_uri else "?"
    flags = () if state else (Flag("state_missing", "state", "Anybody could send a person back with a code."),)
    return Answer(302, b"", {"Location": f"{redirect_uri}{sign}{urlencode({**state, **values})}"}, flags=flags)
