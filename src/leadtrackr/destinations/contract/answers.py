"""What goes over the wire and what comes of it: requests, responses and outcomes with their words."""

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Final, Literal

import msgspec

Sign = Callable[[int, str], Mapping[str, str]]
"""From the time of sending, microseconds UTC, and a nonce of 24 letters and digits: the headers that depend on them."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One HTTP request. `service` names the host for the sandbox; `items` are the events in order, as sent."""

    service: str
    url: str
    method: Literal["GET", "POST"] = "POST"
    headers: Mapping[str, str] = {}
    body: bytes = b""
    items: tuple[bytes, ...] = ()
    """Each event's own JSON, kept for the attempt's record. Holds no token."""
    sign: Sign | None = None
    """Asked for more headers when the request goes out, where a signature holds the time of its attempt."""


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """What came back. Header names are lower case."""

    status: int
    headers: Mapping[str, str] = {}
    body: bytes = b""
    received_at: int | None = None
    """When it arrived, microseconds UTC: places a `Retry-After` date in an answer that has no `Date` of its own."""
    sent: tuple[bytes, ...] = ()
    """The request's `items`, for platforms that echo an event instead of naming its place."""


Hold = Literal["credentials", "configuration"]
"""What a person has to mend before a held destination goes on."""


class Kind(StrEnum):
    """What one outcome means for the delivery. The outcome decides the retry, not the HTTP status."""

    ACCEPTED = "accepted"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    RETRY = "retry"
    HOLD = "hold"
    UNKNOWN = "unknown"


class Scope(StrEnum):
    """Whether an outcome speaks of the event, or of the destination as a whole (which costs no attempt)."""

    EVENT = "event"
    DESTINATION = "destination"


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one event."""

    kind: Kind
    code: str
    """The platform's code, or one of ours in lower case (`ok`, `http_503`, `timeout`); a key of the catalogue."""
    detail: str = ""
    """What the platform said, shortened. Holds no personal data."""
    scope: Scope = Scope.EVENT
    retry_after_s: float | None = None
    """Seconds to wait as the platform asked, or a time known from its rules; None: by the schedule."""
    reference: str = ""
    """The platform's own request id, to ask later or to quote in a support case."""
    hold: Hold | None = None
    """Set when, and only when, the kind is HOLD."""


class PerEvent(msgspec.Struct, frozen=True):
    """An answer that says something of each event: outcomes in the order of the request."""

    outcomes: tuple[Outcome, ...]


class Refused(msgspec.Struct, frozen=True):
    """An all-or-nothing refusal. Named events are settled and the rest is sent again; with none named the engine
    bisects, and `outcome` is what an event gets that is refused when it stands alone."""

    outcome: Outcome
    named: Mapping[int, Outcome] = {}


class Whole(msgspec.Struct, frozen=True):
    """One outcome for every event of the request."""

    outcome: Outcome


Verdict = PerEvent | Refused | Whole


class Action(StrEnum):
    """Who has to do something about an outcome, so that what is as expected does not drown what is not."""

    DONE = "done"
    """Nobody: it is as it should be, or nothing can change it."""
    WAIT = "wait"
    """Nobody: it goes on by itself at a known time."""
    WE_ACT = "we_act"
    """The program, or whoever runs it."""
    YOU_ACT = "you_act"
    """The person whose connection, label or lead it is; the next step says how."""


class Code(msgspec.Struct, frozen=True):
    """One row of an outcome table."""

    kind: Kind
    sentence: str
    """What happened, for a person."""
    next_step: str = ""
    """What to do, for a person: an instruction for YOU_ACT, "Nothing to do …" for the others."""
    retry_after_s: float | None = None
    scope: Scope = Scope.EVENT
    hold: Hold | None = None
    """Set when, and only when, the kind is HOLD."""
    action: Action = Action.WE_ACT
    link: str = ""
    """The platform's page on the code or on the setting; empty when it has none."""


AGAIN: Final = "Nothing to do: it is sent again."
SAME_ID: Final = "Nothing to do: it is sent again under the same event id, which the platform counts once."

HTTP_CODES: Final[Mapping[str, Code]] = {
    "ok": Code(
        Kind.ACCEPTED, "The platform accepted the conversion.", "Nothing to do: it was sent.", action=Action.DONE
    ),
    "timeout": Code(
        Kind.UNKNOWN,
        "The platform did not answer in time; whether it took the conversion is not known.",
        SAME_ID,
        scope=Scope.DESTINATION,
        action=Action.WAIT,
    ),
    "network": Code(
        Kind.RETRY, "The platform could not be reached.", AGAIN, scope=Scope.DESTINATION, action=Action.WAIT
    ),
    "rate_limited": Code(
        Kind.RETRY,
        "The platform asked to slow down.",
        "Nothing to do: it is sent again after the pause that the platform asked for.",
        scope=Scope.DESTINATION,
        action=Action.WAIT,
    ),
    "server_error": Code(
        Kind.RETRY, "The platform had an error of its own.", AGAIN, scope=Scope.DESTINATION, action=Action.WAIT
    ),
    "unreadable": Code(
        Kind.UNKNOWN,
        "The platform's answer could not be understood, so it is not known what it took.",
        SAME_ID,
        action=Action.WAIT,
    ),
    "unexpected": Code(
        Kind.REJECTED,
        "The platform refused the conversion with a code that is not in its documentation.",
        "Nothing to do for you, unless the platform's words below say more. Whoever runs the program should report "
        "the code.",
    ),
}
"""Outcomes that every destination shares. A destination's table starts with these."""


def by_index(n: int, pairs: Iterable[tuple[int, Outcome]], unreadable: Outcome) -> Verdict:
    """Outcomes by index. An index that is missing, repeated or out of range makes the whole batch `unreadable`."""
    found: dict[int, Outcome] = {}
    for index, outcome in pairs:
        if index in found or not 0 <= index < n:
            return Whole(unreadable)
        found[index] = outcome
    if len(found) != n:
        return Whole(unreadable)
    return PerEvent(tuple(found[index] for index in range(n)))
