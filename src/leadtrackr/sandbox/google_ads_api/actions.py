"""Conversion actions: as rows of a query, and created by a mutate.

Source: googleapis google/ads/googleads/v25/resources/conversion_action.proto, services/conversion_action_service.proto,
enums and errors. Not verified, and so the sandbox's own: which category goes with which type, how long a name may be.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from leadtrackr.sandbox.contract import as_float
from leadtrackr.sandbox.currencies import CODES
from leadtrackr.sandbox.google_ads_api.query import Row
from leadtrackr.sandbox.google_ads_api.refusals import AdsError
from leadtrackr.sandbox.google_ads_api.settings import ConversionAction
from leadtrackr.sandbox.words import words

CATEGORIES: Final = words(
    "ADD_TO_CART BEGIN_CHECKOUT BOOK_APPOINTMENT CONTACT CONVERTED_LEAD DEFAULT DOWNLOAD ENGAGEMENT GET_DIRECTIONS "
    "IMPORTED_LEAD OUTBOUND_CLICK PAGE_VIEW PHONE_CALL_LEAD PURCHASE QUALIFIED_LEAD REQUEST_QUOTE SIGNUP STORE_SALE "
    "STORE_VISIT SUBMIT_LEAD_FORM SUBSCRIBE_PAID"
)
TYPES: Final = words("UPLOAD_CLICKS UPLOAD_CALLS WEBPAGE AD_CALL CLICK_TO_CALL WEBSITE_CALL STORE_SALES")
COUNTING: Final = words("ONE_PER_CLICK MANY_PER_CLICK")
LONGEST_NAME: Final = 100
_REQUEST: Final = words("operations partialFailure validateOnly responseContentType")
_ACTION: Final = words(
    "name type category status countingType valueSettings clickThroughLookbackWindowDays primaryForGoal"
)
_VALUE: Final = words("defaultValue defaultCurrencyCode alwaysUseDefaultValue")


def resource_name(customer: str, action: str) -> str:
    """As Google names it."""
    return f"customers/{customer}/conversionActions/{action}"


def row(one: ConversionAction, seen_by: str) -> Row:
    """An action for a query by an account, which may be another than its owner."""
    return {
        "conversion_action.resource_name": resource_name(seen_by, one.id),
        "conversion_action.id": int(one.id),
        "conversion_action.name": one.name,
        "conversion_action.type": one.type,
        "conversion_action.status": one.status,
        "conversion_action.category": one.category,
        "conversion_action.counting_type": one.counting,
        "conversion_action.owner_customer": f"customers/{one.customer}",
        "conversion_action.primary_for_goal": one.primary,
        "conversion_action.click_through_lookback_window_days": one.window_days,
        "conversion_action.value_settings.default_value": one.value,
        "conversion_action.value_settings.default_currency_code": one.currency,
        "conversion_action.value_settings.always_use_default_value": one.always_default,
    }


def create(
    body: Mapping[str, Any], customer: str, known: Sequence[ConversionAction]
) -> tuple[list[ConversionAction], bool]:
    """The actions that a request makes, and whether it only asks whether it could."""
    _names(body, _REQUEST, ())
    operations = body.get("operations")
    if not isinstance(operations, list) or not operations:
        raise AdsError(400, "requestError", "REQUIRED_FIELD_MISSING", "Required field is missing.", ("operations",))
    made: list[ConversionAction] = []
    for index, operation in enumerate(operations):
        where = ("operations", index)
        if not isinstance(operation, dict) or list(operation) != ["create"]:
            raise AdsError(400, "mutateError", "MUTATE_NOT_ALLOWED", "The sandbox only creates.", where)
        made.append(_create(operation["create"], customer, [*known, *made], (*where, "create")))
    return made, body.get("validateOnly") is True


def _create(
    given: object, customer: str, known: Sequence[ConversionAction], where: tuple[str | int, ...]
) -> ConversionAction:
    if not isinstance(given, dict):
        raise AdsError(400, "requestError", "UNKNOWN", "Invalid JSON payload received.", where)
    _names(given, _ACTION, where)
    name = given.get("name")
    if not isinstance(name, str) or not name.strip():
        raise AdsError(400, "fieldError", "REQUIRED", "The required field was not present.", (*where, "name"))
    if len(name) > LONGEST_NAME:
        raise AdsError(400, "stringLengthError", "TOO_LONG", "Too long.", (*where, "name"))
    if any(one.name == name and one.customer == customer and one.status != "REMOVED" for one in known):
        sentence = "The specified conversion action name already exists."
        raise AdsError(400, "conversionActionError", "DUPLICATE_NAME", sentence, (*where, "name"))
    days = given.get("clickThroughLookbackWindowDays", 30)
    if not isinstance(days, int | str) or not str(days).isdigit() or not 1 <= int(days) <= 90:
        sentence = "The window is 1 to 90 days."
        raise AdsError(400, "rangeError", "TOO_HIGH", sentence, (*where, "click_through_lookback_window_days"))
    value = _value(given.get("valueSettings", {}), (*where, "value_settings"))
    return ConversionAction(
        id=str(max([7_000_000_000, *(int(one.id) for one in known)]) + 1),
        customer=customer,
        name=name,
        type=_enum(given, "type", TYPES, where),
        category=_enum(given, "category", CATEGORIES, where, "DEFAULT"),
        counting="MANY_PER_CLICK"
        if _enum(given, "countingType", COUNTING, where, "MANY_PER_CLICK") == "MANY_PER_CLICK"
        else "ONE_PER_CLICK",
        window_days=int(days),
        primary=given.get("primaryForGoal", True) is not False,
        value=value[0],
        currency=value[1],
        always_default=value[2],
    )


def _value(given: object, where: tuple[str | int, ...]) -> tuple[float, str, bool]:
    if not isinstance(given, dict):
        raise AdsError(400, "requestError", "UNKNOWN", "Invalid JSON payload received.", where)
    _names(given, _VALUE, where)
    amount = as_float(given.get("defaultValue", 0))
    if amount is None or amount < 0:
        raise AdsError(400, "rangeError", "TOO_LOW", "The value is not a number from 0.", (*where, "default_value"))
    currency = given.get("defaultCurrencyCode", "")
    if currency and currency not in CODES:
        sentence = "Currency code is not valid."
        raise AdsError(400, "currencyCodeError", "UNSUPPORTED", sentence, (*where, "default_currency_code"))
    return amount, currency, given.get("alwaysUseDefaultValue") is True


def _enum(
    given: Mapping[str, Any], name: str, allowed: frozenset[str], where: tuple[str | int, ...], default: str = ""
) -> str:
    value = given.get(name, default)
    if not value:
        raise AdsError(400, "fieldError", "REQUIRED", "The required field was not present.", (*where, name))
    if value not in allowed:
        raise AdsError(400, "requestError", "UNKNOWN", f"Invalid value at '{name}': {value!r}.", where)
    return str(value)


def _names(given: Mapping[str, Any], allowed: frozenset[str], where: tuple[str | int, ...]) -> None:
    if unknown := sorted(given.keys() - allowed):
        raise AdsError(400, "requestError", "UNKNOWN", f'Unknown name "{unknown[0]}": Cannot find field.', where)
