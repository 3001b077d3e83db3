"""What a lead may bring along, and what each platform must make of it: told here, not taken from the program.

The check at the end compares what happened with these expectations, so nothing here may come from the rooms.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import msgspec

PLATFORMS: Final = ("google_ads", "ga4", "meta")
SENT: Final = "sent"
MISSING: Final = "missing_data"
DENIED: Final = "consent_denied"


class Consent(StrEnum):
    """What the visitor said to the site's banner."""

    GRANTED = "granted"
    NOT_ASKED = "not asked"
    NO_PERSONAL_DATA = "personal data denied, ads granted"
    DENIED = "denied"


class Situation(msgspec.Struct, frozen=True, kw_only=True):
    """One way in which leads differ for the platforms. `fate` says what becomes of a conversion on each."""

    words: str
    consent: Consent
    ids: tuple[str, ...] = ()
    email: bool = False
    phone: bool = False
    fate: Mapping[str, str]


def _fate(google_ads: str, ga4: str, meta: str) -> dict[str, str]:
    return dict(zip(PLATFORMS, (google_ads, ga4, meta), strict=True))


_EVERYWHERE: Final = _fate(SENT, SENT, SENT)

AD_CLICK: Final = Situation(
    words="ad click, e-mail, phone",
    consent=Consent.GRANTED,
    ids=("gclid", "fbp", "cid"),
    email=True,
    phone=True,
    fate=_EVERYWHERE,
)
NOT_ASKED: Final = Situation(
    words="ad click, e-mail, phone",
    consent=Consent.NOT_ASKED,
    ids=("gclid", "fbp", "cid"),
    email=True,
    phone=True,
    fate=_EVERYWHERE,
)
IOS_CLICK: Final = Situation(
    words="iOS ad click (wbraid), e-mail",
    consent=Consent.GRANTED,
    ids=("wbraid", "cid"),
    email=True,
    fate=_EVERYWHERE,
)
FACEBOOK: Final = Situation(
    words="Facebook click, e-mail, phone",
    consent=Consent.NOT_ASKED,
    ids=("fbc", "fbp", "cid"),
    email=True,
    phone=True,
    fate=_EVERYWHERE,
)
EMAIL: Final = Situation(
    words="e-mail, no click", consent=Consent.NOT_ASKED, email=True, fate=_fate(SENT, MISSING, SENT)
)
PHONE: Final = Situation(
    words="phone number, no click", consent=Consent.NOT_ASKED, phone=True, fate=_fate(SENT, MISSING, SENT)
)
NO_PERSONAL_DATA: Final = Situation(
    words="ad click, e-mail, phone",
    consent=Consent.NO_PERSONAL_DATA,
    ids=("gclid", "fbp", "cid"),
    email=True,
    phone=True,
    fate=_EVERYWHERE,
)
REFUSED: Final = Situation(
    words="ad click, e-mail, phone",
    consent=Consent.DENIED,
    ids=("gclid",),
    email=True,
    phone=True,
    fate=_fate(DENIED, MISSING, DENIED),
)
NOTHING: Final = Situation(
    words="nothing to match on", consent=Consent.NOT_ASKED, fate=_fate(MISSING, MISSING, MISSING)
)
SITUATIONS: Final = (
    AD_CLICK, NOT_ASKED, IOS_CLICK, FACEBOOK, EMAIL, PHONE, NO_PERSONAL_DATA, REFUSED, NOTHING,
)  # fmt: skip
