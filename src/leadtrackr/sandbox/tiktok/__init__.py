"""TikTok's Events API 2.0: `POST /tiktok/open_api/{version}/event/track/`.

Every answer is `{code, message, request_id, data}`, and HTTP statuses mean little: refusals come with 200, throttling
and a missing token with 401. Source: TikTok's pages on the payload, its return codes, and measured answers (unknown
keys inside `user` are answered with code 0). Not verified, hence a setting or only a flag: whether one bad event fails
the request, ages, where `lead_id` belongs, the order in which token, source and events are looked at.
"""

import re
from itertools import count
from typing import Annotated, Any, Final, Literal

import msgspec

from leadtrackr.sandbox.contract import BROKEN, Accepted, Answer, Call, Flag, Platform, as_float, json_answer
from leadtrackr.sandbox.tiktok.rules import DAY_S, INVALID, SOURCES, Context, InvalidEventError, check_event
from leadtrackr.sandbox.words import words
from leadtrackr.sandbox.world import MICROS, World

MAX_EVENTS: Final = 1_000
_PATH = re.compile(r"/open_api/(v\d+\.\d+)/event/track/").fullmatch
_ROOT: Final = words("event_source event_source_id data test_event_code partner_name")
_THROTTLED: Final = {
    "QPM": "Too many requests. The app has exceeded its QPM limit.",
    "QPD": "Too many requests. The app has exceeded its QPD limit.",
}
NotNegative = Annotated[float, msgspec.Meta(ge=0)]


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Knobs.

    bad_tokens           tokens that are refused (40105); so is one that starts with `bad-`
    expired_tokens       tokens that have expired (40102)
    forbidden_sources    event source ids that the token may not send to (40001)
    unknown_sources      event source ids that do not exist (40007)
    retired_versions     versions that TikTok offers no more (40006)
    max_age_days         days that an event may lie back
    warn_age_days        days after which an event is flagged
    future_s             how far ahead of the clock an event may be
    bad_event            what one bad event does: `refuse` the request (40002), or `partial`: 20001 for the others
    throttle             the limit that the message of 40100 names: `QPM` or `QPD`
    """

    bad_tokens: frozenset[str] = frozenset()
    expired_tokens: frozenset[str] = frozenset()
    forbidden_sources: frozenset[str] = frozenset()
    unknown_sources: frozenset[str] = frozenset()
    retired_versions: frozenset[str] = frozenset()
    max_age_days: NotNegative = 28
    warn_age_days: NotNegative = 7
    future_s: NotNegative = 60
    bad_event: Literal["refuse", "partial"] = "refuse"
    throttle: Literal["QPM", "QPD"] = "QPM"


class TikTokError(Exception):
    """A refusal; `status` is the HTTP status that it comes with."""

    def __init__(self, code: int, message: str, status: int = 200) -> None:
        super().__init__(message)
        self.code, self.status = code, status


class TikTok(Platform[Settings]):
    """The Events API; an empty list of events shows whether a token is good."""

    slug = "tiktok"

    def __init__(self, world: World) -> None:
        super().__init__(world, Settings())
        self._requests = count(1)

    def answer(self, call: Call) -> Answer:
        """Play the Events API for one call."""
        flags: list[Flag] = []
        try:
            return self._route(call, flags)
        except TikTokError as error:
            return self._say(error.code, str(error), status=error.status, flags=flags)

    def failure(self, status: int) -> Answer:
        """Throttling with its HTTP 401, a bad token for 401, 50000 for 5xx."""
        if status == 429:
            return self._say(40100, _THROTTLED[self.settings.throttle], status=401)
        code = {401: 40105, 403: 40001}.get(status, 50000 if status >= 500 else INVALID)
        return self._say(code, "The request failed.", status=status)

    def _route(self, call: Call, flags: list[Flag]) -> Answer:
        path = _PATH(call.path)
        if path is None or call.method != "POST":
            raise TikTokError(40000, "There is no such path or method.", 404)
        if path[1] in self.settings.retired_versions:
            raise TikTokError(40006, f"The version {path[1]} is no longer supported.")
        if path[1] != "v1.3":
            flags.append(Flag("unknown_version", detail=f"{path[1]} is not the current version."))
        self._check_token(call.headers.get("access-token", ""))
        body = call.json
        if body is BROKEN or not isinstance(body, dict):
            raise TikTokError(40000, "The body is not a JSON object.")
        self._check_root(body, flags)
        return self._take_events(call, body, flags)

    def _check_token(self, token: str) -> None:
        if not token:
            raise TikTokError(40104, "Access token is empty.", 401)
        if token.startswith("bad-") or token in self.settings.bad_tokens:
            raise TikTokError(40105, "Access token is incorrect or has been revoked.", 401)
        if token in self.settings.expired_tokens:
            raise TikTokError(40102, "Access token has expired.", 401)

    def _check_root(self, body: dict[str, Any], flags: list[Flag]) -> None:
        source, source_id = body.get("event_source"), body.get("event_source_id")
        if not isinstance(source, str) or source not in SOURCES:
            raise TikTokError(INVALID, "event_source must be one of web, app, offline, crm.")
        if not isinstance(source_id, str) or not source_id:
            raise TikTokError(INVALID, "event_source_id is required.")
        if source_id in self.settings.unknown_sources:
            raise TikTokError(40007, "The event source does not exist.")
        if source_id in self.settings.forbidden_sources:
            raise TikTokError(40001, "No permission to operate on the event source.")
        if not isinstance(body.get("test_event_code", ""), str):
            raise TikTokError(INVALID, "test_event_code must be a string.")
        flags += [
            Flag("unknown_field", name, "TikTok documents no such field.") for name in sorted(body.keys() - _ROOT)
        ]

    def _take_events(self, call: Call, body: dict[str, Any], flags: list[Flag]) -> Answer:
        events = body.get("data")
        if not isinstance(events, list) or not events:
            raise TikTokError(INVALID, "data: at least one event is required.")
        if len(events) > MAX_EVENTS:
            raise TikTokError(INVALID, f"data: at most {MAX_EVENTS} events are allowed.")
        refused = self._check_events(call, str(body["event_source"]), events, flags)
        flags += [Flag(str(bad.code), bad.field, str(bad)) for bad in refused.values()]
        if refused and (self.settings.bad_event == "refuse" or len(refused) == len(events)):
            first = refused[min(refused)]
            raise TikTokError(first.code, str(first))
        scope = str(body["event_source_id"])
        rows = [self._accept(event, place, scope) for place, event in enumerate(events) if place not in refused]
        code, message = (20001, "Partial success") if refused else (0, "OK")
        return self._say(code, message, accepted=rows, flags=flags)

    def _check_events(
        self, call: Call, source: str, events: list[Any], flags: list[Flag]
    ) -> dict[int, InvalidEventError]:
        """The invalid events by their index."""
        settings = self.settings
        context = Context(
            source=source,
            now_s=call.at / MICROS,
            max_age_s=settings.max_age_days * DAY_S,
            warn_age_s=settings.warn_age_days * DAY_S,
            future_s=settings.future_s,
            flag=flags.append,
        )
        refused: dict[int, InvalidEventError] = {}
        for place, event in enumerate(events):
            try:
                check_event(event, f"data[{place}]", context)
            except InvalidEventError as error:
                refused[place] = error
        if call.poisons and not refused:
            for place, _named in call.poisoned([event.get("event_id") for event in events]):
                refused[place] = InvalidEventError(f"data[{place}]", "Invalid event.")
        return refused

    def _accept(self, event: dict[str, Any], place: int, source_id: str) -> Accepted:
        money = event.get("properties", {})
        currency = money.get("currency")
        return Accepted(
            index=place,
            key=event.get("event_id") or None,
            scope=f"{source_id}/{event['event']}",
            value=as_float(money.get("value")),
            currency=currency if isinstance(currency, str) else None,
            event_at=event["event_time"] * MICROS,
            event=event if self.world.ledger.bodies else None,
        )

    def _say(
        self,
        code: int,
        message: str,
        *,
        status: int = 200,
        accepted: list[Accepted] | None = None,
        flags: list[Flag] | None = None,
    ) -> Answer:
        body = {"code": code, "message": message, "request_id": f"sandbox{next(self._requests):013d}", "data": {}}
        return json_answer(status, body, accepted=accepted or (), flags=flags or ())
