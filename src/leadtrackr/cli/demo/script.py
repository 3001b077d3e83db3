"""The whole play, written down before it begins: every lead, its ratings, what must become of each on each platform."""

from collections import Counter
from collections.abc import Iterator
from enum import StrEnum
from typing import Final

import msgspec

from leadtrackr.cli.demo import clients as c
from leadtrackr.cli.demo import foretold
from leadtrackr.cli.demo import situations as s
from leadtrackr.cli.demo.clients import Client
from leadtrackr.cli.demo.foretold import PLATFORMS, SENT
from leadtrackr.cli.demo.people import COUNTRIES, person
from leadtrackr.cli.demo.situations import Situation
from leadtrackr.cli.demo.visit import Visit
from leadtrackr.kit.clock import MINUTE

ONCE: Final = "converted_once"
NO_VALUE: Final = "100/2804009"
"""Meta's code for a Purchase without a value."""
REFUSES: Final = "pinterest"
"""The platform that refuses one conversion of a request."""
FAILED: Final = "failed"
"""What that is called."""


class To(StrEnum):
    """What a lead is rated as; the value is the label's name, or the word of the API."""

    QUALIFIED = "Qualified"
    DEAL = "Deal signed"
    LOST = "lost"
    OPEN = "open"


class Step(msgspec.Struct, frozen=True):
    """One rating. `price` is in cents."""

    to: To
    price: int | None = None


class Fate(msgspec.Struct, frozen=True, order=True):
    """What becomes of one conversion: `code` says why it was not sent, or not taken."""

    platform: str
    label: str
    state: str
    code: str


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """One lead of the play. `clients` are two when two report the same form at once."""

    number: int
    situation: Situation
    clients: tuple[Client, ...]
    steps: tuple[Step, ...]
    asked_twice: bool = False
    """The first rating is sent again while it is pending: 409."""
    refused: bool = False
    """One platform is made to refuse what is sent of it."""

    def visit(self, at: int, project: str) -> Visit:
        """The visit at a time in microseconds UTC."""
        when = at - (self.number + 1) * 7 * MINUTE
        return Visit(number=self.number, person=person(self.number), situation=self.situation, at=when, project=project)

    def fates(self) -> Counter[Fate]:
        """What must have happened at the end: each conversion that was planned, with its outcome."""
        found: Counter[Fate] = Counter()
        for platform in PLATFORMS:
            found.update(_fates(platform, self))
        return found


_CAST: Final[tuple[tuple[Situation, tuple[Client, ...]], ...]] = (
    (
        s.AD_CLICK,
        (c.WORDPRESS_11, c.WORDPRESS_11_KEY, c.WEB_TAG, c.SERVER_TAG, c.LEADBOT, c.API_PROGRAM),
    ),
    (
        s.NOT_ASKED,
        (c.WORDPRESS_10, c.WORDPRESS_10_CF7, c.WORDPRESS_11_KEY, c.WEB_TAG_OLD, c.SERVER_TAG_OLD, c.SERVER_TAG),
    ),
    (s.IOS_CLICK, (c.WORDPRESS_11, c.WEB_TAG, c.SERVER_TAG, c.LEADBOT)),
    (s.FACEBOOK, (c.WORDPRESS_10, c.WORDPRESS_11, c.WEB_TAG_OLD, c.SERVER_TAG_OLD, c.LEADBOT)),
    (s.EMAIL, (c.WORDPRESS_10, c.WORDPRESS_10_CF7, c.WEB_TAG_OLD, c.SERVER_TAG_OLD, c.API_PROGRAM)),
    (s.PHONE, (c.CALL_TRACKING, c.LEADBOT_OLD, c.API_PROGRAM)),
    (s.NO_PERSONAL_DATA, (c.WORDPRESS_11, c.WEB_TAG, c.SERVER_TAG, c.LEADBOT)),
    (s.REFUSED, (c.WORDPRESS_11, c.WORDPRESS_11_KEY, c.WEB_TAG, c.SERVER_TAG, c.LEADBOT)),
    (s.NOTHING, (c.WEB_TAG, c.SERVER_TAG, c.LEADBOT)),
)
"""Which clients can bring which situation; each pair is played once for each country."""
_CARRIERS: Final = (c.WORDPRESS_11, c.SERVER_TAG, c.API_PROGRAM, c.WORDPRESS_11_KEY)
"""The clients that pass on the click ids of every network. They take turns, once for each country."""
_STORIES: Final[tuple[tuple[To, ...], ...]] = (
    (To.DEAL,),
    (To.QUALIFIED,),
    (To.QUALIFIED, To.DEAL),
    (),
    (To.DEAL,),
    (To.QUALIFIED,),
    (To.LOST,),
)
"""Taken in turn. Seven, which shares no factor with the five countries, so that everything meets everything."""


def write() -> tuple[Scene, ...]:
    """The play: the same every time, more than 200 leads."""
    return tuple(
        msgspec.structs.replace(scene, number=number) for number, scene in enumerate((*_regular(), *_special()))
    )


def _regular() -> Iterator[Scene]:
    for number, (situation, client) in enumerate(_pairs()):
        story = _STORIES[number % len(_STORIES)]
        steps = tuple(Step(to, _price(number, to)) for to in story)
        yield Scene(number=number, situation=situation, clients=(client,), steps=steps)


def _pairs() -> Iterator[tuple[Situation, Client]]:
    for situation, clients in _CAST:
        for client in clients:
            yield from [(situation, client)] * len(COUNTRIES)
    for place, situation in enumerate(s.CLICKS):
        for turn in range(len(COUNTRIES)):
            yield situation, _CARRIERS[(place + turn) % len(_CARRIERS)]
    yield from [(s.INSTANT_FORM, c.API_PROGRAM)] * len(COUNTRIES)


def _special() -> Iterator[Scene]:
    """What happens once in a while."""

    def scene(*steps: Step, asked_twice: bool = False, refused: bool = False) -> Scene:
        return Scene(
            number=0,
            situation=s.AD_CLICK,
            clients=(c.API_PROGRAM,),
            steps=steps,
            asked_twice=asked_twice,
            refused=refused,
        )

    for _ in COUNTRIES:
        both = (c.WEB_TAG, c.SERVER_TAG)
        yield Scene(number=0, situation=s.AD_CLICK, clients=both, steps=(Step(To.DEAL, 99_900),))
    yield scene(Step(To.QUALIFIED), asked_twice=True)
    yield scene(Step(To.QUALIFIED), refused=True)
    yield scene(Step(To.DEAL))
    yield scene(Step(To.DEAL, 250_000), Step(To.DEAL, 250_000))
    yield scene(Step(To.QUALIFIED, 40_000), Step(To.OPEN))


def _price(number: int, to: To) -> int | None:
    """Deals have a price; of the qualified leads every second one has an estimate."""
    if to == To.DEAL:
        return 50_000 + number * 1_234 % 400_000
    return 10_000 + number * 50 if to == To.QUALIFIED and number % 2 else None


def _fates(platform: str, scene: Scene) -> Iterator[Fate]:
    """A path is sent whole: a deal brings Qualified along, unless this platform has it already."""
    fate = foretold.fate(platform, scene.clients, scene.situation)
    delivered: set[To] = set()
    for step in scene.steps:
        path = {To.QUALIFIED: (To.QUALIFIED,), To.DEAL: (To.QUALIFIED, To.DEAL)}.get(step.to, ())
        for label in path:
            if fate != SENT:
                yield Fate(platform, label.value, "skipped", fate)
            elif label in delivered and label == step.to:
                yield Fate(platform, label.value, "skipped", ONCE)
            elif label not in delivered:
                yield _sent(platform, label, step, refused=scene.refused)
                delivered.add(label)


def _sent(platform: str, label: To, step: Step, *, refused: bool) -> Fate:
    if platform == "meta" and label == To.DEAL and step.price is None:
        return Fate(platform, label.value, "rejected", NO_VALUE)
    if refused and platform == REFUSES:
        return Fate(platform, label.value, "rejected", FAILED)
    return Fate(platform, label.value, "accepted", "ok")
