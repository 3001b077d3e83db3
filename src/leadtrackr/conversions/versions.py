"""Connections whose API version a platform is about to retire; a warning in the log at the start and once a day."""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Final

import msgspec
import structlog

from leadtrackr.conversions import connections
from leadtrackr.conversions.model import Connection
from leadtrackr.db.database import Database
from leadtrackr.destinations.contract import Destination
from leadtrackr.destinations.registry import DESTINATIONS
from leadtrackr.destinations.versions import Age, Life, life, version_of
from leadtrackr.kit.clock import DAY, Clock, to_datetime

_log: Final = structlog.get_logger(__name__)


class Expiring(msgspec.Struct, frozen=True, kw_only=True):
    """A connection whose version ends soon, or has ended."""

    destination: Destination
    project_id: int
    version: str
    life: Life


def expiring(connected: Iterable[Connection], today: date) -> Iterator[Expiring]:
    """Those among the connections, by the day in UTC."""
    for one in connected:
        destination = DESTINATIONS.get(one.destination)
        if destination is None:
            continue
        version = version_of(destination, one.settings)
        found = life(destination, version, today, project=str(one.project_id))
        if found.age != Age.CURRENT:
            yield Expiring(destination=destination, project_id=one.project_id, version=version, life=found)


class VersionWatch:
    """Looks at the connections at its first look and then once a day, and says in the log which versions end."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._due_at = 0

    async def look(self) -> None:
        """Logs each connection whose version ends within the days that `doctor` warns of. Unavailable."""
        now = self._clock.now()
        if now < self._due_at:
            return
        connected = await connections.everything(self._db)
        self._due_at = now + DAY
        for one in expiring(connected, to_datetime(now).date()):
            _log.warning(
                "api_version_ends",
                destination=one.destination.slug,
                project=one.project_id,
                reason=one.life.sentence,
                next_step=one.life.next_step,
            )
