"""Reading Meta's answers: all or nothing, without a word on which event is at fault."""

from typing import Final

import msgspec

from leadtrackr.destinations.contract import Kind, Outcome, Refused, Response, Verdict, Whole
from leadtrackr.destinations.http_common import decode, outcome, retry_after_s, transport_failure, unknown_failure
from leadtrackr.destinations.meta.codes import CODES, known

_BY_STATUS: Final = {401: "190", 403: "10"}
"""What a status says when the code in the body is new: hold rather than reject."""


class _Taken(msgspec.Struct):
    events_received: int
    messages: list[object] = []
    fbtrace_id: str = ""


class _Error(msgspec.Struct):
    code: int
    message: str | None = None
    error_subcode: int | None = None
    is_transient: bool | None = None
    error_user_title: str | None = None
    fbtrace_id: str | None = None


class _Body(msgspec.Struct):
    error: _Error


def read(response: Response, n: int) -> Verdict:
    """The answer to n events. Meta takes all or nothing and does not say which event is at fault."""
    if response.status != 200:
        return _read_error(response)
    taken = decode(response.body, _Taken)
    if taken is None:
        return Whole(outcome(CODES, "unreadable", "HTTP 200 without a number of events"))
    words = " ".join(str(message) for message in taken.messages)
    if taken.events_received >= n:
        return Whole(outcome(CODES, "ok", words, reference=taken.fbtrace_id))
    # Fewer than sent, and not which: no outcome may be pinned on any event. Sending in halves finds the missing ones;
    # the others are counted once, since the event id is the same and it happens within Meta's 48 hours.
    detail = f"{taken.events_received} of {n} received {words}"
    return Refused(outcome(CODES, "not_received", detail, reference=taken.fbtrace_id))


def _read_error(response: Response) -> Refused | Whole:
    body = decode(response.body, _Body)
    if body is None:
        if failure := transport_failure(CODES, response):
            return Whole(failure)
        key = _BY_STATUS.get(response.status)
        return Whole(outcome(CODES, key, f"HTTP {response.status}")) if key else unknown_failure(CODES, response)
    error = body.error
    words = f"{error.code}{f'/{error.error_subcode}' if error.error_subcode else ''} {error.error_user_title or ''} "
    words += error.message or ""
    key = known(error.code, error.error_subcode)
    if key is None or CODES[key].kind is Kind.REJECTED:
        if error.is_transient:
            key = "transient"
        elif failure := transport_failure(CODES, response, words, error.fbtrace_id or ""):
            return Whole(failure)
        else:
            key = key or _BY_STATUS.get(response.status)
    if key is None:
        return unknown_failure(CODES, response, words)
    pause = retry_after_s(response) if CODES[key].kind is Kind.RETRY else None
    found = outcome(CODES, key, words, reference=error.fbtrace_id or "", pause_s=pause)
    return Refused(found) if found.kind is Kind.REJECTED else Whole(found)


class _Dataset(msgspec.Struct):
    id: str


def read_check(response: Response) -> Outcome:
    """Whether Meta showed the dataset."""
    if response.status != 200:
        return _read_error(response).outcome
    return outcome(CODES, "unreadable" if decode(response.body, _Dataset) is None else "check_ok")
