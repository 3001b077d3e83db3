"""Microsoft's sign-in for people: the page that is opened, and the exchange of the code that comes back.

Sources: "Request user consent" and "Get access and refresh tokens" of the Microsoft Advertising API, "Microsoft
identity platform and OAuth 2.0 authorization code flow" with its list of AADSTS codes, and RFC 7636.
"""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

import msgspec

from leadtrackr.destinations.contract import (
    HTTP_CODES,
    Asked,
    Code,
    Consent,
    Grant,
    Outcome,
    Request,
    Response,
    Returned,
    Right,
    Settings,
)
from leadtrackr.destinations.http_common import decode, outcome
from leadtrackr.destinations.microsoft.oauth import (
    FORM,
    MANAGE,
    OAUTH_CODES,
    SCOPE,
    credentials,
    endpoint,
    refused,
)

RIGHT: Final = Right(MANAGE, "Manage your Microsoft Advertising accounts")
_AGAIN: Final = "Connect again: what Microsoft sends back with is good once, for some minutes."
_REDIRECT: Final = credentials(
    "The address that Microsoft is to send you back to is not among those of the app registration.",
    "Enter it, letter by letter, under the redirect addresses of the app registration.",
)
_PROOF: Final = credentials(
    "What came back from Microsoft belongs to another sign-in.", "Connect again, in one browser from beginning to end."
)

CONSENT_CODES: Final[Mapping[str, Code]] = {
    "refresh_token_missing": credentials(
        "Microsoft gave no lasting access, only one for an hour.",
        "Connect again; if it stays so, look in the app registration whether it may have offline access.",
    ),
    "access_denied": credentials(
        "The user, or a rule of the organisation, did not let the app in.",
        "Connect again and accept, or ask the organisation's admin to allow the app.",
    ),
    "AADSTS70008": credentials("The sign-in was finished too late.", _AGAIN),
    "AADSTS54005": credentials("What came back from Microsoft was used already.", _AGAIN),
    "AADSTS50011": _REDIRECT,
    "AADSTS500112": _REDIRECT,
    "AADSTS50148": _PROOF,
    "AADSTS501481": _PROOF,
}
"""Outcomes of signing in alone."""
_CODES: Final[Mapping[str, Code]] = {**HTTP_CODES, **OAUTH_CODES, **CONSENT_CODES}


class _Granted(msgspec.Struct):
    access_token: str
    refresh_token: str = ""
    scope: str | None = None


def _address(settings: Settings, asked: Asked) -> Request:
    """`prompt=select_account`: who is signed in to something else of Microsoft's can choose another user."""
    query = {
        "client_id": settings.get("client_id", ""),
        "response_type": "code",
        "redirect_uri": asked.redirect_uri,
        "response_mode": "query",
        "scope": SCOPE,
        "state": asked.state,
        "prompt": "select_account",
        "code_challenge": asked.challenge,
        "code_challenge_method": "S256",
    }
    url = f"{endpoint(settings, 'authorize')}?{urlencode(query)}"
    return Request(service="microsoft_oauth", method="GET", url=url)


def _exchange(settings: Settings, returned: Returned) -> Request:
    form = {
        "client_id": settings.get("client_id", ""),
        "grant_type": "authorization_code",
        "code": returned.code,
        "redirect_uri": returned.redirect_uri,
        "code_verifier": returned.verifier,
        "scope": SCOPE,
    }
    if secret := settings.get("client_secret"):
        form["client_secret"] = secret
    body = urlencode(form).encode()
    return Request(service="microsoft_oauth", url=endpoint(settings, "token"), headers=FORM, body=body)


def _read(response: Response, _now: int) -> Grant | Outcome:
    """The grant. RFC 6749: an answer without `scope` grants what was asked for."""
    if response.status != 200:
        return refused(_CODES, response)
    granted = decode(response.body, _Granted)
    if granted is None or not granted.access_token:
        return outcome(_CODES, "token_unreadable")
    if not granted.refresh_token:
        return outcome(_CODES, "refresh_token_missing")
    scopes = {MANAGE} if granted.scope is None else granted.scope.split()
    return Grant({"refresh_token": granted.refresh_token}, frozenset(scopes), granted.access_token)


def _refused(error: str) -> Outcome:
    """Why Microsoft sent the person back without a code."""
    known = error == "server_error" or error in OAUTH_CODES or error in CONSENT_CODES
    return outcome(_CODES, error if known else "oauth_refused", error)


MICROSOFT_CONSENT: Final = Consent(
    rights=(RIGHT,),
    client=("client_id", "developer_token"),
    credentials=("refresh_token",),
    lacking="It gave less than was asked for. Look in the app registration, or ask the organisation's admin, whether "
    "the app may have all, and connect again. Missing",
    # In the app registration an address with this name can be entered, and its port does not matter.
    loopback="localhost",
    address=_address,
    exchange=_exchange,
    read=_read,
    refused=_refused,
)
