"""The rows about claim and record, on both databases: against the barest SQL, and on a queue of a million."""

import asyncio
import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from bench.limit_claim import Bare, Sent
from bench.queued import MODELS, Queue
from bench.stores import KINDS
from leadtrackr.conversions import claim, connections
from leadtrackr.conversions.lots import LOT
from leadtrackr.conversions.model import Claimed, Result
from leadtrackr.conversions.record import Recorded, record
from leadtrackr.db.database import Tx
from leadtrackr.destinations.contract import Kind, Outcome
from leadtrackr.kit.clock import MINUTE

CONNECTION: Final = 1
TAKEN: Final = 2000
LEFT: Final = 10
"""What a queue that is nearly empty holds beside what is taken."""
_EVENT: Final = (
    '{"transactionId":"%s","eventTimestamp":"2026-11-23T10:00:00Z","currency":"EUR","conversionValue":51.0,'
    '"adIdentifiers":{"gclid":"Cj0KCQjwn9_IBhCyARIsAO7Vf1tQ2hFhCwVdNGmOhNoBcPzT4mHkYw0aRr8tVQmXxLq3"},'
    '"userData":{"userIdentifiers":[{"emailAddress":"***"},{"phoneNumber":"***"}]},"destinationReferences":["d0"]}'
)
_URL: Final = "https://datamanager.googleapis.com/v1/events:ingest"
_HEAD: Final = "POST /v1/events:ingest\nauthorization: ***\ncontent-type: application/json"


class _Bench:
    """A queue that is worked on by the program and by its limit."""

    def __init__(self, url: str) -> None:
        self.queue = Queue(url)
        self.bare = Bare(url)
        self._taken = 0

    async def start(self, count: int) -> None:
        await self.queue.start()
        self.queue.fill(max(count, MODELS))
        if count < MODELS:
            self.queue.empty_to(count)

    async def close(self) -> None:
        self._check()
        self.bare.close()
        await self.queue.db.close()

    async def by_program(self) -> float:
        """Seconds for all of it, lot after lot."""
        seconds = 0.0
        self.queue.rest()
        for _ in range(TAKEN // LOT):
            seconds += await self._lot()
        return seconds

    def by_limit(self) -> float:
        """Seconds for all of it at once."""
        sent = Sent(url=_URL, head=_HEAD, reference=self._reference(), request=lambda event: _EVENT % event)
        self.queue.rest()
        seconds = self.bare.take(CONNECTION, TAKEN, sent)
        self._taken += TAKEN
        return seconds

    def _reference(self) -> str:
        return f"request-{self._taken:012}"

    async def _lot(self) -> float:
        token, db = self._reference(), self.queue.db
        started = time.perf_counter()
        claimed = await db.write(lambda tx: _claim(tx, token))
        seconds = time.perf_counter() - started
        results = _results(claimed, token)
        self._taken += len(claimed)
        connection = await db.read(lambda tx: connections.by_id(tx, CONNECTION))
        assert connection is not None

        def work(tx: Tx) -> Recorded:
            recorded = record(tx, connection, token, results, lambda: 0.5)
            claim.end(tx, token)
            return recorded

        started = time.perf_counter()
        await db.write(work)
        return seconds + time.perf_counter() - started

    def _check(self) -> None:
        found = (
            self.queue.count("deliveries WHERE state = 'accepted' AND tries = 1"),
            self.queue.count("attempts"),
            self.queue.count("jobs WHERE state = 'settled' AND settled_at IS NOT NULL"),
        )
        if found != (self._taken, self._taken, self._taken) or self.queue.count("leases"):
            raise RuntimeError(f"not everything that was taken was recorded: {found} of {self._taken}")


def _claim(tx: Tx, token: str) -> list[Claimed]:
    """As a drain does, but for the limits of requests."""
    connections.locked(tx, CONNECTION)
    claim.others_send(tx, CONNECTION, "bench")
    return claim.lease(tx, CONNECTION, token=token, owner="bench", most=LOT, lease_us=MINUTE)


def _results(claimed: list[Claimed], reference: str) -> list[Result]:
    outcome = Outcome(kind=Kind.ACCEPTED, code="accepted", reference=reference)
    now = time.time_ns() // 1000
    return [
        Result(
            delivery=one,
            outcome=outcome,
            started_at=now,
            ended_at=now,
            http_status=200,
            url=_URL,
            head=_HEAD,
            place=place,
            size=len(claimed),
            request=_EVENT % one.event_id,
        )
        for place, one in enumerate(claimed)
    ]


@contextmanager
def _without_collector() -> Iterator[None]:
    """The program spares it at its start; here what is measured alternates with what is not."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


async def _against_limit(url: str, rounds: int) -> list[tuple[float, float]]:
    bench = _Bench(url)
    await bench.start(LEFT)
    pairs: list[tuple[float, float]] = []
    for _ in range(rounds + 1):
        bench.queue.fill(TAKEN)
        program = await bench.by_program()
        bench.queue.fill(TAKEN)
        pairs.append((program, bench.by_limit()))
    await bench.close()
    return [(first * 1000, second * 1000) for first, second in pairs[1:]]


async def _full_and_empty(urls: tuple[str, str], rows: int, rounds: int) -> list[tuple[float, float]]:
    full, empty = _Bench(urls[0]), _Bench(urls[1])
    await full.start(rows)
    await empty.start(LEFT)
    pairs: list[tuple[float, float]] = []
    for _ in range(rounds + 1):
        empty.queue.fill(TAKEN)
        pairs.append((await full.by_program(), await empty.by_program()))
    await full.close()
    await empty.close()
    return [(first * 1000, second * 1000) for first, second in pairs[1:]]


def against_limit(kind: str, rounds: int) -> list[tuple[float, float]]:
    """Milliseconds of the program and of its limit, in turn; the first round warms up and is not among them."""
    with KINDS[kind]() as url, _without_collector():
        return asyncio.run(_against_limit(url, rounds))


def full_and_empty(kind: str, rows: int, rounds: int) -> list[tuple[float, float]]:
    """Milliseconds of the program with so many in the queue and with hardly any, in turn, the first round left out."""
    with KINDS[kind]() as full, KINDS[kind]() as empty, _without_collector():
        return asyncio.run(_full_and_empty((full, empty), rows, rounds))
