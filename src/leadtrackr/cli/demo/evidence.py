"""What is looked at in the end, and how a promise is judged."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Final

import msgspec

from leadtrackr.cli.demo.ledger import BY_CLICK, Ledger, Taken
from leadtrackr.cli.demo.people import person
from leadtrackr.cli.demo.play import Played, Run
from leadtrackr.conversions.model import DELIVERED
from leadtrackr.conversions.receipts import Receipt
from leadtrackr.kit.clock import SECOND

SHOWN: Final = 3
"""Most examples that a failed check names."""


class Check(msgspec.Struct, frozen=True):
    """One promise, whether it was kept, and in which figures."""

    promise: str
    ok: bool
    sentence: str


class Evidence(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """All that is known at the end: the answers, the database and the platforms' ledger."""

    run: Run
    receipts: Sequence[Receipt]
    leads_in_api: int
    """How many leads the API lists."""
    ledger: Ledger

    def delivered(self) -> list[Receipt]:
        """What the database calls accepted."""
        return [one for one in self.receipts if one.state in DELIVERED]

    def key(self, one: Receipt) -> tuple[str, str]:
        """Under which a delivery has to stand in the ledger."""
        if one.destination != BY_CLICK:
            return one.destination, one.event_id
        who = self.ids(one.lead_id).get("msclkid") or self._hashes(one.lead_id)
        return one.destination, f"{one.account}/{one.action}/{who}@{one.happened_at // SECOND}"

    def rows(self, one: Receipt) -> Sequence[Taken]:
        """Where a delivery stands in the ledger."""
        return self.ledger.taken.get(self.key(one), ())

    def ids(self, lead_id: int) -> Mapping[str, str]:
        """The click ids and cookies that a lead was posted with."""
        one = self.by_lead.get(lead_id)
        return {} if one is None else one.ids

    def _hashes(self, lead_id: int) -> str:
        """E-mail address and phone number of a lead as Microsoft gets them."""
        played = self.by_lead.get(lead_id)
        if played is None:
            return ""
        who, situation = person(played.scene.number), played.scene.situation
        email = sha256(who.email.lower()) if situation.email else ""
        return f"{email}+{sha256(who.e164) if situation.phone else ''}"

    @cached_property
    def by_lead(self) -> Mapping[int, Played]:
        """What was played, by the number of its lead."""
        return {one.lead_id: one for one in self.run.played}


def checked(promise: str, wrong: Iterable[str], kept: str) -> Check:
    """The promise with what is wrong, or with how it was kept."""
    found = list(wrong)
    if not found:
        return Check(promise, True, kept)
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return Check(promise, False, "; ".join(found[:SHOWN]) + more)


def sha256(text: str) -> str:
    """The digest in lower-case hex."""
    return hashlib.sha256(text.encode()).hexdigest()
