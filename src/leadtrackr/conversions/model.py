"""Jobs, deliveries and attempts, frozen. Times in microseconds UTC, money in cents."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import msgspec

from leadtrackr.destinations.contract import Outcome


class State(StrEnum):
    """Where a delivery stands. docs/reference/states.md draws the ways between them."""

    QUEUED = "queued"
    SENDING = "sending"
    WAITING = "waiting"
    HELD = "held"
    ACCEPTED = "accepted"
    CONFIRMED = "confirmed"
    SKIPPED = "skipped"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


UNSETTLED: Final = frozenset({State.QUEUED, State.SENDING, State.WAITING, State.HELD})
"""States from which a delivery still moves; a later one of the same lead and destination waits behind it."""
DELIVERED: Final = frozenset({State.ACCEPTED, State.CONFIRMED})

TRANSITIONS: Final[Mapping[State, frozenset[State]]] = {
    State.QUEUED: frozenset({State.SENDING, State.WAITING, State.HELD, State.EXPIRED, State.CANCELLED}),
    State.SENDING: frozenset(
        {
            State.QUEUED,
            State.WAITING,
            State.HELD,
            State.ACCEPTED,
            State.CONFIRMED,
            State.REJECTED,
            State.EXPIRED,
        }
    ),
    State.WAITING: frozenset({State.QUEUED, State.HELD, State.EXPIRED, State.CANCELLED}),
    State.HELD: frozenset({State.WAITING, State.EXPIRED, State.CANCELLED}),
    State.ACCEPTED: frozenset(
        {State.CONFIRMED, State.REJECTED, State.WAITING, State.HELD, State.EXPIRED, State.CANCELLED}
    ),
    State.CONFIRMED: frozenset(),
    State.SKIPPED: frozenset(),
    State.REJECTED: frozenset({State.WAITING}),
    State.EXPIRED: frozenset({State.WAITING}),
    State.CANCELLED: frozenset({State.WAITING}),
}
"""Every step that a delivery can take. The drawn state machine and the model test are compared with it."""


class DeliveryKind(StrEnum):
    """What a delivery does on its platform."""

    CONVERSION = "conversion"
    RESTATEMENT = "restatement"
    """Gives a conversion that the platform has another value."""
    RETRACTION = "retraction"
    """Takes a conversion back, as far as the platform can."""


class JobState(StrEnum):
    """A job is pending until each of its deliveries has had its first pass."""

    PENDING = "pending"
    SETTLED = "settled"


class ConnectionState(StrEnum):
    """A held connection sends nothing until a person has mended it."""

    ACTIVE = "active"
    HELD = "held"


class Warned(msgspec.Struct, frozen=True):
    """An integration that will be skipped for missing data, as the API says it."""

    integration: str
    reason: str
    field: str
    timestamp: str


class StatusChange(msgspec.Struct, frozen=True, kw_only=True):
    """What updateLeadStatus did."""

    lead_id: int
    unique_identifier: str | None
    status: str
    queued: bool
    warnings: tuple[Warned, ...] = ()


class Claimed(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """A delivery that a worker has leased, with what the lead's row holds now."""

    id: int
    job_id: int
    lead_id: int
    account: str
    action: str
    event_id: str
    happened_at: int
    value_cents: int | None
    currency: str | None
    closes_at: int
    tries: int
    retry_until: int | None = None
    """When its tries end by its connection's clock (`hold.clock`), microseconds; None: no try has failed yet."""
    passed: int
    kind: str = DeliveryKind.CONVERSION
    takes_back: int | None = None
    """The delivery whose conversion it restates or takes back."""
    sent_as: str | None = None
    """That conversion's event id, under which it is sent; None: its own."""
    created_at: int = 0
    """When the lead was rated, microseconds UTC: of a take-back later than `happened_at`."""
    lead_created_at: int
    email_key: str | None
    phone_e164: str | None
    first_name: str | None
    last_name: str | None
    company_name: str | None
    ip_address: str | None
    user_agent: str | None
    country: str | None = None
    """The lead's own."""
    attribution_data: object = None
    """As the lead has it, decoded; the text itself where it is no JSON."""


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """A destination connected to a project. Secrets are in `secrets`, encrypted."""

    id: int
    project_id: int
    country: str | None
    """The project's."""
    destination: str
    settings: Mapping[str, str]
    secrets: str
    state: ConnectionState
    hold_reason: str | None
    hold_code: str | None
    hold_detail: str | None
    failures: int
    paused_until: int | None
    pause_code: str | None
    edition: int = 0
    """Another one each time that a person has connected it anew, and no other when its secrets were renewed."""
    renewing_until: int | None = None
    """Until when one process alone renews its secrets, microseconds UTC."""
    held_at: int | None = None
    """Since when it is held, microseconds UTC."""
    failing_since: int | None = None
    """When the first of its failures in a row was, microseconds UTC."""


class Result(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What came of sending one claimed delivery, ready to be recorded."""

    delivery: Claimed
    outcome: Outcome
    started_at: int
    ended_at: int
    http_status: int | None
    url: str
    head: str = ""
    """Method and headers, as `masking.head` writes them; empty when nothing was sent."""
    place: int = 0
    """The event's place in its request, from 0."""
    size: int = 0
    """How many events the request held; 0 when nothing was sent."""
    request: str
    """The event's own JSON as it was sent, plain personal values masked; empty when nothing was sent."""
