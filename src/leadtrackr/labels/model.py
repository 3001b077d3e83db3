"""A conversion label, frozen."""

from collections.abc import Mapping
from enum import StrEnum

import msgspec


class LabelKind(StrEnum):
    """Every project has exactly one Lost label; all others are the project's own."""

    LABEL = "label"
    LOST = "lost"


class Label(msgspec.Struct, frozen=True, kw_only=True):
    """What a lead can be rated as."""

    id: int
    conversion_id: str
    """The UUID by which clients name it."""
    name: str
    kind: LabelKind
    position: int
    """Its place in the list, from 1."""
    done: bool
    """The lead moves to Rated; otherwise it goes back to Open with the label kept."""
    convert_once: bool
    """A lead converts under this label at most once on each platform."""
    take_back: bool
    """What it converted is taken back, where the platform can, once the lead gets a status beside it."""
    after: tuple[int, ...]
    """The labels named as its direct prerequisites."""
    path: tuple[int, ...]
    """Every label that comes before it, earliest first: what has not been converted yet is sent with it."""
    events: Mapping[str, str] = {}
    """Destination slug → the event's value there. A destination without one gets nothing for this label."""

    @property
    def status(self) -> str:
        """What a lead with this label shows as its status in the API."""
        return "lost" if self.kind == LabelKind.LOST else self.conversion_id
