"""The row about a platform that hangs: how long five other connections wait for their events to be received.

`python -m bench.neighbours SANDBOX_URL with|alone` delivers into the environment's database and prints one JSON line.
"""

import asyncio
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import msgspec
import uvloop
from sqlalchemy import select

from bench import processes, receipts
from bench.templates import Site
from leadtrackr import app, settings
from leadtrackr.conversions import service as conversions
from leadtrackr.db.database import Database
from leadtrackr.db.statement import prepare
from leadtrackr.db.tables import deliveries
from leadtrackr.kit.clock import HOUR
from leadtrackr.leads.service import Ref

OTHERS: Final = ("google_ads", "ga4", "meta", "google_ads", "ga4")
HANGING: Final = "6666666666666666"
"""The dataset of the sixth connection."""
EACH: Final = 100
"""Ratings for each connection."""
EVERY_S: Final = 0.012
"""Between two ratings of the five; each connection has one every 60 ms."""
LONGEST_S: Final = 60.0
_EVENTS: Final = prepare(
    select(deliveries.c.lead_id, deliveries.c.event_id, deliveries.c.state).where(
        deliveries.c.connection_id <= len(OTHERS)
    )
)


class Waited(msgspec.Struct, frozen=True):
    """The 99th percentile of the five's delays, in milliseconds."""

    p99_ms: float


class _Project(msgspec.Struct, frozen=True):
    key: str
    label: str
    leads: list[int]


async def _prepare(url: str, names: tuple[str, ...]) -> list[_Project]:
    site = Site(url)
    made: list[_Project] = []
    for place, slug in enumerate(names):
        await site.project()
        changed = {"dataset_id": HANGING} if place == len(OTHERS) else {}
        label = await site.label(slug, changed=changed)
        made.append(_Project(site.key, label, await site.leads(EACH, 7 * HOUR)))
    await site.db.close()
    return made


async def _rate(parts: app.Parts, project: _Project, turn: int, answered: dict[int, int]) -> None:
    """As the API does."""
    lead = project.leads[turn]
    post = conversions.Post(ref=Ref(lead_id=lead), conversion_id=project.label, price=5000)
    await conversions.update_status(parts.db, parts.ids, project.key, post)
    answered[lead] = time.time_ns() // 1000
    parts.worker.wake()


async def _load(parts: app.Parts, projects: list[_Project]) -> dict[int, int]:
    """Rates one lead after the other, each at its time; those of the sixth stand beside the first's."""
    answered: dict[int, int] = {}
    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for turn in range(EACH):
            for place, project in enumerate(projects):
                step = turn * len(OTHERS) + place % len(OTHERS)
                await asyncio.sleep(began + step * EVERY_S - time.perf_counter())
                group.create_task(_rate(parts, project, turn, answered))
    return answered


async def _events(db: Database) -> list[tuple[int, str]]:
    """The five's events, once all of them are settled."""
    until = time.perf_counter() + LONGEST_S
    while time.perf_counter() < until:
        rows = await db.read(lambda tx: tx.all(_EVENTS))
        if all(row.state in ("accepted", "confirmed") for row in rows):
            return [(row.lead_id, row.event_id) for row in rows]
        await asyncio.sleep(0.1)
    raise RuntimeError("not every event of the five was accepted")


async def _run(sandbox_url: str, with_sixth: bool) -> Waited:
    values = settings.load()
    app.set_up_log(values)
    projects = await _prepare(values.database_url.reveal(), (*OTHERS, "meta") if with_sixth else OTHERS)
    receipts.hang(sandbox_url, "meta", HANGING)
    parts = app.open_parts(values, owner=True)
    app.warm_up(parts)
    running = asyncio.create_task(parts.worker.run())
    answered = await _load(parts, projects)
    events = await _events(parts.db)
    at = await asyncio.to_thread(receipts.received, sandbox_url)
    waited = Waited(receipts.p99(receipts.delays_ms(events, answered, at)))
    # What hangs would be waited for.
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return waited


def _once(which: str) -> float:
    with tempfile.TemporaryDirectory(prefix="leadtrackr-bench-") as folder, processes.sandbox() as url:
        environment = processes.environment(Path(folder) / "leadtrackr.db", url)
        return processes.answer_of(["-m", "bench.neighbours", url, which], environment, Waited).p99_ms


def measure(rounds: int) -> list[tuple[float, float]]:
    """The 99th percentile in milliseconds with the sixth and without, in turn, each in a process of its own."""
    return [(_once("with"), _once("alone")) for _ in range(rounds)]


if __name__ == "__main__":
    print(msgspec.json.encode(uvloop.run(_run(sys.argv[1], sys.argv[2] == "with"))).decode())
