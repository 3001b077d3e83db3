"""Everything that is known in the end, arranged for telling it."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Final

import msgspec

from leadtrackr.cli.demo import trouble
from leadtrackr.cli.demo.evidence import Check, Evidence
from leadtrackr.cli.demo.foretold import PLATFORMS
from leadtrackr.cli.demo.play import Played
from leadtrackr.conversions.model import DELIVERED, State
from leadtrackr.conversions.receipts import Receipt


class Sign(msgspec.Struct, frozen=True):
    """How an outcome is shown: one character, and a short word."""

    letter: str
    word: str
    meaning: str


ACCEPTED: Final = Sign("✓", "accepted", "accepted")
AGAIN: Final = Sign("↻", "accepted", "accepted after a failure")
REFUSED: Final = Sign("✗", "refused", "refused by the platform")
OPEN: Final = Sign("?", "open", "not settled")
SKIPPED: Final[Mapping[str, Sign]] = {
    "missing_data": Sign("d", "no data", "no data to match on"),
    "consent_denied": Sign("c", "consent", "consent denied"),
    "converted_once": Sign("1", "once", "counted once already"),
}
OTHER_SKIP: Final = Sign("s", "skipped", "skipped for another reason")
SIGNS: Final = (ACCEPTED, AGAIN, REFUSED, *SKIPPED.values(), OTHER_SKIP, OPEN)


class Result(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """All that is known at the end."""

    evidence: Evidence
    checks: Sequence[Check]
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether every promise was kept."""
        return all(check.ok for check in self.checks)

    @property
    def played(self) -> Sequence[Played]:
        """Every lead of the play."""
        return self.evidence.run.played

    @cached_property
    def cells(self) -> Mapping[tuple[int, str], Sequence[Receipt]]:
        """By lead and platform its deliveries, oldest first."""
        found: dict[tuple[int, str], list[Receipt]] = {}
        for one in sorted(self.evidence.receipts, key=lambda receipt: receipt.id):
            found.setdefault((one.lead_id, one.destination), []).append(one)
        return found

    @cached_property
    def failed_once(self) -> frozenset[tuple[str, str]]:
        """Destination and event id of what was in a request that failed as a whole."""
        return trouble.failed_once(self.evidence)

    def of_lead(self, lead_id: int) -> dict[str, Sequence[Receipt]]:
        """A lead's deliveries by platform, oldest first."""
        return {platform: self.cells.get((lead_id, platform), ()) for platform in PLATFORMS}

    def sign(self, one: Receipt) -> Sign:
        """How a delivery is shown."""
        if one.state in DELIVERED:
            return AGAIN if (one.destination, one.event_id) in self.failed_once else ACCEPTED
        if one.state == State.SKIPPED:
            return SKIPPED.get(one.code or "", OTHER_SKIP)
        return REFUSED if one.state == State.REJECTED else OPEN
