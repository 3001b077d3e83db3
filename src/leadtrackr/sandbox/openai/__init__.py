"""OpenAI Ads' Conversions API: `POST /openai/v1/events?pid={pixel id}`.

One failing event fails the whole batch; `validate_only` looks without saving. Source: OpenAI's pages on the Conversions
API. Not verified: the bodies of all answers, hence the setting `names_events` and the ledger's flags, which say where
the fault is; what becomes of an event by which nothing can be found (taken, then of no use: `dropped`).
"""

from typing import Annotated, Any, Final

import msgspec

from leadtrackr.sandbox.contract import BROKEN, Accepted, Answer, Call, Flag, Platform, json_answer
from leadtrackr.sandbox.openai.rules import Context, InvalidError, can_match, check_event, units
from leadtrackr.sandbox.world import World

MAX_EVENTS: Final = 1_000
_DAY_MS: Final = 86_400_000
_MILLI: Final = 1_000


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Knobs.

    bad_keys         API keys that are refused; so is one that starts with `bad-`
    no_scope         API keys that may not send conversions: 401
    pixels           known pixels; empty: any is known
    max_age_days     days that an event may lie back
    future_s         how far ahead of the clock an event may be
    names_events     whether a refusal says where the fault is
    """

    bad_keys: frozenset[str] = frozenset()
    no_scope: frozenset[str] = frozenset()
    pixels: frozenset[str] = frozenset()
    max_age_days: Annotated[float, msgspec.Meta(ge=0)] = 7
    future_s: Annotated[float, msgspec.Meta(ge=0)] = 600
    names_events: bool = False


class RefusalError(Exception):
    """A refusal of the whole request."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class OpenAi(Platform[Settings]):
    """The Conversions API."""

    slug = "openai"

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
        """An error in the form that OpenAI's other APIs have."""
        return _error(status, "The request failed.", [])

    def _route(self, call: Call, flags: list[Flag]) -> Answer:
        if (call.method, call.path) != ("POST", "/v1/events"):
            raise RefusalError(404, "Not found.")
        key, pixel = call.bearer, call.query.get("pid")
        if key is None or key.startswith("bad-") or key in self.settings.bad_keys:
            raise RefusalError(401, "Incorrect API key provided.")
        if key in self.settings.no_scope:
            raise RefusalError(401, "Missing scopes: ads.third_party_events.write")
        if not pixel:
            raise RefusalError(400, "Missing required parameter: pid")
        if self.settings.pixels and pixel not in self.settings.pixels:
            raise RefusalError(404, "The pixel was not found.")
        body = _body(call)
        return self._take(call, pixel, body["events"], flags, only_look=body.get("validate_only") is True)

    def _take(self, call: Call, pixel: str, events: list[Any], flags: list[Flag], *, only_look: bool) -> Answer:
        now = call.at / _MILLI
        context = Context(
            oldest=now - self.settings.max_age_days * _DAY_MS,
            newest=now + self.settings.future_s * 1000,
            flag=flags.append,
        )
        faults: list[InvalidError] = []
        for place, event in enumerate(events):
            try:
                check_event(event, f"events[{place}]", context)
            except InvalidError as fault:
                faults.append(fault)
        if call.poisons and not faults:
            poisoned = call.poisoned([event["id"] for event in events])
            faults = [InvalidError(f"events[{place}]", "A fault refuses this event.") for place, _ in poisoned]
        if faults:
            flags += [Flag("invalid", fault.field, str(fault)) for fault in faults]
            raise RefusalError(400, self._said(faults[0]))
        if only_look:
            return json_answer(200, {"validated_events": len(events)}, flags=flags, validation=True)
        rows = [self._accept(pixel, event, place) for place, event in enumerate(events) if can_match(event)]
        for place, event in enumerate(events):
            if not can_match(event):
                flags.append(Flag("no_match_key", f"events[{place}]", "No ad can be found by it.", dropped=True))
        return json_answer(200, {"accepted_events": len(events)}, accepted=rows, flags=flags)

    def _said(self, fault: InvalidError) -> str:
        return f"{fault.field}: {fault}" if self.settings.names_events else "An event is invalid."

    def _accept(self, pixel: str, event: dict[str, Any], place: int) -> Accepted:
        data = event["data"]
        return Accepted(
            index=place,
            key=event["id"],
            scope=f"{pixel}/{event.get('custom_event_name') or event['type']}",
            value=units(data),
            currency=data.get("currency"),
            event_at=event["timestamp_ms"] * _MILLI,
            event=event if self.world.ledger.bodies else None,
        )


def _body(call: Call) -> dict[str, Any]:
    body = call.json
    if body is BROKEN or not isinstance(body, dict):
        raise RefusalError(400, "The body is not a JSON object.")
    unknown = sorted(body.keys() - {"validate_only", "integration_source", "events"})
    if unknown:
        raise RefusalError(400, f"Unknown field: {unknown[0]}")
    if not isinstance(body.get("validate_only", False), bool) or not isinstance(
        body.get("integration_source", ""), str
    ):
        raise RefusalError(400, "validate_only is true or false, and integration_source a string.")
    if not isinstance(body.get("events"), list):
        raise RefusalError(400, "Missing required field: events")
    if not 1 <= len(body["events"]) <= MAX_EVENTS:
        raise RefusalError(400, f"events must hold 1 to {MAX_EVENTS} events.")
    return body


def _error(status: int, message: str, flags: list[Flag]) -> Answer:
    return json_answer(status, {"error": {"message": message, "type": "invalid_request_error"}}, flags=flags)
