"""What a rating would count for, frozen. Times in microseconds UTC."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import msgspec

from leadtrackr.conversions.model import Connection
from leadtrackr.conversions.preview import Foreseen
from leadtrackr.conversions.receipts import Words
from leadtrackr.labels.model import Label

OPENS: Final = "The lead would be open again and have no label."
"""For `open`, which is no conversion."""
SENT: Final = "Sent to take them back:"
NOTHING_SENT: Final = "Nothing would be sent."
KEPT: Final = "Not taken back:"
UNSENT: Final = "Not sent any more:"


class Answer(StrEnum):
    """Whether a platform would count the rating, were the lead rated now."""

    YES = "yes"
    """It would be sent at once, and nothing is known that the platform would refuse."""
    NOT_YET = "not_yet"
    """The same later, by itself: from `send_at`, or when what it stands behind is settled."""
    WHEN_MENDED = "when_mended"
    """It would wait until a person has mended the connection."""
    COUNTED = "counted"
    """It counts there already, and would not count a second time."""
    NO = "no"
    """It cannot be used: something is missing or denied, or its time is over."""
    NO_EVENT = "no_event"
    """The label means nothing on this platform."""


class Fate(msgspec.Struct, frozen=True, kw_only=True):
    """What would become of one delivery."""

    answer: Answer
    code: str | None
    """A code of the catalogue; None where no code says it."""
    words: Words
    send_at: int | None = None
    """When it would be sent at the earliest; None when it would not be, or when that is up to a person."""
    behind: int | None = None
    """The delivery on its way that it would wait for."""


class Before(msgspec.Struct, frozen=True):
    """A label that comes before the one asked about, and what would become of its event on the same platform."""

    label: Label
    fate: Fate


class Missing(msgspec.Struct, frozen=True):
    """What the platform lacks: the field, and a sentence for a person."""

    field: str
    sentence: str


class Prognosis(msgspec.Struct, frozen=True, kw_only=True):
    """One platform's answer."""

    connection: Connection
    name: str
    """The platform's, for people."""
    account: str
    action: str | None
    """The label's event there; None when it has none."""
    fate: Fate
    missing: Missing | None = None
    closes_at: int | None = None
    """Until when the platform takes what a rating of this moment sends; None when nothing would be sent."""
    usable_until: int | None = None
    """From when on a rating is of no use there any more; None when no end is known, or it is of no use anyhow."""
    window: str
    """The platform's rule of time, in words."""
    before: tuple[Before, ...] = ()
    takes_back: tuple[str, ...] = ()
    """The labels whose conversions there the rating would take back; not what the platform keeps counted."""


class OfLabel(msgspec.Struct, frozen=True, kw_only=True):
    """The answers for one label; None stands for `open`."""

    label: Label | None
    platforms: tuple[Prognosis, ...]
    words: Words


class Counting(msgspec.Struct, frozen=True, kw_only=True):
    """The whole answer. Nothing of it has been written or sent."""

    lead_id: int
    unique_identifier: str | None
    asked_at: int
    pending: bool
    """Whether the rating itself would be refused at this moment, since the lead has a pending job."""
    consent: Mapping[str, str]
    """As it was recorded with the lead: kind → granted or denied."""
    labels: tuple[OfLabel, ...]


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """What was read to answer: for each label asked about what rating the lead with it would do."""

    lead_id: int
    unique_identifier: str | None
    now: int
    consent: Mapping[str, str]
    asked: tuple[tuple[Label | None, Foreseen], ...]
    labels: Mapping[int, Label]
    """All of the project, by id."""
    connections: tuple[Connection, ...]
