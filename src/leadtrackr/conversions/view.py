"""Deliveries, attempts, connections and orders as JSON has them, for the API and the command line. Pure.

Times are ISO 8601 in UTC, money is in cents.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from leadtrackr.conversions import outcomes
from leadtrackr.conversions.again import Plan
from leadtrackr.conversions.condition import condition
from leadtrackr.conversions.connections import Connected
from leadtrackr.conversions.masking import read_head
from leadtrackr.conversions.model import UNSETTLED, State
from leadtrackr.conversions.operations import Stopped
from leadtrackr.conversions.preview import Foreseen, Preview
from leadtrackr.conversions.receipts import Receipt, Tried, words_of
from leadtrackr.destinations.contract import Kind, Outcome
from leadtrackr.destinations.registry import DESTINATIONS
from leadtrackr.kit.clock import iso_millis

NEXT_TRY: Final = frozenset({State.QUEUED, State.WAITING})
"""States in which `run_at` says when it is tried next."""
NO_MODE: Final = "The platform has no mode in which it looks at an event without counting it, so it was not asked."
UNJUDGED: Final = frozenset({Kind.RETRY, Kind.UNKNOWN})
"""Outcomes of a validation that leave open whether the event is right."""


def delivery(one: Receipt) -> dict[str, object]:
    """A delivery as it stands, with its outcome in words."""
    words = one.words
    return {
        "id": one.id,
        "jobId": one.job_id,
        "leadId": one.lead_id,
        "label": one.label,
        "conversionId": one.conversion_id,
        "destination": one.destination,
        "account": one.account,
        "action": one.action,
        "eventId": one.event_id,
        "kind": one.kind.value,
        "takesBack": one.takes_back,
        "sentAs": one.sent_as or one.event_id,
        "happenedAt": iso_millis(one.happened_at),
        "valueCents": one.value_cents,
        "currency": one.currency,
        "state": one.state.value,
        "code": one.code,
        "class": _class(one.destination, one.reason),
        "sentence": words.sentence,
        "nextStep": words.next_step,
        "link": outcomes.link(one.destination, one.reason),
        "detail": one.detail,
        "field": one.field,
        "nextTryAt": iso_millis(one.run_at) if one.state in NEXT_TRY else None,
        "closesAt": iso_millis(one.closes_at) if one.state in UNSETTLED else None,
        "tries": one.tries,
        "createdAt": iso_millis(one.created_at),
        "settledAt": None if one.settled_at is None else iso_millis(one.settled_at),
    }


def attempt(destination: str, one: Tried) -> dict[str, object]:
    """One attempt: what was sent, what the platform said, in words. Empty texts where nothing was sent."""
    words = words_of(destination, one.code)
    method, headers = read_head(one.head)
    return {
        "number": one.number,
        "startedAt": iso_millis(one.started_at),
        "endedAt": iso_millis(one.ended_at),
        "outcome": one.kind,
        "code": one.code,
        "class": _class(destination, one.code),
        "sentence": words.sentence,
        "nextStep": words.next_step,
        "link": outcomes.link(destination, one.code),
        "detail": one.detail,
        "reference": one.reference,
        "httpStatus": one.http_status,
        "method": method,
        "url": one.url,
        "headers": headers,
        "request": one.request,
        "asked": _asked(one),
    }


def _asked(one: Tried) -> dict[str, object] | None:
    if one.asked is None:
        return None
    return {"times": one.asked, "nextAt": None if one.ask_at is None else iso_millis(one.ask_at)}


def groups(plan: Plan) -> list[dict[str, object]]:
    """What an order to send again means, each delivery in exactly one group."""
    return [
        {
            "fate": one.fate.value,
            "destination": one.destination,
            "count": len(one.ids),
            "ids": one.ids,
            "sentence": one.sentence,
        }
        for one in plan.groups
    ]


def left(done: Stopped) -> list[dict[str, object]]:
    """What an order to stop left as it was."""
    return [{"id": delivery_id, "state": state.value} for delivery_id, state in done.left.items()]


def connection(one: Connected) -> dict[str, object]:
    """How a connection stands, and which account it is connected with. Its settings are not shown."""
    known, found = one.connection, condition(one.connection, one.now)
    destination = DESTINATIONS.get(known.destination)
    return {
        "id": known.id,
        "destination": known.destination,
        "name": known.destination if destination is None else destination.name,
        "account": "" if destination is None else destination.account(known.settings),
        "state": found.state.value,
        "code": found.code,
        "class": _class(known.destination, found.code),
        "sentence": found.words.sentence,
        "nextStep": found.words.next_step,
        "link": outcomes.link(known.destination, found.code),
        "detail": found.detail or None,
        "since": None if found.since is None else iso_millis(found.since),
        "until": None if found.until is None else iso_millis(found.until),
        "toSend": one.to_send,
    }


def foreseen(found: Foreseen, previews: Sequence[Preview]) -> dict[str, object]:
    """What a rating would do, with what it would send to each platform."""
    return {
        "leadId": found.lead_id,
        "uniqueIdentifier": found.unique_identifier,
        "label": found.label,
        "pending": found.pending,
        "deliveries": [_preview(one) for one in previews],
        "cancels": [
            {"id": one.id, "destination": one.destination, "code": one.code, "sentence": one.words.sentence}
            for one in found.cancels
        ],
        "warnings": found.warnings,
    }


def validations(previews: Sequence[Preview], said: Sequence[Outcome | None]) -> list[dict[str, object]]:
    """What the platforms said to what would be sent, in the order of its deliveries."""
    return [_validation(one, outcome) for one, outcome in zip(previews, said, strict=True)]


def _validation(one: Preview, said: Outcome | None) -> dict[str, object]:
    slug = one.prospect.planned.destination
    code = one.code if said is None else said.code
    words = one.words if said is None else words_of(slug, said.code)
    no_mode = said is None and one.prospect.would_be_sent
    return {
        "label": one.prospect.label,
        "destination": slug,
        "asked": said is not None,
        "right": None if said is None or said.kind in UNJUDGED else said.kind == Kind.ACCEPTED,
        "code": None if no_mode else code,
        "class": None if no_mode else _class(slug, code),
        "sentence": NO_MODE if no_mode else words.sentence,
        "nextStep": "" if no_mode else words.next_step,
        "link": None if no_mode else outcomes.link(slug, code),
        "detail": None if said is None else said.detail or None,
    }


def _preview(one: Preview) -> dict[str, object]:
    planned, request = one.prospect.planned, one.request
    return {
        "label": one.prospect.label,
        "destination": planned.destination,
        "account": planned.account,
        "action": planned.action,
        "eventId": planned.event_id,
        "kind": planned.kind.value,
        "takesBack": planned.takes_back,
        "happenedAt": iso_millis(planned.happened_at),
        "valueCents": planned.value_cents,
        "currency": planned.currency,
        "state": one.state.value,
        "code": one.code,
        "class": _class(planned.destination, one.code),
        "sentence": one.words.sentence,
        "nextStep": one.words.next_step,
        "link": outcomes.link(planned.destination, one.code),
        "detail": planned.detail,
        "field": planned.field,
        "sendAt": iso_millis(planned.run_at) if one.prospect.would_be_sent else None,
        "closesAt": iso_millis(planned.closes_at),
        "request": None if request is None else msgspec.structs.asdict(request),
    }


def _class(destination: str, code: str | None) -> str | None:
    known = None if code is None else outcomes.entry(destination, code)
    return None if known is None else known.action.value
