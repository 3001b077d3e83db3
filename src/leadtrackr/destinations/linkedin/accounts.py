"""The ad accounts that a member reaches, with the right r_ads.

Source: learn.microsoft.com/linkedin/marketing, the search of ad accounts and its pages by cursor.
"""

from collections.abc import Mapping
from functools import partial
from typing import Final
from urllib.parse import quote

import msgspec

from leadtrackr.destinations.contract import (
    HTTP_CODES,
    Account,
    AccountTree,
    Code,
    Listing,
    Outcome,
    Request,
    Response,
    Settings,
    Steps,
)
from leadtrackr.destinations.http_common import decode, outcome, transport_failure
from leadtrackr.destinations.linkedin.declared import HOST, headers
from leadtrackr.destinations.rows import held

PAGE: Final = 100
MOST_PAGES: Final = 50
BY_HAND: Final = (
    "Open the Campaign Manager: the number of each ad account stands beside its name. Enter it as ad_account=…."
)
_DOCS: Final = (
    "https://learn.microsoft.com/en-us/linkedin/marketing/integrations/ads/account-structure/create-and-manage-accounts"
)
_hold: Final = partial(held, "configuration", link=_DOCS)

LISTING_CODES: Final[Mapping[str, Code]] = {
    "accounts_token": held(
        "credentials",
        "LinkedIn does not accept the access token.",
        "Connect again, or make a new access token in the Campaign Manager and enter it in the connection.",
        _DOCS,
    ),
    "accounts_forbidden": _hold(
        "The access token may not read ad accounts.",
        "Connect again by signing in, or enter the number of the ad account by hand.",
    ),
    "accounts_refused": _hold(
        "LinkedIn does not list its ad accounts.", "Look at LinkedIn's words, or enter the number by hand."
    ),
}
"""Outcomes of listing ad accounts; none of them is ever a delivery's."""
_CODES: Final[Mapping[str, Code]] = {**HTTP_CODES, **LISTING_CODES}


class _Account(msgspec.Struct):
    id: int
    name: str = ""
    status: str = ""
    currency: str = ""
    test: bool = False


class _Cursor(msgspec.Struct, rename="camel"):
    next_page_token: str | None = None


class _Found(msgspec.Struct):
    elements: list[_Account]
    metadata: _Cursor | None = None


class _Refusal(msgspec.Struct):
    message: str = ""
    code: str = ""


def list_accounts(settings: Settings, token: str | None) -> Steps[AccountTree]:
    """Every ad account of the member, by name."""
    found: list[_Account] = []
    cursor = ""
    for _ in range(MOST_PAGES):
        page = _read((yield _request(settings, token, cursor)))
        if isinstance(page, Outcome):
            return page
        found += page.elements
        cursor = (page.metadata.next_page_token if page.metadata else None) or ""
        if not cursor or not page.elements:
            return AccountTree(accounts=_shown(found))
    return AccountTree(accounts=_shown(found), notes=(f"Only the first {len(found):,} ad accounts are shown.",))


def _request(settings: Settings, token: str | None, cursor: str) -> Request:
    url = f"{HOST}/rest/adAccounts?q=search&pageSize={PAGE}"
    if cursor:
        url += f"&pageToken={quote(cursor, safe='')}"
    return Request(service="linkedin", method="GET", url=url, headers=headers(settings, token))


def _read(response: Response) -> _Found | Outcome:
    if response.status == 200:
        found = decode(response.body, _Found)
        return outcome(_CODES, "unreadable") if found is None else found
    refusal = decode(response.body, _Refusal) or _Refusal()
    words = " ".join(filter(None, (refusal.code, refusal.message))) or f"HTTP {response.status}"
    if failure := transport_failure(_CODES, response, words):
        return failure
    key = {401: "accounts_token", 403: "accounts_forbidden"}.get(response.status, "accounts_refused")
    return outcome(_CODES, key, words)


def _shown(found: list[_Account]) -> tuple[Account, ...]:
    return tuple(map(_one, sorted(found, key=lambda one: (one.name.casefold(), one.id))))


def _one(one: _Account) -> Account:
    is_open = one.status in ("", "ACTIVE")
    return Account(
        id=str(one.id),
        name=one.name,
        kind="account",
        state=one.status.lower(),
        currency=one.currency,
        is_test=one.test,
        note="" if is_open else "It is not active.",
        settings={"ad_account": str(one.id)} if is_open else {},
    )


LINKEDIN_ACCOUNTS: Final = Listing(steps=list_accounts, by_hand=BY_HAND)
