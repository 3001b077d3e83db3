"""F10: a post in every state of a lead's life. The answer is the expected one, and a refusal changes nothing."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from leadtrackr.conversions import operations
from leadtrackr.conversions.model import JobState, State
from leadtrackr.db import tables
from leadtrackr.destinations.contract import Outcome
from leadtrackr.kit.clock import DAY
from tests.faults import checker
from tests.faults.frame import Found, Scene, exactly, fault, noted
from tests.support.engine import ACCEPTED, DOWN, HOLD, LEASE_US, REJECTED, RETRY, UNKNOWN, World
from tests.support.program import Program
from tests.support.tables import everything

ALL = operations.Chosen()
SLUG = "meta"


def new(world: World, lead: int) -> None:
    """Nothing has happened to it yet."""


def rated(world: World, lead: int) -> None:
    world.rate(lead, "Won", 500)


def sent(world: World, lead: int) -> None:
    rated(world, lead)
    world.send(SLUG, ACCEPTED)


def taken_over(world: World, lead: int) -> None:
    rated(world, lead)
    world.claim(SLUG, world.ids.token())
    world.step(LEASE_US + 1)
    # A round takes over few leases, and others have ended meanwhile.
    while world.sweep().ended_leases:
        pass
    (delivery,) = world.deliveries(lead_id=lead)
    assert [row.code for row in world.rows(tables.attempts, delivery_id=delivery.id)] == ["taken_over"]


def leased(world: World, lead: int) -> None:
    rated(world, lead)
    assert len(world.claim(SLUG, world.ids.token())) == 1


def called(world: World, lead: int) -> None:
    world.label("Called", on=(SLUG,))
    world.rate(lead, "Called")
    world.send(SLUG, ACCEPTED)


def settle(world: World, lead: int) -> None:
    world.sweep()
    assert world.jobs(lead_id=lead)[-1].state == JobState.SETTLED


def lost(world: World, lead: int) -> None:
    world.rate(lead, "lost")


def lost_and_settled(world: World, lead: int) -> None:
    lost(world, lead)
    settle(world, lead)


def reopened(world: World, lead: int) -> None:
    sent(world, lead)
    world.rate(lead, "open")


def expired(world: World, lead: int) -> None:
    rated(world, lead)
    world.step(60 * DAY)
    world.sweep()
    assert world.states(lead_id=lead) == [State.EXPIRED]


def cancelled(world: World, lead: int) -> None:
    rated(world, lead)
    assert len(world.run(operations.cancel(world.db, world.project_ref, ALL)).ids) == 1


def paused(world: World, lead: int) -> None:
    rated(world, lead)
    world.run(operations.pause(world.db, world.project_ref, SLUG))


def sent_again(world: World, lead: int) -> None:
    rated(world, lead)
    world.send(SLUG, REJECTED)
    assert world.run(operations.retry(world.db, world.project_ref, ALL)).ids


def behind(world: World, lead: int) -> None:
    rated(world, lead)
    world.send(SLUG, RETRY)
    rated(world, lead)


def behind_and_settled(world: World, lead: int) -> None:
    behind(world, lead)
    settle(world, lead)


def outcome(said: Outcome) -> Callable[[World, int], None]:
    def drive(world: World, lead: int) -> None:
        rated(world, lead)
        world.send(SLUG, said)

    return drive


class Life(NamedTuple):
    """How a lead gets into a state, and whether its job is pending there."""

    drive: Callable[[World, int], None]
    busy: bool


STATES: Mapping[str, Life] = {
    "new": Life(new, False),
    "queued": Life(rated, True),
    "being sent": Life(leased, True),
    "taken over from a dead worker": Life(taken_over, True),
    "sent": Life(sent, False),
    "sent under a label that does not end it": Life(called, False),
    "lost, not yet settled": Life(lost, True),
    "lost": Life(lost_and_settled, False),
    "opened again": Life(reopened, False),
    "to be tried again": Life(outcome(RETRY), False),
    "platform down": Life(outcome(DOWN), False),
    "outcome unknown": Life(outcome(UNKNOWN), False),
    "rejected": Life(outcome(REJECTED), False),
    "held for its credentials": Life(outcome(HOLD), False),
    "held by a person": Life(paused, False),
    "expired": Life(expired, False),
    "cancelled": Life(cancelled, False),
    "sent again by a person": Life(sent_again, False),
    "behind an earlier one, not yet settled": Life(behind, True),
    "behind an earlier one": Life(behind_and_settled, False),
}


class Ask(NamedTuple):
    """A post, and what is answered while no job is pending and while one is."""

    change: Mapping[str, object]
    free: int
    busy: int
    key: str | None = None


ASKS: Mapping[str, Ask] = {
    "label": Ask({"price": 700}, 201, 409),
    "lost": Ask({"conversionId": "lost"}, 201, 409),
    "open": Ask({"conversionId": "open"}, 200, 409),
    "no such label": Ask({"conversionId": "3fa85f64-5717-4562-b3fc-2c963f66afa6"}, 400, 400),
    "no label": Ask({"conversionId": None}, 400, 400),
    "wrong price": Ask({"price": -1}, 400, 400),
    "no such lead": Ask({"leadId": 10**9}, 404, 404),
    "wrong key": Ask({}, 401, 401, key="lt_wrong"),
}


@fault("F10")
def test_f10_each_state_of_a_lead_answers_as_it_should(scene: Scene) -> Found:
    """Each state and each post with a project of its own; the states are reached through the engine itself."""
    rounds, url = scene.pick(short=1, long=3), scene.database_url
    wrong: list[str] = []
    with World(url, seed=scene.seed) as world, Program(url, scene.folder, world.clock) as program:
        for _ in range(rounds):
            pairs = [(state, ask) for state in STATES for ask in ASKS]
            scene.chance.shuffle(pairs)
            for state, ask in pairs:
                found = _ask(world, program, STATES[state], ASKS[ask])
                wrong += [f"{state}, {ask}: {found}"] if found else []
    for words in wrong:
        print(words)
    return Found(
        rounds * len(STATES) * len(ASKS),
        (
            noted("states", len(STATES)),
            noted("kinds of post", len(ASKS)),
            exactly("unexpected answers", len(wrong), 0),
            checker.half_writes(url, but="job without delivery"),
        ),
    )


def _ask(world: World, program: Program, life: Life, ask: Ask) -> str:
    """What is wrong with the answer, or with what a refusal has left; empty when all is well."""
    world.furnish(SLUG)
    lead = world.lead()
    life.drive(world, lead)
    before = everything(program.database_url)
    body = {"leadId": lead, "conversionId": world.labels["Won"].conversion_id, **ask.change}
    answer = program.post("updateLeadStatus", body, ask.key or world.api_key)
    expected = ask.busy if life.busy else ask.free
    if answer.status != expected:
        return f"{answer.status} instead of {expected}"
    if expected >= 400:
        return "" if everything(program.database_url) == before else "a refusal changed something"
    wanted = "pending" if expected == 201 else "open"
    return "" if world.status(lead) == answer.json["status"] == wanted else f"the lead is {world.status(lead)}"
