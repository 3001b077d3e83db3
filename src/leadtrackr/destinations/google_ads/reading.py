"""Asking the Google Ads API about accounts and conversion actions: transport, pages, refusals.

Sending goes through the Data Manager API; only this goes through the Google Ads API, with a right of its own (adwords).
Sources: googleapis google/ads/googleads/v25/services/google_ads_service.proto and errors/*.proto.
"""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, Final, TypeVar

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
    Steps,
    TokenAuth,
)
from leadtrackr.destinations.google_ads.oauth import ADWORDS, OAUTH_CODES, read_token, token_request
from leadtrackr.destinations.http_common import JSON, decode, encode, outcome, transport_failure
from leadtrackr.destinations.rows import held, mend

VERSION: Final = "v25"
HOST: Final = f"https://googleads.googleapis.com/{VERSION}"
MOST_PAGES: Final = 100
"""Pages of one answer that are read, of up to 10,000 rows each; an end, should a page name itself as the next."""
_ERRORS: Final = "https://developers.google.com/google-ads/api/docs/get-started/common-errors"
_hold: Final = partial(held, "configuration", link=_ERRORS)
_credentials: Final = partial(held, "credentials", link=_ERRORS)

READING: Final[Mapping[str, Code]] = {
    "reading_disabled": _hold(
        "The Google Ads API, by which accounts and conversion actions are read, is not enabled in the Google Cloud "
        "project of the credentials.",
        "Enable the Google Ads API in the Google Cloud console; it takes some minutes to spread. Sending goes on "
        "without it.",
    ),
    "reading_refused": _hold(
        "Google Ads does not answer the question.", "Look at Google's words, or enter the setting by hand."
    ),
    "reading_retired": Code(
        Kind.HOLD,
        "Google has retired the version of the Google Ads API by which this program reads accounts.",
        "Nothing to do for you: whoever runs the program should update it. Sending goes on without it.",
        scope=Scope.DESTINATION,
        hold="configuration",
        action=Action.WE_ACT,
        link=_ERRORS,
    ),
    "USER_PERMISSION_DENIED": _hold(
        "The connection's user has no access to this Google Ads account, or not through this manager account.",
        "Set the manager account to the one that the user belongs to, or give the user access in Google Ads.",
    ),
    "CUSTOMER_NOT_ENABLED": _hold(
        "This Google Ads account is closed, or was never set up.", "Open it in Google Ads and finish or reactivate it."
    ),
    "CUSTOMER_NOT_FOUND": _hold(
        "There is no Google Ads account of this customer id.", "Check the customer id against Google Ads."
    ),
    "NOT_ADS_USER": _credentials(
        "This Google user belongs to no Google Ads account.",
        "Connect again as a user who has access to the account, or give this one access in Google Ads.",
    ),
    "TWO_STEP_VERIFICATION_NOT_ENROLLED": _credentials(
        "Google asks this user to turn on two-step verification first.",
        "Open the security settings of the Google user, turn it on and connect again.",
    ),
    "CLOUD_PROJECT_NOT_APPROVED_FOR_PRODUCTION": _hold(
        "The Google Cloud project of the OAuth client may not read real Google Ads accounts yet.",
        "Open the API Center in Google Ads and ask for access for the project, or enter the settings by hand.",
    ),
    "ACTION_NOT_PERMITTED": _hold(
        "Google Ads does not let this user or this account do that.",
        "Give the user standard access, or use the account that owns the conversion actions.",
    ),
    "DUPLICATE_NAME": mend(
        "The Google Ads account has a conversion action of this name already.",
        "Choose another name, or use the conversion action that is there.",
        _ERRORS,
    ),
}
"""Outcomes of reading and of making conversion actions; none of them is ever a delivery's."""
CODES: Final[Mapping[str, Code]] = {**HTTP_CODES, **OAUTH_CODES, **READING}
OF_ONE_ACCOUNT: Final = frozenset({"USER_PERMISSION_DENIED", "CUSTOMER_NOT_ENABLED", "CUSTOMER_NOT_FOUND"})
"""Refusals that say nothing of the other accounts."""
_SAME: Final = {
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT": "reading_scope_missing",
    "SERVICE_DISABLED": "reading_disabled",
    "DEVELOPER_TOKEN_NOT_APPROVED": "CLOUD_PROJECT_NOT_APPROVED_FOR_PRODUCTION",
    "RESOURCE_EXHAUSTED": "rate_limited",
    "RESOURCE_TEMPORARILY_EXHAUSTED": "rate_limited",
    "OAUTH_TOKEN_REVOKED": "invalid_grant",
    "OAUTH_TOKEN_EXPIRED": "invalid_grant",
    "OAUTH_TOKEN_INVALID": "invalid_grant",
    "OAUTH_TOKEN_DISABLED": "invalid_grant",
    "ACCESS_TOKEN_EXPIRED": "invalid_grant",
    "CREDENTIALS_MISSING": "invalid_grant",
}
READING_AUTH: Final = TokenAuth(
    request=partial(token_request, scope=ADWORDS),
    read=partial(read_token, scope=ADWORDS, lacking="reading_scope_missing"),
)
_T = TypeVar("_T")


class _AdsError(msgspec.Struct, rename="camel"):
    error_code: dict[str, str] = {}
    message: str = ""


class _Detail(msgspec.Struct):
    errors: list[_AdsError] = []
    reason: str = ""


class _Error(msgspec.Struct):
    message: str = ""
    status: str = ""
    details: list[_Detail] = []


class _Refusal(msgspec.Struct):
    error: _Error


class _Page(msgspec.Struct, rename="camel"):
    results: list[msgspec.Raw] = []
    next_page_token: str = ""


def customer_of(name: str) -> str:
    """The id in a resource name, such as `customers/123` or `customers/123/conversionActions/4`."""
    return name.rpartition("/")[2]


def query(resource: str, fields: Iterable[str]) -> str:
    """A query for fields of a resource, named without it."""
    return " ".join(("SELECT", ", ".join(f"{resource}.{field}" for field in fields), "FROM", resource))


def get(path: str, token: str | None) -> Request:
    """A question without a body."""
    return Request(service="google_ads_api", method="GET", url=f"{HOST}/{path}", headers=_headers(token))


def post(path: str, token: str | None, body: object, login: str = "") -> Request:
    """A question or an order; `login` is the manager account through which the user reaches the customer."""
    headers = {**JSON, **_headers(token), **({"login-customer-id": login} if login else {})}
    return Request(service="google_ads_api", url=f"{HOST}/{path}", headers=headers, body=encode(body))


def search(customer: str, text: str, shape: type[_T], token: str | None, login: str = "") -> Steps[tuple[_T, ...]]:
    """Every row of a query, page by page. Google fixes the size of a page."""
    rows: list[_T] = []
    page_token = ""
    for _ in range(MOST_PAGES):
        body = {"query": text, **({"pageToken": page_token} if page_token else {})}
        response = yield post(f"customers/{customer}/googleAds:search", token, body, login)
        page = read(response, _Page)
        if isinstance(page, Outcome):
            return page
        found = [decode(bytes(row), shape) for row in page.results]
        if any(row is None for row in found):
            return outcome(CODES, "unreadable")
        rows += [row for row in found if row is not None]
        page_token = page.next_page_token
        if not page_token:
            return tuple(rows)
    return outcome(CODES, "unreadable", "The list does not end.")


def read(response: Response, shape: type[_T]) -> _T | Outcome:
    """The answer as that shape, or why there is none."""
    if response.status == 200:
        found = decode(response.body, shape)
        return outcome(CODES, "unreadable") if found is None else found
    refusal = decode(response.body, _Refusal)
    code, words = _reason(refusal)
    if known := _SAME.get(code, code if code in READING else ""):
        return outcome(CODES, known, words)
    if failure := transport_failure(CODES, response, words):
        return failure
    # A retired version is known by its address alone: Google's frontend answers, not the API.
    if response.status == 404 and not code:
        return outcome(CODES, "reading_retired", words or "HTTP 404")
    return outcome(CODES, "reading_refused", words or f"HTTP {response.status}")


def _reason(refusal: _Refusal | None) -> tuple[str, str]:
    """The first code, and what Google says."""
    if refusal is None:
        return "", ""
    errors = [error for detail in refusal.error.details for error in detail.errors]
    for error in errors:
        for code in error.error_code.values():
            return code, f"{code}: {error.message}"
    reasons = [detail.reason for detail in refusal.error.details if detail.reason]
    code = reasons[0] if reasons else ""
    return code, " ".join(filter(None, (code, refusal.error.message)))


def _headers(token: str | None) -> dict[str, Any]:
    return {"authorization": f"Bearer {token}"}
