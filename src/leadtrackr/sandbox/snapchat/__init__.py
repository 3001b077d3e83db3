"""Snapchat's Conversions API: `POST /snapchat/v3/{pixel id}/events`, `…/events/validate` and `GET …/validate/stats`.

The token stands in the query. Source: Snap's pages on using the API and verifying it, and the OpenAPI description of
its SDK. Not verified, hence a setting or only a flag: whether one bad event fails the request, ages, units of time, the
most events of a request, the statuses of a wrong token or pixel, unknown fields and event names.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite
from typing import Annotated, Any, Final, Literal

import msgspec

from leadtrackr.sandbox.checks import DAY_S, is_currency, is_hash, is_hashes, is_text, is_whole
from leadtrackr.sandbox.contract import BROKEN, Accepted, Answer, Call, Flag, Platform, as_float, json_answer
from leadtrackr.sandbox.words import words
from leadtrackr.sandbox.world import MICROS, World

_PATH = re.compile(r"/v3/([0-9A-Za-z-]+)/events(/validate|/validate/stats|/validate/logs)?").fullmatch
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}").fullmatch
_NAMES: Final = words(
    "PAGE_VIEW VIEW_CONTENT ADD_CART ADD_TO_CART ADD_TO_WISHLIST SIGN_UP SEARCH PURCHASE ADD_BILLING COMPLETE_TUTORIAL"
    " SUBSCRIBE AD_CLICK AD_VIEW START_CHECKOUT RATE LIST_VIEW LEVEL_COMPLETE ACHIEVEMENT_UNLOCKED SPEND_CREDITS SAVE"
    " SHARE INVITE LOGIN RESERVE START_TRIAL CUSTOM_EVENT_1 CUSTOM_EVENT_2 CUSTOM_EVENT_3 CUSTOM_EVENT_4 CUSTOM_EVENT_5"
)
_SOURCES: Final = words("WEB OFFLINE MOBILE_APP")
_OTHER_SOURCES: Final = words("website app offline web mobile_app")
_EVENT: Final = words(
    "event_name event_time action_source event_id event_source_url opt_out data_processing_options"
    " data_processing_options_country data_processing_options_state user_data custom_data app_data integration"
)
_HASHED: Final = words("em ph ct country fn ge ln st zp external_id db")
_PLAIN: Final = words("client_ip_address client_user_agent sc_click_id sc_cookie1 idfv madid mobile_ad_id")
NotNegative = Annotated[float, msgspec.Meta(ge=0)]


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Knobs.

    bad_tokens        tokens that are refused (401); so is one that starts with `bad-`
    forbidden_pixels  pixels that the token may not send to (403)
    unknown_pixels    pixels that do not exist (404)
    max_age_days      days that an event may lie back
    future_s          how far ahead of the clock an event may be
    max_events        most events in one request
    time_unit         `seconds`, `milliseconds` or `both`
    bad_event         what one bad event does: `refuse` the request, or `drop`: the others are taken
    """

    bad_tokens: frozenset[str] = frozenset()
    forbidden_pixels: frozenset[str] = frozenset()
    unknown_pixels: frozenset[str] = frozenset()
    max_age_days: NotNegative = 7
    future_s: NotNegative = 60
    max_events: Annotated[int, msgspec.Meta(ge=1)] = 2000
    time_unit: Literal["seconds", "milliseconds", "both"] = "seconds"
    bad_event: Literal["refuse", "drop"] = "refuse"


class SnapchatError(Exception):
    """A refusal of the whole request."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class InvalidEventError(Exception):
    """One event is invalid."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


class Snapchat(Platform[Settings]):
    """The events of a pixel, the test tool and its numbers."""

    slug = "snapchat"

    def __init__(self, world: World) -> None:
        super().__init__(world, Settings())

    def answer(self, call: Call) -> Answer:
        """Play the Conversions API for one call."""
        flags: list[Flag] = []
        try:
            return self._route(call, flags)
        except SnapchatError as error:
            return json_answer(error.status, {"status": "INVALID", "reason": str(error)}, flags=flags)

    def failure(self, status: int) -> Answer:
        """INVALID with a reason, whatever the status."""
        return json_answer(status, {"status": "INVALID", "reason": "The request failed."})

    def _route(self, call: Call, flags: list[Flag]) -> Answer:
        path = _PATH(call.path)
        is_read = path is not None and path[2] in ("/validate/stats", "/validate/logs")
        if path is None or call.method != ("GET" if is_read else "POST"):
            raise SnapchatError(404, "There is no such path or method.")
        self._check_access(call.query.get("access_token", ""), path[1])
        if path[2] == "/validate/stats":
            numbers = {"event_count_past_hour": 0, "latest_event_ts": 0}
            return json_answer(200, {"status": "SUCCESS", "stats": {"test": numbers, "live": numbers}}, flags=flags)
        if is_read:
            return json_answer(200, {"status": "SUCCESS", "logs": []}, flags=flags)
        return self._take_events(call, path[1], self._read_events(call), flags, is_test=path[2] == "/validate")

    def _check_access(self, token: str, pixel: str) -> None:
        if not token or token.startswith("bad-") or token in self.settings.bad_tokens:
            raise SnapchatError(401, "The access token is invalid.")
        if pixel in self.settings.unknown_pixels:
            raise SnapchatError(404, "The pixel was not found.")
        if pixel in self.settings.forbidden_pixels:
            raise SnapchatError(403, "The access token does not belong to the organization of the pixel.")

    def _read_events(self, call: Call) -> list[Any]:
        body = call.json
        events = body.get("data") if isinstance(body, dict) else None
        if body is BROKEN or not isinstance(events, list) or not events:
            raise SnapchatError(400, "Request parsing failed: data is a list with at least one event.")
        if len(events) > self.settings.max_events:
            raise SnapchatError(400, f"At most {self.settings.max_events} events are allowed.")
        return events

    def _take_events(self, call: Call, pixel: str, events: list[Any], flags: list[Flag], *, is_test: bool) -> Answer:
        invalid = self._check_events(call, events, flags)
        flags += [Flag("INVALID", bad.field, str(bad)) for bad in invalid.values()]
        is_refused = bool(invalid) and (self.settings.bad_event == "refuse" or len(invalid) == len(events))
        if is_test:
            body = {"test_event": True, **_said(invalid, is_refused), "event_logs": _logs(events, invalid)}
            return json_answer(400 if is_refused else 200, body, flags=flags, validation=True)
        if is_refused:
            return json_answer(400, _said(invalid, True), flags=flags)
        rows = [self._accept(event, place, pixel) for place, event in enumerate(events) if place not in invalid]
        return json_answer(200, _said(invalid, False), accepted=rows, flags=flags)

    def _check_events(self, call: Call, events: list[Any], flags: list[Flag]) -> dict[int, InvalidEventError]:
        """The invalid events by their index."""
        settings = self.settings
        now_s = call.at / MICROS
        context = _Context(
            now_s + settings.future_s, now_s - settings.max_age_days * DAY_S, settings.time_unit, flags.append
        )
        invalid: dict[int, InvalidEventError] = {}
        for place, event in enumerate(events):
            try:
                _check_event(event, f"data[{place}]", context)
            except InvalidEventError as error:
                invalid[place] = error
        if call.poisons and not invalid:
            for place, _named in call.poisoned([event.get("event_id") for event in events]):
                invalid[place] = InvalidEventError(f"data[{place}]", "The event is invalid.")
        return invalid

    def _accept(self, event: dict[str, Any], place: int, pixel: str) -> Accepted:
        money = event.get("custom_data", {})
        return Accepted(
            index=place,
            key=event.get("event_id") or None,
            scope=f"{pixel}/{event['event_name']}",
            value=_amount(money.get("value")),
            currency=money.get("currency"),
            event_at=int(_seconds(event["event_time"]) * MICROS),
            event=event if self.world.ledger.bodies else None,
        )


def _said(invalid: dict[int, InvalidEventError], is_refused: bool) -> dict[str, Any]:
    if not is_refused:
        return {"status": "VALID", "reason": "All events were processed." if not invalid else "Some were processed."}
    first = min(invalid)
    return {
        "status": "INVALID",
        "event": first,
        "errors": {"codes": ["INVALID_FIELD"], "error_msgs": [str(invalid[first])]},
    }


def _logs(events: list[Any], invalid: dict[int, InvalidEventError]) -> list[dict[str, Any]]:
    return [
        {
            "event": place,
            "status": "INVALID" if place in invalid else "VALID",
            "errors": {"codes": ["INVALID_FIELD"], "error_msgs": [str(invalid[place])]} if place in invalid else {},
            "warnings": [],
        }
        for place in range(len(events))
    ]


def _amount(value: object) -> float | None:
    """Numbers, and texts that hold one: Snap's pages show both."""
    if isinstance(value, str):
        try:
            found = float(value)
        except ValueError:
            return None
        return found if isfinite(found) else None
    return as_float(value)


def _seconds(at: int) -> float:
    """A time of which the unit is seen by its size; one beyond any date stays as it is, and is out of range."""
    return at / 1000 if 10**11 < at < 10**15 else at


@dataclass(frozen=True, slots=True)
class _Context:
    """The newest and the oldest time of an event, in seconds, the unit that is taken, and where flags go."""

    newest_s: float
    oldest_s: float
    unit: str
    flag: Callable[[Flag], None]


def _check_event(event: object, path: str, context: _Context) -> None:
    """Refuse an invalid event (`InvalidEventError`), flag what Snap's documents leave open."""
    if not isinstance(event, dict):
        raise InvalidEventError(path, "An event must be an object.")
    for name in sorted(event.keys() - _EVENT):
        context.flag(Flag("unknown_field", f"{path}.{name}", "Snapchat documents no such field."))
    if not is_text(event.get("event_name")):
        raise InvalidEventError(f"{path}.event_name", "event_name is required.")
    if event["event_name"] not in _NAMES:
        context.flag(Flag("unknown_event_name", f"{path}.event_name", "Snapchat documents no such event."))
    _check_time(event.get("event_time"), f"{path}.event_time", context)
    source = event.get("action_source")
    if not isinstance(source, str) or source not in _SOURCES | _OTHER_SOURCES:
        raise InvalidEventError(f"{path}.action_source", "action_source must be WEB, OFFLINE or MOBILE_APP.")
    if source not in _SOURCES:
        context.flag(Flag("other_spelling", f"{path}.action_source", "Snapchat documents it in capitals."))
    url = event.get("event_source_url", None if source in ("WEB", "web", "website") else "https://")
    if not isinstance(url, str) or not url.startswith(("http://", "https://")):
        raise InvalidEventError(f"{path}.event_source_url", "A web event needs its event_source_url.")
    if not isinstance(event.get("event_id", ""), str):
        raise InvalidEventError(f"{path}.event_id", "event_id must be a string.")
    _check_user_data(event.get("user_data"), f"{path}.user_data", context)
    _check_custom_data(event, f"{path}.custom_data", context)


def _check_time(at: object, path: str, context: _Context) -> None:
    if not isinstance(at, int) or not is_whole(at):
        raise InvalidEventError(path, "event_time is required: a whole number.")
    is_seconds = _seconds(at) == at
    if context.unit != "both" and is_seconds != (context.unit == "seconds"):
        raise InvalidEventError(path, f"event_time must be in {context.unit}.")
    if not context.oldest_s <= _seconds(at) <= context.newest_s:
        raise InvalidEventError(path, "event_time is out of range.")


def _check_user_data(data: object, path: str, context: _Context) -> None:
    if not isinstance(data, dict):
        raise InvalidEventError(path, "user_data is required.")
    for name, value in data.items():
        if name in _HASHED and not (is_hash(value) or is_hashes(value)):
            raise InvalidEventError(f"{path}.{name}", f"Unhashed PII: {name} must be SHA-256.")
        if name in _PLAIN and not isinstance(value, str):
            raise InvalidEventError(f"{path}.{name}", f"{name} must be a string.")
        if name not in _HASHED | _PLAIN:
            context.flag(Flag("unknown_field", f"{path}.{name}", "Snapchat documents no such field."))
    if is_hash(data.get("client_ip_address")):
        raise InvalidEventError(f"{path}.client_ip_address", "Invalid hashed IP address.")
    if "sc_cookie1" in data and not _UUID(data["sc_cookie1"]):
        context.flag(Flag("bad_cookie", f"{path}.sc_cookie1", "The cookie is a UUID."))
    has_device = is_text(data.get("client_ip_address")) and is_text(data.get("client_user_agent"))
    if not (data.get("em") or data.get("ph") or data.get("madid") or data.get("mobile_ad_id") or has_device):
        raise InvalidEventError(path, "Insufficient PII: em, ph, a mobile ad id, or IP address with user agent.")


def _check_custom_data(event: dict[str, Any], path: str, context: _Context) -> None:
    data = event.get("custom_data", {})
    if not isinstance(data, dict):
        raise InvalidEventError(path, "custom_data must be an object.")
    value, currency = data.get("value"), data.get("currency")
    if value is not None and _amount(value) is None:
        raise InvalidEventError(f"{path}.value", "value must be a number.")
    if currency is not None and not is_currency(currency):
        raise InvalidEventError(f"{path}.currency", "currency must be a code of ISO 4217.")
    if event["event_name"] == "PURCHASE" and (value is None or currency is None):
        raise InvalidEventError(path, "Missing price and/or currency in a purchase event.")
    if value is not None and currency is None:
        context.flag(Flag("value_without_currency", f"{path}.currency", "A value needs a currency."))
