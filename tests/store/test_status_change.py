"""Price, status, job and deliveries are one transaction; one job is pending for a lead, whoever asks at once."""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from leadtrackr.accounts import service as accounts
from leadtrackr.conversions import housekeeping, queries, service
from leadtrackr.conversions.model import JobState, State, StatusChange
from leadtrackr.db import tables
from leadtrackr.db.database import Tx
from leadtrackr.kit.clock import DAY
from leadtrackr.kit.errors import Conflict, InvalidInput, NotFound, Unauthenticated
from tests.support.broken import BreakingDatabase, Broken
from tests.support.engine import ACCEPTED, REJECTED, RETRY, World, seeded
from tests.support.postgres import Server

EVERYTHING = (tables.leads, tables.jobs, tables.deliveries, tables.attempts, tables.idempotency_keys)


def snapshot(world: World) -> list[list[Any]]:
    return [world.rows(table) for table in EVERYTHING]


def change(world: World, post: service.Post, seed: int = 9) -> Callable[[Tx], StatusChange]:
    """The status change as work, for those who hold its transaction open."""
    return lambda tx: service._update(tx, seeded(seed), accounts.authenticate(tx, world.api_key), post)


def held_open(
    work: Callable[[Tx], StatusChange], done: threading.Event, go_on: threading.Event
) -> Callable[[Tx], StatusChange]:
    """Does the work, says so, and commits only when told to."""

    def held(tx: Tx) -> StatusChange:
        made = work(tx)
        done.set()
        assert go_on.wait(10)
        return made

    return held


def test_a_rating_writes_all_that_belongs_to_it(world: World) -> None:
    world.furnish("google_ads", "ga4", "meta")
    lead = world.lead()
    made = world.rate(lead, "Won", 5000)
    assert (made.status, made.queued, made.warnings) == ("pending", True, ())
    (job,) = world.jobs()
    assert (job.lead_id, job.state, job.remaining) == (lead, JobState.PENDING, 3)
    assert [(d.state, d.value_cents, d.currency, d.job_id) for d in world.deliveries()] == [
        (State.QUEUED, 5000, "EUR", job.id)
    ] * 3
    (row,) = world.rows(tables.leads)
    won = world.labels["Won"]
    assert (row.status, row.stage, row.price, row.label_id) == (won.conversion_id, "rated", 5000, won.id)
    assert world.status(lead) == "pending"


def test_a_failure_after_any_statement_leaves_nothing(world: World) -> None:
    world.furnish("google_ads", "meta")
    world.label("Later", after=("Won",))
    lead = world.lead()
    world.rate(lead, "Won", 1)
    world.send("google_ads", RETRY)
    world.send("meta", RETRY)
    before = snapshot(world)
    post = world.post(lead, "Later", 700, key="once")
    for after in range(1, 100):
        db = BreakingDatabase(world.db, after)
        try:
            made = world.run(service.update_status(db, seeded(after), world.api_key, post))
        except Broken:
            assert snapshot(world) == before, f"something stayed of statement {after}"
        else:
            break
    assert db.statements >= 10
    assert made.queued
    assert len(world.jobs()) == 2
    assert len(world.deliveries()) == 4


def test_a_second_rating_is_a_conflict_and_changes_nothing(world: World) -> None:
    world.furnish("google_ads")
    lead = world.lead()
    world.rate(lead, "Won", 100)
    before = snapshot(world)
    for label in ("Won", "lost", "open"):
        with pytest.raises(Conflict):
            world.rate(lead, label, 999)
    assert snapshot(world) == before


@pytest.mark.parametrize("price", [-1, "5", True, float("nan"), float("inf"), 10**16])
def test_a_wrong_price_changes_nothing(world: World, price: object) -> None:
    world.furnish("google_ads")
    lead = world.lead()
    before = snapshot(world)
    with pytest.raises(InvalidInput):
        world.rate(lead, "Won", price)
    assert snapshot(world) == before


def test_what_is_not_of_this_project_changes_nothing(world: World) -> None:
    world.furnish("google_ads")
    lead = world.lead()
    before = snapshot(world)
    with pytest.raises(InvalidInput):
        world.rate(lead, "00000000-0000-4000-8000-000000000000")
    with pytest.raises(NotFound):
        world.rate(lead + 1, "Won")
    world.api_key = "ltk_wrong"
    with pytest.raises(Unauthenticated):
        world.rate(lead, "Won")
    assert snapshot(world) == before


def test_without_a_price_the_leads_own_goes_along(world: World) -> None:
    world.furnish("google_ads")
    lead = world.lead()
    world.rate(lead, "Won", 4200)
    world.send("google_ads")
    world.rate(lead, "Won")
    assert [d.value_cents for d in world.deliveries()] == [4200, 4200]
    assert world.rows(tables.leads)[0].price == 4200


def test_open_clears_the_label_and_makes_no_job(world: World) -> None:
    world.furnish("google_ads")
    lead = world.lead()
    world.rate(lead, "Won")
    world.send("google_ads")
    assert world.rate(lead, "open", 55) == StatusChange(
        lead_id=lead, unique_identifier=None, status="open", queued=False
    )
    (row,) = world.rows(tables.leads)
    assert (row.status, row.stage, row.label_id, row.price) == ("open", "open", None, 55)
    assert len(world.jobs()) == 1


def test_lost_reads_back_as_lost(world: World) -> None:
    world.furnish("google_ads")
    lead = world.lead()
    assert world.rate(lead, "lost").status == "pending"
    world.sweep()
    assert world.status(lead) == "lost"


# One pending job, whoever asks at once


def test_of_many_ratings_at_once_exactly_one_is_taken(world: World) -> None:
    world.furnish("google_ads", "meta")
    many = [world.lead() for _ in range(3)]

    async def all_at_once() -> list[StatusChange | BaseException]:
        posts = [world.post(lead, "Won", n) for n in range(30) for lead in many]
        tasks = [service.update_status(world.db, world.ids, world.api_key, post) for post in posts]
        return await asyncio.gather(*tasks, return_exceptions=True)

    found = Counter(type(one) for one in world.run(all_at_once()))
    assert found == {StatusChange: 3, Conflict: 87}
    assert sorted(job.lead_id for job in world.jobs()) == many
    assert len(world.deliveries()) == 6


def test_of_many_ratings_from_two_processes_exactly_one_is_taken(postgres_server: Server) -> None:
    """Two database objects know nothing of each other, like two processes."""
    url = postgres_server.fresh()
    with World(url) as world, World(url, seed=2) as other:
        world.furnish("google_ads", "meta")
        lead = world.lead()
        posts = [world.post(lead, "Won", n) for n in range(25)]
        found: list[object] = []

        def ask(of: World) -> None:
            async def all_at_once() -> list[StatusChange | BaseException]:
                tasks = [service.update_status(of.db, of.ids, world.api_key, post) for post in posts]
                return await asyncio.gather(*tasks, return_exceptions=True)

            found.extend(type(one) for one in of.run(all_at_once()))

        threads = [threading.Thread(target=ask, args=(of,)) for of in (world, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert Counter(found) == {StatusChange: 1, Conflict: 49}
        assert len(world.jobs()) == 1


def test_the_index_alone_refuses_a_second_pending_job(world: World) -> None:
    """The last word is the partial unique index's, not a check in code."""
    world.furnish()
    lead = world.lead()

    def insert(tx: Tx) -> int | None:
        return queries.insert_job(
            tx,
            project_id=1,
            lead_id=lead,
            label_id=world.labels["Won"].id,
            remaining=0,
            warnings="[]",
            now=1,
        )

    assert world.write(insert) == 1
    assert world.write(insert) is None
    world.sweep()
    assert world.write(insert) is not None


def test_opening_a_lead_while_it_is_being_rated_is_a_conflict(postgres_server: Server) -> None:
    """A rating that has not committed yet: open waits for it, and never clears the label of a pending lead."""
    with World(postgres_server.fresh()) as world:
        world.furnish("google_ads")
        lead = world.lead()
        done, go_on = threading.Event(), threading.Event()

        async def both() -> tuple[StatusChange, object]:
            rating = asyncio.create_task(world.db.write(held_open(change(world, world.post(lead, "Won")), done, go_on)))
            await asyncio.to_thread(done.wait, 10)
            opening = asyncio.create_task(world.db.write(change(world, world.post(lead, "open"))))
            await asyncio.wait({opening}, timeout=0.3)
            go_on.set()
            return await rating, (await asyncio.gather(opening, return_exceptions=True))[0]

        rated, opened = world.run(both())
        assert rated.queued
        assert isinstance(opened, Conflict)
        assert world.status(lead) == "pending"
        assert world.rows(tables.leads)[0].label_id is not None


def test_a_rating_without_a_price_never_writes_an_old_one_back(postgres_server: Server) -> None:
    """The lead was found before another change gave it a price; what counts is what it holds when it is our turn."""
    with World(postgres_server.fresh()) as world:
        world.furnish("google_ads")
        lead = world.lead()
        done, go_on = threading.Event(), threading.Event()

        async def both() -> None:
            pricing = asyncio.create_task(
                world.db.write(held_open(change(world, world.post(lead, "open", 7700)), done, go_on))
            )
            await asyncio.to_thread(done.wait, 10)
            rating = asyncio.create_task(world.db.write(change(world, world.post(lead, "Won"))))
            await asyncio.wait({rating}, timeout=0.3)
            go_on.set()
            await asyncio.gather(pricing, rating)

        world.run(both())
        assert world.rows(tables.leads)[0].price == 7700
        assert world.deliveries()[0].value_cents == 7700


# The Idempotency-Key


def test_the_same_key_and_body_give_the_first_answer_again(world: World) -> None:
    world.furnish("google_ads", "meta")
    lead = world.lead(email=None, attribution={"gclid": "x"})
    first = world.rate(lead, "Won", 5, key="a")
    assert [warned.integration for warned in first.warnings] == ["meta"]
    assert world.rate(lead, "Won", 5, key="a") == first
    world.send("google_ads")
    world.step(DAY - 1)
    assert world.rate(lead, "Won", 5, key="a") == first
    assert len(world.jobs()) == 1


def test_the_same_key_with_another_body_is_a_conflict(world: World) -> None:
    world.furnish("google_ads")
    lead, other = world.lead(), world.lead()
    world.rate(lead, "Won", 5, key="a")
    with pytest.raises(Conflict, match="Idempotency-Key"):
        world.rate(other, "Won", 5, key="a")
    assert len(world.jobs()) == 1


def test_a_key_has_had_its_day_after_24_hours(world: World) -> None:
    world.furnish("google_ads")
    lead = world.lead()
    world.rate(lead, "Won", 5, key="a")
    world.send("google_ads")
    world.step(DAY)
    assert world.rate(lead, "Won", 6, key="a").queued
    assert len(world.jobs()) == 2


def test_a_refused_request_leaves_its_key_free(world: World) -> None:
    world.furnish("google_ads")
    lead = world.lead()
    world.rate(lead, "Won", 5)
    with pytest.raises(Conflict):
        world.rate(lead, "Won", 6, key="a")
    assert world.rows(tables.idempotency_keys) == []
    world.send("google_ads")
    assert world.rate(lead, "Won", 6, key="a").queued


def test_of_many_repeats_at_once_one_is_done_and_all_get_its_answer(world: World) -> None:
    world.furnish("google_ads")
    lead = world.lead()

    async def all_at_once() -> list[StatusChange]:
        post = world.post(lead, "Won", 5, key="a")
        tasks = [service.update_status(world.db, world.ids, world.api_key, post) for _ in range(20)]
        return await asyncio.gather(*tasks)

    assert len({msgspec.json.encode(one) for one in world.run(all_at_once())}) == 1
    assert len(world.jobs()) == 1


def test_keys_are_forgotten_after_their_day(world: World) -> None:
    world.furnish("google_ads")
    world.rate(world.lead(), "Won", 5, key="old")
    world.step(DAY)
    world.rate(world.lead(), "Won", 5, key="new")
    world.step(1)
    world.write(housekeeping.mend)
    assert [row.key for row in world.rows(tables.idempotency_keys)] == ["new"]


# What one rating makes of another


def test_a_label_that_converts_once_is_skipped_the_second_time(world: World) -> None:
    world.project()
    world.label("Won", convert_once=True)
    world.connect("google_ads", "meta")
    lead = world.lead()
    world.rate(lead, "Won")
    world.send("google_ads")
    world.send("meta", REJECTED)
    world.rate(lead, "Won")
    assert world.states() == [State.ACCEPTED, State.REJECTED, State.SKIPPED, State.QUEUED]
    assert world.deliveries()[2].code == "converted_once"


def test_prerequisites_that_were_never_converted_are_sent_first(world: World) -> None:
    world.project()
    world.label("Qualified")
    world.label("Quoted", after=("Qualified",))
    world.label("Won", after=("Quoted",), done=True)
    world.connect("google_ads")
    lead = world.lead()
    world.rate(lead, "Won", 900)
    names = {label.id: name for name, label in world.labels.items()}
    first, second, third = world.deliveries()
    assert [names[d.label_id] for d in (first, second, third)] == ["Qualified", "Quoted", "Won"]
    assert [d.behind for d in (first, second, third)] == [None, first.id, second.id]
    assert len({d.event_id for d in (first, second, third)}) == 3
    for expected in (first, second, third):
        (claimed,) = world.claim("google_ads", f"t{expected.id}")
        assert claimed.id == expected.id
        world.record("google_ads", f"t{expected.id}", [claimed], ACCEPTED)
    assert world.status(lead) == world.labels["Won"].conversion_id
