"""Reading the Google Ads API's answers to uploads: one outcome for each row, by its index.

Source: google.rpc.Status with GoogleAdsFailure as in googleapis google/ads/googleads/v25/errors/errors.proto.
"""

import re
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from leadtrackr.destinations.contract import Kind, Outcome, PerEvent, Refused, Response, Scope, Verdict, Whole
from leadtrackr.destinations.google_ads_legacy.codes import CODES, known
from leadtrackr.destinations.http_common import decode, outcome, retry_after_s, transport_failure, unknown_failure

_ROWS: Final = frozenset({"conversions", "conversion_adjustments"})
_DELAY: Final = re.compile(r"(\d{1,6})(?:\.\d+)?s")
_WEIGHT: Final = {Kind.CONFIRMED: 3, Kind.HOLD: 2, Kind.REJECTED: 1}
_OF_THE_SAMPLE: Final = frozenset(
    {
        *("NO_CONVERSION_ACTION_FOUND", "INVALID_CONVERSION_ACTION_TYPE", "TOO_RECENT_CONVERSION_ACTION"),
        *("UNPARSEABLE_GCLID", "EVENT_NOT_FOUND", "EXPIRED_EVENT", "UNAUTHORIZED_CUSTOMER"),
        *("INVALID_CUSTOMER_FOR_CLICK", "CONVERSION_PRECEDES_EVENT", "date", "CLICK_CONVERSION_ALREADY_EXISTS"),
        "ORDER_ID_ALREADY_IN_USE",
    }
)


class _Element(msgspec.Struct, rename="camel"):
    field_name: str = ""
    index: int | None = None


class _Location(msgspec.Struct, rename="camel"):
    field_path_elements: list[_Element] = []


class _Quota(msgspec.Struct, rename="camel"):
    retry_delay: str = ""


class _More(msgspec.Struct, rename="camel"):
    quota_error_details: _Quota | None = None


class _Fault(msgspec.Struct, rename="camel"):
    error_code: dict[str, str] = {}
    message: str = ""
    location: _Location | None = None
    details: _More | None = None


class _Detail(msgspec.Struct, rename="camel"):
    errors: list[_Fault] = []
    request_id: str = ""
    reason: str = ""


class _Status(msgspec.Struct):
    message: str = ""
    details: list[_Detail] = []


class _Taken(msgspec.Struct, rename="camel"):
    results: list[dict[str, Any]] = []
    partial_failure_error: _Status | None = None


class _Refusal(msgspec.Struct):
    error: _Status


def read(response: Response, n: int) -> Verdict:
    """The answer to n rows. Nothing is pinned on a row that the answer does not name beyond doubt."""
    if response.status != 200:
        return _read_refusal(response, n)
    taken = decode(response.body, _Taken)
    if taken is None:
        return Whole(outcome(CODES, "unreadable", "HTTP 200 without rows"))
    faults = _faults(taken.partial_failure_error)
    reference = _reference(taken.partial_failure_error, response)
    judged = _by_row(faults, n, reference)
    if isinstance(judged, Outcome):
        return Whole(judged)
    if taken.partial_failure_error is not None and not judged:
        return Whole(outcome(CODES, "unreadable", taken.partial_failure_error.message, reference=reference))
    rows = taken.results or ([{}] * n if len(judged) == n else [])
    # A row is either echoed or at fault; anything else is an answer that nobody understands.
    if len(rows) != n or any(bool(row) == (place in judged) for place, row in enumerate(rows)):
        return Whole(outcome(CODES, "unreadable", "rows and errors do not agree", reference=reference))
    fine = outcome(CODES, "ok", reference=reference)
    found = tuple([judged.get(place, fine) for place in range(n)])
    if len({one.code for one in found}) == 1 and found[0].scope is Scope.DESTINATION:
        return Whole(found[0])
    return PerEvent(found)


def read_check(response: Response) -> Outcome:
    """The answer to the sample: a complaint about its made-up click and action shows that the rest is right."""
    found = _looked_at(response)
    return outcome(CODES, "check_ok") if found is None or found.code in _OF_THE_SAMPLE else found


def read_validation(response: Response) -> Outcome:
    """The answer to one row under `validateOnly`."""
    found = _looked_at(response)
    return outcome(CODES, "validated") if found is None else found


def _looked_at(response: Response) -> Outcome | None:
    """What was found wrong with the one row of a request that only asks; None when nothing was."""
    if response.status != 200:
        verdict = _read_refusal(response, 1)
        return verdict.named.get(0, verdict.outcome) if isinstance(verdict, Refused) else verdict.outcome
    taken = decode(response.body, _Taken)
    if taken is None:
        return outcome(CODES, "unreadable")
    reference = _reference(taken.partial_failure_error, response)
    judged = _by_row(_faults(taken.partial_failure_error), 1, reference)
    if isinstance(judged, Outcome):
        return judged
    if taken.partial_failure_error is not None and not judged:
        return outcome(CODES, "unreadable", taken.partial_failure_error.message)
    return judged.get(0)


def _by_row(faults: list[_Fault], n: int, reference: str) -> dict[int, Outcome] | Outcome:
    """The weightiest error of each row; one outcome for all when an error names no row, or one that is not there."""
    judged: dict[int, Outcome] = {}
    for one in faults:
        found, place = _judge(one, reference), _place(one)
        if place is None and n == 1:
            place = 0
        if place is None or not 0 <= place < n:
            whole = found.kind is Kind.HOLD or found.scope is Scope.DESTINATION
            return found if whole else outcome(CODES, "unreadable", found.detail, reference=reference)
        judged[place] = _heaviest([*([judged[place]] if place in judged else []), found])
    return judged


def _read_refusal(response: Response, n: int) -> Refused | Whole:
    body = decode(response.body, _Refusal)
    status = None if body is None else body.error
    words, reference = ("" if status is None else status.message), _reference(status, response)
    found = [_judge(one, reference, response) for one in _faults(status)]
    reasons = [detail.reason for detail in status.details] if status else []
    found += [outcome(CODES, key, words, reference=reference) for reason in reasons if (key := known("", reason))]
    if told := [one for one in found if one.code != "unexpected"]:
        return _refused(_heaviest(told), _faults(status), n, reference)
    if response.status == 401:
        return Whole(outcome(CODES, "token_expired", words, reference=reference))
    if failure := transport_failure(CODES, response, words, reference):
        return Whole(failure)
    key = {403: "USER_PERMISSION_DENIED", 404: "version_retired"}.get(response.status)
    return Whole(outcome(CODES, key, words, reference=reference)) if key else unknown_failure(CODES, response, words)


def _refused(heaviest: Outcome, faults: list[_Fault], n: int, reference: str) -> Refused | Whole:
    if heaviest.kind is not Kind.REJECTED:
        return Whole(heaviest)
    judged = _by_row(faults, n, reference) if all(_place(one) is not None for one in faults) else {}
    return Refused(heaviest, judged if isinstance(judged, dict) else {})


def _judge(one: _Fault, reference: str, response: Response | None = None) -> Outcome:
    kind, name = next(iter(one.error_code.items()), ("", ""))
    key = known(kind, name) or "unexpected"
    pause = _pause(one, response) if CODES[key].kind is Kind.RETRY and CODES[key].scope is Scope.DESTINATION else None
    return outcome(CODES, key, f"{name} {one.message}", reference=reference, pause_s=pause)


def _pause(one: _Fault, response: Response | None) -> float | None:
    quota = one.details.quota_error_details if one.details else None
    delay = _DELAY.fullmatch(quota.retry_delay) if quota else None
    if delay:
        return float(delay[1])
    return retry_after_s(response) if response else None


def _place(one: _Fault) -> int | None:
    path = one.location.field_path_elements if one.location else []
    return next((element.index for element in path if element.field_name in _ROWS), None)


def _faults(status: _Status | None) -> list[_Fault]:
    return [one for detail in status.details for one in detail.errors] if status else []


def _heaviest(found: Iterable[Outcome]) -> Outcome:
    return max(found, key=lambda one: _WEIGHT.get(one.kind, 0))


def _reference(status: _Status | None, response: Response) -> str:
    said = next((detail.request_id for detail in status.details if detail.request_id), "") if status else ""
    return said or response.headers.get("request-id", "")
