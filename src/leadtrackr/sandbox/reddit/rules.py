"""The rules for one event of Reddit's Conversions API v3.

Source: Reddit's pages on the direct integration, the migration from v2 and the errors, and observed refusals. What the
pages leave open is flagged, not refused.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from leadtrackr.sandbox.contract import Flag, as_float
from leadtrackr.sandbox.currencies import CODES
from leadtrackr.sandbox.words import words

SOURCES: Final = words("WEBSITE APP PHYSICAL_STORE OTHER")
TYPES: Final = words("PAGE_VISIT VIEW_CONTENT SEARCH ADD_TO_CART ADD_TO_WISHLIST PURCHASE LEAD SIGN_UP CUSTOM")
EVENT: Final = words("event_at action_source type click_id event_source_url user metadata")
HASHED: Final = words("email phone_number external_id ip_address idfa aaid")
USER: Final = HASHED | words("user_agent uuid screen_dimensions data_processing_options")
METADATA: Final = words("conversion_id value currency item_count products")
KEYS: Final = words("email phone_number external_id idfa aaid uuid")
OF_DEVICES: Final = words("ip_address user_agent uuid idfa aaid screen_dimensions")
_HEX_64 = re.compile(r"[0-9a-f]{64}").fullmatch
_UUID = re.compile(r"(?:[0-9]+\.)?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE).fullmatch


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, at a path below the event."""

    path: str
    said: str


@dataclass(frozen=True, slots=True)
class Context:
    """What an event is measured against: times in milliseconds UTC."""

    oldest: float
    newest: float
    flag: Callable[[Flag], None]


def check_event(event: object, path: str, context: Context) -> list[Fault]:
    """Everything for which Reddit refuses the event; what it leaves open is flagged."""
    if not isinstance(event, dict):
        return [Fault("", "must be an object")]
    _flag_unknown(event, EVENT, path, context)
    found = [*_check_time(event.get("event_at"), context), *_check_type(event.get("type"), path, context)]
    source = event.get("action_source")
    if not isinstance(source, str) or source not in SOURCES:
        found.append(Fault("action_source", f"action_source: invalid action_source: {str(source)[:40]}"))
    texts = (name for name in ("click_id", "event_source_url") if not isinstance(event.get(name, ""), str))
    found += [Fault(name, f"{name}: must be a string") for name in texts]
    return [*found, *_check_user(event, path, context), *_check_metadata(event.get("metadata", {}), path, context)]


def _check_time(at: object, context: Context) -> Iterator[Fault]:
    if isinstance(at, bool) or not isinstance(at, int):
        yield Fault("event_at", "event_at: must be an integer, Unix epoch in milliseconds")
    elif at < context.oldest:
        yield Fault("event_at", "event_at timestamp must be less than 168h0m0s old")
    elif at > context.newest:
        yield Fault("event_at", "event_at timestamp must not be in the future")


def _check_type(kind: object, path: str, context: Context) -> Iterator[Fault]:
    if not isinstance(kind, dict) or not isinstance(kind.get("tracking_type"), str):
        yield Fault("type.tracking_type", "type.tracking_type: is required")
        return
    _flag_unknown(kind, words("tracking_type custom_event_name"), f"{path}.type", context)
    name = kind.get("custom_event_name")
    if kind["tracking_type"] not in TYPES:
        yield Fault("type.tracking_type", "type.tracking_type: invalid tracking_type")
    elif kind["tracking_type"] != "CUSTOM":
        if name is not None:
            context.flag(Flag("needless_name", f"{path}.type.custom_event_name", "Only CUSTOM has a name."))
    elif not isinstance(name, str) or not 1 <= len(name) <= 64:
        yield Fault("type.custom_event_name", "type.custom_event_name: must have 1 to 64 characters")


def _check_user(event: dict[str, Any], path: str, context: Context) -> Iterator[Fault]:
    user = event.get("user", {})
    if not isinstance(user, dict):
        yield Fault("user", "user: must be an object")
        return
    _flag_unknown(user, USER, f"{path}.user", context)
    for name in sorted(user.keys() & (HASHED | {"user_agent", "uuid"})):
        if not isinstance(user[name], str):
            yield Fault(f"user.{name}", f"user.{name}: must be a string")
        elif name in HASHED and not _HEX_64(user[name]):
            context.flag(Flag("plain_value", f"{path}.user.{name}", "Reddit recommends the SHA-256 in lower-case hex."))
        elif name == "uuid" and not _UUID(user[name]):
            yield Fault("user.UUID", "user.UUID: invalid UUID: UUID must be RFC-4122 compliant")
    if event.get("action_source") == "PHYSICAL_STORE" and (user.keys() & OF_DEVICES or event.get("click_id")):
        sentence = "Of a store, only e-mail address and phone should be sent."
        context.flag(Flag("device_in_a_store", f"{path}.user", sentence))


def _check_metadata(metadata: object, path: str, context: Context) -> Iterator[Fault]:
    if not isinstance(metadata, dict):
        yield Fault("metadata", "metadata: must be an object")
        return
    _flag_unknown(metadata, METADATA, f"{path}.metadata", context)
    value, currency = metadata.get("value"), metadata.get("currency")
    number = as_float(value)
    if value is not None and (number is None or number < 0):
        yield Fault("metadata.value", "metadata.value: must be a number that is not negative")
    if not isinstance(metadata.get("conversion_id", ""), str):
        yield Fault("metadata.conversion_id", "metadata.conversion_id: must be a string")
    if value is not None and currency is None:
        context.flag(Flag("value_without_currency", f"{path}.metadata.currency", "A value needs a currency."))
    if currency is not None and not (isinstance(currency, str) and currency in CODES):
        yield Fault("metadata.currency", "metadata.currency: invalid currency")
    if not metadata.get("conversion_id"):
        context.flag(Flag("no_conversion_id", f"{path}.metadata.conversion_id", "Repeats are not recognised."))


def can_match(event: dict[str, Any]) -> bool:
    """Whether an event names something by which a person could be found."""
    user = event.get("user", {})
    if event.get("click_id") or any(user.get(name) for name in KEYS):
        return True
    return bool(user.get("ip_address") and user.get("user_agent"))


def _flag_unknown(value: dict[str, Any], known: frozenset[str], path: str, context: Context) -> None:
    for name in sorted(value.keys() - known):
        context.flag(Flag("unknown_field", f"{path}.{name}", "Reddit documents no such field."))
