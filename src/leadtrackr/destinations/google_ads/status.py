"""What became of a request hours later: the Data Manager API's `requestStatus:retrieve`.

Sources: the API's page "Diagnostics" and its reference of the method (record indices count from 0, since v1.9). The
JSON type of counts and indices and a cap on the lists are not documented, so nothing is pinned on an event unless the
counts and the indices agree.
"""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

import msgspec

from leadtrackr.destinations.contract import (
    Kind,
    Known,
    NeverKnown,
    NotYet,
    OnlyCounts,
    Outcome,
    Request,
    Response,
    Settings,
    StatusAnswer,
    StatusPoll,
    Whole,
)
from leadtrackr.destinations.google_ads.answer import read as read_ingest
from leadtrackr.destinations.google_ads.codes import CODES
from leadtrackr.destinations.google_ads.processing import PROCESSING, P
from leadtrackr.destinations.http_common import decode, outcome
from leadtrackr.kit.clock import DAY, HOUR, MINUTE, SECOND

URL: Final = "https://datamanager.googleapis.com/v1/requestStatus:retrieve"
_GIVEN_UP: Final = "status_unknown"
_FAILED: Final = frozenset({"FAILED", "FAILURE"})
"""The enum's word and the prose's."""
_DONE: Final = _FAILED | {"SUCCESS", "PARTIAL_SUCCESS"}
_RUNNING: Final = frozenset({"PROCESSING", "REQUEST_STATUS_UNKNOWN"})
_HOURS: Final = HOUR / SECOND


class _Count(msgspec.Struct, rename="camel"):
    reason: str = ""
    record_count: object = None
    record_indices: object = None


class _Errors(msgspec.Struct, rename="camel"):
    error_counts: list[_Count] = []


class _Warnings(msgspec.Struct, rename="camel"):
    warning_counts: list[_Count] = []


class _Ingested(msgspec.Struct, rename="camel"):
    record_count: object = None


class _Status(msgspec.Struct, rename="camel"):
    request_status: str
    events_ingestion_status: _Ingested | None = None
    error_info: _Errors | None = None
    warning_info: _Warnings | None = None


class _Answer(msgspec.Struct, rename="camel"):
    request_status_per_destination: list[_Status]


class _Tally(msgspec.Struct):
    """One reason: how many events it has, and which; None where Google did not say so, or not in figures."""

    count: int | None
    indices: list[int] | None


def request(reference: str, _settings: Settings, token: str | None) -> Request:
    """Asks about one request by the id that Google gave it."""
    return Request(
        service="google_ads",
        url=f"{URL}?{urlencode({'requestId': reference})}",
        method="GET",
        headers={"authorization": f"Bearer {token}"},
    )


def read(response: Response, n: int) -> StatusAnswer:
    """The answer about a request of n events for one destination."""
    if response.status != 200:
        return _read_failure(response)
    answer = decode(response.body, _Answer)
    if answer is None or not answer.request_status_per_destination:
        return NotYet(outcome(CODES, "unreadable", "HTTP 200 without a status"))
    listed = answer.request_status_per_destination
    if any(one.request_status in _RUNNING for one in listed):
        return NotYet()
    ours = [one for one in listed if _is_of(one, n, alone=len(listed) == 1)]
    if len(ours) != 1:
        return _never(f"Google lists {len(listed)} destinations, of which {len(ours)} have {n} events")
    if ours[0].request_status not in _DONE:
        return NotYet(outcome(CODES, "unreadable", ours[0].request_status))
    return _read_done(ours[0], n)


def _read_failure(response: Response) -> StatusAnswer:
    """Passing trouble and what a person has to mend leave the question open; any other refusal ends it."""
    verdict = read_ingest(response, 1)
    if isinstance(verdict, Whole) and verdict.outcome.kind is not Kind.REJECTED and response.status not in (400, 404):
        return NotYet(verdict.outcome)
    return _never(f"HTTP {response.status}")


def _is_of(one: _Status, n: int, *, alone: bool) -> bool:
    """Whether a status can be that of our request; only a single one may leave out its number of events."""
    if one.events_ingestion_status is None or one.events_ingestion_status.record_count is None:
        return alone
    return _number(one.events_ingestion_status.record_count) == n


def _read_done(one: _Status, n: int) -> StatusAnswer:
    tallies = _tallies(one.error_info.error_counts if one.error_info else [])
    notes = _notes(one.warning_info.warning_counts if one.warning_info else [], n)
    failed = one.request_status in _FAILED
    if not tallies and one.request_status == "SUCCESS":
        return Known(tuple(outcome(CODES, "processed", notes[index]) for index in range(n)))
    if failed and len(tallies) == 1 and all(tally.count == n for tally in tallies.values()):
        placed = dict.fromkeys(range(n), next(iter(tallies)))
    else:
        found = _placed(tallies, n)
        if not found or (failed and len(found) != n):
            return _counts(tallies, n, failed=failed)
        placed = found
    return Known(tuple(_outcome(placed.get(index), notes[index]) for index in range(n)))


def _placed(tallies: Mapping[str, _Tally], n: int) -> dict[int, str] | None:
    """The reason by index, or None unless every reason names as many events as it counts, all different."""
    placed: dict[int, str] = {}
    for reason, tally in tallies.items():
        if tally.indices is None or tally.count != len(tally.indices):
            return None
        for index in tally.indices:
            if index in placed or index >= n:
                return None
            placed[index] = reason
    return placed


def _counts(tallies: Mapping[str, _Tally], n: int, *, failed: bool) -> StatusAnswer:
    counts: dict[str, int] = {}
    for reason, tally in tallies.items():
        if tally.count is None:
            return _never(f"{reason} without a number of events")
        counts[_code(reason)] = counts.get(_code(reason), 0) + tally.count
    if not counts and not failed:
        return _never("PARTIAL_SUCCESS without reasons")
    there = min(sum(count for code, count in counts.items() if CODES[code].kind is Kind.CONFIRMED), n)
    refused = n - there if failed else min(sum(counts.values()) - there, n)
    words = "; ".join(f"{tally.count} × {reason}" for reason, tally in tallies.items()) or "no reason given"
    return OnlyCounts(
        accepted=n - refused,
        refused=refused,
        reasons=counts,
        outcome=outcome(CODES, "status_counts", f"{refused} of {n} not taken: {words}"),
    )


def _outcome(reason: str | None, note: str) -> Outcome:
    if reason is None:
        return outcome(CODES, "processed", note)
    code = _code(reason)
    return outcome(CODES, code, "; ".join(filter(None, (reason if code == "unexpected" else "", note))))


def _code(reason: str) -> str:
    """The table's key for a reason, which most have a prefix before; `unexpected` for a new one."""
    return next((key for key in (reason, P + reason) if key in PROCESSING), "unexpected")


def _tallies(counts: list[_Count]) -> dict[str, _Tally]:
    """By reason, those of no event left out; a reason that comes twice is added up."""
    found: dict[str, _Tally] = {}
    for one in counts:
        tally = _Tally(_number(one.record_count), _numbers(one.record_indices))
        if tally.count == 0 and not one.record_indices:
            continue
        before = found.get(one.reason)
        found[one.reason] = tally if before is None else _sum(before, tally)
    return found


def _sum(one: _Tally, other: _Tally) -> _Tally:
    return _Tally(
        None if one.count is None or other.count is None else one.count + other.count,
        None if one.indices is None or other.indices is None else one.indices + other.indices,
    )


def _notes(counts: list[_Count], n: int) -> list[str]:
    """Warnings by index; those that name no events beyond doubt are noted on each as the request's."""
    notes: list[list[str]] = [[] for _ in range(n)]
    for reason, tally in _tallies(counts).items():
        placed = _placed({reason: tally}, n)
        for index in range(n) if placed is None else placed:
            notes[index].append(reason if placed is not None else f"somewhere in the request: {reason}")
    return ["; ".join(note) for note in notes]


def _never(words: str) -> NeverKnown:
    return NeverKnown(outcome(CODES, _GIVEN_UP, words))


def _numbers(values: object) -> list[int] | None:
    """Positions, as numbers or as text; None when there is no list, or when one of them is no position."""
    if not isinstance(values, list):
        return None
    found = [number for value in values if (number := _number(value)) is not None]
    return found if len(found) == len(values) else None


def _number(value: object) -> int | None:
    """A number from 0 on, as proto3 JSON writes it: a number, or digits in a string."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 18:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


GOOGLE_STATUS: Final = StatusPoll(
    request=request,
    read=read,
    first_after_s=30 * MINUTE / SECOND,
    again_after_s=tuple(hours * _HOURS for hours in (0.5, 1, 2, 4, 8)),
    give_up_after_s=DAY / SECOND,
    given_up=_GIVEN_UP,
)
"""Google says to wait half an hour and then to ask less and less often; processing may take a day."""
