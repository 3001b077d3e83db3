"""The rules for one conversion of X's Conversion API, with the words of its troubleshooting page."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from leadtrackr.sandbox.checks import DAY_S, is_currency, is_hash, is_text, is_whole
from leadtrackr.sandbox.contract import Flag
from leadtrackr.sandbox.words import words

__all__ = ["DAY_S", "Context", "InvalidConversionError", "check_conversion", "time_of"]

CONVERSION: Final = words(
    "conversion_time conversion_timestamp event_id identifiers conversion_id value price_currency number_items"
    " description contents search_string"
)
MATCHING: Final = words("twclid hashed_email hashed_phone_number")
BESIDE: Final = words("ip_address user_agent")
_EVENT_ID = re.compile(r"(?:tw-[0-9a-z]+-)?[0-9a-z]+").fullmatch
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?(?:Z|[+-]\d{2}:\d{2})").fullmatch
_AMOUNT = re.compile(r"\d+(?:\.\d+)?").fullmatch


class InvalidConversionError(Exception):
    """The conversion is at fault; X lists it without saying where it stands."""

    def __init__(self, field: str, sentence: str, code: str = "INVALID_PARAMETER") -> None:
        super().__init__(sentence)
        self.field, self.code = field, code
        self.parameter = field.rpartition(".")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The newest and the oldest time, in seconds, the event ids that there are not, and where flags go."""

    newest_s: float
    oldest_s: float
    unknown_events: frozenset[str]
    flag: Callable[[Flag], None]


def time_of(one: dict[str, Any]) -> float:
    """The time of a valid conversion, in seconds UTC."""
    if "conversion_timestamp" in one:
        return float(one["conversion_timestamp"]) / 1000
    return datetime.fromisoformat(one["conversion_time"]).timestamp()


def check_conversion(one: object, path: str, context: Context) -> None:
    """Refuse an invalid conversion (`InvalidConversionError`), flag what X's documents leave open."""
    if not isinstance(one, dict):
        raise InvalidConversionError(path, "A conversion must be an object.")
    for name in sorted(one.keys() - CONVERSION):
        context.flag(Flag("unknown_field", f"{path}.{name}", "X documents no such field."))
    _check_time(one, path, context)
    event = one.get("event_id")
    if not isinstance(event, str) or not _EVENT_ID(event) or event in context.unknown_events:
        raise InvalidConversionError(f"{path}.event_id", "Event ID was not found")
    _check_identifiers(one.get("identifiers"), f"{path}.identifiers", context)
    key = one.get("conversion_id", "-")
    if not is_text(key):
        raise InvalidConversionError(f"{path}.conversion_id", "conversion_id must be a string.")
    if "conversion_id" not in one:
        context.flag(Flag("no_conversion_id", f"{path}.conversion_id", "A repeat would be counted twice."))
    _check_money(one, path, context)


def _check_time(one: dict[str, Any], path: str, context: Context) -> None:
    stamp, field = one.get("conversion_timestamp"), f"{path}.conversion_time"
    if stamp is not None:
        if not is_whole(stamp) or not 10**11 < stamp < 10**14:
            raise InvalidConversionError(f"{path}.conversion_timestamp", "conversion_timestamp is in milliseconds.")
    else:
        text = one.get("conversion_time")
        if not isinstance(text, str) or not _TIME(text) or not _is_date(text):
            raise InvalidConversionError(field, "conversion_time must be in ISO 8601.")
    if not context.oldest_s <= time_of(one) <= context.newest_s:
        raise InvalidConversionError(field, "conversion_time lies in the future or too far back.")


def _is_date(text: str) -> bool:
    try:
        datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        return False
    return True


def _check_identifiers(identifiers: object, path: str, context: Context) -> None:
    if not isinstance(identifiers, list) or not all(isinstance(each, dict) for each in identifiers):
        raise InvalidConversionError(path, "identifiers must be a list of objects.")
    names = {name for each in identifiers for name in each}
    for each in identifiers:
        for name, value in each.items():
            if name in MATCHING | BESIDE and not is_text(value):
                raise InvalidConversionError(f"{path}.{name}", f"{name} must be a string.")
            if name.startswith("hashed_") and not is_hash(value):
                raise InvalidConversionError(f"{path}.{name}", f"{name.capitalize()} is not a valid SHA-256 hash")
    for name in sorted(names - MATCHING - BESIDE):
        context.flag(Flag("unknown_field", f"{path}.{name}", "X documents no such identifier."))
    if not names & MATCHING:
        raise InvalidConversionError(path, "At least one user identifier must be provided")


def _check_money(one: dict[str, Any], path: str, context: Context) -> None:
    value, currency = one.get("value"), one.get("price_currency")
    if value is not None and not (isinstance(value, str) and _AMOUNT(value)):
        raise InvalidConversionError(f"{path}.value", "value must be a string with a number.")
    if currency is not None and not is_currency(currency):
        raise InvalidConversionError(f"{path}.price_currency", "price_currency must be a code of ISO 4217.")
    if value is not None and currency is None:
        context.flag(Flag("value_without_currency", f"{path}.price_currency", "A value needs a currency."))
