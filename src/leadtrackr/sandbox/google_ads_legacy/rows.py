"""The rules for one uploaded conversion and for one adjustment.

Source: googleapis google/ads/googleads/v25/services/*_upload_service.proto and errors/conversion_*_upload_error.proto.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from leadtrackr.sandbox.currencies import CODES
from leadtrackr.sandbox.google_ads_legacy.reading import micros
from leadtrackr.sandbox.google_ads_legacy.report import Row
from leadtrackr.sandbox.google_ads_legacy.settings import Settings, among
from leadtrackr.sandbox.google_clicks import Ages, Fault, judge
from leadtrackr.sandbox.world import MICROS

_RESOURCE: Final = re.compile(r"customers/\d{1,10}/conversionActions/([1-9]\d{0,18})", re.ASCII).fullmatch
_HASH: Final = re.compile(r"[0-9a-fA-F]{64}").fullmatch
_GATED: Final = (
    "conversion_environment",
    "user_ip_address",
    "session_attributes_encoded",
    "session_attributes_key_value_pairs",
)
_DATE_ERROR: Final = "INVALID_STRING_DATE_TIME_SECONDS_WITH_OFFSET"
_GONE: Final = "NotAllowlisted: this method is limited to existing users; new integrations use the Data Manager API."
_DAY: Final = 86_400 * MICROS
_CLICKS: Final[Mapping[Fault, tuple[str, str]]] = {
    "before": ("CONVERSION_PRECEDES_EVENT", "The conversion is earlier than the click."),
    "recent": ("TOO_RECENT_EVENT", "The click is too recent. Try again later."),
    "old": ("EXPIRED_EVENT", "The click is older than the conversion window."),
}


@dataclass(slots=True)
class Conversion:
    """One that Google has: its time, value and what was changed last, microseconds."""

    at: int
    value: float | None
    currency: str | None
    changed_at: int = 0
    retracted: bool = False


@dataclass(slots=True)
class Book:
    """Every conversion by account, action and order id, and the clicks that were used at a second."""

    orders: dict[tuple[str, str, str], Conversion] = field(default_factory=dict)
    clicks: set[tuple[str, str, str, int]] = field(default_factory=set)


@dataclass(slots=True)
class Request:
    """What the rows of one request share."""

    account: str
    now: int
    settings: Settings
    book: Book
    orders: set[tuple[str, str]] = field(default_factory=set)
    clicks: set[tuple[str, str, int]] = field(default_factory=set)

    def action(self, given: dict[str, Any], row: Row, error: str) -> str:
        """The id of the row's conversion action; the account in its name does not count."""
        name = given.get("conversion_action", "")
        found = _RESOURCE(name)
        if not name:
            row.refuse("fieldError", "REQUIRED", "conversion_action", "The required field was not present.")
        elif not found:
            row.refuse(
                "requestError", "RESOURCE_NAME_MALFORMED", "conversion_action", "The resource name is malformed."
            )
        action = found[1] if found else ""
        for listed, code in (
            (self.settings.unknown_actions, "NO_CONVERSION_ACTION_FOUND"),
            (self.settings.wrong_type_actions, "INVALID_CONVERSION_ACTION_TYPE"),
            (self.settings.too_new_actions, "TOO_RECENT_CONVERSION_ACTION"),
        ):
            if action and among(action, listed):
                row.refuse(error, code, "conversion_action", f"The conversion action {action} cannot be used.")
        return action

    def forced(self, row: Row, error: str, *names: str) -> None:
        """Errors that the settings give a row."""
        for name in names:
            if code := self.settings.row_errors.get(name):
                row.refuse(error, code, "", "The sandbox was told to refuse this row.")


def check_conversion(given: dict[str, Any], row: Row, request: Request) -> None:
    """Refuse what is wrong with a conversion."""
    if among(request.account, request.settings.not_allowed):
        row.refuse("notAllowlistedError", "CUSTOMER_NOT_ALLOWLISTED_FOR_THIS_FEATURE", "", _GONE)
        return
    action = request.action(given, row, "conversionUploadError")
    at = _time(given, "conversion_date_time", row)
    if at is not None and at > request.now:
        row.flag("future", "conversion_date_time", "The conversion lies in the future.")
    clicks = [given[name] for name in ("gclid", "gbraid", "wbraid") if given.get(name)]
    _check_identity(given, row, request, clicks)
    if request.settings.clicks and at is not None:
        _check_age(given, row, request, clicks, at)
    _check_money(given, "conversion_value", row)
    for name in _GATED:
        if name in given:
            code = "CUSTOMER_NOT_ALLOWLISTED_FOR_THIS_FEATURE"
            row.refuse("notAllowlistedError", code, name, "This field is not open to the account.")
    _check_consent(given.get("consent", {}), row)
    order = given.get("order_id", "")
    if "@" in order:
        row.upload("ORDER_ID_CONTAINS_PII", "order_id", "The order id holds personal data.")
    request.forced(row, "conversionUploadError", order, *clicks)
    if not row.faults and at is not None:
        _check_twice(row, request, action, order, [(click, at) for click in clicks])


def _check_identity(given: dict[str, Any], row: Row, request: Request, clicks: list[str]) -> None:
    people = given.get("user_identifiers", [])
    if not clicks and not people:
        row.refuse("fieldError", "REQUIRED", "gclid", "A click id or a user identifier is required.")
    if given.get("gbraid") and given.get("wbraid"):
        row.upload("GBRAID_WBRAID_BOTH_SET", "gbraid", "gbraid and wbraid must not both be set.")
    elif given.get("gclid") and len(clicks) > 1 and request.settings.gclid_with_braid == "refuse":
        row.upload("VALUE_MUST_BE_UNSET", "gclid", "gclid and a braid must not both be set.")
    if len(people) > 5:
        row.refuse("collectionSizeError", "TOO_MANY", "user_identifiers", "At most five user identifiers are allowed.")
    for place, person in enumerate(people):
        _check_person(person, f"user_identifiers[{place}]", row)
    settings = request.settings
    for listed, code in (
        (settings.policy_prohibits, "CUSTOMER_DATA_POLICY_PROHIBITS_ENHANCED_CONVERSIONS"),
        (settings.terms_not_signed, "CUSTOMER_NOT_ACCEPTED_CUSTOMER_DATA_TERMS"),
        (settings.leads_not_enabled, "CUSTOMER_NOT_ENABLED_ENHANCED_CONVERSIONS_FOR_LEADS"),
    ):
        if people and among(request.account, listed):
            row.upload(code, "user_identifiers", "The account may not send user data.")


def _check_age(given: dict[str, Any], row: Row, request: Request, clicks: list[str], at: int) -> None:
    settings, people = request.settings, given.get("user_identifiers", [])
    hashes = [one[name] for one in people for name in ("hashed_email", "hashed_phone_number") if name in one]
    ages = Ages(settings.click_age_h, settings.click_days, settings.hashed_days)
    fault = judge(settings.clicks, clicks, hashes, at=at, now=request.now, ages=ages)
    if fault is not None:
        row.upload(_CLICKS[fault][0], "", _CLICKS[fault][1])


def _check_person(person: dict[str, Any], at: str, row: Row) -> None:
    if person.get("user_identifier_source", "FIRST_PARTY") not in ("FIRST_PARTY", "THIRD_PARTY"):
        row.refuse("enumError", "ENUM_VALUE_NOT_PERMITTED", f"{at}.user_identifier_source", "Unknown source.")
    kinds = person.keys() - {"user_identifier_source"}
    if len(kinds) != 1 or not kinds <= {"hashed_email", "hashed_phone_number"}:
        row.upload("UNSUPPORTED_USER_IDENTIFIER", at, "Exactly one of hashed_email and hashed_phone_number is taken.")
    elif not _HASH(person[next(iter(kinds))]):
        row.upload("INVALID_USER_IDENTIFIER", at, "The value is not a SHA-256 in hex.")


def _check_money(given: dict[str, Any], name: str, row: Row) -> None:
    value, currency = given.get(name), given.get("currency_code")
    if currency is not None and currency not in CODES:
        row.refuse("currencyCodeError", "UNSUPPORTED_CURRENCY_CODE", "currency_code", "The currency is not known.")
    if value is not None and currency is None:
        row.flag("value_without_currency", "currency_code", "A value needs a currency.")


def _check_consent(consent: dict[str, Any], row: Row) -> None:
    if consent.get("ad_user_data", "GRANTED") not in ("UNSPECIFIED", "UNKNOWN", "GRANTED", "DENIED"):
        row.refuse("enumError", "ENUM_VALUE_NOT_PERMITTED", "consent.ad_user_data", "Unknown consent.")
    if "ad_personalization" in consent:
        row.flag("not_settable", "consent.ad_personalization", "It is documented for other services alone.")


def _check_twice(row: Row, request: Request, action: str, order: str, clicks: list[tuple[str, int]]) -> None:
    account, book = request.account, request.book
    if order:
        if (action, order) in request.orders:
            row.upload("DUPLICATE_ORDER_ID", "order_id", "The order id is in this request twice.")
        elif (account, action, order) in book.orders:
            row.upload("ORDER_ID_ALREADY_IN_USE", "order_id", "The order id was recorded before.")
        request.orders.add((action, order))
    for click, at in clicks:
        if (action, click, at) in request.clicks:
            code, sentence = "DUPLICATE_CLICK_CONVERSION_IN_REQUEST", "The click and time are in this request twice."
            row.upload(code, "", sentence)
        elif (account, action, click, at) in book.clicks:
            row.upload("CLICK_CONVERSION_ALREADY_EXISTS", "", "The click has a conversion at this time.")
        request.clicks.add((action, click, at))


def keep_conversion(given: dict[str, Any], request: Request) -> tuple[str, int]:
    """Write a conversion down; its action and time."""
    found = _RESOURCE(given["conversion_action"])
    action = found[1] if found else ""
    at = micros(given["conversion_date_time"]) or 0
    one = Conversion(at, given.get("conversion_value"), given.get("currency_code"))
    if order := given.get("order_id"):
        request.book.orders[request.account, action, order] = one
    for name in ("gclid", "gbraid", "wbraid"):
        if click := given.get(name):
            request.book.clicks.add((request.account, action, click, at))
    return action, at


def check_adjustment(given: dict[str, Any], row: Row, request: Request) -> Conversion | None:
    """Refuse what is wrong with an adjustment; the conversion that it is about."""
    settings = request.settings
    if among(request.account, settings.not_allowed) and not settings.adjusting_allowed:
        row.refuse("notAllowlistedError", "CUSTOMER_NOT_ALLOWLISTED_FOR_THIS_FEATURE", "", _GONE)
        return None
    action = request.action(given, row, "conversionAdjustmentUploadError")
    at = _time(given, "adjustment_date_time", row)
    kind, order, value = given.get("adjustment_type"), given.get("order_id", ""), given.get("restatement_value")
    if kind not in ("RETRACTION", "RESTATEMENT", "ENHANCEMENT"):
        row.refuse("enumError", "ENUM_VALUE_NOT_PERMITTED", "adjustment_type", "The type is missing or not known.")
    elif kind == "ENHANCEMENT":
        row.adjust("INVALID_CONVERSION_ACTION_TYPE", "conversion_action", "Only conversions of a website are enhanced.")
    elif (kind == "RESTATEMENT") != (value is not None):
        row.refuse("fieldError", "REQUIRED", "restatement_value", "A restatement has a value, a retraction has none.")
    if value is not None and "adjusted_value" not in value:
        row.refuse("fieldError", "REQUIRED", "restatement_value.adjusted_value", "The required field was not present.")
    _check_money(value or {}, "adjusted_value", row)
    if order and "gclid_date_time_pair" in given:
        row.adjust("GCLID_DATE_TIME_PAIR_AND_ORDER_ID_BOTH_SET", "order_id", "One of the two names the conversion.")
    elif not order:
        row.refuse("fieldError", "REQUIRED", "order_id", "The conversions of this sandbox are named by their order id.")
    request.forced(row, "conversionAdjustmentUploadError", order)
    if row.faults or at is None:
        return None
    if (action, order) in request.orders:
        row.adjust("DUPLICATE_ADJUSTMENT_IN_REQUEST", "order_id", "The conversion is in this request twice.")
    request.orders.add((action, order))
    return _judge(request, row, request.book.orders.get((request.account, action, order)), at)


def _judge(request: Request, row: Row, found: Conversion | None, at: int) -> Conversion | None:
    settings = request.settings
    if found is None:
        row.adjust("CONVERSION_NOT_FOUND", "order_id", "There is no such conversion.")
    elif found.retracted:
        row.adjust("CONVERSION_ALREADY_RETRACTED", "order_id", "The conversion was retracted.")
    elif at <= found.at:
        row.adjust("ADJUSTMENT_PRECEDES_CONVERSION", "adjustment_date_time", "The adjustment is not after it.")
    elif request.now - found.at < settings.adjust_after_h * 3600 * MICROS:
        row.adjust("TOO_RECENT_CONVERSION", "order_id", "The conversion is too recent.")
    elif request.now - found.at > settings.adjust_days * _DAY:
        row.adjust("CONVERSION_EXPIRED", "order_id", "The conversion is too old.")
    elif at == found.changed_at:
        row.adjust("RESTATEMENT_ALREADY_EXISTS", "adjustment_date_time", "There is one of this time.")
    elif at < found.changed_at:
        row.adjust("MORE_RECENT_RESTATEMENT_FOUND", "adjustment_date_time", "There is a newer one.")
    return found


def keep_adjustment(given: dict[str, Any], found: Conversion) -> None:
    """Change the conversion."""
    found.changed_at = micros(given["adjustment_date_time"]) or 0
    value = given.get("restatement_value")
    found.retracted = value is None
    found.value = 0.0 if value is None else value["adjusted_value"]
    found.currency = found.currency if value is None else value.get("currency_code", found.currency)


def _time(given: dict[str, Any], name: str, row: Row) -> int | None:
    text = given.get(name)
    if text is None:
        row.refuse("fieldError", "REQUIRED", name, "The required field was not present.")
        return None
    at = micros(text)
    if at is None:
        row.refuse("dateError", _DATE_ERROR, name, "The time must be yyyy-mm-dd hh:mm:ss+|-hh:mm.")
    return at
