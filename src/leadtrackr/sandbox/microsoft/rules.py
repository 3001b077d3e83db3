"""The rules for one offline conversion and for one adjustment.

Source: the pages OfflineConversion, OfflineConversionAdjustment and "Operation Error Codes" of Microsoft's API. Errors
that have a name and no number in the documents come with the made-up number -1.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from leadtrackr.sandbox.contract import Flag, as_float
from leadtrackr.sandbox.currencies import CODES
from leadtrackr.sandbox.words import words

SECOND_US: Final = 1_000_000
DAY_US: Final = 86_400 * SECOND_US
_KEYS: Final = words("ConversionName ConversionTime MicrosoftClickId HashedEmailAddress HashedPhoneNumber")
CONVERSION: Final = _KEYS | words(
    "ConversionValue ConversionCurrencyCode ExternalAttributionCredit ExternalAttributionModel"
)
ADJUSTMENT: Final = _KEYS | words("AdjustmentType AdjustmentTime AdjustmentValue AdjustmentCurrencyCode")
_HEX = re.compile(r"[0-9a-fA-F]{64}").fullmatch
_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,7})?Z").fullmatch


class Error(NamedTuple):
    """A number, its name and a sentence."""

    code: int
    symbol: str
    message: str = ""


class ItemError(Exception):
    """The item is refused."""

    def __init__(self, error: Error) -> None:
        super().__init__(error.symbol)
        self.error = error


class Item(NamedTuple):
    """What was read: by `key` the conversion is known again within its goal. Times in µs UTC."""

    name: str
    key: str
    at: int
    value: float | None = None
    currency: str | None = None
    adjustment: str = ""
    adjusted_at: int = 0


@dataclass(frozen=True, slots=True)
class Context:
    """What an item is measured against. Times in µs UTC."""

    now: int
    max_age_us: int
    future_us: int
    window_us: int
    goals: frozenset[str]
    new_goals: frozenset[str]
    no_adjustments: frozenset[str]
    no_hashes: frozenset[str]
    bad_clicks: frozenset[str]
    clicks: Mapping[str, int]
    flag: Callable[[Flag], None]


NULL_ITEM: Final = Error(5602, "OfflineConversionIsNull", "The offline conversion cannot be null.")
NO_CLICK: Final = Error(5603, "OfflineConversionMicrosoftClickIdNullOrEmpty", "There is no Microsoft Click Id.")
INVALID_CLICK: Final = Error(5604, "OfflineConversionMicrosoftClickIdInvalid", "The Microsoft Click Id is invalid.")
NO_NAME: Final = Error(5605, "OfflineConversionNameNullOrEmpty", "The conversion name is empty.")
UNKNOWN_NAME: Final = Error(5606, "OfflineConversionNameInvalid", "The name matches no offline conversion goal.")
BAD_TIME: Final = Error(5607, "OfflineConversionTimeInvalid", "The conversion time is invalid.")
NO_TIME: Final = Error(5608, "OfflineConversionTimeNullOrEmpty", "The conversion time is empty.")
TOO_OLD: Final = Error(5609, "OfflineConversionTimeOutOfWindow", "The conversion time is out of the window.")
BAD_VALUE: Final = Error(5610, "OfflineConversionValueInvalid", "The conversion value is invalid.")
BAD_CURRENCY: Final = Error(5611, "OfflineConversionCurrencyCodeInvalid", "The currency code is invalid.")
FUTURE: Final = Error(5614, "FutureConversionTimeCannotBeSet", "A future conversion time cannot be set.")
NEW_GOAL: Final = Error(5615, "OfflineConversionNotAcceptedForGoal", "Wait 2 hours after the goal was created.")
BEFORE_CLICK: Final = Error(5616, "ConversionTimeEarlierThanClickTime", "The conversion is earlier than the click.")
OLD_CLICK: Final = Error(5617, "ClickIdDateTimeOutsideGoalConversionWindow", "The click is outside the window.")
BAD_TYPE: Final = Error(5618, "OfflineConversionInvalidAdjustmentType", "The adjustment type is invalid.")
NO_CHANGE_TIME: Final = Error(5619, "OfflineConversionAdjustmentTimeNullOrEmpty", "The adjustment time is empty.")
EARLY_CHANGE: Final = Error(5620, "OfflineConversionAdjustmentTimeEarlierThanConversionTime", "It is too early.")
BAD_CHANGE_TIME: Final = Error(5621, "OfflineConversionAdjustmentTimeInvalid", "The adjustment time is invalid.")
FUTURE_CHANGE: Final = Error(5622, "OfflineConversionFutureAdjustmentTimeCannotBeSet", "It lies in the future.")
OLD_CHANGE: Final = Error(5623, "OfflineConversionAdjustmentTimeOutOfWindow", "It is out of the window.")
VALUE_THERE: Final = Error(5624, "OfflineConversionAdjustmentValueNotExpected", "A value is not expected.")
VALUE_MISSING: Final = Error(5625, "OfflineConversionAdjustmentValueRequired", "A value is required.")
CURRENCY_MISSING: Final = Error(5626, "OfflineConversionCurrencyValueRequired", "A currency is required.")
NOT_ADJUSTABLE: Final = Error(5627, "OfflineConversionRestateRetractNotSupported", "It is not supported.")
EMAIL_PLAIN: Final = Error(-1, "ConversionEmailAddressIsNotHashed", "The e-mail address is not hashed.")
PHONE_PLAIN: Final = Error(-1, "ConversionPhoneNumberIsNotHashed", "The phone number is not hashed.")
NO_HASHES: Final = Error(-1, "NotEligibleForEnhancedConversions", "The goal takes no hashed data.")
ORIGINAL_UNKNOWN: Final = Error(-1, "AdjustmentOriginalNotFound", "The conversion to adjust was not found.")
ALREADY_RETRACTED: Final = Error(-1, "ConversionAlreadyRetracted", "The conversion was retracted before.")


def read_conversion(item: object, path: str, context: Context) -> Item:
    """One conversion; ItemError when it is refused."""
    found = _object(item, CONVERSION, path, context)
    name, key, at = _read_keys(found, context)
    value, currency = _read_money(found, "Conversion")
    if value is not None and currency is None:
        context.flag(Flag("value_without_currency", path, "The goal's own currency is taken."))
    credit = found.get("ExternalAttributionCredit")
    if credit is not None or found.get("ExternalAttributionModel") is not None:
        context.flag(Flag("external_attribution", path, "For externally attributed goals only."))
    return Item(name, key, at, value, currency)


def read_adjustment(item: object, path: str, context: Context) -> Item:
    """One adjustment; ItemError when it is refused."""
    found = _object(item, ADJUSTMENT, path, context)
    name, key, at = _read_keys(found, context)
    if name in context.no_adjustments:
        raise ItemError(NOT_ADJUSTABLE)
    kind = found.get("AdjustmentType")
    if kind not in ("Restate", "Retract"):
        raise ItemError(BAD_TYPE)
    adjusted_at = _read_time(found.get("AdjustmentTime"), NO_CHANGE_TIME, BAD_CHANGE_TIME)
    if adjusted_at < at:
        raise ItemError(EARLY_CHANGE)
    if adjusted_at > context.now + context.future_us:
        raise ItemError(FUTURE_CHANGE)
    if adjusted_at < context.now - context.max_age_us:
        raise ItemError(OLD_CHANGE)
    value, currency = _read_money(found, "Adjustment")
    if kind == "Retract" and value is not None:
        raise ItemError(VALUE_THERE)
    if kind == "Restate" and value is None:
        raise ItemError(VALUE_MISSING)
    if kind == "Restate" and currency is None:
        raise ItemError(CURRENCY_MISSING)
    return Item(name, key, at, value, currency, str(kind), adjusted_at)


def _object(item: object, names: frozenset[str], path: str, context: Context) -> dict[str, Any]:
    if not isinstance(item, dict):
        raise ItemError(NULL_ITEM)
    for name in sorted(item.keys() - names):
        context.flag(Flag("unknown_field", f"{path}.{name}", "Microsoft documents no such field."))
    return item


def _read_keys(found: dict[str, Any], context: Context) -> tuple[str, str, int]:
    """Goal name, key and time."""
    name = found.get("ConversionName")
    if not isinstance(name, str) or not name.strip():
        raise ItemError(NO_NAME)
    if context.goals and name not in context.goals:
        raise ItemError(UNKNOWN_NAME)
    if name in context.new_goals:
        raise ItemError(NEW_GOAL)
    at = _read_time(found.get("ConversionTime"), NO_TIME, BAD_TIME)
    if at > context.now + context.future_us:
        raise ItemError(FUTURE)
    if at < context.now - context.max_age_us:
        raise ItemError(TOO_OLD)
    email = _read_hash(found.get("HashedEmailAddress"), EMAIL_PLAIN)
    phone = _read_hash(found.get("HashedPhoneNumber"), PHONE_PLAIN)
    if (email or phone) and name in context.no_hashes:
        raise ItemError(NO_HASHES)
    click = _read_click(found.get("MicrosoftClickId"), at, context)
    if not (click or email or phone):
        raise ItemError(NO_CLICK)
    who = click or f"{email or ''}+{phone or ''}"
    return name, f"{who}@{at // SECOND_US}", at


def _read_click(click: object, at: int, context: Context) -> str | None:
    if click is None or (isinstance(click, str) and not click.strip()):
        return None
    if not isinstance(click, str) or click in context.bad_clicks or click.startswith("bad-"):
        raise ItemError(INVALID_CLICK)
    clicked_at = context.clicks.get(click)
    if clicked_at is not None and at <= clicked_at:
        raise ItemError(BEFORE_CLICK)
    if clicked_at is not None and at > clicked_at + context.window_us:
        raise ItemError(OLD_CLICK)
    return click


def _read_hash(value: object, error: Error) -> str | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str) or not _HEX(value):
        raise ItemError(error)
    return value.lower()


def _read_time(value: object, empty: Error, bad: Error) -> int:
    """A time in UTC; one without Z, or with another offset, would be read as some other time, so it is refused."""
    if value is None or value == "":
        raise ItemError(empty)
    if not isinstance(value, str) or not _UTC(value):
        raise ItemError(bad)
    seconds, _, fraction = value[:-1].partition(".")
    try:
        moment = datetime.fromisoformat(seconds).replace(tzinfo=UTC)
    except ValueError as error:
        raise ItemError(bad) from error
    return int(moment.timestamp()) * SECOND_US + int((fraction or "0").ljust(6, "0")[:6])


def _read_money(found: dict[str, Any], prefix: str) -> tuple[float | None, str | None]:
    value, currency = found.get(f"{prefix}Value"), found.get(f"{prefix}CurrencyCode")
    amount = as_float(value)
    if value is not None and (amount is None or not 0 <= amount < 1e15):
        raise ItemError(BAD_VALUE)
    if currency is not None and (not isinstance(currency, str) or currency not in CODES):
        raise ItemError(BAD_CURRENCY)
    return amount, currency
