"""Connections that are held, paused and released: what stops, what goes on, and that no lead is caught between."""

import asyncio
import threading

import pytest
from msgspec import structs

from leadtrackr.accounts import service as accounts
from leadtrackr.conversions import claim, connections, housekeeping, operations, service
from leadtrackr.conversions.hold import CHUNK, hold_connection, pause_connection
from leadtrackr.conversions.model import ConnectionState, State
from leadtrackr.db import tables
from leadtrackr.db.database import Tx
from leadtrackr.db.statement import prepare
from leadtrackr.destinations.contract import Outcome
from leadtrackr.kit.clock import DAY, HOUR, SECOND
from leadtrackr.kit.errors import NotFound
from tests.faults.backlog import rated_backlog
from tests.support.engine import ACCEPTED, DOWN, HOLD, LEASE_US, RETRY, World
from tests.support.postgres import Server


def hold(world: World, slug: str = "google_ads") -> None:
    connection_id = world.connections[slug].id
    world.write(lambda tx: hold_connection(tx, connection_id, reason="credentials", outcome=HOLD, now=tx.now()))


def pause(world: World, slug: str = "google_ads") -> None:
    connection_id = world.connections[slug].id
    world.write(lambda tx: pause_connection(tx, connection_id, outcome=DOWN, now=tx.now(), fraction=0.5))


def release(world: World, slug: str = "google_ads") -> int:
    return world.run(operations.resume(world.db, world.project_ref, slug)).count


def test_a_hold_holds_all_that_was_to_be_sent_and_lets_the_leads_go(world: World) -> None:
    world.furnish("google_ads")
    leads = [world.lead() for _ in range(4)]
    for lead in leads:
        world.rate(lead, "Won")
    world.record("google_ads", "a", world.claim("google_ads", "a", most=1), RETRY)
    sent = world.claim("google_ads", "b", most=1)
    recorded = world.record("google_ads", "b", sent, HOLD)
    assert recorded.moves == ((2, State.HELD),)
    assert world.states() == [State.HELD] * 4
    assert {d.tries for d in world.deliveries()} == {0, 1}
    (row,) = world.rows(tables.connections)
    assert (row.state, row.hold_reason, row.hold_code, row.hold_detail) == (
        ConnectionState.HELD,
        "credentials",
        "invalid_grant",
        "revoked",
    )
    assert all(world.status(lead) == world.labels["Won"].conversion_id for lead in leads)
    assert all(job.remaining == 0 for job in world.jobs())


def test_what_is_rated_while_held_is_held_and_no_lead_is_kept(world: World) -> None:
    world.furnish("google_ads")
    hold(world)
    lead = world.lead()
    world.rate(lead, "Won")
    world.sweep()
    assert (world.states(), world.status(lead)) == ([State.HELD], world.labels["Won"].conversion_id)
    assert world.deliveries()[0].code == "invalid_grant"


def test_a_release_sends_on_in_order_with_the_original_times(world: World) -> None:
    world.furnish("google_ads")
    hold(world)
    leads = [world.lead() for _ in range(3)]
    for lead in leads:
        world.rate(lead, "Won", 100)
    world.sweep()
    rated_at = world.clock.now()
    world.step(2 * DAY)
    assert release(world) == 3
    world.sweep()
    claimed = world.claim("google_ads")
    assert [one.lead_id for one in claimed] == leads
    assert {(one.happened_at, one.tries) for one in claimed} == {(rated_at, 0)}
    (row,) = world.rows(tables.connections)
    assert (row.state, row.hold_code, row.held_at, row.failures) == ("active", None, None, 0)


def test_connecting_again_releases_what_was_held(world: World) -> None:
    world.furnish("google_ads")
    hold(world)
    world.rate(world.lead(), "Won")
    world.connect("google_ads", refresh_token="hush-new")
    world.sweep()
    assert len(world.claim("google_ads")) == 1


def test_releasing_what_is_not_there_says_so(world: World) -> None:
    world.furnish()
    with pytest.raises(NotFound):
        world.run(operations.resume(world.db, world.project_ref, 99))


def test_a_paused_connection_sends_nothing_until_its_time(world: World) -> None:
    world.furnish("google_ads")
    pause(world)
    lead = world.lead()
    world.rate(lead, "Won")
    world.sweep()
    until = world.rows(tables.connections)[0].paused_until
    (row,) = world.deliveries()
    assert (row.state, row.code, row.run_at) == (State.WAITING, "server_error", until)
    assert world.status(lead) != "pending"
    world.step(until - world.clock.now() - 1)
    world.sweep()
    assert world.read(claim.ready_connections) == []
    world.step(1)
    world.sweep()
    assert world.read(claim.ready_connections) == [world.connections["google_ads"].id]


def test_a_dead_workers_deliveries_do_not_keep_their_leads_when_the_connection_is_held(world: World) -> None:
    """One worker dies, another learns that the credentials are dead: the first one's leads must not stay pending."""
    world.furnish("google_ads")
    leads = [world.lead() for _ in range(2)]
    for lead in leads:
        world.rate(lead, "Won")
    world.claim("google_ads", "dead", most=1)
    world.record("google_ads", "alive", world.claim("google_ads", "alive"), HOLD)
    world.step(LEASE_US)
    world.sweep()
    assert world.states() == [State.HELD, State.HELD]
    assert all(world.status(lead) != "pending" for lead in leads)
    release(world)
    world.sweep()
    assert [one.id for token in "uv" for one in world.claim("google_ads", token)] == [1, 2]


def test_a_dead_workers_deliveries_do_not_keep_their_leads_when_the_connection_is_paused(world: World) -> None:
    world.furnish("google_ads")
    lead = world.lead()
    world.rate(lead, "Won")
    world.claim("google_ads", "dead")
    world.step(LEASE_US)
    pause(world)
    world.sweep()
    until = world.rows(tables.connections)[0].paused_until
    assert [(d.state, d.run_at) for d in world.deliveries()] == [(State.WAITING, until)]
    assert world.status(lead) != "pending"


def test_what_waits_on_a_held_connection_is_held_when_it_is_due(world: World) -> None:
    """Its worker recorded a retry after another one had held the connection."""
    world.furnish("google_ads")
    world.rate(world.lead(), "Won")
    claimed = world.claim("google_ads", "slow")
    hold(world)
    world.record("google_ads", "slow", claimed, RETRY)
    world.step(HOUR)
    world.sweep()
    assert world.states() == [State.HELD]
    assert not world.read(housekeeping.housekeeping_needed)


def test_what_was_held_while_its_connection_was_released_goes_on(world: World) -> None:
    """As when a rating is planned for a held connection and commits after its release."""
    world.furnish("google_ads")
    hold(world)
    world.rate(world.lead(), "Won")
    only_active = prepare(tables.connections.update().values(state="active"))
    world.write(lambda tx: tx.run(only_active))
    world.sweep()
    assert len(world.claim("google_ads")) == 1


def sweep_all(world: World) -> int:
    """Sweeps while that is needed; the most that one sweep moved of a kind."""
    most = 0
    while world.read(housekeeping.housekeeping_needed):
        swept = world.sweep()
        assert swept.total
        most = max(most, swept.stopped, swept.freed, swept.promoted)
    return most


def test_a_long_queue_is_held_paused_and_released_step_by_step(world: World) -> None:
    """No transaction moves more than a step. What stands is what counts at once: nothing of it is sent meanwhile."""
    world.furnish("meta")
    count = 2 * CHUNK + 5
    rated_backlog(world, count)
    connection = world.connections["meta"].id
    assert world.write(lambda tx: pause_connection(tx, connection, outcome=DOWN, now=tx.now(), fraction=0.5))
    assert world.states().count(State.WAITING) == CHUNK
    assert connection not in world.read(claim.ready_connections)
    assert sweep_all(world) == CHUNK
    assert world.states().count(State.WAITING) == count
    assert {row.passed for row in world.deliveries()} == {1}

    assert world.run(operations.pause(world.db, world.project_ref, "meta")).count == count
    assert world.run(operations.pause(world.db, world.project_ref, "meta")).count == 0, "it is paused already"
    assert world.states().count(State.HELD) == CHUNK
    assert sweep_all(world) == CHUNK
    assert world.states().count(State.HELD) == count

    world.step(DAY)
    assert release(world, "meta") == count
    assert release(world, "meta") == 0, "it goes on already"
    assert world.states().count(State.WAITING) == CHUNK
    assert sweep_all(world) == CHUNK
    assert world.states().count(State.QUEUED) == count
    assert len(world.claim("meta", most=10)) == 10


def test_a_rating_that_commits_after_a_hold_does_not_keep_its_lead(postgres_server: Server) -> None:
    """It was planned when the connection was well, and its delivery is written when the hold has gone by."""
    with World(postgres_server.fresh()) as world:
        world.furnish("google_ads")
        lead = world.lead()
        done, go_on = threading.Event(), threading.Event()

        def slow(tx: Tx) -> None:
            service._update(tx, world.ids, accounts.authenticate(tx, world.api_key), world.post(lead, "Won"))
            done.set()
            assert go_on.wait(10)

        async def both() -> None:
            rating = asyncio.create_task(world.db.write(slow))
            await asyncio.to_thread(done.wait, 10)
            connection_id = world.connections["google_ads"].id
            holding = asyncio.create_task(
                world.db.write(
                    lambda tx: hold_connection(tx, connection_id, reason="credentials", outcome=HOLD, now=tx.now())
                )
            )
            await asyncio.wait({holding}, timeout=1)
            go_on.set()
            await asyncio.gather(rating, holding)

        world.run(both())
        world.sweep()
        assert (world.states(), world.status(lead)) == ([State.HELD], world.labels["Won"].conversion_id)


def test_pausing_does_not_wait_for_ratings_that_are_being_written(postgres_server: Server) -> None:
    """Under load there is always one, so a pause that waited for them might never come."""
    with World(postgres_server.fresh()) as world:
        world.furnish("google_ads")
        lead = world.lead()
        done, go_on = threading.Event(), threading.Event()

        def slow(tx: Tx) -> None:
            service._update(tx, world.ids, accounts.authenticate(tx, world.api_key), world.post(lead, "Won"))
            done.set()
            assert go_on.wait(10)

        async def both() -> bool:
            rating = asyncio.create_task(world.db.write(slow))
            await asyncio.to_thread(done.wait, 10)
            connection_id = world.connections["google_ads"].id
            pausing = asyncio.create_task(
                world.db.write(lambda tx: pause_connection(tx, connection_id, outcome=DOWN, now=tx.now(), fraction=0.5))
            )
            await asyncio.wait({pausing}, timeout=5)
            came = pausing.done()
            go_on.set()
            await asyncio.gather(rating, pausing)
            return came

        assert world.run(both())
        world.sweep()
        assert (world.states(), world.status(lead)) == ([State.WAITING], world.labels["Won"].conversion_id)


def test_a_held_head_of_a_line_lets_the_whole_line_pass(world: World) -> None:
    world.project()
    world.label("A")
    world.label("B", after=("A",), done=True)
    world.connect("google_ads", "meta")
    lead = world.lead()
    world.rate(lead, "B")
    world.send("google_ads", HOLD)
    world.send("meta", HOLD)
    assert (world.jobs()[0].remaining, world.status(lead)) == (0, world.labels["B"].conversion_id)
    assert world.states() == [State.HELD] * 4
    release(world)
    release(world, "meta")
    world.sweep()
    for slug in ("google_ads", "meta"):
        for label in ("A", "B"):
            (one,) = world.claim(slug, f"{slug}{label}")
            world.record(slug, f"{slug}{label}", [one], ACCEPTED)
    assert world.states() == [State.ACCEPTED] * 4


def test_a_hold_that_comes_late_does_not_stop_a_connection_that_was_mended_meanwhile(world: World) -> None:
    world.furnish("meta")
    world.rate(world.lead(), "Won", 5000)
    claimed = world.claim("meta")
    project = str(world.rows(tables.projects)[0].id)
    world.run(connections.connect(world.db, world.box, project, "meta", {"access_token": "a-new-token"}))
    world.record("meta", "t", claimed, HOLD)
    assert world.rows(tables.connections)[0].state == ConnectionState.ACTIVE
    world.sweep()
    assert world.states() == [State.QUEUED]


def test_a_pause_that_was_asked_for_is_not_cut_short_by_another_failure(world: World) -> None:
    """Of two requests under way one is told to come back in an hour, and the other just fails."""
    world.furnish("google_ads")
    connection = world.connections["google_ads"].id
    asked = structs.replace(DOWN, code="rate_limited", retry_after_s=3600.0)

    def fail(outcome: Outcome) -> int:
        return world.write(lambda tx: pause_connection(tx, connection, outcome=outcome, now=tx.now(), fraction=0.5))

    until = fail(asked)
    assert until == world.clock.now() + HOUR
    world.step(SECOND)
    assert fail(DOWN) == until
    (row,) = world.rows(tables.connections)
    assert (row.paused_until, row.pause_code, row.failures) == (until, "rate_limited", 2)
    world.step(HOUR)
    assert world.clock.now() < fail(DOWN) < until + HOUR, "a pause that is over counts no more"
