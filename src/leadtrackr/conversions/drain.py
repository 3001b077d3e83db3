"""One connection, served until it has nothing more to send: claim, send, record, lot after lot.

While a lot is on its way, the one before it is recorded and the next ones are claimed and built. Two lots are never on
their way at once, and what stands behind a delivery of one is in no other.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from operator import attrgetter, itemgetter
from typing import Any, Final, TypeVar

import msgspec
import structlog

from leadtrackr.conversions import claim, connections, hold, lots, outcomes
from leadtrackr.conversions.allowance import Allowance
from leadtrackr.conversions.lease import Lease
from leadtrackr.conversions.lots import Candidate
from leadtrackr.conversions.model import Claimed, ConnectionState, Result
from leadtrackr.conversions.record import Recorded, record
from leadtrackr.conversions.sender import Batch, Draft, Sender, stops
from leadtrackr.conversions.settle import pass_jobs
from leadtrackr.db.database import Database, Tx
from leadtrackr.destinations.contract import Kind, Outcome
from leadtrackr.destinations.registry import DESTINATIONS
from leadtrackr.kit.clock import Clock
from leadtrackr.kit.errors import Unavailable
from leadtrackr.kit.ids import Ids
from leadtrackr.kit.metrics import Metrics
from leadtrackr.kit.secretbox import SecretBox, UnreadableSecretError

WRITE_AGAIN_S: Final = (0.1, 0.2, 0.5, 1.0, 2.0)
"""How long a worker waits before it tries again to write what came of a lot."""
_STATE: Final = itemgetter(1)
_KIND: Final = attrgetter("outcome.kind")
T = TypeVar("T")
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What a worker lends to each of its drains."""

    db: Database
    sender: Sender
    box: SecretBox
    clock: Clock
    ids: Ids
    metrics: Metrics
    lease_us: int
    owner: str
    """The worker's name on its leases."""
    stopping: Callable[[], bool]


@dataclass(frozen=True, slots=True)
class _Lot:
    """What is delivered under one lease."""

    batch: Batch
    lease: Lease
    allowance: Allowance
    full: bool
    """As many as a lease may hold: there are probably more."""
    drafts: tuple[Draft, ...] = ()
    """Its requests, where there was time to build them while another lot was on its way."""
    results: list[Result] = field(default_factory=list)

    @property
    def stopped(self) -> bool:
        """Whether an answer was one after which nothing more is to be sent."""
        return any(map(stops, {id(one.outcome): one.outcome for one in self.results}.values()))


class _Ahead:
    """Claims while lots are sent: of three at most, one is ready, one is built and one is claimed."""

    def __init__(
        self,
        take: Callable[[], Coroutine[Any, Any, _Lot | None]],
        draft: Callable[[_Lot], Awaitable[_Lot]],
    ) -> None:
        self._take = take
        self._draft = draft
        self._ready: asyncio.Queue[_Lot | None] = asyncio.Queue(1)
        self._ended = False
        self._leaving = False
        self._task = asyncio.create_task(self._run())

    async def next(self) -> _Lot | None:
        """The next lot; None when there is none, or what stopped the claiming is raised."""
        lot = None if self._ended else await self._ready.get()
        if lot is None and not self._ended:
            self._ended = True
            await self._task
        return lot

    async def leave(self) -> list[_Lot]:
        """Claims no more; what has been claimed and not been asked for."""
        self._leaving = True
        left = []
        while not self._ended and (lot := await self._ready.get()) is not None:
            left.append(lot)
        self._ended = True
        await asyncio.gather(self._task, return_exceptions=True)
        return left

    async def _run(self) -> None:
        try:
            taking: asyncio.Task[_Lot | None] | None = asyncio.create_task(self._take())
            while taking is not None and (lot := await taking) is not None:
                taking = asyncio.create_task(self._take()) if lot.full and not self._leaving else None
                # So that the database has its next work before this thread is busy building.
                await asyncio.sleep(0)
                await self._ready.put(await self._draft(lot))
        finally:
            await self._ready.put(None)


class Drain:
    """Serves one connection."""

    def __init__(self, means: Means, connection_id: int) -> None:
        self._means = means
        self._connection_id = connection_id
        self._leases: set[Lease] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self.wait_us = 0
        """When it ended because the platform's limits are used up: how long they are, microseconds."""

    async def run(self) -> None:
        """Delivers until nothing is left, the platform stops it or the worker stops. Unavailable without a database."""
        try:
            while (lot := await self._take()) is not None:
                await self._serve(lot)
                if self._means.stopping():
                    break
        finally:
            await asyncio.gather(*self._tasks, return_exceptions=True)
            for lease in self._leases:
                lease.end()

    async def _serve(self, first: _Lot) -> None:
        """Sends a lot and then those claimed meanwhile, until there are none or the platform stops it.

        Records all of them: if the platform stopped it, the next claim finds that out.
        """
        goes_on = first.full and not self._means.stopping()
        ahead = _Ahead(partial(self._take, ahead=True), self._draft) if goes_on else None
        lot: _Lot | None = first
        before: asyncio.Task[None] | None = None
        try:
            while lot is not None:
                recording = await self._deliver(lot, ahead)
                lot = None if ahead is None else await ahead.next()
                if before is not None:
                    await before
                before = recording
            if before is not None:
                await before
        finally:
            if ahead is not None:
                await ahead.leave()

    async def _deliver(self, lot: _Lot, ahead: _Ahead | None) -> asyncio.Task[None]:
        """Sends one lot; returns what records it."""
        faulty = False
        try:
            await self._means.sender.send(lot.batch, lambda: self._may_send(lot), lot.results, lot.drafts)
            if ahead is not None and (self._means.stopping() or lot.stopped):
                await self._give_back(await ahead.leave())
        except Unavailable:
            raise
        except Exception:
            faulty = True
            raise
        finally:
            # Whatever happens meanwhile: what has been sent is recorded, and what has not goes back. Not what may be
            # the cause of a fault of ours: its lease runs out, so that it is counted as with a process that dies.
            recording = self._begin(self._record(lot, give_back=not faulty))
        return recording

    def _begin(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _may_send(self, lot: _Lot) -> bool:
        async def still_ours() -> bool:
            return not self._means.stopping() and await lot.lease.keep()

        return await still_ours() and await lot.allowance.spend(self._means.db, still_ours)

    async def _take(self, *, ahead: bool = False) -> _Lot | None:
        """Claims once; `ahead`: while another lot is on its way."""
        means = self._means
        token, since = means.ids.token(), means.clock.now()
        # A claim that a power cut undoes is one that was never made: docs/decisions/0021.
        claimed = await means.db.write(lambda tx: self._claim(tx, token, ahead=ahead), durable=False)
        if claimed is None:
            return None
        batch, allowance = claimed
        lease = Lease(means.db, means.clock, token, means.lease_us, since)
        self._leases.add(lease)
        lease.start()
        full = not batch.connection.failures and len(batch.deliveries) == _most(batch)
        return _Lot(batch, lease, allowance, full)

    def _claim(self, tx: Tx, token: str, *, ahead: bool) -> tuple[Batch, Allowance] | None:
        means = self._means
        batch = self._open(tx)
        # Windows close and grants grow old by the database's clock; this host's may be wrong.
        offset_us = tx.now() - means.clock.now()
        if batch is None or claim.others_send(tx, self._connection_id, means.owner):
            return None
        probing = batch.connection.failures > 0
        if probing and claim.any_sends(tx, self._connection_id):
            return None
        allowance = Allowance.of(batch.destination, batch.settings, means.clock, offset_us)

        def fit(lot: list[Candidate]) -> list[Candidate]:
            if ahead and any(one.deaths for one in lot):
                # Whatever kills this worker now is in the lot that is sent: it must not count against these.
                return []
            size = batch.destination.limits.batch_events
            needed = lots.requests(lot, size)
            granted = allowance.take(tx, 1 if probing else needed)
            return lot if granted >= needed else lots.within(lot, size, granted)

        deliveries = claim.lease(
            tx,
            self._connection_id,
            token=token,
            owner=means.owner,
            most=_most(batch),
            lease_us=means.lease_us,
            fit=fit,
        )
        if allowance.wait_us:
            # What the limits do not allow now has been looked at: its leads need not stay pending for that.
            pass_jobs(tx, hold.pass_in_queue(tx, self._connection_id, code=outcomes.RATE_LIMIT), now=tx.now())
        self.wait_us = 0 if deliveries else allowance.wait_us
        if not deliveries:
            return None
        return msgspec.structs.replace(batch, deliveries=tuple(deliveries), offset_us=offset_us), allowance

    def _open(self, tx: Tx) -> Batch | None:
        """The connection, locked, as an empty batch; None when nothing may be sent to it now."""
        connection = connections.locked(tx, self._connection_id)
        if connection is None or connection.state != ConnectionState.ACTIVE:
            return None
        if connection.paused_until is not None and connection.paused_until > tx.now():
            return None
        destination = DESTINATIONS.get(connection.destination)
        if destination is None:
            return None
        try:
            return Batch(connection, destination, connections.full_settings(connection, self._means.box), ())
        except UnreadableSecretError as error:
            outcome = Outcome(kind=Kind.HOLD, code="unreadable_secrets", detail=str(error), hold="configuration")
            hold.hold_connection(tx, connection.id, reason="configuration", outcome=outcome, now=tx.now())
            return None

    async def _give_back(self, claimed: Sequence[_Lot]) -> None:
        """Gives back what was claimed ahead, since nothing more is to be sent.

        Before the outcome of what was sent is recorded, so that what that does to the queue is done to these too.
        """
        for lot in claimed:
            self._end(lot.lease)
            await self._means.db.write(partial(_give_back, token=lot.lease.token, deliveries=lot.batch.deliveries))
            await lot.allowance.give_back(self._means.db)

    async def _draft(self, lot: _Lot) -> _Lot:
        return replace(lot, drafts=await self._means.sender.draft(lot.batch))

    def _end(self, lease: Lease) -> None:
        self._leases.discard(lease)
        lease.end()

    async def _record(self, lot: _Lot, *, give_back: bool) -> None:
        means, connection, token = self._means, lot.batch.connection, lot.lease.token
        sent = {result.delivery.id for result in lot.results}
        left = [one for one in lot.batch.deliveries if one.id not in sent]

        def work(tx: Tx) -> Recorded:
            recorded = record(tx, connection, token, lot.results, means.ids.fraction)
            if give_back or not left:
                _give_back(tx, token, left)
            return recorded

        try:
            recorded = await self._written(work)
        finally:
            self._end(lot.lease)
        self._count(lot.batch.destination.slug, recorded, lot.results)
        await lot.allowance.give_back(means.db)

    async def _written(self, work: Callable[[Tx], T]) -> T:
        """Writes what came of a lot, also when the database is away for a moment: nobody else knows it.

        Else it would be sent again, and after some such moments in a row be taken for what kills its workers. Whoever
        has taken the lot over meanwhile is safe: what is late is refused.
        """
        for wait_s in WRITE_AGAIN_S:
            try:
                return await self._means.db.write(work)
            except Unavailable:
                if self._means.stopping():
                    raise
                await asyncio.sleep(wait_s)
        return await self._means.db.write(work)

    def _count(self, slug: str, recorded: Recorded, results: Sequence[Result]) -> None:
        metrics = self._means.metrics
        for state, count in Counter(map(_STATE, recorded.moves)).items():
            metrics.delivery(slug, state.value, count)
        for kind, count in Counter(map(_KIND, results)).items():
            metrics.attempt(slug, kind.value, count)
        if recorded.late:
            metrics.late_outcome(recorded.late)
            _log.warning("late_outcomes_refused", destination=slug, count=recorded.late)


def _most(batch: Batch) -> int:
    """Most deliveries under one lease; a destination that failed is tried with a single request."""
    limits = batch.destination.limits
    if batch.connection.failures > 0:
        return min(lots.LOT, limits.batch_events)
    return min(lots.LOT, limits.batch_events * limits.in_flight * lots.ROUNDS)


def _give_back(tx: Tx, token: str, deliveries: Sequence[Claimed]) -> None:
    claim.give_back(tx, token, [one.id for one in deliveries])
    claim.end(tx, token)
