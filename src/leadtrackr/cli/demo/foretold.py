"""What each platform must make of a lead: told here by the platforms' rules, not taken from the program.

The check at the end compares what happened with these expectations, so nothing here may come from the rooms.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from leadtrackr.cli.demo.clients import Client
from leadtrackr.cli.demo.situations import Consent, Situation

SENT: Final = "sent"
MISSING: Final = "missing_data"
DENIED: Final = "consent_denied"

_GOOGLE: Final = ("gclid", "wbraid", "email", "phone")
_NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    "google_ads": _GOOGLE,
    "google_ads_legacy": _GOOGLE,
    "ga4": ("cid",),
    "meta": ("fbc", "fbp", "email", "phone", "name", "device", "meta_lead_id"),
    "linkedin": ("li_fat_id", "email", "names"),
    "microsoft": ("msclkid", "email", "phone"),
    "tiktok": ("ttclid", "ttp", "email", "phone", "device"),
    "pinterest": ("email", "device"),
    "snapchat": ("email", "phone", "device"),
    "reddit": ("rdt_cid", "rdt_uuid", "email", "phone", "device"),
    "x": ("twclid", "email", "phone"),
    "openai": ("oppref", "obref", "email", "phone", "device"),
    "webhook": (),
}
"""Of which one is enough; a webhook of one's own takes any lead. `names`: first and last; `name`: one of them, which
is enough for Meta together with the project's country; `device`: IP address and user agent."""
_NEEDS_TOO: Final = {"tiktok": "page"}
_PERSONAL: Final = frozenset({"email", "phone", "name", "names", "device"})
_KEPT_WITHOUT_ADS: Final = frozenset({"cid", "page"})
"""What is of no ad: the client id of Google Analytics, and where the form was."""

PLATFORMS: Final = tuple(_NEEDS)
CLICK_IDS: Final[Mapping[str, tuple[str, ...]]] = {
    "google_ads": ("gclid", "wbraid"),
    "google_ads_legacy": ("gclid", "wbraid"),
    "ga4": ("cid",),
    "meta": ("fbc", "fbp", "meta_lead_id"),
    "linkedin": ("li_fat_id",),
    "microsoft": ("msclkid",),
    "tiktok": ("ttclid", "ttp"),
    "pinterest": ("epik",),
    "snapchat": ("scclid", "scid"),
    "reddit": ("rdt_cid", "rdt_uuid"),
    "x": ("twclid",),
    "openai": ("oppref", "obref"),
    "webhook": (),
}
"""Whose each id is: it must reach its own platform, and no other."""


def fate(platform: str, clients: Iterable[Client], situation: Situation) -> str:
    """Whether a conversion of such a lead is sent; otherwise why it is skipped."""
    known = _brought(clients, situation)
    if _is_enough(platform, _allowed(known, situation.consent)):
        return SENT
    return DENIED if _is_enough(platform, known) else MISSING


def _brought(clients: Iterable[Client], situation: Situation) -> frozenset[str]:
    """What reaches the server. A visitor who leaves nothing leaves no name either."""
    known = {*situation.ids, *(("email",) if situation.email else ()), *(("phone",) if situation.phone else ())}
    for client in clients:
        known |= client.tells if situation.reachable else client.tells - _PERSONAL
    return frozenset(known if situation.on_site else known - {"page"})


def _allowed(known: frozenset[str], consent: Consent) -> frozenset[str]:
    if consent == Consent.DENIED:
        return known & _KEPT_WITHOUT_ADS
    return known - _PERSONAL if consent == Consent.NO_PERSONAL_DATA else known


def _is_enough(platform: str, known: frozenset[str]) -> bool:
    needed, too = _NEEDS[platform], _NEEDS_TOO.get(platform)
    return (not needed or not known.isdisjoint(needed)) and (too is None or too in known)
