"""What the list of leads shows of each platform."""

from leadtrackr.conversions import receipts
from leadtrackr.conversions.model import State
from tests.support.engine import REJECTED, World


def standings(world: World, lead: int) -> dict[str, State]:
    return world.run(receipts.standings(world.db, 1, [lead])).get(lead, {})


def test_the_newest_delivery_says_how_a_lead_stands(world: World) -> None:
    world.furnish("meta")
    lead = world.lead()
    assert standings(world, lead) == {}
    world.rate(lead, "Won")
    assert standings(world, lead) == {"meta": State.QUEUED}
    world.send("meta", REJECTED)
    assert standings(world, lead) == {"meta": State.REJECTED}
    world.rate(lead, "Won")
    assert standings(world, lead) == {"meta": State.QUEUED}


def test_a_lead_that_counts_stands_as_such_when_it_is_rated_the_same_again(world: World) -> None:
    world.project()
    world.label("Won", done=True, convert_once=True)
    world.connect("meta")
    lead = world.lead()
    world.rate(lead, "Won")
    world.send("meta")
    world.rate(lead, "Won")
    assert [row.state for row in world.deliveries()] == [State.ACCEPTED, State.SKIPPED]
    assert standings(world, lead) == {"meta": State.ACCEPTED}
