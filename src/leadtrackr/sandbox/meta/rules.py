"""The rules for one event of the Conversions API.

Source: Meta's pages on server event parameters, customer information parameters, deduplication and data processing
options, and the error codes that were measured. Subcodes are given only where one is known.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from leadtrackr.sandbox.contract import Flag, as_float
from leadtrackr.sandbox.currencies import CODES
from leadtrackr.sandbox.words import words

TOO_OLD: Final = 2804003
NO_PURCHASE_VALUE: Final = 2804009
TOO_THIN: Final = 2804050
DAY_S: Final = 86_400

_HEX_64 = re.compile(r"[0-9a-f]{64}").fullmatch
_ANY_HASH = re.compile(r"[0-9a-fA-F]{64}").fullmatch
_LEAD_ID = re.compile(r"[0-9]{15,17}").fullmatch
_FBC = re.compile(r"fb\.\d+\.\d{13}\.[^.\s]+(?:\.[A-Za-z0-9_-]{2}|\.[A-Za-z0-9_-]{8})?").fullmatch

ACTION_SOURCES: Final = words(
    "email website app phone_call chat physical_store system_generated business_messaging other"
)
EVENT: Final = words(
    "event_name event_time action_source user_data event_id event_source_url custom_data opt_out referrer_url"
    " data_processing_options data_processing_options_country data_processing_options_state app_data"
    " original_event_data attribution_data messaging_channel"
)
HASHED: Final = words("em ph fn ln ge db ct st zp country")
PLAIN: Final = words(
    "client_ip_address client_user_agent fbc fbp lead_id subscription_id fb_login_id anon_id madid page_id"
    " page_scoped_user_id ctwa_clid ig_account_id ig_sid"
)
THIN: Final = tuple(
    words(keys) for keys in ("ct country st zp ge client_user_agent", "db client_user_agent", "fn ge", "ln ge")
)


class InvalidEventError(Exception):
    """The event is invalid; Meta answers code 100, with `subcode` where one is known."""

    def __init__(self, field: str, sentence: str, subcode: int | None = None, title: str = "Invalid parameter") -> None:
        super().__init__(sentence)
        self.field, self.subcode, self.title = field, subcode, title


@dataclass(frozen=True, slots=True)
class Context:
    """What an event is measured against: the time in whole seconds UTC, and the settings that matter."""

    now_s: float
    max_age_s: float
    max_age_store_s: float
    future_s: float
    unknown_leads: frozenset[str]
    refuses_hashed_plain: bool
    flag: Callable[[Flag], None]


def check_event(event: object, path: str, context: Context) -> None:
    """Refuse an invalid event (`InvalidEventError`), flag what Meta's documents leave open."""
    if not isinstance(event, dict):
        raise InvalidEventError(path, "An event must be an object.")
    if not EVENT.issuperset(event):
        for name in sorted(event.keys() - EVENT):
            context.flag(Flag("unknown_field", f"{path}.{name}", "Meta documents no such field."))
    if not isinstance(event.get("event_name"), str) or not event["event_name"].strip():
        raise InvalidEventError(f"{path}.event_name", "The parameter event_name is required.")
    source = event.get("action_source")
    if not isinstance(source, str) or source not in ACTION_SOURCES:
        raise InvalidEventError(
            f"{path}.action_source", "The parameter action_source must be one of the documented values."
        )
    _check_time(event.get("event_time"), source, path, context)
    _check_user_data(event.get("user_data"), f"{path}.user_data", context)
    if source == "website":
        url = event.get("event_source_url")
        if not isinstance(url, str) or not url.startswith(("http://", "https://")):
            raise InvalidEventError(f"{path}.event_source_url", "A website event needs an event_source_url.")
    event_id = event.get("event_id")
    if event_id is not None and not isinstance(event_id, str):
        raise InvalidEventError(f"{path}.event_id", "event_id must be a string.")
    if not isinstance(event.get("opt_out", False), bool):
        raise InvalidEventError(f"{path}.opt_out", "opt_out must be true or false.")
    _check_custom_data(event, path, context)
    if "data_processing_options" in event:
        _check_processing_options(event, path)


def _check_time(at: object, source: str, path: str, context: Context) -> None:
    field = f"{path}.event_time"
    if isinstance(at, bool) or not isinstance(at, int):
        raise InvalidEventError(field, "The parameter event_time is required: whole Unix seconds.")
    if at > context.now_s + context.future_s:
        raise InvalidEventError(field, "The event_time lies in the future.")
    oldest = context.max_age_store_s if source == "physical_store" else context.max_age_s
    if at < context.now_s - oldest:
        sentence = "The event is older than Meta takes; no event of this request was processed."
        raise InvalidEventError(field, sentence, TOO_OLD, "Event Timestamp Too Old")


def _check_user_data(data: object, path: str, context: Context) -> None:
    if not isinstance(data, dict):
        raise InvalidEventError(path, "The parameter user_data is required.")
    given = {name for name, value in data.items() if value not in (None, "", [])}
    if any(given <= thin for thin in THIN):
        raise InvalidEventError(path, "The event has too little customer information.", TOO_THIN)
    for name, value in data.items():
        if name in HASHED:
            _check_hashes(value, f"{path}.{name}")
        elif name in PLAIN:
            _check_plain(name, value, f"{path}.{name}", context)
        elif name != "external_id":
            context.flag(Flag("unknown_field", f"{path}.{name}", "Meta documents no such field."))


def _check_hashes(value: object, path: str) -> None:
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(item, str) and _HEX_64(item) for item in values):
        raise InvalidEventError(path, "The value must be a SHA-256 in 64 lower-case hex digits, or a list of these.")


def _check_plain(name: str, value: object, path: str, context: Context) -> None:
    if name == "lead_id":
        if not _is_lead_id(value):
            raise InvalidEventError(path, "lead_id must have 15 to 17 digits.")
        if str(value) in context.unknown_leads:
            raise InvalidEventError(path, "There is no lead with this lead_id.")
    elif name == "fbc":
        # Documented: a bad click id raises an alert, the event is taken.
        if not isinstance(value, str) or not _FBC(value):
            context.flag(Flag("bad_fbc", path, "fbc is fb.<subdomain index>.<time in ms>.<fbclid>."))
    elif isinstance(value, str) and _ANY_HASH(value):
        if context.refuses_hashed_plain:
            raise InvalidEventError(path, f"{name} must not be hashed.")
        context.flag(Flag("hashed_plain_key", path, f"{name} must not be hashed."))


def _is_lead_id(value: object) -> bool:
    if isinstance(value, str):
        return _LEAD_ID(value) is not None
    return isinstance(value, int) and not isinstance(value, bool) and 10**14 <= value < 10**17


def _check_custom_data(event: dict[str, Any], path: str, context: Context) -> None:
    custom = event.get("custom_data", {})
    path = f"{path}.custom_data"
    if not isinstance(custom, dict):
        raise InvalidEventError(path, "custom_data must be an object.")
    value, currency = custom.get("value"), custom.get("currency")
    is_number = as_float(value) is not None
    if event["event_name"] == "Purchase" and not (is_number and isinstance(currency, str) and currency):
        raise InvalidEventError(path, "A Purchase event needs a value and a currency.", NO_PURCHASE_VALUE)
    if value is not None and not is_number:
        context.flag(Flag("bad_value", f"{path}.value", "value is a number."))
    if value is not None and currency is None:
        context.flag(Flag("value_without_currency", f"{path}.currency", "A value needs a currency."))
    if currency is not None and not (isinstance(currency, str) and currency in CODES):
        context.flag(Flag("bad_currency", f"{path}.currency", "currency is an ISO 4217 code."))
    if custom.get("event_source") == "crm":
        _check_crm(event, custom, path, context)


def _check_crm(event: dict[str, Any], custom: dict[str, Any], path: str, context: Context) -> None:
    if event["action_source"] != "system_generated":
        sentence = "An event of a CRM has the action_source system_generated."
        context.flag(Flag("bad_crm_event", f"{path}.event_source", sentence))
    if not custom.get("lead_event_source"):
        sentence = "An event of a CRM names the CRM in lead_event_source."
        context.flag(Flag("bad_crm_event", f"{path}.lead_event_source", sentence))
    if isinstance(event["user_data"].get("lead_id"), str):
        context.flag(
            Flag("bad_crm_event", f"{path.removesuffix('custom_data')}user_data.lead_id", "A lead_id is an integer.")
        )


def _check_processing_options(event: dict[str, Any], path: str) -> None:
    options = event["data_processing_options"]
    if options not in ([], ["LDU"]):
        raise InvalidEventError(f"{path}.data_processing_options", 'data_processing_options is [] or ["LDU"].')
    if not options:
        return
    for name, allowed in (("country", (0, 1)), ("state", (0, 1000))):
        field = f"data_processing_options_{name}"
        if event.get(field) not in allowed or isinstance(event.get(field), bool):
            raise InvalidEventError(f"{path}.{field}", f"With LDU, {field} must be one of {allowed}.")
