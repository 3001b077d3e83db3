"""What a destination is: data plus pure functions. The engine does the transport, the batches and the retries.

A destination never sees the database or the network. It says which settings it needs, which leads it can use, turns
conversions into one HTTP request and reads the answer into outcomes.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from enum import StrEnum
from typing import Final, Literal

import msgspec

Settings = Mapping[str, str]
"""The values of a connection, secrets decrypted, by field name. An empty value is left out."""


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One setting of a connection, or the event field of a label. Forms, checks, CLI and docs derive from it."""

    name: str
    label: str
    help: str = ""
    kind: Literal["text", "number", "boolean", "choice", "json"] = "text"
    secret: bool = False
    required: bool = False
    default: str | None = None
    choices: tuple[str, ...] = ()
    pattern: str | None = None
    """A regular expression that the whole value must match."""
    pattern_help: str = ""
    """The sentence shown when it does not match."""
    drop: str = ""
    """Characters that people type and platforms refuse (the hyphens of a customer id); taken out before the check."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What one request may hold and how many may be under way."""

    batch_events: int
    """Most events in one request."""
    batch_bytes: int
    """Most bytes in one request body."""
    in_flight: int = 1
    """Most requests of one connection under way at once."""
    timeout_s: float = 30.0
    requests_per_minute: int | None = None
    """The platform's own quota for one connection; None when it names none."""
    requests_per_day: int | None = None


class LeadData(msgspec.Struct, frozen=True, kw_only=True):
    """What a destination may know of a lead: normalised, and already stripped of what consent forbids."""

    lead_id: int
    created_at: int
    """When the lead came in, microseconds UTC."""
    email: str | None = None
    """Trimmed and lower-cased; each platform normalises further by its own rules."""
    phone: str | None = None
    """E.164 with `+`, or None when the number could not be understood."""
    first_name: str | None = None
    last_name: str | None = None
    company_name: str | None = None
    country: str | None = None
    """ISO 3166-1 alpha-2, upper case."""
    ids: Mapping[str, str] = {}
    """Click ids and cookies as the clients name them (gclid, wbraid, gbraid, fbc, fbp, cid, sid, …), byte-exact."""
    consent: Mapping[str, str] = {}
    """ad_user_data, ad_personalization, ad_storage, analytics_storage → granted | denied; missing is unspecified."""
    conversion_page: str | None = None
    """Host and path, without scheme."""
    ip_address: str | None = None
    user_agent: str | None = None


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One delivery as its destination sees it. Everything but the lead was frozen when the delivery was made."""

    event_id: str
    action: str
    """The label's event field for this destination: conversion action id, event name, rule id."""
    happened_at: int
    """When the status changed, microseconds UTC; never before the lead."""
    value_cents: int | None = None
    currency: str | None = None
    lead: LeadData


class Warning(msgspec.Struct, frozen=True):  # noqa: A001 - the field's own word
    """Why a delivery will be skipped: the missing field and a sentence for a person."""

    field: str
    reason: str


class Window(msgspec.Struct, frozen=True):
    """When a platform takes an event: from `opens_at` until `closes_at`, microseconds UTC."""

    opens_at: int
    closes_at: int


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One HTTP request. `service` names the host for the sandbox; `items` are the events in order, as sent."""

    service: str
    url: str
    method: Literal["GET", "POST"] = "POST"
    headers: Mapping[str, str] = {}
    body: bytes = b""
    items: tuple[bytes, ...] = ()
    """Each event's own JSON, kept for the attempt's record. Holds no token."""


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """What came back. Header names are lower case."""

    status: int
    headers: Mapping[str, str] = {}
    body: bytes = b""
    received_at: int | None = None
    """When it arrived, microseconds UTC: places a `Retry-After` date in an answer that has no `Date` of its own."""


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


class Code(msgspec.Struct, frozen=True):
    """One row of a platform's outcome table."""

    kind: Kind
    sentence: str
    """What happened, for a person."""
    next_step: str = ""
    """What to do, for a person; empty when there is nothing to do."""
    retry_after_s: float | None = None
    scope: Scope = Scope.EVENT
    hold: Hold | None = None
    """Set when, and only when, the kind is HOLD."""


class Token(msgspec.Struct, frozen=True):
    """An access token and how long it lives, in seconds."""

    value: str
    expires_in_s: int


class TokenAuth(msgspec.Struct, frozen=True):
    """How a destination gets its access token. The engine sends the request and keeps the token until it expires."""

    request: Callable[[Settings, int], Request]
    """From settings and the time (microseconds UTC). InvalidInput when no request can be made of the settings (a key
    that is no key): the same as a hold for credentials. Its body holds secrets; it is never recorded."""
    read: Callable[[Response], Token | Outcome]


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    """One ad platform, whole."""

    slug: str
    name: str
    docs_url: str
    api_version: str
    api_version_ends: date | None
    """The day on which the platform retires this version; None when it has announced none."""
    fields: tuple[Field, ...]
    one_of: tuple[tuple[str, ...], ...] = ()
    """Groups of fields of which at least one group must be complete; empty when nothing is left to choose."""
    event_field: Field
    """The value of a label's event for this destination."""
    limits: Limits
    identifiers: tuple[str, ...]
    """The names of which at least one must be present, as used in warnings' `field`."""
    masked_keys: tuple[str, ...] = ()
    """JSON keys whose plain personal values are masked in the copies kept of requests."""
    account: Callable[[Settings], str]
    """The account that deliveries are frozen to, for people and for batches."""
    missing: Callable[[LeadData, Settings], tuple[Warning, ...]]
    """Why this lead cannot be used; empty when it can."""
    window: Callable[[Event, Settings], Window]
    build: Callable[[Sequence[Event], Settings, str | None], Request]
    """Events of one action, settings, access token (None without `auth`). ValueError for an event whose currency
    `kit.money.is_currency` does not know: a delivery is never made with one."""
    read: Callable[[Response, int], Verdict]
    """The answer to a request of n events."""
    check: Callable[[Settings, str | None], Request]
    """A harmless request that shows whether the credentials work."""
    read_check: Callable[[Response], Outcome]
    codes: Mapping[str, Code]
    """The outcome table: every code that `read`, `read_check` and `auth` can give, with its words."""
    auth: TokenAuth | None = None
    about: str = ""
    """What is sent and how the platform finds the person, for the reference page."""
    window_help: str = ""
    """The rule of `window` in words."""
    unverified: tuple[str, ...] = ()
    """What the platform's documents leave open or nobody could try, in sentences."""


HTTP_CODES: Final[Mapping[str, Code]] = {
    "ok": Code(Kind.ACCEPTED, "The platform accepted the conversion."),
    "timeout": Code(
        Kind.UNKNOWN,
        "The platform did not answer in time; whether it took the conversion is not known.",
        "Nothing to do: it is sent again under the same event id, which the platform counts once.",
        scope=Scope.DESTINATION,
    ),
    "network": Code(
        Kind.RETRY, "The platform could not be reached.", "Nothing to do: it is sent again.", scope=Scope.DESTINATION
    ),
    "rate_limited": Code(
        Kind.RETRY,
        "The platform asked to slow down.",
        "Nothing to do: it is sent again after the pause that the platform asked for.",
        scope=Scope.DESTINATION,
    ),
    "server_error": Code(
        Kind.RETRY,
        "The platform had an error of its own.",
        "Nothing to do: it is sent again.",
        scope=Scope.DESTINATION,
    ),
    "unreadable": Code(
        Kind.UNKNOWN,
        "The platform's answer could not be understood, so it is not known what it took.",
        "Nothing to do: it is sent again under the same event id, which the platform counts once.",
    ),
    "unexpected": Code(
        Kind.REJECTED,
        "The platform refused the conversion with a code that is not in its documentation.",
        "Look at the platform's words below; if they do not help, report the code.",
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
