"""GA4 by the Measurement Protocol: `POST /ga4/mp/collect` and `POST /ga4/debug/mp/collect`.

`/mp/collect` answers 204 with an empty body to whatever arrives, a wrong secret included, as reported by users; the
ledger's flags say what was wrong, and `accepted` leaves out what GA4 would drop. `/debug/mp/collect` takes nothing and
answers `validationMessages` with the documented codes. Source: Google's Measurement Protocol pages for GA4.
Not verified: which of the findings make GA4 drop an event, and the answer to another method than POST (here 405).
"""

from typing import Annotated, Any

import msgspec

from leadtrackr.sandbox.contract import Accepted, Answer, Call, Flag, Platform, as_float, json_answer
from leadtrackr.sandbox.ga4 import names
from leadtrackr.sandbox.ga4.rules import INVALID, REQUIRED, Context, Finding, check_event, check_payload
from leadtrackr.sandbox.world import MICROS, World


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Knobs.

    secrets      measurement id (or firebase app id) → its API secret; empty: any fits; a wrong one is only flagged
    max_age_h    hours that an event may lie back
    """

    secrets: dict[str, str] = {}
    max_age_h: Annotated[float, msgspec.Meta(ge=0)] = 72


class Ga4(Platform[Settings]):
    """The Measurement Protocol."""

    slug = "ga4"

    def __init__(self, world: World) -> None:
        super().__init__(world, Settings())

    def answer(self, call: Call) -> Answer:
        """Play the endpoint for one call."""
        if call.path not in ("/mp/collect", "/debug/mp/collect"):
            return Answer(404)
        if call.method != "POST":
            return Answer(405, headers={"Allow": "POST"})
        is_debug = call.path.startswith("/debug")
        body = call.json if isinstance(call.json, dict) else None
        findings = self._check_call(call, is_debug=is_debug)
        if body is None:
            findings.append(Finding("bad_json", INVALID, "", "The body is not a JSON object."))
            return _validation(findings) if is_debug else Answer(204, flags=_flags(findings))
        context = self._context(call, body)
        findings += check_payload(body, context)
        return self._debug(body, context, findings) if is_debug else self._collect(call, body, context, findings)

    def failure(self, status: int) -> Answer:
        """A failure without a body."""
        return Answer(status)

    def _context(self, call: Call, body: dict[str, Any]) -> Context:
        return Context(
            now=call.at,
            oldest=call.at - int(self.settings.max_age_h * 3600 * MICROS),
            is_app="firebase_app_id" in call.query,
            enforces=body.get("validation_behavior") == "ENFORCE_RECOMMENDATIONS",
        )

    def _check_call(self, call: Call, *, is_debug: bool) -> list[Finding]:
        found = []
        stream = call.query.get("measurement_id") or call.query.get("firebase_app_id")
        secret = call.query.get("api_secret")
        if not stream:
            sentence = "measurement_id or firebase_app_id is missing from the query."
            found.append(Finding("missing_measurement_id", REQUIRED, "measurement_id", sentence))
        if not secret:
            sentence = "api_secret is missing from the query."
            found.append(Finding("missing_api_secret", REQUIRED, "api_secret", sentence))
        elif not is_debug and self.settings.secrets and self.settings.secrets.get(stream or "") != secret:
            sentence = "The secret is not the stream's."
            found.append(Finding("wrong_api_secret", INVALID, "api_secret", sentence))
        if len(call.body) >= names.MAX_BODY_BYTES:
            found.append(Finding("body_too_large", "VALUE_OUT_OF_BOUNDS", "", "The body must be below 130 kB."))
        return found

    def _debug(self, body: dict[str, Any], context: Context, findings: list[Finding]) -> Answer:
        events = body.get("events")
        for place, event in enumerate(events if isinstance(events, list) else []):
            findings += check_event(event, place, context)
        # Old stamps are moved, not refused, unless recommendations are enforced.
        return _validation([found for found in findings if found.code != "too_old" or context.enforces])

    def _collect(self, call: Call, body: dict[str, Any], context: Context, findings: list[Finding]) -> Answer:
        events = body["events"] if isinstance(body.get("events"), list) else []
        is_lost = any(found.dropped for found in findings)
        poisoned = dict(call.poisoned([_key(event) for event in events])) if call.poisons else {}
        accepted = []
        for place, event in enumerate(events):
            here = list(check_event(event, place, context))
            if place in poisoned:
                here.append(Finding("rejected_by_fault", INVALID, f"events[{place}]", "A fault drops this event."))
            findings += here
            if not is_lost and not any(found.dropped for found in here):
                accepted.append(self._accept(call, body, event, place))
        return Answer(204, accepted=accepted, flags=_flags(findings))

    def _accept(self, call: Call, body: dict[str, Any], event: dict[str, Any], place: int) -> Accepted:
        params = event.get("params", {})
        currency = params.get("currency")
        stream = call.query.get("measurement_id") or call.query.get("firebase_app_id") or ""
        stamps = (event.get("timestamp_micros"), body.get("timestamp_micros"))
        at = next((stamp for stamp in stamps if stamp is not None), call.at)
        return Accepted(
            index=place,
            key=_key(event),
            scope=f"{stream}/{event['name']}",
            value=as_float(params.get("value")),
            currency=currency if isinstance(currency, str) else None,
            event_at=int(at),
            event=event if self.world.ledger.bodies else None,
        )


def _key(event: object) -> str | None:
    """The nearest to a dedup key that GA4 has: the transaction id of purchases, else the sender's own event id."""
    params = event.get("params") if isinstance(event, dict) else None
    if not isinstance(params, dict):
        return None
    key = params.get("transaction_id") or params.get("event_id")
    return str(key) if key else None


def _validation(findings: list[Finding]) -> Answer:
    messages = [
        {"fieldPath": found.field, "description": found.detail, "validationCode": found.validation_code}
        for found in findings
    ]
    return json_answer(200, {"validationMessages": messages}, flags=_flags(findings), validation=True)


def _flags(findings: list[Finding]) -> list[Flag]:
    return [Flag(found.code, found.field, found.detail, found.dropped) for found in findings]
