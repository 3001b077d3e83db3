"""For how long a delivery is tried: days from its first failure, none of which passes while nothing may be sent."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import msgspec
import pytest

from leadtrackr.conversions import operations
from leadtrackr.conversions import record as recording
from leadtrackr.conversions.hold import clock, hold_connection, pause_connection
from leadtrackr.conversions.model import State
from leadtrackr.db import tables
from leadtrackr.destinations.contract import Destination, Outcome
from leadtrackr.destinations.registry import DESTINATIONS
from leadtrackr.kit.clock import DAY, HOUR, MINUTE, SECOND
from tests.support.engine import ACCEPTED, DOWN, HOLD, RETRY, START, UNKNOWN, World

LAST_STEP = 10 * HOUR


def asked(said: Outcome, microseconds: int) -> Outcome:
    """The same, with a time after which the platform wants to see it again."""
    return msgspec.structs.replace(said, retry_after_s=microseconds / SECOND)


def failed(world: World, slug: str = "google_ads") -> None:
    """One conversion that has failed once and waits for its next try."""
    world.furnish(slug)
    world.rate(world.lead(), "Won")
    world.send(slug, asked(RETRY, HOUR))
    assert left(world, slug=slug) == 3 * DAY


def shown(world: World, slug: str = "google_ads") -> int:
    return world.read(partial(clock, connection_id=world.connections[slug].id, now=world.clock.now()))


def left(world: World, number: int = 1, slug: str = "google_ads") -> int:
    """How much of the time for tries a delivery has left."""
    (row,) = world.deliveries(id=number)
    return int(row.retry_until) - shown(world, slug)


def hold(world: World, slug: str = "google_ads") -> None:
    number = world.connections[slug].id
    world.write(lambda tx: hold_connection(tx, number, reason="credentials", outcome=HOLD, now=tx.now()))


def pause(world: World, microseconds: int, slug: str = "google_ads") -> None:
    number, said = world.connections[slug].id, asked(DOWN, microseconds)
    world.write(lambda tx: pause_connection(tx, number, outcome=said, now=tx.now(), fraction=0.5))


def release(world: World, slug: str = "google_ads") -> None:
    world.run(operations.resume(world.db, world.project_ref, slug))


def try_on(world: World, slug: str = "google_ads") -> Any:
    """Tries it by the schedule, and fails, until its tries are over; returns its row as it is then."""
    while True:
        (row,) = world.deliveries(destination=slug)
        if row.settled_at is not None:
            return row
        world.step(max(0, row.run_at - world.clock.now()))
        world.sweep()
        assert len(world.send(slug, RETRY).moves) == 1


@pytest.mark.parametrize("outcome", [RETRY, UNKNOWN], ids=["retry", "unknown"])
def test_tries_go_on_for_three_days_and_no_longer(world: World, outcome: Outcome) -> None:
    """Whatever the jitter: fifty conversions of as many leads, each at times of its own."""
    world.furnish("google_ads")
    for number in range(50):
        world.rate(world.lead(email=f"lead{number}@example.de"), "Won")
        world.send("google_ads", outcome)
    while any(row.settled_at is None for row in world.deliveries()):
        due = min(row.run_at for row in world.deliveries(state="waiting"))
        world.step(due - world.clock.now())
        world.sweep()
        world.send("google_ads", outcome)
    rows = world.deliveries()
    assert {(row.state, row.code) for row in rows} == {(State.EXPIRED, "retries_over")}
    assert all(3 * DAY - LAST_STEP < row.settled_at - START <= 3 * DAY for row in rows)
    assert len({row.tries for row in rows}) > 3, "it is the time that ends them, not their number"
    assert sum(row.tries for row in rows) / len(rows) > 15


def test_the_end_itself_is_in_time_and_a_moment_later_is_not(world: World) -> None:
    failed(world)
    world.step(HOUR)
    world.sweep()
    (one,) = world.claim("google_ads")
    world.record("google_ads", "t", [one], asked(RETRY, 3 * DAY - HOUR))
    assert world.states() == [State.WAITING]
    world.step(3 * DAY - HOUR)
    world.sweep()
    world.send("google_ads", RETRY)
    (row,) = world.deliveries()
    assert (row.state, row.code, row.settled_at) == (State.EXPIRED, "retries_over", START + 3 * DAY)


def test_what_is_accepted_at_last_is_accepted(world: World) -> None:
    failed(world)
    world.step(3 * DAY)
    world.sweep()
    world.send("google_ads", ACCEPTED)
    assert world.states() == [State.ACCEPTED]


def test_nothing_runs_before_the_first_failure(world: World) -> None:
    """Not while it waits for its turn, nor while its worker is dead."""
    world.furnish("google_ads")
    world.rate(world.lead(), "Won")
    world.claim("google_ads", "dead")
    world.step(5 * DAY)
    world.sweep()
    assert world.deliveries()[0].retry_until is None
    world.send("google_ads", RETRY)
    assert left(world) == 3 * DAY
    assert try_on(world).settled_at > START + 7 * DAY


def test_time_stands_still_while_it_is_held(world: World) -> None:
    failed(world)
    world.step(MINUTE)
    hold(world)
    before = left(world)
    for _ in range(4):
        world.step(12 * HOUR)
        assert left(world) == before == 3 * DAY - MINUTE
    release(world)
    assert left(world) == before
    world.step(MINUTE)
    assert left(world) == before - MINUTE
    assert 5 * DAY - LAST_STEP < try_on(world).settled_at - START <= 5 * DAY


def test_a_hold_that_is_said_twice_began_the_first_time(world: World) -> None:
    failed(world)
    hold(world)
    world.step(DAY)
    hold(world)
    assert left(world) == 3 * DAY
    world.step(DAY)
    release(world)
    assert left(world) == 3 * DAY


def test_time_stands_still_while_its_connection_is_paused(world: World) -> None:
    """The failure of another conversion says so; this one waits for its own turn, and then in the queue."""
    failed(world)
    pause(world, 2 * DAY)
    for _ in range(4):
        assert left(world) == 3 * DAY
        world.step(12 * HOUR)
        world.sweep()
    assert (world.states(), left(world)) == ([State.QUEUED], 3 * DAY)
    assert 5 * DAY - LAST_STEP < try_on(world).settled_at - START <= 5 * DAY


def test_a_failure_of_the_whole_destination_costs_no_time_though_it_met_this_one(world: World) -> None:
    failed(world)
    world.step(HOUR)
    world.sweep()
    world.send("google_ads", asked(DOWN, 2 * DAY))
    assert (world.states(), left(world)) == ([State.WAITING], 3 * DAY - HOUR)
    world.step(2 * DAY)
    world.sweep()
    assert left(world) == 3 * DAY - HOUR
    assert 5 * DAY - LAST_STEP < try_on(world).settled_at - START <= 5 * DAY


def test_an_outage_of_two_days_costs_no_time_though_nobody_says_how_long_it_is(world: World) -> None:
    """One probe after the other, of another conversion, whose window closes first."""
    failed(world)
    until = START + 2 * DAY
    world.rate(world.lead(email="other@example.de"), "Won")
    while world.clock.now() < until:
        world.record("google_ads", "probe", world.claim("google_ads", "probe", most=1), DOWN)
        (connection,) = world.rows(tables.connections)
        world.step(connection.paused_until - world.clock.now())
        world.sweep()
    assert left(world) == 3 * DAY


def test_of_pauses_that_overlap_each_moment_counts_once(world: World) -> None:
    failed(world)
    pause(world, 4 * HOUR)
    world.step(HOUR)
    pause(world, HOUR)
    world.step(HOUR)
    pause(world, 8 * HOUR)
    assert left(world) == 3 * DAY
    world.step(9 * HOUR)
    assert left(world) == 3 * DAY - HOUR


def test_a_pause_that_a_person_ends_gives_back_what_was_left_of_it(world: World) -> None:
    failed(world)
    pause(world, 2 * DAY)
    world.step(DAY)
    release(world)
    assert left(world) == 3 * DAY
    world.step(DAY)
    assert left(world) == 2 * DAY


def test_so_does_a_pause_that_ends_because_the_platform_has_taken_something(world: World) -> None:
    """It was under way when another request failed."""
    world.furnish("google_ads")
    for number in range(2):
        world.rate(world.lead(email=f"lead{number}@example.de"), "Won")
    world.record("google_ads", "a", world.claim("google_ads", "a", most=1), asked(RETRY, HOUR))
    under_way = world.claim("google_ads", "b", most=1)
    pause(world, 2 * DAY)
    world.step(MINUTE)
    world.record("google_ads", "b", under_way, ACCEPTED)
    assert left(world) == 3 * DAY
    world.step(DAY)
    assert left(world) == 2 * DAY


@pytest.mark.parametrize("paused_for", [DAY, 9 * DAY], ids=["over by then", "still on"])
def test_held_while_it_was_paused_each_moment_counts_once(world: World, paused_for: int) -> None:
    failed(world)
    pause(world, paused_for)
    world.step(HOUR)
    hold(world)
    world.step(3 * DAY)
    assert left(world) == 3 * DAY
    release(world)
    assert left(world) == 3 * DAY
    world.step(DAY)
    assert left(world) == 2 * DAY


@pytest.mark.parametrize("paused_for", [MINUTE, 2 * DAY], ids=["over by then", "still on"])
def test_a_failure_that_is_recorded_late_on_a_held_connection_costs_no_time(world: World, paused_for: int) -> None:
    failed(world)
    hold(world)
    world.step(HOUR)
    pause(world, paused_for)
    assert left(world) == 3 * DAY
    world.step(DAY)
    release(world)
    assert left(world) == 3 * DAY
    world.step(DAY)
    assert left(world) == 2 * DAY


def test_one_connections_trouble_leaves_the_clocks_of_others_alone(world: World) -> None:
    world.furnish("google_ads", "meta")
    world.rate(world.lead(), "Won")
    for slug in ("google_ads", "meta"):
        world.send(slug, RETRY)
    hold(world)
    world.step(2 * DAY)
    assert (left(world, 1), left(world, 2, "meta")) == (3 * DAY, DAY)


def test_a_window_that_closes_earlier_ends_the_tries(world: World) -> None:
    failed(world, "meta")
    closes_at = world.deliveries()[0].closes_at
    hold(world, "meta")
    world.step(closes_at - world.clock.now() - HOUR)
    release(world, "meta")
    assert left(world, slug="meta") == 3 * DAY
    row = try_on(world, "meta")
    assert (row.state, row.code) == (State.EXPIRED, "window_closed")
    assert row.settled_at < closes_at


@pytest.mark.parametrize("over", [False, True], ids=["waiting", "over"])
def test_a_person_who_asks_for_it_again_gives_it_the_whole_time(world: World, over: bool) -> None:
    failed(world)
    if over:
        try_on(world)
    else:
        world.step(2 * DAY)
    world.run(operations.retry(world.db, world.project_ref, operations.Chosen()))
    (row,) = world.deliveries()
    assert (row.tries, row.retry_until) == (0, None)
    again_at = world.clock.now()
    world.sweep()
    world.send("google_ads", RETRY)
    assert left(world) == 3 * DAY
    row = try_on(world)
    assert 3 * DAY - LAST_STEP < row.settled_at - again_at <= 3 * DAY


def test_a_destination_says_how_many_days(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = DESTINATIONS["google_ads"]
    longer = msgspec.structs.replace(ours, limits=msgspec.structs.replace(ours.limits, retry_days=10))
    known: Mapping[str, Destination] = {**DESTINATIONS, "google_ads": longer}
    monkeypatch.setattr(recording, "DESTINATIONS", known)
    world.furnish("google_ads", "meta")
    world.rate(world.lead(), "Won")
    for slug in ("google_ads", "meta"):
        world.send(slug, RETRY)
    assert (left(world, 1), left(world, 2, "meta")) == (10 * DAY, 3 * DAY)
