"""Leads for the sweep, as clients post them. Each is somebody else, so that none is taken for another's repeat."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tests.destinations.compliance.people import any_body

HOUR_S: Final = 3600
DAY_S: Final = 24 * HOUR_S
EDGES_S: Final = (0, HOUR_S, 6 * HOUR_S, *(days * DAY_S for days in (1, 3, 7, 28, 30, 37, 62, 63, 90)))
"""Where some rule of time changes, in seconds after the lead: by the platforms' documents, not by our code."""
AGES_S: Final = tuple(
    sorted({age for edge in EDGES_S for age in (edge - 1, edge, edge + 1) if age >= 0} | {91 * DAY_S, 400 * DAY_S})
)
"""A second before, at and after each edge."""
CONSENTS: Final[Mapping[str, Mapping[str, str] | None]] = {
    "not asked": None,
    "granted": {"ad_user_data": "granted", "ad_personalization": "granted", "ad_storage": "granted"},
    "no data": {"ad_user_data": "denied"},
    "no clicks": {"ad_storage": "denied"},
    "neither": {"ad_user_data": "denied", "ad_storage": "denied", "ad_personalization": "denied"},
}
CLICKS: Final = ("gclid", "gbraid", "wbraid")
"""The ids that Google knows the time of."""


@dataclass(frozen=True)
class Case:
    """One lead, rated so many seconds after it came in."""

    name: str
    age_s: int
    body: dict[str, Any] = field(repr=False)

    @property
    def ids(self) -> Mapping[str, object]:
        """The click ids and cookies that it was posted with."""
        found: dict[str, object] = self.body["attributionData"]
        return found


def ids_of(number: int) -> dict[str, str]:
    """Every id, in its right form."""
    return {
        "gclid": f"Cj0KCQ_AbC-{number}",
        "gbraid": f"0AAAA-{number}",
        "wbraid": f"Cl0KEw-{number}",
        "fbc": f"fb.1.1790000000000.IwAR{number}",
        "fbp": f"fb.1.1790000000000.{number + 1}",
        "msclkid": f"{number:032x}",
        "ttclid": f"E.C.P.{number}",
        "ttp": f"01HZ.{number}",
        "epik": f"dj0y{number}",
        "scclid": f"ScCid-{number}",
        "scid": f"{number:08x}-4e5f-6071-8293-a4b5c6d7e8f9",
        "twclid": f"23opevjt88psuo13lu8d{number}",
        "cid": f"{number + 1}.1790000000",
        "sid": f"{1790000000 + number}",
        "li_fat_id": f"{number:08x}-9b2d-4d11-8f6a-0c5d1b7e2a90",
        "rdt_cid": f"31847420{number}",
        "rdt_uuid": f"1790000000000.{number:08x}-b357-437b-8bd3-e1c8166c7132",
        "oppref": f"oppref_{number}",
        "obref": f"obref_{number}",
    }


IDS: Final = tuple(ids_of(0))
USER: Final = ("email", "phone", "firstName", "lastName")
DEVICE: Final = ("ipAddress", "userAgent")
PAGE: Final = "conversionPage"
WHOLE: Final = (*IDS, *USER, *DEVICE, PAGE)


def somebody(number: int, parts: tuple[str, ...], consent: Mapping[str, str] | None = None) -> dict[str, Any]:
    """A lead of whom these parts are known."""
    user = {
        "email": f"n{number}@example.de",
        "phone": f"+4930{10_000_000 + number}",
        "firstName": "Erika",
        "lastName": "Mustermann",
    }
    device = {"ipAddress": "203.0.113.7", "userAgent": "Mozilla/5.0 (X11; Linux x86_64)"}
    known = {**ids_of(number), PAGE: "https://www.example.de/kontakt"}
    return {
        "userData": {name: user[name] for name in USER if name in parts},
        # One value that is always there: without any the intake refuses, and there is no lead.
        "attributionData": {"source": "test", "consent": consent, **{k: v for k, v in known.items() if k in parts}},
        "deviceData": {name: device[name] for name in DEVICE if name in parts},
    }


def kinds() -> Iterator[tuple[str, tuple[str, ...], Mapping[str, str] | None]]:
    """With each identifier alone, without each, in usual bundles, and each consent."""
    yield "whole", WHOLE, None
    yield "nothing", (), None
    for name in (*IDS, *USER, *DEVICE):
        yield f"{name} alone", (name, PAGE), None
        yield f"no {name}", tuple(part for part in WHOLE if part != name), None
    yield "no page", tuple(part for part in WHOLE if part != PAGE), None
    yield "hashed data", (*USER, PAGE), None
    yield "device", (*DEVICE, PAGE), None
    yield "names", ("firstName", "lastName", PAGE), None
    for said, consent in CONSENTS.items():
        for parts, known in (("whole", WHOLE), ("hashed data", (*USER, PAGE)), ("clicks", (*IDS, PAGE))):
            yield f"{parts}, {said}", known, consent


def structured() -> Iterator[Case]:
    """Every kind in the middle of the windows, and those that time matters to at every edge."""
    number = 0
    for age_s in (2 * HOUR_S, 10 * DAY_S, 70 * DAY_S):
        for name, parts, consent in kinds():
            number += 1
            yield Case(name, age_s, somebody(number, parts, consent))
    edgy = (
        ("whole", WHOLE, None),
        ("hashed data", (*USER, PAGE), None),
        ("clicks", (*IDS, PAGE), None),
        ("wbraid alone", ("wbraid",), None),
        ("whole, no clicks", WHOLE, CONSENTS["no clicks"]),
        ("whole, no data", WHOLE, CONSENTS["no data"]),
    )
    for age_s in AGES_S:
        for name, parts, consent in edgy:
            number += 1
            yield Case(name, age_s, somebody(number, parts, consent))


def random_ones(seed: int, count: int) -> Iterator[Case]:
    """Leads as odd as clients send them, each rated at an age of its own that is near no edge."""
    rng = random.Random(seed)
    for number in range(count):
        # Half hours: the edges are whole ones.
        age_s = rng.randrange(0, 100 * 24) * HOUR_S + HOUR_S // 2
        one = any_body(rng)
        one["attributionData"]["source"] = "test"
        yield Case(f"random {seed}/{number}", age_s, one)
