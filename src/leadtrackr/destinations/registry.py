"""All destinations, and the checks that follow from their declarations."""

import importlib
import json
import pkgutil
import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Final

import msgspec

from leadtrackr import destinations
from leadtrackr.destinations.contract import Destination, Event, Field, Settings
from leadtrackr.destinations.normalise import Rules
from leadtrackr.kit.errors import InvalidInput, NotFound
from leadtrackr.kit.ids import Ids

_CONTRACT: Final = "contract"
_FIRST: Final = (
    "google_ads",
    "google_ads_legacy",
    "ga4",
    "meta",
    "linkedin",
    "microsoft",
    "tiktok",
    "pinterest",
    "snapchat",
    "reddit",
    "x",
    "openai",
)
"""Those that people look for first, in this order; the others follow by their slugs."""


def _found() -> Iterator[Destination]:
    """A destination is each package here, but the contract; it declares itself under its slug in capitals."""
    for module in pkgutil.iter_modules(destinations.__path__):
        if module.ispkg and module.name != _CONTRACT:
            name = module.name.upper()
            declared = getattr(importlib.import_module(f"{destinations.__name__}.{module.name}"), name, None)
            if not isinstance(declared, Destination) or declared.slug != module.name:
                raise TypeError(f"destinations/{module.name} does not declare {name}, a Destination of that slug.")
            yield declared


def _place(destination: Destination) -> tuple[int, str]:
    known = destination.slug in _FIRST
    return (_FIRST.index(destination.slug) if known else len(_FIRST)), destination.slug


DESTINATIONS: Final[Mapping[str, Destination]] = {each.slug: each for each in sorted(_found(), key=_place)}
"""By slug, in the order in which people see them."""

RULES: Final[Mapping[str, Rules]] = {slug: each.hashing for slug, each in DESTINATIONS.items() if each.hashing}
"""What is hashed, by slug, of those that hash."""

CLICK_IDS: Final = frozenset(name for each in DESTINATIONS.values() for name in each.click_ids)
"""The click ids that only one destination reads."""


def get(slug: str) -> Destination:
    """The destination of that slug; NotFound names those that there are."""
    try:
        return DESTINATIONS[slug]
    except KeyError:
        raise NotFound(f"There is no destination {slug!r}; there are {', '.join(DESTINATIONS)}.") from None


def validate_settings(destination: Destination, values: Mapping[str, str]) -> Settings:
    """The settings as they are stored: tidied, defaults filled in, empty ones left out.

    InvalidInput names the field and says what is expected. Nothing is sent; whether the platform accepts the
    credentials is what `check` finds out.
    """
    names = [field.name for field in destination.fields]
    for name in values:
        if name not in names:
            raise InvalidInput(f"{destination.name} has no setting {name!r}; it takes {', '.join(names)}.", name)
    settings = {
        field.name: value for field in destination.fields if (value := _value(field, values.get(field.name, "")))
    }
    _require_one_of(destination, settings)
    if destination.auth is not None and destination.auth.given(settings) is None:
        destination.auth.request(settings, 0)
    return settings


def tidied(destination: Destination, values: Mapping[str, str]) -> dict[str, str]:
    """The values given, each checked by itself; what is still missing does not matter yet. InvalidInput as above."""
    fields = {field.name: field for field in destination.fields}
    for name in values:
        if name not in fields:
            raise InvalidInput(f"{destination.name} has no setting {name!r}; it takes {', '.join(fields)}.", name)
    given = {name: value for name, value in values.items() if value.strip()}
    return {name: _value(fields[name], value) for name, value in given.items()}


def with_changes(destination: Destination, known: Mapping[str, str], values: Mapping[str, str]) -> Mapping[str, str]:
    """What a connection is to be made with: what it has, and over it the values given now.

    What it has of a setting that speaks of the secrets goes when one of them is another now.
    """
    secret = [field.name for field in destination.fields if field.secret]
    if any(name in values and values[name].strip() != known.get(name, "") for name in secret):
        of_secrets = {field.name for field in destination.fields if field.of_secrets}
        known = {name: value for name, value in known.items() if name not in of_secrets}
    return {**known, **values}


def fresh_values(destination: Destination, ids: Ids) -> Mapping[str, str]:
    """New values for the settings that this program makes up itself where nobody gives one."""
    return {field.name: field.fresh(ids) for field in destination.fields if field.fresh is not None}


def token_ends_at(destination: Destination, settings: Settings) -> int | None:
    """When the connected credentials end, microseconds UTC; None when nobody knows."""
    return None if destination.token_ends is None else destination.token_ends(settings)


def validate_event_value(destination: Destination, value: str) -> str:
    """The label's event for this destination, tidied. InvalidInput says what is expected."""
    tidy = _value(destination.event_field, value)
    if not tidy:
        field = destination.event_field
        raise InvalidInput(f"{field.label} for {destination.name} is empty. {field.pattern_help}", field.name)
    return tidy


def retraction(destination: Destination, event: Event, settings: Settings) -> Event | None:
    """What to send for a conversion that is lost after all: the same event, taken back, or else worth nothing.

    None where the platform can do neither. Where it can only restate, None too when nobody chose that for this
    connection, or when the event had no value.
    """
    can = destination.take_back
    if can is None or can.build is None:
        return None
    if can.retract:
        return msgspec.structs.replace(event, value_cents=None, currency=None, retracted=True)
    if settings.get(can.zero_setting) != "yes":
        return None
    if not event.value_cents or not event.currency:
        return None
    return msgspec.structs.replace(event, value_cents=0, retracted=True)


def restatement(destination: Destination, event: Event, value_cents: int, currency: str) -> Event | None:
    """What to send for a conversion whose value has changed: the same event with its new value.

    None where the platform cannot restate.
    """
    can = destination.take_back
    if can is None or can.build is None or not can.restate:
        return None
    return msgspec.structs.replace(event, value_cents=value_cents, currency=currency)


def _value(field: Field, raw: str) -> str:
    value = raw.strip().translate(str.maketrans("", "", field.drop)) or field.default or ""
    if not value:
        if field.required:
            raise InvalidInput(f"{field.label} ({field.name}) is missing. {field.help}".strip(), field.name)
        return ""
    if field.choices and value not in field.choices:
        raise InvalidInput(f"{field.label} ({field.name}) is one of {', '.join(field.choices)}.", field.name)
    if field.pattern is not None and not re.fullmatch(field.pattern, value):
        raise InvalidInput(f"{field.label} ({field.name}) is not right. {field.pattern_help}".strip(), field.name)
    _check_kind(field, value)
    if field.fault is not None and (fault := field.fault(value)):
        raise InvalidInput(f"{field.label} ({field.name}) is not right. {fault}", field.name)
    return value


def _check_kind(field: Field, value: str) -> None:
    if field.kind == "boolean" and value not in ("true", "false"):
        raise InvalidInput(f"{field.label} ({field.name}) is true or false.", field.name)
    if field.kind == "number" and not re.fullmatch(r"-?\d{1,15}(\.\d{1,6})?", value):
        raise InvalidInput(f"{field.label} ({field.name}) is a number.", field.name)
    if field.kind == "date" and not _is_date(value):
        raise InvalidInput(f"{field.label} ({field.name}) is a day, such as 2027-01-31.", field.name)
    if field.kind == "json":
        try:
            found = json.loads(value)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise InvalidInput(f"{field.label} ({field.name}) is a JSON object; paste the whole file.", field.name)


def _is_date(value: str) -> bool:
    try:
        return date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def _require_one_of(destination: Destination, settings: Settings) -> None:
    groups = destination.one_of
    if not groups or any(all(name in settings for name in group) for group in groups):
        return
    begun = next((group for group in groups if any(name in settings for name in group)), groups[0])
    lacking = next(name for name in begun if name not in settings)
    choice = ", or ".join(" with ".join(group) for group in groups)
    raise InvalidInput(f"{destination.name} needs {choice}; {lacking} is missing.", lacking)
