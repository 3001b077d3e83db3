"""Many rated leads at once, as copies of one inside the database; and what goes on in a running loop."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import Table

from leadtrackr.conversions import service
from leadtrackr.db import tables
from tests.support.engine import World
from tests.support.tables import execute
from tests.support.working import Works

STEP: Final = 50_000
"""Microseconds that the clock goes on between two glances."""
_NUMBERS: Final = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"


def rated_backlog(world: World, count: int) -> None:
    """So many leads of the world's project, each rated once and queued. SQLite: while nothing else writes."""
    lead = world.lead()
    world.rate(lead, "Won", 5000)
    if count > 1:
        _copy(world.url, lead, count - 1)


async def rate(world: World, leads: Sequence[int]) -> None:
    """Rates leads, from within the world's loop."""
    posts = [world.post(lead, "Won", 5000) for lead in leads]
    await asyncio.gather(*(service.update_status(world.db, world.ids, world.api_key, post) for post in posts))


async def deliver_as_time_goes(works: Works) -> None:
    """One look, until nothing more is sent; the clock goes on, since a limit of requests waits for it."""
    delivering = asyncio.create_task(works.deliver())
    while not delivering.done():
        works.world.step(STEP)
        await asyncio.sleep(0.005)
    await delivering


def _copy(url: str, lead: int, count: int) -> None:
    job = int(execute(url, "SELECT max(id) FROM jobs WHERE lead_id = ?", lead)[0][0])
    made = [int(row[0]) for row in execute(url, "SELECT id FROM deliveries WHERE job_id = ? ORDER BY id", job)]
    _rows(url, tables.leads, lead, count, {"id": f"{lead} + n.i"})
    _rows(url, tables.jobs, job, count, {"id": f"{job} + n.i", "lead_id": f"{lead} + n.i"})
    for delivery in made:
        _rows(
            url,
            tables.deliveries,
            delivery,
            count,
            {
                "id": f"{delivery} + n.i * {len(made)}",
                "lead_id": f"{lead} + n.i",
                "job_id": f"{job} + n.i",
                "event_id": "event_id || '-' || n.i",
            },
        )
    if not url.startswith("sqlite"):
        for name in ("leads", "jobs", "deliveries"):
            execute(url, f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), max(id)) FROM {name}")  # noqa: S608
            execute(url, f"ANALYZE {name}")


def _rows(url: str, table: Table, row: int, count: int, new: Mapping[str, str]) -> None:
    names = [column.name for column in table.columns]
    values = ", ".join(new.get(name, f"{table.name}.{name}") for name in names)
    sql = (
        f"{_NUMBERS} INSERT INTO {table.name} ({', '.join(names)}) SELECT {values} FROM {table.name}, n"  # noqa: S608
        f" WHERE {table.name}.id = ?"
    )
    execute(url, sql, count, row)
