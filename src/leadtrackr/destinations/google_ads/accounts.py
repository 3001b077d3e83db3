"""The Google Ads accounts that a user reaches, managers with what is below them.

`listAccessibleCustomers` gives the accounts that the user belongs to directly; below a manager, `customer_client` gives
its rows without their parents, so each manager is asked for its own level, once, however often it is met.
Sources: the guides on account hierarchy and access, google/ads/googleads/v25/resources/customer_client.proto.
"""

from collections.abc import Generator
from typing import Final

import msgspec

from leadtrackr.destinations.contract import Account, AccountTree, Listing, Outcome, Request, Response, Settings, Steps
from leadtrackr.destinations.google_ads.reading import CODES, OF_ONE_ACCOUNT, customer_of, get, read, search

MOST_DEPTH: Final = 10
MOST_MANAGERS: Final = 300
"""Managers that are asked; a list for people needs no more, and a chain of managers must end."""
_QUERY: Final = (
    "SELECT customer_client.id, customer_client.descriptive_name, customer_client.manager, customer_client.level, "
    "customer_client.status, customer_client.currency_code, customer_client.time_zone, customer_client.test_account, "
    "customer_client.hidden FROM customer_client WHERE customer_client.level <= 1"
)
BY_HAND: Final = (
    "Enter the ten digits at the top of Google Ads as operating_account=…, and those of the manager account through "
    "which the user gets there, if any, as login_account=…."
)


class _Names(msgspec.Struct, rename="camel"):
    resource_names: list[str] = []


class _Client(msgspec.Struct, rename="camel"):
    """proto3 JSON may leave out what is false, 0 or empty."""

    id: str
    descriptive_name: str = ""
    manager: bool = False
    level: int = 0
    status: str = ""
    currency_code: str = ""
    time_zone: str = ""
    test_account: bool = False
    hidden: bool = False


class _Row(msgspec.Struct, rename="camel"):
    customer_client: _Client


def list_accounts(_settings: Settings, token: str | None) -> Steps[AccountTree]:
    """Everything that the user reaches; what cannot be opened stays in the list with the reason."""
    names = read((yield get("customers:listAccessibleCustomers", token)), _Names)
    if isinstance(names, Outcome):
        return names
    reader = _Reader(token)
    roots: list[Account] = []
    for root in sorted(customer_of(name) for name in names.resource_names):
        found = yield from reader.root(root)
        if isinstance(found, Outcome):
            return found
        roots.append(found)
    return AccountTree(accounts=tuple(roots), notes=tuple(reader.notes))


class _Reader:
    """What has been asked already."""

    def __init__(self, token: str | None) -> None:
        self._token = token
        self._known: dict[str, tuple[_Client, ...] | Outcome] = {}
        self.notes: list[str] = []

    def root(self, customer: str) -> Steps[Account]:
        """An account that the user belongs to, with everything below it."""
        rows = yield from self._level(customer, customer)
        if isinstance(rows, Outcome):
            return rows if rows.code not in OF_ONE_ACCOUNT else _closed(customer, rows)
        own = next((row for row in rows if row.level == 0), None)
        if own is None:
            return Account(id=customer, name="", kind="account", note="Google says nothing of this account.")
        return (yield from self._account(own, customer, (customer,)))

    def _account(self, client: _Client, login: str, way: tuple[str, ...]) -> Steps[Account]:
        below: list[Account] = []
        note = ""
        if client.manager:
            rows = yield from self._below(client.id, login, way)
            if isinstance(rows, Outcome):
                if rows.code not in OF_ONE_ACCOUNT:
                    return rows
                note, rows = CODES[rows.code].sentence, ()
            for row in rows:
                if row.id in way:
                    continue
                found = yield from self._account(row, login, (*way, row.id))
                if isinstance(found, Outcome):
                    return found
                below.append(found)
        return _account(client, login, tuple(below), note)

    def _below(
        self, manager: str, login: str, way: tuple[str, ...]
    ) -> Generator[Request, Response, tuple[_Client, ...] | Outcome]:
        if manager not in self._known and (len(way) > MOST_DEPTH or len(self._known) >= MOST_MANAGERS):
            self._note(f"Not all managers were looked into: at most {MOST_MANAGERS}, and {MOST_DEPTH} below another.")
            return ()
        rows = yield from self._level(manager, login)
        return rows if isinstance(rows, Outcome) else tuple(row for row in rows if row.level == 1)

    def _level(self, customer: str, login: str) -> Generator[Request, Response, tuple[_Client, ...] | Outcome]:
        if customer not in self._known:
            rows = yield from search(customer, _QUERY, _Row, self._token, login)
            found = rows if isinstance(rows, Outcome) else tuple(row.customer_client for row in rows)
            self._known[customer] = found
        return self._known[customer]

    def _note(self, sentence: str) -> None:
        if sentence not in self.notes:
            self.notes.append(sentence)


def _account(client: _Client, login: str, below: tuple[Account, ...], note: str) -> Account:
    is_open = client.status in ("", "ENABLED")
    notes = [note, "" if is_open else "It is closed.", "It is hidden in its manager." if client.hidden else ""]
    through = login if login != client.id else ""
    return Account(
        id=client.id,
        name=client.descriptive_name,
        kind="manager" if client.manager else "account",
        state=client.status.lower(),
        currency=client.currency_code,
        time_zone=client.time_zone,
        is_test=client.test_account,
        note=" ".join(filter(None, notes)),
        settings={"operating_account": client.id, "login_account": through} if is_open else {},
        below=below,
    )


def _closed(customer: str, outcome: Outcome) -> Account:
    return Account(id=customer, name="", kind="account", note=CODES[outcome.code].sentence)


GOOGLE_ACCOUNTS: Final = Listing(steps=list_accounts, by_hand=BY_HAND)
