"""LinkedIn's search of ad accounts: `GET /rest/adAccounts?q=search`, pages by cursor.

Source: LinkedIn's pages on ad accounts and on pagination by cursor. Not verified: the form of cursors and of refusals.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from leadtrackr.sandbox.contract import Answer, Call, Flag, json_answer
from leadtrackr.sandbox.words import words

PATH: Final = "/rest/adAccounts"
RIGHTS: Final = frozenset({"r_ads", "rw_ads"})
MOST: Final = 1_000
_PARAMETERS: Final = words("q search pageSize pageToken fields")


class AdAccount(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An ad account as the settings write it."""

    id: int
    name: str = "Sandbox Bakery"
    currency: str = "EUR"
    status: str = "ACTIVE"
    test: bool = False


def answer(call: Call, accounts: Sequence[AdAccount]) -> Answer:
    """A page of them. Version and token are looked at before."""
    query = call.query
    if query.get("q") != "search":
        return _refusal("Finder must be q=search.")
    if unknown := sorted(query.keys() - _PARAMETERS):
        return _refusal(f"Unexpected query parameters: {', '.join(unknown)}")
    place = _place(query)
    if place is None:
        return _refusal("Invalid paging parameters.")
    start, size = place
    page = accounts[start : start + size]
    cursor = {"nextPageToken": f"DgGerr1i{start + size}"} if start + size < len(accounts) else {}
    return json_answer(200, {"elements": [_shown(one) for one in page], "metadata": cursor})


def _place(query: Mapping[str, str]) -> tuple[int, int] | None:
    size, cursor = query.get("pageSize", "100"), query.get("pageToken", "DgGerr1i0").removeprefix("DgGerr1i")
    if not (size.isdigit() and 1 <= int(size) <= MOST and cursor.isdigit()):
        return None
    return int(cursor), int(size)


def _shown(one: AdAccount) -> dict[str, Any]:
    return {
        "id": one.id,
        "name": one.name,
        "currency": one.currency,
        "status": one.status,
        "test": one.test,
        "type": "BUSINESS",
        "reference": "urn:li:organization:2414183",
        "servingStatuses": ["RUNNABLE"],
    }


def _refusal(message: str) -> Answer:
    body = {"message": message, "status": 400, "code": "ILLEGAL_ARGUMENT"}
    return json_answer(400, body, flags=[Flag("ILLEGAL_ARGUMENT", detail=message)])
