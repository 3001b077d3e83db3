"""The row about a single rating: from the 201 until the platforms have its events, on a server that is else idle."""

import asyncio
import http.client
import time
from pathlib import Path
from typing import Final

import msgspec
from sqlalchemy import select

from bench import processes, receipts, serving
from bench.stores import KINDS
from bench.templates import Site
from leadtrackr.db.open import open_database
from leadtrackr.db.statement import prepare
from leadtrackr.db.tables import deliveries
from leadtrackr.kit.clock import HOUR, SystemClock

RATINGS: Final = 130
EVERY_S: Final = 0.15
LAST_S: Final = 3.0
"""How long the last rating's events may take."""
_EVENTS: Final = prepare(select(deliveries.c.lead_id, deliveries.c.event_id))


class _Task(msgspec.Struct, frozen=True):
    key: str
    label: str
    leads: list[int]


async def _prepare(url: str) -> _Task:
    site = Site(url)
    await site.project()
    label = await site.label("google_ads", "ga4", "meta")
    leads = await site.leads(RATINGS, 7 * HOUR)
    await site.db.close()
    return _Task(site.key, label, leads)


def _rate(port: int, task: _Task) -> dict[int, int]:
    """One rating after the other; when each was answered with 201, in microseconds since the epoch."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    headers = {"content-type": "application/json", "x-api-key": task.key}
    answered: dict[int, int] = {}
    began = time.perf_counter()
    for turn, lead in enumerate(task.leads):
        time.sleep(max(0.0, began + turn * EVERY_S - time.perf_counter()))
        body = msgspec.json.encode({"leadId": lead, "conversionId": task.label, "price": 5000})
        connection.request("POST", "/api/leads/updateLeadStatus", body, headers)
        answer = connection.getresponse()
        answered[lead] = time.time_ns() // 1000
        if answer.status != 201:
            raise RuntimeError(f"a rating was answered with {answer.status}: {answer.read()!r}")
        answer.read()
    connection.close()
    return answered


async def _events(url: str) -> list[tuple[int, str]]:
    db = open_database(url, SystemClock())
    rows = await db.read(lambda tx: tx.all(_EVENTS))
    await db.close()
    return [(row.lead_id, row.event_id) for row in rows]


def _once(kind: str) -> float:
    with KINDS[kind]() as url, processes.sandbox() as sandbox, processes.folder() as folder:
        task = asyncio.run(_prepare(url))
        # It warns that nothing reaches a real platform.
        settings = processes.environment(Path(folder) / "unused.db", sandbox, url) | {"LEADTRACKR_LOG_LEVEL": "error"}
        with serving.serving(settings) as server:
            answered = _rate(server.port, task)
            time.sleep(LAST_S)
            at = receipts.received(sandbox)
        return receipts.p99(receipts.delays_ms(asyncio.run(_events(url)), answered, at))


def measure(rounds: int) -> dict[str, list[float]]:
    """The 99th percentile in milliseconds, by the kind of database."""
    return {kind: [_once(kind) for _ in range(rounds)] for kind in KINDS}
