"""Microsoft's page on which a person allows an app something, and the codes that come of it.

`GET /microsoft_oauth/{tenant}/oauth2/v2.0/authorize` answers at once with the redirect that a person would cause who
signs in and accepts; the settings say what they refuse. Source: "Microsoft identity platform and OAuth 2.0
authorization code flow", its list of AADSTS codes, "Redirect URI restrictions and limitations", RFC 7636. Not verified:
the look of the error page (here JSON), how long a code is good, which faults are told to the person instead of to the
app, the wording of descriptions. Unknown parameters are flagged: whether Microsoft refuses them is not documented.
"""

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol
from urllib.parse import urlencode, urlsplit

from leadtrackr.sandbox.contract import Answer, Call, Flag, json_answer
from leadtrackr.sandbox.words import words
from leadtrackr.sandbox.world import MICROS

OFFLINE: Final = "offline_access"
OPENID: Final = words("openid profile email")
_PARAMETERS: Final = words(
    "client_id redirect_uri response_type response_mode scope state prompt login_hint domain_hint nonce code_challenge "
    "code_challenge_method"
)
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9._~-]{43,128}").fullmatch
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost"})


class Knobs(Protocol):
    """The settings that the page looks at."""

    @property
    def clients(self) -> dict[str, str]: ...
    @property
    def redirect_uris(self) -> frozenset[str]: ...
    @property
    def scopes(self) -> tuple[str, ...]: ...
    @property
    def denied(self) -> bool: ...
    @property
    def withheld(self) -> frozenset[str]: ...
    @property
    def code_life_s(self) -> float: ...


class CodeError(Exception):
    """A code that is not exchanged; `number` is the AADSTS code."""

    def __init__(self, number: int, description: str) -> None:
        super().__init__(description)
        self.number = number


@dataclass(frozen=True, slots=True)
class _Code:
    client: str
    redirect_uri: str
    scopes: frozenset[str]
    challenge: str
    method: str
    expires_at: int


@dataclass(slots=True)
class Consents:
    """Codes that wait to be exchanged, and those that were."""

    codes: dict[str, _Code] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    issued: int = 0

    def authorize(self, call: Call, knobs: Knobs) -> Answer:
        """The page. What is wrong with the client or the redirect address is told to the person, not to the app."""
        query = call.query
        client, redirect_uri = query.get("client_id", ""), query.get("redirect_uri", "")
        if (wrong := _wrong_app(client, redirect_uri, knobs)) is not None:
            return _page(*wrong)
        if (refused := _refusal(query, knobs)) is not None:
            error, number, description = refused
            told = {"error": error, "error_description": f"AADSTS{number}: {description}"}
            return _back(redirect_uri, query, told)
        self.issued += 1
        code = f"M.C507_{self.issued:06d}.{call.at:x}"
        self.codes[code] = _Code(
            client=client,
            redirect_uri=redirect_uri,
            scopes=frozenset(query["scope"].split()) - knobs.withheld,
            challenge=query.get("code_challenge", ""),
            method=query.get("code_challenge_method", "plain"),
            expires_at=call.at + int(knobs.code_life_s * MICROS),
        )
        return _back(redirect_uri, query, {"code": code, "session_state": "00000000-0000-0000-0000-000000000001"})

    def redeem(self, call: Call, client: str) -> frozenset[str]:
        """The scopes of a code, `offline_access` among them where a refresh token is due. A code is good once."""
        form = call.form
        name = form.get("code", "")
        code = self.codes.pop(name, None)
        if code is None:
            if name in self.used:
                raise CodeError(54005, "OAuth2 Authorization code was already redeemed.")
            raise CodeError(70000, "The provided value for the 'code' parameter is not valid.")
        self.used.add(name)
        if call.at >= code.expires_at:
            raise CodeError(70008, "The provided authorization code or refresh token has expired due to inactivity.")
        if client != code.client:
            raise CodeError(70000, "The provided grant is invalid or malformed.")
        if form.get("redirect_uri") != code.redirect_uri:
            raise CodeError(500112, "The reply address does not match the one of the authorization request.")
        if code.challenge:
            _verify(code, form.get("code_verifier", ""))
        return code.scopes


def _wrong_app(client: str, redirect_uri: str, knobs: Knobs) -> tuple[int, str] | None:
    if not client:
        return 900144, "The request body must contain the following parameter: 'client_id'."
    if knobs.clients and client not in knobs.clients:
        return 700016, "The application was not found in the directory."
    if not redirect_uri:
        return 900971, "No reply address provided."
    if not _is_registered(redirect_uri, knobs.redirect_uris):
        return 50011, "The redirect URI specified in the request does not match those configured for the application."
    return None


def _is_registered(redirect_uri: str, registered: frozenset[str]) -> bool:
    if registered:
        return _without_port(redirect_uri) in {_without_port(one) for one in registered}
    parts = urlsplit(redirect_uri)
    is_local = parts.scheme == "http" and parts.hostname in _LOOPBACK
    return (parts.scheme == "https" or is_local) and not parts.fragment


def _without_port(address: str) -> str:
    """The port of `localhost` does not matter, of no other host."""
    parts = urlsplit(address)
    return parts._replace(netloc="localhost").geturl() if parts.hostname == "localhost" else address


def _refusal(query: Mapping[str, str], knobs: Knobs) -> tuple[str, int, str] | None:
    if query.get("response_type") != "code":
        return "unsupported_response_type", 900144, "The response_type is not supported."
    if query.get("response_mode", "query") != "query":
        return "invalid_request", 900144, "Only response_mode=query is played here."
    wanted = frozenset(query.get("scope", "").split())
    if not wanted - OPENID - {OFFLINE}:
        return "invalid_scope", 70011, "The provided value for the input parameter 'scope' is not valid."
    if not wanted - OPENID - {OFFLINE} <= frozenset(knobs.scopes):
        return "invalid_scope", 650053, "The application asked for a scope that doesn't exist on the resource."
    if (complaint := _wrong_challenge(query)) is not None:
        return "invalid_request", 50147, complaint
    if knobs.denied:
        return "access_denied", 65004, "User declined to consent to access the app."
    return None


def _wrong_challenge(query: Mapping[str, str]) -> str | None:
    challenge, method = query.get("code_challenge"), query.get("code_challenge_method", "plain")
    if challenge is None:
        return "Missing parameter: 'code_challenge'." if "code_challenge_method" in query else None
    if method not in ("S256", "plain"):
        return "Unsupported code_challenge_method."
    return None if _CHALLENGE(challenge) else "Invalid size of Code_Challenge parameter."


def _verify(code: _Code, verifier: str) -> None:
    if not verifier:
        raise CodeError(50148, "The code_verifier is missing from the request.")
    made = verifier
    if code.method == "S256":
        made = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    if made != code.challenge:
        raise CodeError(501481, "The Code_Verifier does not match the code_challenge supplied in the request.")


def _page(number: int, description: str) -> Answer:
    body: dict[str, Any] = {"error": "invalid_request", "error_description": f"AADSTS{number}: {description}"}
    return json_answer(400, body, flags=[Flag(f"AADSTS{number}", detail=description)])


def _back(redirect_uri: str, query: Mapping[str, str], values: dict[str, str]) -> Answer:
    flags = [Flag("unknown_parameter", name) for name in sorted(query.keys() - _PARAMETERS)]
    if "state" not in query:
        flags.append(Flag("state_missing", "state", "Anybody could send a person back with a code."))
    state = {"state": query["state"]} if "state" in query else {}
    sign = "&" if "?" in redirect_uri else "?"
    return Answer(302, b"", {"Location": f"{redirect_uri}{sign}{urlencode({**values, **state})}"}, flags=flags)
