"""Reading Reddit's answers: one invalid event and none is processed; the answer names it or echoes it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from leadtrackr.destinations.contract import Outcome, Refused, Response, Verdict, Whole
from leadtrackr.destinations.http_common import decode, outcome, transport_failure, unknown_failure
from leadtrackr.destinations.reddit.codes import CODES

_PLACE: Final = re.compile(r"\$?\.?data\.events\[(\d{1,6})\]")
_TOO_OLD: Final = re.compile(r"168h|\bold\b")


class _Field(msgspec.Struct):
    field: str = ""
    message: str = ""


class _Error(msgspec.Struct):
    message: str | None = None
    fields: list[_Field] | None = None
    reason: str | None = None
    explanation: str | None = None


class _Metadata(msgspec.Struct):
    conversion_id: str | None = None


class _Echo(msgspec.Struct):
    """An event as it was sent, or as an answer echoes it, under the names of either version of the API."""

    metadata: _Metadata | None = None
    event_metadata: _Metadata | None = None

    @property
    def key(self) -> str | None:
        """Our event id."""
        found = self.metadata or self.event_metadata
        return found.conversion_id if found else None


class _Invalid(msgspec.Struct):
    error_message: str = ""
    event: _Echo | None = None


class _Body(msgspec.Struct):
    data: dict[str, object] | None = None
    error: _Error | str | None = None
    message: str | None = None
    invalid_events: list[_Invalid] | None = None

    @property
    def words(self) -> str:
        """What Reddit says of the whole."""
        if isinstance(self.error, str):
            return self.error
        parts = (self.error.message, self.error.reason, self.error.explanation) if self.error else (self.message,)
        return " ".join(part for part in parts if part)


def read(response: Response, n: int) -> Verdict:  # noqa: ARG001 - all or none: how many they were does not matter
    """The answer to n events. Reddit takes all or none; `response.sent` places events that it only echoes."""
    body = decode(response.body, _Body)
    if response.status != 200:
        return _refusal(response, body or _Body(message=_bare(response.body)))
    if body is None or (body.data is None and body.message is None):
        return Whole(outcome(CODES, "unreadable", "HTTP 200 without a message"))
    if body.error is not None or body.invalid_events:
        return _invalid(response, body)
    return Whole(outcome(CODES, "ok", str((body.data or {}).get("message", body.message or ""))))


def _refusal(response: Response, body: _Body) -> Refused | Whole:
    words = f"HTTP {response.status}: {body.words}"
    if failure := transport_failure(CODES, response, body.words):
        return Whole(failure)
    if response.status in (401, 403, 404):
        is_scope = response.status == 403 and "scope" in body.words
        return Whole(outcome(CODES, "scope" if is_scope else str(response.status), words))
    if response.status in (400, 422):
        return _invalid(response, body)
    return unknown_failure(CODES, response, body.words)


def _invalid(response: Response, body: _Body) -> Refused:
    """Names the events that are at fault; nobody, when one of them cannot be placed for certain."""
    refused = outcome(CODES, _key(body.words), body.words)
    if not isinstance(body.error, str) and body.error and body.error.fields:
        return Refused(refused, _named_by_path(body.error.fields))
    return Refused(refused, _named_by_echo(body.invalid_events or (), response.sent))


def _named_by_path(fields: Sequence[_Field]) -> Mapping[int, Outcome]:
    words: dict[int, list[str]] = {}
    for one in fields:
        if place := _PLACE.match(one.field):
            words.setdefault(int(place[1]), []).append(f"{one.field[place.end() :].lstrip('.')}: {one.message}")
    return {place: _of_event("; ".join(said)) for place, said in words.items()}


def _named_by_echo(invalid: Sequence[_Invalid], sent: Sequence[bytes]) -> Mapping[int, Outcome]:
    places = {key: place for place, key in enumerate(_keys(sent)) if key} if invalid else {}
    named: dict[int, Outcome] = {}
    for one in invalid:
        place = places.get(one.event.key or "") if one.event else None
        if place is None:
            return {}
        named[place] = _of_event(one.error_message)
    return named


def _keys(sent: Sequence[bytes]) -> Iterator[str | None]:
    for item in sent:
        event = decode(item, _Echo)
        yield event.key if event else None


def _of_event(words: str) -> Outcome:
    return outcome(CODES, _key(words), words)


def _key(words: str) -> str:
    return "too_old" if _TOO_OLD.search(words) else "invalid"


def _bare(body: bytes) -> str:
    """A body that is a JSON text alone, or no JSON at all."""
    return decode(body, str) or ""


def read_check(response: Response) -> Outcome:
    """Whether the token may send to the pixel: a list without events is refused only after that was looked at."""
    if response.status in (200, 400, 422):
        return outcome(CODES, "check_ok")
    body = decode(response.body, _Body) or _Body(message=_bare(response.body))
    return _refusal(response, body).outcome
