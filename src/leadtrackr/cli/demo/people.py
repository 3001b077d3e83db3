"""Made-up people of five countries. Nothing is drawn: the same number always gives the same person.

E-mail addresses are in domains kept free for examples. British, American and German phone numbers are from the ranges
kept free for films; the Dutch and Japanese ones are the plainest there are.
"""

from collections.abc import Sequence
from typing import Final

import msgspec


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who fills in a form. `phone` is as typed, `e164` what it means."""

    country: str
    country_code: str
    first_name: str
    last_name: str
    email: str
    phone: str
    e164: str
    company: str


class Country(msgspec.Struct, frozen=True, kw_only=True):
    """A country's names, with how they are written in an address, and its ways to type a phone number."""

    name: str
    code: str
    first_names: Sequence[tuple[str, str]]
    last_names: Sequence[tuple[str, str]]
    e164: str
    """With {n}: the person's number, three digits."""
    typed: Sequence[str]
    company: str


def _same(names: str) -> list[tuple[str, str]]:
    return [(name, name.lower()) for name in names.split()]


COUNTRIES: Final = (
    Country(
        name="Netherlands",
        code="NL",
        first_names=_same("Jan Sanne Daan Emma Bram Lotte Sem Femke"),
        last_names=[
            ("de Vries", "devries"),
            ("van den Berg", "vandenberg"),
            *_same("Jansen Bakker Visser Smit Mulder"),
        ],
        e164="+31612345{n}",
        typed=("06-12345{n}", "06 12 34 5{n}", "+31 6 12345{n}", "0031 612345{n}"),
        company="Bakkerij {last}",
    ),
    Country(
        name="Germany",
        code="DE",
        first_names=[("Jürgen", "juergen"), ("Zoë", "zoe"), *_same("Lukas Hannah Felix Greta Anton")],
        last_names=[("Müller", "mueller"), ("Groß", "gross"), *_same("Schmidt Weber Fischer Wagner Becker")],
        e164="+493023125{n}",
        typed=("+49 30 23125{n}", "0049 30 23125-{n}", "+49 (0)30 23125{n}", "+49 30 / 23125 {n}"),
        company="{last} GmbH",
    ),
    Country(
        name="United Kingdom",
        code="GB",
        first_names=_same("Oliver Amelia Harry Isla George Ava Jack"),
        last_names=[("O'Brien", "obrien"), ("Smith-Jones", "smithjones"), *_same("Taylor Brown Wilson Evans Walker")],
        e164="+447700900{n}",
        typed=("+44 7700 900{n}", "+44 (0)7700 900 {n}", "0044 7700 900{n}", "+447700900{n}"),
        company="{last} & Sons Ltd",
    ),
    Country(
        name="United States",
        code="US",
        first_names=_same("Noah Olivia Liam Mia Ethan Chloe Mason"),
        last_names=[("Johnson Jr.", "johnson"), *_same("Williams Miller Davis Garcia Moore Clark")],
        e164="+1{area}55501{nn}",
        typed=("+1 ({area}) 555-01{nn}", "+1 {area}.555.01{nn}", "001 {area} 555 01{nn}", "+1-{area}-555-01{nn}"),
        company="{last} Inc.",
    ),
    Country(
        name="Japan",
        code="JP",
        first_names=[
            ("太郎", "taro"),
            ("花子", "hanako"),
            ("健", "ken"),
            ("さくら", "sakura"),
            ("葵", "aoi"),
            ("蓮", "ren"),
        ],
        last_names=[("佐藤", "sato"), ("鈴木", "suzuki"), ("高橋", "takahashi"), ("田中", "tanaka"), ("伊藤", "ito")],
        e164="+819012345{n}",
        typed=("+81 90-1234-5{n}", "+81 (0)90 1234 5{n}", "0081 90 1234 5{n}", "＋81 90 1234 5{n}"),
        company="株式会社{last}",
    ),
)
_AREAS: Final = ("212", "312", "415", "206", "617")
_DOMAINS: Final = ("example.com", "example.net", "example.org")


def person(number: int) -> Person:
    """The person of this number, from 0 to 999; the countries take turns. No two share an address or a phone."""
    country = COUNTRIES[number % len(COUNTRIES)]
    turn = number // len(COUNTRIES)
    first, first_in_address = country.first_names[turn % len(country.first_names)]
    last, last_in_address = country.last_names[turn % len(country.last_names)]
    # American numbers for films have two free digits, so the area tells the hundreds.
    digits = {"n": f"{number:03d}", "nn": f"{number % 100:02d}", "area": _AREAS[number // 100 % len(_AREAS)]}
    return Person(
        country=country.name,
        country_code=country.code,
        first_name=first,
        last_name=last,
        email=f"{first_in_address}.{last_in_address}{number}@{_DOMAINS[turn % len(_DOMAINS)]}",
        phone=country.typed[turn % len(country.typed)].format_map(digits),
        e164=country.e164.format_map(digits),
        company=country.company.format(last=last),
    )
