"""Safeguards whose absence nothing else would notice; tests/faults/removals takes each out and runs its test here."""

import asyncio
from functools import partial
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import update

from leadtrackr.conversions import claim, housekeeping, inquiry, lots
from leadtrackr.conversions.allowance import Allowance
from leadtrackr.conversions.drain import Drain
from leadtrackr.conversions.model import State
from leadtrackr.conversions.rates import Rate
from leadtrackr.conversions.sender import Sender
from leadtrackr.conversions.worker import Pace
from leadtrackr.db import tables
from leadtrackr.db.database import Tx
from leadtrackr.db.statement import prepare
from leadtrackr.destinations.contract import Kind, Known, Outcome
from leadtrackr.destinations.registry import DESTINATIONS
from leadtrackr.kit.clock import DAY, HOUR, MINUTE, SECOND
from tests.support.engine import ACCEPTED, ATTRIBUTION, DOWN, LEASE_US, REJECTED, RETRY, START, World, result
from tests.support.working import working

_REJECT = prepare(
    update(tables.deliveries).where(tables.deliveries.c.id == 1).values(state=State.REJECTED.value, settled_at=START)
)


def rated(world: World, slug: str, count: int) -> list[int]:
    world.furnish(slug)
    leads = [world.lead(email=f"lead{n}@example.de") for n in range(count)]
    for lead in leads:
        world.rate(lead, "Won", 5000)
    return leads


# Leases


def test_an_outcome_of_what_was_given_back_is_refused_though_the_lease_lives(world: World) -> None:
    rated(world, "meta", 2)
    mine = world.claim("meta", "mine")
    world.write(lambda tx: claim.give_back(tx, "mine", [mine[0].id]))
    theirs = world.claim("meta", "theirs")
    assert world.record("meta", "mine", mine[:1], REJECTED).late == 1
    assert world.record("meta", "theirs", theirs).late == 0
    assert world.states() == [State.ACCEPTED, State.SENDING]


def test_an_outcome_is_written_once_though_the_lease_lives(world: World) -> None:
    rated(world, "meta", 2)
    mine = world.claim("meta", "mine")
    assert [world.record("meta", "mine", mine[:1]).late for _ in range(2)] == [0, 1]
    assert len(world.rows(tables.attempts)) == 1
    assert [(row.state, row.tries) for row in world.deliveries()] == [(State.ACCEPTED, 1), (State.SENDING, 0)]


def test_nobody_gives_back_what_another_has_taken_over(world: World) -> None:
    rated(world, "meta", 1)
    ids = [one.id for one in world.claim("meta", "mine")]
    world.step(LEASE_US)
    world.sweep()
    world.claim("meta", "theirs")
    assert world.write(lambda tx: claim.give_back(tx, "mine", ids)) == 0
    assert [(row.state, row.lease_token) for row in world.deliveries()] == [(State.SENDING, "theirs")]


def test_a_takeover_leaves_what_was_recorded_or_given_back(world: World) -> None:
    rated(world, "meta", 3)
    mine = world.claim("meta", "mine")
    world.record("meta", "mine", mine[:1])
    world.write(lambda tx: claim.give_back(tx, "mine", [mine[1].id]))
    world.claim("meta", "theirs", lease_us=5 * LEASE_US)
    world.step(LEASE_US)
    assert world.sweep().taken_over == 1
    assert [(row.state, row.lease_token) for row in world.deliveries()] == [
        (State.ACCEPTED, None),
        (State.SENDING, "theirs"),
        (State.QUEUED, None),
    ]


def test_a_worker_that_stood_still_sends_nothing_that_was_taken_over(world: World) -> None:
    rated(world, "ga4", 20)
    connection_id = world.connections["ga4"].id

    def takes_over(tx: Tx) -> int:
        housekeeping.sweep(tx)
        return len(claim.lease(tx, connection_id, token="theirs", most=100, lease_us=LEASE_US))

    async def story() -> None:
        async with working(world) as works:
            await works.fault({"destination": "ga4", "delay_ms": 300})
            delivering = asyncio.create_task(works.deliver())
            await works.arrived("ga4")
            world.step(LEASE_US)
            assert await world.db.write(takes_over) == 20
            await delivering
            assert len(await works.calls("ga4")) == DESTINATIONS["ga4"].limits.in_flight

    world.run(story())
    assert {(row.state, row.lease_token) for row in world.deliveries()} == {(State.SENDING, "theirs")}


def test_what_may_have_caused_a_fault_of_ours_is_counted_as_a_death(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it would be tried again at once, for ever."""
    rated(world, "meta", 3)

    async def breaks(*_: Any) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(Sender, "send", breaks)

    async def story() -> None:
        async with working(world) as works:
            await works.deliver()

    world.run(story())
    assert set(world.states()) == {State.SENDING}
    world.step(LEASE_US)
    world.sweep()
    assert set(world.states()) == {State.QUEUED}
    assert set(world.takeovers()) == {1}


# Pauses and limits


def test_what_is_left_in_the_queue_is_not_sent_inside_a_pause(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lots, "LOT", 1)
    rated(world, "meta", 3)
    for _ in range(3):
        world.record("meta", "t", world.claim("meta", "t"), RETRY)
    world.step(DAY)
    world.sweep()

    async def story() -> None:
        async with working(world) as works:
            await works.fault({"destination": "meta", "status": 503, "until": 1})
            await works.deliver()
            assert len(await works.calls("meta")) == 1

    world.run(story())
    assert sorted(world.states()) == [State.QUEUED, State.QUEUED, State.WAITING]


def test_nothing_is_probed_while_something_is_on_its_way(world: World) -> None:
    """Even under a lease that has run out: whoever held it may only have stood still."""
    rated(world, "meta", 3)
    world.send("meta", DOWN)
    world.step(HOUR)
    world.sweep()
    world.claim("meta", "stood still", most=1)
    world.step(LEASE_US)

    async def story() -> None:
        async with working(world) as works:
            await Drain(works.worker._means, world.connections["meta"].id).run()
            assert await works.calls("meta") == []
            await works.deliver()
            assert set((await works.keys("meta")).values()) == {1}

    world.run(story())
    assert set(world.states()) == {State.ACCEPTED}


def test_no_more_is_leased_than_the_limit_allows(world: World) -> None:
    """The rest stays in the queue, and its leads do not stay pending for that."""
    world.project()
    world.label("Won", done=True)
    world.connect("ga4", requests_per_minute="60")
    for n in range(5):
        world.rate(world.lead(email=f"lead{n}@example.de"), "Won")

    async def story() -> None:
        async with working(world) as works:
            drain = Drain(works.worker._means, world.connections["ga4"].id)
            await world.db.write(lambda tx: drain._claim(tx, "mine", ahead=False))

    world.run(story())
    now = Rate(60, 60).free(0)
    assert [(row.state, row.code, row.passed) for row in world.deliveries()] == [
        *[(State.SENDING, None, 0)] * now,
        *[(State.QUEUED, "rate_limit", 1)] * (5 - now),
    ]


def test_a_grant_that_is_old_is_given_back_and_not_spent(world: World) -> None:
    limit = Rate(60, 60)
    allowance = Allowance("a key", (limit,), world.clock)
    another = Allowance("a key", (limit,), world.clock)

    async def no() -> bool:
        return False

    assert world.write(lambda tx: allowance.take(tx, 9)) == limit.free(0)
    world.step(MINUTE)
    assert world.write(lambda tx: another.take(tx, 9)) == limit.free(0)
    assert not world.run(allowance.spend(world.db, no))
    assert world.run(another.spend(world.db, no))


# Jitter


def test_batches_that_failed_alike_are_tried_again_at_different_times(world: World) -> None:
    rated(world, "meta", 5)
    for n in range(5):
        world.record("meta", f"t{n}", world.claim("meta", f"t{n}", most=1), RETRY)
    assert len({row.run_at for row in world.deliveries()}) > 1


def test_looks_of_idle_workers_drift_apart(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.furnish("meta")
    waits: list[float] = []

    async def story() -> None:
        async with working(world, Pace(poll_s=8)) as works:

            async def at_once(waiting: Any, timeout: float) -> None:  # noqa: ASYNC109 - as asyncio's own
                waiting.close()
                waits.append(timeout)
                if len(waits) == 20:
                    works.worker.stop()
                raise TimeoutError

            monkeypatch.setattr(asyncio, "wait_for", at_once)
            await works.worker.run()

    world.run(story())
    assert all(6 <= wait < 10 for wait in waits)
    assert max(waits) - min(waits) > 2


# What may leave


def test_what_consent_denies_is_in_no_request(world: World) -> None:
    """The platform can be told of the click, so it goes, without the person."""
    world.furnish("meta")
    denied = {**ATTRIBUTION, "consent": {"ad_user_data": "denied", "ad_storage": "granted"}}
    world.rate(world.lead(attribution=denied), "Won")
    world.rate(world.lead(), "Won")

    async def story() -> None:
        async with working(world) as works:
            await works.deliver()
            assert set((await works.keys("meta")).values()) == {1}

    world.run(story())
    denying, granting = (attempt.request for attempt in world.rows(tables.attempts))
    assert '"fbp"' in denying
    assert '"em"' not in denying
    assert '"em"' in granting


# The order per lead


def followed(world: World) -> None:
    """A lead whose first conversion is queued again, and whose second stands behind it."""
    (lead,) = rated(world, "meta", 1)
    world.label("Later")
    world.send("meta", RETRY)
    world.rate(lead, "Later")
    world.step(DAY)
    world.sweep()
    assert [(row.state, row.behind) for row in world.deliveries()] == [(State.QUEUED, None), (State.QUEUED, 1)]


def test_what_stood_behind_a_quarantined_one_goes_on_at_once(world: World) -> None:
    followed(world)
    for n in range(lots.DEATHS):
        world.claim("meta", f"w{n}")
        world.step(LEASE_US)
        world.sweep()
    assert [(row.state, row.behind) for row in world.deliveries()] == [(State.REJECTED, None), (State.QUEUED, None)]


def test_what_stands_behind_a_settled_one_is_freed_in_time(world: World) -> None:
    followed(world)
    world.write(lambda tx: tx.run(_REJECT))
    world.write(housekeeping.mend)
    assert [one.id for one in world.claim("meta")] == [2]


# What platforms say later


def test_a_reference_that_comes_twice_is_asked_about_once(world: World) -> None:
    rated(world, "google_ads", 2)
    taken = Outcome(kind=Kind.ACCEPTED, code="ok", reference="the same")
    each = [[replace(result(one, taken), size=1)] for one in world.claim("google_ads")]
    for made in each:
        world.write(partial(inquiry.begin, connection=world.connections["google_ads"], results=made, now=START))
    assert [row.deliveries for row in world.rows(tables.inquiries)] == ["[1]"]


def test_an_answer_that_comes_twice_counts_once(world: World) -> None:
    rated(world, "google_ads", 1)
    status = DESTINATIONS["google_ads"].status
    assert status is not None
    taken = Outcome(kind=Kind.ACCEPTED, code="ok", reference="r")
    made = [replace(result(one, taken), size=1) for one in world.claim("google_ads", "t")]
    world.write(lambda tx: inquiry.begin(tx, world.connections["google_ads"], made, START))
    world.record("google_ads", "t", [made[0].delivery], ACCEPTED)
    world.step(DAY)
    (asked,) = world.write(inquiry.take_due)
    answer = Known((RETRY,))
    assert world.write(lambda tx: inquiry.apply(tx, asked, status, answer, retry_days=3)) == [(1, State.WAITING)]
    world.step(SECOND)
    world.sweep()
    world.send("google_ads")
    assert world.write(lambda tx: inquiry.apply(tx, asked, status, answer, retry_days=3)) == []
    assert world.states() == [State.ACCEPTED]


@pytest.mark.parametrize("under_way", [False, True])
def test_what_is_to_be_sent_again_goes_before_what_was_to_follow_it(world: World, under_way: bool) -> None:
    """Its next one waits behind it and keeps the lead no longer; one that is being sent at this moment goes first."""
    world.project()
    for label in ("A", "B", "C"):
        world.label(label)
    world.connect("google_ads")
    lead, status = world.lead(), DESTINATIONS["google_ads"].status
    assert status is not None
    world.rate(lead, "A")
    taken = Outcome(kind=Kind.ACCEPTED, code="ok", reference="r")
    made = [replace(result(one, taken), size=1) for one in world.claim("google_ads", "t")]
    world.write(lambda tx: inquiry.begin(tx, world.connections["google_ads"], made, world.clock.now()))
    world.record("google_ads", "t", [made[0].delivery], ACCEPTED)
    world.rate(lead, "B")
    if under_way:
        sent = world.claim("google_ads", "second")
        world.step(HOUR)
        world.write(lambda tx: claim.renew(tx, "second", DAY))
    else:
        world.step(HOUR)
    (asked,) = world.write(inquiry.take_due)
    again = replace(RETRY, retry_after_s=60.0)
    world.write(lambda tx: inquiry.apply(tx, asked, status, Known((again,)), retry_days=3))
    places = [row.behind for row in world.deliveries()]
    assert places == ([2, None] if under_way else [None, 1])
    if under_way:
        world.record("google_ads", "second", sent, ACCEPTED)
    world.sweep()
    assert world.status(lead) == world.labels["B"].conversion_id, "nothing keeps the lead pending"
    world.step(MINUTE)
    world.sweep()
    assert [one.id for one in world.claim("google_ads", "third")] == [1]
    world.record("google_ads", "third", world.read(lambda tx: claim.read(tx, [1])), ACCEPTED)
    assert [one.id for one in world.claim("google_ads", "fourth")] == ([] if under_way else [2])
