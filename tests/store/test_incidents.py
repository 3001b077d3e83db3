"""Incidents: opened once and recovered once, however many see the fault, in the transaction of what causes it."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from leadtrackr.conversions import connections, housekeeping, operations
from leadtrackr.conversions import service as service_of_ratings
from leadtrackr.conversions.hold import hold_connection, pause_connection
from leadtrackr.conversions.incidents import service, watch
from leadtrackr.conversions.incidents.model import CLOSES_WITHIN, FAILED_FOR, Incident, IncidentKind
from leadtrackr.conversions.incidents.service import Filters
from leadtrackr.conversions.incidents.words import words
from leadtrackr.conversions.model import State
from leadtrackr.conversions.record import record
from leadtrackr.db import tables
from leadtrackr.db.database import Tx
from leadtrackr.kit.clock import DAY, HOUR, MINUTE, SECOND
from leadtrackr.kit.errors import Conflict
from tests.support.broken import BreakingDatabase, Broken
from tests.support.engine import DOWN, HOLD, World, result
from tests.support.postgres import Server
from tests.support.working import working

WORKERS = 8


def kinds(world: World) -> list[tuple[str, bool]]:
    """Each incident by id: its kind and whether it is open."""
    return [(row.kind, row.recovered_at is None) for row in world.rows(tables.incidents)]


def listed(world: World, **filters: Any) -> list[Incident]:
    return world.run(service.listing(world.db, world.project_ref, Filters(**filters))).incidents


def hold(world: World, slug: str = "google_ads") -> None:
    number = world.connections[slug].id
    world.write(lambda tx: hold_connection(tx, number, reason="credentials", outcome=HOLD, now=tx.now()))


def fail(world: World, slug: str = "google_ads") -> None:
    number = world.connections[slug].id
    world.write(lambda tx: pause_connection(tx, number, outcome=DOWN, now=tx.now(), fraction=0.5))


def fail_for_long(world: World, slug: str = "google_ads") -> None:
    for step in (FAILED_FOR // 2, FAILED_FOR // 2, 0):
        fail(world, slug)
        world.step(step)


def release(world: World, slug: str = "google_ads") -> None:
    world.run(operations.resume(world.db, world.project_ref, slug))


def look(world: World) -> None:
    world.write(housekeeping.mend)


def rated(world: World, count: int = 1) -> list[int]:
    leads = [world.lead() for _ in range(count)]
    for lead in leads:
        world.rate(lead, "Won", 5000)
    return leads


# Stopped


def test_a_hold_is_one_incident_until_a_person_mends_it(world: World) -> None:
    world.furnish("google_ads")
    rated(world, 3)
    opened_at = world.clock.now()
    hold(world)
    hold(world)
    world.step(HOUR)
    (one,) = listed(world, open=True)
    assert (one.kind, one.code, one.detail, one.opened_at, one.waiting) == (
        "stopped",
        "invalid_grant",
        "revoked",
        opened_at,
        3,
    )
    said = words(one, world.clock.now())
    assert said.sentence.startswith("Nothing is sent to Google Ads. Google does not accept the connection any more.")
    assert f"leadtrackr destinations resume {world.project_ref} google_ads" in said.next_step
    release(world)
    (row,) = world.rows(tables.incidents)
    assert (row.recovered_at, row.opening_told_at, row.recovery_told_at) == (world.clock.now(), None, None)
    assert listed(world, open=True) == []
    assert listed(world)[0].waiting == 0


def test_a_pause_by_a_person_is_no_incident(world: World) -> None:
    world.furnish("google_ads")
    world.run(operations.pause(world.db, world.project_ref, "google_ads"))
    assert kinds(world) == []
    hold(world)
    assert kinds(world) == [("stopped", True)], "refused credentials are one, in a pause too"
    with pytest.raises(Conflict):
        world.run(operations.pause(world.db, world.project_ref, "google_ads"))


def test_each_flap_opens_and_recovers_exactly_once(world: World) -> None:
    world.furnish("google_ads")
    for _ in range(3):
        hold(world)
        hold(world)
        release(world)
        release(world)
        world.connect("google_ads", refresh_token="hush-new")
    assert kinds(world) == [("stopped", False)] * 3


def test_recovering_what_is_not_open_does_nothing(world: World) -> None:
    world.furnish("google_ads", "meta")
    hold(world, "meta")
    rated(world)
    release(world)
    world.send("google_ads")
    world.connect("google_ads")
    look(world)
    assert kinds(world) == [("stopped", True)], "the other connection's stays as it is"


def test_hold_and_incident_are_one_transaction(world: World) -> None:
    """Whichever statement is the last before a crash, there is never one without the other."""
    world.furnish("google_ads")
    rated(world)
    number = world.connections["google_ads"].id

    def work(tx: Tx) -> None:
        hold_connection(tx, number, reason="credentials", outcome=HOLD, now=tx.now())

    for after in range(1, 100):
        broken = BreakingDatabase(world.db, after)
        try:
            world.run(broken.write(work))
        except Broken:
            assert kinds(world) == []
            assert world.rows(tables.connections)[0].state == "active"
        else:
            break
    assert after > 3
    assert kinds(world) == [("stopped", True)]


# Failing


def test_a_platform_that_fails_for_a_moment_is_no_incident(world: World) -> None:
    world.furnish("google_ads")
    for _ in range(20):
        fail(world)
        world.step(FAILED_FOR // 20 - SECOND)
    assert kinds(world) == [], "many at once, such as of batches under way together"
    rated(world)
    world.sweep()
    world.step(HOUR)
    world.sweep()
    world.send("google_ads")
    for _ in range(5):
        fail(world)
    assert kinds(world) == [], "what was before the success does not count"


def test_two_failures_far_apart_are_no_incident(world: World) -> None:
    world.furnish("google_ads")
    fail(world)
    world.step(5 * HOUR)
    fail(world)
    assert kinds(world) == []
    fail(world)
    assert kinds(world) == [("failing", True)]


def test_the_first_success_ends_it_and_says_since_when(world: World) -> None:
    world.furnish("google_ads")
    rated(world, 2)
    began = world.clock.now()
    fail_for_long(world)
    fail(world)
    (one,) = listed(world, open=True)
    assert (one.kind, one.code, one.since_at, one.opened_at) == ("failing", "server_error", began, began + FAILED_FOR)
    assert one.waiting == 2
    assert words(one, world.clock.now()).sentence.startswith("Google Ads has kept failing since 2026-11-23 12:00 UTC.")
    world.step(HOUR)
    world.sweep()
    world.send("google_ads")
    assert kinds(world) == [("failing", False)]


def test_a_success_ends_it_though_a_person_resumed_meanwhile(world: World) -> None:
    world.furnish("google_ads")
    rated(world)
    fail_for_long(world)
    release(world)
    assert kinds(world) == [("failing", True)], "resuming proves nothing of the platform"
    world.sweep()
    world.step(HOUR)
    world.sweep()
    world.send("google_ads")
    assert kinds(world) == [("failing", False)]


# What time brings


def test_a_token_that_ends_soon_is_told_of_once_until_there_is_another(world: World) -> None:
    world.furnish()
    world.connect("meta", token_ends_on="2026-12-03")
    look(world)
    assert kinds(world) == []
    world.step(2 * DAY + 12 * HOUR)
    look(world)
    look(world)
    (one,) = listed(world)
    assert (one.kind, one.ends_at, one.waiting) == ("token_expiring", one.opened_at + 7 * DAY, 0)
    assert "The token for Meta ends on 2026-12-03" in words(one, world.clock.now()).sentence
    world.step(8 * DAY)
    look(world)
    assert "ended on" in words(listed(world)[0], world.clock.now()).sentence
    world.run(connections.connect(world.db, world.box, world.project_ref, "meta", {"action_source": "other"}))
    look(world)
    assert kinds(world) == [("token_expiring", True)], "the same token still"
    world.run(connections.connect(world.db, world.box, world.project_ref, "meta", {"access_token": "hush-new"}))
    assert kinds(world) == [("token_expiring", False)], "nobody knows when the new one ends"
    look(world)
    assert kinds(world) == [("token_expiring", False)]


def test_a_new_token_that_ends_soon_too_is_another_incident(world: World) -> None:
    world.furnish()
    world.connect("meta", token_ends_on="2026-11-25")
    look(world)
    world.connect("meta", access_token="hush-new", token_ends_on="2026-11-27")
    look(world)
    assert kinds(world) == [("token_expiring", False), ("token_expiring", True)]


def test_what_is_held_is_told_of_a_day_before_it_expires(world: World) -> None:
    world.furnish("meta", "google_ads")
    rated(world, 2)
    (closes_at,) = {row.closes_at for row in world.deliveries(destination="meta")}
    hold(world, "meta")
    world.step(closes_at - CLOSES_WITHIN - world.clock.now() - 1)
    look(world)
    assert kinds(world) == [("stopped", True)]
    world.step(1)
    look(world)
    look(world)
    (one,) = listed(world, kind=IncidentKind.CLOSING)
    assert (one.ends_at, one.waiting, one.lost) == (closes_at, 2, 0)
    assert "the first at 2026-11-30" in words(one, world.clock.now()).sentence
    release(world, "meta")
    look(world)
    assert kinds(world) == [("stopped", False), ("closing", False)]
    assert words(listed(world, kind=IncidentKind.CLOSING)[0], 0).sentence.endswith("None did.")


def test_what_expires_all_the_same_is_said(world: World) -> None:
    world.furnish("meta", "google_ads")
    rated(world, 3)
    hold(world, "meta")
    world.step(6 * DAY + HOUR)
    look(world)
    world.step(DAY)
    world.sweep()
    look(world)
    (one,) = listed(world, kind=IncidentKind.CLOSING)
    assert (one.recovered_at, one.lost, one.waiting) == (world.clock.now(), 3, 0)
    assert words(one, world.clock.now()).sentence.endswith("3 of them did.")
    assert kinds(world)[0] == ("stopped", True)


@pytest.mark.parametrize(("how", "found"), [("paused", True), ("failing", True), ("a moment", False), ("well", False)])
def test_only_what_cannot_be_sent_in_time_is_told_of(world: World, how: str, found: bool) -> None:
    world.furnish("meta")
    rated(world)
    world.claim("meta", "gone")
    world.step(6 * DAY + HOUR)
    world.sweep()
    if how == "paused":
        # A person, whom nobody else would remind.
        world.run(operations.pause(world.db, world.project_ref, "meta"))
    elif how == "failing":
        fail_for_long(world, "meta")
    elif how == "a moment":
        fail(world, "meta")
    look(world)
    assert [row.kind for row in world.rows(tables.incidents)].count("closing") == found


def test_one_failing_connection_does_not_make_another_look_stuck(world: World) -> None:
    world.furnish("meta", "google_ads")
    rated(world)
    world.step(6 * DAY + HOUR)
    fail_for_long(world, "google_ads")
    fail(world, "meta")
    look(world)
    assert kinds(world) == [("failing", True)]


def test_an_idle_worker_writes_nothing(world: World) -> None:
    world.furnish("meta")
    rated(world)
    hold(world, "meta")
    world.step(6 * DAY + HOUR)
    look(world)
    before = [world.rows(table) for table in tables.metadata.sorted_tables]
    assert world.read(housekeeping.housekeeping_needed) is False
    world.step(MINUTE)
    look(world)
    assert [world.rows(table) for table in tables.metadata.sorted_tables] == before


# Many at once


def test_many_workers_that_fail_at_once_open_one(world: World) -> None:
    """Each has a batch of its own and learns by itself that the token is gone."""
    world.furnish("google_ads")
    rated(world, WORKERS)
    batches = [(f"t{number}", world.claim("google_ads", f"t{number}", most=1)) for number in range(WORKERS)]
    # On PostgreSQL all are in their transactions before the first goes on; SQLite has one writer.
    together = threading.Barrier(WORKERS if world.db.dialect == "postgresql" else 1)

    async def all_at_once() -> None:
        def work(token: str, claimed: list[Any]) -> Callable[[Tx], Any]:
            def done(tx: Tx) -> Any:
                together.wait(20)
                results = [result(one, HOLD) for one in claimed]
                return record(tx, world.connections["google_ads"], token, results, world.ids.fraction)

            return done

        await asyncio.gather(*(world.db.write(work(token, claimed)) for token, claimed in batches))

    world.run(all_at_once())
    assert kinds(world) == [("stopped", True)]
    assert world.states() == [State.HELD] * WORKERS


def test_many_that_look_at_once_open_one_of_each(postgres_server: Server) -> None:
    """Nothing but the unique index stands between them: no row of the connection is locked."""
    with World(postgres_server.fresh()) as world:
        world.furnish("meta")
        world.connect("meta", token_ends_on="2026-11-25")
        rated(world)
        hold(world, "meta")
        world.step(6 * DAY + HOUR)
        together = threading.Barrier(WORKERS)

        def work(tx: Tx) -> None:
            together.wait(20)
            watch.look(tx)

        async def all_at_once() -> None:
            await asyncio.gather(*(world.db.write(work) for _ in range(WORKERS)))

        world.run(all_at_once())
        assert sorted(kinds(world)) == [("closing", True), ("stopped", True), ("token_expiring", True)]


# The whole way


def test_a_revoked_token_is_one_incident_and_costs_nothing(world: World) -> None:
    """F21: revoked, rated on for 48 hours, renewed: all is delivered, with the times at which it was rated."""
    world.furnish("google_ads")
    leads = [world.lead() for _ in range(49)]
    times: list[int] = []

    async def rate(lead: int) -> None:
        times.append(world.clock.now())
        await service_of_ratings.update_status(world.db, world.ids, world.api_key, world.post(lead, "Won", 5000))

    async def story() -> None:
        async with working(world) as works:
            await works.settings(google_oauth={"revoked": True})
            for lead in leads:
                await rate(lead)
                await works.deliver()
                world.step(HOUR)
            assert await works.calls("google_ads") == []
            await works.settings(google_oauth={"revoked": False})
            values = {"refresh_token": "hush-renewed"}
            await connections.connect(world.db, world.box, world.project_ref, "google_ads", values)
            await works.deliver()
            calls = await works.calls("google_ads")
            assert sorted(event["event_at"] for call in calls for event in call["accepted"]) == times

    world.run(story())
    (one,) = listed(world)
    assert (one.kind, one.recovered_at) == ("stopped", one.opened_at + 49 * HOUR)
    assert {(row.state, row.tries) for row in world.deliveries()} == {(State.ACCEPTED, 1)}
    assert {world.status(lead) for lead in leads} == {world.labels["Won"].conversion_id}
    assert len(world.deliveries()) == len(leads)
