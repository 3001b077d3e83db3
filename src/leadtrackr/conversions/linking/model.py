"""What comes of connecting an account, frozen, and how it can fail."""

from collections.abc import Sequence

import msgspec

from leadtrackr.conversions import receipts
from leadtrackr.destinations.contract import Destination, Outcome, Right
from leadtrackr.kit.errors import LeadTrackrError


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """A sign-in that waits for the person to come back."""

    address: str
    """The platform's page, for the browser of whoever began it."""
    state: str
    """What the person comes back with; only its hash is kept."""
    expires_at: int
    """Microseconds UTC."""


class Unfinished(msgspec.Struct, frozen=True, kw_only=True):
    """Access was given and is kept for an hour, and a setting is still to be chosen."""

    flow_id: int
    field: str
    sentence: str
    expires_at: int


class NotConnected(LeadTrackrError):
    """The platform or the person said no. `code` is one of the destination's table."""

    def __init__(self, sentence: str, code: str) -> None:
        super().__init__(sentence)
        self.code = code


class RightsMissing(NotConnected):
    """The person has not allowed everything. `missing` says what."""

    def __init__(self, destination: Destination, lacking: str, missing: Sequence[Right]) -> None:
        named = "; ".join(f"“{right.tick}” ({right.scope})" for right in missing)
        super().__init__(f"{destination.name} is not connected. {lacking}: {named}.", "scope_missing")
        self.missing = tuple(missing)


class NotListed(NotConnected):
    """The platform did not give the list."""

    def __init__(self, destination: Destination, outcome: Outcome, by_hand: str) -> None:
        super().__init__(f"{told(destination, outcome)} {by_hand}", outcome.code)


def refusal(destination: Destination, outcome: Outcome) -> NotConnected:
    """A platform's no to a connection."""
    return NotConnected(f"{destination.name} is not connected. {told(destination, outcome)}", outcome.code)


def told(destination: Destination, outcome: Outcome) -> str:
    """A platform's no, in words: what happened, what it said, what to do."""
    words = receipts.words_of(destination.slug, outcome.code)
    said = f"It said: {outcome.detail.rstrip('.')}." if outcome.detail else ""
    next_step = "" if words.next_step.startswith("Nothing to do") else words.next_step
    return " ".join(filter(None, (words.sentence, said, next_step)))
