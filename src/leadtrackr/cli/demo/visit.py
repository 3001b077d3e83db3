"""One visitor at one form: who it is, what the browser knows of the way there."""

import base64
import hashlib
from typing import Final

import msgspec

from leadtrackr.cli.demo.people import Person
from leadtrackr.cli.demo.situations import Consent, Situation
from leadtrackr.kit.clock import DAY, HOUR

_MS: Final = 1000
"""Microseconds in a millisecond."""


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """One visitor at one form. `at` is in microseconds UTC; `project` is what the client calls the project by."""

    number: int
    person: Person
    situation: Situation
    at: int
    project: str

    @property
    def ms(self) -> int:
        """When, in milliseconds."""
        return self.at // _MS

    @property
    def email(self) -> str:
        """As typed; empty when the visitor gave none."""
        return self.person.email if self.situation.email else ""

    @property
    def phone(self) -> str:
        """As typed; empty when the visitor gave none."""
        return self.person.phone if self.situation.phone else ""

    def ids(self) -> dict[str, str]:
        """The click ids and cookies of the visit, by the names that clients send."""
        return {name: self._id(name) for name in self.situation.ids}

    def consent(self) -> dict[str, str] | None:
        """The four answers of the banner; None when there was none."""
        personal, ads = {
            Consent.GRANTED: ("granted", "granted"),
            Consent.NO_PERSONAL_DATA: ("denied", "granted"),
            Consent.DENIED: ("denied", "denied"),
        }.get(self.situation.consent, ("", ""))
        if not personal:
            return None
        return {
            "ad_storage": ads,
            "analytics_storage": ads,
            "ad_user_data": personal,
            "ad_personalization": personal,
        }

    def flow(self) -> list[tuple[int, str, str, str]]:
        """How the visitor came: time in milliseconds, source, medium, campaign; oldest first."""
        first = (self.ms - 3 * DAY // _MS, "google", "organic", "")
        paid = ("facebook", "paid") if "fbc" in self.situation.ids else ("google", "cpc")
        return [first, (self.ms - HOUR // _MS, *paid, "autumn")] if self.situation.ids else [first]

    def _id(self, name: str) -> str:
        token = made_up(f"{name}/{self.number}")
        seconds = self.ms // 1000
        return {
            "fbp": f"fb.1.{self.ms}.{1_000_000_000 + self.number}",
            "fbc": f"fb.1.{self.ms}.IwAR{token}",
            "cid": f"{1_000_000_000 + self.number}.{seconds - 86_400}",
            "gclid": f"Cj0KCQ{token}",
            "wbraid": f"Cl8KCQ{token}",
        }[name]


def made_up(seed: str) -> str:
    """A random-looking text that is the same for the same seed: letters, digits, `-` and `_`."""
    return base64.urlsafe_b64encode(hashlib.sha256(seed.encode()).digest()).decode().rstrip("=")
