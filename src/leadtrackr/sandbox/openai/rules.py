"""The rules for one event of OpenAI's Conversions API. Unknown fields are refused.

Source: OpenAI's pages on the Conversions API and on supported events. No document gives the words of a refusal.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from leadtrackr.sandbox.contract import Flag, as_float
from leadtrackr.sandbox.currencies import CODES
from leadtrackr.sandbox.words import words

TYPES: Final[dict[str, frozenset[str]]] = {
    "contents": words("checkout_started contents_viewed items_added order_created page_viewed"),
    "customer_action": words("app_installed app_opened appointment_scheduled lead_created registration_completed"),
    "plan_enrollment": words("subscription_created trial_started"),
    "custom": words("custom"),
}
SOURCES: Final = words("web mobile_app offline physical_store phone_call email other")
EVENT: Final = words("id type timestamp_ms custom_event_name oppref source_url action_source user opt_out data")
HASHES: Final = words("emails_sha256 phone_numbers_sha256 external_ids_sha256 first_names_sha256 last_names_sha256")
PLAIN_LISTS: Final = words("countries cities regions postal_codes")
TEXTS: Final = words("obref ip_address user_agent")
DATA: Final[dict[str, frozenset[str]]] = {
    "contents": words("type amount currency contents"),
    "customer_action": words("type amount currency"),
    "plan_enrollment": words("type amount currency plan_id contents"),
    "custom": words("type amount currency plan_id contents"),
}
DECIMALS: Final = {
    **dict.fromkeys(words("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"), 0),
    **dict.fromkeys(words("BHD IQD JOD KWD LYD OMR TND"), 3),
}
"""How many decimals ISO 4217 gives a currency, where they are not two."""
CONTENT: Final = words("id name content_type quantity amount currency")
_HEX_64 = re.compile(r"[0-9a-f]{64}").fullmatch
_DATA_OF: Final = {event: data for data, events in TYPES.items() for event in events}


class InvalidError(Exception):
    """The event is refused for what is at `field`."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


@dataclass(frozen=True, slots=True)
class Context:
    """What an event is measured against: times in milliseconds UTC."""

    oldest: float
    newest: float
    flag: Callable[[Flag], None]


def check_event(event: object, path: str, context: Context) -> None:
    """Refuse an invalid event (`InvalidError`); flag what OpenAI's documents leave open."""
    event = _object(event, path, EVENT)
    for field in ("id", "type"):
        if not isinstance(event.get(field), str) or not event[field]:
            raise InvalidError(f"{path}.{field}", f"Missing required field: {field}.")
    kind: str = event["type"]
    if kind not in _DATA_OF:
        raise InvalidError(f"{path}.type", "type is not a supported event.")
    name = event.get("custom_event_name")
    if not isinstance(name, str | None) or (kind == "custom") != bool(name):
        raise InvalidError(
            f"{path}.custom_event_name", "custom_event_name goes with the type custom, and only with it."
        )
    _check_time(event.get("timestamp_ms"), f"{path}.timestamp_ms", context)
    _check_source(event, path)
    if not isinstance(event.get("oppref", ""), str):
        raise InvalidError(f"{path}.oppref", "oppref must be a string.")
    if not isinstance(event.get("opt_out", False), bool):
        raise InvalidError(f"{path}.opt_out", "opt_out must be true or false.")
    _check_data(event.get("data"), _DATA_OF[kind], f"{path}.data")
    if "user" in event:
        _check_user(_object(event["user"], f"{path}.user", HASHES | PLAIN_LISTS | TEXTS), f"{path}.user", context)


def _check_time(at: object, path: str, context: Context) -> None:
    if isinstance(at, bool) or not isinstance(at, int):
        raise InvalidError(path, "timestamp_ms must be an integer of milliseconds.")
    if not context.oldest <= at <= context.newest:
        raise InvalidError(path, "timestamp_ms must lie within the last 7 days and at most 10 minutes ahead.")


def _check_source(event: dict[str, Any], path: str) -> None:
    source = event.get("action_source", "other")
    if not isinstance(source, str) or source not in SOURCES:
        raise InvalidError(f"{path}.action_source", "action_source is not one of the supported values.")
    url = event.get("source_url")
    if (source == "web" or url is not None) and not (isinstance(url, str) and url.startswith(("http://", "https://"))):
        raise InvalidError(f"{path}.source_url", "source_url is required for the action_source web.")


def _check_data(data: object, kind: str, path: str) -> None:
    found = _object(data, path, DATA[kind])
    if found.get("type") != kind:
        raise InvalidError(f"{path}.type", f"data.type must be {kind} for this event.")
    _check_money(found, path)
    if not isinstance(found.get("plan_id", ""), str):
        raise InvalidError(f"{path}.plan_id", "plan_id must be a string.")
    contents = found.get("contents", [])
    if not isinstance(contents, list):
        raise InvalidError(f"{path}.contents", "contents must be a list.")
    for place, one in enumerate(contents):
        _check_money(_object(one, f"{path}.contents[{place}]", CONTENT), f"{path}.contents[{place}]")


def _check_money(money: dict[str, Any], path: str) -> None:
    amount, currency = money.get("amount"), money.get("currency")
    if amount is not None and (isinstance(amount, bool) or not isinstance(amount, int)):
        raise InvalidError(f"{path}.amount", "amount must be an integer in the currency's lowest denomination.")
    if amount is not None and currency is None:
        raise InvalidError(f"{path}.currency", "currency is required with an amount.")
    if currency is not None and not (isinstance(currency, str) and currency in CODES):
        raise InvalidError(f"{path}.currency", "currency must be an ISO 4217 code.")


def _check_user(user: dict[str, Any], path: str, context: Context) -> None:
    for name, value in sorted(user.items()):
        if name in TEXTS:
            if not isinstance(value, str):
                raise InvalidError(f"{path}.{name}", f"{name} must be a string.")
            continue
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise InvalidError(f"{path}.{name}", f"{name} must be a list of strings.")
        if name in HASHES and not all(map(_HEX_64, value)):
            raise InvalidError(f"{path}.{name}", f"{name} must hold SHA-256 in lower-case hex.")
        if len(set(value)) > 3:
            context.flag(
                Flag("many_values", f"{path}.{name}", "Only the first three valid, different values are used.")
            )


def _object(value: object, path: str, known: frozenset[str]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidError(path, "A required object is missing.")
    unknown = sorted(value.keys() - known)
    if unknown:
        raise InvalidError(f"{path}.{unknown[0]}", f"Unknown field: {unknown[0]}.")
    return value


def units(data: dict[str, Any]) -> float | None:
    """The amount in the currency's own units."""
    amount = as_float(data.get("amount"))
    return None if amount is None else amount / 10 ** DECIMALS.get(data["currency"], 2)


def can_match(event: dict[str, Any]) -> bool:
    """Whether an event names something by which an ad or a person could be found."""
    user = event.get("user", {})
    keys = ("emails_sha256", "phone_numbers_sha256", "external_ids_sha256", "obref")
    if event.get("oppref") or any(user.get(name) for name in keys):
        return True
    return bool(user.get("ip_address") and user.get("user_agent"))
