"""Pinterest's API for Conversions: `POST /pinterest/v5/ad_accounts/{ad account id}/events`, with `?test=true` or not.

Each event has a result of its own, in the order of the request. Source: events/create in Pinterest's API reference and
its public OpenAPI description. Not verified, hence a setting or only a flag: ages, future times, unknown fields and
event names, and whether a part comes with HTTP 200 or 422.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

import msgspec

from leadtrackr.sandbox.checks import DAY_S, is_currency, is_hashes, is_text, is_whole
from leadtrackr.sandbox.contract import BROKEN, Accepted, Answer, Call, Flag, Platform, json_answer
from leadtrackr.sandbox.words import words
from leadtrackr.sandbox.world import MICROS, World

MAX_EVENTS: Final = 1_000
_PATH = re.compile(r"/v5/ad_accounts/([^/]+)/events").fullmatch
_AMOUNT = re.compile(r"\d+(?:\.\d+)?").fullmatch
_NAMES: Final = words(
    "add_payment_info add_to_cart add_to_wishlist app_install app_open checkout contact custom customize_product"
    " find_location initiate_checkout lead page_visit schedule search signup start_trial submit_application subscribe"
    " view_category view_content watch_video"
)
_SOURCES: Final = words("app_android app_ios web offline")
_EVENT: Final = words(
    "event_name action_source event_time event_id event_source_url opt_out partner_name user_data custom_data app_id"
    " app_name app_version app_info device_brand device_carrier device_model device_type device_info os_version wifi"
    " language"
)
_HASHED: Final = words("em ph ge db ln fn ct st zp country external_id hashed_maids")
_PLAIN: Final = words("client_ip_address client_user_agent click_id partner_id")
NotNegative = Annotated[float, msgspec.Meta(ge=0)]


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Knobs.

    bad_tokens           tokens that are refused; so is one that starts with `bad-`
    forbidden_accounts   ad accounts that the token may not send to (403)
    unknown_accounts     ad accounts that do not exist (404)
    max_age_days         days that an event may lie back; 0 is any
    future_s             how far ahead of the clock an event may be
    partial_status       the HTTP status of an answer in which an event failed: 200 or 422
    warn_of_no_click_id  whether an event without a click_id gets a warning
    """

    bad_tokens: frozenset[str] = frozenset()
    forbidden_accounts: frozenset[str] = frozenset()
    unknown_accounts: frozenset[str] = frozenset()
    max_age_days: NotNegative = 0
    future_s: NotNegative = 60
    partial_status: Literal[200, 422] = 200
    warn_of_no_click_id: bool = False


class PinterestError(Exception):
    """A refusal of the whole request, with its HTTP status and the code in the body."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


class InvalidEventError(Exception):
    """One event failed."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


class Pinterest(Platform[Settings]):
    """The conversion events of an ad account."""

    slug = "pinterest"

    def __init__(self, world: World) -> None:
        super().__init__(world, Settings())

    def answer(self, call: Call) -> Answer:
        """Play the API for one call."""
        flags: list[Flag] = []
        try:
            return self._route(call, flags)
        except PinterestError as error:
            return _refusal(error.status, error.code, str(error), flags)

    def failure(self, status: int) -> Answer:
        """Pinterest's code 8 for 429, 2 for 401, the status for any other."""
        return _refusal(status, {429: 8, 401: 2, 403: 29}.get(status, status), "The request failed.", [])

    def _route(self, call: Call, flags: list[Flag]) -> Answer:
        path = _PATH(call.path)
        if path is None or call.method != "POST":
            raise PinterestError(404, 404, "There is no such path or method.")
        token = call.bearer
        if not token or token.startswith("bad-") or token in self.settings.bad_tokens:
            raise PinterestError(401, 2, "Authentication failed.")
        known = path[1].isascii() and path[1].isdigit()
        if not known or path[1] in self.settings.unknown_accounts:
            raise PinterestError(404, 404, "The ad account was not found.")
        if path[1] in self.settings.forbidden_accounts:
            raise PinterestError(403, 29, "You are not permitted to access that resource.")
        return self._take_events(call, path[1], _read_events(call), flags)

    def _take_events(self, call: Call, account: str, events: list[Any], flags: list[Flag]) -> Answer:
        failed = self._check_events(call, events, flags)
        flags += [Flag("failed", bad.field, str(bad)) for bad in failed.values()]
        results = [self._result(event, failed.get(place)) for place, event in enumerate(events)]
        body = {
            "num_events_received": len(events),
            "num_events_processed": len(events) - len(failed),
            "events": results,
        }
        status = self.settings.partial_status if failed else 200
        if call.query.get("test") == "true":
            return json_answer(status, body, flags=flags, validation=True)
        rows = [self._accept(event, place, account) for place, event in enumerate(events) if place not in failed]
        return json_answer(status, body, accepted=rows, flags=flags)

    def _check_events(self, call: Call, events: list[Any], flags: list[Flag]) -> dict[int, InvalidEventError]:
        """The events that fail, by their index."""
        days = self.settings.max_age_days
        now_s = call.at / MICROS
        context = _Context(now_s + self.settings.future_s, now_s - days * DAY_S if days else 0, flags.append)
        failed: dict[int, InvalidEventError] = {}
        for place, event in enumerate(events):
            try:
                _check_event(event, f"data[{place}]", context)
            except InvalidEventError as error:
                failed[place] = error
        if call.poisons:
            keys = [event.get("event_id") if isinstance(event, dict) else None for event in events]
            for place, _named in call.poisoned(keys):
                failed.setdefault(place, InvalidEventError(f"data[{place}]", "The event is invalid."))
        return failed

    def _result(self, event: dict[str, Any], bad: InvalidEventError | None) -> dict[str, str | None]:
        if bad is not None:
            return {"status": "failed", "error_message": str(bad), "warning_message": None}
        warns = self.settings.warn_of_no_click_id and not event["user_data"].get("click_id")
        warning = "Events with a click_id are matched better." if warns else None
        return {"status": "processed", "error_message": None, "warning_message": warning}

    def _accept(self, event: dict[str, Any], place: int, account: str) -> Accepted:
        money = event.get("custom_data", {})
        value, currency = money.get("value"), money.get("currency")
        return Accepted(
            index=place,
            key=event["event_id"],
            scope=f"{account}/{event['event_name']}",
            value=None if value is None else float(value),
            currency=currency,
            event_at=event["event_time"] * MICROS,
            event=event if self.world.ledger.bodies else None,
        )


def _read_events(call: Call) -> list[Any]:
    body = call.json
    if body is BROKEN or not isinstance(body, dict):
        raise PinterestError(400, 400, "The body is not a JSON object.")
    events = body.get("data")
    if not isinstance(events, list) or not events:
        raise PinterestError(400, 400, "data: a list with at least one event is required.")
    if len(events) > MAX_EVENTS:
        raise PinterestError(400, 400, f"data: at most {MAX_EVENTS} events are allowed.")
    return events


def _refusal(status: int, code: int, message: str, flags: list[Flag]) -> Answer:
    return json_answer(status, {"code": code, "message": message}, flags=flags)


@dataclass(frozen=True, slots=True)
class _Context:
    """The newest and the oldest time of an event, in seconds, and where flags go."""

    newest_s: float
    oldest_s: float
    flag: Callable[[Flag], None]


def _check_event(event: object, path: str, context: _Context) -> None:
    """Refuse an invalid event (`InvalidEventError`), flag what Pinterest's documents leave open."""
    if not isinstance(event, dict):
        raise InvalidEventError(path, "An event must be an object.")
    for name in sorted(event.keys() - _EVENT):
        context.flag(Flag("unknown_field", f"{path}.{name}", "Pinterest documents no such field."))
    for name in ("event_name", "event_id"):
        if not is_text(event.get(name)):
            raise InvalidEventError(f"{path}.{name}", f"{name} is required.")
    if event["event_name"] not in _NAMES:
        context.flag(Flag("unknown_event_name", f"{path}.event_name", "Pinterest documents no such event."))
    source = event.get("action_source")
    if not isinstance(source, str) or source not in _SOURCES:
        raise InvalidEventError(f"{path}.action_source", "action_source must be app_android, app_ios, web or offline.")
    at = event.get("event_time")
    if not isinstance(at, int) or not is_whole(at):
        raise InvalidEventError(f"{path}.event_time", "event_time is required: whole Unix seconds.")
    if not context.oldest_s <= at <= context.newest_s:
        raise InvalidEventError(f"{path}.event_time", "event_time lies in the future or too far back.")
    url = event.get("event_source_url", "https://")
    if not isinstance(url, str) or not url.startswith(("http://", "https://")):
        raise InvalidEventError(f"{path}.event_source_url", "event_source_url must be an address.")
    if not isinstance(event.get("opt_out", False), bool):
        raise InvalidEventError(f"{path}.opt_out", "opt_out must be true or false.")
    _check_user_data(event.get("user_data"), f"{path}.user_data", context)
    _check_custom_data(event.get("custom_data", {}), f"{path}.custom_data", context)


def _check_user_data(data: object, path: str, context: _Context) -> None:
    if not isinstance(data, dict):
        raise InvalidEventError(path, "user_data is required.")
    for name, value in data.items():
        if name in _HASHED and not is_hashes(value):
            raise InvalidEventError(f"{path}.{name}", f"{name} must be a list of SHA-256 digests.")
        if name in _PLAIN and not isinstance(value, str):
            raise InvalidEventError(f"{path}.{name}", f"{name} must be a string.")
        if name not in _HASHED | _PLAIN:
            context.flag(Flag("unknown_field", f"{path}.{name}", "Pinterest documents no such field."))
    has_device = is_text(data.get("client_ip_address")) and is_text(data.get("client_user_agent"))
    if not (data.get("em") or data.get("hashed_maids") or has_device):
        sentence = "user_data needs em, hashed_maids, or client_ip_address with client_user_agent."
        raise InvalidEventError(path, sentence)


def _check_custom_data(data: object, path: str, context: _Context) -> None:
    if not isinstance(data, dict):
        raise InvalidEventError(path, "custom_data must be an object.")
    value, currency = data.get("value"), data.get("currency")
    if value is not None and not (isinstance(value, str) and _AMOUNT(value)):
        raise InvalidEventError(f"{path}.value", "value must be a string with a number.")
    if currency is not None and not is_currency(currency):
        raise InvalidEventError(f"{path}.currency", "currency must be a code of ISO 4217.")
    if value is not None and currency is None:
        context.flag(Flag("value_without_currency", f"{path}.currency", "A value needs a currency."))
