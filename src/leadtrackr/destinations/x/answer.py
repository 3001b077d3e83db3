"""Reading X's answers: a request succeeds when no conversion in it is at fault, or not at all."""

import msgspec

from leadtrackr.destinations.contract import Kind, Outcome, Refused, Response, Verdict, Whole
from leadtrackr.destinations.http_common import (
    LONGEST_PAUSE_S,
    answered_at,
    decode,
    outcome,
    retry_after_s,
    transport_failure,
    unknown_failure,
)
from leadtrackr.destinations.x.codes import BY_CODE, CODES
from leadtrackr.kit.clock import SECOND


class _Data(msgspec.Struct):
    conversions_processed: int | None = None
    debug_id: str | None = None


class _Taken(msgspec.Struct):
    data: _Data


class _Error(msgspec.Struct):
    code: str | int = ""
    message: str | None = None
    parameter: str | None = None


class _Errors(msgspec.Struct):
    errors: list[_Error]


class _Accounts(msgspec.Struct):
    data: list[object]


def read(response: Response, n: int) -> Verdict:
    """The answer to n conversions."""
    if response.status != 200:
        return _read_error(response)
    taken = decode(response.body, _Taken)
    if taken is None:
        return Whole(outcome(CODES, "unreadable", "HTTP 200 without data"))
    processed, reference = taken.data.conversions_processed, taken.data.debug_id or ""
    if processed is None or processed >= n:
        return Whole(outcome(CODES, "ok", reference=reference))
    # Fewer than sent, and not which: halves find them, and the others are told as repeats by their conversion id.
    return Refused(outcome(CODES, "not_processed", f"{processed} of {n} processed", reference=reference))


def read_check(response: Response) -> Outcome:
    """Whether X listed the accounts of the keys."""
    if response.status != 200:
        return _read_error(response).outcome
    return outcome(CODES, "unreadable" if decode(response.body, _Accounts) is None else "check_ok")


def _read_error(response: Response) -> Refused | Whole:
    body = decode(response.body, _Errors)
    errors = body.errors if body else []
    words = " ".join(f"{each.code} {each.parameter or ''} {each.message or ''}" for each in errors)
    key = next((BY_CODE[str(each.code)] for each in errors if str(each.code) in BY_CODE), None)
    if key is None:
        if failure := transport_failure(CODES, response, words):
            key = failure.code
        elif (key := f"http_{response.status}") not in CODES:
            return unknown_failure(CODES, response, words)
    pause = _pause_s(response) if CODES[key].kind is Kind.RETRY else None
    found = outcome(CODES, key, words or f"HTTP {response.status}", pause_s=pause)
    return Refused(found) if found.kind is Kind.REJECTED else Whole(found)


def _pause_s(response: Response) -> float | None:
    """`Retry-After`, or the time at which X says that its limit is open again, in seconds since the epoch."""
    if (asked := retry_after_s(response)) is not None:
        return asked
    reset, now = response.headers.get("x-rate-limit-reset", ""), answered_at(response)
    if now is None or not (reset.isascii() and reset.isdigit() and len(reset) <= 12):
        return None
    return min(max(0.0, int(reset) - now / SECOND), LONGEST_PAUSE_S)
