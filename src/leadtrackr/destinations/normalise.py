"""What is hashed, platform by platform: `RULES` says it, in one table.

One person needs different digests per platform, so no digest is shared. Input is a lead's data as `LeadData` holds it:
e-mail trimmed and lower-cased, phone E.164 with `+`, country ISO 3166-1 alpha-2.
"""

import string
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
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


_TIDY_EMAIL: Final = Rule("Trimmed, lower case.", _tidy)
_BARE_EMAIL: Final = Rule("Trimmed, lower case; no dots and nothing from + on before the @.", _without_dots_and_alias)
_E164: Final = Rule("E.164 with +.", _e164)
_DIGITS: Final = Rule("Digits with the country code, no + and no zeros before them.", _digits)
_TIDY_NAME: Final = Rule("Trimmed, lower case.", _tidy)

_GOOGLE: Final = Rules(
    email=Rule(
        "No whitespace, lower case; at Gmail alone no dots and nothing from + on before the @.",
        _at_gmail_without_dots_and_alias,
        keeps_digests=True,
    ),
    phone=_E164,
    source="Data Manager API, Formatting guidelines",
)
RULES: Final[Mapping[str, Rules]] = {
    "google_ads": _GOOGLE,
    "google_ads_legacy": _GOOGLE,
    "ga4": Rules(
        email=Rule("Trimmed, lower case; at Gmail alone no dots before the @.", _at_gmail_without_dots),
        phone=_E164,
        source="Measurement Protocol, User-provided data",
    ),
    "meta": Rules(
        email=Rule("Trimmed, lower case.", _tidy, keeps_digests=True),
        phone=_DIGITS,
        name=Rule("Lower case, no punctuation; other scripts kept.", _without_punctuation, keeps_digests=True),
        country=Rule("Two letters, lower case.", _tidy, keeps_digests=True),
        source="Conversions API, Customer information parameters, and Meta's own SDK for digests",
    ),
    "linkedin": Rules(
        email=Rule("No whitespace, lower case.", _without_space),
        name=Rule("Lower case, no spaces, no punctuation.", _without_space_and_punctuation),
        source="Conversions API, Schema",
    ),
    "microsoft": Rules(
        email=_TIDY_EMAIL,
        phone=_E164,
        source="Offline conversions; whether dots and aliases are to be taken out is not documented for them",
    ),
    "tiktok": Rules(
        email=_TIDY_EMAIL,
        phone=_E164,
        name=Rule("Lower case, no spaces.", _without_space),
        source="Events API 2.0, Parameters",
    ),
    "pinterest": Rules(
        email=_TIDY_EMAIL,
        phone=_DIGITS,
        name=_TIDY_NAME,
        country=Rule("Two letters, lower case.", _tidy),
        source="Conversions API, User data",
    ),
    "snapchat": Rules(
        email=_TIDY_EMAIL,
        phone=_DIGITS,
        name=_TIDY_NAME,
        country=Rule("Two letters, lower case.", _tidy),
        source="Conversions API, Parameters",
    ),
    "reddit": Rules(email=_BARE_EMAIL, phone=_E164, source="Conversions API; measured connectors for the e-mail form"),
    "x": Rules(email=_TIDY_EMAIL, phone=_E164, source="Conversion API, Identifiers"),
    "openai": Rules(
        email=_TIDY_EMAIL,
        phone=_DIGITS,
        name=Rule("Lower case, no whitespace and no ASCII punctuation.", _without_space_and_ascii_punctuation),
        source="Ads Conversions API, User object; whether a phone keeps its + is not documented",
    ),
}
"""By the destination's slug."""
