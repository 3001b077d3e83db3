"""The delivery loop: claim, send, record, for every connection by itself, so that one that hangs slows no other."""

import asyncio
import contextlib
from collections import Counter
from functools import partial
from typing import Final

import msgspec
import structlog

from leadtrackr.conversions import claim, connections
from leadtrackr.conversions.hold import hold_connection
from leadtrackr.conversions.inquirer import Inquirer
from leadtrackr.conversions.lease import Lease
from leadtrackr.conversions.model import Claimed, Connection, ConnectionState
from leadtrackr.conversions.record import Recorded, record
from leadtrackr.conversions.sender import Batch, Sender
from leadtrackr.conversions.tokens import Tokens
from leadtrackr.db.database import Database, Tx
from leadtrackr.destinations.contract import Destination, Kind, Outcome
from leadtrackr.destinations.registry import DESTINATIONS
from leadtrackr.kit.clock import MINUTE, SECOND, Clock
from leadtrackr.kit.errors import Unavailable
from leadtrackr.kit.http import HttpClient
from leadtrackr.kit.ids import Ids
from leadtrackr.kit.metrics import Metrics
from leadtrackr.kit.secretbox import SecretBox, UnreadableSecretError

CLAIM: Final = 2000
"""Most deliveries under one lease."""
CLAIM_ROUNDS: Final = 25
"""A lease of a destination that takes few events at once holds at most this many rounds of requests."""
MEND_EVERY: Final = 5 * MINUTE
_log = structlog.get_logger(__name__)


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How long a lease lasts, how often the worker looks by itself, and how long it may take to stop; in seconds."""

    lease_s: float = 60.0
    poll_s: float = 1.0
    grace_s: float = 20.0


class Worker:
    """One delivery loop. Any number of them, in any number of processes, share a PostgreSQL database."""

    def __init__(
        self, db: Database, http: HttpClient, box: SecretBox, clock: Clock, ids: Ids, metrics: Metrics, pace: Pace
    ) -> None:
        self._db = db
        self._box = box
        self._clock = clock
        self._ids = ids
        self._metrics = metrics
        self._pace = pace
        self._lease_us = int(pace.lease_s * SECOND)
        tokens = Tokens(http, clock)
        self._sender = Sender(http, tokens, clock)
        self._inquirer = Inquirer(db, http, tokens, box, metrics)
        self._asking: asyncio.Task[None] | None = None
        self._awake = asyncio.Event()
        self._stopping = False
        self._draining: dict[int, asyncio.Task[None]] = {}
        self._mended_at = 0

    def wake(self) -> None:
        """There is something to do; it need not wait for the next look."""
        self._awake.set()

    async def run(self) -> None:
        """Delivers until `stop`; then finishes what is on its way."""
        await self._take_over_at_once()
        while not self._stopping:
            self._awake.clear()
            try:
                await self.look()
            except Unavailable:
                _log.warning("database_away")
            except Exception:  # noqa: BLE001 - the loop is the last to fall; the next look tries again
                _log.exception("worker_failed")
            if not self._stopping:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._awake.wait(), self._pace.poll_s * (0.75 + self._ids.fraction() / 2))
        await self._finish()

    async def _take_over_at_once(self) -> None:
        """After a crash nobody waits for the leases of a process that is surely gone."""
        if self._db.alone:
            try:
                await self._db.write(claim.abandon_leases)
            except Unavailable:
                _log.warning("database_away")

    def stop(self) -> None:
        """Claims nothing more; `run` returns when what was sent has been recorded."""
        self._stopping = True
        self._awake.set()

    async def look(self) -> None:
        """One look: housekeeping, then a task for each connection that has something to send."""
        await self._housekeeping()
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask())
        for connection_id in await self._db.read(claim.ready_connections):
            if connection_id not in self._draining:
                task = asyncio.create_task(self._drain(connection_id))
                self._draining[connection_id] = task
                task.add_done_callback(partial(self._done, connection_id))

    def _done(self, connection_id: int, _: asyncio.Task[None]) -> None:
        self._draining.pop(connection_id, None)

    async def settle(self) -> None:
        """Waits until every connection that is being served has nothing more to send. For the demo and tests."""
        while self._draining:
            await asyncio.gather(*self._draining.values(), return_exceptions=True)
        if self._asking is not None:
            await self._asking

    async def _finish(self) -> None:
        under_way = [*self._draining.values(), *([self._asking] if self._asking else [])]
        if under_way:
            _, late = await asyncio.wait(under_way, timeout=self._pace.grace_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _housekeeping(self) -> None:
        while await self._db.read(claim.housekeeping_needed):
            swept = await self._db.write(claim.sweep)
            self._metrics.takeover(swept.taken_over)
            if not swept.total:
                break
        now = self._clock.now()
        if now - self._mended_at >= MEND_EVERY:
            self._mended_at = now
            await self._db.write(claim.mend)

    async def _ask(self) -> None:
        try:
            await self._inquirer.ask_due()
        except Unavailable:
            _log.warning("database_away")
        except Exception:  # noqa: BLE001 - a question that could not be asked is asked again later
            _log.exception("inquiry_failed")

    async def _drain(self, connection_id: int) -> None:
        try:
            while not self._stopping and await self._deliver_once(connection_id):
                pass
        except Unavailable:
            _log.warning("database_away", connection=connection_id)
        except Exception:  # noqa: BLE001 - the leases run out by themselves, and another look tries again
            _log.exception("delivery_failed", connection=connection_id)

    async def _deliver_once(self, connection_id: int) -> bool:
        """Claims, sends and records once; whether it is worth doing it again at once."""
        token, since = self._ids.token(), self._clock.now()
        claimed = await self._db.write(lambda tx: self._claim(tx, connection_id, token))
        if claimed is None:
            return False
        connection, destination, deliveries = claimed
        left: list[Claimed] = list(deliveries)
        try:
            settings = connections.full_settings(connection, self._box)
            batch = Batch(connection, destination, settings, tuple(deliveries))
            lease = Lease(self._db, self._clock, token, self._lease_us, since)
            async with lease.alive():
                results = await self._sender.send(batch, lease.keep)
            recorded = await self._db.write(lambda tx: record(tx, connection, token, results, self._ids.fraction))
            sent = {result.delivery.id for result in results}
            left = [one for one in deliveries if one.id not in sent]
        except UnreadableSecretError as error:
            outcome = Outcome(kind=Kind.HOLD, code="unreadable_secrets", detail=str(error), hold="configuration")
            await self._db.write(lambda tx: self._hold(tx, connection.id, token, deliveries, outcome))
            return False
        if left:
            await self._db.write(lambda tx: claim.give_back(tx, token, [one.id for one in left]))
        self._count(destination.slug, recorded, [result.outcome for result in results])
        # If the platform stopped all of it, the next claim finds that out.
        return True

    def _claim(self, tx: Tx, connection_id: int, token: str) -> tuple[Connection, Destination, list[Claimed]] | None:
        connection = connections.by_id(tx, connection_id)
        if connection is None or connection.state != ConnectionState.ACTIVE:
            return None
        if connection.paused_until is not None and connection.paused_until > tx.now():
            return None
        destination = DESTINATIONS.get(connection.destination)
        if destination is None:
            return None
        limits = destination.limits
        most = min(CLAIM, limits.batch_events * limits.in_flight * CLAIM_ROUNDS)
        deliveries = claim.lease(tx, connection_id, token=token, most=most, lease_us=self._lease_us)
        return (connection, destination, deliveries) if deliveries else None

    def _hold(self, tx: Tx, connection_id: int, token: str, deliveries: list[Claimed], outcome: Outcome) -> None:
        claim.give_back(tx, token, [one.id for one in deliveries])
        hold_connection(tx, connection_id, reason="configuration", outcome=outcome, now=tx.now())

    def _count(self, slug: str, recorded: Recorded, outcomes: list[Outcome]) -> None:
        for state, count in Counter(state for _, state in recorded.moves).items():
            self._metrics.delivery(slug, state.value, count)
        for kind, count in Counter(outcome.kind for outcome in outcomes).items():
            self._metrics.attempt(slug, kind.value, count)
        if recorded.late:
            self._metrics.late_outcome(recorded.late)
            _log.warning("late_outcomes_refused", destination=slug, count=recorded.late)
