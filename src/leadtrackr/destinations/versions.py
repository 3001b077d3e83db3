"""When a platform retires the version of its API that a connection uses, and what to do before."""

from datetime import date
from enum import StrEnum
from typing import Final

import msgspec

from leadtrackr.destinations.contract import Destination, Settings

WARN_DAYS: Final = 60
"""A version that ends within so many days is worth a warning."""
SETTING: Final = "api_version"
"""The setting with which a connection keeps a version of its own."""


class Age(StrEnum):
    """How near the end is."""

    CURRENT = "current"
    ENDING = "ending"
    ENDED = "ended"


class Life(msgspec.Struct, frozen=True, kw_only=True):
    """A version and its end, in words."""

    version: str
    age: Age
    sentence: str
    next_step: str = ""
    """What to do; empty while there is nothing to do."""


def version_of(destination: Destination, settings: Settings) -> str:
    """The version that a connection uses: its own, else the one that the program is made for."""
    return settings.get(SETTING) or destination.api_version


def ends_on(destination: Destination, version: str) -> date | None:
    """The day on which the platform retires a version; None when it has announced none, or when it is not known."""
    if version == destination.api_version:
        return destination.api_version_ends
    return destination.version_ends.get(version)


def life(destination: Destination, version: str, today: date, *, project: str = "PROJECT") -> Life:
    """How long a version lasts from `today` (UTC); `project` is named in the command that changes it."""
    ends = ends_on(destination, version)
    if ends is None:
        is_known = version == destination.api_version or not destination.version_ends
        return Life(version=version, age=Age.CURRENT, sentence=f"{version}; {_NO_END if is_known else _UNKNOWN}")
    days = (ends - today).days
    if days > WARN_DAYS:
        return Life(version=version, age=Age.CURRENT, sentence=f"{version} ends on {ends.isoformat()}.")
    step = _next_step(destination, version, ends, project)
    if days > 0:
        sentence = f"{version} ends on {ends.isoformat()}, in {days} day{'s' * (days > 1)}."
        return Life(version=version, age=Age.ENDING, sentence=sentence, next_step=step)
    sentence = f"{version} ended on {ends.isoformat()}; the platform may refuse everything."
    return Life(version=version, age=Age.ENDED, sentence=sentence, next_step=step)


_NO_END: Final = "the platform has announced no end of it."
_UNKNOWN: Final = "when it ends is not known to this program."


def _next_step(destination: Destination, version: str, ends: date, project: str) -> str:
    """The version of this program when it lasts longer and the connection can be told to use it; else an update."""
    lasting = destination.api_version_ends is None or destination.api_version_ends > ends
    if version != destination.api_version and lasting:
        command = f"leadtrackr connect {project} {destination.slug} {SETTING}={destination.api_version}"
        return f"Run: {command}"
    return "Update LeadTrackr to a release that speaks a newer version."
