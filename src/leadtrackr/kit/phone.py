"""Phone numbers as people type them, to E.164; the rules are those of libphonenumber."""

import re
from functools import cache
from typing import Final, NamedTuple

from phonenumbers import (
    COUNTRY_CODE_TO_REGION_CODE,
    SUPPORTED_REGIONS,
    NumberParseException,
    PhoneMetadata,
    PhoneNumberFormat,
    ValidationResult,
    format_number,
    is_possible_number_with_reason,
    is_valid_number,
    national_significant_number,
    parse,
)

_DOUBLE_ZERO: Final = re.compile(r"[\s(（+＋]*[0０]\s*[0０][\s)）]*")
_TRUNK_ZERO: Final = re.compile(r"[(（]\s*[0０]\s*[)）]")
_PUNCTUATION: Final = str.maketrans("", "", " -.")
_UNSEEN: Final = dict.fromkeys([0xAD, 0xFEFF, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070)])
"""What is copied along with a number from an address book or a page: marks of direction, spaces of no width."""
_DIGIT: Final = re.compile(r"\d")
_WORD: Final = re.compile(r"[^\W\d_]{2,}")
_ANOTHER: Final = re.compile(r"\s/\s|[,;]")
_MEXICO: Final = 52
_MEXICAN: Final = re.compile(r"(?:1|01|044|045)(\d{10})")
"""What was dialled before a mobile's ten digits until 2019. Many still type it; it was never part of the number."""


def is_country(code: str) -> bool:
    """Whether it is a country's ISO 3166-1 alpha-2 code, in capitals, whose numbers `e164` knows."""
    return code in SUPPORTED_REGIONS


def e164(number: str, country: str | None, other: str | None = None) -> str | None:
    """The number as `+` and digits; None when it is no possible number.

    `country` (ISO 3166-1 alpha-2, any case) is used when the number does not say its own. A leading `00` counts as `+`
    everywhere, also where another prefix is dialled. A number that needs an area code and has none is not possible.
    An extension or a remark behind the number is left out; of two numbers the first counts.
    `other` is the country of a number that `country` does not have.
    """
    found = _in_country(number, country)
    if not other or other == country or (found and _is_valid(found)):
        return found
    elsewhere = _in_country(number, other)
    return elsewhere if elsewhere and (found is None or _is_valid(elsewhere)) else found


def _in_country(number: str, country: str | None) -> str | None:
    region = country.upper() if country else None
    return _read_plain(number.translate(_PUNCTUATION), region) or _read_any(number.translate(_UNSEEN), region)


def _is_valid(number: str) -> bool:
    return is_valid_number(parse(number))


def _read_any(number: str, region: str | None) -> str | None:
    # Without its remarks first: the library would take letters for digits, as in 1-800-FLOWERS.
    first = _DIGIT.search(number)
    word = _WORD.search(number, first.end()) if first else None
    if word and (found := _read_one(number[: word.start()], region)):
        return found
    another = _ANOTHER.search(number, first.end()) if first else None
    return _read_one(number, region) or (_read_one(number[: another.start()], region) if another else None)


def _read_one(number: str, region: str | None) -> str | None:
    zeros = _DOUBLE_ZERO.match(number)
    if zeros and (found := _read(f"+{number[zeros.end() :]}", None)):
        return found
    found = _read(number, region)
    if found is None and _TRUNK_ZERO.search(number):
        # Some write "(0)" also where the country has no trunk zero that the library would take off.
        return _read(_TRUNK_ZERO.sub("", number), region)
    return found


def _read(number: str, region: str | None) -> str | None:
    try:
        parsed = parse(number, region)
    except NumberParseException:
        return None
    if is_possible_number_with_reason(parsed) != ValidationResult.IS_POSSIBLE:
        mexican = parsed.country_code == _MEXICO and _MEXICAN.fullmatch(national_significant_number(parsed))
        return f"+{_MEXICO}{mexican[1]}" if mexican else None
    return format_number(parsed, PhoneNumberFormat.E164)


class _Plan(NamedTuple):
    """What must be known of a country to read its plainest numbers."""

    code: str
    lengths: frozenset[int]
    abroad: re.Pattern[str]
    """What is dialled before the code of another country."""
    trunk: re.Pattern[str]
    trunk_is_zero: bool
    general: re.Pattern[str]


def _read_plain(digits: str, region: str | None) -> str | None:
    """Most numbers, at a fifth of the library's time; None leaves the others to it. A test compares the two."""
    if not digits.isascii():
        return None
    if digits.startswith("+"):
        return _read_international(digits[1:])
    if region is None or not digits.startswith("0") or not digits.isdecimal():
        return None
    plan, national = _plan(region), digits[1:]
    if plan is None or not plan.trunk_is_zero or plan.abroad.match(digits) or len(national) not in plan.lengths:
        return None
    return f"+{plan.code}{national}" if plan.general.fullmatch(national) else None


def _read_international(digits: str) -> str | None:
    if not digits.isdecimal() or digits.startswith("0"):
        return None
    for size in (2, 1, 3):
        regions = COUNTRY_CODE_TO_REGION_CODE.get(int(digits[:size]))
        if regions:
            plan, national = _plan(regions[0]), digits[size:]
            plain = plan is not None and len(national) in plan.lengths and not plan.trunk.match(national)
            return f"+{digits}" if plain else None
    return None


@cache
def _plan(region: str) -> _Plan | None:
    """None for regions that the library does not know, and for those whose numbers belong to no country."""
    known = PhoneMetadata.metadata_for_region(region) if region in SUPPORTED_REGIONS else None
    if known is None or known.general_desc is None:
        return None
    trunk = known.national_prefix_for_parsing
    return _Plan(
        code=str(known.country_code),
        lengths=frozenset(known.general_desc.possible_length),
        abroad=re.compile(known.international_prefix or r"00"),
        trunk=re.compile(trunk or r"(?!)"),
        trunk_is_zero=trunk == "0",
        general=re.compile(known.general_desc.national_number_pattern or r"(?!)"),
    )
