"""What GA4 finds wrong with a payload. `/debug/mp/collect` says it, `/mp/collect` swallows it.

`dropped` is the sandbox's reading of the documents: GA4 itself never says what it threw away.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from leadtrackr.sandbox.contract import as_float
from leadtrackr.sandbox.currencies import CODES
from leadtrackr.sandbox.ga4 import names

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*").fullmatch
_HEX_64 = re.compile(r"[0-9a-fA-F]{64}").fullmatch
_HASH_LISTS = ("sha256_email_address", "sha256_phone_number")
_CONSENT_FIELDS = ("ad_user_data", "ad_personalization")
REQUIRED: Final = "VALUE_REQUIRED"
INVALID: Final = "VALUE_INVALID"
BOUNDS: Final = "VALUE_OUT_OF_BOUNDS"
TOO_MANY: Final = "EXCEEDED_MAX_ENTITIES"
NAME_INVALID: Final = "NAME_INVALID"
NAME_RESERVED: Final = "NAME_RESERVED"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong: `code` is ours, for the ledger; `validation_code` is Google's, for the debug endpoint."""

    code: str
    validation_code: str
    field: str
    detail: str
    dropped: bool = True


@dataclass(frozen=True, slots=True)
class Context:
    """What a payload is measured against; times in µs UTC."""

    now: int
    oldest: int
    is_app: bool
    enforces: bool


def check_payload(body: dict[str, Any], context: Context) -> Iterator[Finding]:
    """Findings about the payload around its events."""
    client = "app_instance_id" if context.is_app else "client_id"
    if not isinstance(body.get(client), str) or not body[client]:
        yield Finding(f"missing_{client}", REQUIRED, client, f"{client} is required.")
    for name in body.keys() - names.TOP:
        yield Finding("unknown_field", INVALID, name, "The payload has no such field.", dropped=False)
    events = body.get("events")
    if not isinstance(events, list) or not events:
        yield Finding("missing_events", REQUIRED, "events", "At least one event is required.")
    elif len(events) > names.MAX_EVENTS:
        yield Finding("too_many_events", TOO_MANY, "events", f"At most {names.MAX_EVENTS} events are allowed.")
    user_id = body.get("user_id")
    if user_id is not None and (not isinstance(user_id, str) or len(user_id) > names.MAX_USER_ID):
        yield Finding(
            "bad_user_id", INVALID, "user_id", "user_id is a string of at most 256 characters.", dropped=False
        )
    yield from _check_time(body.get("timestamp_micros"), "timestamp_micros", context)
    yield from _check_consent(body.get("consent"))
    yield from _check_user_properties(body.get("user_properties"))
    yield from _check_user_data(body.get("user_data"))


def check_event(event: object, place: int, context: Context) -> Iterator[Finding]:
    """Findings about one event."""
    path = f"events[{place}]"
    if not isinstance(event, dict):
        yield Finding("bad_event", INVALID, path, "An event is an object.")
        return
    yield from _check_event_name(event.get("name"), f"{path}.name", context)
    for name in event.keys() - names.EVENT:
        yield Finding("unknown_field", INVALID, f"{path}.{name}", "An event has no such field.", dropped=False)
    yield from _check_time(event.get("timestamp_micros"), f"{path}.timestamp_micros", context)
    params = event.get("params", {})
    if not isinstance(params, dict):
        yield Finding("bad_params", INVALID, f"{path}.params", "params is an object.")
        return
    if len(params) > names.MAX_PARAMS:
        yield Finding("too_many_params", TOO_MANY, f"{path}.params", f"At most {names.MAX_PARAMS} are allowed.")
    for name, value in params.items():
        yield from _check_param(name, value, f"{path}.params.{name}")
    yield from _check_money(params, f"{path}.params")


def _check_event_name(name: object, path: str, context: Context) -> Iterator[Finding]:
    if not isinstance(name, str) or not name:
        yield Finding("missing_event_name", REQUIRED, path, "An event needs a name.")
    elif not _NAME(name) or len(name) > names.MAX_NAME:
        yield Finding("bad_event_name", NAME_INVALID, path, "Up to 40 letters, digits, underscores; a letter first.")
    elif name in names.RESERVED_EVENTS or (name in names.RESERVED_FOR_WEB and not context.is_app):
        yield Finding("reserved_event_name", NAME_RESERVED, path, f"The event name {name} is reserved.")


def _check_param(name: str, value: object, path: str) -> Iterator[Finding]:
    if name in names.RESERVED_PARAMS or name.startswith(names.RESERVED_PREFIXES):
        yield Finding("reserved_param_name", NAME_RESERVED, path, f"The parameter name {name} is reserved.")
    elif not _NAME(name) or len(name) > names.MAX_NAME:
        yield Finding("bad_param_name", NAME_INVALID, path, "Up to 40 letters, digits, underscores; a letter first.")
    if isinstance(value, str) and len(value) > names.MAX_VALUE:
        yield Finding("value_too_long", BOUNDS, path, "A value has at most 100 characters.", dropped=False)


def _check_money(params: dict[str, Any], path: str) -> Iterator[Finding]:
    value, currency = params.get("value"), params.get("currency")
    if value is not None and as_float(value) is None:
        yield Finding("bad_value", INVALID, f"{path}.value", "value is a number.", dropped=False)
    if value is not None and currency is None:
        yield Finding("value_without_currency", REQUIRED, f"{path}.currency", "value needs a currency.", dropped=False)
    if currency is not None and not (isinstance(currency, str) and currency in CODES):
        yield Finding("bad_currency", INVALID, f"{path}.currency", "currency is an ISO 4217 code.", dropped=False)


def _check_time(value: object, path: str, context: Context) -> Iterator[Finding]:
    if value is None:
        return
    at = int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value
    if isinstance(at, bool) or not isinstance(at, int):
        yield Finding("bad_timestamp", INVALID, path, "timestamp_micros is a whole number of microseconds.")
    elif at < context.oldest:
        # RELAXED moves older stamps to 72 hours ago, ENFORCE_RECOMMENDATIONS rejects them.
        yield Finding("too_old", BOUNDS, path, "The event is older than 72 hours.", dropped=context.enforces)
    elif at > context.now + 60_000_000:
        yield Finding("in_the_future", BOUNDS, path, "The event lies in the future.", dropped=False)


def _check_consent(consent: object) -> Iterator[Finding]:
    if consent is None:
        return
    for name in _CONSENT_FIELDS:
        given = consent.get(name, "GRANTED") if isinstance(consent, dict) else consent
        if given not in ("GRANTED", "DENIED"):
            yield Finding("bad_consent", INVALID, f"consent.{name}", "GRANTED or DENIED.", dropped=False)


def _check_user_properties(properties: object) -> Iterator[Finding]:
    if properties is None:
        return
    if not isinstance(properties, dict):
        yield Finding("bad_user_properties", INVALID, "user_properties", "user_properties is an object.", dropped=False)
        return
    if len(properties) > names.MAX_USER_PROPERTIES:
        yield Finding("too_many_user_properties", TOO_MANY, "user_properties", "At most 25 are allowed.", dropped=False)
    for name, given in properties.items():
        path = f"user_properties.{name}"
        value = given.get("value") if isinstance(given, dict) else None
        if name in names.RESERVED_PROPERTIES or name.startswith(names.RESERVED_PREFIXES):
            yield Finding("reserved_user_property", NAME_RESERVED, path, "The name is reserved.", dropped=False)
        elif not _NAME(name) or len(name) > names.MAX_PROPERTY_NAME:
            yield Finding("bad_user_property", NAME_INVALID, path, "Up to 24 letters, digits, _.", dropped=False)
        if isinstance(value, str) and len(value) > names.MAX_PROPERTY_VALUE:
            yield Finding("value_too_long", BOUNDS, path, "At most 36 characters.", dropped=False)


def _check_user_data(data: object) -> Iterator[Finding]:
    if data is None:
        return
    if not isinstance(data, dict):
        yield Finding("bad_user_data", INVALID, "user_data", "user_data is an object.", dropped=False)
        return
    for name in _HASH_LISTS:
        given = data.get(name, [])
        hashes = given if isinstance(given, list) else [given]
        if len(hashes) > names.MAX_HASHES:
            yield Finding("too_many_hashes", TOO_MANY, f"user_data.{name}", "At most 3 are allowed.", dropped=False)
        if not all(isinstance(item, str) and _HEX_64(item) for item in hashes):
            yield Finding("bad_hash", INVALID, f"user_data.{name}", "A SHA-256 in hex.", dropped=False)
    addresses = data.get("address", [])
    if isinstance(addresses, list) and len(addresses) > names.MAX_ADDRESSES:
        yield Finding("too_many_addresses", TOO_MANY, "user_data.address", "At most 2 are allowed.", dropped=False)
