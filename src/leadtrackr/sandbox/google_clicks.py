"""What Google says of a conversion by the age of its click, where the sandbox has been told when the click was.

Source: Google Ads' help: a click must be six hours old; a click id is kept for 90 days, hashed data alone finds a click
for 63. The conversion action's own window may be shorter.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple

from leadtrackr.sandbox.world import MICROS

HOUR_US: Final = 3600 * MICROS
DAY_US: Final = 24 * HOUR_US
Fault = Literal["before", "recent", "old"]
"""The conversion is earlier than its click; the click is too young; it is too old."""


class Ages(NamedTuple):
    """Hours that a click must be old, and days after which it is forgotten: with a click id, with hashed data alone."""

    least_h: float
    click_days: float
    hashed_days: float


def judge(
    clicks: Mapping[str, float], ids: Sequence[str], hashes: Sequence[str], *, at: int, now: int, ages: Ages
) -> Fault | None:
    """What is wrong with a conversion of the time `at` that is sent `now` (µs UTC); None too for an unknown click.

    `clicks` has click ids and hashes, each with the Unix seconds of its click. Hashes matter only without a click id.
    """
    known = [clicks[one] for one in (ids or hashes) if one in clicks]
    if not known:
        return None
    clicked = int(known[0] * MICROS)
    if at < clicked:
        return "before"
    if now - clicked < ages.least_h * HOUR_US:
        return "recent"
    days = ages.click_days if ids else ages.hashed_days
    return "old" if now - clicked > days * DAY_US else None
