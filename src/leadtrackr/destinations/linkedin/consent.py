"""LinkedIn's sign-in for members: the page that is opened, and the exchange of the code that comes back.

An app with a secret has no PKCE there; state and secret stand alone. Source: "Authorization Code Flow (3-legged OAuth)"
of LinkedIn's documentation.
"""

from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlencode

from leadtrackr.destinations.contract import (
    Asked,
    Consent,
    Grant,
    Outcome,
    Request,
    Response,
    Returned,
    Right,
    Settings,
)
from leadtrackr.destinations.linkedin.oauth import FORM, SEND, TOKEN_URL, granted, refused
from leadtrackr.destinations.token_end import TOKEN_ENDS_ON
from leadtrackr.kit.clock import SECOND

AUTHORIZE_URL: Final = "https://www.linkedin.com/oauth/v2/authorization"
RIGHTS: Final = (
    Right(SEND, "Conversions: send them and manage their rules"),
    Right("r_ads", "Ad accounts: see which there are"),
)


def _address(settings: Settings, asked: Asked) -> Request:
    query = {
        "response_type": "code",
        "client_id": settings.get("client_id", ""),
        "redirect_uri": asked.redirect_uri,
        "state": asked.state,
        "scope": " ".join(right.scope for right in RIGHTS),
    }
    return Request(service="linkedin_oauth", method="GET", url=f"{AUTHORIZE_URL}?{urlencode(query)}")


def _exchange(settings: Settings, returned: Returned) -> Request:
    form = {
        "grant_type": "authorization_code",
        "code": returned.code,
        "client_id": settings.get("client_id", ""),
        "client_secret": settings.get("client_secret", ""),
        "redirect_uri": returned.redirect_uri,
    }
    return Request(service="linkedin_oauth", url=TOKEN_URL, headers=FORM, body=urlencode(form).encode())


def _read(response: Response, now: int) -> Grant | Outcome:
    """The refresh token where one comes, else the access token; with either, the day on which it ends."""
    found = granted(response)
    if isinstance(found, Outcome):
        return found
    lasting = bool(found.refresh_token)
    lives_s = found.refresh_token_expires_in if lasting else found.expires_in
    values = {
        "access_token": "" if lasting else found.access_token,
        "refresh_token": found.refresh_token,
        TOKEN_ENDS_ON.name: _day(now + lives_s * SECOND) if lives_s > 0 else "",
    }
    # RFC 6749: an answer without `scope` grants what was asked for.
    scopes = frozenset(right.scope for right in RIGHTS) if found.scopes is None else found.scopes
    return Grant(values, scopes, found.access_token)


def _day(at: int) -> str:
    return datetime.fromtimestamp(at // SECOND, UTC).date().isoformat()


LINKEDIN_CONSENT: Final = Consent(
    rights=RIGHTS,
    client=("client_id", "client_secret"),
    credentials=("access_token", "refresh_token"),
    lacking="It gave less than was asked for. Give the app the products that hold the rights, in LinkedIn's "
    "developer portal, and connect again. Missing",
    loopback="localhost",
    address=_address,
    exchange=_exchange,
    read=_read,
    refused=refused,
)
