"""Google's access tokens: from a refresh token, or from a service account's key.

Sources: "Using OAuth 2.0 for Web Server Applications" and "for Server to Server Applications" of Google Identity.
"""

import re
from collections.abc import Mapping
from functools import partial
from typing import Final
from urllib.parse import urlencode

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

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
from leadtrackr.kit.clock import SECOND
from leadtrackr.kit.errors import InvalidInput

TOKEN_URL: Final = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address, not a secret
SCOPE: Final = "https://www.googleapis.com/auth/datamanager"
ADWORDS: Final = "https://www.googleapis.com/auth/adwords"
"""The scope of the Google Ads API."""
FORM: Final = {"content-type": "application/x-www-form-urlencoded"}
_LIFE_S: Final = 3600
_OF_PROJECT: Final = ".iam.gserviceaccount.com"
_CLIENT: Final = re.compile(r"(\d+)-\w+\.apps\.googleusercontent\.com")
_RECONNECT: Final = (
    "Connect Google Ads again. If it happens every week, publish the OAuth app: in Testing it ends after 7 days."
)


_WEB: Final = "https://developers.google.com/identity/protocols/oauth2/web-server"
_COMMON: Final = "https://developers.google.com/google-ads/api/docs/get-started/common-errors"
_credentials: Final = partial(held, "credentials", link=_WEB)

OAUTH_CODES: Final[Mapping[str, Code]] = {
    "token_unreadable": Code(
        Kind.RETRY,
        "Google's answer held no access token.",
        "Nothing to do: it is asked again.",
        scope=Scope.DESTINATION,
        action=Action.WAIT,
    ),
    "invalid_grant": held(
        "credentials",
        "Google does not accept the connection any more. The usual causes: the OAuth app is in Testing, where "
        "connections end after 7 days; somebody revoked the access or changed the password; it was unused for 6 "
        "months; or, with a service account, its key was deleted or the server's clock is wrong.",
        _RECONNECT,
        _COMMON,
    ),
    "invalid_client": _credentials(
        "Google does not know the OAuth client, or the secret is wrong.", "Copy client id and client secret again."
    ),
    "unauthorized_client": _credentials(
        "The OAuth client may not use this kind of access.",
        "Use a client of the type Web application and connect again.",
    ),
    "invalid_scope": _credentials(
        "The connection may not have the right to send conversions.", "Allow the Data Manager scope and connect again."
    ),
    "scope_missing": _credentials(
        "The connection was made without the right to send conversions.",
        "Connect again and leave the tick at the Data Manager right.",
    ),
    "reading_scope_missing": _credentials(
        "The connection was made without the right to read accounts.",
        "Connect again and leave every tick; sending goes on without it.",
    ),
    "invalid_request": _credentials("Google finds the credentials incomplete.", "Enter the credentials again."),
    "access_denied": _credentials("Google denies access to this user.", "Connect as another user, or ask your admin."),
    "admin_policy_enforced": _credentials(
        "A policy of the Google Workspace forbids the access.", "Ask the Workspace's admin to allow the app."
    ),
    "oauth_refused": _credentials("Google issued no access token.", "Look at Google's words below and connect again."),
}
_CODES: Final[Mapping[str, Code]] = {**HTTP_CODES, **OAUTH_CODES}


class _Key(msgspec.Struct):
    client_email: str
    private_key: str
    private_key_id: str = ""


class _Granted(msgspec.Struct):
    access_token: str
    expires_in: int
    scope: str = ""


class _Refusal(msgspec.Struct):
    error: str
    error_description: str = ""
    error_subtype: str = ""


def token_request(settings: Settings, now: int, scope: str = SCOPE) -> Request:
    """The request for an access token; a service account's key goes before a refresh token.

    A service account is given the scope that it asks for; a refresh token brings those that a person has allowed.

    InvalidInput when the key is no RSA key, or when neither is there.
    """
    if key := settings.get("service_account_json"):
        form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": _assertion(key, now, scope)}
    elif token := settings.get("refresh_token"):
        form = {
            "grant_type": "refresh_token",
            "refresh_token": token,
            "client_id": settings.get("client_id", ""),
            "client_secret": settings.get("client_secret", ""),
        }
    else:
        raise InvalidInput("There is neither a refresh token nor a service account's key.", "refresh_token")
    return Request(
        service="google_oauth",
        url=TOKEN_URL,
        headers=FORM,
        body=urlencode(form).encode(),
    )


def cloud_project(settings: Settings) -> str:
    """The Cloud project that Google counts requests by: its number from the OAuth client, its id from the service
    account, which goes first. Where they do not show it, the client or the account as a whole."""
    if text := settings.get("service_account_json"):
        key = decode(text.encode(), _Key)
        email = key.client_email if key else ""
        name, _, domain = email.partition("@")
        return domain.removesuffix(_OF_PROJECT) if name and domain.endswith(_OF_PROJECT) else email
    client = settings.get("client_id", "")
    found = _CLIENT.fullmatch(client)
    return found[1] if found else client


def _assertion(text: str, now: int, scope: str) -> str:
    key = decode(text.encode(), _Key)
    if key is None:
        raise InvalidInput(
            "The service account's key is not the JSON file that Google gave: it needs client_email and private_key.",
            "service_account_json",
        )
    issued = now // SECOND
    claims = {"iss": key.client_email, "scope": scope, "aud": TOKEN_URL, "iat": issued, "exp": issued + _LIFE_S}
    header = {"alg": "RS256", "typ": "JWT"} | ({"kid": key.private_key_id} if key.private_key_id else {})
    try:
        return jwt.encode(header, claims, RSAKey.import_key(key.private_key))
    except (ValueError, TypeError, JoseError) as error:
        raise InvalidInput(
            "The private_key in the service account's key is not an RSA key in PEM form; paste the whole JSON file.",
            "service_account_json",
        ) from error


def read_token(response: Response, scope: str = SCOPE, lacking: str = "scope_missing") -> Token | Outcome:
    """The token, or why there is none. A refused credential is a hold: asking again would not help.

    `lacking` is the code for a token without the scope.
    """
    if response.status == 200:
        granted = decode(response.body, _Granted)
        if granted is None or not granted.access_token:
            return outcome(_CODES, "token_unreadable")
        if granted.scope and scope not in granted.scope.split():
            return outcome(_CODES, lacking)
        return Token(granted.access_token, granted.expires_in)
    return refusal(_CODES, response)


def refusal(codes: Mapping[str, Code], response: Response) -> Outcome:
    """Why the token endpoint gave nothing, by a table that holds `HTTP_CODES` and `OAUTH_CODES`."""
    if failure := transport_failure(codes, response):
        return failure
    said = decode(response.body, _Refusal)
    if said is None:
        return outcome(codes, "oauth_refused", f"HTTP {response.status}")
    words = " ".join(filter(None, (said.error, said.error_subtype, said.error_description)))
    known = said.error in codes and said.error not in HTTP_CODES
    return outcome(codes, said.error if known else "oauth_refused", words)


GOOGLE_AUTH: Final = TokenAuth(request=token_request, read=read_token)
ADWORDS_AUTH: Final = TokenAuth(request=partial(token_request, scope=ADWORDS), read=partial(read_token, scope=ADWORDS))
