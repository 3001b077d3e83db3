"""A lead is pending by its open job alone: what is shown, found, counted, sorted; and settling writes no lead."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import combinations
from typing import Any

import psycopg
import pytest

from leadtrackr.accounts import service as accounts
from leadtrackr.conversions import claim, operations, service
from leadtrackr.conversions.hold import pause_connection
from leadtrackr.conversions.model import JobState
from leadtrackr.conversions.record import record
from leadtrackr.db import tables
from leadtrackr.leads import queries, tabs
from leadtrackr.leads import service as leads
from leadtrackr.leads.listing import Filters
from leadtrackr.leads.model import Lead
from leadtrackr.leads.tabs import Tab
from tests.support.engine import ACCEPTED, DOWN, HOLD, REJECTED, RETRY, World, result
from tests.support.tables import execute

DAYS_8 = 8 * 86_400_000_000
ADDRESS = "erika@example.de"


def number(world: World) -> int:
    """The project's number."""
    found = world.read(lambda tx: accounts.find_project(tx, world.project_ref))
    return found.id


def listed(world: World, *status: str, column: str = "created_at", descending: bool = True) -> list[Lead]:
    """What getLeads gives, every page of it; the total must be right on each."""
    of = number(world)

    def one_page(page: int) -> tuple[list[Lead], int]:
        filters = Filters(status=status, limit=3, page=page, sort_column=column, descending=descending)
        return world.read(lambda tx: queries.page(tx, of, filters))

    found, total = one_page(1)
    for page in range(2, 2 + -(-total // 3)):
        some, again = one_page(page)
        assert again == total
        found += some
    assert len(found) == total
    return found


def in_list(world: World, tab: Tab, search: str | None = None) -> tabs.TabPage:
    """A list of the dashboard."""
    of = number(world)
    return world.read(lambda tx: tabs.read(tx, of, tab, search=search, page=1))


def lists(world: World) -> dict[Tab, list[int]]:
    """The three lists of the dashboard; each count must be that of its list."""
    pages = {tab: in_list(world, tab) for tab in Tab}
    found = {tab: [lead.id for lead in page.leads] for tab, page in pages.items()}
    for page in pages.values():
        assert page.counts == {tab: len(ids) for tab, ids in found.items()}
    return found


def looks(world: World, lead_id: int) -> set[tuple[str, Tab]]:
    """What every way of looking at a lead says of it: found by what names it, in getLeads, in its list."""
    of = number(world)
    ways: list[Callable[[Any], Lead | None]] = [
        lambda tx: queries.by_id(tx, of, lead_id),
        lambda tx: queries.by_identifier(tx, of, f"crm-{lead_id}"),
        lambda tx: queries.by_email(tx, of, ADDRESS),
        lambda tx: queries.by_phone(tx, of, "+4930123456", "+4930123456"),
    ]
    found = [world.read(way) for way in ways] + [world.write(lambda tx: queries.by_event_id(tx, of, "event-1"))]
    found += [lead for lead in listed(world) if lead.id == lead_id]
    found += [lead for tab in Tab for lead in in_list(world, tab, "erika").leads]
    assert len(found) == 7
    assert all(lead is not None and lead.id == lead_id for lead in found), found
    return {(lead.status, tabs.tab_of(lead)) for lead in found if lead is not None}


def named_lead(world: World) -> int:
    """A lead that can be found in every way."""
    lead_id = world.lead()
    sql = "UPDATE leads SET unique_identifier = ?, phone = ?, phone_e164 = ?, unique_event_id = ? WHERE id = ?"
    write_beside(world, sql, f"crm-{lead_id}", "+4930123456", "+4930123456", "event-1", lead_id)
    return lead_id


def write_beside(world: World, sql: str, *values: object) -> None:
    """A statement on the world's own database, beside the program."""
    execute(world.url, sql, *values)


@contextmanager
def untouchable_leads(url: str) -> Iterator[None]:
    """Any write to a lead's row is an error, even of what stands there already."""
    if url.startswith("sqlite"):
        forbid = ["CREATE TRIGGER hands_off BEFORE UPDATE ON leads BEGIN SELECT RAISE(ABORT, 'hands off leads'); END"]
        allow = ["DROP TRIGGER hands_off"]
    else:
        forbid = [
            (
                "CREATE OR REPLACE FUNCTION hands_off() RETURNS trigger LANGUAGE plpgsql AS $$"
                "BEGIN RAISE EXCEPTION 'hands off leads'; END $$"
            ),
            "CREATE TRIGGER hands_off BEFORE UPDATE ON leads FOR EACH ROW EXECUTE FUNCTION hands_off()",
        ]
        allow = ["DROP TRIGGER hands_off ON leads"]
    for sql in forbid:
        execute(url, sql)
    try:
        yield
    finally:
        for sql in allow:
            execute(url, sql)


# One lead, from rating to rating


@pytest.mark.parametrize(("label", "tab"), [("Won", Tab.RATED), ("Called", Tab.OPEN), ("lost", Tab.RATED)])
def test_a_lead_is_pending_from_its_rating_until_its_job_is_settled(world: World, label: str, tab: Tab) -> None:
    world.furnish("google_ads", "meta")
    world.label("Called", done=False)
    lead = named_lead(world)
    assert looks(world, lead) == {("open", Tab.OPEN)}
    # From every stage into this one: an earlier label does not show through either.
    for rating, then in (("Won", Tab.RATED), ("Called", Tab.OPEN), (label, tab)):
        world.rate(lead, rating, 100)
        assert looks(world, lead) == {("pending", Tab.PENDING)}
        if rating != "lost":
            world.send("google_ads")
            assert looks(world, lead) == {("pending", Tab.PENDING)}, "only one destination has had its first pass"
            world.send("meta")
        world.sweep()
        status = world.labels[rating].conversion_id if rating in world.labels else rating
        assert looks(world, lead) == {(status, then)}
    world.rate(lead, "open")
    assert looks(world, lead) == {("open", Tab.OPEN)}


def test_another_leads_job_makes_no_lead_pending(world: World) -> None:
    world.furnish("meta")
    first, second, third = world.lead(), world.lead(), world.lead()
    world.rate(second, "Won")
    assert [world.status(lead) for lead in (first, second, third)] == ["open", "pending", "open"]
    world.send("meta")
    assert [world.status(lead) for lead in (first, second, third)] == [
        "open",
        world.labels["Won"].conversion_id,
        "open",
    ]


def test_the_row_itself_can_never_be_pending(world: World) -> None:
    """Neither by a mistake of ours nor by a hand on the database."""
    world.furnish()
    lead = world.lead()
    with pytest.raises((sqlite3.IntegrityError, psycopg.errors.CheckViolation), match="ck_leads_status"):
        write_beside(world, "UPDATE leads SET status = 'pending' WHERE id = ?", lead)


def test_nobody_sees_a_rating_or_its_end_before_it_is_committed_nor_half_of_it(world: World) -> None:
    """A reader beside a transaction that is still open sees the status of before, and after it the one of after."""
    world.furnish("meta")
    lead = world.lead()
    won = world.labels["Won"].conversion_id
    post, connection = world.post(lead, "Won"), world.connections["meta"]

    def rate(tx: Any) -> object:
        return service._update(tx, world.ids, accounts.authenticate(tx, world.api_key), post)

    def deliver(tx: Any) -> object:
        claimed = claim.lease(tx, connection.id, token="t", most=9, lease_us=DAYS_8)
        return record(tx, connection, "t", [result(one, ACCEPTED) for one in claimed], world.ids.fraction)

    async def beside(work: Callable[[Any], object]) -> str:
        done, go_on = threading.Event(), threading.Event()

        def held(tx: Any) -> None:
            work(tx)
            done.set()
            assert go_on.wait(10)

        writing = asyncio.create_task(world.db.write(held))
        await asyncio.to_thread(done.wait, 10)
        try:
            project = await world.db.read(lambda tx: accounts.find_project(tx, world.project_ref))
            return (await leads.get_of(world.db, project, lead)).status
        finally:
            go_on.set()
            await writing

    assert (world.run(beside(rate)), world.status(lead)) == ("open", "pending")
    assert (world.run(beside(deliver)), world.status(lead)) == ("pending", won)


# Many leads, in every state


@pytest.fixture
def crowd(world: World) -> dict[int, tuple[str, Tab]]:
    """Leads in every state with what each shows; another project's pending leads stand beside them."""
    world.furnish("meta")
    for _ in range(2):
        world.rate(world.lead(), "Won")
    world.furnish("meta", "google_ads")
    world.label("Called", done=False)
    world.label("Deaf", on=())
    won, called, deaf = (world.labels[name].conversion_id for name in ("Won", "Called", "Deaf"))
    expected: dict[int, tuple[str, Tab]] = {}

    def lead(shown: str, tab: Tab, *ratings: str) -> None:
        lead_id = world.lead()
        expected[lead_id] = (shown, tab)
        for rating in ratings:
            if rating == "settle":
                world.send("google_ads")
                world.send("meta")
                world.sweep()
            else:
                world.rate(lead_id, rating)
        world.step(1_000_000)

    lead("open", Tab.OPEN)
    lead(won, Tab.RATED, "Won", "settle")
    lead(called, Tab.OPEN, "Called", "settle")
    lead("lost", Tab.RATED, "lost", "settle")
    lead(deaf, Tab.OPEN, "Deaf", "settle")
    lead("open", Tab.OPEN, "Won", "settle", "open")
    lead("open", Tab.OPEN, "lost", "settle", "open")
    lead(won, Tab.RATED, "Called", "settle", "Won", "settle")
    lead("lost", Tab.RATED, "Won", "settle", "lost", "settle")
    for rating in ("Won", "Called", "lost", "Deaf"):
        lead("pending", Tab.PENDING, rating)
    return expected


def again_pending(world: World, expected: dict[int, tuple[str, Tab]]) -> None:
    """Some that were settled are rated once more and not settled."""
    again = [lead_id for lead_id, (shown, _) in expected.items() if shown not in ("open", "pending")]
    for lead_id, label in zip(again[-2:], ("Called", "Won"), strict=True):
        world.rate(lead_id, label)
        expected[lead_id] = ("pending", Tab.PENDING)


def test_every_filter_finds_and_counts_what_shows_its_status(world: World, crowd: dict[int, tuple[str, Tab]]) -> None:
    again_pending(world, crowd)
    statuses = sorted({shown for shown, _ in crowd.values()})
    assert len(statuses) == 6
    for size in range(1, len(statuses) + 1):
        for wanted in combinations(statuses, size):
            found = {lead.id: lead.status for lead in listed(world, *wanted)}
            assert found == {one: shown for one, (shown, _) in crowd.items() if shown in wanted}, wanted
    assert {lead.id: lead.status for lead in listed(world)} == {one: shown for one, (shown, _) in crowd.items()}


def test_each_lead_stands_in_its_list_and_in_no_other(world: World, crowd: dict[int, tuple[str, Tab]]) -> None:
    again_pending(world, crowd)
    newest_first = sorted(crowd, reverse=True)
    assert lists(world) == {tab: [one for one in newest_first if crowd[one][1] == tab] for tab in Tab}


@pytest.mark.parametrize("column", ["status", "created_at", "price", "email"])
@pytest.mark.parametrize("wanted", [(), ("pending",), ("pending", "open"), ("lost", "open")])
def test_sorting_is_by_what_is_shown(
    world: World, crowd: dict[int, tuple[str, Tab]], column: str, wanted: tuple[str, ...]
) -> None:
    again_pending(world, crowd)
    write_beside(world, "UPDATE leads SET price = id % 3 WHERE id % 4 <> 0")
    rows = {row.id: row for row in world.rows(tables.leads)}
    for descending in (False, True):
        found = [lead.id for lead in listed(world, *wanted, column=column, descending=descending)]
        keys = {one: crowd[one][0] if column == "status" else getattr(rows[one], column) for one in found}
        filled = sorted((one for one in found if keys[one] is not None), key=lambda one: (keys[one], one))
        empty = sorted(one for one in found if keys[one] is None)
        order = filled[::-1] + empty[::-1] if descending else filled + empty
        assert found == order
        assert set(found) == {one for one, (shown, _) in crowd.items() if not wanted or shown in wanted}


def test_when_all_is_settled_nothing_is_pending_and_all_show_their_labels(
    world: World, crowd: dict[int, tuple[str, Tab]]
) -> None:
    again_pending(world, crowd)
    pending = [one for one, (shown, _) in crowd.items() if shown == "pending"]
    assert len(pending) >= 6
    world.send("google_ads", RETRY)
    world.send("meta", REJECTED)
    world.sweep()
    assert listed(world, "pending") == []
    assert lists(world)[Tab.PENDING] == []
    names = {label.id: label.conversion_id for label in world.labels.values()}
    newest = {job.lead_id: names.get(job.label_id, "lost") for job in world.jobs()}
    assert {lead.id: lead.status for lead in listed(world) if lead.id in pending} == {
        one: newest[one] for one in pending
    }


# Settling


def _accepted(world: World) -> None:
    world.send("meta", ACCEPTED)


def _to_retry(world: World) -> None:
    world.send("meta", RETRY)


def _down(world: World) -> None:
    world.send("meta", DOWN)


def _credentials(world: World) -> None:
    world.send("meta", HOLD)


def _paused(world: World) -> None:
    connection_id = world.connections["meta"].id
    world.write(lambda tx: pause_connection(tx, connection_id, outcome=DOWN, now=tx.now(), fraction=0.5))


def _cancelled(world: World) -> None:
    stopped = world.run(operations.cancel(world.db, str(number(world)), operations.Chosen()))
    assert len(stopped.ids) == 3


def _held_by_a_person(world: World) -> None:
    world.run(operations.pause(world.db, str(number(world)), "meta"))


def _too_late(world: World) -> None:
    world.step(DAYS_8)


WAYS = (_accepted, _to_retry, _down, _credentials, _paused, _cancelled, _held_by_a_person, _too_late)


@pytest.mark.parametrize("way", WAYS)
def test_settling_a_job_leaves_the_leads_row_untouched(world: World, way: Callable[[World], None]) -> None:
    world.furnish("meta")
    rated = [world.lead() for _ in range(3)]
    for lead in rated:
        world.rate(lead, "Won", 100)
    # A label that nobody listens to: its job is settled by housekeeping alone.
    nobody = world.lead()
    world.rate(nobody, "lost")
    before = world.rows(tables.leads)
    world.step(1_000_000)
    with untouchable_leads(world.url):
        way(world)
        while world.sweep().total:
            pass
    assert {job.state for job in world.jobs()} == {JobState.SETTLED}
    assert world.rows(tables.leads) == before
    won = world.labels["Won"].conversion_id
    assert [world.status(lead) for lead in (*rated, nobody)] == [won, won, won, "lost"]


def test_the_guard_of_the_test_above_bites(world: World) -> None:
    world.furnish("meta")
    lead = world.lead()
    with untouchable_leads(world.url), pytest.raises((sqlite3.Error, psycopg.Error), match="hands off leads"):
        world.rate(lead, "Won")
    assert world.status(lead) == "open"
    world.rate(lead, "Won")
    assert world.status(lead) == "pending"
