"""Leads from a seed, as clients post them: anything may be missing, of a wrong form, or forbidden by the visitor."""

import random
import string
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from leadtrackr.conversions.audience import lead_data, permitted
from leadtrackr.destinations.contract import LeadData
from leadtrackr.destinations.registry import CLICK_IDS
from leadtrackr.leads.attribution import IDS
from leadtrackr.leads.intake import read
from leadtrackr.leads.model import Door
from tests.destinations.making import NOON

OWN: Final = sorted(CLICK_IDS)
LETTERS: Final = string.ascii_letters + string.digits + "-_"
DENSITIES: Final = (0.03, 0.1, 0.3, 0.7, 1.0)
"""How much of what a lead may have is there."""
EMAILS: Final = (
    "a.b+c@gmail.com",
    "Erika.Mustermann@example.de ",
    "x@example.co.uk",
    "jörg@müller.de",
    "o'b@example.ie",
)
NO_EMAILS: Final = ("n/a", "x@", "@example.com", " ", "undefined", "0612345678")
PHONES: Final = ("030 12345678", "+31 6 12345678", "0044 7911 123456", "(0171) 2345678", "+1 212 555 0123")
NO_PHONES: Final = ("geen", "12", "+0", " ", "null", "0")
NAMES: Final = ("Erika", "O'Brien", "van der Berg", "정", "J.", "Müller-Lüdenscheidt", " Ana ")
NO_NAMES: Final = ("", " ", "-", "...", "'", "´", "undefined")
COUNTRIES: Final = ("DE", "nl", "US", "XX", "Germany", "")
PAGES: Final = ("https://www.example.de/kontakt?x=1", "example.com", "/kontakt", "about blank", "localhost", "")
ADDRESSES: Final = ("203.0.113.7", "2001:db8::1", "203.0.113.7, 10.0.0.1", "127.0.0.1", "unknown", "999.1.1.1", "")
AGENTS: Final = ("Mozilla/5.0 (X11; Linux x86_64)", "curl/8", " ", "")
ANSWERS: Final = ("granted", "denied", "GRANTED", "maybe", "")
WRONG: Final[tuple[object, ...]] = (
    "",
    " ",
    "undefined",
    "null",
    "fb.1",
    "x y",
    "GCL.1.",
    "🙂",
    "%20",
    "a" * 1200,
    42,
    None,
    [],
    {},
)


def whole() -> LeadData:
    """Somebody of whom everything is known, in its right form."""
    rng = random.Random(1)
    user = {"email": EMAILS[1], "phone": PHONES[0], "firstName": "Erika", "lastName": "Mustermann", "country": "DE"}
    ids = {name: _right(rng, name) for name in (*IDS, *OWN)}
    attribution = {**ids, "consent": {}, "conversionPage": PAGES[0]}
    device = {"ipAddress": ADDRESSES[0], "userAgent": AGENTS[0]}
    return _lead({"userData": user, "attributionData": attribution, "deviceData": device}, 1, "DE")


def leads(seed: int, count: int) -> Iterator[LeadData]:
    """So many different leads as destinations may know of them: read by the intake, and without what is forbidden."""
    rng = random.Random(seed)
    for number in range(1, count + 1):
        body = any_body(rng)
        body["attributionData"] |= _own_ids(seed, number)
        yield _lead(body, number, rng.choice(("NL", "DE", "US", None)))


def _own_ids(seed: int, number: int) -> dict[str, object]:
    """The ids that only one platform reads, each from a generator of its own: a new one changes no other lead."""
    found: dict[str, object] = {}
    for name in OWN:
        rng = random.Random(f"{seed}/{number}/{name}")
        if rng.random() < rng.choice(DENSITIES):
            found[name] = _id(rng, name)
    return found


def _lead(body: dict[str, Any], number: int, country: str | None) -> LeadData:
    # One value that is always there: without any the intake refuses, and there is no lead.
    body["attributionData"]["source"] = "test"
    intake = read(body, door=Door.SERVER, country=country, request_ip=None, request_user_agent=None)
    return permitted(lead_data(intake, lead_id=number, created_at=NOON, country=country))


def any_body(rng: random.Random) -> dict[str, Any]:
    """What a client may post of somebody: parts missing, of a wrong form, or forbidden."""
    density = rng.choice(DENSITIES)

    def some(right: Sequence[object], wrong: Sequence[object] = ()) -> object:
        if rng.random() >= density:
            return None
        return rng.choice(wrong) if wrong and rng.random() < 0.3 else rng.choice(right)

    ids = {name: _id(rng, name) for name in IDS if rng.random() < density}
    consent = {kind: some(ANSWERS) for kind in ("ad_user_data", "ad_personalization", "ad_storage")}
    return {
        "userData": {
            "email": some(EMAILS, NO_EMAILS),
            "phone": some(PHONES, NO_PHONES),
            "firstName": some(NAMES, NO_NAMES),
            "lastName": some(NAMES, NO_NAMES),
            "companyName": some(NAMES),
            "country": some(COUNTRIES),
        },
        "attributionData": {
            **ids,
            "consent": consent if rng.random() < 0.5 else None,
            "conversionPage": some(PAGES),
        },
        "deviceData": {"ipAddress": some(ADDRESSES), "userAgent": some(AGENTS)},
    }


def _id(rng: random.Random, name: str) -> object:
    return rng.choice(WRONG) if rng.random() < 0.3 else _right(rng, name)


def _right(rng: random.Random, name: str) -> str:
    make = _FORMS.get(name)
    return make(rng) if make else _letters(rng, 40)


def _letters(rng: random.Random, most: int) -> str:
    return "".join(rng.choices(LETTERS, k=rng.randint(8, most)))


def _hex(rng: random.Random, digits: int) -> str:
    return f"{rng.getrandbits(4 * digits):0{digits}x}"


def _uuid(rng: random.Random) -> str:
    text = _hex(rng, 32)
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


_FORMS: Final[dict[str, Callable[[random.Random], str]]] = {
    "fbc": lambda rng: f"fb.1.{rng.randint(1_780_000_000_000, 1_790_000_000_000)}.IwAR{_letters(rng, 40)}",
    "fbp": lambda rng: f"fb.1.{rng.randint(1_780_000_000_000, 1_790_000_000_000)}.{rng.randint(1, 2**31)}",
    "cid": lambda rng: f"{rng.randint(1, 2**31)}.{rng.randint(1_780_000_000, 1_790_000_000)}",
    "sid": lambda rng: str(rng.randint(1_780_000_000, 1_790_000_000)),
    "msclkid": lambda rng: _hex(rng, 32),
    "uetvid": lambda rng: _hex(rng, 32),
    "li_fat_id": _uuid,
    "scid": _uuid,
    "rdt_uuid": _uuid,
}
