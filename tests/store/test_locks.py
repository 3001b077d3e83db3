"""Transactions in each other's way on PostgreSQL, brought there step by step: who waits for whom, and who does not."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, TypeVar

import pytest
from sqlalchemy import select

from leadtrackr.accounts import service as accounts
from leadtrackr.conversions import claim, connections, housekeeping, lots, operations, renewal, service
from leadtrackr.conversions.drain import Drain
from leadtrackr.conversions.hold import pause_connection
from leadtrackr.conversions.model import JobState, State
from leadtrackr.conversions.operations import Chosen
from leadtrackr.conversions.record import record
from leadtrackr.db import tables
from leadtrackr.db.database import Database, Tx
from leadtrackr.db.statement import prepare
from leadtrackr.destinations.registry import DESTINATIONS
from leadtrackr.kit.clock import DAY, HOUR
from leadtrackr.kit.errors import Conflict
from leadtrackr.labels import service as labels
from leadtrackr.leads import service as leads
from leadtrackr.leads.model import Door
from tests.support.engine import ACCEPTED, DOWN, LEASE_US, REJECTED, RETRY, SETTINGS, World, result
from tests.support.postgres import Server
from tests.support.working import working

T = TypeVar("T")
WAIT_S = 20
_LEASES = prepare(select(tables.leases.c.token).with_for_update())
_AT_ONCE = prepare(select(tables.deliveries.c.id).with_for_update(nowait=True))


def rated(world: World, slugs: tuple[str, ...], count: int) -> None:
    world.furnish(*slugs)
    for n in range(count):
        world.rate(world.lead(email=f"lead{n}@example.de"), "Won", 5000)


async def one_in_the_way_of_another(
    db: Database, first: Callable[[Tx], Any], second: Awaitable[T], then: Callable[[Tx], Any] = lambda _: None
) -> T:
    """Does the first, then the second until it waits or is over, then the rest of the first, which commits."""
    done, go_on = threading.Event(), threading.Event()

    def held(tx: Tx) -> None:
        first(tx)
        done.set()
        assert go_on.wait(WAIT_S)
        then(tx)

    holding = asyncio.create_task(db.write(held))
    await asyncio.to_thread(done.wait, WAIT_S)
    task = asyncio.ensure_future(second)
    async with asyncio.timeout(WAIT_S):
        while not task.done() and not await db.read(_somebody_waits):  # noqa: ASYNC110 - no event tells of a lock
            await asyncio.sleep(0)
    go_on.set()
    await holding
    return await task


def _somebody_waits(tx: Tx) -> bool:
    connection = tx._connection  # type: ignore[attr-defined] # PostgreSQL's own view, which no room needs
    found = connection.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'").fetchone()
    return bool(found[0])


def test_who_records_waits_for_a_takeover_without_holding_the_deliveries(postgres_server: Server) -> None:
    """Both lock the lease first and the deliveries then; else one would be the victim of a deadlock."""
    with World(postgres_server.fresh()) as world:
        rated(world, ("meta",), 2)
        results = [result(one, ACCEPTED) for one in world.claim("meta", "mine")]

        def records(tx: Tx) -> None:
            record(tx, world.connections["meta"], "mine", results, world.ids.fraction)
            claim.end(tx, "mine")

        world.run(
            one_in_the_way_of_another(
                world.db, lambda tx: tx.all(_LEASES), world.db.write(records), then=lambda tx: tx.all(_AT_ONCE)
            )
        )
        assert world.states() == [State.ACCEPTED] * 2


def test_a_sweep_does_not_wait_for_another(postgres_server: Server) -> None:
    with World(postgres_server.fresh()) as world:
        rated(world, ("meta",), 2)
        world.claim("meta", "dead")
        world.step(LEASE_US)

        def outer(tx: Tx) -> tuple[int, int]:
            mine = housekeeping.sweep(tx)
            theirs = asyncio.run_coroutine_threadsafe(world.db.write(housekeeping.sweep), world.loop).result(5)
            return mine.taken_over, theirs.taken_over

        assert world.write(outer) == (2, 0)


@pytest.mark.parametrize(("after", "counts"), [(10 * HOUR, "promoted"), (100 * DAY, "expired")], ids=["due", "closed"])
def test_a_sweep_does_not_wait_for_what_another_one_moves(postgres_server: Server, after: int, counts: str) -> None:
    """What is due, and what has closed: the first has it, and the second finds nothing to do."""
    with World(postgres_server.fresh()) as world:
        rated(world, ("meta",), 2)
        world.send("meta", RETRY)
        world.step(after)

        def outer(tx: Tx) -> tuple[int, int]:
            mine = housekeeping.sweep(tx)
            theirs = asyncio.run_coroutine_threadsafe(world.db.write(housekeeping.sweep), world.loop).result(5)
            return getattr(mine, counts), getattr(theirs, counts)

        assert world.write(outer) == (2, 0)


def test_two_failures_at_once_are_counted_as_two(postgres_server: Server) -> None:
    """Else the pauses of a platform that many workers find down grow as slowly as if one of them did."""
    with World(postgres_server.fresh()) as world:
        world.furnish("meta")
        connection_id = world.connections["meta"].id

        def fails(tx: Tx) -> int:
            return pause_connection(tx, connection_id, outcome=DOWN, now=tx.now(), fraction=0.5)

        world.run(one_in_the_way_of_another(world.db, fails, world.db.write(fails)))
        assert [row.failures for row in world.rows(tables.connections)] == [2]


def test_two_workers_that_claim_at_once_are_one_after_the_other(
    postgres_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second sees the lease of the first, though it asked before that was committed."""
    monkeypatch.setattr(lots, "LOT", 2)
    with World(postgres_server.fresh()) as world:
        rated(world, ("meta",), 4)
        connection_id = world.connections["meta"].id

        async def story() -> object:
            async with working(world) as works:
                means = works.worker._means
                one, another = (Drain(replace(means, owner=name), connection_id) for name in ("one", "another"))
                return await one_in_the_way_of_another(
                    world.db,
                    lambda tx: one._claim(tx, "mine", ahead=False),
                    world.db.write(lambda tx: another._claim(tx, "theirs", ahead=False)),
                )

        assert world.run(story()) is None
        assert [row.lease_token for row in world.deliveries()] == ["mine", "mine", None, None]


def test_two_workers_that_record_for_one_job_settle_it(postgres_server: Server) -> None:
    with World(postgres_server.fresh()) as world:
        rated(world, ("google_ads", "meta"), 1)

        def recording(slug: str) -> Callable[[Tx], Any]:
            results = [result(one, ACCEPTED) for one in world.claim(slug, slug)]
            return lambda tx: record(tx, world.connections[slug], slug, results, world.ids.fraction)

        one, another = recording("google_ads"), recording("meta")
        world.run(one_in_the_way_of_another(world.db, one, world.db.write(another)))
        assert [(job.state, job.remaining) for job in world.jobs()] == [(JobState.SETTLED, 0)]


def test_an_order_waits_for_the_claim_that_was_first(postgres_server: Server) -> None:
    """A conversion that is on its way is not called cancelled."""
    with World(postgres_server.fresh()) as world:
        rated(world, ("meta",), 1)
        connection_id = world.connections["meta"].id
        stopped = world.run(
            one_in_the_way_of_another(
                world.db,
                lambda tx: claim.lease(tx, connection_id, token="mine", most=1, lease_us=LEASE_US),
                operations.cancel(world.db, world.project_ref, Chosen()),
            )
        )
        assert (stopped.ids, stopped.left) == ((), {1: State.SENDING})
        assert world.states() == [State.SENDING]


def test_an_order_to_send_again_waits_for_the_rating_that_was_first(postgres_server: Server) -> None:
    """What counts once is not sent twice, though neither of the two sees the other's conversion before it commits."""
    with World(postgres_server.fresh()) as world:
        world.project()
        world.label("Won", convert_once=True, on=("meta",))
        world.connect("meta")
        lead = world.lead()
        world.rate(lead, "Won", 5000)
        world.send("meta", REJECTED)
        post = world.post(lead, "Won", 5000)
        project = world.read(lambda tx: accounts.find_project(tx, world.project_ref))
        plan = world.run(
            one_in_the_way_of_another(
                world.db,
                lambda tx: service._update(tx, world.ids, project, post),
                operations.retry(world.db, world.project_ref, Chosen()),
            )
        )
        assert plan.ids == ()
        assert world.states() == [State.REJECTED, State.QUEUED]


def test_a_person_who_changes_a_setting_does_not_write_an_old_refresh_token_over_the_new_one(
    postgres_server: Server,
) -> None:
    with World(postgres_server.fresh()) as world:
        world.furnish("microsoft")
        number = world.connections["microsoft"].id
        turn = world.write(lambda tx: renewal.begin(tx, world.box, number, LEASE_US))
        assert turn is not None
        changed = connections.connect(world.db, world.box, world.project_ref, "microsoft", {"customer_id": "5"})
        world.run(
            one_in_the_way_of_another(
                world.db, lambda tx: renewal.finish(tx, world.box, turn, "refresh_token", "hush-next"), changed
            )
        )
        found = world.read(lambda tx: connections.by_id(tx, number))
        assert found is not None
        settings = connections.full_settings(found, world.box)
        assert (settings["refresh_token"], settings["customer_id"]) == ("hush-next", "5")


def test_two_labels_of_one_name_at_once_are_one_label(postgres_server: Server) -> None:
    """Who comes second is told so, as if the first had long been there; the letters' case makes no difference."""
    with World(postgres_server.fresh()) as world:
        world.project()
        first, second = labels.NewLabel(name="Won"), labels.NewLabel(name="won")
        with pytest.raises(Conflict, match="This project has a label called won already"):
            world.run(
                one_in_the_way_of_another(
                    world.db,
                    lambda tx: labels._create(tx, world.ids, world.project_ref, first),
                    labels.create(world.db, world.ids, world.project_ref, second),
                )
            )
        assert [one.name for one in world.run(labels.listing(world.db, world.project_ref))] == ["Won", "Lost"]


def test_two_labels_at_once_have_places_of_their_own(postgres_server: Server) -> None:
    with World(postgres_server.fresh()) as world:
        world.project()
        first, second = labels.NewLabel(name="Qualified"), labels.NewLabel(name="Won", after=("Qualified",))
        world.run(
            one_in_the_way_of_another(
                world.db,
                lambda tx: labels._create(tx, world.ids, world.project_ref, first),
                labels.create(world.db, world.ids, world.project_ref, second),
            )
        )
        assert [one.position for one in world.run(labels.listing(world.db, world.project_ref))][:2] == [1, 2]


def test_who_connects_at_once_changes_what_the_first_has_connected(postgres_server: Server) -> None:
    with World(postgres_server.fresh()) as world:
        world.project()
        ref, meta = world.project_ref, DESTINATIONS["meta"]
        made = world.run(
            one_in_the_way_of_another(
                world.db,
                lambda tx: connections._connect(tx, world.box, ref, meta, SETTINGS["meta"], {}),
                connections.connect(world.db, world.box, ref, "meta", {"dataset_id": "99887766"}),
            )
        )
        assert made.settings["dataset_id"] == "99887766"
        assert connections.full_settings(made, world.box)["access_token"] == SETTINGS["meta"]["access_token"]
        assert len(world.rows(tables.connections)) == 1


def test_leads_come_in_while_a_label_is_being_made(postgres_server: Server) -> None:
    with World(postgres_server.fresh()) as world:
        world.project()
        body: dict[str, object] = {"projectId": world.project_ref, "userData": {"email": "erika@example.de"}}
        arrival = leads.Arrival(body=body, door=Door.WEB)

        def making(tx: Tx) -> int:
            labels._create(tx, world.ids, world.project_ref, labels.NewLabel(name="Won"))
            stored = asyncio.run_coroutine_threadsafe(leads.store(world.db, arrival), world.loop).result(WAIT_S)
            return stored.lead_id

        assert world.write(making) > 0
