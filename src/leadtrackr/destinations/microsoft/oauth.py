"""Microsoft's access tokens, from a refresh token that is good for one use: each answer holds the next one.

Sources: "Authentication with OAuth" of the Microsoft Advertising API, and the token endpoint of the Microsoft identity
platform with its error codes (AADSTS).
"""

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
from leadtrackr.destinations.rows import held, trouble
from leadtrackr.kit.errors import InvalidInput

LOGIN: Final = "https://login.microsoftonline.com"
TENANT: Final = "common"
"""Work accounts of any organisation and personal accounts."""
FORM: Final = {"content-type": "application/x-www-form-urlencoded"}
MANAGE: Final = "https://ads.microsoft.com/msads.manage"
SCOPE: Final = f"{MANAGE} offline_access"
_ERRORS: Final = "https://learn.microsoft.com/entra/identity-platform/reference-error-codes"
_AGAIN: Final = "Connect Microsoft Advertising again: what waits is sent then, with its original time."
credentials: Final = partial(held, "credentials", link=_ERRORS)
_UNUSED: Final = credentials("The connection to Microsoft has expired: it was not used for 90 days.", _AGAIN)
_MORE_PROOF: Final = credentials(
    "Microsoft wants the user to prove more, such as a second factor.",
    "Connect again and follow what Microsoft asks for.",
)

OAUTH_CODES: Final[Mapping[str, Code]] = {
    "token_unreadable": Code(
        Kind.RETRY,
        "Microsoft's answer held no access token.",
        "Nothing to do: it is asked again.",
        scope=Scope.DESTINATION,
        action=Action.WAIT,
    ),
    "invalid_grant": credentials(
        "Microsoft does not accept the refresh token any more. The usual causes: somebody withdrew the access or "
        "changed the password; the same token was used elsewhere, or came from an older backup; or the server was cut "
        "off in the moment between Microsoft's answer with the next token and its being stored.",
        _AGAIN,
    ),
    "AADSTS70008": _UNUSED,
    "AADSTS700082": _UNUSED,
    "AADSTS700084": credentials(
        "The refresh token has reached its fixed end: the app is registered as a single-page app.",
        "Change the app registration to Web or Mobile and desktop, and connect again.",
    ),
    "AADSTS50173": credentials("The user's password was changed, or the user's sessions were ended.", _AGAIN),
    "AADSTS50076": _MORE_PROOF,
    "AADSTS50079": _MORE_PROOF,
    "AADSTS65001": credentials(
        "Nobody has allowed the app to use Microsoft Advertising for this user.",
        "Connect again and allow the access; an organisation's admin may have to.",
    ),
    "AADSTS7000215": credentials(
        "The client secret is wrong.", "Copy the secret's value, not its id, from the app registration."
    ),
    "AADSTS7000222": credentials(
        "The client secret has expired.", "Make a new secret in the app registration and enter it in the connection."
    ),
    "AADSTS700016": credentials("Microsoft does not know the app.", "Check the application (client) id."),
    "AADSTS7000218": credentials(
        "The app is registered as a web app, and its secret was not given.",
        "Make a client secret in the app registration and enter its value in the connection.",
    ),
    "AADSTS700025": credentials(
        "The app is registered as a mobile or desktop app, which has no secret, and one was given.",
        "Leave the client secret of the connection empty, or register the address that people come back to under "
        "the platform Web.",
    ),
    "interaction_required": _MORE_PROOF,
    "consent_required": credentials(
        "Nobody has allowed the app to use Microsoft Advertising for this user.", "Connect again and allow the access."
    ),
    "invalid_client": credentials(
        "Microsoft does not know the app, or its secret is wrong.", "Copy client id and client secret again."
    ),
    "unauthorized_client": credentials(
        "The app may not use this kind of access.", "Check the kind of the app registration and connect again."
    ),
    "invalid_scope": credentials(
        "The connection may not have the right to send conversions.", "Allow msads.manage and connect again."
    ),
    "scope_missing": credentials(
        "The connection was made without the right to send conversions.", "Allow msads.manage and connect again."
    ),
    "invalid_request": credentials("Microsoft finds the credentials incomplete.", "Enter the credentials again."),
    "temporarily_unavailable": trouble("Microsoft's sign-in is away for a moment.", link=_ERRORS),
    "oauth_refused": credentials("Microsoft issued no access token.", "Look at Microsoft's words and connect again."),
}
_CODES: Final[Mapping[str, Code]] = {**HTTP_CODES, **OAUTH_CODES}


class _Granted(msgspec.Struct):
    access_token: str
    expires_in: int
    refresh_token: str = ""
    scope: str = ""


class _Refusal(msgspec.Struct):
    error: str
    error_description: str = ""
    error_codes: list[int] = []


def endpoint(settings: Settings, name: str) -> str:
    """The address of `authorize` or `token`, for the accounts of the connection's tenant."""
    return f"{LOGIN}/{settings.get('tenant', TENANT)}/oauth2/v2.0/{name}"


def token_request(settings: Settings, _now: int) -> Request:
    """The request for an access token and the next refresh token. InvalidInput when there is none to give."""
    if not settings.get("refresh_token"):
        raise InvalidInput("There is no refresh token.", "refresh_token")
    form = {
        "client_id": settings.get("client_id", ""),
        "grant_type": "refresh_token",
        "refresh_token": settings["refresh_token"],
        "scope": SCOPE,
    }
    if secret := settings.get("client_secret"):
        form["client_secret"] = secret
    return Request(
        service="microsoft_oauth",
        url=endpoint(settings, "token"),
        headers=FORM,
        body=urlencode(form).encode(),
    )


def read_token(response: Response) -> Token | Outcome:
    """The tokens, or why there are none. A refused credential is a hold: asking again would not help."""
    if response.status == 200:
        granted = decode(response.body, _Granted)
        if granted is None or not granted.access_token:
            return outcome(_CODES, "token_unreadable")
        if granted.scope and MANAGE not in granted.scope.split():
            return outcome(_CODES, "scope_missing")
        return Token(granted.access_token, granted.expires_in, granted.refresh_token or None)
    return refused(_CODES, response)


def refused(codes: Mapping[str, Code], response: Response) -> Outcome:
    """Why the token endpoint gave nothing, by a table that holds `HTTP_CODES` and `OAUTH_CODES`."""
    if failure := transport_failure(codes, response):
        return failure
    refusal = decode(response.body, _Refusal)
    if refusal is None:
        return outcome(codes, "oauth_refused", f"HTTP {response.status}")
    keys = (*(f"AADSTS{number}" for number in refusal.error_codes), refusal.error)
    key = next((key for key in keys if key in codes and key not in HTTP_CODES), "oauth_refused")
    # What follows the first sentence are ids and times of the answer.
    words = refusal.error_description.partition("Trace ID:")[0]
    return outcome(codes, key, f"{refusal.error} {words}")


MICROSOFT_AUTH: Final = TokenAuth(request=token_request, read=read_token, rotates="refresh_token")
