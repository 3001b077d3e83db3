"""F11: a platform names places of a batch in any set, order, repeat or lack. No outcome is on the wrong delivery."""

from collections import Counter
from typing import Any

from leadtrackr.db import tables
from leadtrackr.db.statement import prepare
from leadtrackr.kit.clock import MINUTE
from tests.faults import checker
from tests.faults.backlog import deliver_as_time_goes, rate
from tests.faults.frame import Found, Scene, at_least, exactly, fault, noted
from tests.support.engine import World
from tests.support.working import Works, working

SLUG = "google_ads"
MOST = 12
"""Events of one batch."""
BEYOND = 3
"""Places that an answer may name behind the last."""
Said = list[int | None]
"""The places that an answer names, in its order; None is a complaint without a place."""
_DELIVERIES = prepare(tables.deliveries.select().order_by(tables.deliveries.c.id))
_ATTEMPTS = prepare(tables.attempts.select().order_by(tables.attempts.c.id))


@fault("F11", variants=("refused", "warned"))
def test_f11_no_outcome_is_on_the_wrong_delivery(scene: Scene) -> Found:
    """Refusals that name events, and successes that say something of some of them."""
    rounds = scene.pick(short=12, long=60)
    with World(scene.database_url, seed=scene.seed) as world:
        world.furnish(SLUG)
        sizes = [scene.chance.randint(1, MOST) for _ in range(rounds)]
        leads = [[world.lead() for _ in range(size)] for size in sizes]
        counts = world.run(_story(scene, world, leads))
    return Found(
        rounds,
        (
            noted("events", sum(sizes)),
            at_least("events that an answer named", counts["named"], rounds / 2),
            exactly("outcomes on the wrong delivery", counts["wrong"], 0),
            exactly("accepted ones resent", counts["resent"], 0),
            exactly("not delivered", counts["missing"], 0),
            exactly("attempts burnt by good ones", counts["burnt"], 0),
            exactly("left unsettled", checker.unsettled(scene.database_url), 0),
            checker.half_writes(scene.database_url, "accepted without attempt"),
        ),
    )


async def _story(scene: Scene, world: World, batches: list[list[int]]) -> Counter[str]:
    counts: Counter[str] = Counter()
    seen = 0
    async with working(world) as works:
        for leads in batches:
            said = _places(scene, len(leads))
            await _set(works, said, refuse=scene.variant == "refused")
            await rate(world, leads)
            await deliver_as_time_goes(works)
            calls = await works.calls(SLUG)
            sent = [call for call in calls[seen:] if call["method"] == "POST"]
            seen = len(calls)
            judge = _judge_refused if scene.variant == "refused" else _judge_warned
            counts += await judge(world, leads, said, sent)
            world.step(MINUTE)
    return counts


def _places(scene: Scene, size: int) -> Said:
    """Any: none, some, all, one several times, one that there is not, or words without a place."""
    chance = scene.chance
    sound = list(range(size))
    strange: Said = [*sound, None, *(size + n for n in range(BEYOND))]
    found = chance.choices(sound if chance.random() < 0.6 else strange, k=chance.randint(0, size + 2))
    return [*found]


async def _set(works: Works, said: Said, *, refuse: bool) -> None:
    """What the platform answers: once a refusal, or always with its warnings."""
    words = [
        {
            "field": "events" if place is None else f"events.events[{place}].conversionValue",
            "reason": "INVALID_EVENT",
            "description": "somewhere" if place is None else f"word for {place}.",
        }
        for place in said
    ]
    if not refuse:
        await works.settings(google_ads={"field_warnings": words})
        return
    details = [{"reason": "INVALID_EVENT"}, {"fieldViolations": words}]
    body = {"error": {"code": 400, "message": "No.", "status": "INVALID_ARGUMENT", "details": details}}
    await works.fault({"destination": SLUG, "path": "ingest", "status": 400, "body": body, "until": 1})


async def _judge_refused(world: World, leads: list[int], said: Said, sent: list[dict[str, Any]]) -> Counter[str]:
    """Those that were named are refused, each with its own words; the others are taken, once."""
    order = _ids(sent[0])
    places = {place for place in said if place is not None}
    named = places if all(place < len(order) for place in places) else set()
    refused = {order[place]: f"word for {place}." for place in named}
    if len(order) == 1 and not named:
        refused = {order[0]: ""}
    counts: Counter[str] = Counter(named=len(named))
    taken: Counter[str] = Counter()
    for call in sent:
        counts["resent"] += sum(one in taken for one in _ids(call))
        taken.update(row["key"] for row in call["accepted"])
    for row in await _rows(world, leads):
        is_refused = row.state == "rejected"
        counts["wrong"] += is_refused != (row.event_id in refused)
        counts["wrong"] += is_refused and refused.get(row.event_id, "") not in (row.detail or "")
        counts["missing"] += not is_refused and taken[row.event_id] != 1
        counts["burnt"] += row.tries != 1
    return counts


async def _judge_warned(world: World, leads: list[int], said: Said, sent: list[dict[str, Any]]) -> Counter[str]:
    """All are taken, once; each has the words that are about it, and those that are about nobody."""
    order = _ids(sent[0])
    ours = [place if place is not None and place < len(order) else None for place in said]
    counts: Counter[str] = Counter(named=len({place for place in ours if place is not None}))
    taken = [row["key"] for call in sent for row in call["accepted"]]
    counts["resent"] = len(taken) - len(set(taken))
    rows = await _rows(world, leads)
    attempts = {row.delivery_id: row for row in await world.db.read(lambda tx: tx.all(_ATTEMPTS))}
    for row in rows:
        place = order.index(row.event_id)
        detail = attempts[row.id].detail or ""
        for other in range(len(order)):
            counts["wrong"] += f"word for {other}." in detail and other != place
        whole = not detail.endswith("…")  # long words are cut off
        counts["wrong"] += whole and place in ours and f"word for {place}." not in detail
        counts["wrong"] += None in ours and "INVALID_EVENT" not in detail
        counts["missing"] += row.event_id not in taken or row.state == "rejected"
        counts["burnt"] += row.tries != 1
    return counts


async def _rows(world: World, leads: list[int]) -> list[Any]:
    return [row for row in await world.db.read(lambda tx: tx.all(_DELIVERIES)) if row.lead_id in leads]


def _ids(call: dict[str, Any]) -> list[str]:
    return [event["transactionId"] for event in call["body"]["events"]]
