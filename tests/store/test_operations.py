"""What a person orders about deliveries: again, stop, pause."""

import pytest
from sqlalchemy import update

from leadtrackr.conversions import connections, operations
from leadtrackr.conversions.again import Fate
from leadtrackr.conversions.hold import hold_connection
from leadtrackr.conversions.model import State
from leadtrackr.conversions.operations import Chosen
from leadtrackr.conversions.receipts import Filters
from leadtrackr.db import tables
from leadtrackr.db.statement import prepare
from leadtrackr.destinations.contract import Kind, Outcome
from leadtrackr.kit.clock import DAY
from leadtrackr.kit.errors import Conflict, NotFound
from tests.support.engine import HOLD, LEASE_US, RETRY, World
from tests.support.working import working

REFUSED = Outcome(kind=Kind.REJECTED, code="unexpected")
EVERYTHING = Chosen()


def rejected(world: World, count: int) -> None:
    for number in range(count):
        world.rate(world.lead(email=f"lead{number}@example.de"), "Won", 5000)
    world.send("meta", REFUSED)
    assert set(world.states()) == {State.REJECTED}


def ref(world: World) -> str:
    return str(world.rows(tables.projects)[0].id)


def test_what_was_refused_is_sent_again_under_its_event_id_and_time(world: World) -> None:
    world.furnish("meta")
    rejected(world, 3)
    before = {row.id: (row.event_id, row.happened_at) for row in world.deliveries()}
    plan = world.run(operations.plan_retry(world.db, ref(world), EVERYTHING))
    assert (plan.to_send, plan.too_old, plan.not_again) == ({"meta": 3}, {}, {})
    assert set(world.states()) == {State.REJECTED}, "a plan moves nothing"
    assert world.run(operations.retry(world.db, ref(world), EVERYTHING)) == plan

    async def story() -> None:
        async with working(world) as works:
            await works.deliver()
            assert set((await works.keys("meta")).values()) == {1}

    world.run(story())
    assert set(world.states()) == {State.ACCEPTED}
    assert {row.id: (row.event_id, row.happened_at) for row in world.deliveries()} == before


def test_asked_twice_it_is_sent_once(world: World) -> None:
    world.furnish("meta")
    rejected(world, 5)
    project = ref(world)
    first = world.run(operations.retry(world.db, project, EVERYTHING))

    async def story() -> None:
        async with working(world) as works:
            await works.deliver()
            second = await operations.retry(world.db, project, EVERYTHING)
            assert (second.to_send, second.not_again) == ({}, {"meta": 5})
            await works.deliver()
            assert list((await works.keys("meta")).values()) == [1] * 5

    assert first.to_send == {"meta": 5}
    world.run(story())


def test_what_is_too_old_stays_as_it_is(world: World) -> None:
    world.furnish("meta")
    rejected(world, 2)
    world.step(8 * DAY)
    plan = world.run(operations.retry(world.db, ref(world), EVERYTHING))
    assert (plan.to_send, plan.too_old) == ({}, {"meta": 2})
    assert set(world.states()) == {State.REJECTED}


def test_deliveries_of_one_lead_sent_again_keep_their_order(world: World) -> None:
    world.furnish("meta")
    lead = world.lead()
    for _ in range(3):
        world.rate(lead, "Won", 5000)
        world.send("meta", REFUSED)
    world.run(operations.retry(world.db, ref(world), EVERYTHING))
    first, second, third = world.deliveries()
    assert (first.behind, second.behind, third.behind) == (None, first.id, second.id)
    for expected in (first, second, third):
        world.sweep()
        (claimed,) = world.claim("meta", token=f"t{expected.id}")
        assert claimed.id == expected.id
        world.record("meta", f"t{expected.id}", [claimed])


def test_filters_choose(world: World) -> None:
    world.furnish("meta", "ga4")
    world.rate(world.lead(), "Won", 5000)
    world.send("meta", REFUSED)
    world.send("ga4", REFUSED)
    only = Chosen(filters=Filters(destination="ga4", limit=100))
    assert world.run(operations.retry(world.db, ref(world), only)).to_send == {"ga4": 1}
    one = Chosen(ids=(world.deliveries(destination="meta")[0].id,))
    assert world.run(operations.retry(world.db, ref(world), one)).to_send == {"meta": 1}


def test_nobody_orders_about_another_project(world: World) -> None:
    world.furnish("meta")
    rejected(world, 1)
    world.project()
    other = str(world.rows(tables.projects)[-1].id)
    stolen = Chosen(ids=(world.deliveries()[0].id,))
    for order in (operations.plan_retry, operations.retry, operations.cancel):
        with pytest.raises(NotFound, match=f"no delivery {stolen.ids[0]}"):
            world.run(order(world.db, other, stolen))
    assert set(world.states()) == {State.REJECTED}


def test_cancelled_before_it_was_sent_the_lead_leaves_pending_and_nothing_arrives(world: World) -> None:
    world.furnish("meta")
    lead = world.lead()
    world.rate(lead, "Won", 5000)
    assert world.status(lead) == "pending"
    assert world.run(operations.cancel(world.db, ref(world), EVERYTHING)).ids == (world.deliveries()[0].id,)
    assert world.states() == [State.CANCELLED]
    assert world.status(lead) == world.labels["Won"].conversion_id
    project = ref(world)
    assert world.run(operations.cancel(world.db, project, EVERYTHING)).ids == ()
    again = world.run(operations.cancel(world.db, project, Chosen(ids=(world.deliveries()[0].id,))))
    assert (again.ids, list(again.left.values())) == ((), [State.CANCELLED])

    async def story() -> None:
        async with working(world) as works:
            await works.deliver()
            assert await works.calls("meta") == []
            await operations.retry(world.db, project, EVERYTHING)
            await works.deliver()
            assert len(await works.keys("meta")) == 1, "cancelling can be undone"

    world.run(story())


def test_what_is_being_sent_cannot_be_cancelled(world: World) -> None:
    world.furnish("meta")
    world.rate(world.lead(), "Won", 5000)
    world.claim("meta")
    assert world.run(operations.cancel(world.db, ref(world), EVERYTHING)).ids == ()
    assert world.states() == [State.SENDING]


def test_a_paused_connection_holds_what_comes_and_goes_on_with_the_original_times(world: World) -> None:
    world.furnish("meta")
    world.rate(world.lead(), "Won", 5000)
    rated_at = world.clock.now()
    first = world.run(operations.pause(world.db, ref(world), "meta"))
    assert (first.count, first.changed, first.connected.to_send) == (1, True, 1)
    assert world.states() == [State.HELD]
    again = world.run(operations.pause(world.db, ref(world), first.connected.connection.id))
    assert (again.count, again.changed) == (0, False)
    world.step(2 * DAY)

    async def story() -> None:
        async with working(world) as works:
            await works.deliver()
            assert await works.calls("meta") == []
            goes = await operations.resume(world.db, project, "meta")
            assert (goes.count, goes.changed) == (1, True)
            again = await operations.resume(world.db, project, "meta")
            assert (again.count, again.changed) == (0, False)
            await works.deliver()

    project = ref(world)
    world.run(story())
    (sent,) = world.deliveries()
    assert (sent.state, sent.happened_at, sent.tries) == ("accepted", rated_at, 1)


def test_what_the_engine_holds_is_no_pause_and_stays_held(world: World) -> None:
    world.furnish("meta")
    number = world.connections["meta"].id
    world.write(lambda tx: hold_connection(tx, number, reason="credentials", outcome=HOLD, now=tx.now()))
    with pytest.raises(Conflict, match=r"Meta is held already: .* mended"):
        world.run(operations.pause(world.db, ref(world), "meta"))
    (one,) = world.run(connections.overview(world.db, ref(world)))
    assert (one.connection.hold_code, one.connection.held_at) == (HOLD.code, world.clock.now())


def test_only_what_is_connected_to_this_project_can_be_paused_and_resumed(world: World) -> None:
    world.furnish("meta")
    mine, number = ref(world), world.connections["meta"].id
    world.project()
    other = str(world.rows(tables.projects)[-1].id)
    for turn in (operations.pause, operations.resume):
        with pytest.raises(NotFound, match="not connected to Google"):
            world.run(turn(world.db, mine, "ga4"))
        with pytest.raises(NotFound, match="not connected to Meta"):
            world.run(turn(world.db, other, "meta"))
        with pytest.raises(NotFound, match=f"no connection {number}"):
            world.run(turn(world.db, other, number))
    assert world.run(connections.overview(world.db, other)) == []


def test_what_was_rated_for_another_account_is_not_sent_to_the_new_one_and_can_be_sent_to_the_old(world: World) -> None:
    world.furnish("meta")
    world.rate(world.lead(), "Won", 5000)
    (rated,) = world.deliveries()
    project = ref(world)

    async def story() -> None:
        async with working(world) as works:
            await connections.connect(world.db, world.box, project, "meta", {"dataset_id": "999888777666555"})
            await works.deliver()
            assert await works.calls("meta") == []
            await connections.connect(world.db, world.box, project, "meta", {"dataset_id": rated.account})
            await operations.retry(world.db, project, EVERYTHING)
            await works.deliver()
            assert await works.keys("meta") == {rated.event_id: 1}

    world.run(story())
    (last,) = world.deliveries()
    assert (last.state, last.account) == ("accepted", rated.account)


def test_nothing_is_sent_before_its_window_opens_however_often_it_is_asked_for(world: World) -> None:
    world.project()
    world.label("Won")
    world.connect("google_ads", click_age_hours="6")
    world.rate(world.lead(), "Won", 5000)
    (made,) = world.deliveries()
    assert (made.state, made.code, made.run_at > world.clock.now()) == ("waiting", "too_recent", True)
    asked = world.run(operations.retry(world.db, ref(world), EVERYTHING))
    assert asked.not_again == {"google_ads": 1}
    world.run(operations.cancel(world.db, ref(world), EVERYTHING))
    assert world.run(operations.retry(world.db, ref(world), EVERYTHING)).to_send == {"google_ads": 1}
    (again,) = world.deliveries()
    assert (again.state, again.run_at) == ("waiting", made.run_at)


@pytest.mark.parametrize("how", ["cancelled", "expired"])
def test_a_line_closes_up_when_some_leave_it_from_the_middle(world: World, how: str) -> None:
    """A, B, C, D of one lead and platform: B and C leave, and D goes after A, not before it."""
    world.furnish("meta")
    lead = world.lead()
    for name in ("B", "C", "D"):
        world.label(name, on=("meta",))
    world.rate(lead, "Won", 100)
    world.record("meta", "a", world.claim("meta", "a"), RETRY)
    for name in ("B", "C", "D"):
        world.rate(lead, name, 100)
        world.sweep()
    first, second, third, last = (row.id for row in world.deliveries())
    if how == "cancelled":
        world.run(operations.cancel(world.db, world.project_ref, Chosen(ids=(second, third))))
    else:
        closing = update(tables.deliveries).where(tables.deliveries.c.id.in_([second, third])).values(closes_at=1)
        world.write(lambda tx: tx.run(prepare(closing)))
        world.sweep()
    assert [(row.id, row.behind) for row in world.deliveries() if row.settled_at is None] == [
        (first, None),
        (last, first),
    ]
    world.step(DAY)
    world.sweep()
    assert [one.id for one in world.claim("meta", "b")] == [first]


def test_what_is_asked_for_again_goes_to_the_end_of_its_line(world: World) -> None:
    """A waits, B and C behind it; B is stopped and asked for again: it goes after C, and what is rated then after B."""
    world.furnish("meta")
    lead = world.lead()
    for name in ("B", "C", "D"):
        world.label(name, on=("meta",))
    world.rate(lead, "Won", 100)
    world.record("meta", "a", world.claim("meta", "a"), RETRY)
    for name in ("B", "C"):
        world.rate(lead, name, 100)
        world.sweep()
    first, second, third = (row.id for row in world.deliveries())
    world.run(operations.cancel(world.db, world.project_ref, Chosen(ids=(second,))))
    world.run(operations.retry(world.db, world.project_ref, Chosen()))
    world.rate(lead, "D", 100)
    fourth = world.deliveries()[-1].id
    line = {row.behind: row.id for row in world.deliveries()}
    assert line == {None: first, first: third, third: second, second: fourth}


def test_what_a_worker_died_with_may_have_arrived_and_stays_so_when_it_is_asked_for_again(world: World) -> None:
    """The attempt that its takeover leaves tells that the platform may have it."""
    world.furnish("meta")
    world.rate(world.lead(), "Won", 5000)
    world.claim("meta")
    world.step(LEASE_US + 1)
    world.sweep()
    world.run(operations.cancel(world.db, ref(world), EVERYTHING))
    for _ in range(2):
        (group,) = world.run(operations.retry(world.db, ref(world), EVERYTHING)).groups
        assert group.fate == Fate.REPEAT
        assert "may have it already" in group.sentence
        world.sweep()
        world.run(operations.cancel(world.db, ref(world), EVERYTHING))


def test_what_may_have_arrived_is_taken_back_as_such_after_it_was_asked_for_again(world: World) -> None:
    world.project()
    world.label("Won", take_back=True)
    world.label("Other", on=())
    world.connect("meta")
    lead = world.lead()
    world.rate(lead, "Won", 5000)
    world.claim("meta")
    world.step(LEASE_US + 1)
    world.sweep()
    world.run(operations.cancel(world.db, ref(world), EVERYTHING))
    world.run(operations.retry(world.db, ref(world), EVERYTHING))
    world.rate(lead, "Other", 5000)
    (delivery,) = world.deliveries()
    assert (delivery.state, delivery.code) == (State.CANCELLED, "taken_back_unsure")


@pytest.mark.parametrize("how", ["convert_once", "take_back"])
def test_what_has_converted_since_under_a_label_that_counts_once_is_not_sent_again(world: World, how: str) -> None:
    """The first rating was refused, the second taken: an order for all that were refused must not count it twice."""
    world.project()
    world.label("Won", convert_once=how == "convert_once", take_back=how == "take_back", on=("meta",))
    world.connect("meta")
    lead = world.lead()
    world.rate(lead, "Won", 5000)
    world.send("meta", REFUSED)
    world.rate(lead, "Won", 5000)
    world.send("meta")
    plan = world.run(
        operations.retry(world.db, ref(world), Chosen(filters=Filters(states=frozenset({State.REJECTED}))))
    )
    (group,) = plan.groups
    assert (plan.ids, group.fate, group.ids) == ((), Fate.CONVERTED, (1,))
    assert world.states() == [State.REJECTED, State.ACCEPTED]


def test_of_several_that_count_once_the_newest_alone_is_sent_again(world: World) -> None:
    world.project()
    world.label("Won", convert_once=True, on=("meta", "ga4"))
    world.connect("meta", "ga4")
    lead, other = world.lead(), world.lead(email="other@example.de")
    for one in (lead, lead, other):
        world.rate(one, "Won", 5000)
        world.send("meta", REFUSED)
        world.send("ga4", REFUSED)
    chosen = [row.id for row in world.deliveries() if row.job_id > 1]
    assert world.run(operations.retry(world.db, ref(world), EVERYTHING)).ids == tuple(chosen)
    again = world.run(operations.retry(world.db, ref(world), EVERYTHING))
    assert again.ids == (), "those that are on their way count already"


def test_what_was_taken_back_counts_no_more_for_a_label_that_counts_once(world: World) -> None:
    world.project()
    world.label("Won", take_back=True, on=("microsoft",))
    world.label("Other", on=())
    world.connect("microsoft")
    lead = world.lead()
    world.rate(lead, "Won", 5000)
    world.send("microsoft")
    world.rate(lead, "Other", 5000)
    world.send("microsoft")
    world.sweep()
    world.rate(lead, "Won", 5000)
    world.send("microsoft", REFUSED)
    kinds = [(row.kind, row.state) for row in world.deliveries()]
    assert kinds == [("conversion", "accepted"), ("retraction", "accepted"), ("conversion", "rejected")]
    assert world.run(operations.retry(world.db, ref(world), EVERYTHING)).ids == (3,)


def test_a_label_that_counts_each_time_is_sent_again_each_time(world: World) -> None:
    world.furnish("meta")
    lead = world.lead()
    world.rate(lead, "Won", 5000)
    world.send("meta", REFUSED)
    world.rate(lead, "Won", 5000)
    world.send("meta")
    assert world.run(operations.retry(world.db, ref(world), EVERYTHING)).ids == (1,)


def test_what_a_path_stood_in_for_is_not_sent_again_beside_it(world: World) -> None:
    """`Won` was refused, so `Deal` sent it again: sending the first one too would count one `Won` twice."""
    world.furnish("meta")
    world.label("Deal", after=("Won",), on=("meta",))
    lead = world.lead()
    world.rate(lead, "Won", 5000)
    world.send("meta", REFUSED)
    world.rate(lead, "Deal", 5000)
    for _ in range(2):
        world.send("meta")
    assert [row.state for row in world.deliveries()] == ["rejected", "accepted", "accepted"]
    assert world.run(operations.retry(world.db, ref(world), EVERYTHING)).ids == ()


def test_of_a_conversion_and_what_stood_in_for_it_the_first_is_sent_again(world: World) -> None:
    world.furnish("meta")
    world.label("Deal", after=("Won",), on=("meta",))
    lead = world.lead()
    world.rate(lead, "Won", 5000)
    world.send("meta", REFUSED)
    world.rate(lead, "Deal", 5000)
    for _ in range(2):
        world.send("meta", REFUSED)
    assert world.run(operations.retry(world.db, ref(world), EVERYTHING)).ids == (1, 3)
