"""Time, injected. One unit everywhere in the program and in the database: microseconds since the epoch, UTC."""

import time
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

SECOND: Final = 1_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Clock(Protocol):
    """Whatever tells the time."""

    def now(self) -> int:
        """Microseconds since the epoch, UTC."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> int:
        """Microseconds since the epoch, UTC."""
        return time.time_ns() // 1000


class ManualClock:
    """A clock that moves only when told to, for tests and rehearsals."""

    def __init__(self, at: int) -> None:
        self._at = at

    def now(self) -> int:
        """Microseconds since the epoch, UTC."""
        return self._at

    def step(self, microseconds: int) -> int:
        """Moves the clock forward and returns the new time."""
        self._at += microseconds
        return self._at


def to_datetime(at: int) -> datetime:
    """The aware UTC datetime of a time in microseconds."""
    return _EPOCH + timedelta(microseconds=at)


def from_datetime(moment: datetime) -> int:
    """Microseconds of an aware datetime; ValueError for a naive one, since its zone would be a guess."""
    if moment.tzinfo is None:
        raise ValueError("a time without a zone cannot be placed")
    seconds = int(moment.astimezone(UTC).replace(microsecond=0).timestamp())
    return seconds * SECOND + moment.microsecond


def iso_millis(at: int) -> str:
    """ISO 8601, UTC, milliseconds, `Z`: the form in which every time leaves the API."""
    return to_datetime(at).isoformat(timespec="milliseconds")[:-6] + "Z"
