"""A worker on a world, and the sandbox that it delivers to, all in one loop."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
from sqlalchemy import select

from leadtrackr.conversions.model import UNSETTLED
from leadtrackr.conversions.worker import Pace, Worker
from leadtrackr.db import tables
from leadtrackr.db.statement import constant, prepare
from leadtrackr.destinations.registry import DESTINATIONS
from leadtrackr.kit.http import HttpClient
from leadtrackr.kit.metrics import Metrics
from leadtrackr.sandbox.server import start
from tests.support.engine import World

_UNSETTLED = prepare(
    select(tables.deliveries.c.id).where(tables.deliveries.c.state.in_([constant(one) for one in sorted(UNSETTLED)]))
)


class Works:
    """A worker and what one may ask of the sandbox."""

    def __init__(self, world: World, url: str, session: aiohttp.ClientSession, pace: Pace) -> None:
        self.world = world
        self.url = url
        self.http = HttpClient(url)
        self.metrics = Metrics((), DESTINATIONS)
        self._pace = pace
        self._session = session
        self.restart()

    def restart(self) -> None:
        """Another worker, which remembers nothing."""
        world = self.world
        self.worker = Worker(world.db, self.http, world.box, world.clock, world.ids, self.metrics, self._pace)

    async def deliver(self) -> None:
        """Looks once, and waits until every connection has nothing more to send."""
        await self.worker.look()
        await self.worker.settle()

    async def fault(self, *faults: dict[str, Any]) -> None:
        """Sets faults."""
        async with self._session.put(f"{self.url}/_sandbox/faults", json=list(faults)) as response:
            assert response.status == 200, await response.text()

    async def well(self) -> None:
        """Ends all faults."""
        await self._session.delete(f"{self.url}/_sandbox/faults")

    async def settings(self, **sections: dict[str, Any]) -> None:
        """Changes the sandbox's settings, by platform."""
        async with self._session.put(f"{self.url}/_sandbox/settings", json=sections) as response:
            assert response.status == 200, await response.text()

    async def calls(self, slug: str) -> list[dict[str, Any]]:
        """The ledger's calls to a platform."""
        async with self._session.get(f"{self.url}/_sandbox/ledger", params={"destination": slug}) as response:
            found: list[dict[str, Any]] = (await response.json())["calls"]
            return found

    async def arrived(self, slug: str, count: int = 1) -> None:
        """Waits for the first call to a platform, or for so many; TimeoutError after ten seconds."""
        async with asyncio.timeout(10):
            for _ in range(2000):
                if len(await self.calls(slug)) >= count:
                    return
                await asyncio.sleep(0.005)
        raise TimeoutError

    async def settled(self) -> None:
        """Waits until nothing is left to be sent; TimeoutError after ten seconds."""
        async with asyncio.timeout(10):
            for _ in range(2000):
                if not await self.world.db.read(lambda tx: tx.all(_UNSETTLED)):
                    return
                await asyncio.sleep(0.005)
        raise TimeoutError

    async def keys(self, slug: str) -> dict[str, int]:
        """Each event id that a platform took, and how often."""
        async with self._session.get(f"{self.url}/_sandbox/ledger/keys", params={"destination": slug}) as response:
            return {row["key"]: row["times"] for row in (await response.json())["keys"]}


@contextlib.asynccontextmanager
async def working(world: World, pace: Pace | None = None) -> AsyncIterator[Works]:
    """The sandbox has the world's clock."""
    async with await start(clock=world.clock.now) as sandbox, aiohttp.ClientSession() as session:
        works = Works(world, sandbox.url, session, pace or Pace())
        try:
            yield works
        finally:
            await works.http.close()
