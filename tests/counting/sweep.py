"""Asks “will it count?”, rates, delivers to the strict sandbox, and compares what was said with what came of it.

What the platforms made of it is read from the sandbox's ledger, which shares no code with what answers the question.
"""

from asyncio import wait_for
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from math import inf
from typing import Any, Final

from sqlalchemy import select

from leadtrackr.conversions import connections, operations, service
from leadtrackr.conversions.counting import service as counting
from leadtrackr.conversions.counting import view
from leadtrackr.db import tables
from leadtrackr.db.statement import prepare
from leadtrackr.destinations.contract import Event
from leadtrackr.destinations.registry import DESTINATIONS
from leadtrackr.kit.clock import DAY, SECOND, from_datetime
from leadtrackr.leads import service as leads
from leadtrackr.leads.model import Door
from leadtrackr.sandbox.google_ads.settings import Settings as GoogleAds
from leadtrackr.sandbox.google_ads_legacy.settings import Settings as GoogleAdsLegacy
from tests.counting.people import CLICKS, Case
from tests.destinations.compliance.playing import Stage, variants
from tests.destinations.making import sha
from tests.support.engine import START, World
from tests.support.working import Works, working

GOOGLE: Final = ("google_ads", "google_ads_legacy")
"""Whose emulators can be told when a click was."""
EARLY: Final = ("google_ads", "ga4", "meta", "linkedin")
"""Where the label before `Won` has an event too."""
LONGEST_S: Final = 120
_DELIVERIES: Final = prepare(select(tables.deliveries))
Answer = Mapping[str, Any]


@dataclass
class Asked:
    """One lead with what was said of it before it was rated."""

    case: Case
    lead_id: int
    label: str
    price: int
    rated_at: int
    answers: Mapping[str, Answer]
    """By platform, as the API gives them."""
    late: Mapping[str, Event]
    """The events that were said to be too late."""


@dataclass
class Swept:
    """What a sweep found."""

    cases: int = 0
    said: Counter[str] = field(default_factory=Counter)
    forced: int = 0
    """Conversions that were said to be too late and sent all the same: the platform had to refuse them."""
    disagreements: list[str] = field(default_factory=list)

    def add(self, other: "Swept") -> None:
        """Takes another one in."""
        self.cases += other.cases
        self.said += other.said
        self.forced += other.forced
        self.disagreements += other.disagreements


class Sweep:
    """A project with every destination connected, the label `Qualified`, and behind it `Won`.

    `variant` picks other choices of the destinations' settings.
    """

    def __init__(self, world: World, works: Works, variant: int = 0) -> None:
        self.world, self.works = world, works
        self.settings = {slug: (found := variants(one))[variant % len(found)] for slug, one in DESTINATIONS.items()}
        self.asked: list[Asked] = []
        self._prices = count(10_000)
        self.clicks: dict[str, float] = {}

    async def furnish(self) -> None:
        """Connects everything. The sandbox takes either unit of time at Snapchat, since that is a choice."""
        world = self.world
        for slug, settings in self.settings.items():
            made = await connections.connect(world.db, world.box, world.project_ref, slug, settings)
            world.connections[slug] = made
        await self.works.settings(snapchat={"time_unit": "both"})

    async def post(self, cases: Iterable[Case], *, apart_s: int = 0) -> list[tuple[Case, int]]:
        """The leads come in, each as long before START as its age, or before its own turn so far behind START."""
        found: dict[int, tuple[Case, int]] = {}
        turns = [(START + (number * apart_s - case.age_s) * SECOND, number, case) for number, case in enumerate(cases)]
        for born, number, case in sorted(turns, key=lambda turn: turn[:2]):
            self.world.step(born - self.world.clock.now())
            arrival = leads.Arrival(body={"projectId": self.world.project_ref, **case.body}, door=Door.WEB)
            found[number] = (case, (await leads.store(self.world.db, arrival)).lead_id)
        self.world.step(START - self.world.clock.now())
        return [found[number] for number in sorted(found)]

    async def tell_clicks(self, cases: Iterable[Case]) -> None:
        """Tells Google's emulators when the click of each lead was: at its own time. Hashed data finds it too."""
        self.clicks = dict(_clicks(cases))
        await self.works.settings(**{slug: {"clicks": self.clicks} for slug in GOOGLE})

    async def rate(self, case: Case, lead_id: int, label: str = "Won") -> None:
        """Asks, and rates at the same moment."""
        world, price = self.world, next(self._prices)
        post = world.post(lead_id, label, price)
        found = await counting.will_count(
            world.db, world.ids, world.box, world.project_ref, post.ref, post.conversion_id
        )
        shown: Any = view.counting(found)
        answers = {one["destination"]: one for one in shown["labels"][0]["platforms"]}
        late: dict[str, Event] = {}
        if any(one["code"] == "window_closed" for one in answers.values()):
            foreseen = await service.foresee(world.db, world.ids, world.project_ref, post)
            late = {one.planned.destination: one.event for one in foreseen.prospects if one.label == label}
        self.asked.append(Asked(case, lead_id, label, price, world.clock.now(), answers, late))
        await service.update_status(world.db, world.ids, world.api_key, post)

    async def deliver_all(self) -> None:
        """Delivers now, and a microsecond before and at each time that was named for later; then waits for Google."""
        await self.works.deliver()
        now = self.world.clock.now()
        named = {moment(one["sendAt"]) for each in self.asked for one in each.answers.values()}
        for at in sorted(time for time in named if time > now):
            for due in (at - 1, at):
                self.world.step(due - self.world.clock.now())
                await self.works.deliver()
        await self.be_told()

    async def be_told(self) -> None:
        """Long enough for Google to say what became of everything."""
        for _ in range(2):
            self.world.step(DAY)
            await self.works.deliver()

    async def compare(self, mended_at: Mapping[str, int] | None = None, *, exact: bool = True) -> Swept:
        """What was said against what came of it.

        `mended_at` says when a held connection was released. Where the worker did not look at once, a conversion may
        arrive later than was said.
        """
        found = Swept()
        made = await self.world.db.read(lambda tx: tx.all(_DELIVERIES))
        rows = {(row.lead_id, row.destination, row.label_id, row.value_cents): row for row in made}
        for slug in DESTINATIONS:
            taken = await self._taken(slug)
            told = [(each, answer) for each in self.asked for answer in _told(each.answers[slug], each.label)]
            for one, answer in told:
                row = rows.get((one.lead_id, slug, self.world.labels[answer["label"]].id, one.price))
                found.cases += 1
                found.said[f"{answer['answer']} {answer['code'] or ''}".strip()] += 1
                arrived = None if row is None else taken.get(one.price if slug == "microsoft" else row.event_id)
                due = (mended_at or {}).get(slug)
                for wrong in _wrong(answer, row, arrived, due, exact=exact):
                    found.disagreements.append(f"{one.case}, {slug}: {wrong}\n  said {answer}\n  became {row}")
        if self.clicks:
            found.add(self._forced())
        return found

    async def _taken(self, slug: str) -> dict[object, int]:
        """When each conversion arrived that the platform counts, by event id; at Microsoft, which takes none, by value.

        GA4 takes what is too old, and counts it at a wrong time.
        """
        found: dict[object, int] = {}
        for call in await self.works.calls(slug):
            if any(flag.get("dropped") or flag["code"] == "too_old" for flag in call["flags"]):
                continue
            for row in call["accepted"]:
                if row.get("counts", True):
                    found.setdefault(round(row["value"] * 100) if slug == "microsoft" else row["key"], call["at"])
        return found

    def _forced(self) -> Swept:
        """What was said to be too late, sent all the same."""
        found, stage = Swept(), Stage()
        stage.platforms["google_ads"].configure(GoogleAds(clicks=self.clicks))
        stage.platforms["google_ads_legacy"].configure(GoogleAdsLegacy(clicks=self.clicks))
        for one in self.asked:
            for slug, event in one.late.items():
                answer = one.answers[slug]
                # Whether the last moment itself still counts, no document says.
                if answer["code"] != "window_closed" or moment(answer["usableUntil"]) == one.rated_at:
                    continue
                destination = DESTINATIONS[slug]
                request = destination.build([event], self.settings[slug], stage.token(destination, one.rated_at))
                found.forced += 1
                if any(row.counts for row in stage.play(request, one.rated_at).taken.values()):
                    found.disagreements.append(f"{one.case}, {slug}: said to be too late, but the platform counts it")
        return found


def _told(answer: Answer, label: str) -> Iterator[Answer]:
    """An answer, and those for the labels before it, whose time is the same."""
    yield {**answer, "label": label}
    for before in answer["before"]:
        yield {"missing": answer["missing"], "closesAt": answer["closesAt"], **before}


def _wrong(answer: Answer, row: Any, arrived: int | None, mended_at: int | None, *, exact: bool) -> Iterator[str]:
    """In what the answer disagrees with what became of the delivery, and with what the platform counts."""
    said = answer["answer"]
    # What comes before the label and was sent once is not sent again, and has no code.
    made = said != "no_event" and not (said == "counted" and answer["code"] is None)
    if row is None or not made:
        if made != (row is not None):
            yield "no delivery was made" if made else "a delivery was made"
        return
    due = mended_at if said == "when_mended" else moment(answer["sendAt"])
    counts = said in ("yes", "not_yet", "when_mended") and due is not None and due < moment(answer["closesAt"])
    if counts != (row.state in ("accepted", "confirmed")):
        yield "another state was foreseen"
    if counts != (arrived is not None):
        yield "the platform counts it" if arrived is not None else "the platform does not count it"
    elif arrived is not None and due is not None and (arrived < due or (exact and arrived != due)):
        yield f"it arrived at {arrived}, not at {due}"
    lacking = answer["missing"] or {"field": None}
    if said in ("no", "counted") and (row.code, row.field) != (answer["code"], lacking["field"]):
        yield "it is for another reason"


def _ends(asked: Iterable[Asked]) -> Iterator[str]:
    """Where `usableUntil`, as it was said of the youngest lead of a kind, was not the end for an older one."""
    ends: dict[tuple[str, str], float] = {}
    for one in sorted(asked, key=lambda each: each.case.age_s):
        born = one.rated_at - one.case.age_s * SECOND
        for slug, answer in one.answers.items():
            if answer["answer"] not in ("yes", "not_yet") and answer["code"] != "window_closed":
                continue
            until = answer["usableUntil"]
            end_s = ends.setdefault((one.case.name, slug), inf if until is None else (moment(until) - born) / SECOND)
            if (one.case.age_s >= end_s) != (answer["answer"] == "no"):
                yield f"{one.case}, {slug}: said to be of use for {end_s} seconds; said {answer}"


def _clicks(cases: Iterable[Case]) -> Iterator[tuple[str, float]]:
    for case in cases:
        at, user = float(START // SECOND - case.age_s), case.body["userData"]
        yield from ((str(case.ids[name]), at) for name in CLICKS if name in case.ids)
        yield from ((sha(str(user[name])), at) for name in ("email", "phone") if name in user)


def moment(text: str | None) -> int:
    """A time of an answer in microseconds UTC; 0 for none."""
    return 0 if text is None else from_datetime(datetime.fromisoformat(text))


def _told_by(url: str, story: Callable[[World], Coroutine[Any, Any, Swept]]) -> Swept:
    """A story on a world with two labels. TimeoutError when a worker waits for a clock that nobody moves."""
    with World(url) as world:
        world.project()
        world.label("Qualified", on=EARLY)
        world.label("Won", after=["Qualified"], done=True, convert_once=True)
        return world.run(wait_for(story(world), LONGEST_S))


def at_every_age(url: str, cases: Sequence[Case]) -> Swept:
    """Rates leads of every age at one moment, and delivers at once; then asks about some of them again."""

    async def story(world: World) -> Swept:
        async with working(world) as works:
            sweep = Sweep(world, works)
            await sweep.furnish()
            posted = await sweep.post(cases)
            await sweep.tell_clicks(cases)
            for number, (case, lead_id) in enumerate(posted):
                await sweep.rate(case, lead_id, "Qualified" if number % 7 == 0 else "Won")
            await sweep.deliver_all()
            found = await sweep.compare()
            found.disagreements += _ends(sweep.asked)
            again, sweep.asked = sweep.asked[:80], []
            for one in again:
                await sweep.rate(one.case, one.lead_id)
            await works.deliver()
            await sweep.be_told()
            found.add(await sweep.compare())
            return found

    return _told_by(url, story)


def as_odd_as_they_come(url: str, cases: Sequence[Case], variant: int) -> Swept:
    """Rates random leads one second after the other, with some choice of settings, and delivers after the last."""

    async def story(world: World) -> Swept:
        async with working(world) as works:
            sweep = Sweep(world, works, variant)
            await sweep.furnish()
            for case, lead_id in await sweep.post(cases, apart_s=1):
                await sweep.rate(case, lead_id)
                world.step(SECOND)
            await sweep.deliver_all()
            return await sweep.compare(exact=False)

    return _told_by(url, story)


def while_held(url: str, cases: Sequence[Case], edge: Callable[[Iterable[int]], int], late_s: int) -> Swept:
    """Rates while every connection is held, and mends each so many seconds after one of the ends of its time."""

    async def story(world: World) -> Swept:
        async with working(world) as works:
            sweep = Sweep(world, works)
            await sweep.furnish()
            posted = await sweep.post(cases)
            await sweep.tell_clicks(cases)
            for slug in DESTINATIONS:
                await operations.pause(world.db, world.project_ref, slug)
            for case, lead_id in posted:
                await sweep.rate(case, lead_id)
            mended_at = {slug: _edge(sweep.asked, slug, edge) + late_s * SECOND for slug in DESTINATIONS}
            for slug, at in sorted(mended_at.items(), key=lambda pair: pair[1]):
                world.step(at - world.clock.now())
                await operations.resume(world.db, world.project_ref, slug)
                await works.deliver()
            await sweep.be_told()
            return await sweep.compare(mended_at)

    return _told_by(url, story)


def _edge(asked: Iterable[Asked], slug: str, edge: Callable[[Iterable[int]], int]) -> int:
    return edge(moment(closes) for one in asked if (closes := one.answers[slug]["closesAt"]) is not None)
