"""How a connection stands, in words: it sends, is left alone for a while, or is held. Pure."""

from enum import StrEnum
from typing import Final

import msgspec

from leadtrackr.conversions import outcomes
from leadtrackr.conversions.model import Connection, ConnectionState
from leadtrackr.conversions.receipts import Words, words_of

SENDS: Final = Words("Conversions are sent as they come.", "")
GOES_ON: Final = "Nothing to do: sending goes on by itself."


class Stands(StrEnum):
    """What a connection does at a moment."""

    ACTIVE = "active"
    PAUSED = "paused"
    """The platform fails and is left alone for a while."""
    HELD = "held"
    """Nothing is sent until a person lets it go on."""


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """How a connection stands at a moment. Times in microseconds UTC."""

    state: Stands
    words: Words
    code: str | None = None
    """Why it does not send; None when it does."""
    detail: str = ""
    """The platform's own words, shortened; nothing personal."""
    since: int | None = None
    """When it was held, or when the platform began to fail."""
    until: int | None = None
    """When it is tried again by itself."""


def condition(one: Connection, now: int) -> Condition:
    """How the connection stands; `now` in microseconds UTC."""
    if one.state == ConnectionState.HELD:
        code = one.hold_code or outcomes.HELD
        words = words_of(one.destination, code)
        return Condition(state=Stands.HELD, words=words, code=code, detail=one.hold_detail or "", since=one.held_at)
    if one.paused_until is None or one.paused_until <= now:
        return Condition(state=Stands.ACTIVE, words=SENDS)
    code = one.pause_code or outcomes.PAUSED
    words = Words(words_of(one.destination, code).sentence, GOES_ON)
    return Condition(state=Stands.PAUSED, words=words, code=code, since=one.failing_since, until=one.paused_until)
