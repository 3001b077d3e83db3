"""Which of the deliveries that could go are leased together. Pure.

A delivery whose handling kills the process would kill each worker that takes it over, and with it everything that it
was leased with. So a lot shrinks with the deaths behind what is in it: a whole lot dies once, a small one twice, and
who is alone at its third death is the one to blame.
"""

from collections import Counter
from collections.abc import Sequence
from operator import attrgetter
from typing import Final

import msgspec

LOT: Final = 1000
"""Most deliveries under one lease. While a lot is sent the one before it is recorded, so that a crash repeats no more
than two: as many as the largest batch that a platform takes.
"""
ROUNDS: Final = 25
"""A lot for a destination that takes few events at once needs at most so many rounds of requests."""
SMALL_LOT: Final = 32
"""Most deliveries in a lot of those that were taken over once: about the square root of a whole lot."""
DEATHS: Final = 3
"""Workers that died with it in a row, after which a delivery is not tried again."""


_BY_WINDOW: Final = attrgetter("closes_at", "id")
_DEATHS: Final = attrgetter("deaths")


class Candidate(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A delivery that could be leased."""

    id: int
    closes_at: int
    action: str
    deaths: int
    """How many workers died with it in a row."""
    takes_back: int | None = None
    """The delivery that it takes back or restates."""

    @property
    def group(self) -> tuple[str, bool]:
        """What one request holds: conversions, or take-backs, of one action."""
        return self.action, self.takes_back is None


def choose(candidates: Sequence[Candidate], most: int) -> list[Candidate]:
    """The first, whose window closes first, and those that may share its fate, in order."""
    ordered = sorted(candidates, key=_BY_WINDOW)
    if not any(map(_DEATHS, ordered)):
        return ordered[:most]
    size = _size(ordered[0].deaths, most)
    return [one for one in ordered if _size(one.deaths, most) == size][:size]


def requests(lot: Sequence[Candidate], batch_events: int) -> int:
    """How many requests a lot needs, if nothing in it is refused."""
    counts = Counter([one.group for one in lot])
    return sum(-(-count // batch_events) for count in counts.values())


def within(lot: Sequence[Candidate], batch_events: int, granted: int) -> list[Candidate]:
    """The first of a lot for which so many requests are enough."""
    counts: dict[tuple[str, bool], int] = {}
    kept: list[Candidate] = []
    for one in lot:
        count = counts.get(one.group, 0)
        if count % batch_events == 0:
            if granted == 0:
                continue
            granted -= 1
        counts[one.group] = count + 1
        kept.append(one)
    return kept


def _size(deaths: int, most: int) -> int:
    if deaths == 0:
        return most
    return min(most, SMALL_LOT) if deaths == 1 else 1
