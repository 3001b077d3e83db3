"""The compliance report: measured anew by every run of the tests, and written with `python -m` of this module.

python -m tests.destinations.compliance.measure && python -m leadtrackr.destinations.docs

With slugs behind it, only these are measured; the others stay.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import msgspec

from leadtrackr.destinations.contract import Destination, Event, Kind, LeadData, PerEvent, Refused
from leadtrackr.destinations.docs import COMPLIANCE, Measured
from leadtrackr.destinations.registry import DESTINATIONS, get
from leadtrackr.sandbox.contract import Poison
from tests.destinations.compliance.people import leads, whole
from tests.destinations.compliance.playing import (
    SECOND,
    Played,
    Settings,
    Stage,
    event,
    variants,
    without_our_number,
)
from tests.destinations.making import SETTINGS

SEED: Final = 20261123
LEADS: Final = 10_000
FURTHEST_S: Final = 400 * 86_400
"""How far behind a window's end the platform's own end is looked for, in seconds."""


@dataclass
class Poisoned:
    """A fault that makes the second event of a batch invalid."""

    named: bool

    def find(self, keys: Sequence[str | None]) -> int | None:
        """The second one."""
        return 1 if len(keys) > 1 else None


@cache
def everyone() -> tuple[LeadData, ...]:
    """The leads that every destination is measured with."""
    return tuple(leads(SEED, LEADS))


def disagreements(destination: Destination) -> tuple[int, list[str]]:
    """How many of the leads are skipped, and where the missing-data rule and the platform do not say the same."""
    stage, skipped, found = Stage(), 0, []
    settings = variants(destination)
    for number, lead in enumerate(everyone()):
        mine = settings[number % len(settings)]
        lacking = bool(destination.missing(lead, mine))
        skipped += lacking
        if wrong := _wrong(destination, stage, event(destination.slug, lead, number), mine, lacking=lacking):
            found.append(f"lead {number}: {wrong}")
    return skipped, found


def _wrong(destination: Destination, stage: Stage, one: Event, settings: Settings, *, lacking: bool) -> str:
    """What the rule and the platform disagree in; empty when they agree. What we send anyway must be taken clean.

    The rule is about what can be matched, so the platform is asked without what only our own lead's number gave.
    """
    at = max(destination.window(one, settings).opens_at, one.happened_at)
    token = stage.token(destination, at)
    if not lacking:
        played = stage.play(destination.build([one], settings, token), at)
        if not played.taken or played.flags:
            return f"sent, but refused or flagged {played.flags}"
    if not needs_something(destination):
        return ""
    bare = without_our_number(destination, one, settings, token)
    matches = bare is not None and bool(stage.play(bare, at).taken)
    if lacking == matches:
        return "skipped, but would be taken" if lacking else "sent, but nothing in it can be matched"
    return ""


def needs_something(destination: Destination) -> bool:
    """Whether there is a lead too poor for it; a webhook takes any."""
    return bool(destination.missing(LeadData(lead_id=1, created_at=1), SETTINGS[destination.slug]))


def is_taken(destination: Destination, stage: Stage, at: int) -> bool:
    """Whether the platform takes a conversion of the moment in which its lead came in, sent at that time."""
    one, settings = event(destination.slug, whole(), 1), SETTINGS[destination.slug]
    played = stage.play(destination.build([one], settings, stage.token(destination, at)), at)
    # GA4 takes an event of any age and moves its time: that is late as well.
    return bool(played.taken) and "too_old" not in played.flags


def margin_s(destination: Destination) -> int | None:
    """Whole seconds from the end of our window to the first at which the platform takes the event no more.

    None when it still does after more than a year; -1 when it stops before our window does.
    """
    stage, window = Stage(), destination.window(event(destination.slug, whole(), 1), SETTINGS[destination.slug])
    if not is_taken(destination, stage, window.closes_at - 1):
        return -1
    if is_taken(destination, stage, window.closes_at + FURTHEST_S * SECOND):
        return None
    first, last = -1, FURTHEST_S
    while last - first > 1:
        middle = (first + last) // 2
        taken = is_taken(destination, stage, window.closes_at + middle * SECOND)
        first, last = (middle, last) if taken else (first, middle)
    return last


def batch(destination: Destination, size: int, *poisons: Poison) -> Played:
    """What the platform says of so many events of one action, sent as soon as they may be."""
    stage, settings = Stage(), SETTINGS[destination.slug]
    someone = whole()
    # A second apart: some platforms know a conversion by its click and its time.
    times = [someone.created_at + number * SECOND for number in range(size)]
    events = [event(destination.slug, someone, number, happened_at=at) for number, at in enumerate(times)]
    at = max(destination.window(events[0], settings).opens_at, events[-1].happened_at)
    request = destination.build(events, settings, stage.token(destination, at))
    assert len(request.body) <= destination.limits.batch_bytes
    return stage.play(request, at, *poisons)


def parts(destination: Destination, *, named: bool) -> str:
    """What the program makes of three events of which the platform finds the second one wrong.

    AssertionError when it says of any event what the platform did not.
    """
    if destination.limits.batch_events < 2:
        return "one event a request"
    played = batch(destination, 3, Poisoned(named))
    verdict = destination.read(played.response, 3)
    if isinstance(verdict, PerEvent):
        said = [one.kind in (Kind.ACCEPTED, Kind.CONFIRMED) for one in verdict.outcomes]
        assert said == [index in played.taken for index in range(3)], verdict
        return "each event by itself"
    assert not played.taken or verdict.outcome.kind not in (Kind.ACCEPTED, Kind.CONFIRMED), verdict
    assert isinstance(verdict, Refused), verdict
    assert set(verdict.named) <= {1}, verdict
    assert not played.taken
    return "the wrong one is named, the others go again" if verdict.named else "none is named, halves go again"


def measure(destination: Destination) -> Measured:
    """All figures of one destination."""
    skipped, found = disagreements(destination)
    return Measured(
        leads=LEADS,
        sent=LEADS - skipped,
        skipped=skipped,
        disagreements=len(found),
        margin_s=margin_s(destination),
        parts=parts(destination, named=True),
        parts_unnamed=parts(destination, named=False),
    )


def measured(slugs: Sequence[str]) -> dict[str, Measured]:
    """By slug, in the registry's order: these measured now, all when none is named, and the others as they were."""
    known = msgspec.json.decode(COMPLIANCE.read_bytes(), type=dict[str, Measured])
    again = {slug: measure(get(slug)) for slug in slugs or DESTINATIONS}
    return {slug: again.get(slug) or known[slug] for slug in DESTINATIONS if slug in again or slug in known}


def lines(found: dict[str, Any]) -> Iterator[str]:
    """The file, a destination on each line."""
    yield "{"
    rows = [f"{msgspec.json.encode(slug).decode()}: {msgspec.json.encode(row).decode()}" for slug, row in found.items()]
    yield from (row + "," for row in rows[:-1])
    yield rows[-1]
    yield "}"


if __name__ == "__main__":
    COMPLIANCE.write_text("\n".join(lines(measured(sys.argv[1:]))) + "\n", encoding="utf-8")
