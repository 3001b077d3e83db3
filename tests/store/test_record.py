"""Outcomes: what they make of deliveries, jobs, leads and connections, in one commit."""

import asyncio
import threading
from itertools import pairwise

import msgspec
import pytest
from sqlalchemy import update

from leadtrackr.conversions import service
from leadtrackr.conversions.model import JobState, State
from leadtrackr.conversions.record import record
from leadtrackr.conversions.schedule import DELAYS
from leadtrackr.conversions.settle import pass_jobs
from leadtrackr.db import tables
from leadtrackr.db.database import Tx
from leadtrackr.db.statement import prepare
from leadtrackr.destinations.contract import Kind, Outcome, Scope
from leadtrackr.kit.clock import DAY, HOUR, MINUTE, SECOND
from tests.support.broken import BreakingDatabase, Broken
from tests.support.engine import ACCEPTED, DOWN, HOLD, REJECTED, RETRY, START, UNKNOWN, World, result
from tests.support.postgres import Server

FINAL = {"accepted": ACCEPTED, "rejected": REJECTED, "confirmed": Outcome(kind=Kind.CONFIRMED, code="ok")}


def attempts(world: World) -> list[tuple[int, str]]:
    return [(row.delivery_id, row.kind) for row in world.rows(tables.attempts)]


@pytest.mark.parametrize("name", FINAL)
def test_a_final_outcome_settles_the_delivery_the_job_and_the_lead(world: World, name: str) -> None:
    world.furnish("google_ads")
    lead = world.lead()
    world.rate(lead, "Won")
    recorded = world.send("google_ads", FINAL[name])
    assert recorded.settled_jobs == 1
    (row,) = world.deliveries()
    assert (row.state, row.tries, row.settled_at, row.passed, row.lease_token) == (name, 1, START, 1, None)
    assert (world.jobs()[0].state, world.jobs()[0].settled_at) == (JobState.SETTLED, START)
    assert world.status(lead) == world.labels["Won"].conversion_id
    assert attempts(world) == [(1, name)]


def test_a_label_that_is_not_done_sends_the_lead_back_to_open_with_the_label_kept(world: World) -> None:
    world.furnish("google_ads")
    world.label("Called", done=False)
    lead, other = world.lead(), world.lead()
    world.rate(lead, "Called")
    world.rate(other, "Won")
    world.send("google_ads")
    stages = {row.id: (row.stage, row.label_id) for row in world.rows(tables.leads)}
    assert stages == {lead: ("open", world.labels["Called"].id), other: ("rated", world.labels["Won"].id)}
    assert world.status(lead) == world.labels["Called"].conversion_id


def test_a_lead_leaves_pending_when_the_last_destination_has_had_its_first_pass(world: World) -> None:
    world.furnish("google_ads", "ga4", "meta")
    lead = world.lead()
    world.rate(lead, "Won")
    world.send("google_ads", ACCEPTED)
    world.send("ga4", RETRY)
    assert (world.status(lead), world.jobs()[0].remaining) == ("pending", 1)
    world.send("meta", HOLD)
    assert (world.status(lead), world.jobs()[0].remaining) == (world.labels["Won"].conversion_id, 0)
    assert world.states() == [State.ACCEPTED, State.WAITING, State.HELD]


def test_a_later_try_counts_no_second_pass(world: World) -> None:
    world.furnish("google_ads", "meta")
    lead = world.lead()
    world.rate(lead, "Won")
    for _ in range(3):
        world.send("google_ads", RETRY)
        world.step(DAY)
        world.sweep()
    assert (world.status(lead), world.jobs()[0].remaining) == ("pending", 1)
    assert world.deliveries()[0].tries == 3


def test_a_job_with_nothing_to_pass_is_settled_by_the_next_sweep(world: World) -> None:
    world.furnish("google_ads")
    world.label("Quiet", on=(), done=True)
    lead, lacking = world.lead(), world.lead(email=None, attribution={"utm": "x"})
    world.rate(lead, "Quiet")
    assert [w.field for w in world.rate(lacking, "Won").warnings] == ["gclid"]
    assert (world.status(lead), world.status(lacking)) == ("pending", "pending")
    assert world.sweep().settled_jobs == 2
    assert world.status(lead) == world.labels["Quiet"].conversion_id
    assert world.status(lacking) == world.labels["Won"].conversion_id


def test_each_attempt_is_kept_and_a_failure_of_the_destination_costs_no_try(world: World) -> None:
    world.furnish("google_ads")
    world.rate(world.lead(), "Won")
    for outcome in (RETRY, DOWN, UNKNOWN, ACCEPTED):
        world.send("google_ads", outcome)
        world.step(DAY)
        world.sweep()
    (row,) = world.deliveries()
    assert (row.state, row.tries) == (State.ACCEPTED, 3)
    assert [(a.kind, a.scope, a.number) for a in world.rows(tables.attempts)] == [
        ("retry", "event", 1),
        ("retry", "destination", 2),
        ("unknown", "event", 2),
        ("accepted", "event", 3),
    ]


def test_the_schedule_is_kept_until_the_retries_are_over(world: World) -> None:
    world.furnish("google_ads")
    world.rate(world.lead(), "Won")
    waits: list[int] = []
    while True:
        world.send("google_ads", RETRY)
        (row,) = world.deliveries()
        if row.state != State.WAITING:
            break
        waits.append(row.run_at - world.clock.now())
        world.step(waits[-1] - 1)
        assert world.sweep().promoted == 0
        world.step(1)
        assert world.sweep().promoted == 1
    longest = [*DELAYS, *[DELAYS[-1]] * (len(waits) - len(DELAYS))]
    assert all(SECOND <= wait <= most for wait, most in zip(waits, longest, strict=True))
    assert 3 * DAY - DELAYS[-1] < sum(waits) <= 3 * DAY
    assert (row.state, row.code, row.detail) == (State.EXPIRED, "retries_over", "NOT_FOUND: later")
    assert len({wait * 1000 // most for wait, most in zip(waits, longest, strict=True)}) > len(waits) // 2, "no jitter"


def test_of_several_requests_the_longest_pause_is_kept(world: World) -> None:
    """They were under way together: one met a 503, another was told how long to stay away."""
    world.furnish("meta")
    for _ in range(2):
        world.rate(world.lead(), "Won")
    asked = msgspec.structs.replace(DOWN, code="rate_limited", retry_after_s=3600.0)
    world.record("meta", "t", world.claim("meta", "t"), [DOWN, asked])
    (row,) = world.rows(tables.connections)
    assert (row.paused_until, row.pause_code) == (world.clock.now() + HOUR, "rate_limited")


def test_a_pause_longer_than_the_window_leaves_a_person_time_to_end_it(world: World) -> None:
    world.furnish("meta")
    world.rate(world.lead(), "Won")
    soon = update(tables.deliveries).values(closes_at=world.clock.now() + 10 * MINUTE)
    world.write(lambda tx: tx.run(prepare(soon)))
    world.record("meta", "t", world.claim("meta", "t"), msgspec.structs.replace(DOWN, retry_after_s=3600.0))
    assert world.states() == [State.WAITING]
    world.step(10 * MINUTE)
    world.sweep()
    assert [(row.state, row.code) for row in world.deliveries()] == [(State.EXPIRED, "window_closed")]


def test_a_retry_after_the_window_is_no_retry(world: World) -> None:
    world.furnish("meta")
    world.rate(world.lead(), "Won")
    world.step(7 * DAY - 2 * HOUR)
    late = Outcome(kind=Kind.RETRY, code="NOT_FOUND", retry_after_s=2 * 3600)
    world.send("meta", late)
    (row,) = world.deliveries()
    assert (row.state, row.code) == (State.EXPIRED, "window_closed")


def test_retry_after_is_honoured(world: World) -> None:
    world.furnish("google_ads")
    world.rate(world.lead(), "Won")
    world.send("google_ads", Outcome(kind=Kind.RETRY, code="NOT_FOUND", retry_after_s=6 * 3600))
    assert world.deliveries()[0].run_at == START + 6 * HOUR


def test_a_failure_in_the_middle_of_recording_leaves_nothing(world: World) -> None:
    world.furnish("google_ads", "meta")
    leads = [world.lead() for _ in range(3)]
    for lead in leads:
        world.rate(lead, "Won")
    world.send("meta")
    claimed = world.claim("google_ads", "mine")
    results = [result(one, said) for one, said in zip(claimed, (ACCEPTED, RETRY, DOWN), strict=True)]
    look = (tables.deliveries, tables.jobs, tables.leads, tables.attempts, tables.connections)
    before = [world.rows(table) for table in look]
    connection = world.connections["google_ads"]
    for after in range(1, 100):
        db = BreakingDatabase(world.db, after)
        try:
            world.run(db.write(lambda tx: record(tx, connection, "mine", results, world.ids.fraction)))
        except Broken:
            assert [world.rows(table) for table in look] == before, f"something stayed of statement {after}"
        else:
            break
    assert db.statements >= 10
    assert world.states(destination="google_ads") == [State.ACCEPTED, State.WAITING, State.WAITING]
    assert all(world.status(lead) != "pending" for lead in leads)


# Order per lead and destination


def chain(world: World, *slugs: str) -> int:
    """A lead with three conversions in line on each destination."""
    world.project()
    world.label("A")
    world.label("B", after=("A",))
    world.label("C", after=("B",), done=True)
    world.connect(*(slugs or ("google_ads",)))
    lead = world.lead()
    world.rate(lead, "C")
    return lead


def test_deliveries_of_a_lead_go_in_order(world: World) -> None:
    chain(world)
    for expected in (1, 2, 3):
        claimed = world.claim("google_ads", f"t{expected}")
        assert [one.id for one in claimed] == [expected]
        assert world.claim("google_ads", "u") == []
        world.record("google_ads", f"t{expected}", claimed, REJECTED if expected == 2 else ACCEPTED)


def test_what_stands_behind_one_that_waits_counts_as_passed_all_down_the_line(world: World) -> None:
    lead = chain(world)
    assert world.jobs()[0].remaining == 3
    world.send("google_ads", RETRY)
    assert (world.jobs()[0].remaining, world.status(lead)) == (0, world.labels["C"].conversion_id)
    assert world.states() == [State.WAITING, State.QUEUED, State.QUEUED]
    assert world.claim("google_ads") == []
    world.step(DAY)
    world.sweep()
    for expected in (1, 2, 3):
        claimed = world.claim("google_ads", f"t{expected}")
        assert [one.id for one in claimed] == [expected]
        world.record("google_ads", f"t{expected}", claimed, ACCEPTED)
    assert world.jobs()[0].remaining == 0


def test_what_stands_behind_one_that_waits_again_has_passed_only_once(world: World) -> None:
    """The job goes on waiting for the first pass of what goes to another platform."""
    lead = chain(world, "google_ads", "meta")
    assert world.jobs()[0].remaining == 6
    for _ in range(3):
        world.send("google_ads", RETRY)
        assert (world.jobs()[0].remaining, world.status(lead)) == (3, "pending")
        world.step(DAY // 4)
        world.sweep()
    world.send("meta", RETRY)
    assert world.status(lead) == world.labels["C"].conversion_id


def test_a_new_rating_behind_one_that_waits_is_settled_at_once(world: World) -> None:
    lead = chain(world)
    world.send("google_ads", RETRY)
    world.rate(lead, "C")
    world.sweep()
    assert world.jobs()[1].state == JobState.SETTLED, "the line's head waits, so nothing of this rating can be tried"
    world.rate(lead, "C")
    world.sweep()
    assert world.status(lead) != "pending"
    behind = [d.behind for d in world.deliveries()]
    assert behind == [None, 1, 2, 3, 4]


def test_a_plan_of_several_behind_one_that_waits_is_settled_at_once(world: World) -> None:
    world.project()
    world.label("A")
    world.label("B")
    world.label("C", after=("B",))
    world.connect("google_ads")
    lead = world.lead()
    world.rate(lead, "A")
    world.send("google_ads", RETRY)
    world.rate(lead, "C")
    assert (world.jobs()[1].remaining, [d.behind for d in world.deliveries()]) == (0, [None, 1, 2])
    world.sweep()
    assert world.status(lead) == world.labels["C"].conversion_id


def test_an_expired_one_lets_the_next_go(world: World) -> None:
    world.project()
    world.label("A")
    world.label("B")
    world.connect("meta")
    lead = world.lead()
    world.rate(lead, "A")
    world.step(6 * DAY)
    world.send("meta", RETRY)
    world.rate(lead, "B")
    assert world.deliveries()[1].behind == 1
    world.step(2 * DAY)
    world.sweep()
    assert world.states() == [State.EXPIRED, State.QUEUED]
    assert [one.id for one in world.claim("meta")] == [2]


def test_a_plan_made_while_the_one_ahead_settles_is_not_left_behind_it(postgres_server: Server) -> None:
    """The rating reads the line while a worker records its head: one of the two sees what the other did."""
    with World(postgres_server.fresh()) as world:
        world.project()
        world.label("A")
        world.label("B")
        world.connect("google_ads", "meta")
        lead = world.lead()
        world.rate(lead, "A")
        world.send("google_ads", RETRY)
        world.send("meta")
        world.step(DAY)
        world.sweep()
        claimed = world.claim("google_ads", "mine")
        results = [result(one, ACCEPTED) for one in claimed]
        done, go_on = threading.Event(), threading.Event()

        def slow(tx: Tx) -> None:
            record(tx, world.connections["google_ads"], "mine", results, world.ids.fraction)
            done.set()
            assert go_on.wait(10)

        async def both() -> None:
            recording = asyncio.create_task(world.db.write(slow))
            await asyncio.to_thread(done.wait, 10)
            rating = asyncio.create_task(
                service.update_status(world.db, world.ids, world.api_key, world.post(lead, "B"))
            )
            await asyncio.wait({rating}, timeout=0.3)
            go_on.set()
            await asyncio.gather(recording, rating)

        world.run(both())
        assert [one.behind for one in world.deliveries(label_id=world.labels["B"].id)] == [None, None]
        assert len(world.claim("google_ads")) == 1


def test_a_pass_is_never_counted_twice(postgres_server: Server) -> None:
    """Two transactions pass the same delivery at once: the one by holding the connection, the other down the line."""
    with World(postgres_server.fresh()) as world:
        chain(world)
        done, go_on = threading.Event(), threading.Event()

        def first(tx: Tx) -> None:
            pass_jobs(tx, [], stuck=[1], now=tx.now())
            done.set()
            assert go_on.wait(10)

        async def both() -> None:
            holding = asyncio.create_task(world.db.write(first))
            await asyncio.to_thread(done.wait, 10)
            passing = asyncio.create_task(world.db.write(lambda tx: pass_jobs(tx, [], stuck=[1], now=tx.now())))
            await asyncio.wait({passing}, timeout=0.3)
            go_on.set()
            await asyncio.gather(holding, passing)

        world.run(both())
        assert world.jobs()[0].remaining == 1


# The connection


def test_a_failing_destination_is_left_alone_and_its_leads_leave_pending(world: World) -> None:
    world.furnish("google_ads", "meta")
    leads = [world.lead() for _ in range(4)]
    for lead in leads:
        world.rate(lead, "Won")
    world.send("meta")
    two = world.claim("google_ads", "mine", most=2)
    world.record("google_ads", "mine", two, DOWN)
    (row,) = world.rows(tables.connections, destination="google_ads")
    assert START + SECOND <= row.paused_until <= START + 5 * SECOND
    assert (row.failures, row.pause_code, row.state) == (1, "server_error", "active")
    assert [(d.state, d.tries) for d in world.deliveries(destination="google_ads")] == [(State.WAITING, 0)] * 4
    assert all(world.status(lead) != "pending" for lead in leads)
    assert {d.run_at for d in world.deliveries(destination="google_ads")} == {row.paused_until}


def test_pauses_grow_with_failures_and_end_with_the_first_success(world: World) -> None:
    world.furnish("google_ads")
    world.rate(world.lead(), "Won")
    pauses: list[int] = []
    for _ in range(8):
        world.send("google_ads", DOWN)
        (row,) = world.rows(tables.connections)
        pauses.append(row.paused_until - world.clock.now())
        world.step(pauses[-1])
        world.sweep()
    assert all(earlier < later for earlier, later in pairwise(pauses[:4]))
    assert max(pauses) <= HOUR // 2
    assert world.deliveries()[0].tries == 0
    world.send("google_ads", ACCEPTED)
    (row,) = world.rows(tables.connections)
    assert (row.failures, row.paused_until, row.pause_code) == (0, None, None)


def test_retry_after_of_the_destination_is_its_pause(world: World) -> None:
    world.furnish("google_ads")
    world.rate(world.lead(), "Won")
    for asked, least in ((120.0, 120 * SECOND), (0.0, SECOND)):
        world.send(
            "google_ads",
            Outcome(kind=Kind.RETRY, code="rate_limited", scope=Scope.DESTINATION, retry_after_s=asked),
        )
        (row,) = world.rows(tables.connections)
        assert row.paused_until == world.clock.now() + least
        assert world.deliveries()[0].run_at == row.paused_until
        world.step(least)
        world.sweep()


def test_what_was_queued_before_a_pause_and_has_passed_stays_in_the_queue(world: World) -> None:
    """A backlog of 100,000 costs no write for each pause."""
    world.furnish("google_ads")
    for _ in range(2):
        world.rate(world.lead(), "Won")
    world.send("google_ads", RETRY)
    world.step(DAY)
    world.sweep()
    world.record("google_ads", "mine", world.claim("google_ads", "mine", most=1), DOWN)
    assert world.states() == [State.WAITING, State.QUEUED]
