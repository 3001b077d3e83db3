"""A lease, kept alive while its deliveries are on their way."""

import asyncio

import structlog

from leadtrackr.conversions import claim
from leadtrackr.db.database import Database
from leadtrackr.kit.clock import SECOND, Clock
from leadtrackr.kit.errors import Unavailable

_log = structlog.get_logger(__name__)


class Lease:
    """One lease of one worker. `since` is a time before it was taken, so that it is never thought longer than it is."""

    def __init__(self, db: Database, clock: Clock, token: str, lease_us: int, since: int) -> None:
        self.token = token
        self._db = db
        self._clock = clock
        self._lease_us = lease_us
        self._renewed_at = since
        self._lost = False
        self._beating: asyncio.Task[None] | None = None

    async def keep(self) -> bool:
        """Asked before each request: whether it may be sent. A worker that stood still learns here what it has lost."""
        if not self._lost and self._clock.now() >= self._renewed_at + self._lease_us // 2:
            await self._renew()
        return not self._lost

    def start(self) -> None:
        """Renews the lease beside everything else, until `end`: a slow platform must not look like a dead worker."""
        self._beating = asyncio.create_task(self._beat())

    def end(self) -> None:
        """The lease is renewed no more."""
        if self._beating is not None:
            self._beating.cancel()

    async def _beat(self) -> None:
        while not self._lost:
            await asyncio.sleep(self._lease_us / SECOND / 3)
            try:
                await self._renew()
            except Unavailable:
                _log.warning("lease_not_renewed")

    async def _renew(self) -> None:
        asked_at = self._clock.now()
        if await self._db.write(lambda tx: claim.renew(tx, self.token, self._lease_us)):
            self._renewed_at = asked_at
        else:
            self._lost = True
