"""F22: a thousand refused conversions are asked for again, many times at once, while a worker delivers: once each."""

import asyncio
from pathlib import Path

from leadtrackr.conversions import operations
from leadtrackr.conversions.again import Fate, Plan
from leadtrackr.conversions.operations import Chosen
from leadtrackr.conversions.receipts import Filters
from leadtrackr.db import tables
from leadtrackr.kit.clock import SystemClock
from tests.faults.processes import Sandbox, eventually, figure, furnish, worker
from tests.faults.test_f2_worker_killed import rate_many, unsettled
from tests.support.engine import World
from tests.support.tables import execute

COUNT = 1000
AT_ONCE = 4


def ask(world: World, chosen: Chosen) -> list[Plan]:
    """So many orders at the same moment."""
    project = str(world.rows(tables.projects)[0].id)

    async def all_of_it() -> list[Plan]:
        return await asyncio.gather(*(operations.retry(world.db, project, chosen) for _ in range(AT_ONCE)))

    return world.run(all_of_it())


def test_f22_a_thousand_asked_for_several_times_at_once_are_sent_once_each(
    database_url: str, tmp_path: Path, fresh_sandbox: Sandbox
) -> None:
    with furnish(database_url) as world:
        rate_many(world, COUNT)
    execute(database_url, "UPDATE deliveries SET state = 'rejected', code = '190', passed = 1, settled_at = 1")
    made: dict[int, str] = dict(execute(database_url, "SELECT id, event_id FROM deliveries ORDER BY id"))
    by_ids, by_filter = Chosen(ids=tuple(made)), Chosen(filters=Filters(destination="meta"))

    world = World(database_url, clock=SystemClock(), seed=2)
    with world, worker(database_url, tmp_path, fresh_sandbox.url) as first:
        first.wait_for("ready")
        plans = ask(world, by_ids) + ask(world, by_filter)
        eventually(lambda: unsettled(database_url) == 0, "everything is sent")
        late = ask(world, by_ids)
        eventually(lambda: unsettled(database_url) == 0, "nothing is left")
        assert first.end() == 0

    keys = fresh_sandbox.keys("meta")
    assert keys.keys() == set(made.values())
    twice = sum(times - 1 for times in keys.values())
    assert twice == 0
    assert sum(len(plan.ids) for plan in plans) == COUNT, "one order sends each, the others leave it"
    assert {group.fate for plan in late for group in plan.groups} == {Fate.ACCEPTED}
    assert execute(database_url, "SELECT DISTINCT state FROM deliveries") == [("accepted",)]
    found = f"{COUNT} asked for {len(plans) + len(late)} times, sent {len(keys)}, sent twice {twice}"
    figure("F22", database_url, 1, found, "sent once each", 2)
