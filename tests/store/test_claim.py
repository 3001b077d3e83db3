"""Leases: who may send what, and what becomes of a worker's deliveries when it dies."""

import asyncio
from collections import Counter
from functools import partial

from sqlalchemy import update

from leadtrackr.conversions import claim, housekeeping
from leadtrackr.conversions.hold import hold_connection
from leadtrackr.conversions.model import Claimed, State
from leadtrackr.db import tables
from leadtrackr.db.database import Tx
from leadtrackr.db.statement import Prepared, prepare
from leadtrackr.kit.clock import DAY, HOUR, SECOND
from tests.support.engine import ACCEPTED, ATTRIBUTION, HOLD, LEASE_US, RETRY, START, World
from tests.support.postgres import Server


def one_each(world: World, count: int, label: str = "Won") -> list[int]:
    """Leads, each with one rating."""
    leads = [world.lead() for _ in range(count)]
    for lead in leads:
        world.rate(lead, label)
    return leads


def test_a_lease_moves_deliveries_to_sending_under_its_token(world: World) -> None:
    world.furnish("google_ads")
    one_each(world, 3)
    claimed = world.claim("google_ads", "mine", most=2)
    assert [one.id for one in claimed] == [1, 2]
    first, second, third = world.deliveries()
    for row in (first, second):
        assert (row.state, row.lease_token) == (State.SENDING, "mine")
    assert (third.state, third.lease_token) == (State.QUEUED, None)
    (lease,) = world.rows(tables.leases)
    assert (lease.token, lease.until, lease.deliveries) == ("mine", START + LEASE_US, "[1,2]")


def test_what_closes_first_goes_first(world: World) -> None:
    world.furnish("google_ads")
    young_first: list[int] = []
    for _ in range(3):
        young_first.append(world.lead())
        world.step(DAY)
    for lead in reversed(young_first):
        world.rate(lead, "Won")
    claimed = world.claim("google_ads", most=2) + world.claim("google_ads", "u")
    assert [one.lead_id for one in claimed] == young_first
    assert [one.closes_at for one in claimed] == sorted(one.closes_at for one in claimed)


def mend(world: World, statement: Prepared) -> None:
    """What somebody does to the database by hand."""
    world.write(lambda tx: tx.run(statement))


def test_attribution_that_is_no_json_is_only_its_own_leads_affair(world: World) -> None:
    """A row that somebody has mended by hand: the others of the lot are read as ever."""
    world.furnish("google_ads")
    one_each(world, 4)
    for lead, text in ((2, "{"), (3, '{"gclid":"a"},{"gclid":"b"}')):
        wrong = prepare(update(tables.leads).where(tables.leads.c.id == lead).values(attribution_data=text))
        mend(world, wrong)
    first, second, third, fourth = world.claim("google_ads")
    assert first.attribution_data == fourth.attribution_data == dict(ATTRIBUTION)
    assert (second.attribution_data, third.attribution_data) == ("{", '{"gclid":"a"},{"gclid":"b"}')


def test_a_claim_takes_only_its_own_connection(world: World) -> None:
    world.furnish("google_ads", "meta")
    one_each(world, 2)
    assert len(world.claim("google_ads")) == 2
    assert len(world.claim("meta", "u")) == 2
    assert world.claim("google_ads", "v") == []


def test_no_delivery_is_ever_handed_out_twice(database_url: str) -> None:
    """Two workers in two processes, as two database objects, claim at once until there is nothing left."""
    with World(database_url) as world, World(database_url, seed=2) as other:
        world.furnish("google_ads")
        one_each(world, 120)
        connection_id = world.connections["google_ads"].id

        async def drain(of: World, name: str) -> list[Claimed]:
            found: list[Claimed] = []
            for n in range(1000):
                work = partial(claim.lease, connection_id=connection_id, token=f"{name}{n}", most=7, lease_us=LEASE_US)
                got = await of.db.write(work)
                if not got:
                    break
                found += got
            return found

        async def everybody() -> list[list[Claimed]]:
            # A file has one server; its connections drain side by side all the same.
            worlds = (world, world, world) if world.db.dialect == "sqlite" else (world, other, world, other)
            return await asyncio.gather(*(drain(of, f"{n}-") for n, of in enumerate(worlds)))

        everything = [one for part in world.run(everybody()) for one in part]
        assert Counter(one.id for one in everything) == Counter(range(1, 121))


def test_a_claim_skips_what_another_transaction_has_locked(postgres_server: Server) -> None:
    """Not waiting is what lets many workers share a connection's queue."""
    with World(postgres_server.fresh()) as world:
        world.furnish("google_ads")
        one_each(world, 4)
        connection_id = world.connections["google_ads"].id

        def outer(tx: Tx) -> tuple[list[Claimed], list[Claimed]]:
            mine = claim.lease(tx, connection_id, token="a", most=2, lease_us=LEASE_US)
            work = world.db.write(lambda tx: claim.lease(tx, connection_id, token="b", most=9, lease_us=LEASE_US))
            return mine, asyncio.run_coroutine_threadsafe(work, world.loop).result(5)

        mine, theirs = world.write(outer)
        assert [one.id for one in mine] == [1, 2]
        assert [one.id for one in theirs] == [3, 4]


def test_a_renewed_lease_ends_later(world: World) -> None:
    world.furnish("google_ads")
    one_each(world, 2)
    world.claim("google_ads", "mine")
    world.step(LEASE_US - 1)
    assert world.write(lambda tx: claim.renew(tx, "mine", LEASE_US))
    world.step(LEASE_US - 1)
    assert world.sweep().taken_over == 0
    world.step(1)
    assert world.sweep().taken_over == 2
    assert not world.write(lambda tx: claim.renew(tx, "mine", LEASE_US))


def test_what_is_given_back_is_queued_again_and_no_try_is_burnt(world: World) -> None:
    world.furnish("google_ads")
    one_each(world, 2)
    first, second = world.claim("google_ads", "mine")
    assert world.write(lambda tx: claim.give_back(tx, "other", [first.id, second.id])) == 0
    assert world.write(lambda tx: claim.give_back(tx, "mine", [second.id])) == 1
    assert world.states() == [State.SENDING, State.QUEUED]
    (again,) = world.claim("google_ads", "next")
    assert (again.id, again.tries) == (second.id, 0)
    assert world.takeovers() == [0, 0]


def test_a_dead_workers_deliveries_are_taken_over_when_the_lease_ends(world: World) -> None:
    world.furnish("google_ads")
    one_each(world, 2)
    world.claim("google_ads", "dead", most=1)
    world.step(LEASE_US - 1)
    assert world.sweep().taken_over == 0
    world.step(1)
    assert world.read(housekeeping.housekeeping_needed)
    assert world.sweep().taken_over == 1
    claimed = world.claim("google_ads", "alive")
    assert [(one.id, one.tries) for one in claimed] == [(1, 0)]
    assert world.takeovers() == [1, 0]
    assert [one.id for one in world.claim("google_ads", "other")] == [2], "apart from what may kill a worker again"


def test_a_try_whose_worker_died_in_it_is_logged(world: World) -> None:
    """From the claim to the takeover, in its place among the others; what was sent in it nobody knows."""
    world.furnish("google_ads")
    one_each(world, 1)
    world.send("google_ads", RETRY)
    world.step(DAY)
    one_each(world, 1)
    world.sweep()
    world.claim("google_ads", "dead")
    claimed_at = world.clock.now()
    world.step(LEASE_US + 7)
    world.sweep()
    tried, *lost = world.rows(tables.attempts)
    assert (tried.delivery_id, tried.code) == (1, RETRY.code)
    assert [(one.delivery_id, one.number) for one in lost] == [(1, 2), (2, 1)]
    assert {(one.kind, one.scope, one.code) for one in lost} == {("unknown", "event", "taken_over")}
    assert {(one.started_at, one.ended_at) for one in lost} == {(claimed_at, claimed_at + LEASE_US + 7)}
    assert {(one.http_status, one.url, one.head, one.request) for one in lost} == {(None, "", "", "")}
    for worker in ("next", "last"):
        world.claim("google_ads", worker, most=1)
        world.step(LEASE_US)
        world.sweep()
    (row,) = world.deliveries(state="rejected")
    assert (row.code, world.takeovers()[row.id - 1]) == ("poison", 3)


def test_a_late_outcome_is_refused_and_counted(world: World) -> None:
    world.furnish("google_ads")
    (lead,) = one_each(world, 1)
    late = world.claim("google_ads", "stopped")
    world.step(LEASE_US)
    world.sweep()
    for answer in (ACCEPTED, RETRY):
        recorded = world.record("google_ads", "stopped", late, answer)
        assert (recorded.late, recorded.moves, recorded.settled_jobs) == (1, (), 0)
    assert world.states() == [State.QUEUED]
    again = world.claim("google_ads", "alive")
    assert world.record("google_ads", "stopped", late, RETRY).late == 1
    assert world.record("google_ads", "alive", again, ACCEPTED).late == 0
    assert world.record("google_ads", "stopped", late, RETRY).late == 1
    assert world.record("google_ads", "alive", again, ACCEPTED).late == 1
    assert world.states() == [State.ACCEPTED]
    assert [row.code for row in world.rows(tables.attempts)] == ["taken_over", "ok"]
    assert world.jobs()[0].remaining == 0
    assert world.status(lead) == world.labels["Won"].conversion_id


def test_an_outcome_after_the_lease_but_before_any_takeover_counts(world: World) -> None:
    """Nobody else has begun, so what the platform said is still the truth."""
    world.furnish("google_ads")
    one_each(world, 1)
    claimed = world.claim("google_ads", "slow")
    world.step(5 * LEASE_US)
    assert world.record("google_ads", "slow", claimed, ACCEPTED).late == 0
    assert world.states() == [State.ACCEPTED]


def test_waiting_deliveries_are_queued_when_they_are_due(world: World) -> None:
    world.project()
    world.label("Won")
    world.connect("google_ads", click_age_hours="6")
    one_each(world, 1)
    (row,) = world.deliveries()
    assert (row.state, row.code, row.run_at) == (State.WAITING, "too_recent", START + 6 * HOUR)
    world.step(6 * HOUR - 1)
    assert world.sweep().promoted == 0
    assert world.claim("google_ads") == []
    world.step(1)
    assert world.sweep().promoted == 1
    assert len(world.claim("google_ads")) == 1


def test_a_window_that_closes_ends_a_delivery_in_every_unsent_state(world: World) -> None:
    world.furnish("google_ads", "ga4", "meta")
    world.label("Free", on=())
    lead = world.lead()
    world.rate(lead, "Won")
    world.send("google_ads", RETRY)
    world.run(_hold(world, "meta"))
    assert world.states() == [State.WAITING, State.QUEUED, State.HELD]
    world.step(90 * DAY)
    swept = world.sweep()
    assert swept.expired == 3
    assert [(d.state, d.code, d.settled_at) for d in world.deliveries()] == [
        (State.EXPIRED, "window_closed", world.clock.now())
    ] * 3
    assert world.status(lead) == world.labels["Won"].conversion_id
    assert world.jobs()[0].remaining == 0


def test_what_is_being_sent_is_not_expired_under_the_worker(world: World) -> None:
    world.furnish("meta")
    one_each(world, 1)
    claimed = world.claim("meta", "mine", lease_us=30 * DAY)
    world.step(8 * DAY)
    assert world.sweep().total == 0
    world.record("meta", "mine", claimed, ACCEPTED)
    assert world.states() == [State.ACCEPTED]


def test_nothing_is_claimed_after_its_window(world: World) -> None:
    world.furnish("meta")
    one_each(world, 1)
    world.step(8 * DAY)
    assert world.claim("meta") == []


def test_a_taken_over_delivery_whose_window_has_closed_expires(world: World) -> None:
    world.furnish("meta")
    (lead,) = one_each(world, 1)
    world.claim("meta", "dead")
    world.step(8 * DAY)
    while world.sweep().total:
        pass
    assert world.states() == [State.EXPIRED]
    assert world.status(lead) != "pending"


def test_an_idle_world_needs_no_housekeeping(world: World) -> None:
    world.furnish("google_ads", "meta")
    world.sweep()
    assert not world.read(housekeeping.housekeeping_needed)
    one_each(world, 2)
    assert not world.read(housekeeping.housekeeping_needed)
    world.send("google_ads")
    world.send("meta", RETRY)
    assert not world.read(housekeeping.housekeeping_needed)
    world.step(5 * SECOND)
    assert world.read(housekeeping.housekeeping_needed)


def test_a_sweep_takes_all_dead_leases_over(world: World) -> None:
    world.furnish("google_ads")
    one_each(world, 5)
    world.claim("google_ads", "dead")
    world.step(LEASE_US)
    assert world.sweep().taken_over == 5
    assert Counter(world.states()) == {State.QUEUED: 5}


def test_only_connections_with_something_to_send_are_ready(world: World) -> None:
    world.furnish("google_ads", "ga4", "meta")
    assert world.read(claim.ready_connections) == []
    one_each(world, 1)
    ids = [world.connections[slug].id for slug in ("google_ads", "ga4", "meta")]
    assert world.read(claim.ready_connections) == ids
    world.claim("google_ads")
    world.run(_hold(world, "meta"))
    assert world.read(claim.ready_connections) == ids[1:2]


async def _hold(world: World, slug: str) -> None:
    connection_id = world.connections[slug].id
    await world.db.write(
        lambda tx: hold_connection(tx, connection_id, reason="credentials", outcome=HOLD, now=tx.now())
    )
