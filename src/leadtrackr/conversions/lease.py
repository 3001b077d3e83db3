"""A lease, kept alive while its deliveries are on their way."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import structlog

from leadtrackr.conversions import claim
from leadtrackr.db.database import Database
from leadtrackr.kit.clock import SECOND, Clock
from leadtrackr.kit.errors import Unavailable

_log = structlog.get_logger(__name__)


class Lease:
    """One lease of one worker. `since` is a time before it was taken, so that it is never thought longer than it is."""

    def __init__(self, db: Database, clock: Clock, token: str, lease_us: int, since: int) -> None:
        self._db = db
        self._clock = clock
        self._token = token
        self._lease_us = lease_us
        self._renewed_at = since
        self._lost = False

    async def keep(self) -> bool:
        """Asked before each request: whether it may be sent. A worker that stood still learns here what it has lost."""
        if not self._lost and self._clock.now() >= self._renewed_at + self._lease_us // 2:
            await self._renew()
        return not self._lost

    @contextlib.asynccontextmanager
    async def alive(self) -> AsyncIterator[None]:
        """Renews the lease beside what is inside: a platform that takes its time must not look like a dead worker."""
        beat = asyncio.create_task(self._beat())
        try:
            yield
        finally:
            beat.cancel()
            await asyncio.gather(beat, return_exceptions=True)

    async def _beat(self) -> None:
        while not self._lost:
            await asyncio.sleep(self._lease_us / SECOND / 3)
            try:
                await self._renew()
            except Unavailable:
                _log.warning("lease_not_renewed")

    async def _renew(self) -> None:
        asked_at = self._clock.now()
        if await self._db.write(lambda tx: claim.renew(tx, self._token, self._lease_us)) > 0:
            self._renewed_at = asked_at
        else:
            self._lost = True
