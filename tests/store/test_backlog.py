"""What is not settled, as the queue's metrics show it."""

from collections import Counter

from leadtrackr.conversions import service
from leadtrackr.conversions.housekeeping import Backlog
from leadtrackr.kit.clock import SECOND
from tests.support.engine import ACCEPTED, LEASE_US, RETRY, START, World


def counted(world: World) -> Counter[tuple[str, str]]:
    """How many deliveries stand in each state, by destination."""
    return Counter({(one.destination, one.state): one.count for one in world.run(service.backlog(world.db))})


def test_each_state_that_is_not_settled_is_counted_once(world: World) -> None:
    world.furnish("meta", "ga4")
    for _ in range(6):
        world.rate(world.lead(), "Won")
    assert counted(world) == {("meta", "queued"): 6, ("ga4", "queued"): 6}
    sent = world.claim("meta", "a", most=2)
    world.claim("meta", "b", most=3)
    world.claim("ga4", "c", most=1)
    assert counted(world) == {
        ("meta", "queued"): 1,
        ("meta", "sending"): 5,
        ("ga4", "queued"): 5,
        ("ga4", "sending"): 1,
    }
    world.record("meta", "a", sent, [ACCEPTED, RETRY])
    assert counted(world) == {
        ("meta", "queued"): 1,
        ("meta", "sending"): 3,
        ("meta", "waiting"): 1,
        ("ga4", "queued"): 5,
        ("ga4", "sending"): 1,
    }


def test_what_is_being_sent_is_as_old_as_its_oldest(world: World) -> None:
    world.furnish("meta")
    for _ in range(3):
        world.rate(world.lead(), "Won")
        world.step(SECOND)
    world.claim("meta", most=3)
    assert world.run(service.backlog(world.db)) == [Backlog("meta", "sending", 3, START)]


def test_what_a_dead_worker_leaves_is_sending_until_it_is_taken_over(world: World) -> None:
    world.furnish("meta")
    world.rate(world.lead(), "Won")
    world.claim("meta")
    world.step(LEASE_US)
    assert counted(world) == {("meta", "sending"): 1}
    world.sweep()
    assert counted(world) == {("meta", "queued"): 1}
