"""The delivery loop: housekeeping, and a drain for each connection by itself, so that one that hangs slows no other."""

import asyncio
import contextlib
from functools import partial
from typing import Final

import msgspec
import structlog

from leadtrackr.conversions import claim, housekeeping, inquiry
from leadtrackr.conversions.drain import Drain, Means
from leadtrackr.conversions.inquirer import Inquirer
from leadtrackr.conversions.sender import Sender
from leadtrackr.conversions.tokens import Tokens
from leadtrackr.conversions.versions import VersionWatch
from leadtrackr.db.database import Database, Tx
from leadtrackr.kit.clock import MINUTE, SECOND, Clock
from leadtrackr.kit.errors import Unavailable
from leadtrackr.kit.http import HttpClient
from leadtrackr.kit.ids import Ids
from leadtrackr.kit.metrics import Metrics
from leadtrackr.kit.secretbox import SecretBox

MEND_EVERY: Final = 5 * MINUTE
GRACE_S: Final = 19
"""Seconds that whatever is under way gets when the process is to end. What is left of 20 is for writing it down."""
_log = structlog.get_logger(__name__)


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How long a lease lasts, how often the worker looks by itself, and how long it may take to stop; in seconds."""

    lease_s: float = 60.0
    poll_s: float = 1.0
    grace_s: float = GRACE_S


class _Seen(msgspec.Struct, frozen=True):
    """What there is to do."""

    housekeeping: bool
    questions: bool
    """Whether a platform is to be asked what became of a request."""
    ready: list[int]
    """Connections that have something to send."""


def _seen(tx: Tx) -> _Seen:
    """In one read, since a worker with nothing to do does hardly anything else."""
    return _Seen(housekeeping.housekeeping_needed(tx), inquiry.any_due(tx), claim.ready_connections(tx))


class Worker:
    """One delivery loop. Any number of them, in any number of processes, share a PostgreSQL database."""

    def __init__(
        self, db: Database, http: HttpClient, box: SecretBox, clock: Clock, ids: Ids, metrics: Metrics, pace: Pace
    ) -> None:
        self._db = db
        self._clock = clock
        self._ids = ids
        self._metrics = metrics
        self._pace = pace
        tokens = Tokens(http, clock, db, box)
        self._inquirer = Inquirer(db, http, tokens, box, clock, metrics)
        self._asking: asyncio.Task[None] | None = None
        self._awake = asyncio.Event()
        self._stopping = False
        self._means = Means(
            db=db,
            sender=Sender(http, tokens, clock, ids),
            box=box,
            clock=clock,
            ids=ids,
            metrics=metrics,
            lease_us=int(pace.lease_s * SECOND),
            owner=ids.token(),
            stopping=lambda: self._stopping,
        )
        self._draining: dict[int, asyncio.Task[None]] = {}
        self._asked_again: set[int] = set()
        """Connections that had something to send when a look found their drain still at work."""
        self._mended_at = 0
        self._versions = VersionWatch(db, clock)

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
                await self._db.write(housekeeping.abandon_leases)
            except Unavailable:
                _log.warning("database_away")

    def stop(self) -> None:
        """Claims nothing more; `run` returns when what was sent has been recorded."""
        self._stopping = True
        self._awake.set()

    async def look(self) -> None:
        """One look: housekeeping, and a task for each connection that has something to send."""
        found, moved = await self._db.read(_seen), True
        while found.housekeeping and moved and not self._stopping:
            swept = await self._db.write(housekeeping.sweep)
            self._metrics.takeover(swept.taken_over)
            moved = swept.total > 0
            found = await self._db.read(_seen)
            if found.housekeeping and moved:
                # Nobody waits for more than a step of it.
                await self._mend_in_time()
                self._begin(found)
        if await self._mend_in_time():
            found = await self._db.read(_seen)
        await self._versions.look()
        self._begin(found)

    def _begin(self, found: _Seen) -> None:
        if self._stopping:
            return
        if found.questions and (self._asking is None or self._asking.done()):
            self._asking = asyncio.create_task(self._ask())
        for connection_id in found.ready:
            if connection_id in self._draining:
                # That drain may have looked into the queue for the last time already.
                self._asked_again.add(connection_id)
            else:
                task = asyncio.create_task(self._drain(connection_id))
                self._draining[connection_id] = task
                task.add_done_callback(partial(self._done, connection_id))

    def _done(self, connection_id: int, _: asyncio.Task[None]) -> None:
        self._draining.pop(connection_id, None)
        if connection_id in self._asked_again:
            self._asked_again.discard(connection_id)
            self.wake()

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
                # A drain that is cancelled records what it has sent and gives back what it has not.
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        with contextlib.suppress(Unavailable):
            await self._db.write(lambda tx: claim.give_back_all(tx, self._means.owner))

    async def _mend_in_time(self) -> bool:
        """Whether its time had come."""
        now = self._clock.now()
        if now - self._mended_at < MEND_EVERY:
            return False
        self._mended_at = now
        await self._db.write(housekeeping.mend)
        return True

    async def _ask(self) -> None:
        try:
            await self._inquirer.ask_due()
        except Unavailable:
            _log.warning("database_away")
        except Exception:  # noqa: BLE001 - a question that could not be asked is asked again later
            _log.exception("inquiry_failed")

    async def _drain(self, connection_id: int) -> None:
        try:
            drain = Drain(self._means, connection_id)
            await drain.run()
            if drain.wait_us:
                asyncio.get_running_loop().call_later(drain.wait_us / SECOND, self.wake)
        except Unavailable:
            _log.warning("database_away", connection=connection_id)
        except Exception:  # noqa: BLE001 - the leases run out by themselves, and another look tries again
            _log.exception("delivery_failed", connection=connection_id)
