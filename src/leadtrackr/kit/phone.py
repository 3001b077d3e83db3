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
    parse,
)

_DOUBLE_ZERO: Final = re.compile(r"[\s(（]*[0０]\s*[0０][\s)）]*")
_TRUNK_ZERO: Final = re.compile(r"[(（]\s*[0０]\s*[)）]")
_PUNCTUATION: Final = str.maketrans("", "", " -.")


def is_country(code: str) -> bool:
    """Whether it is a country's ISO 3166-1 alpha-2 code, in capitals, whose numbers `e164` knows."""
    return code in SUPPORTED_REGIONS


def e164(number: str, country: str | None) -> str | None:
    """The number as `+` and digits; None when it is no possible number.

    `country` (ISO 3166-1 alpha-2, any case) is used when the number does not say its own. A leading `00` counts as `+`
    everywhere, also where another prefix is dialled. A number that needs an area code and has none is not possible.
    """
    region = country.upper() if country else None
    return _read_plain(number.translate(_PUNCTUATION), region) or _read_any(number, region)


def _read_any(number: str, region: str | None) -> str | None:
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
        return None
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
