"""Answers that come later: Google says some time after it took a request what became of each event in it."""

from collections import Counter
from typing import Any

import pytest
from msgspec import structs
from sqlalchemy import select

from leadtrackr.conversions import connections, inquirer, inquiry, operations, outcomes, receipts, service
from leadtrackr.conversions.hold import hold_connection
from leadtrackr.conversions.model import ConnectionState, State
from leadtrackr.conversions.worker import MEND_EVERY
from leadtrackr.db import tables
from leadtrackr.db.statement import prepare
from leadtrackr.destinations.contract import Destination
from leadtrackr.destinations.registry import DESTINATIONS
from leadtrackr.kit.clock import DAY, HOUR, MINUTE
from tests.support.engine import ATTRIBUTION, HOLD, World
from tests.support.working import Works, working

DELIVERIES = prepare(select(tables.deliveries).order_by(tables.deliveries.c.id))


def rate_all(world: World, count: int) -> None:
    for number in range(count):
        world.rate(world.lead(email=f"lead{number}@example.de"), "Won", 5000)


async def rows(works: Works) -> list[Any]:
    return await works.world.db.read(lambda tx: tx.all(DELIVERIES))


async def inquiries(works: Works) -> list[Any]:
    return await works.world.db.read(lambda tx: tx.all(prepare(select(tables.inquiries))))


async def questions(works: Works) -> int:
    return sum("requestStatus" in call["path"] for call in await works.calls("google_ads"))


async def say(works: Works, reasons: dict[int, str], **settings: Any) -> None:
    """What processing ends with, by the number of the delivery from 0; all others succeed."""
    found = await rows(works)
    errors = {found[number].event_id: f"PROCESSING_ERROR_REASON_{reason}" for number, reason in reasons.items()}
    await works.settings(google_ads={"processing_errors": errors, **settings})


def test_nobody_is_asked_before_half_an_hour_and_then_each_event_is_confirmed(world: World) -> None:
    world.furnish("google_ads")
    rate_all(world, 3)

    async def story() -> None:
        async with working(world) as works:
            await works.deliver()
            world.step(30 * MINUTE - 1)
            await works.deliver()
            assert await questions(works) == 0
            world.step(1)
            await works.deliver()
            assert await questions(works) == 1
            assert {row.state for row in await rows(works)} == {"confirmed"}
            world.step(DAY)
            await works.deliver()
            assert await questions(works) == 1, "what is known is not asked again"

    world.run(story())
    assert [row.state for row in world.rows(tables.inquiries)] == ["known"]


def test_a_reason_is_pinned_on_the_event_that_it_is_about(world: World) -> None:
    world.furnish("google_ads")
    rate_all(world, 6)

    async def story() -> None:
        async with working(world) as works:
            await say(works, {1: "CLICK_NOT_FOUND", 4: "TOO_RECENT_CLICK"})
            await works.deliver()
            world.step(30 * MINUTE)
            await works.deliver()
            found = await rows(works)
            assert [row.state for row in found] == [
                "confirmed",
                "rejected",
                "confirmed",
                "confirmed",
                "waiting",
                "confirmed",
            ]
            assert "CLICK_NOT_FOUND" in found[1].code
            assert found[4].run_at == world.clock.now() + 6 * HOUR
            assert found[4].settled_at is None

    world.run(story())


def test_what_is_to_be_sent_again_is_sent_again_under_its_event_id_and_asked_about_again(world: World) -> None:
    world.furnish("google_ads")
    rate_all(world, 1)

    async def story() -> None:
        async with working(world) as works:
            (first,) = await rows(works)
            await say(works, {0: "TOO_RECENT_CLICK"})
            await works.deliver()
            world.step(30 * MINUTE)
            await works.deliver()
            await works.settings(google_ads={"processing_errors": {}, "repeats": "none"})
            world.step(6 * HOUR)
            await works.deliver()
            world.step(30 * MINUTE)
            await works.deliver()
            (last,) = await rows(works)
            assert (last.state, last.event_id) == ("confirmed", first.event_id)
            assert await works.keys("google_ads") == {first.event_id: 1}, (
                "what was refused in processing does not count"
            )

    world.run(story())
    assert [row.state for row in world.rows(tables.inquiries)] == ["known", "known"]


def test_counts_without_indices_are_pinned_on_nobody(world: World) -> None:
    world.furnish("google_ads")
    rate_all(world, 4)

    async def story() -> None:
        async with working(world) as works:
            await say(works, {2: "CLICK_NOT_FOUND"}, record_indices="absent")
            await works.deliver()
            world.step(30 * MINUTE)
            await works.deliver()
            found = await rows(works)
            assert {row.state for row in found} == {"accepted"}
            (said,) = {(row.code, row.detail) for row in found}
            assert said[0] == "status_counts"
            assert said[1].startswith("1 of 4 not taken")

    world.run(story())


def test_a_request_that_is_never_finished_is_given_up_after_a_day(world: World) -> None:
    world.furnish("google_ads")
    rate_all(world, 1)

    async def story() -> None:
        async with working(world) as works:
            await works.settings(google_ads={"processing_s": 10 * DAY // 1_000_000})
            await works.deliver()
            asked = []
            for _ in range(30):
                world.step(HOUR)
                await works.deliver()
                asked.append(await questions(works))
            assert asked[0] == 1
            assert asked[-1] == asked[-4], "nobody asks after a day"
            assert asked[-1] < 24, "with growing pauses"
            (row,) = await rows(works)
            assert (row.state, row.code) == ("accepted", "status_unknown")

    world.run(story())
    assert [row.state for row in world.rows(tables.inquiries)] == ["given_up"]


def test_a_platform_that_cannot_be_asked_is_asked_again(world: World) -> None:
    world.furnish("google_ads")
    rate_all(world, 1)

    async def story() -> None:
        async with working(world) as works:
            await works.deliver()
            await works.fault({"destination": "google_ads", "status": 503, "path": "requestStatus"})
            world.step(30 * MINUTE)
            await works.deliver()
            assert {row.state for row in await rows(works)} == {"accepted"}
            await works.well()
            world.step(12 * HOUR)
            await works.deliver()
            assert {row.state for row in await rows(works)} == {"confirmed"}

    world.run(story())


def test_a_receipt_says_how_often_and_when_the_platform_is_asked(world: World) -> None:
    world.furnish("google_ads", "meta")
    rate_all(world, 1)

    async def seen(works: Works) -> list[tuple[int | None, int | None]]:
        found = []
        for row in await rows(works):
            _, tried = await receipts.one(works.world.db, world.project_ref, row.id)
            found += [(one.asked, one.ask_at) for one in tried]
        return found

    async def story() -> None:
        async with working(world) as works:
            await works.settings(google_ads={"processing_s": 3600})
            await works.deliver()
            at = world.clock.now() + 30 * MINUTE
            assert sorted(await seen(works), key=str) == [(0, at), (None, None)]
            world.step(30 * MINUTE)
            await works.deliver()
            assert (1, at + 30 * MINUTE) in await seen(works)
            world.step(30 * MINUTE)
            await works.deliver()
            assert (2, None) in await seen(works)

    world.run(story())


def test_what_is_asked_for_again_and_again_ends_with_the_days_of_its_tries(world: World) -> None:
    """As every other try: the platform may take years of the same answer, a lead's owner wants to know."""
    world.furnish("google_ads")
    rate_all(world, 1)

    async def story() -> None:
        async with working(world) as works:
            await say(works, {0: "INTERNAL_ERROR"}, repeats="none")
            days = 0.0
            while (await rows(works))[0].state != "expired":
                await works.deliver()
                world.step(30 * MINUTE)
                days += 30 * MINUTE / DAY
                assert days < 4
            (row,) = await rows(works)
            assert (row.code, row.detail.partition(":")[0]) == (
                "retries_over",
                "PROCESSING_ERROR_REASON_INTERNAL_ERROR",
            )
            assert days > 2.7

    world.run(story())


def test_a_platform_that_asks_to_be_left_alone_is_asked_nothing_and_sent_nothing(world: World) -> None:
    """A question that is answered with a pause pauses the connection, and the other questions wait for its end."""
    world.furnish("google_ads")
    rate_all(world, 1)
    later = [world.post(world.lead(email=f"later{n}@example.de"), "Won", 5000) for n in range(2)]

    async def story() -> None:
        async with working(world) as works:
            await works.deliver()
            await service.update_status(world.db, world.ids, world.api_key, later[0])
            await works.deliver()
            slow = {"status": 429, "retry_after": str(2 * 3600), "path": "requestStatus", "until": 1}
            await works.fault({"destination": "google_ads", **slow})
            world.step(30 * MINUTE)
            await works.deliver()
            assert await questions(works) == 1, "the second one is not put any more"
            (paused,) = await world.db.read(lambda tx: tx.all(prepare(select(tables.connections))))
            assert (paused.paused_until, paused.failures) == (world.clock.now() + 2 * HOUR, 0), "it has not failed"
            calls = len(await works.calls("google_ads"))
            await service.update_status(world.db, world.ids, world.api_key, later[1])
            for _ in range(3):
                world.step(30 * MINUTE)
                await works.deliver()
            assert len(await works.calls("google_ads")) == calls
            for _ in range(6):
                world.step(30 * MINUTE)
                await works.deliver()
            assert [row.state for row in await rows(works)] == ["confirmed"] * 3

    world.run(story())


def test_a_held_connection_is_asked_when_it_goes_on(world: World) -> None:
    """The day after which a question is given up is over by then: it is put all the same."""
    world.furnish("google_ads")
    rate_all(world, 1)

    async def story() -> None:
        async with working(world) as works:
            await works.deliver()
            number = world.connections["google_ads"].id
            await world.db.write(
                lambda tx: hold_connection(tx, number, reason="credentials", outcome=HOLD, now=tx.now())
            )
            for _ in range(48):
                world.step(HOUR)
                await works.deliver()
            assert await questions(works) == 0, "its credentials are refused"
            await operations.resume(world.db, world.project_ref, "google_ads")
            await works.fault({"destination": "google_ads", "status": 503, "path": "requestStatus", "until": 1})
            world.step(HOUR)
            await works.deliver()
            assert await questions(works) == 1
            assert [row.code for row in await rows(works)] == ["ok"], "no answer says nothing"
            world.step(HOUR)
            await works.deliver()
            assert await questions(works) == 2
            assert {row.state for row in await rows(works)} == {"confirmed"}

    world.run(story())


def test_a_question_is_taken_by_one_worker_and_taken_over_when_that_one_dies(world: World) -> None:
    world.furnish("google_ads")
    rate_all(world, 2)

    async def story() -> None:
        async with working(world) as works:
            await works.deliver()
            world.step(30 * MINUTE)
            first = await world.db.write(inquiry.take_due)
            assert len(first) == 1
            assert await world.db.write(inquiry.take_due) == []
            world.step(inquiry.TAKEN_FOR)
            assert len(await world.db.write(inquiry.take_due)) == 1

    world.run(story())


def test_a_delivery_that_has_moved_on_is_left_alone(world: World) -> None:
    world.furnish("google_ads")
    rate_all(world, 2)

    async def story() -> None:
        async with working(world) as works:
            await works.deliver()
            moved, _ = await rows(works)
            step = (
                tables.deliveries.update().where(tables.deliveries.c.id == moved.id).values(state=State.CANCELLED.value)
            )
            await world.db.write(lambda tx: tx.run(prepare(step)))
            world.step(30 * MINUTE)
            await works.deliver()
            assert Counter(row.state for row in await rows(works)) == {"cancelled": 1, "confirmed": 1}

    world.run(story())


@pytest.mark.parametrize("slug", ["ga4", "meta"])
def test_platforms_that_say_nothing_later_are_not_asked(world: World, slug: str) -> None:
    world.furnish(slug)
    rate_all(world, 1)

    async def story() -> None:
        async with working(world) as works:
            await works.deliver()

    world.run(story())
    assert world.rows(tables.inquiries) == []


def test_a_connection_whose_secrets_cannot_be_read_keeps_nobody_else_from_being_asked(world: World) -> None:
    """The lost key is one project's trouble; what Google made of the other's conversions is found out all the same."""
    world.furnish("google_ads")
    rate_all(world, 1)
    world.furnish("google_ads")
    rate_all(world, 1)

    async def story() -> None:
        async with working(world) as works:
            await works.deliver()
            first = (await rows(works))[0].connection_id
            lose = tables.connections.update().where(tables.connections.c.id == first).values(secrets="lost")
            await world.db.write(lambda tx: tx.run(prepare(lose)))
            for _ in range(4):
                world.step(30 * MINUTE)
                await works.deliver()
            assert [row.state for row in await rows(works)] == ["accepted", "confirmed"]
            (lost,) = [row for row in await inquiries(works) if row.state != "known"]
            assert (lost.state, lost.times, lost.note.partition(":")[0]) == ("open", 0, "unreadable_secrets")
            world.step(2 * DAY)
            await works.deliver()
            assert (await rows(works))[0].code == "ok", (
                "nobody has asked Google, so it has not said that it knows nothing"
            )
            world.step(inquiry.UNASKED_FOR)
            await works.deliver()
            assert (await rows(works))[0].code == "status_not_asked"

    world.run(story())
    assert sorted(row.state for row in world.rows(tables.inquiries)) == ["closed", "known"]


def test_a_question_that_this_program_cannot_put_keeps_no_other_from_being_put(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        world.furnish("google_ads")
        rate_all(world, 1)
    google = DESTINATIONS["google_ads"]
    status, odd = google.status, list[str]()
    assert status is not None

    def request(reference: str, *others: Any) -> Any:
        odd.append(reference)
        if reference == odd[0]:
            raise KeyError("odd")
        return status.request(reference, *others)

    async def story() -> None:
        async with working(world) as works:
            await works.deliver()
            broken = structs.replace(google, status=structs.replace(status, request=request))
            monkeypatch.setitem(DESTINATIONS, "google_ads", broken)
            world.step(30 * MINUTE)
            await works.deliver()
            assert sorted(row.state for row in await rows(works)) == ["accepted", "confirmed"]
            (left,) = [row for row in await inquiries(works) if row.state == "open"]
            assert left.next_at == world.clock.now() + HOUR

    world.run(story())


def test_without_a_token_one_question_finds_that_out_for_all(world: World) -> None:
    world.furnish("google_ads")
    later = [world.post(world.lead(email=f"later{n}@example.de"), "Won", 5000) for n in range(3)]

    async def story() -> None:
        async with working(world) as works:
            for post in later:
                await service.update_status(world.db, world.ids, world.api_key, post)
                await works.deliver()
            works.restart()
            await works.fault({"destination": "google_oauth", "status": 503})
            calls = len(await works.calls("google_oauth"))
            world.step(30 * MINUTE)
            await works.deliver()
            assert await questions(works) == 0
            assert len(await works.calls("google_oauth")) == calls + 1

    world.run(story())


def test_an_answer_that_cannot_be_read_at_all_is_asked_for_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.furnish("google_ads")
    rate_all(world, 1)

    def fall(*_: object) -> None:
        raise KeyError("odd")

    async def story() -> None:
        async with working(world) as works:
            await works.deliver()
            world.step(30 * MINUTE)
            with monkeypatch.context() as odd:
                google = DESTINATIONS["google_ads"]
                assert google.status is not None
                broken = structs.replace(google, status=structs.replace(google.status, read=fall))
                odd.setitem(DESTINATIONS, "google_ads", broken)
                await works.deliver()
            (question,) = await inquiries(works)
            assert (question.times, question.note) == (1, "unreadable: ")
            world.step(HOUR)
            await works.deliver()
            assert {row.state for row in await rows(works)} == {"confirmed"}

    world.run(story())


@pytest.mark.parametrize(
    "destinations",
    [{}, {"google_ads": structs.replace(DESTINATIONS["google_ads"], status=None)}],
    ids=["unknown", "says nothing later"],
)
def test_a_question_that_nobody_can_be_asked_any_more_is_closed(
    world: World, monkeypatch: pytest.MonkeyPatch, destinations: dict[str, Destination]
) -> None:
    """Another version of the program may not know a platform, or not how to ask it."""
    world.furnish("google_ads")
    rate_all(world, 2)

    async def story() -> None:
        async with working(world) as works:
            await works.deliver()
            monkeypatch.setattr(inquirer, "DESTINATIONS", destinations)
            for _ in range(3):
                world.step(30 * MINUTE)
                await works.deliver()
            assert {(row.state, row.code) for row in await rows(works)} == {("accepted", "status_not_asked")}
            monkeypatch.undo()
            world.step(DAY)
            await works.deliver()
            assert await questions(works) == 0

    world.run(story())
    (question,) = world.rows(tables.inquiries)
    assert (question.state, question.note, question.times) == ("closed", "status_not_asked", 1)
    said = outcomes.explain("google_ads", "status_not_asked")
    assert said is not None
    assert "could not ask" in said.sentence


def test_what_is_said_late_of_what_a_person_has_mended_since_stops_nothing(world: World) -> None:
    """For a day Google goes on answering about requests that were sent before the terms were signed."""
    terms = "DESTINATION_ACCOUNT_ENHANCED_CONVERSIONS_TERMS_NOT_SIGNED"
    world.furnish("google_ads")
    rate_all(world, 1)
    second = world.post(world.lead(email="second@example.de"), "Won", 5000)
    connection = world.connections["google_ads"].id

    async def is_held() -> bool:
        found = await world.db.read(lambda tx: connections.by_id(tx, connection))
        return found is not None and found.state == ConnectionState.HELD

    async def story() -> None:
        async with working(world) as works:
            unsigned = {str(ATTRIBUTION["gclid"]): f"PROCESSING_ERROR_REASON_{terms}"}
            await works.settings(google_ads={"processing_errors": unsigned, "repeats": "none"})
            await works.deliver()
            await service.update_status(world.db, world.ids, world.api_key, second)
            await works.deliver()
            world.step(30 * MINUTE)
            await works.deliver()
            assert await is_held()
            assert await questions(works) == 1, "the other one waits until the connection is mended"
            world.step(MINUTE)
            await works.settings(google_ads={"processing_errors": {}, "repeats": "none"})
            await operations.resume(world.db, world.project_ref, connection)
            await works.deliver()
            world.step(30 * MINUTE)
            await works.deliver()
            assert await questions(works) == 3, "of both before, and of what has been sent together since"
            assert not await is_held()
            world.step(MEND_EVERY)
            await works.deliver()
            await works.deliver()
            assert sorted(row.state for row in await rows(works)) == ["accepted", "confirmed"], "all are sent again"

    world.run(story())
