"""What every HTTP platform has in common: pauses, errors of the transport, tidy details, outcomes from a table."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Final, TypeVar

import msgspec

from leadtrackr.destinations.contract import Code, Event, Outcome, Refused, Response, Whole
from leadtrackr.kit.clock import DAY, HOUR, MINUTE, SECOND, from_datetime

ON_THE_WAY: Final = MINUTE
"""Kept free at the end of a window: a request takes time, and platforms judge an event's age when they read it."""
LONGEST_PAUSE_S: Final = DAY / SECOND
SIX_HOURS_S: Final = 6 * HOUR / SECOND

JSON: Final = {"content-type": "application/json"}
PAGE: Final = re.compile(r"[^\s/?#]+\.[^\s/?#]+(?:/\S*)?")
"""A page as leads name it, host and path without scheme, that makes an address when https:// is put before it."""
encode: Final = msgspec.json.Encoder(decimal_format="number").encode
"""Amounts are decimals and leave as JSON numbers, digit for digit."""

_SECONDS: Final = re.compile(r"\s*(\d{1,9})(?:\.\d+)?\s*")
_PERSONAL: Final = (
    (re.compile(r"[^\s<>\"'(),;:=]+@[^\s<>\"'(),;:=]+"), "<e-mail>"),
    (re.compile(r"\b[0-9a-fA-F]{64}\b"), "<hash>"),
    (re.compile(r"\+\d[\d ().-]{6,}\d"), "<number>"),
    (re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b"), "<address>"),
)
_T = TypeVar("_T")


def retry_after_s(response: Response) -> float | None:
    """The pause that `Retry-After` asks for, in seconds (RFC 9110: a number or a date), at most a day.

    A date is taken against the answer's own `Date`, so that a wrong clock on either side cannot matter; without one,
    against `received_at`. None when the header is missing or means nothing.
    """
    value = response.headers.get("retry-after", "")
    if match := _SECONDS.fullmatch(value):
        return min(float(match[1]), LONGEST_PAUSE_S)
    until, now = _date(value), answered_at(response)
    if until is None or now is None:
        return None
    return min(max(0.0, (until - now) / SECOND), LONGEST_PAUSE_S)


def answered_at(response: Response) -> int | None:
    """When the platform answered, microseconds UTC: by its own `Date`, else by our clock; None without either."""
    return _date(response.headers.get("date", "")) or response.received_at


def _date(text: str) -> int | None:
    try:
        moment: datetime = parsedate_to_datetime(text)
        return from_datetime(moment)
    except (ValueError, OverflowError):
        return None


def clean(text: str) -> str:
    """A platform's words without what may be personal (addresses, numbers, digests), on one line, shortened."""
    line = " ".join(text.split())[:2000]
    for pattern, instead in _PERSONAL:
        line = pattern.sub(instead, line)
    return line if len(line) <= 300 else line[:299] + "…"


def decode(body: bytes, shape: type[_T]) -> _T | None:
    """The body as that shape, or None when it is something else."""
    try:
        return msgspec.json.decode(body, type=shape, strict=False)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def outcome(
    codes: Mapping[str, Code], code: str, detail: str = "", *, reference: str = "", pause_s: float | None = None
) -> Outcome:
    """The outcome that the table gives for a code. A pause the platform asked for goes before the table's own."""
    row = codes[code]
    return Outcome(
        kind=row.kind,
        code=code,
        detail=clean(detail),
        scope=row.scope,
        retry_after_s=row.retry_after_s if pause_s is None else pause_s,
        reference=reference,
        hold=row.hold,
    )


def transport_failure(
    codes: Mapping[str, Code], response: Response, detail: str = "", reference: str = ""
) -> Outcome | None:
    """What a status says by itself on every platform: slow down, or trouble on their side. None for all others."""
    words = f"HTTP {response.status}" + (f": {detail}" if detail else "")
    if response.status == 429:
        return outcome(codes, "rate_limited", words, reference=reference, pause_s=retry_after_s(response))
    if response.status >= 500 or response.status == 408:
        return outcome(codes, "server_error", words, reference=reference, pause_s=retry_after_s(response))
    return None


def unknown_failure(codes: Mapping[str, Code], response: Response, words: str = "") -> Refused | Whole:
    """A status that nobody documented. Only where the body may be at fault does it make sense to send it in parts."""
    detail = f"HTTP {response.status}" + (f": {words}" if words else "")
    if not 400 <= response.status < 500:
        return Whole(outcome(codes, "unreadable", detail))
    refusal = outcome(codes, "unexpected", detail)
    return Refused(refusal) if response.status in (400, 413, 422) else Whole(refusal)


def joined(before: bytes, items: Sequence[bytes], after: bytes) -> bytes:
    """A body around at least one event, each encoded already; one copy, since bodies are large."""
    parts = list(items)
    parts[0] = before + parts[0]
    parts[-1] += after
    return b",".join(parts)


def sent_at(event: Event) -> int:
    """The conversion's time as it is sent, microseconds UTC: when it happened, never before the lead."""
    return max(event.happened_at, event.lead.created_at)
