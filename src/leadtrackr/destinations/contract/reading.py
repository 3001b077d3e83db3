"""What a platform can be asked about an account beside deliveries: which accounts there are, how one stands, which
conversion actions it has.

Several requests may be needed, each made of the answers before it: a destination gives a generator that yields
requests, is sent their responses and returns what it found. The program does the HTTP; a request without an answer ends
the steps.
"""

from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Generic, Literal, TypeVar

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


class Standing(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How the connected account stands with its platform."""

    facts: Mapping[str, str]
    """What was read, label and value, for a person."""
    advice: tuple[str, ...] = ()
    """What a person should do about it, in sentences."""
    follows: Mapping[str, str] = {}
    """Settings that the program gives the connection because of it; an empty value takes a setting away."""


class ConversionAction(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What an account counts: a conversion action, a conversion rule."""

    id: str
    """What a label's event for this destination is set to."""
    name: str
    kind: str = ""
    """How it is fed, as the platform writes it."""
    state: str = ""
    """The platform's word in lower case."""
    category: str = ""
    counting: str = ""
    """`one` a click or `every`; empty when the platform does not say."""
    window_days: int | None = None
    """Days from the click that it counts in."""
    view_days: int | None = None
    """Days from the view that it counts in."""
    is_primary: bool | None = None
    """Whether bidding uses it."""
    value: str = ""
    """The value that it has by itself, for a person."""
    is_usable: bool = True
    """Whether this program can send to it."""
    note: str = ""
    """Why it cannot, or what else to know."""


class NewAction(msgspec.Struct, frozen=True, kw_only=True):
    """A conversion action to be made. What is left out is the platform's own default."""

    name: str
    category: str
    counting: Literal["one", "every"] | None = None
    window_days: int | None = None
    view_days: int | None = None
    value_cents: int | None = None
    """In the currency's smallest unit."""
    currency: str | None = None
    always_this_value: bool = False
    """Whether it counts with this value even if a conversion brings one."""
    is_primary: bool = True


class Actions(msgspec.Struct, frozen=True, kw_only=True):
    """The conversion actions of an account."""

    listing: Listing[tuple[ConversionAction, ...]]
    """All of them, those that cannot be used too."""
    categories: tuple[str, ...]
    """Those that mean something for leads, as the platform writes them."""
    check: Callable[[NewAction], None]
    """InvalidInput names what the platform would refuse."""
    create: Callable[[NewAction, Settings, str | None], Steps[ConversionAction]]
    """Makes one and reads it back."""
