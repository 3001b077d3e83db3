"""F19: one destination answers nothing at all, and five others get their conversions as soon as without it."""

import json
import statistics
import time
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any, Final
from urllib.parse import urlsplit

from leadtrackr.kit.clock import SystemClock
from tests.faults import checker
from tests.faults.frame import Found, Scene, at_least, at_most, exactly, fault, noted
from tests.faults.processes import WAIT_S, Sandbox, eventually, sandbox, server
from tests.support.engine import ATTRIBUTION, World
from tests.support.tables import execute

WELL: Final = ("meta", "google_ads", "meta", "google_ads", "meta")
HANGS: Final = "ga4"
RATIO: Final = 1.2
BETWEEN_S: Final = 0.03
NO_LIMITS: Final = {"requests_per_minute": "99999", "requests_per_day": "9999999"}
"""Or the wait for Google's 300 requests a minute, which two of the five share, would be all that is measured."""


@dataclass(frozen=True)
class Shop:
    """A project, and how it is called."""

    project: str
    api_key: str
    label: str

    def lead(self, caller: HTTPConnection, number: int) -> int:
        """A lead that every destination can be told of."""
        person = {"email": f"lead{number}@example.de"}
        body = {"projectId": self.project, "userData": person, "attributionData": dict(ATTRIBUTION)}
        return int(self._post(caller, "createLead", body)["leadId"])

    def rate(self, caller: HTTPConnection, lead_id: int) -> None:
        """The rating whose way is measured."""
        self._post(caller, "updateLeadStatus", {"leadId": lead_id, "conversionId": self.label, "price": 100})

    def _post(self, caller: HTTPConnection, call: str, body: object) -> dict[str, Any]:
        headers = {"X-API-Key": self.api_key, "Content-Type": "application/json"}
        caller.request("POST", f"/api/leads/{call}", json.dumps(body), headers)
        with caller.getresponse() as answer:
            found: dict[str, Any] = json.load(answer)
            assert answer.status == 201, found
            return found


@dataclass(frozen=True)
class Shops:
    """Five projects with a connection each that is well, one whose destination hangs, and one that has none."""

    url: str
    well: list[Shop]
    hanging: Shop
    bare: Shop


@dataclass
class Phase:
    """The delays of the five, milliseconds: from the commit of the rating to the platform's receipt."""

    delays: list[float]

    @property
    def p99(self) -> float:
        return sorted(self.delays)[int(len(self.delays) * 0.99) - 1]

    @property
    def median(self) -> float:
        return statistics.median(self.delays)


@fault("F19")
def test_f19_the_five_others_wait_no_longer(scene: Scene) -> Found:
    """With and without it by turns; the same number of ratings is posted each time, the sixth into no connection."""
    url, pairs, ratings = scene.database_url, scene.pick(short=1, long=12), scene.pick(short=60, long=150)
    shops = _open(url, scene.seed)
    alone: list[Phase] = []
    beside: list[Phase] = []
    hung = 0
    with sandbox(scene.folder) as platforms, server(url, scene.folder, platforms.url) as running:
        _phase(shops, platforms, running.url, shops.bare, 30)
        for _ in range(pairs):
            alone.append(_phase(shops, platforms, running.url, shops.bare, ratings))
            platforms.fault({"destination": HANGS, "hang": True})
            beside.append(_phase(shops, platforms, running.url, shops.hanging, ratings))
            hung += execute(url, "SELECT count(*) FROM deliveries WHERE state = 'sending'")[0][0]
            platforms.well()
            eventually(lambda: checker.unsettled(url) == 0, "what hung arrives")
        running.end()
    sides = {"A": alone, "B": beside}
    # Of all phases of a side together: one alone has too few for a p99 that is more than its worst.
    pooled = {name: Phase([delay for one in phases for delay in one.delays]) for name, phases in sides.items()}
    p99 = {name: one.p99 for name, one in pooled.items()}
    middle = {name: one.median for name, one in pooled.items()}
    times = p99["B"] / p99["A"]
    return Found(
        pairs,
        (
            noted("conversions measured", sum(len(one.delays) for one in alone + beside)),
            noted("p99 alone ms", p99["A"]),
            noted("p99 beside one that hangs ms", p99["B"]),
            # One phase in the short form: a p99 that says more of the machine than of the program.
            at_most("p99, times alone", times, RATIO) if scene.size == "long" else noted("p99, times alone", times),
            noted("median, times alone", middle["B"] / middle["A"]),
            noted("noise: highest p99 alone, times the lowest", max(o.p99 for o in alone) / min(o.p99 for o in alone)),
            # It would be as long as a platform may take to answer.
            at_most("longest delay s", max(max(one.delays) for one in beside) / 1000, 10),
            at_least("under way to the one that hangs", hung, pairs),
            exactly("not settled in the end", checker.unsettled(url), 0),
        ),
    )


def _open(url: str, seed: int) -> Shops:
    def shop(number: int, slug: str | None) -> Shop:
        with World(url, clock=SystemClock(), seed=seed + number) as world:
            world.project()
            world.label("Won", done=True, on=(slug or HANGS,))
            if slug:
                world.connect(slug, **NO_LIMITS)
            return Shop(world.project_ref, world.api_key, world.labels["Won"].conversion_id)

    return Shops(url, [shop(n, slug) for n, slug in enumerate(WELL)], shop(5, HANGS), shop(6, None))


def _phase(shops: Shops, platforms: Sandbox, address: str, sixth: Shop, ratings: int) -> Phase:
    """Ratings one after the other, in one project after the other; ends when the five have them all."""
    first = int(execute(shops.url, "SELECT coalesce(max(id), 0) FROM deliveries")[0][0])
    turn = [*shops.well, sixth]
    place = urlsplit(address)
    with closing(HTTPConnection(place.hostname or "", place.port, timeout=WAIT_S)) as caller:
        leads = [turn[n % len(turn)].lead(caller, n) for n in range(ratings)]
        for number, lead in enumerate(leads):
            turn[number % len(turn)].rate(caller, lead)
            time.sleep(BETWEEN_S)  # the distance between callers, which is part of what is measured
    of_the_five = f"id > {first} AND destination <> '{HANGS}'"
    eventually(
        lambda: (
            execute(shops.url, f"SELECT count(*) FROM deliveries WHERE {of_the_five} AND settled_at IS NULL")[0][0]  # noqa: S608
            == 0
        ),
        "the five have theirs",
    )
    made: dict[str, int] = dict(execute(shops.url, f"SELECT event_id, created_at FROM deliveries WHERE {of_the_five}"))  # noqa: S608
    received = {
        one["key"]: call["at"]
        for slug in sorted(set(WELL))
        for call in platforms.calls(slug)
        for one in call["accepted"]
        if one["key"] in made
    }
    assert received.keys() == made.keys()
    return Phase([(received[key] - at) / 1000 for key, at in made.items()])
