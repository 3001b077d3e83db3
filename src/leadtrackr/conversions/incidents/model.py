"""Incidents, frozen. Times in microseconds UTC."""

from enum import StrEnum
from typing import Final

import msgspec

from leadtrackr.kit.clock import DAY, HOUR, MINUTE

FAILED_FOR: Final = 10 * MINUTE
"""A platform that has failed for less, from one success to the next, is no incident."""
FAILED_TIMES: Final = 3
"""Nor is one that has failed fewer times in a row, however long the pauses between were."""
TOKEN_ENDS_WITHIN: Final = 7 * DAY
CLOSES_WITHIN: Final = 24 * HOUR


class IncidentKind(StrEnum):
    """What can be wrong. docs/reference/incidents.md says when each opens and recovers."""

    STOPPED = "stopped"
    FAILING = "failing"
    TOKEN_EXPIRING = "token_expiring"  # noqa: S105 - a kind, not a token
    CLOSING = "closing"


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """One incident of one connection as it stands."""

    id: int
    project: str
    """The project's public id."""
    connection_id: int
    destination: str
    kind: IncidentKind
    code: str | None
    """The outcome that caused it, with its words in the outcome tables; None where time alone did."""
    detail: str | None
    """The platform's own words, shortened; nothing personal."""
    since_at: int
    """When the fault began, which may be before it was an incident."""
    opened_at: int
    recovered_at: int | None
    ends_at: int | None
    """When the token ends, or when the first conversion expires."""
    lost: int
    """How many conversions expired while it was open."""
    waiting: int = 0
    """How many deliveries wait because of it now."""


class OpenCount(msgspec.Struct, frozen=True):
    """How many connections of a destination have an incident of a kind now."""

    destination: str
    kind: str
    connections: int
