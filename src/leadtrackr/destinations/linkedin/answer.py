"""Reading LinkedIn's answers: one invalid event refuses them all, and the words say which; a success is per event."""

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from leadtrackr.destinations.contract import Outcome, Refused, Response, Verdict, Whole, by_index
from leadtrackr.destinations.http_common import decode, outcome, transport_failure, unknown_failure
from leadtrackr.destinations.linkedin.codes import CODES

_TOKENS: Final = {
    "INVALID_ACCESS_TOKEN": "65600",
    "REVOKED_ACCESS_TOKEN": "65601",
    "EXPIRED_ACCESS_TOKEN": "EXPIRED_ACCESS_TOKEN",
}
_OF_REQUEST: Final = ("NONEXISTENT_VERSION", "VERSION_MISSING")
_BY_WORDS: Final = (
    ("within 90 days", "too_old"),
    ("method should be", "rule_not_capi"),
    ("marked as deleted", "rule_deleted"),
    ("enabled should be true", "rule_deleted"),
)
_INDICES: Final = re.compile(r"\bindices\s*\[([\d,\s]*)\]")
_NUMBER: Final = re.compile(r"\d{1,6}")
_EVENT: Final = re.compile(r"\bIndex:\s*(\d{1,6}),")
_ECHOED: Final = re.compile(r'"[^"\n]*"')


class _Body(msgspec.Struct, rename="camel"):
    message: str | None = None
    code: str | None = None
    service_error_code: int | None = None


class _Element(msgspec.Struct):
    status: int
    error: _Body | None = None


class _Taken(msgspec.Struct):
    elements: list[_Element]


def read(response: Response, n: int) -> Verdict:
    """The answer to n events. With HTTP 200 each event has a status of its own, and only 2xx is a success."""
    if response.status == 201 and n == 1:
        return Whole(_ok(response))
    if response.status != 200:
        return _refusal(response)
    taken = decode(response.body, _Taken)
    if taken is None:
        return Whole(outcome(CODES, "unreadable", "HTTP 200 without elements"))
    unclear = outcome(CODES, "unreadable", f"{len(taken.elements)} statuses for {n} conversions")
    return by_index(n, enumerate(_element(one, response) for one in taken.elements), unclear)


def _ok(response: Response) -> Outcome:
    return outcome(CODES, "ok", reference=response.headers.get("x-li-uuid", ""))


def _element(element: _Element, response: Response) -> Outcome:
    """What one status of a batch means: as if it had been the answer to this event alone."""
    if 200 <= element.status < 300:
        return _ok(response)
    body = element.error or _Body()
    words = f"{element.status} {_tidy(body.message)}"
    if element.status == 429 or element.status == 408 or element.status >= 500:
        return outcome(CODES, "rate_limited" if element.status == 429 else "server_error", words)
    key = _of_request(element.status, body)
    if key is None and element.status in (400, 422):
        key = "422" if element.status == 422 else _by_words(body.message or "")
    return outcome(CODES, key or "element_failed", words)


def _refusal(response: Response) -> Refused | Whole:
    body = decode(response.body, _Body) or _Body()
    if key := _of_request(response.status, body):
        return Whole(outcome(CODES, key, f"{body.code or response.status} {_tidy(body.message)}"))
    if failure := transport_failure(CODES, response, _tidy(body.message)):
        return Whole(failure)
    message = body.message or ""
    if response.status == 422:
        named = {index: outcome(CODES, "422", words) for index, words in _by_event(message)}
        return Refused(outcome(CODES, "422", _tidy(message)), named)
    if response.status == 400 and message:
        refusal = outcome(CODES, _by_words(message), _tidy(message))
        return Refused(refusal, dict.fromkeys(_indices(message), refusal))
    return unknown_failure(CODES, response, _tidy(message))


def _of_request(status: int, body: _Body) -> str | None:
    """The row for what speaks of the connection and not of an event."""
    if body.code in _OF_REQUEST:
        return body.code
    if status == 401:
        numbered = str(body.service_error_code)
        return numbered if numbered in _TOKENS.values() else _TOKENS.get(body.code or "", "401")
    if status == 403:
        return "no_ad_accounts" if "No ad accounts found" in (body.message or "") else "403"
    return {423: "423", 426: "NONEXISTENT_VERSION"}.get(status)


def _by_words(message: str) -> str:
    return next((key for words, key in _BY_WORDS if words in message), "400")


def _indices(message: str) -> list[int]:
    """The places that a 400 names: `indices [0, 3] (0-indexed)`."""
    return [int(number) for found in _INDICES.finditer(message) for number in _NUMBER.findall(found[1])]


def _by_event(message: str) -> Iterator[tuple[int, str]]:
    """Each event that a 422 names, with its own lines: `Index: 3, ERROR :: …`, then lines without an index."""
    places = list(_EVENT.finditer(message))
    ends = [place.start() for place in places[1:]] + [len(message)]
    for place, end in zip(places, ends, strict=False):
        yield int(place[1]), _tidy(message[place.end() : end])


def _tidy(message: str | None) -> str:
    """LinkedIn's words without the values that it quotes, which may be a person's."""
    return _ECHOED.sub("“…”", message or "")


class _Rules(msgspec.Struct):
    elements: list[object]


def read_check(response: Response) -> Outcome:
    """Whether LinkedIn showed the ad account's conversion rules."""
    if response.status != 200:
        return _refusal(response).outcome
    return outcome(CODES, "unreadable" if decode(response.body, _Rules) is None else "check_ok")
