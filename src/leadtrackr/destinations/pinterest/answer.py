"""Reading Pinterest's answers: a list with the result of each event, in the order of the request."""

import re
from typing import Final

import msgspec

from leadtrackr.destinations.contract import Kind, Outcome, PerEvent, Refused, Response, Verdict, Whole
from leadtrackr.destinations.http_common import (
    LONGEST_PAUSE_S,
    decode,
    outcome,
    transport_failure,
    unknown_failure,
)
from leadtrackr.destinations.pinterest.codes import CODES

_SECONDS: Final = re.compile(r"\d{1,6}")


class _One(msgspec.Struct):
    status: str = ""
    error_message: str | None = None
    warning_message: str | None = None


class _Taken(msgspec.Struct):
    num_events_received: int
    num_events_processed: int
    events: list[_One] | None = None


class _Error(msgspec.Struct):
    code: int | str
    message: str = ""


def read(response: Response, n: int) -> Verdict:
    """The answer to n events. A part may come with HTTP 200 or 422; the list of results is the same."""
    taken = decode(response.body, _Taken) if response.status in (200, 422) else None
    if taken is None:
        return _read_error(response)
    if taken.events and len(taken.events) == n:
        return PerEvent(tuple([_one(event) for event in taken.events]))
    if taken.events:
        return Whole(outcome(CODES, "unreadable", f"results of {len(taken.events)} events for {n}"))
    if taken.num_events_processed >= n:
        return Whole(outcome(CODES, "ok"))
    # Fewer than sent, and not which: halves find them, and the others are counted once under the same event id.
    return Refused(outcome(CODES, "not_processed", f"{taken.num_events_processed} of {n} processed"))


def read_check(response: Response) -> Outcome:
    """Whether Pinterest looked at the made-up event; what it thinks of that says nothing of the connection."""
    if response.status in (200, 422) and decode(response.body, _Taken) is not None:
        return outcome(CODES, "check_ok")
    return _read_error(response).outcome


def read_validation(response: Response) -> Outcome:
    """What Pinterest says to one event that it does not record."""
    verdict = read(response, 1)
    found = verdict.outcomes[0] if isinstance(verdict, PerEvent) else verdict.outcome
    return outcome(CODES, "test_ok", found.detail) if found.kind is Kind.ACCEPTED else found


def _one(event: _One) -> Outcome:
    if event.error_message or event.status == "failed":
        return outcome(CODES, "failed", event.error_message or "")
    if event.status != "processed":
        return outcome(CODES, "unreadable", f"status {event.status}")
    return outcome(CODES, "warned" if event.warning_message else "ok", event.warning_message or "")


def _read_error(response: Response) -> Refused | Whole:
    error = decode(response.body, _Error)
    words = f"{error.code} {error.message}" if error else ""
    if failure := transport_failure(CODES, response, words):
        pause = _reset_s(response) if failure.retry_after_s is None and failure.code == "rate_limited" else None
        return Whole(outcome(CODES, failure.code, failure.detail, pause_s=pause) if pause is not None else failure)
    key = f"http_{response.status}"
    if key not in CODES:
        return unknown_failure(CODES, response, words)
    found = outcome(CODES, key, words)
    return Refused(found) if found.kind is Kind.REJECTED else Whole(found)


def _reset_s(response: Response) -> float | None:
    """The seconds of `x-ratelimit-reset`; a number that is larger than a day's is no pause."""
    value = response.headers.get("x-ratelimit-reset", "")
    pause = float(value) if _SECONDS.fullmatch(value) else None
    return pause if pause is not None and pause <= LONGEST_PAUSE_S else None
