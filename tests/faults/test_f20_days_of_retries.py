"""F20: a platform answers with nonsense for days, and the worker is ended and killed again and again meanwhile."""

from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Final

from leadtrackr.conversions.schedule import DELAYS
from leadtrackr.kit.clock import DAY, HOUR, MINUTE, SECOND
from tests.faults import checker
from tests.faults.clocked import FileClock, clocked_sandbox, clocked_worker
from tests.faults.frame import Found, Scene, at_least, at_most, exactly, fault, noted
from tests.faults.processes import LEASE_S, Process, Sandbox, eventually, rate_many
from tests.support.engine import START, World
from tests.support.tables import execute

SLUGS: Final = {"meta": 0.9, "google_ads": 1.0}
"""How many of their answers are nonsense."""
NONSENSE: Final = "This is no answer."
GROUPS: Final = 3
"""Leads are rated in groups, hours apart, so that their retries do not fall together."""
OLD: Final = 90 * DAY - 10 * HOUR
"""A lead of this age has a window at Google that closes before its retries are over."""
TRIED_DAYS: Final = 3
"""For so long a conversion is tried."""
_BUSY: Final = """SELECT count(*) FROM deliveries JOIN connections ON connections.id = deliveries.connection_id
    WHERE deliveries.state = 'sending' OR (deliveries.state = 'waiting' AND run_at <= ?)
    OR (deliveries.state = 'queued' AND behind IS NULL AND (paused_until IS NULL OR paused_until <= ?))
    OR (deliveries.state IN ('queued', 'waiting') AND closes_at <= ?)"""
_NEXT: Final = """SELECT min(at) FROM (SELECT min(run_at) AS at FROM deliveries WHERE state = 'waiting' AND run_at > ?
    UNION ALL SELECT min(paused_until) FROM connections WHERE paused_until > ?
    UNION ALL SELECT min(until) FROM leases WHERE until > ?) AS times"""
_OPEN: Final = "SELECT id, event_id, tries, run_at, closes_at, state FROM deliveries"


@dataclass
class Story:
    """The worker, the clock and what was seen at each moment at which all was quiet."""

    scene: Scene
    clock: FileClock
    platforms: Sandbox
    stack: ExitStack
    worker: Process
    rows: dict[str, Any] = field(default_factory=dict)
    """By event id, as they stood when all was quiet the last time."""
    seen: int = 0
    """The number of the last call that was looked at."""
    counts: Counter[str] = field(default_factory=Counter)

    def step(self, at: int) -> None:
        """Time goes on to this moment, and everything that is to be done then is done."""
        self.clock.set(at)
        self.quiet()

    def quiet(self) -> None:
        """Waits until nothing is left to be done at this moment, and compares what was done with what was due."""
        now, url = self.clock.now(), self.scene.database_url
        eventually(lambda: execute(url, _BUSY, now, now, now)[0][0] == 0, "all is quiet")
        before, self.rows = self.rows, {row[1]: row for row in execute(url, _OPEN)}
        self._look_at_calls(before)
        for key, (_, _, tries, run_at, _, state) in self.rows.items():
            if key not in before or tries == before[key][2] or state != "waiting":
                continue
            self.counts["retries"] += 1
            self.counts["off"] += not SECOND <= run_at - now <= DELAYS[min(tries, len(DELAYS)) - 1]

    def _look_at_calls(self, before: dict[str, Any]) -> None:
        for slug in SLUGS:
            for call in self.platforms.calls(slug, self.seen):
                for key in _keys(slug, call["body"]):
                    self.counts["sends"] += 1
                    row = before.get(key)
                    self.counts["early"] += row is not None and call["at"] < row[3]
                    self.counts["late"] += call["at"] >= self.rows[key][4]
        self.seen = self.platforms.last()

    def next(self) -> int | None:
        """When something is to be done again."""
        now = self.clock.now()
        found = execute(self.scene.database_url, _NEXT, now, now, now)[0][0]
        return None if found is None else int(found)

    def restart(self, how: str) -> None:
        """Ends the worker in good order, or kills it, at rest or while the platform has its request."""
        if how == "term":
            assert self.worker.end() == 0, "".join(self.worker.lines)
        elif how == "kill":
            self.worker.kill()
        else:
            self._kill_in_a_request()
        self.stack.close()
        self.worker = self.stack.enter_context(
            clocked_worker(self.clock, self.scene.database_url, self.scene.folder, self.platforms.url)
        )
        self.clock.set(self.clock.now() + int(LEASE_S * SECOND))
        self.quiet()

    def _kill_in_a_request(self) -> None:
        at = self.next()
        if at is not None:
            before = self.platforms.last()
            self.platforms.fault({"destination": "*", "path": "events", "delay_ms": 60_000, "until": 1})
            self.clock.set(at)
            eventually(lambda: self.platforms.last() > before or self._idle(), "a request is under way")
            self.counts["caught"] += not self._idle()
        self.worker.kill()
        self.platforms.well()
        _break(self)

    def _idle(self) -> bool:
        now = self.clock.now()
        return bool(execute(self.scene.database_url, _BUSY, now, now, now)[0][0] == 0)


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


def _days(story: Story, restarts: int) -> None:
    """From one moment to the next until all is settled, with a restart at moments of chance."""
    chance, left, url = story.scene.chance, restarts, story.scene.database_url
    # Taken over a third time, a delivery would be taken for what kills its workers.
    kinds = ["in a request", *["term", "kill"] * 10, "in a request", *["term", "kill"] * restarts]
    since = story.clock.now()
    while checker.unsettled(url):
        if left and (story.clock.now() - since) > (restarts - left) * DAY / restarts:
            left -= 1
            story.restart(kinds[left])
        at = story.next()
        if at is None:
            break
        # Now and then nobody looks for a while: late is well, early is not.
        story.step(at + chance.choice([0, 0, 0, MINUTE]))
    for kind in kinds[:left]:
        story.restart(kind)


def _found(story: Story, restarts: int) -> Found:
    url, counts = story.scene.database_url, story.counts
    states: dict[str, int] = dict(
        execute(url, "SELECT code, count(*) FROM deliveries WHERE state IN ('expired', 'rejected') GROUP BY 1")
    )
    spans = execute(
        url, "SELECT max(started_at) - min(started_at) FROM attempts WHERE scope = 'event' GROUP BY delivery_id"
    )
    longest = max(int(row[0]) for row in spans) / DAY
    poisoned = states.get("poison", 0)
    return Found(
        restarts,
        (
            noted("days", (story.clock.now() - START - OLD) / DAY),
            noted("killed in a request", counts["caught"]),
            noted("sends", counts["sends"]),
            at_least("retries", counts["retries"], 1),
            exactly("attempts off the schedule", counts["off"] + counts["early"], 0),
            # What a killed request cost is a pause, in which the time for tries stands still.
            at_most("days from the first try to the last", longest, TRIED_DAYS + 0.1),
            exactly("sends after the window", counts["late"], 0),
            at_least("windows that closed", states.get("window_closed", 0), 1),
            noted("retries over", states.get("retries_over", 0)),
            exactly("taken for poison", poisoned, 0),
            exactly("not settled", checker.unsettled(url), 0),
            checker.half_writes(url, but="accepted without attempt"),
        ),
    )


def _keys(slug: str, body: Any) -> list[str]:
    """The event ids in a call's body; it has none where it only asks for what became of others."""
    if body is None:
        return []
    if slug == "meta":
        return [event["event_id"] for event in body["data"]]
    return [event["transactionId"] for event in body.get("events", [])]
