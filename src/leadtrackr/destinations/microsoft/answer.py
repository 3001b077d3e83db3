"""Reading Microsoft's answers: errors by index beside what was taken, or one of two kinds of fault.

Sources: the API's pages on partial success and on faults, and the models of its REST SDKs. The list of errors is not in
the order of the request: only `Index` says which.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from leadtrackr.destinations.contract import Kind, Outcome, PerEvent, Refused, Response, Scope, Verdict, Whole
from leadtrackr.destinations.http_common import decode, outcome, retry_after_s, transport_failure, unknown_failure
from leadtrackr.destinations.microsoft.codes import CODES, known

_EXPIRED: Final = "token_expired"
_EXPIRED_WORDS: Final = b"authentication token expired"
"""What the older service says inside an answer that looks like a success."""
_WEIGHT: Final = {Kind.HOLD: 3, Kind.REJECTED: 2, Kind.RETRY: 1}


class _Error(msgspec.Struct, rename="pascal"):
    code: int = -1
    error_code: str | None = None
    message: str | None = None
    detail: str | None = None
    details: str | None = None
    index: int | None = None


class _Body(msgspec.Struct, rename="pascal"):
    partial_errors: list[_Error | None] | msgspec.UnsetType | None = msgspec.UNSET
    errors: list[_Error | None] | None = None
    batch_errors: list[_Error | None] | None = None
    operation_errors: list[_Error | None] | None = None
    tracking_id: str | None = None


def read(response: Response, n: int) -> Verdict:
    """The answer to n events."""
    body = decode(response.body, _Body)
    if body is None:
        return _read_other(response)
    general = [error for errors in (body.errors, body.operation_errors) for error in errors or () if error]
    batch = [error for error in body.batch_errors or () if error]
    if general or batch:
        return _read_fault(response, general, batch, n, body.tracking_id or "")
    if response.status == 200 and not isinstance(body.partial_errors, msgspec.UnsetType):
        return _read_partial([error for error in body.partial_errors or () if error], n)
    return _read_other(response)


def read_check(response: Response) -> Outcome:
    """Whether Microsoft got as far as finding the list empty."""
    verdict = read(response, 1)
    found = verdict.outcomes[0] if isinstance(verdict, PerEvent) else verdict.outcome
    return outcome(CODES, "check_ok") if found.code in ("ok", "5600") else found


def fault_of(response: Response) -> Outcome | None:
    """Why a question about accounts was not answered; None when it was."""
    body = decode(response.body, _Body) or _Body()
    listed = (body.errors, body.operation_errors, body.batch_errors)
    found = [_outcome(error, body.tracking_id or "") for errors in listed for error in errors or () if error]
    if not found and response.status == 200:
        return None
    worst = _heaviest(found) if found else outcome(CODES, "listing_refused", f"HTTP {response.status}")
    if worst.code not in ("unexpected", "listing_refused"):
        return worst
    plain = _by_status(response, worst.detail, worst.reference)
    return plain or outcome(CODES, "listing_refused", worst.detail)


def _read_partial(errors: Sequence[_Error], n: int) -> Verdict:
    by_index: dict[int, Outcome] = {}
    strays: list[Outcome] = []
    for error in errors:
        found = _outcome(error)
        if found.code == _EXPIRED:
            return Whole(found)
        if error.index is None or not 0 <= error.index < n:
            strays.append(found)
        else:
            by_index[error.index] = _heavier(by_index.get(error.index), found)
    if strays:
        # Which event is meant is not known. All may be sent again: what was taken is not counted twice.
        worst = _heaviest(strays)
        return Refused(worst) if worst.kind is Kind.REJECTED else Whole(worst)
    good = outcome(CODES, "ok")
    return PerEvent(tuple(by_index.get(index, good) for index in range(n)))


def _read_fault(
    response: Response, general: Sequence[_Error], batch: Sequence[_Error], n: int, reference: str
) -> Verdict:
    """Nothing was taken. Errors of single events are pinned on them only when there is no other."""
    named = [(error.index, _outcome(error, reference)) for error in batch]
    found = [*(_outcome(error, reference) for error in general), *(one for _, one in named)]
    worst = _heaviest(found)
    if worst.code == "unexpected" and (plain := _by_status(response, worst.detail, reference)) is not None:
        return Whole(plain)
    if worst.code == _EXPIRED or worst.scope is Scope.DESTINATION:
        pause = retry_after_s(response) if worst.kind is Kind.RETRY else None
        return Whole(worst if pause is None else msgspec.structs.replace(worst, retry_after_s=pause))
    if not general and all(index is not None and 0 <= index < n for index, _ in named):
        pinned: dict[int, Outcome] = {}
        for index, one in named:
            pinned[index or 0] = _heavier(pinned.get(index or 0), one)
        return Refused(worst, pinned)
    return Refused(worst) if worst.kind is Kind.REJECTED else Whole(worst)


def _read_other(response: Response) -> Verdict:
    """An answer that is neither a list of errors nor a fault."""
    if _EXPIRED_WORDS in response.body.lower():
        return Whole(outcome(CODES, _EXPIRED, f"HTTP {response.status}"))
    if (plain := _by_status(response, "", "")) is not None:
        return Whole(plain)
    return unknown_failure(CODES, response)


def _by_status(response: Response, words: str, reference: str) -> Outcome | None:
    """What the status alone says; None for those that say nothing."""
    key = {401: _EXPIRED, 403: "106", 404: "version_gone", 410: "version_gone"}.get(response.status)
    if key is not None:
        return outcome(CODES, key, words or f"HTTP {response.status}", reference=reference)
    return transport_failure(CODES, response, words, reference)


def _outcome(error: _Error, reference: str = "") -> Outcome:
    symbol = error.error_code or ""
    words = (str(error.code), symbol, error.message, error.detail, error.details)
    key = known(error.code, symbol) or "unexpected"
    return outcome(CODES, key, " ".join(filter(None, words)), reference=reference)


def _heavier(one: Outcome | None, other: Outcome) -> Outcome:
    return other if one is None else _heaviest((one, other))


def _heaviest(found: Sequence[Outcome]) -> Outcome:
    """An expired token first, since nothing else is certain then; of equal ones the first."""
    return max(found, key=lambda one: 9 if one.code == _EXPIRED else _WEIGHT.get(one.kind, 0))
