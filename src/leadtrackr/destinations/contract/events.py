"""What goes into a destination: its settings, the leads that it may know of and the events that it sends."""

from collections.abc import Callable, Mapping
from typing import Final, Literal

import msgspec

from leadtrackr.kit.ids import Ids

Settings = Mapping[str, str]
"""The values of a connection, secrets decrypted, by field name. An empty value is left out."""


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One setting of a connection, or the event field of a label. Forms, checks, CLI and docs derive from it."""

    name: str
    label: str
    help: str = ""
    kind: Literal["text", "number", "boolean", "choice", "json", "date"] = "text"
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
    of_secrets: bool = False
    """Says something of the secrets: forgotten when one of them is changed, unless it is given anew."""
    fault: Callable[[str], str] | None = None
    """What is wrong with a value that has the form, as a sentence; empty when nothing is."""
    fresh: Callable[[Ids], str] | None = None
    """Makes a value for a connection that has none: a secret that the other side has to be told."""


def _rate_field(period: str, digits: int) -> Field:
    return Field(
        name=f"requests_per_{period}",
        label=f"Requests a {period}",
        help=f"At most so many requests in any {period}, instead of the platform's own limit. It holds over all "
        "connections that the platform counts together: give them the same number.",
        kind="number",
        pattern=rf"[1-9]\d{{0,{digits - 1}}}",
        pattern_help=f"Enter a whole number of up to {digits} digits, or nothing.",
    )


RATE_FIELDS: Final = (_rate_field("second", 4), _rate_field("minute", 5), _rate_field("day", 7))
"""The settings that every destination ends with: what a person knows better of a platform's limits. The lengths are
what limits in whole microseconds can keep and still use nine tenths of."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What one request may hold and how many may be under way."""

    batch_events: int
    """Most events in one request."""
    batch_bytes: int
    """Most bytes in one request body."""
    in_flight: int = 1
    """Most requests of one connection under way at once."""
    timeout_s: float = 30.0
    requests_per_second: int | None = None
    """The platform's own limit, over all connections that it counts together; None when it names none. A connection's
    setting of the same name (`RATE_FIELDS`) goes before it."""
    requests_per_minute: int | None = None
    requests_per_day: int | None = None
    retry_days: int = 3
    """Days for which an event is tried again after its first failure; none of them passes while its connection is held
    or left alone."""


class LeadData(msgspec.Struct, frozen=True, kw_only=True, gc=False):
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


class Event(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One delivery as its destination sees it. Everything but the lead was frozen when the delivery was made."""

    event_id: str
    action: str
    """The label's event field for this destination: conversion action id, event name, rule id."""
    happened_at: int
    """When the status changed, microseconds UTC; never before the lead."""
    value_cents: int | None = None
    currency: str | None = None
    changed_at: int | None = None
    """Of a take-back alone: when its lead was rated otherwise, microseconds UTC."""
    retracted: bool = False
    """Of a take-back alone: the conversion is to count no more; else it is to have this value."""
    lead: LeadData


class Warning(msgspec.Struct, frozen=True):  # noqa: A001 - the field's own word
    """Why a delivery will be skipped: the missing field and a sentence for a person."""

    field: str
    reason: str


class Window(msgspec.Struct, frozen=True):
    """When a platform takes an event: from `opens_at` until `closes_at`, microseconds UTC."""

    opens_at: int
    closes_at: int
