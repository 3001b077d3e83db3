"""F20: a platform answers with nonsense for days, and the worker is ended and killed again and again meanwhile."""

from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Final

from leadtrackr.conversions.schedule import DELAYS
from leadtrackr.kit.clock import DAY, HOUR, MINUTE, SECOND
from tests.faults import checker
from tests.faults.clocked import FileClock, clocked_sandbox, clocked_worker
from tests.faults.frame import Found, Scene, at_least, exactly, fault, noted
from tests.faults.processes import LEASE_S, Process, Sandbox, eventually, rate_many
from tests.support.engine import START, World
from tests.support.tables import execute

SLUGS: Final = {"meta": 0.9, "google_ads": 1.0}
"""How many of their answers are nonsense."""
NONSENSE: Final = "This is no answer."
HELD_BY: Final = ("hang", "accept_then_hang")
"""How a platform holds a request, in turn: it never looks at it, or takes it and does not say so."""
GROUPS: Final = 3
"""Leads are rated in groups, hours apart, so that their retries do not fall together."""
OLD: Final = 90 * DAY - 10 * HOUR
"""A lead of this age has a window at Google that closes before its retries are over."""
_BUSY: Final = """SELECT count(*) FROM deliveries JOIN connections ON connections.id = deliveries.connection_id
    WHERE deliveries.state = 'sending' OR (deliveries.state = 'waiting' AND run_at <= ?)
    OR (deliveries.state = 'queued' AND behind IS NULL AND (paused_until IS NULL OR paused_until <= ?))
    OR (deliveries.state IN ('queued', 'waiting') AND closes_at <= ?)"""
_NEXT: Final = """SELECT min(at) FROM (SELECT min(run_at) AS at FROM deliveries WHERE state = 'waiting' AND run_at > ?
    UNION ALL SELECT min(paused_until) FROM connections WHERE paused_until > ?
    UNION ALL SELECT min(until) FROM leases WHERE until > ?) AS times"""
_OPEN: Final = """SELECT event_id, destination, tries,
    (SELECT count(*) FROM attempts WHERE delivery_id = deliveries.id AND attempts.code = 'taken_over'),
    run_at, closes_at, state, code FROM deliveries"""
_PAUSES: Final = "SELECT destination, paused_until FROM connections WHERE paused_until > ?"
TRIED_FOR: Final = 3 * DAY
"""From the first failure, without the time in which the platform was left alone."""


@dataclass(frozen=True, slots=True)
class Look:
    """A delivery as it stood when all was quiet."""

    event_id: str
    slug: str
    tries: int
    takeovers: int
    run_at: int
    closes_at: int
    state: str
    code: str | None


@dataclass(frozen=True, slots=True)
class Held:
    """A request that a platform held when its worker was killed."""

    number: int
    slug: str
    keys: tuple[str, ...]


@dataclass
class Story:
    """The worker, the clock and what was seen at each moment at which all was quiet."""

    scene: Scene
    clock: FileClock
    platforms: Sandbox
    stack: ExitStack
    worker: Process
    rows: dict[str, Look] = field(default_factory=dict)
    """By event id, as they stood when all was quiet the last time."""
    paused: Counter[str] = field(default_factory=Counter)
    """How long each platform has been left alone until now, microseconds."""
    ends: dict[str, int] = field(default_factory=dict)
    """By event id, when the tries of what has failed would end without the pauses that came before its failure."""
    seen: int = 0
    """The number of the last call that was looked at."""
    counts: Counter[str] = field(default_factory=Counter)
    caught: list[Held] = field(default_factory=list)

    def step(self, at: int) -> None:
        """Time goes on to this moment, and everything that is to be done then is done."""
        self.go(at)
        self.quiet()

    def go(self, at: int) -> None:
        """Time goes on to this moment. What is left alone meanwhile is so from the one moment to its end."""
        now = self.clock.now()
        for slug, until in execute(self.scene.database_url, _PAUSES, now):
            self.paused[slug] += min(at, until) - now
        self.clock.set(at)

    def quiet(self) -> None:
        """Waits until nothing is left to be done at this moment, and compares what was done with what was due."""
        now, url = self.clock.now(), self.scene.database_url
        eventually(self._idle, "all is quiet")
        before, self.rows = self.rows, {row[0]: Look(*row) for row in execute(url, _OPEN)}
        self._look_at_calls(before)
        for key, row in self.rows.items():
            if row.tries > (before[key].tries if key in before else 0):
                self._look_at_failure(row, now)

    def _look_at_failure(self, row: Look, now: int) -> None:
        """One that was tried and is to be tried again, or would be had it the time."""
        if row.state != "waiting" and row.code != "retries_over":
            return
        ends = self.ends.setdefault(row.event_id, now + TRIED_FOR - self.paused[row.slug]) + self.paused[row.slug]
        longest = DELAYS[min(row.tries, len(DELAYS)) - 1]
        if row.state == "waiting":
            self.counts["retries"] += 1
            self.counts["off"] += not SECOND <= row.run_at - now <= longest
            self.counts["over"] += row.run_at > ends
        else:
            self.counts["short"] += now + longest <= ends

    def _look_at_calls(self, before: dict[str, Look]) -> None:
        for slug in SLUGS:
            for call in self.platforms.calls(slug, self.seen):
                for key in _keys(slug, call["body"]):
                    self.counts["sends"] += 1
                    row = before.get(key)
                    self.counts["early"] += row is not None and call["at"] < row.run_at
                    self.counts["late"] += call["at"] >= self.rows[key].closes_at
        self.seen = self.platforms.last()

    def next(self) -> int | None:
        """When something is to be done again."""
        now = self.clock.now()
        found = execute(self.scene.database_url, _NEXT, now, now, now)[0][0]
        return None if found is None else int(found)

    def restart(self, how: str) -> None:
        """Ends the worker in good order, or kills it, at rest or while the platform has its request."""
        held = self._wait_for_a_request() if how == "in a request" else None
        if how == "term":
            assert self.worker.end() == 0, "".join(self.worker.lines)
        else:
            self.worker.kill()
        if how == "in a request":
            self.platforms.well()
            _break(self)
        self.stack.close()
        self.go(self.clock.now() + int(LEASE_S * SECOND))
        self.worker = self.stack.enter_context(
            clocked_worker(self.clock, self.scene.database_url, self.scene.folder, self.platforms.url)
        )
        before = self.rows
        self.quiet()
        if held is not None:
            self.caught.append(held)
            taken_over = (self.rows[key].takeovers - before[key].takeovers for key in held.keys)
            self.counts["not taken over"] += sum(times != 1 for times in taken_over)

    def _wait_for_a_request(self) -> Held | None:
        """Time goes on until a platform holds a request; None when nothing is to be sent any more.

        At many a moment at which something is due its platform is left alone, and all that happens is that it queues.
        """
        kind = HELD_BY[len(self.caught) % len(HELD_BY)]
        self.platforms.fault({"destination": "*", "path": "events", kind: True, "until": 1})
        while (at := self.next()) is not None:
            self.go(at)
            eventually(lambda: self._held() is not None or self._idle(), "a request is held, or none is due")
            if held := self._held():
                return held
            self.quiet()
        return None

    def _held(self) -> Held | None:
        for slug in SLUGS:
            for call in self.platforms.calls(slug, self.seen):
                if call["fault"] in HELD_BY:
                    return Held(call["number"], slug, tuple(_keys(slug, call["body"])))
        return None

    def _idle(self) -> bool:
        busy = execute(self.scene.database_url, _BUSY, *[self.clock.now()] * 3)
        return bool(busy[0][0] == 0)


@fault("F20")
def test_f20_every_retry_keeps_to_the_schedule_and_nothing_is_sent_too_late(scene: Scene) -> Found:
    """All by a clock in a file, which the test moves on to the next moment at which something is due."""
    url, each, restarts = scene.database_url, scene.pick(short=2, long=20), scene.pick(short=2, long=50)
    clock = FileClock(scene.folder / "clock", START)
    with ExitStack() as outer, ExitStack() as stack:
        platforms = outer.enter_context(clocked_sandbox(clock, scene.folder))
        with World(url, clock=clock, seed=scene.seed) as world:
            world.furnish("meta")
            # Where the clock stands still, a limit by the minute would never be over.
            world.connect("google_ads", requests_per_minute="99999")
            olds = [world.lead(email=f"old{n}@example.de") for n in range(each)]
            clock.set(START + OLD - DAY)
            for _ in range(scene.pick(short=1, long=GROUPS)):
                rate_many(world, each)
                clock.set(clock.now() + scene.chance.randrange(HOUR, 4 * HOUR))
            clock.set(START + OLD)
            for lead in olds:
                world.rate(lead, "Won", 100)
        worker = stack.enter_context(clocked_worker(clock, url, scene.folder, platforms.url))
        story = Story(scene, clock, platforms, stack, worker)
        _break(story)
        story.quiet()
        _days(story, restarts)
        assert story.worker.end() == 0, "".join(story.worker.lines)
        return _found(story, restarts)


def _break(story: Story) -> None:
    """Most answers are nonsense, and some connections break: then all of the platform is left alone for a while."""
    chance = story.scene.chance
    for slug, rate in SLUGS.items():
        story.platforms.fault(
            {"destination": slug, "body": NONSENSE, "rate": rate, "seed": chance.randrange(10**6)},
            {"destination": slug, "reset": True, "rate": 0.1, "seed": chance.randrange(10**6)},
        )


def _slow_down(story: Story) -> None:
    """Each platform answers once that it wants to be left alone for hours."""
    for slug in SLUGS:
        hours = story.scene.chance.randrange(4, 12)
        story.platforms.fault(
            {"destination": slug, "path": "events", "retry_after": hours * HOUR // SECOND, "until": 1}
        )


def _days(story: Story, restarts: int) -> None:
    """From one moment to the next until all is settled, with the restarts in between."""
    chance, left, url = story.scene.chance, restarts, story.scene.database_url
    kinds = ["in a request", "term", "kill", "term", "kill"] * restarts
    since, pauses = story.clock.now(), story.scene.pick(short=2, long=6)
    while checker.unsettled(url):
        due = since + (restarts + 1 - left) * TRIED_FOR // (restarts + 1) if left else None
        if due is not None and due <= story.clock.now():
            left -= 1
            story.restart(kinds[left])
            continue
        if pauses and (story.clock.now() - since) > TRIED_FOR / 2 / pauses:
            pauses -= 1
            _slow_down(story)
        at = story.next()
        if at is None:
            break
        # Now and then nobody looks for a while: late is well, early is not.
        at += chance.choice([0, 0, 0, MINUTE])
        story.step(at if due is None else min(at, due))
    assert not left, f"All was settled before the last {left} restarts."


def _found(story: Story, restarts: int) -> Found:
    url, counts = story.scene.database_url, story.counts
    states: dict[str, int] = dict(
        execute(url, "SELECT code, count(*) FROM deliveries WHERE state IN ('expired', 'rejected') GROUP BY 1")
    )
    most = execute(url, "SELECT max(number) FROM attempts WHERE scope = 'event'")[0][0]
    return Found(
        restarts,
        (
            noted("days", (story.clock.now() - START - OLD) / DAY),
            at_least("killed in a request", len(story.caught), story.scene.pick(short=1, long=5)),
            exactly("held and not taken over once", counts["not taken over"], 0),
            exactly("held and never sent again", _never_again(story), 0),
            noted("sends", counts["sends"]),
            at_least("retries", counts["retries"], 1),
            exactly("attempts off the schedule", counts["off"] + counts["early"], 0),
            at_least("hours left alone", max(story.paused.values(), default=0) / HOUR, 4),
            at_least("most attempts", most, len(DELAYS) + 2),
            exactly("tries after their time", counts["over"], 0),
            exactly("tries that ended before their time", counts["short"], 0),
            exactly("sends after the window", counts["late"], 0),
            at_least("windows that closed", states.get("window_closed", 0), 1),
            at_least("retries over", states.get("retries_over", 0), 1),
            exactly("taken for poison", states.get("poison", 0), 0),
            exactly("not settled", checker.unsettled(url), 0),
            checker.half_writes(url, but="accepted without attempt"),
        ),
    )


def _never_again(story: Story) -> int:
    """How many deliveries in a held request were not in another one later, though their window was open."""
    missing = 0
    for held in story.caught:
        later = {
            key for call in story.platforms.calls(held.slug, held.number) for key in _keys(held.slug, call["body"])
        }
        missing += sum(key not in later and story.rows[key].code != "window_closed" for key in held.keys)
    return missing


def _keys(slug: str, body: Any) -> list[str]:
    """The event ids in a call's body; it has none where it only asks for what became of others."""
    if body is None:
        return []
    if slug == "meta":
        return [event["event_id"] for event in body["data"]]
    return [event["transactionId"] for event in body.get("events", [])]
