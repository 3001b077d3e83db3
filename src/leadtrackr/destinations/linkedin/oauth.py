"""LinkedIn's access tokens, from a refresh token where LinkedIn gives the app one; else the entered one is used.

Sources: "Authorization Code Flow (3-legged OAuth)" and "Refresh Tokens with OAuth 2.0" of LinkedIn's documentation.
"""

import re
from collections.abc import Mapping
from functools import partial
from typing import Final
from urllib.parse import urlencode

import msgspec

from leadtrackr.destinations.contract import (
    HTTP_CODES,
    Action,
    Code,
    Kind,
    Outcome,
    Request,
    Response,
    Scope,
    Settings,
    Token,
    TokenAuth,
)
from leadtrackr.destinations.http_common import decode, outcome, transport_failure
from leadtrackr.destinations.rows import held
from leadtrackr.kit.errors import InvalidInput

TOKEN_URL: Final = "https://www.linkedin.com/oauth/v2/accessToken"  # noqa: S105 - an address, not a secret
FORM: Final = {"content-type": "application/x-www-form-urlencoded"}
SEND: Final = "rw_conversions"
_FLOW: Final = "https://learn.microsoft.com/en-us/linkedin/shared/authentication/authorization-code-flow"
_BETWEEN: Final = re.compile(r"[\s,]+")
_AGAIN: Final = "Connect LinkedIn again: what waits is sent then, with its original time."
_credentials: Final = partial(held, "credentials", link=_FLOW)
_LACKS: Final = _credentials(
    "The app may not ask for the rights that are needed.",
    "Give the app the products that hold them, in LinkedIn's developer portal, and connect again.",
)
_CANCELLED: Final = _credentials(
    "The member did not let the app in.", "Connect again and accept what LinkedIn shows, or ask another member to."
)

OAUTH_CODES: Final[Mapping[str, Code]] = {
    "token_unreadable": Code(
        Kind.RETRY,
        "LinkedIn's answer held no access token.",
        "Nothing to do: it is asked again.",
        scope=Scope.DESTINATION,
        action=Action.WAIT,
    ),
    "invalid_grant": _credentials(
        "LinkedIn does not accept the refresh token any more: it has ended, or the access was withdrawn.", _AGAIN
    ),
    "invalid_client": _credentials(
        "LinkedIn does not know the app, or its secret is wrong.", "Copy client id and client secret again."
    ),
    "unauthorized_client": _credentials(
        "The app may not use this kind of access.", "Look at the app in LinkedIn's developer portal and connect again."
    ),
    "invalid_request": _credentials(
        "LinkedIn does not take what it was given: it was used already, is too old, or is of another app or address.",
        _AGAIN,
    ),
    "invalid_redirect_uri": _credentials(
        "The address that LinkedIn is to send you back to is not among those of the app, or you came back too late.",
        "Enter it, letter by letter, under the authorized redirect addresses of the app, and connect again.",
    ),
    "user_cancelled_login": _credentials("The member did not sign in.", "Connect again and sign in at LinkedIn."),
    "user_cancelled_authorize": _CANCELLED,
    "access_denied": _CANCELLED,
    "unauthorized_scope_error": _LACKS,
    "invalid_scope": _LACKS,
    "scope_missing": _credentials(
        "The connection was made without the right to send conversions.",
        "Give the app the product that allows conversions, in LinkedIn's developer portal, and connect again.",
    ),
    "oauth_refused": _credentials("LinkedIn issued no access token.", "Look at LinkedIn's words and connect again."),
}
"""Outcomes of signing in and of renewing the access."""
_CODES: Final[Mapping[str, Code]] = {**HTTP_CODES, **OAUTH_CODES}


class Granted(msgspec.Struct):
    """The answer of the token endpoint. Lives are in seconds."""

    access_token: str
    expires_in: int = 0
    refresh_token: str = ""
    refresh_token_expires_in: int = 0
    scope: str | None = None

    @property
    def scopes(self) -> frozenset[str] | None:
        """What was granted; None when the answer does not say."""
        return None if self.scope is None else frozenset(filter(None, _BETWEEN.split(self.scope)))


class _Refusal(msgspec.Struct):
    error: str
    error_description: str = ""


def token_request(settings: Settings, _now: int) -> Request:
    """The request for an access token. InvalidInput when there is nothing to ask with."""
    for name in ("refresh_token", "client_id", "client_secret"):
        if not settings.get(name):
            raise InvalidInput("There is neither an access token nor a refresh token with its app.", name)
    form = {
        "grant_type": "refresh_token",
        "refresh_token": settings["refresh_token"],
        "client_id": settings["client_id"],
        "client_secret": settings["client_secret"],
    }
    return Request(service="linkedin_oauth", url=TOKEN_URL, headers=FORM, body=urlencode(form).encode())


def read_token(response: Response) -> Token | Outcome:
    """The token, or why there is none. A refused credential is a hold: asking again would not help."""
    found = granted(response)
    if isinstance(found, Outcome):
        return found
    if found.scopes is not None and SEND not in found.scopes:
        return outcome(_CODES, "scope_missing")
    return Token(found.access_token, found.expires_in, found.refresh_token or None)


def granted(response: Response) -> Granted | Outcome:
    """What the token endpoint gave, or why it gave nothing."""
    if response.status != 200:
        return _refusal(response)
    found = decode(response.body, Granted)
    return found if found and found.access_token else outcome(_CODES, "token_unreadable")


def refused(error: str, words: str = "") -> Outcome:
    """What an `error` means, of the token endpoint or of the page."""
    return outcome(_CODES, error if error in OAUTH_CODES else "oauth_refused", words or error)


def _refusal(response: Response) -> Outcome:
    if failure := transport_failure(_CODES, response):
        return failure
    said = decode(response.body, _Refusal)
    if said is None:
        return outcome(_CODES, "oauth_refused", f"HTTP {response.status}")
    return refused(said.error, f"{said.error} {said.error_description}")


LINKEDIN_AUTH: Final = TokenAuth(
    request=token_request,
    read=read_token,
    rotates="refresh_token",
    entered="access_token",
    renewed_on=frozenset({"65600", "401", "EXPIRED_ACCESS_TOKEN"}),
)
