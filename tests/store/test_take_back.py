"""Taking back, on both databases: in the transaction of the status change, in the line, and at the platform."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import select

from leadtrackr.conversions import connections, operations, receipts, service
from leadtrackr.conversions.model import State, StatusChange
from leadtrackr.conversions.operations import Chosen
from leadtrackr.db import tables
from leadtrackr.db.statement import prepare
from leadtrackr.destinations.contract import Outcome
from leadtrackr.kit.clock import DAY, HOUR, MINUTE
from leadtrackr.kit.errors import Conflict
from tests.support.engine import ACCEPTED, HOLD, REJECTED, RETRY, UNKNOWN, World
from tests.support.working import Works, working

DELIVERIES = prepare(select(tables.deliveries).order_by(tables.deliveries.c.id))


def furnish(world: World, *slugs: str, **settings: str) -> int:
    """A project whose label Won is taken back, connected, with a lead."""
    world.project()
    world.label("Qualified")
    world.label("Won", after=("Qualified",), done=True, take_back=True)
    for slug in slugs:
        world.connect(slug, **({"retract_as_zero": "yes", **settings} if slug == "google_ads" else {}))
    return world.lead()


def won(world: World, *slugs: str) -> int:
    """The same, the lead rated Won for 50 and all of it delivered."""
    lead = furnish(world, *slugs)
    rate(world, lead, "Won", 5000)
    deliver(world, *slugs)
    return lead


def deliver(world: World, *slugs: str) -> None:
    """Sends what there is, whatever stands behind whatever."""
    for _ in range(5):
        for slug in slugs:
            world.send(slug)


def told(world: World) -> list[tuple[str, str, str | None]]:
    """Kind, state and code of each delivery."""
    return [(row.kind, row.state, row.code) for row in world.deliveries()]


def ref(world: World) -> str:
    return str(world.rows(tables.projects)[0].id)


def rate(world: World, lead: int, label: str, price: int | None = None) -> StatusChange:
    """A status change, once what needs no sending is settled."""
    world.sweep()
    return world.rate(lead, label, price)


async def rows(works: Works) -> list[Any]:
    return await works.world.db.read(lambda tx: tx.all(DELIVERIES))


async def held_at_google(works: Works) -> dict[str, float]:
    """Transaction id → the value that Google has."""
    found: dict[str, float] = {}
    for call in await works.calls("google_ads"):
        found.update({event["key"]: event["value"] for event in call["accepted"]})
    return found


@pytest.mark.parametrize("to", ["lost", "open"])
def test_the_whole_way_there_and_back_again(world: World, to: str) -> None:
    lead = furnish(world, "google_ads", "meta", "ga4")

    async def rate(works: Works, label: str, price: int | None = None) -> None:
        await change(world, lead, label, price)
        for _ in range(3):
            await works.deliver()

    async def story() -> None:
        async with working(world) as works:
            await rate(works, "Won", 5000)
            first = {row.label_id: row for row in await rows(works) if row.destination == "google_ads"}
            qualified, won = (first[world.labels[name].id] for name in ("Qualified", "Won"))
            assert await held_at_google(works) == {qualified.event_id: 50.0, won.event_id: 50.0}
            meta = await works.keys("meta")
            await rate(works, to)
            assert await held_at_google(works) == {qualified.event_id: 50.0, won.event_id: 0.0}
            assert (await works.keys("google_ads"))[won.event_id] == 2
            assert await works.keys("meta") == meta
            again = [e for call in await works.calls("google_ads") for e in call["accepted"]][-1]
            assert (again["key"], again["event_at"]) == (won.event_id, won.happened_at // 10**6 * 10**6)
            await rate(works, "Won", 7000)
            anew = {row.destination: row for row in (await rows(works))[-3:]}
            google = anew["google_ads"]
            assert (google.kind, google.state) == ("conversion", "accepted")
            assert {anew[slug].code for slug in ("ga4", "meta")} == {"cannot_restate"}, "there the first one stands"
            assert await works.keys("meta") == meta
            assert await held_at_google(works) == {
                qualified.event_id: 50.0,
                won.event_id: 0.0,
                google.event_id: 70.0,
            }
            world.step(HOUR)
            await works.deliver()
            assert {row.state for row in await rows(works) if row.destination == "google_ads"} == {"confirmed"}

    world.run(story())
    assert [job.state for job in world.jobs()] == ["settled"] * 3
    assert [job.label_id is None for job in world.jobs()] == [False, to == "open", False]
    ratings = world.run(receipts.of_lead(world.db, world.rows(tables.projects)[0].id, lead))
    assert [rating.label for rating in ratings] == ["Won", None if to == "open" else "Lost", "Won"]
    said = {receipt.destination: receipt.words for receipt, _ in ratings[1].deliveries}
    assert said["google_ads"].sentence.startswith("This takes the conversion back: its value is sent again as 0. ")
    for slug in ("ga4", "meta"):
        assert said[slug].sentence.endswith("this platform cannot take a conversion back: it stays counted.")
        assert "Correct it on the platform by hand" in said[slug].next_step


def test_another_price_restates_the_value_and_counts_once(world: World) -> None:
    lead = won(world, "google_ads", "meta")
    before = len(world.deliveries())
    rate(world, lead, "Won", 8000)
    assert told(world)[before:] == [("restatement", "queued", None), ("restatement", "skipped", "cannot_restate")]
    original = world.deliveries(destination="google_ads", label_id=world.labels["Won"].id)[0]
    (claimed,) = world.claim("google_ads")
    assert (claimed.sent_as, claimed.value_cents, claimed.takes_back) == (original.event_id, 8000, original.id)
    world.record("google_ads", "t", [claimed])
    rate(world, lead, "Won", 8000)
    said = {row.destination: (row.kind, row.code) for row in world.deliveries()[-2:]}
    assert said == {"google_ads": ("conversion", "converted_once"), "meta": ("restatement", "cannot_restate")}


def test_what_was_not_sent_is_cancelled_and_the_line_closes_up(world: World) -> None:
    lead = furnish(world, "google_ads", click_age_hours="6")
    rate(world, lead, "Won", 5000)
    assert [(row.state, row.behind) for row in world.deliveries()] == [("waiting", None), ("waiting", 1)]
    rate(world, lead, "Qualified", 6000)
    assert told(world)[1] == ("conversion", "cancelled", "taken_back")
    assert [(row.state, row.behind) for row in world.deliveries()][2] == ("waiting", 1)
    world.step(6 * HOUR)
    world.sweep()
    deliver(world, "google_ads")
    assert [row.state for row in world.deliveries()] == ["accepted", "cancelled", "accepted"]
    assert not any(row.behind for row in world.deliveries())


def test_what_stands_behind_a_cancelled_one_stands_behind_the_one_before_it(world: World) -> None:
    lead = furnish(world, "google_ads", click_age_hours="6")
    world.label("Paid", after=("Won",))
    for label in ("Won", "Paid", "lost"):
        rate(world, lead, label, 5000)
    assert [(row.state, row.behind) for row in world.deliveries()] == [
        ("waiting", None),
        ("cancelled", None),
        ("waiting", world.deliveries()[0].id),
    ]
    world.step(6 * HOUR)
    world.sweep()
    assert [one.id for one in world.claim("google_ads")] == [world.deliveries()[0].id]


@pytest.mark.parametrize(("outcome", "ends"), [(ACCEPTED, "accepted"), (REJECTED, "cancelled")])
def test_a_change_while_it_is_being_sent_waits_for_what_comes_of_it(world: World, outcome: Outcome, ends: str) -> None:
    lead = furnish(world, "google_ads")
    rate(world, lead, "Qualified", 5000)
    deliver(world, "google_ads")
    rate(world, lead, "Won", 5000)
    world.send("google_ads", RETRY)
    world.step(HOUR)
    world.sweep()
    claimed = world.claim("google_ads")
    rate(world, lead, "lost")
    assert told(world)[1:] == [("conversion", "sending", "NOT_FOUND"), ("retraction", "queued", "behind_earlier")]
    assert world.claim("google_ads", token="other") == []
    world.record("google_ads", "t", claimed, outcome)
    deliver(world, "google_ads")
    assert told(world)[2][:2] == ("retraction", ends)
    assert (told(world)[2][2] == "nothing_to_take_back") == (ends == "cancelled")
    world.sweep()
    assert world.status(lead) == "lost"


def test_a_try_whose_end_is_not_known_is_followed_by_its_take_back(world: World) -> None:
    lead = furnish(world, "google_ads", "meta")
    rate(world, lead, "Qualified", 5000)
    deliver(world, "google_ads", "meta")
    rate(world, lead, "Won", 5000)
    world.send("google_ads", UNKNOWN)
    world.send("meta", UNKNOWN)
    rate(world, lead, "open")
    found = {(row.destination, row.kind): row for row in world.deliveries(label_id=world.labels["Won"].id)}
    assert found["meta", "conversion"].code == "taken_back_unsure"
    assert ("meta", "retraction") not in found
    assert found["google_ads", "conversion"].state == "waiting"
    assert found["google_ads", "retraction"].behind == found["google_ads", "conversion"].id
    world.step(DAY)
    world.sweep()
    deliver(world, "google_ads")
    assert set(world.states(destination="google_ads")) == {State.ACCEPTED}


def test_a_take_back_for_open_keeps_nobody_pending(world: World) -> None:
    lead = won(world, "google_ads")
    assert not rate(world, lead, "open").queued
    assert world.status(lead) == "open"
    assert [(job.state, job.remaining, job.label_id) for job in world.jobs()][1:] == [("settled", 0, None)]
    assert world.deliveries()[-1].passed == 1, "nothing is left to be counted"
    rate(world, lead, "Won", 5000)
    anew = world.deliveries()[-1]
    assert (anew.behind, anew.passed) == (world.deliveries()[-2].id, 0)
    with pytest.raises(Conflict):
        rate(world, lead, "open")
    deliver(world, "google_ads")
    assert world.status(lead) == world.labels["Won"].conversion_id
    assert {job.remaining for job in world.jobs()} == {0}


def test_open_without_anything_to_take_back_makes_no_job(world: World) -> None:
    lead = furnish(world, "google_ads")
    rate(world, lead, "open")
    rate(world, lead, "Qualified", 5000)
    deliver(world, "google_ads")
    rate(world, lead, "open")
    assert len(world.jobs()) == 1


def test_repeated_changes_take_back_once_and_send_anew_each_time(world: World) -> None:
    lead = won(world, "google_ads", "meta")
    for _ in range(2):
        rate(world, lead, "lost")
        deliver(world, "google_ads", "meta")
        rate(world, lead, "open")
        rate(world, lead, "lost")
        deliver(world, "google_ads", "meta")
        rate(world, lead, "Won", 5000)
        deliver(world, "google_ads", "meta")
    of_google = world.deliveries(destination="google_ads", label_id=world.labels["Won"].id)
    assert [row.kind for row in of_google] == ["conversion", "retraction", "conversion", "retraction", "conversion"]
    assert [row.takes_back for row in of_google] == [None, of_google[0].id, None, of_google[2].id, None]
    of_meta = world.deliveries(destination="meta", label_id=world.labels["Won"].id)
    assert [(row.kind, row.code) for row in of_meta] == [
        ("conversion", "ok"),
        ("retraction", "cannot_take_back"),
        ("conversion", "converted_once"),
        ("conversion", "converted_once"),
    ], "what cannot be taken back says it once, stands, and gets no second one beside it"
    assert len({row.event_id for row in world.deliveries()}) == len(world.deliveries())


def test_a_label_that_converts_once_converts_again_where_it_was_taken_back(world: World) -> None:
    world.project()
    world.label("Deal", convert_once=True, take_back=True)
    world.connect("google_ads", retract_as_zero="yes")
    world.connect("meta")
    lead = world.lead()
    for label in ("Deal", "lost", "Deal"):
        rate(world, lead, label, 5000)
        deliver(world, "google_ads", "meta")
    last = {row.destination: (row.kind, row.state, row.code) for row in world.deliveries()[-2:]}
    assert last == {
        "google_ads": ("conversion", "accepted", "ok"),
        "meta": ("conversion", "skipped", "converted_once"),
    }


def test_without_the_flag_nothing_is_taken_back(world: World) -> None:
    world.furnish("google_ads")
    lead = world.lead()
    for label in ("Won", "lost", "open"):
        rate(world, lead, label, 5000)
        deliver(world, "google_ads")
    assert told(world) == [("conversion", "accepted", "ok")]


def test_the_setting_of_the_connection_is_asked_and_can_be_chosen_later(world: World) -> None:
    lead = furnish(world, "google_ads", retract_as_zero="no")
    rate(world, lead, "Won", 5000)
    deliver(world, "google_ads")
    rate(world, lead, "lost")
    assert told(world)[-1] == ("retraction", "skipped", "take_back_off")
    world.connect("google_ads", retract_as_zero="yes")
    world.sweep()
    rate(world, lead, "open")
    assert told(world)[-1] == ("retraction", "queued", None)


def test_what_was_taken_back_is_not_sent_again_by_a_person(world: World) -> None:
    lead = furnish(world, "google_ads", click_age_hours="6")
    rate(world, lead, "Won", 5000)
    rate(world, lead, "lost")
    assert [code for _, _, code in told(world)][1] == "taken_back"
    plan = world.run(operations.retry(world.db, ref(world), Chosen()))
    assert (plan.taken_back, plan.to_send) == ({"google_ads": 1}, {})
    assert plan.not_again == {"google_ads": 1}, "the other one goes by itself, when the click is old enough"
    assert told(world)[1][1] == "cancelled"


def test_what_was_refused_is_not_sent_again_once_its_lead_is_rated_otherwise(world: World) -> None:
    lead = furnish(world, "google_ads")
    rate(world, lead, "Won", 5000)
    world.send("google_ads", REJECTED)
    world.send("google_ads", REJECTED)
    plan = world.run(operations.plan_retry(world.db, ref(world), Chosen()))
    assert (plan.to_send, plan.taken_back) == ({"google_ads": 2}, {})
    for otherwise in ("lost", "open"):
        rate(world, lead, otherwise)
        plan = world.run(operations.retry(world.db, ref(world), Chosen(ids=(world.deliveries()[1].id,))))
        assert (plan.to_send, plan.taken_back) == ({}, {"google_ads": 1}), otherwise


def test_a_restatement_that_was_overtaken_is_not_sent_again(world: World) -> None:
    lead = won(world, "google_ads")
    rate(world, lead, "Won", 8000)
    world.send("google_ads", REJECTED)
    plan = world.run(operations.plan_retry(world.db, ref(world), Chosen()))
    assert (plan.to_send, plan.taken_back) == ({"google_ads": 1}, {})
    rate(world, lead, "Won", 9000)
    deliver(world, "google_ads")
    plan = world.run(operations.plan_retry(world.db, ref(world), Chosen()))
    assert (plan.to_send, plan.taken_back) == ({}, {"google_ads": 1})


def test_another_account_gets_nothing_of_it(world: World) -> None:
    lead = won(world, "google_ads")
    old = world.deliveries()[-1]
    project = ref(world)
    rate(world, lead, "lost")

    async def story() -> None:
        async with working(world) as works:
            await connections.connect(world.db, world.box, project, "google_ads", {"operating_account": "2222222222"})
            await works.deliver()
            assert await works.calls("google_ads") == []
            await connections.connect(world.db, world.box, project, "google_ads", {"operating_account": old.account})
            await operations.retry(world.db, project, Chosen())
            await works.deliver()
            assert await works.keys("google_ads") == {old.event_id: 1}

    world.run(story())
    assert told(world)[-1] == ("retraction", "accepted", "ok")


def test_after_the_window_it_expires_at_once_and_keeps_nobody_pending(world: World) -> None:
    lead = won(world, "google_ads")
    world.step(91 * DAY)
    rate(world, lead, "lost")
    world.sweep()
    assert told(world)[-1] == ("retraction", "expired", "window_closed")
    assert world.status(lead) == "lost"


def test_a_held_connection_holds_the_take_back_too(world: World) -> None:
    lead = won(world, "google_ads")
    other = world.lead(email="other@example.de")
    rate(world, other, "Qualified", 1)
    world.send("google_ads", HOLD)
    rate(world, lead, "open")
    assert told(world)[-1] == ("retraction", "held", "invalid_grant")
    world.run(operations.resume(world.db, world.project_ref, "google_ads"))
    world.sweep()
    deliver(world, "google_ads")
    assert told(world)[-1] == ("retraction", "accepted", "ok")


@pytest.mark.parametrize(
    ("reason", "original", "retraction"),
    [
        ("CLICK_NOT_FOUND", "rejected", ("cancelled", "nothing_to_take_back")),
        ("TOO_RECENT_CLICK", "cancelled", ("cancelled", "nothing_to_take_back")),
    ],
)
def test_what_google_says_later_decides_over_a_take_back_that_still_waits(
    world: World, reason: str, original: str, retraction: tuple[str, str]
) -> None:
    lead = furnish(world, "google_ads")

    async def story() -> None:
        async with working(world) as works:
            won = await sent_with(works, lead, reason)
            await operations.pause(world.db, str(won.project_id), "google_ads")
            await change(world, lead, "lost")
            assert (await rows(works))[-1].state == "held"
            world.step(30 * MINUTE)
            await works.deliver()
            assert (await rows(works))[1].state == original
            await operations.resume(world.db, str(won.project_id), "google_ads")
            await works.deliver()
            await works.deliver()
            last = (await rows(works))[-1]
            assert (last.kind, last.state, last.code) == ("retraction", *retraction)
            assert (await rows(works))[1].state == original

    world.run(story())


def test_what_google_wants_again_after_it_was_taken_back_is_not_sent_again(world: World) -> None:
    lead = furnish(world, "google_ads")

    async def story() -> None:
        async with working(world) as works:
            won = await sent_with(works, lead, "TOO_RECENT_CLICK")
            await works.settings(google_ads={"processing_errors": {}})
            await change(world, lead, "open")
            await works.deliver()
            assert await held_at_google(works) == {won.event_id: 0.0} | {(await rows(works))[0].event_id: 50.0}
            for _ in range(3):
                world.step(12 * HOUR)
                await works.deliver()
            assert [(row.kind, row.state) for row in await rows(works)] == [
                ("conversion", "confirmed"),
                ("conversion", "cancelled"),
                ("retraction", "confirmed"),
            ]

    world.run(story())
    assert told(world)[1][2] == "taken_back"


async def change(world: World, lead: int, label: str, price: int | None = None) -> None:
    """A status change, within a story."""
    await service.update_status(world.db, world.ids, world.api_key, world.post(lead, label, price))


async def sent_with(works: Works, lead: int, reason: str) -> Any:
    """Rates a lead Won and sends it, so that Google's processing of that conversion ends with a reason; its row."""
    await change(works.world, lead, "Won", 5000)
    won = (await rows(works))[-1]
    await works.settings(google_ads={"processing_errors": {won.event_id: f"PROCESSING_ERROR_REASON_{reason}"}})
    for _ in range(2):
        await works.deliver()
    return won


def test_where_a_platform_can_the_conversion_is_truly_taken_back(world: World) -> None:
    """Microsoft: a new price is its new value, lost is a retraction, and won again is another conversion."""
    world.project()
    world.label("Won", done=True, take_back=True)
    world.connect("microsoft")
    lead = world.lead()

    async def story() -> None:
        async with working(world) as works:
            for label, price in (("Won", 5000), ("Won", 8000), ("lost", None), ("Won", 7000)):
                world.step(MINUTE)
                await change(world, lead, label, price)
                for _ in range(2):
                    await works.deliver()
            calls = [call for call in await works.calls("microsoft") if call["accepted"]]
            found = [
                (call["path"].split("/")[3], row["scope"].split("/")[1:], row.get("value"), row["event_at"])
                for call in calls
                for row in call["accepted"]
            ]
            at = [world.clock.now() - n * MINUTE for n in (3, 2, 1, 0)]
            assert found == [
                ("OfflineConversions", ["Qualified lead"], 50.0, at[0]),
                ("OfflineConversionAdjustments", ["Qualified lead", "Restate"], 80.0, at[1]),
                ("OfflineConversionAdjustments", ["Qualified lead", "Retract"], None, at[2]),
                ("OfflineConversions", ["Qualified lead"], 70.0, at[3]),
            ]
            times = [event["ConversionTime"] for call in calls for event in call["body"].popitem()[1]]
            assert times[:3] == [times[0]] * 3 != [times[3]] * 3, "adjusted under the time of the conversion"

    world.run(story())
    assert told(world) == [
        ("conversion", "accepted", "ok"),
        ("restatement", "accepted", "ok"),
        ("retraction", "accepted", "ok"),
        ("conversion", "accepted", "ok"),
    ]
    assert [(row.value_cents, row.currency) for row in world.deliveries()] == [
        (5000, "EUR"),
        (8000, "EUR"),
        (None, None),
        (7000, "EUR"),
    ]
    ratings = world.run(receipts.of_lead(world.db, world.rows(tables.projects)[0].id, lead))
    (receipt, _) = ratings[1].deliveries[0]
    assert receipt.words.sentence.startswith("This takes the conversion back: it is to count no more. ")


def test_a_retraction_that_is_sent_twice_after_a_lost_answer_is_done(world: World) -> None:
    world.project()
    world.label("Won", done=True, take_back=True)
    world.connect("microsoft")
    lead = world.lead()

    async def story() -> None:
        async with working(world) as works:
            await change(world, lead, "Won", 5000)
            await works.deliver()
            await change(world, lead, "lost", None)
            await works.fault({"destination": "microsoft", "accept_then_hang": True, "until": 1, "path": "Adjustments"})
            delivering = asyncio.create_task(works.deliver())
            async with asyncio.timeout(20):
                for _ in range(4000):
                    if len(await works.calls("microsoft")) == 2:
                        break
                    await asyncio.sleep(0.005)
            await works.well()
            await delivering
            for _ in range(3):
                world.step(HOUR)
                await works.deliver()

    world.run(story())
    assert told(world)[1:] == [("retraction", "confirmed", "ConversionAlreadyRetracted")]
