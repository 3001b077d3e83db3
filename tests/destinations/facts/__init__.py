"""What the tests know of each destination: one file here for each, named by its slug, found by itself.

They are worked out from the platform's documents, not from the destination: the two are compared.
"""

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from typing import Final, Literal

import msgspec

BEARER: Final = r"Bearer [!-~]+"
"""The form of an `authorization` header with a bearer token."""


class Refusal(msgspec.Struct, frozen=True):
    """A change of the usual settings that is refused, the field that is named and some of the words."""

    changes: Mapping[str, str]
    field: str
    words: str


class Digests(msgspec.Struct, frozen=True, kw_only=True):
    """Which of a person's data is hashed, and in which form, by the corpus of what people type."""

    email: int | None = None
    """The column of `corpus/emails.txt` with the form: 0 trimmed and in lower case, 1 without space too, 2 Google Ads',
    3 GA4's, 4 without dots and alias."""
    phone: Literal["+", "digits"] | None = None
    """E.164 with its + or without."""
    name: int | None = None
    """The column of `corpus/names.txt`."""
    country: bool = False
    """Two letters in lower case."""
    kept: frozenset[str] = frozenset()
    """Of email, name and country those that are taken as they are when they are a digest already."""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """A destination as the tests use it."""

    settings: Mapping[str, str]
    """A connection, whole and with every default. Each secret has the word hush in it."""
    action: str
    """A label's event."""
    token: str | None = None
    """An access token, where one is asked for."""
    money: tuple[str, str]
    """The keys under which a value and its currency leave."""
    address: str
    """The address that conversions go to, by the documents: a regular expression. Empty where it is the user's own."""
    headers: Mapping[str, str] = {}
    """Headers that the documents ask for, and the form of each."""
    time: Literal["iso", "s", "ms", "us"] | None = None
    """How a time is written; None where the documents have several or the user decides."""
    smallest_units: bool = False
    """Whether a value is counted in the currency's smallest unit."""
    digests: Digests | None = None
    """None where nothing is hashed."""
    refused: tuple[Refusal, ...] = ()
    """Settings that cannot be right."""
    bad_events: tuple[str, ...] = ()
    """What cannot be a label's event."""


def _found() -> Iterator[tuple[str, Facts]]:
    for module in pkgutil.iter_modules(__path__):
        known = importlib.import_module(f"{__name__}.{module.name}").FACTS
        assert isinstance(known, Facts), module.name
        yield module.name, known


FACTS: Final[Mapping[str, Facts]] = dict(_found())
"""By slug."""
