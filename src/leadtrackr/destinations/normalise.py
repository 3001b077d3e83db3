"""How a value becomes the text that is hashed: the rules that platforms have, by name. A destination declares its own.

One person needs different digests per platform, so no digest is shared. Input is a lead's data as `LeadData` holds it:
e-mail trimmed and lower-cased, phone E.164 with `+`, country ISO 3166-1 alpha-2. The reference page shows in one table
which platform has which rule.
"""

import string
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from leadtrackr.kit.hashing import is_sha256_hex, sha256_hex

_GMAIL: Final = ("@gmail.com", "@googlemail.com")
_ALSO_PUNCTUATION: Final = f"{string.punctuation}´"
_NO_ASCII_PUNCTUATION: Final = str.maketrans("", "", string.punctuation)


@dataclass(frozen=True, slots=True)
class Rule:
    """How one value becomes the text that is hashed."""

    words: str
    """The rule as the reference page says it."""
    text: Callable[[str], str]
    keeps_digests: bool = False
    """Whether the platform says that a value that is a digest already is taken as it is."""

    def __call__(self, value: str) -> str | None:
        """The digest, 64 lower-case hexadecimal digits; None when nothing is left to hash."""
        text = self.text(value)
        if not text:
            return None
        return text.lower() if self.keeps_digests and is_sha256_hex(text) else sha256_hex(text)

    def or_digest(self) -> "Rule":
        """The same, for a platform that says that a digest is taken as it is."""
        return replace(self, keeps_digests=True)


NOT_HASHED: Final = Rule("Not sent as a digest.", lambda _value: "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The rules of one platform."""

    email: Rule = NOT_HASHED
    phone: Rule = NOT_HASHED
    name: Rule = NOT_HASHED
    country: Rule = NOT_HASHED
    source: str
    """Where the platform says so."""


def _tidy(text: str) -> str:
    return text.strip().lower()


def _without_space(text: str) -> str:
    return "".join(text.split()).lower()


def _at_gmail_without_dots_and_alias(email: str) -> str:
    address = _without_space(email)
    if not address.endswith(_GMAIL):
        return address
    local, _, domain = address.rpartition("@")
    return f"{local.partition('+')[0].replace('.', '')}@{domain}"


def _at_gmail_without_dots(email: str) -> str:
    address = _tidy(email)
    if not address.endswith(_GMAIL):
        return address
    local, _, domain = address.rpartition("@")
    return f"{local.replace('.', '')}@{domain}"


def _without_dots_and_alias(email: str) -> str:
    local, at, domain = _tidy(email).rpartition("@")
    return f"{local.partition('+')[0].replace('.', '')}{at}{domain}"


def _e164(phone: str) -> str:
    return phone


def _digits(phone: str) -> str:
    return phone.lstrip("+0")


def _without_punctuation(name: str) -> str:
    text = _tidy(name)
    if text.isalpha():
        return text
    return "".join(letter for letter in text if not _is_punctuation(letter)).strip()


def _is_punctuation(letter: str) -> bool:
    """By Unicode or by ASCII, which counts + and ` too; an acute accent alone is an apostrophe that somebody typed."""
    return unicodedata.category(letter).startswith("P") or letter in _ALSO_PUNCTUATION


def _without_space_and_punctuation(name: str) -> str:
    return "".join(_without_punctuation(name).split())


def _without_space_and_ascii_punctuation(name: str) -> str:
    return _without_space(name).translate(_NO_ASCII_PUNCTUATION)


TIDY_EMAIL: Final = Rule("Trimmed, lower case.", _tidy)
BARE_EMAIL: Final = Rule("Trimmed, lower case; no dots and nothing from + on before the @.", _without_dots_and_alias)
EMAIL_WITHOUT_SPACE: Final = Rule("No whitespace, lower case.", _without_space)
GMAIL_BARE_EMAIL: Final = Rule(
    "No whitespace, lower case; at Gmail alone no dots and nothing from + on before the @.",
    _at_gmail_without_dots_and_alias,
)
GMAIL_DOTLESS_EMAIL: Final = Rule("Trimmed, lower case; at Gmail alone no dots before the @.", _at_gmail_without_dots)
E164: Final = Rule("E.164 with +.", _e164)
DIGITS: Final = Rule("Digits with the country code, no + and no zeros before them.", _digits)
TIDY_NAME: Final = Rule("Trimmed, lower case.", _tidy)
NAME_WITHOUT_SPACE: Final = Rule("Lower case, no spaces.", _without_space)
NAME_WITHOUT_PUNCTUATION: Final = Rule("Lower case, no punctuation; other scripts kept.", _without_punctuation)
BARE_NAME: Final = Rule("Lower case, no spaces, no punctuation.", _without_space_and_punctuation)
BARE_ASCII_NAME: Final = Rule(
    "Lower case, no whitespace and no ASCII punctuation.", _without_space_and_ascii_punctuation
)
TIDY_COUNTRY: Final = Rule("Two letters, lower case.", _tidy)
