"""People who do the same to a project at the same moment, on both databases."""

import asyncio

from leadtrackr.conversions import connections
from leadtrackr.db import tables
from leadtrackr.kit.errors import Conflict
from leadtrackr.labels import service as labels
from tests.support.engine import SETTINGS, World

MANY = 8


def test_of_many_who_make_a_label_of_one_name_one_does_and_the_others_are_told(world: World) -> None:
    world.project()
    new = labels.NewLabel(name="Won")

    async def story() -> list[object]:
        making = (labels.create(world.db, world.ids, world.project_ref, new) for _ in range(MANY))
        return list(await asyncio.gather(*making, return_exceptions=True))

    found = world.run(story())
    told = [one for one in found if isinstance(one, Conflict)]
    assert {str(one) for one in told} == {"This project has a label called Won already."}
    assert len(told) == MANY - 1
    assert [one.name for one in world.run(labels.listing(world.db, world.project_ref))] == ["Won", "Lost"]


def test_of_many_who_connect_one_destination_all_do_and_the_last_counts(world: World) -> None:
    world.project()

    async def story() -> set[int]:
        each = ({**SETTINGS["meta"], "dataset_id": str(10_000 + n)} for n in range(MANY))
        making = (connections.connect(world.db, world.box, world.project_ref, "meta", values) for values in each)
        return {made.id for made in await asyncio.gather(*making)}

    assert len(world.run(story())) == 1
    assert len(world.rows(tables.connections)) == 1
