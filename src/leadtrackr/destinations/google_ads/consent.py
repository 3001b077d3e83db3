"""Google's sign-in for people: the page that is opened, and the exchange of the code that comes back.

Source: "Using OAuth 2.0 for Web Server Applications" and RFC 7636.
"""

from collections.abc import Mapping
from functools import partial
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
from leadtrackr.destinations.google_ads.oauth import FORM, OAUTH_CODES, TOKEN_URL, refusal
from leadtrackr.destinations.http_common import decode, outcome
from leadtrackr.destinations.rows import held

AUTHORIZE_URL: Final = "https://accounts.google.com/o/oauth2/v2/auth"
CLIENT: Final = ("client_id", "client_secret")
CREDENTIALS: Final = ("refresh_token", "service_account_json")
_WEB: Final = "https://developers.google.com/identity/protocols/oauth2/web-server"

CONSENT_CODES: Final[Mapping[str, Code]] = {
    "refresh_token_missing": held(
        "credentials",
        "Google gave no lasting access, only one for an hour.",
        "Open the connections of your Google account (myaccount.google.com/connections), take this program out there "
        "and connect again.",
        _WEB,
    ),
    "redirect_uri_mismatch": held(
        "credentials",
        "The address that Google is to send you back to is not among those of the OAuth client.",
        "Enter it, letter by letter, under the authorized redirect URIs of the client in the Google Cloud console, and "
        "wait some minutes.",
        _WEB,
    ),
}
_CODES: Final[Mapping[str, Code]] = {**HTTP_CODES, **OAUTH_CODES, **CONSENT_CODES}


class _Granted(msgspec.Struct):
    access_token: str
    refresh_token: str = ""
    scope: str = ""


def _address(rights: tuple[Right, ...], settings: Settings, asked: Asked) -> Request:
    """`prompt=consent`: without it Google gives no refresh token to whom it has given one before."""
    query = {
        "client_id": settings.get("client_id", ""),
        "redirect_uri": asked.redirect_uri,
        "response_type": "code",
        "scope": " ".join(right.scope for right in rights),
        "access_type": "offline",
        "prompt": "consent",
        "include_granted_scopes": "true",
        "state": asked.state,
        "code_challenge": asked.challenge,
        "code_challenge_method": "S256",
    }
    return Request(service="google_oauth", method="GET", url=f"{AUTHORIZE_URL}?{urlencode(query)}")


def _exchange(settings: Settings, returned: Returned) -> Request:
    form = {
        "grant_type": "authorization_code",
        "code": returned.code,
        "redirect_uri": returned.redirect_uri,
        "client_id": settings.get("client_id", ""),
        "client_secret": settings.get("client_secret", ""),
        "code_verifier": returned.verifier,
    }
    return Request(service="google_oauth", url=TOKEN_URL, headers=FORM, body=urlencode(form).encode())


def _read(rights: tuple[Right, ...], response: Response, _now: int) -> Grant | Outcome:
    """The grant. RFC 6749: an answer without `scope` grants what was asked for."""
    if response.status != 200:
        return refusal(_CODES, response)
    granted = decode(response.body, _Granted)
    if granted is None or not granted.access_token:
        return outcome(_CODES, "token_unreadable")
    if not granted.refresh_token:
        return outcome(_CODES, "refresh_token_missing")
    scopes = granted.scope.split() if granted.scope else [right.scope for right in rights]
    # A service account's key would go before the refresh token, so it makes room.
    return Grant({"refresh_token": granted.refresh_token, "service_account_json": ""}, frozenset(scopes))


def refused(error: str) -> Outcome:
    """Why Google sent the person back without a code."""
    return outcome(_CODES, error if error in CONSENT_CODES or error in OAUTH_CODES else "oauth_refused", error)


def google_consent(*rights: Right, credentials: tuple[str, ...] = CREDENTIALS) -> Consent:
    """Google's sign-in for these rights."""
    return Consent(
        rights=rights,
        client=CLIENT,
        credentials=credentials,
        lacking="On the page where Google asks what to allow, not everything was ticked. Connect again and tick",
        address=partial(_address, rights),
        exchange=_exchange,
        read=partial(_read, rights),
        refused=refused,
    )
