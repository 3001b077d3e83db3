"""Reddit's Conversions API: `POST /reddit/api/v3/pixels/{pixel id}/conversion_events`.

One invalid event and none is processed; the answer says which. Source: Reddit's pages on the API v3, and observed
refusals. Not verified, hence a setting or only a flag: fields that are not documented, times ahead of the clock, the
older form of a refusal, and what becomes of an event by which nobody can be found (taken, then of no use: `dropped`).
"""

import re
from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

import msgspec

from leadtrackr.sandbox.contract import BROKEN, Accepted, Answer, Call, Flag, Platform, as_float, json_answer
from leadtrackr.sandbox.reddit.rules import Context, Fault, can_match, check_event
from leadtrackr.sandbox.world import World

MAX_EVENTS: Final = 1_000
_PATH = re.compile(r"/api/v3/pixels/([^/]+)/conversion_events").fullmatch
_HOUR_MS: Final = 3_600_000
_MILLI: Final = 1_000


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Knobs.

    bad_tokens     tokens that are refused; so is one that starts with `bad-`
    pixels         known pixels; empty: any is known
    no_access      pixels that the token may not send to: 403
    max_age_h      hours that an event may lie back
    future_s       how far ahead of the clock an event may be
    error_form     how an invalid event is named: by its path in `fields`, or echoed in `invalid_events`
    """

    bad_tokens: frozenset[str] = frozenset()
    pixels: frozenset[str] = frozenset()
    no_access: frozenset[str] = frozenset()
    max_age_h: Annotated[float, msgspec.Meta(ge=0)] = 168
    future_s: Annotated[float, msgspec.Meta(ge=0)] = 60
    error_form: Literal["fields", "invalid_events"] = "fields"


class RefusalError(Exception):
    """A refusal of the whole request."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Reddit(Platform[Settings]):
    """The Conversions API v3."""

    slug = "reddit"

    def __init__(self, world: World) -> None:
        super().__init__(world, Settings())

    def answer(self, call: Call) -> Answer:
        """Play the API for one call."""
        flags: list[Flag] = []
        try:
            return self._route(call, flags)
        except RefusalError as refusal:
            return _error(refusal.status, str(refusal), flags)

    def failure(self, status: int) -> Answer:
        """The documented words of a failure with this status."""
        said = {
            401: "UNAUTHORIZED",
            429: "Too many requests/events within timeframe.",
            500: "The service is currently unavailable. No conversion events were processed.",
        }
        return _error(status, said.get(status, "The request failed."), [])

    def _route(self, call: Call, flags: list[Flag]) -> Answer:
        path = _PATH(call.path)
        if path is None or call.method != "POST":
            raise RefusalError(404, "Not Found")
        token, pixel = call.bearer, path[1]
        if token is None:
            raise RefusalError(401, "No bearer token provided")
        if token.startswith("bad-") or token in self.settings.bad_tokens:
            raise RefusalError(401, "UNAUTHORIZED")
        known = self.settings.pixels
        if pixel in self.settings.no_access or (known and pixel not in known):
            raise RefusalError(403, f"You're not authorized to post conversions to Pixel ID {pixel}.")
        data = _data(call)
        unknown = sorted(data.keys() - {"events", "test_id"})
        flags += [Flag("unknown_field", f"data.{name}", "Reddit documents no such field.") for name in unknown]
        if "test_id" in data:
            flags.append(Flag("test_event", "data.test_id", "Shown under Event Testing; not for production."))
        return self._take(call, pixel, data["events"], flags)

    def _take(self, call: Call, pixel: str, events: list[Any], flags: list[Flag]) -> Answer:
        now = call.at / _MILLI
        context = Context(
            oldest=now - self.settings.max_age_h * _HOUR_MS,
            newest=now + self.settings.future_s * 1000,
            flag=flags.append,
        )
        found = {place: check_event(event, f"data.events[{place}]", context) for place, event in enumerate(events)}
        invalid = {place: faults for place, faults in found.items() if faults}
        poisoned = call.poisoned([_key(event) for event in events]) if call.poisons and not invalid else []
        invalid |= {place: [Fault("type", "A fault refuses this event.")] for place, _ in poisoned}
        if invalid:
            flags += [
                Flag("invalid", f"data.events[{place}].{fault.path}".rstrip("."), fault.said)
                for place, faults in invalid.items()
                for fault in faults
            ]
            return self._refuse(events, invalid, flags, named=all(named for _, named in poisoned))
        rows = []
        for place, event in enumerate(events):
            if can_match(event):
                rows.append(self._accept(pixel, event, place))
            else:
                flags.append(Flag("no_match_key", f"data.events[{place}]", "Nobody can be found by it.", dropped=True))
        answer = {"data": {"message": f"Successfully processed {len(events)} conversion events."}}
        return json_answer(200, answer, accepted=rows, flags=flags)

    def _refuse(
        self, events: Sequence[Any], invalid: dict[int, list[Fault]], flags: list[Flag], *, named: bool
    ) -> Answer:
        message = f"There were {len(invalid)} invalid conversion events. None were processed."
        if not named:
            return _error(400, message, flags)
        if self.settings.error_form == "invalid_events":
            echoed = [
                {"error_message": faults[0].said, "event": events[place]} for place, faults in sorted(invalid.items())
            ]
            return json_answer(400, {"message": message, "invalid_events": echoed}, flags=flags)
        fields = [
            {"field": f"$.data.events[{place}].{fault.path}".rstrip("."), "message": fault.said}
            for place, faults in sorted(invalid.items())
            for fault in faults
        ]
        return json_answer(400, {"error": {"code": 400, "message": message, "fields": fields}}, flags=flags)

    def _accept(self, pixel: str, event: dict[str, Any], place: int) -> Accepted:
        metadata = event.get("metadata", {})
        kind = event["type"]
        return Accepted(
            index=place,
            key=metadata.get("conversion_id") or None,
            scope=f"{pixel}/{kind.get('custom_event_name') or kind['tracking_type']}",
            value=as_float(metadata.get("value")),
            currency=metadata.get("currency"),
            event_at=event["event_at"] * _MILLI,
            event=event if self.world.ledger.bodies else None,
        )


def _data(call: Call) -> dict[str, Any]:
    body = call.json
    data = body.get("data") if body is not BROKEN and isinstance(body, dict) else None
    if not isinstance(data, dict) or not isinstance(data.get("events"), list):
        raise RefusalError(400, "Bad Request")
    if not 1 <= len(data["events"]) <= MAX_EVENTS:
        raise RefusalError(400, "Bad Request")
    return data


def _key(event: Any) -> str | None:
    metadata = event.get("metadata", {})
    return metadata.get("conversion_id") or None


def _error(status: int, message: str, flags: list[Flag]) -> Answer:
    return json_answer(status, {"error": {"code": status, "message": message}}, flags=flags)
