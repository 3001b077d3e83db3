"""F22: a thousand refused conversions are asked for again, many times at once, while a worker delivers: once each."""

import asyncio

from leadtrackr.conversions import operations
from leadtrackr.conversions.again import Fate, Plan
from leadtrackr.conversions.operations import Chosen
from leadtrackr.conversions.receipts import Filters
from leadtrackr.db import tables
from leadtrackr.kit.clock import SystemClock
from tests.faults import checker
from tests.faults.frame import Found, Scene, exactly, fault
from tests.faults.processes import eventually, furnish, rate_many, sandbox, worker
from tests.support.engine import World
from tests.support.tables import execute

COUNT = 1000


def ask(world: World, chosen: Chosen, at_once: int) -> list[Plan]:
    """So many orders at the same moment."""
    project = str(world.rows(tables.projects)[0].id)

    async def all_of_it() -> list[Plan]:
        return await asyncio.gather(*(operations.retry(world.db, project, chosen) for _ in range(at_once)))

    return world.run(all_of_it())


@fault("F22")
def test_f22_a_thousand_asked_for_several_times_at_once_are_sent_once_each(scene: Scene) -> Found:
    """By their ids and by a filter, before and after they have been sent."""
    url, at_once = scene.database_url, scene.pick(short=4, long=40)
    with furnish(url, scene.seed) as world:
        rate_many(world, COUNT)
    execute(url, "UPDATE deliveries SET state = 'rejected', code = '190', passed = 1, settled_at = 1")
    execute(url, "UPDATE jobs SET state = 'settled', remaining = 0, settled_at = 1")
    made: dict[int, str] = dict(execute(url, "SELECT id, event_id FROM deliveries ORDER BY id"))
    by_ids, by_filter = Chosen(ids=tuple(made)), Chosen(filters=Filters(destination="meta"))
    with (
        sandbox(scene.folder) as platforms,
        World(url, clock=SystemClock(), seed=2) as world,
        worker(url, scene.folder, platforms.url) as first,
    ):
        first.wait_for("ready")
        plans = ask(world, by_ids, at_once) + ask(world, by_filter, at_once)
        eventually(lambda: checker.unsettled(url) == 0, "everything is sent")
        late = ask(world, by_ids, at_once)
        eventually(lambda: checker.unsettled(url) == 0, "nothing is left")
        assert first.end() == 0
        keys = platforms.keys("meta")
    assert {group.fate for plan in late for group in plan.groups} == {Fate.ACCEPTED}
    return Found(
        len(plans) + len(late),
        (
            *checker.delivered(url, keys),
            exactly("sent", len(keys.keys() & set(made.values())), COUNT),
            exactly("sent twice", sum(times - 1 for times in keys.values()), 0),
            exactly("ordered", sum(len(plan.ids) for plan in plans), COUNT),
            checker.half_writes(url),
        ),
    )
