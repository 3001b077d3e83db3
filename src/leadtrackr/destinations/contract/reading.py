"""What a platform can be asked about an account beside deliveries: which accounts there are.

Several requests may be needed, each made of the answers before it: a destination gives a generator that yields
requests, is sent their responses and returns what it found. The program does the HTTP; a request without an answer ends
the steps.
"""

from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Generic, TypeVar

import msgspec

from leadtrackr.destinations.contract.answers import Outcome, Request, Response
from leadtrackr.destinations.contract.events import Settings

T = TypeVar("T")
Steps = Generator[Request, Response, T | Outcome]
"""Yields requests, is sent responses, returns what was asked for or the outcome that says why not."""


class Account(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An account, a manager of accounts, a property or a data stream."""

    id: str
    name: str
    kind: str
    """What it is, in a word: `manager`, `account`, `property`, `stream`."""
    state: str = ""
    """The platform's word in lower case; empty when it says nothing of it."""
    currency: str = ""
    time_zone: str = ""
    is_test: bool = False
    note: str = ""
    """Why it cannot be used or looked into, for a person."""
    settings: Mapping[str, str] = {}
    """What a connection is set to for it; empty where it cannot be connected. An empty value takes a setting away."""
    below: tuple["Account", ...] = ()

    def everything(self) -> Iterator["Account"]:
        """It and all below it."""
        yield self
        for one in self.below:
            yield from one.everything()


class AccountTree(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What credentials reach. An account that is reached in two ways stands at both."""

    accounts: tuple[Account, ...]
    notes: tuple[str, ...] = ()
    """What is not in it and why, for a person; empty when it is whole."""

    def everything(self) -> Iterator[Account]:
        """All of them, each before those below it."""
        for one in self.accounts:
            yield from one.everything()


class Listing(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """A list that a platform gives, and what a person does where it does not."""

    steps: Callable[[Settings, str | None], Steps[T]]
    """From settings, which need not name an account yet, and access token."""
    by_hand: str
    """Where a person finds it themselves."""
