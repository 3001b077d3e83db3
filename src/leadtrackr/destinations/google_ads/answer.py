"""Reading the Data Manager API's answers: one for the whole request, or a refusal that may name events.

Source: google.rpc error details as in "Understand errors"; the paths of the events were seen with a doubled prefix.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from leadtrackr.destinations.contract import Kind, Outcome, PerEvent, Refused, Response, Scope, Verdict, Whole
from leadtrackr.destinations.google_ads.codes import CODES, known
from leadtrackr.destinations.http_common import clean, decode, outcome, transport_failure, unknown_failure

_INDEX: Final = re.compile(r"events\[(\d{1,9})\]")
_WEIGHT: Final = {Kind.HOLD: 2, Kind.REJECTED: 1}
_OF_THE_ACTION: Final = frozenset(
    {
        "INVALID_CONVERSION_ACTION_ID",
        "INVALID_CONVERSION_ACTION_TYPE",
        "CONVERSION_ACTION_TOO_RECENTLY_CREATED",
        "NOT_FOUND",
    }
)
_OF_THE_SAMPLE: Final = _OF_THE_ACTION | {
    "EVENT_TIME_INVALID",
    "INVALID_EVENT",
    "INVALID_FORMAT",
    "INVALID_AD_IDENTIFIER_FOR_ACCOUNT",
}


class _FieldWarning(msgspec.Struct):
    field: str = ""
    reason: str = ""
    description: str = ""


class _Taken(msgspec.Struct, rename="camel"):
    request_id: str
    field_warnings: list[_FieldWarning] = []


class _Detail(msgspec.Struct, rename="camel"):
    reason: str = ""
    request_id: str = ""
    field_violations: list[_FieldWarning] = []


class _Error(msgspec.Struct):
    message: str = ""
    status: str = ""
    details: list[_Detail] = []


class _Body(msgspec.Struct):
    error: _Error


def read(response: Response, n: int) -> Verdict:
    """The answer to n events. Nothing is pinned on an event that the answer does not name beyond doubt."""
    if response.status == 200:
        return _read_taken(response, n)
    body = decode(response.body, _Body)
    words = "" if body is None else body.error.message
    if response.status == 401:
        return Whole(outcome(CODES, "token_expired", words))
    if failure := transport_failure(CODES, response, words, _reference(body)):
        return Whole(failure)
    if body is None:
        return unknown_failure(CODES, response)
    if response.status == 400:
        return _read_refusal(body, n)
    return _read_status(response, body)


def read_check(response: Response) -> Outcome:
    """The answer to the sample event: a complaint about its made-up conversion action shows that the rest is right."""
    verdict = read(response, 1)
    if isinstance(verdict, PerEvent):
        return outcome(CODES, "check_ok")
    found = verdict.outcome
    if isinstance(verdict, Refused) and 0 in verdict.named:
        found = verdict.named[0]
    if found.kind is Kind.ACCEPTED or found.code in _OF_THE_SAMPLE:
        return outcome(CODES, "check_ok")
    return found


def read_validation(response: Response) -> Outcome:
    """The answer to one event under `validateOnly`. Its request id says nothing: its status cannot be asked."""
    verdict = read(response, 1)
    found = verdict.outcomes[0] if isinstance(verdict, PerEvent) else verdict.outcome
    if isinstance(verdict, Refused) and 0 in verdict.named:
        found = verdict.named[0]
    return outcome(CODES, "validated", found.detail) if found.kind is Kind.ACCEPTED else found


def _read_taken(response: Response, n: int) -> Verdict:
    taken = decode(response.body, _Taken)
    if taken is None or not taken.request_id:
        return Whole(outcome(CODES, "unreadable", "HTTP 200 without a request id"))
    plain = outcome(CODES, "ok", reference=taken.request_id)
    if not taken.field_warnings:
        return Whole(plain)
    notes: list[list[str]] = [[] for _ in range(n)]
    for warning in taken.field_warnings:
        index = _index(warning.field)
        for note in notes if index is None or index >= n else (notes[index],):
            note.append(_words(warning))
    return PerEvent(tuple(msgspec.structs.replace(plain, detail=clean("; ".join(note))) for note in notes))


def _read_status(response: Response, body: _Body) -> Verdict:
    words = body.error.message
    reasons = [key for detail in body.error.details if (key := known(detail.reason))]
    if response.status == 403:
        held = next((key for key in reasons if CODES[key].kind is Kind.HOLD), "PERMISSION_DENIED")
        return Whole(outcome(CODES, held, words, reference=_reference(body)))
    if response.status == 404:
        return Whole(outcome(CODES, "NOT_FOUND", words, reference=_reference(body)))
    if response.status == 409:
        return Whole(outcome(CODES, "ABORTED", words, reference=_reference(body)))
    return unknown_failure(CODES, response, f"{body.error.status} {words}")


def _read_refusal(body: _Body, n: int) -> Verdict:
    violations = [violation for detail in body.error.details for violation in detail.field_violations]
    if not violations:
        return _without_violations(body)
    judged = [(_index(violation.field), _judge(violation, body)) for violation in violations]
    whole = [found for index, found in judged if found.kind is Kind.HOLD or found.scope is Scope.DESTINATION]
    if whole:
        return Whole(_heaviest(whole))
    for violation, (_, found) in zip(violations, judged, strict=True):
        if violation.field.startswith("destinations"):
            return Whole(found)
    named: dict[int, Outcome] = {}
    for index, found in judged:
        if index is not None:
            named[index] = found if index not in named else _heaviest((named[index], found))
    if any(index >= n for index in named):
        named = {}
    return Refused(_heaviest([found for _, found in judged]), named)


def _without_violations(body: _Body) -> Verdict:
    reasons = [key for detail in body.error.details if (key := known(detail.reason))]
    code = next((key for key in reasons if key != "INVALID_ARGUMENT"), reasons[0] if reasons else "unexpected")
    found = outcome(CODES, code, body.error.message, reference=_reference(body))
    return Refused(found) if found.kind is Kind.REJECTED else Whole(found)


def _judge(violation: _FieldWarning, body: _Body) -> Outcome:
    """What one violation means. Outside the events only the action is the label's affair, the rest the connection's."""
    code = known(violation.reason) or "unexpected"
    if CODES[code].kind is not Kind.HOLD and code not in _OF_THE_ACTION and not _of_events(violation.field):
        code = "destination_invalid" if violation.field.startswith("destinations") else "request_invalid"
    return outcome(CODES, code, _words(violation), reference=_reference(body))


def _of_events(path: str) -> bool:
    return not path or path.startswith("events")


def _heaviest(found: Iterable[Outcome] | Sequence[Outcome]) -> Outcome:
    return max(found, key=lambda one: _WEIGHT.get(one.kind, 0))


def _index(path: str) -> int | None:
    """The event's position: the last `events[n]`, since the path begins with a doubled `events.events[n]`."""
    numbers = _INDEX.findall(path)
    return int(numbers[-1]) if numbers else None


def _words(violation: _FieldWarning) -> str:
    return " ".join(
        filter(None, (violation.reason, f"at {violation.field}" if violation.field else "", violation.description))
    )


def _reference(body: _Body | None) -> str:
    return next((detail.request_id for detail in body.error.details if detail.request_id), "") if body else ""
