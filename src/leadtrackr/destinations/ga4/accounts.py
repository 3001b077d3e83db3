"""The Google Analytics properties and web data streams that a user reaches, through the Analytics Admin API.

Only to choose from: the Measurement Protocol itself knows a stream by its measurement id and API secret. Source:
developers.google.com/analytics/devguides/config/admin/v1 (accountSummaries.list, properties.dataStreams.list).
"""

from collections.abc import Mapping
from functools import partial
from typing import Final, TypeVar
from urllib.parse import urlencode

import msgspec

from leadtrackr.destinations.contract import (
    HTTP_CODES,
    Account,
    AccountTree,
    Code,
    Field,
    Listing,
    Outcome,
    Request,
    Response,
    Right,
    Settings,
    Steps,
    TokenAuth,
)
from leadtrackr.destinations.google_ads.consent import CONSENT_CODES, CREDENTIALS, google_consent
from leadtrackr.destinations.google_ads.oauth import OAUTH_CODES, read_token, token_request
from leadtrackr.destinations.http_common import decode, outcome, transport_failure
from leadtrackr.destinations.rows import held

HOST: Final = "https://analyticsadmin.googleapis.com/v1beta"
ANALYTICS: Final = "https://www.googleapis.com/auth/analytics.readonly"
PAGE: Final = 200
MOST_PAGES: Final = 50
MOST_PROPERTIES: Final = 200
"""Properties whose streams are asked for, one request each."""
BY_HAND: Final = (
    "Open Admin, Data streams in Google Analytics and choose the web stream: the measurement id stands at the top, the "
    "API secret under Measurement Protocol API secrets. Enter them as measurement_id=… and api_secret=…."
)
_ADMIN: Final = "https://developers.google.com/analytics/devguides/config/admin/v1"
_hold: Final = partial(held, "configuration", link=_ADMIN)


def _ours(row: Code) -> Code:
    return msgspec.structs.replace(row, next_step=row.next_step.replace("Google Ads", "Google Analytics"))


LISTING_CODES: Final[Mapping[str, Code]] = {
    **{code: _ours(row) for code, row in {**OAUTH_CODES, **CONSENT_CODES}.items()},
    "SERVICE_DISABLED": _hold(
        "The Google Analytics Admin API, by which properties are listed, is not enabled in the Google Cloud project.",
        "Enable the Google Analytics Admin API in the Google Cloud console, or enter the settings by hand.",
    ),
    "PERMISSION_DENIED": _hold(
        "The user may not read this in Google Analytics.",
        "Give the user at least the role Viewer in Google Analytics, or enter the settings by hand.",
    ),
    "listing_refused": _hold(
        "Google Analytics does not list its properties.", "Look at Google's words, or enter the settings by hand."
    ),
}
"""Outcomes of signing in and of listing; none of them is ever a delivery's."""
_CODES: Final[Mapping[str, Code]] = {**HTTP_CODES, **LISTING_CODES}
_SAME: Final = {
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT": "reading_scope_missing",
    "SERVICE_DISABLED": "SERVICE_DISABLED",
    "ACCESS_TOKEN_EXPIRED": "invalid_grant",
    "PERMISSION_DENIED": "PERMISSION_DENIED",
    "UNAUTHENTICATED": "invalid_grant",
}

LISTING_FIELDS: Final = (
    Field(
        name="client_id",
        label="OAuth client id",
        help="Only to list properties and streams; sending needs the API secret alone.",
    ),
    Field(name="client_secret", label="OAuth client secret", help="Of the same client.", secret=True),
    Field(
        name="refresh_token",
        label="Refresh token",
        help="Of a user who may read the property; comes of signing in.",
        secret=True,
    ),
    Field(
        name="service_account_json",
        label="Service account key",
        help="Instead of the OAuth client: the whole JSON file. Add its e-mail address as a viewer of the property.",
        kind="json",
        secret=True,
    ),
)
LISTING_AUTH: Final = TokenAuth(
    request=partial(token_request, scope=ANALYTICS),
    read=partial(read_token, scope=ANALYTICS, lacking="reading_scope_missing"),
)
ANALYTICS_CONSENT: Final = google_consent(
    Right(ANALYTICS, "Google Analytics: see properties and data streams"),
    # Whoever has the API secret can send and need not sign in.
    credentials=("api_secret", *CREDENTIALS),
)
_T = TypeVar("_T")


class _Property(msgspec.Struct, rename="camel"):
    property: str
    display_name: str = ""


class _Summary(msgspec.Struct, rename="camel"):
    account: str
    display_name: str = ""
    property_summaries: list[_Property] = []


class _Summaries(msgspec.Struct, rename="camel"):
    account_summaries: list[_Summary] = []
    next_page_token: str = ""


class _Web(msgspec.Struct, rename="camel"):
    measurement_id: str = ""
    default_uri: str = ""


class _Stream(msgspec.Struct, rename="camel"):
    name: str
    type: str = ""
    display_name: str = ""
    web_stream_data: _Web | None = None


class _Streams(msgspec.Struct, rename="camel"):
    data_streams: list[_Stream] = []
    next_page_token: str = ""


class _Info(msgspec.Struct):
    reason: str = ""


class _Error(msgspec.Struct):
    message: str = ""
    status: str = ""
    details: list[_Info] = []


class _Refusal(msgspec.Struct):
    error: _Error


def list_properties(_settings: Settings, token: str | None) -> Steps[AccountTree]:
    """Accounts, their properties, and the web streams of each; app streams have no measurement id and are left out."""
    summaries: list[_Summary] = []
    page_token, pages = "", 0
    while pages == 0 or (page_token and pages < MOST_PAGES):
        page = _read((yield _get("accountSummaries", token, page_token)), _Summaries)
        if isinstance(page, Outcome):
            return page
        summaries += page.account_summaries
        page_token, pages = page.next_page_token, pages + 1
    accounts: list[Account] = []
    asked = 0
    for summary in summaries:
        properties: list[Account] = []
        for one in summary.property_summaries:
            asked += 1
            found = yield from _property(one, token, look=asked <= MOST_PROPERTIES)
            if isinstance(found, Outcome):
                return found
            properties.append(found)
        name = summary.account.rpartition("/")[2]
        accounts.append(Account(id=name, name=summary.display_name, kind="account", below=tuple(properties)))
    notes = (f"The streams of at most {MOST_PROPERTIES} properties are listed.",) if asked > MOST_PROPERTIES else ()
    return AccountTree(accounts=tuple(accounts), notes=notes)


def _property(one: _Property, token: str | None, *, look: bool) -> Steps[Account]:
    streams: list[Account] = []
    note, page_token, pages = "", "", 0
    while look and (pages == 0 or (page_token and pages < MOST_PAGES)):
        page = _read((yield _get(f"{one.property}/dataStreams", token, page_token)), _Streams)
        if isinstance(page, Outcome):
            if page.code != "PERMISSION_DENIED":
                return page
            note = _CODES[page.code].sentence
            break
        streams += [_stream(found) for found in page.data_streams if found.web_stream_data]
        page_token, pages = page.next_page_token, pages + 1
    name = one.property.rpartition("/")[2]
    return Account(id=name, name=one.display_name, kind="property", note=note, below=tuple(streams))


def _stream(found: _Stream) -> Account:
    web = found.web_stream_data or _Web()
    name = " ".join(filter(None, (found.display_name, f"({web.default_uri})" if web.default_uri else "")))
    settings = {"measurement_id": web.measurement_id} if web.measurement_id else {}
    return Account(id=web.measurement_id, name=name, kind="stream", settings=settings)


def _get(path: str, token: str | None, page_token: str) -> Request:
    query = urlencode({"pageSize": PAGE, **({"pageToken": page_token} if page_token else {})})
    headers = {"authorization": f"Bearer {token}"}
    return Request(service="google_analytics_admin", method="GET", url=f"{HOST}/{path}?{query}", headers=headers)


def _read(response: Response, shape: type[_T]) -> _T | Outcome:
    if response.status == 200:
        found = decode(response.body, shape)
        return outcome(_CODES, "unreadable") if found is None else found
    refusal = decode(response.body, _Refusal)
    error = refusal.error if refusal else _Error()
    reason = next((detail.reason for detail in error.details if detail.reason), error.status)
    words = " ".join(filter(None, (reason, error.message)))
    if known := _SAME.get(reason):
        return outcome(_CODES, known, words)
    if failure := transport_failure(_CODES, response, words):
        return failure
    return outcome(_CODES, "listing_refused", words or f"HTTP {response.status}")


GA4_ACCOUNTS: Final = Listing(steps=list_properties, by_hand=BY_HAND)
