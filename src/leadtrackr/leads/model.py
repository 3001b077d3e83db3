"""A lead, frozen. Text that is blank is None; JSON columns hold what the client sent, as text."""

from enum import StrEnum

import msgspec


class Door(StrEnum):
    """Which call a lead came through."""

    WEB = "web"
    SERVER = "server"
    CALL = "call"


class Stage(StrEnum):
    """Which list a lead stands in: Open, or Rated when its label marks it as done. Pending is the job's."""

    OPEN = "open"
    RATED = "rated"


class Intake(msgspec.Struct, frozen=True, kw_only=True):
    """A lead as a client sent it, made fit to store. The JSON texts are exactly what arrived, re-encoded."""

    first_name: str | None
    last_name: str | None
    email: str | None
    email_key: str | None
    """Trimmed and lower-cased, for lookups."""
    phone: str | None
    phone_e164: str | None
    """E.164 by the project's default country, else the lead's own; None when the number could not be understood."""
    company_name: str | None
    country: str | None
    """ISO 3166-1 alpha-2, as the lead itself says; None when it does not."""
    form_name: str | None
    unique_identifier: str | None
    unique_event_id: str | None
    ip_address: str | None
    user_agent: str | None
    form_data: str
    """JSON object or array."""
    user_data: str
    attribution_data: str
    """JSON object; the known ids are read from it."""
    channel_flow: str | None
    """JSON text of what arrived in channelFlow or lt_channelflow; None when it held nothing usable."""
    gclid: str | None
    cid: str | None
    fbp: str | None
    fbc: str | None
    search_text: str
    """Names, e-mail, phone and company, case-folded, for the listing's `search`."""
    door: Door


class Lead(msgspec.Struct, frozen=True, kw_only=True):
    """A stored lead. Times in microseconds UTC, price in cents."""

    id: int
    project_id: int
    created_at: int
    updated_at: int
    status: str
    """`open`, `pending`, `lost`, or the conversionId of the label last applied: what the API shows."""
    stage: str
    label_id: int | None
    first_name: str | None
    last_name: str | None
    email: str | None
    email_key: str | None
    phone: str | None
    phone_e164: str | None
    company_name: str | None
    country: str | None
    price: int | None
    note: str | None
    form_name: str | None
    form_data: str
    user_data: str
    attribution_data: str
    channel_flow: str | None
    unique_identifier: str | None
    unique_event_id: str | None
    ip_address: str | None
    user_agent: str | None
