"""A worker in a process of its own that kills or stops itself at a chosen point, as an accident would.

    trapped_worker.py [SIGKILL|SIGSTOP POINT NTH [LOT]]

The point `event=ID,ID` is reached with each request that carries one of these events. LOT deliveries go under one
lease. The settings come from the environment. At the end it prints what it counted.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from typing import TypeVar

from leadtrackr import settings
from leadtrackr.conversions import lots
from leadtrackr.conversions import worker as engine
from leadtrackr.conversions.record import Recorded
from leadtrackr.db.database import Database, Tx
from leadtrackr.db.open import open_database
from leadtrackr.destinations.registry import DESTINATIONS
from leadtrackr.kit.clock import SystemClock
from leadtrackr.kit.http import HttpClient, Outgoing, Sent
from leadtrackr.kit.ids import Ids
from leadtrackr.kit.metrics import Metrics

T = TypeVar("T")
LOT = 25
"""Deliveries under one lease: small, so that there are several."""
BATCH = 2 * LOT
"""The largest batch of a platform: one lot that is sent, and one that is being recorded meanwhile."""


class Trap:
    """Springs when its point is reached for the nth time."""

    def __init__(self, number: str = "", point: str = "", nth: str = "1") -> None:
        self._signal = signal.Signals[number] if number else None
        self._point = point
        self._left = int(nth)

    def carries(self, body: bytes) -> None:
        """Says that this is about to leave."""
        kind, _, ids = self._point.partition("event=")
        # With the quotes: one id may begin with another one.
        if not kind and any(f'"{one}"'.encode() in body for one in ids.split(",") if one):
            self.reached(self._point)

    def reached(self, point: str) -> None:
        """Says that the worker is here."""
        if self._signal is None or point != self._point:
            return
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), self._signal)


class TrappedDatabase:
    """Knows a claim and a record by what they return."""

    def __init__(self, db: Database, trap: Trap) -> None:
        self._db = db
        self._trap = trap

    @property
    def dialect(self) -> str:
        return self._db.dialect

    @property
    def alone(self) -> bool:
        return self._db.alone

    async def write(self, work: Callable[[Tx], T], *, durable: bool = True) -> T:
        def watched(tx: Tx) -> T:
            made = work(tx)
            if isinstance(made, Recorded):
                self._trap.reached("mid_record")
            return made

        made = await self._db.write(watched, durable=durable)
        if isinstance(made, tuple):
            self._trap.reached("after_claim")
        if isinstance(made, Recorded):
            self._trap.reached("after_record")
        return made

    async def read(self, work: Callable[[Tx], T]) -> T:
        return await self._db.read(work)

    async def ready(self) -> None:
        await self._db.ready()

    async def close(self) -> None:
        await self._db.close()


class TrappedHttp(HttpClient):
    """Knows when something leaves and when its answer is there."""

    trap: Trap

    async def send(self, request: Outgoing, timeout_s: float = 30.0) -> Sent:
        self.trap.reached("before_send")
        self.trap.carries(request.body)
        sent = await super().send(request, timeout_s)
        self.trap.reached("after_send")
        return sent


async def main(trap: Trap, lot: int) -> None:
    lots.LOT = lot  # type: ignore[misc]
    values = settings.load()
    clock, metrics = SystemClock(), Metrics((), DESTINATIONS)
    db = TrappedDatabase(open_database(values.database_url.reveal(), clock), trap)
    http = TrappedHttp(values.sandbox_url)
    http.trap = trap
    pace = engine.Pace(lease_s=values.lease_seconds, poll_s=values.poll_seconds)
    worker = engine.Worker(db, http, values.secret_box(), clock, Ids(), metrics, pace)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, worker.stop)
    print("ready", flush=True)
    await worker.run()
    await http.close()
    await db.close()
    counted = dict(line.rsplit(" ", 1) for line in metrics.render().decode().splitlines() if not line.startswith("#"))
    late = float(counted["leadtrackr_late_outcomes_refused_total"])
    takeovers = float(counted["leadtrackr_lease_takeovers_total"])
    print("counted", json.dumps({"late": late, "takeovers": takeovers}), flush=True)


if __name__ == "__main__":
    asyncio.run(main(Trap(*sys.argv[1:4]), int((sys.argv[4:] or [str(LOT)])[0])))
