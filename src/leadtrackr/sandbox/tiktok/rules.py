"""The rules for one event of the Events API 2.0.

Source: TikTok's pages on the payload and its parameters. What they leave open is flagged, not refused; which
identifiers an event needs is read from TikTok's own imports (offline: e-mail or phone; CRM: lead id, e-mail or phone).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from leadtrackr.sandbox.checks import DAY_S, has_any, is_currency, is_hash, is_hashes, is_text, is_whole
from leadtrackr.sandbox.contract import Flag, as_float
from leadtrackr.sandbox.words import words

__all__ = ["DAY_S", "INVALID", "NOT_HASHED", "SOURCES", "Context", "InvalidEventError", "check_event"]

INVALID: Final = 40002
NOT_HASHED: Final = 40062
LONGEST_TTCLID: Final = 1000
SOURCES: Final = words("web app offline crm")
EVENT: Final = words("event event_time event_id user properties page ad app limited_data_use lead")
HASHED: Final = words("email phone external_id first_name last_name zip_code")
PLAIN: Final = words("ttclid ttp ip user_agent locale city state country idfa idfv gaid att_status lead_id")
PROPERTIES: Final = words(
    "value currency contents content_type content_ids num_items order_id shop_id description query status"
)
NEEDED: Final = {
    "web": words("email phone external_id ttclid ttp"),
    "offline": words("email phone"),
    "crm": words("lead_id email phone ttclid"),
    "app": words("email phone external_id ttclid idfa idfv gaid"),
}


class InvalidEventError(Exception):
    """The event is invalid."""

    def __init__(self, field: str, sentence: str, code: int = INVALID) -> None:
        super().__init__(sentence)
        self.field, self.code = field, code


@dataclass(frozen=True, slots=True)
class Context:
    """What an event is measured against: the event source, the time in seconds UTC, and the settings that matter."""

    source: str
    now_s: float
    max_age_s: float
    warn_age_s: float
    future_s: float
    flag: Callable[[Flag], None]


def check_event(event: object, path: str, context: Context) -> None:
    """Refuse an invalid event (`InvalidEventError`), flag what TikTok's documents leave open."""
    if not isinstance(event, dict):
        raise InvalidEventError(path, "An event must be an object.")
    _flag_unknown(event, EVENT, path, context)
    if not is_text(event.get("event")):
        raise InvalidEventError(f"{path}.event", "event: the field is required.")
    _check_time(event.get("event_time"), f"{path}.event_time", context)
    if not isinstance(event.get("event_id", ""), str):
        raise InvalidEventError(f"{path}.event_id", "event_id: must be a string.")
    if not event.get("event_id"):
        context.flag(Flag("no_event_id", f"{path}.event_id", "Without an event_id the event may be counted twice."))
    if not isinstance(event.get("limited_data_use", False), bool):
        raise InvalidEventError(f"{path}.limited_data_use", "limited_data_use: must be true or false.")
    _check_user(event.get("user"), event.get("lead"), f"{path}.user", context)
    _check_page(event.get("page"), f"{path}.page", context)
    _check_properties(event.get("properties", {}), f"{path}.properties", context)


def _flag_unknown(values: dict[str, Any], known: frozenset[str], path: str, context: Context) -> None:
    if not known.issuperset(values):
        for name in sorted(values.keys() - known):
            context.flag(Flag("unknown_field", f"{path}.{name}", "TikTok takes it, answers success and uses nothing."))


def _check_time(at: object, path: str, context: Context) -> None:
    if not isinstance(at, int) or not is_whole(at):
        raise InvalidEventError(path, "event_time: whole Unix seconds are required.")
    if at > context.now_s + context.future_s:
        raise InvalidEventError(path, "event_time: lies in the future.")
    if at < context.now_s - context.max_age_s:
        raise InvalidEventError(path, "event_time: lies too far back.")
    if at < context.now_s - context.warn_age_s:
        context.flag(Flag("old_event", path, "An event as old as this may not be attributed."))


def _check_user(user: object, lead: object, path: str, context: Context) -> None:
    if not isinstance(user, dict):
        raise InvalidEventError(path, "user: an object is required.")
    if lead is not None and not isinstance(lead, dict):
        raise InvalidEventError(path.replace(".user", ".lead"), "lead: must be an object.")
    given = {**user, **({"lead_id": lead.get("lead_id")} if isinstance(lead, dict) else {})}
    has_device = context.source == "web" and is_text(user.get("ip")) and is_text(user.get("user_agent"))
    if not has_any(given, NEEDED[context.source]) and not has_device:
        raise InvalidEventError(path, f"user: nothing to match an event of {context.source} by.")
    _flag_unknown(user, HASHED | PLAIN, path, context)
    for name, value in user.items():
        if name in HASHED and not (is_hash(value) or is_hashes(value)):
            raise InvalidEventError(f"{path}.{name}", f"{name}: must be hashed with SHA-256.", NOT_HASHED)
        if name in PLAIN and not isinstance(value, str):
            raise InvalidEventError(f"{path}.{name}", f"{name}: must be a string.")
        if name in PLAIN and is_hash(value):
            context.flag(Flag("hashed_plain_key", f"{path}.{name}", f"{name} must not be hashed."))
    if len(user.get("ttclid", "")) > LONGEST_TTCLID:
        raise InvalidEventError(f"{path}.ttclid", f"ttclid: at most {LONGEST_TTCLID} characters.")


def _check_page(page: object, path: str, context: Context) -> None:
    if page is None and context.source != "web":
        return
    if not isinstance(page, dict):
        raise InvalidEventError(path, "page: required for events of a website.")
    url = page.get("url")
    if not isinstance(url, str) or not url.startswith(("http://", "https://")):
        raise InvalidEventError(f"{path}.url", "page.url: an address is required.")


def _check_properties(properties: object, path: str, context: Context) -> None:
    if not isinstance(properties, dict):
        raise InvalidEventError(path, "properties: must be an object.")
    _flag_unknown(properties, PROPERTIES, path, context)
    value, currency = properties.get("value"), properties.get("currency")
    if value is not None and as_float(value) is None:
        raise InvalidEventError(f"{path}.value", "properties.value: must be a number.")
    if currency is not None and not is_currency(currency):
        raise InvalidEventError(f"{path}.currency", "properties.currency: must be a code of ISO 4217.")
    if value is not None and currency is None:
        context.flag(Flag("value_without_currency", f"{path}.currency", "A value needs a currency."))
