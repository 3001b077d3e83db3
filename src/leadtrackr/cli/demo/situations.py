"""What a lead may bring along: click ids and cookies, ways to be reached, what was said to the site's banner."""

from enum import StrEnum
from typing import Final

import msgspec


class Consent(StrEnum):
    """What the visitor said to the site's banner."""

    GRANTED = "granted"
    NOT_ASKED = "not asked"
    NO_PERSONAL_DATA = "personal data denied, ads granted"
    DENIED = "denied"


class Situation(msgspec.Struct, frozen=True, kw_only=True):
    """One way in which leads differ for the platforms. `ids` by the names that clients send."""

    words: str
    consent: Consent
    ids: tuple[str, ...] = ()
    email: bool = False
    phone: bool = False
    on_site: bool = True
    """Whether the form was on a page of the site."""

    @property
    def reachable(self) -> bool:
        """Whether the visitor left any way to be reached."""
        return self.email or self.phone


_SEARCH: Final = "Google click, e-mail, phone"
_SEARCH_IDS: Final = ("gclid", "fbp", "cid")

AD_CLICK: Final = Situation(words=_SEARCH, consent=Consent.GRANTED, ids=_SEARCH_IDS, email=True, phone=True)
NOT_ASKED: Final = Situation(words=_SEARCH, consent=Consent.NOT_ASKED, ids=_SEARCH_IDS, email=True, phone=True)
IOS_CLICK: Final = Situation(
    words="Google click on iOS, e-mail", consent=Consent.GRANTED, ids=("wbraid", "cid"), email=True
)
FACEBOOK: Final = Situation(
    words="Facebook click, e-mail, phone",
    consent=Consent.NOT_ASKED,
    ids=("fbc", "fbp", "cid"),
    email=True,
    phone=True,
)
EMAIL: Final = Situation(words="e-mail, no click", consent=Consent.NOT_ASKED, email=True)
PHONE: Final = Situation(words="phone, no click", consent=Consent.NOT_ASKED, phone=True)
NO_PERSONAL_DATA: Final = Situation(
    words=_SEARCH, consent=Consent.NO_PERSONAL_DATA, ids=_SEARCH_IDS, email=True, phone=True
)
REFUSED: Final = Situation(words=_SEARCH, consent=Consent.DENIED, ids=("gclid",), email=True, phone=True)
NOTHING: Final = Situation(words="nothing to match on", consent=Consent.NOT_ASKED)

LINKEDIN: Final = Situation(
    words="LinkedIn click, e-mail, phone", consent=Consent.GRANTED, ids=("li_fat_id", "cid"), email=True, phone=True
)
MICROSOFT: Final = Situation(
    words="Microsoft click, e-mail, phone",
    consent=Consent.NOT_ASKED,
    ids=("msclkid", "uetvid", "cid"),
    email=True,
    phone=True,
)
TIKTOK: Final = Situation(words="TikTok click, phone", consent=Consent.GRANTED, ids=("ttclid", "ttp"), phone=True)
PINTEREST: Final = Situation(words="Pinterest click, e-mail", consent=Consent.GRANTED, ids=("epik", "cid"), email=True)
SNAPCHAT: Final = Situation(
    words="Snapchat click, phone", consent=Consent.NOT_ASKED, ids=("scclid", "scid"), phone=True
)
REDDIT: Final = Situation(
    words="Reddit click, e-mail", consent=Consent.NO_PERSONAL_DATA, ids=("rdt_cid", "rdt_uuid"), email=True
)
X: Final = Situation(words="X click, e-mail", consent=Consent.GRANTED, ids=("twclid", "cid"), email=True)
OPENAI: Final = Situation(
    words="ChatGPT ad click, e-mail", consent=Consent.NO_PERSONAL_DATA, ids=("oppref", "obref", "cid"), email=True
)
INSTANT_FORM: Final = Situation(
    words="Instant Form at Meta, e-mail",
    consent=Consent.NOT_ASKED,
    ids=("meta_lead_id",),
    email=True,
    on_site=False,
)
CLICKS: Final = (LINKEDIN, MICROSOFT, TIKTOK, PINTEREST, SNAPCHAT, REDDIT, X, OPENAI)
"""One for each network whose click ids only the newer clients know."""
SITUATIONS: Final = (
    *(AD_CLICK, NOT_ASKED, IOS_CLICK, FACEBOOK, EMAIL, PHONE, NO_PERSONAL_DATA, REFUSED, NOTHING),
    *(*CLICKS, INSTANT_FORM),
)
