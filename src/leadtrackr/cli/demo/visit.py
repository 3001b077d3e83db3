"""One visitor at one form: who it is, what the browser knows of the way there."""

import base64
import hashlib
from typing import Final
from uuid import UUID

import msgspec

from leadtrackr.cli.demo.people import Person
from leadtrackr.cli.demo.situations import Consent, Situation
from leadtrackr.kit.clock import DAY, HOUR

_MS: Final = 1000
"""Microseconds in a millisecond."""
_BEGINS: Final = {
    "gclid": "Cj0KCQ",
    "wbraid": "Cl8KCQ",
    "ttclid": "E.C.P.",
    "ttp": "",
    "epik": "dj0yJnU9",
    "scclid": "",
    "rdt_cid": "",
    "twclid": "2-",
    "oppref": "",
    "obref": "",
}
"""How ids begin that otherwise are random letters."""
_CHANNELS: Final = {
    "gclid": ("google", "cpc"),
    "wbraid": ("google", "cpc"),
    "fbc": ("facebook", "paid"),
    "meta_lead_id": ("facebook", "paid"),
    "li_fat_id": ("linkedin", "paid"),
    "msclkid": ("bing", "cpc"),
    "ttclid": ("tiktok", "paid"),
    "epik": ("pinterest", "paid"),
    "scclid": ("snapchat", "paid"),
    "rdt_cid": ("reddit", "paid"),
    "twclid": ("x", "paid"),
    "oppref": ("chatgpt", "paid"),
}
"""Source and medium of a visit that brings such an id."""


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
        paid = next((_CHANNELS[name] for name in self.situation.ids if name in _CHANNELS), None)
        return [first, (self.ms - HOUR // _MS, *paid, "autumn")] if paid else [first]

    def _id(self, name: str) -> str:
        token, digits = made_up(f"{name}/{self.number}"), 1_000_000_000 + self.number
        return {
            "fbp": f"fb.1.{self.ms}.{digits}",
            "fbc": f"fb.1.{self.ms}.IwAR{token}",
            "cid": f"{digits}.{self.ms // 1000 - 86_400}",
            "meta_lead_id": f"123456{digits}",
            "scid": self._uuid(name),
            "rdt_uuid": f"{self.ms}.{self._uuid(name)}",
            "li_fat_id": self._uuid(name),
            "msclkid": self._uuid(name).replace("-", ""),
            "uetvid": self._uuid(name).replace("-", ""),
        }.get(name) or f"{_BEGINS[name]}{token}"

    def _uuid(self, name: str) -> str:
        return str(UUID(bytes=hashlib.sha256(f"{name}/{self.number}".encode()).digest()[:16], version=4))


def made_up(seed: str) -> str:
    """A random-looking text that is the same for the same seed: letters, digits, `-` and `_`."""
    return base64.urlsafe_b64encode(hashlib.sha256(seed.encode()).digest()).decode().rstrip("=")
