"""Reading Snapchat's answers: a status and words for the request as a whole, no result by event."""

import msgspec

from leadtrackr.destinations.contract import Outcome, Refused, Response, Verdict, Whole
from leadtrackr.destinations.http_common import decode, outcome, transport_failure, unknown_failure
from leadtrackr.destinations.snapchat.codes import CODES

_HELD = (401, 403, 404)


class _Errors(msgspec.Struct):
    codes: list[str] | None = None
    error_msgs: list[str] | None = None


class _Log(msgspec.Struct):
    errors: _Errors | None = None
    warnings: list[str] | None = None


class _Answer(msgspec.Struct):
    status: str | None = None
    reason: str | None = None
    errors: _Errors | None = None
    event_logs: list[_Log] | None = None


def read(response: Response, _n: int) -> Verdict:
    """The answer to a request; a refusal speaks of some event and does not say clearly of which."""
    answer = decode(response.body, _Answer)
    words = _words(answer) if answer else ""
    if response.status == 200:
        if answer is None:
            return Whole(outcome(CODES, "unreadable", "HTTP 200 without a status"))
        invalid = (answer.status or "").upper() in ("INVALID", "FAILURE", "FAILED")
        return Refused(outcome(CODES, "INVALID", words)) if invalid else Whole(outcome(CODES, "ok", words))
    if failure := transport_failure(CODES, response, words):
        return Whole(failure)
    if response.status in _HELD:
        return Whole(outcome(CODES, f"http_{response.status}", words))
    if response.status == 400 and answer is not None:
        return Refused(outcome(CODES, "INVALID", words))
    return unknown_failure(CODES, response, words)


def read_validation(response: Response) -> Outcome:
    """What Snapchat's test tool says to one event."""
    found = _outcome(read(response, 1))
    return outcome(CODES, "test_ok", found.detail) if found.code == "ok" else found


def read_check(response: Response) -> Outcome:
    """Whether Snapchat showed the numbers of the pixel's test events."""
    found = _outcome(read(response, 1))
    if found.code == "INVALID":
        return outcome(CODES, "FAILURE", found.detail)
    return outcome(CODES, "check_ok") if found.code == "ok" else found


def _outcome(verdict: Verdict) -> Outcome:
    return verdict.outcome if isinstance(verdict, Refused | Whole) else verdict.outcomes[0]


def _words(answer: _Answer) -> str:
    """All that is said, of the request and of its events."""
    parts = [answer.reason or ""]
    for errors in (answer.errors, *(log.errors for log in answer.event_logs or ())):
        if errors is not None:
            parts += [*(errors.codes or ()), *(errors.error_msgs or ())]
    for log in answer.event_logs or ():
        parts += log.warnings or ()
    return " ".join(filter(None, parts))
