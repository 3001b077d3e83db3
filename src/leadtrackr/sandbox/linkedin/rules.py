"""The shape of one conversion event, checked as the real endpoint checks it: every fault is collected, none is fatal.

Source: LinkedIn's schema of conversion events, and answers measured at the real endpoint. Values are not looked at:
an invented currency or an impossible address is taken, and only flagged here.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from leadtrackr.sandbox.contract import Flag
from leadtrackr.sandbox.currencies import CODES
from leadtrackr.sandbox.words import words

RULE_URN: Final = "urn:lla:llaPartnerConversion:"
LEAD_URN: Final = "urn:li:leadGenFormResponse:"
HASHED_NAMES: Final = 202609
EXTERNAL_IDS: Final = 202410
ID_TYPES: Final = words(
    "SHA256_EMAIL LINKEDIN_FIRST_PARTY_ADS_TRACKING_UUID ACXIOM_ID PLAINTEXT_IP_ADDRESS SHA256_IP_ADDRESS GOOGLE_AID"
)
ENOUGH: Final = ID_TYPES - {"SHA256_IP_ADDRESS"}
"""The kinds of which one alone identifies a person, by the text of LinkedIn's error."""
_NAMES = (("firstName", "hashedFirstName"), ("lastName", "hashedLastName"))
_HEX_64 = re.compile(r"[0-9a-f]{64}").fullmatch
_IPV4 = re.compile(r"(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)").fullmatch
_DECIMAL = re.compile(r"\d+(?:\.\d+)?").fullmatch
_MISSING: Final = "field is required but not found and has no default value"
_UNKNOWN: Final = "unrecognized field found but not allowed"
_KINDS: Final[dict[type, str]] = {str: "String", int: "Long", dict: "Record", list: "Array"}


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong at which path, as LinkedIn words it."""

    path: str
    said: str

    def __str__(self) -> str:
        return f"ERROR :: {self.path} :: {self.said}"


def check_shape(event: object, version: int) -> list[Fault]:
    """Everything that is wrong with an event's fields."""
    if not isinstance(event, dict):
        return [Fault("", f"{_shown(event)} cannot be coerced to Record")]
    found = list(_unknown(event, "", "conversion conversionHappenedAt user conversionValue eventId"))
    found += _urn(event, "conversion", "", RULE_URN, required=True)
    found += _typed(event, "conversionHappenedAt", "", int, required=True)
    found += _typed(event, "eventId", "", str)
    found += _money(event)
    found += _typed(event, "user", "", dict, required=True)
    if isinstance(event.get("user"), dict):
        found += _user(event["user"], version)
    return found


def _money(event: dict[str, Any]) -> Iterator[Fault]:
    yield from _typed(event, "conversionValue", "", dict)
    money = event.get("conversionValue")
    if isinstance(money, dict):
        yield from _unknown(money, "/conversionValue", "currencyCode amount")
        yield from _typed(money, "currencyCode", "/conversionValue", str, required=True)
        yield from _typed(money, "amount", "/conversionValue", str, required=True)


def _user(user: dict[str, Any], version: int) -> Iterator[Fault]:
    known = "userIds userInfo lead" + (" externalIds" if version >= EXTERNAL_IDS else "")
    yield from _unknown(user, "/user", known)
    yield from _typed(user, "userIds", "/user", list, required=True)
    for place, one in enumerate(user["userIds"] if isinstance(user.get("userIds"), list) else []):
        yield from _user_id(one, f"/user/userIds/{place}")
    yield from _typed(user, "userInfo", "/user", dict)
    if isinstance(user.get("userInfo"), dict):
        yield from _person(user["userInfo"], version)
    yield from _urn(user, "lead", "/user", LEAD_URN)
    if version >= EXTERNAL_IDS:
        yield from _typed(user, "externalIds", "/user", list)
        for place, one in enumerate(user["externalIds"] if isinstance(user.get("externalIds"), list) else []):
            if not isinstance(one, str):
                yield Fault(f"/user/externalIds/{place}", f"{_shown(one)} cannot be coerced to String")


def _user_id(one: object, path: str) -> Iterator[Fault]:
    if not isinstance(one, dict):
        yield Fault(path, f"{_shown(one)} cannot be coerced to Record")
        return
    yield from _unknown(one, path, "idType idValue")
    yield from _typed(one, "idValue", path, str, required=True)
    kind = one.get("idType")
    if kind is None:
        yield Fault(f"{path}/idType", _MISSING)
    elif not isinstance(kind, str) or kind not in ID_TYPES:
        yield Fault(f"{path}/idType", f'"{_shown(kind)}" is not an enum symbol')


def _person(person: dict[str, Any], version: int) -> Iterator[Fault]:
    path = "/user/userInfo"
    hashed = version >= HASHED_NAMES
    fields = "firstName lastName companyName title countryCode" + (" hashedFirstName hashedLastName" if hashed else "")
    yield from _unknown(person, path, fields)
    for name in fields.split():
        yield from _typed(person, name, path, str)
    for plain, digest in _NAMES:
        if person.get(plain) is None and not (hashed and person.get(digest) is not None):
            yield Fault(f"{path}/{plain}", _MISSING)


def _unknown(value: dict[str, Any], path: str, known: str) -> Iterator[Fault]:
    for name in sorted(value.keys() - words(known)):
        yield Fault(f"{path}/{name}", _UNKNOWN)


def _typed(value: dict[str, Any], name: str, path: str, kind: type, *, required: bool = False) -> Iterator[Fault]:
    found = value.get(name)
    if found is None:
        if required:
            yield Fault(f"{path}/{name}", _MISSING)
    elif not isinstance(found, kind) or isinstance(found, bool):
        yield Fault(f"{path}/{name}", f"{_shown(found)} cannot be coerced to {_KINDS[kind]}")


def _urn(value: dict[str, Any], name: str, path: str, prefix: str, *, required: bool = False) -> Iterator[Fault]:
    wrong = list(_typed(value, name, path, str, required=required))
    yield from wrong
    found = value.get(name)
    if not wrong and isinstance(found, str):
        if not found.startswith(prefix):
            yield Fault(f"{path}/{name}", "Invalid Urn format. Invalid prefix.")
        elif not found.removeprefix(prefix):
            yield Fault(f"{path}/{name}", "Invalid Urn format.")


def _shown(value: object) -> str:
    return f"{{{len(value)}}}" if isinstance(value, dict) else str(value)[:60]


def identifies(user: dict[str, Any], *, hashed_ip: bool) -> bool:
    """Whether an event of the right shape names somebody."""
    enough = ID_TYPES if hashed_ip else ENOUGH
    if any(one["idType"] in enough and one["idValue"] for one in user["userIds"]):
        return True
    person = user.get("userInfo") or {}
    if all(person.get(plain) or person.get(digest) for plain, digest in _NAMES):
        return True
    return bool(user.get("lead")) or any(user.get("externalIds") or ())


def look_over(event: dict[str, Any], path: str, flag: Callable[[Flag], None]) -> None:
    """Flags what LinkedIn takes although it means nothing."""
    money = event.get("conversionValue")
    if money and money["currencyCode"] not in CODES:
        flag(Flag("bad_currency", f"{path}.conversionValue.currencyCode", "currencyCode is an ISO 4217 code."))
    if money and not _DECIMAL(money["amount"]):
        flag(Flag("bad_value", f"{path}.conversionValue.amount", "amount is a decimal number, as text."))
    if not event.get("eventId"):
        flag(Flag("no_event_id", f"{path}.eventId", "Without an eventId nothing is left out as a repeat."))
    user = event["user"]
    for place, one in enumerate(user["userIds"]):
        if not _means_something(one["idType"], one["idValue"]):
            field = f"{path}.user.userIds[{place}].idValue"
            flag(Flag("bad_identifier", field, f"No value for {one['idType']}; LinkedIn takes it all the same."))
    person = user.get("userInfo") or {}
    for plain, digest in _NAMES:
        if person.get(digest) is not None and not _HEX_64(person[digest]):
            flag(Flag("bad_identifier", f"{path}.user.userInfo.{digest}", "A digest has 64 lower-case hex digits."))
        if person.get(digest) is not None and person.get(plain) is not None:
            flag(Flag("name_twice", f"{path}.user.userInfo.{plain}", "The name is given plain and hashed."))
    if len(person.get("countryCode") or "XX") != 2:
        flag(Flag("bad_country", f"{path}.user.userInfo.countryCode", "countryCode has two letters."))
    if len(user.get("externalIds") or ()) > 1:
        flag(Flag("many_external_ids", f"{path}.user.externalIds", "Only the first external id is used."))


def _means_something(kind: str, value: str) -> bool:
    if kind.startswith("SHA256_"):
        return _HEX_64(value) is not None
    if kind == "PLAINTEXT_IP_ADDRESS":
        return _IPV4(value) is not None
    return bool(value.strip())
