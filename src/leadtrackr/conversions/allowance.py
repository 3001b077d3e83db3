"""The requests that a worker may make to one platform, within limits that hold over all processes."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Self

from leadtrackr.conversions import rates
from leadtrackr.conversions.rates import Rate
from leadtrackr.db.database import Database, Tx
from leadtrackr.destinations.contract import Destination, Settings
from leadtrackr.kit.clock import SECOND, Clock

LONGEST_WAIT: Final = 30 * SECOND
"""Whoever would have to wait longer, in the middle of a lot, gives the rest of it back."""
_LOOK_S: Final = 0.25
"""So often whoever waits looks whether it is to stop."""


class Allowance:
    """What is granted and not yet spent. Without limits there is always one more."""

    def __init__(self, key: str, limits: tuple[Rate, ...], clock: Clock, offset_us: int = 0) -> None:
        self._key = key
        self._limits = limits
        self._clock = clock
        self._offset_us = offset_us
        self._granted_at = 0
        self._left = 0
        self.wait_us = 0
        """After a refusal: how long until at least one more request is allowed."""

    @classmethod
    def of(cls, destination: Destination, settings: Settings, clock: Clock, offset_us: int = 0) -> Self:
        """By a destination's own limits, or those that the connection sets instead.

        `offset_us`: how far the database's clock, by which requests are granted, is ahead of this one.
        """
        limits = rates.rates_of(destination.limits, settings)
        return cls(rates.key_of(destination, settings) if limits else "", limits, clock, offset_us)

    def take(self, tx: Tx, wanted: int) -> int:
        """Asks for requests; returns how many are granted now. Locks the platform's buckets, so ask last."""
        now = tx.now()
        grant = rates.take(tx, self._key, self._limits, wanted, now)
        self.wait_us = 0 if grant.requests >= wanted else grant.wait_us
        # Set, not added: the work of a transaction may be run again.
        self._granted_at, self._left = now, grant.requests
        return grant.requests

    async def give_back(self, db: Database) -> None:
        """Returns what was granted and not spent. A transaction of its own: takers wait for the buckets' locks."""
        left, self._left = self._left, 0
        if left and self._limits:
            await db.write(lambda tx: rates.give_back(tx, self._key, self._limits, left, self._granted_at, tx.now()))

    async def spend(self, db: Database, may_wait: Callable[[], Awaitable[bool]]) -> bool:
        """One request; asks for another one, and waits for it, when all are spent. False: none is to be made."""
        if not self._limits:
            return True
        age_us = self._clock.now() + self._offset_us - self._granted_at
        if self._left and age_us > min(limit.tolerance_us for limit in self._limits):
            # A grant is for now: spent much later it would meet those of another moment.
            await self.give_back(db)
        while not self._left:
            if await db.write(lambda tx: self.take(tx, 1)):
                break
            if self.wait_us > LONGEST_WAIT or not await may_wait():
                return False
            await asyncio.sleep(min(self.wait_us / SECOND, _LOOK_S))
        self._left -= 1
        return True
