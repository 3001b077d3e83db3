"""The Microsoft Advertising accounts that a user reaches, through the REST Customer Management API.

`GetUser` says who is asking, `SearchAccounts` which accounts that user may use; each names the customer that owns it.
Sources: learn.microsoft.com/advertising (GetUser, SearchAccounts, AdvertiserAccount, Paging); for the REST addresses,
connectors that use them.
"""

from collections.abc import Generator, Sequence
from typing import Any, Final, TypeVar

import msgspec

from leadtrackr.destinations.contract import Account, AccountTree, Listing, Outcome, Request, Response, Settings, Steps
from leadtrackr.destinations.http_common import JSON, decode, encode, outcome
from leadtrackr.destinations.microsoft.answer import fault_of
from leadtrackr.destinations.microsoft.codes import CODES
from leadtrackr.destinations.microsoft.declared import VERSION

HOST: Final = "https://clientcenter.api.bingads.microsoft.com"
PAGE: Final = 1000
"""Most accounts on a page."""
MOST_PAGES: Final = 20
BY_HAND: Final = (
    "Open the account in Microsoft Advertising and take the numbers from the address of the page: enter the one behind "
    "aid= as account_id=… and the one behind cid= as customer_id=…."
)
_USABLE: Final = frozenset({"", "active", "pause", "pending"})
_T = TypeVar("_T")


class _User(msgspec.Struct, rename="pascal"):
    id: int


class _Who(msgspec.Struct, rename="pascal"):
    user: _User


class _Account(msgspec.Struct, rename="pascal"):
    """Ids come as numbers or as text."""

    id: int
    parent_customer_id: int
    name: str | None = None
    number: str | None = None
    currency_code: str | None = None
    time_zone: str | None = None
    account_life_cycle_status: str | None = None


class _Accounts(msgspec.Struct, rename="pascal"):
    accounts: list[_Account] | None = None


def list_accounts(settings: Settings, token: str | None) -> Steps[AccountTree]:
    """Every account of the user, under the customer that owns it."""
    who = _read((yield _request(settings, token, "User/Query", {"UserId": None})), _Who)
    if isinstance(who, Outcome):
        return who
    found: list[_Account] = []
    for page in range(MOST_PAGES):
        rows = yield from _page(settings, token, who.user.id, page)
        if isinstance(rows, Outcome):
            return rows
        found += rows
        if len(rows) < PAGE:
            return AccountTree(accounts=_by_customer(found))
    return AccountTree(accounts=_by_customer(found), notes=(f"Only the first {len(found):,} accounts are shown.",))


def _page(
    settings: Settings, token: str | None, user: int, page: int
) -> Generator[Request, Response, list[_Account] | Outcome]:
    body = {
        "Predicates": [{"Field": "UserId", "Operator": "Equals", "Value": str(user)}],
        "PageInfo": {"Index": page, "Size": PAGE},
    }
    found = _read((yield _request(settings, token, "Accounts/Search", body)), _Accounts)
    return found if isinstance(found, Outcome) else found.accounts or []


def _request(settings: Settings, token: str | None, what: str, body: dict[str, Any]) -> Request:
    return Request(
        service="microsoft_customers",
        url=f"{HOST}/CustomerManagement/{settings.get('api_version', VERSION)}/{what}",
        headers={
            **JSON,
            "authorization": f"Bearer {token}",
            "developertoken": settings.get("developer_token", ""),
        },
        body=encode(body),
    )


def _read(response: Response, shape: type[_T]) -> _T | Outcome:
    if (fault := fault_of(response)) is not None:
        return fault
    found = decode(response.body, shape) if response.status == 200 else None
    return outcome(CODES, "listing_refused", f"HTTP {response.status}") if found is None else found


def _by_customer(found: Sequence[_Account]) -> tuple[Account, ...]:
    customers: dict[int, list[Account]] = {}
    for one in sorted(found, key=lambda one: ((one.name or "").casefold(), one.id)):
        customers.setdefault(one.parent_customer_id, []).append(_shown(one))
    return tuple(
        Account(id=str(customer), name="", kind="manager", below=tuple(below)) for customer, below in customers.items()
    )


def _shown(one: _Account) -> Account:
    state = (one.account_life_cycle_status or "").lower()
    ids = {"account_id": str(one.id), "customer_id": str(one.parent_customer_id)}
    return Account(
        id=str(one.id),
        name=" ".join(filter(None, (one.name, f"({one.number})" if one.number else ""))),
        kind="account",
        state=state,
        currency=one.currency_code or "",
        time_zone=one.time_zone or "",
        note="" if state in _USABLE else "It takes no conversions in this state.",
        settings=ids if state in _USABLE else {},
    )


MICROSOFT_ACCOUNTS: Final = Listing(steps=list_accounts, by_hand=BY_HAND)
