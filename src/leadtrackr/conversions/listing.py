"""Which deliveries somebody asks for, read from query parameters or from the filter of an order. Pure."""

from collections.abc import Mapping
from typing import Final

from leadtrackr.conversions.model import State
from leadtrackr.conversions.operations import MOST, Chosen
from leadtrackr.conversions.receipts import LARGEST_ID, Filters
from leadtrackr.destinations.registry import DESTINATIONS
from leadtrackr.kit.errors import InvalidInput
from leadtrackr.kit.query import number, time, until
from leadtrackr.leads.coerce import clean_text

MAX_LIMIT: Final = 100
FILTERS: Final = ("state", "destination", "leadId", "code", "createdAt[gte]", "createdAt[lte]")
"""The filters of a listing, and of an order."""


def read(params: Mapping[str, str]) -> Filters:
    """Reads the parameters; InvalidInput names the one that is wrong. Blank parameters count as absent."""
    cleaned = {name: clean_text(value).strip() for name, value in params.items()}
    given = {name: value for name, value in cleaned.items() if value}
    return Filters(
        states=_states(given),
        destination=_destination(given),
        lead_id=lead_number(given.get("leadId")),
        code=given.get("code"),
        created_from=time(given, "createdAt[gte]"),
        created_to=until(given, "createdAt[lte]"),
        limit=number(given, "limit", 50, MAX_LIMIT),
        page=number(given, "page", 1, 10**9),
    )


def chosen(body: Mapping[str, object]) -> Chosen:
    """What an order is about: `ids` or a `filter`, exactly one of them. InvalidInput."""
    names = ("ids", "filter")
    there = [name for name in names if body.get(name) is not None]
    if len(there) > 1:
        raise InvalidInput("Invalid body: send either ids or filter, not both", "ids")
    if not there:
        raise InvalidInput(f"Missing required field: {' or '.join(names)}", "ids")
    return Chosen(ids=_ids(body["ids"])) if there == ["ids"] else Chosen(filters=_filter(body["filter"]))


def only(body: Mapping[str, object], *names: str) -> None:
    """Refuses a body with other names: a misspelt one must not make an order larger than was meant."""
    unknown = next((name for name in body if name not in names), None)
    if unknown is not None:
        raise InvalidInput(f"Invalid body: it may hold {' and '.join(names)}, and nothing else", unknown)


def lead_number(text: str | None) -> int | None:
    """A lead's number. One beyond any that can exist matches nothing."""
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()):
        raise InvalidInput("Invalid parameter: leadId must be a whole number", "leadId")
    return int(text) if len(text) <= 18 else LARGEST_ID


def _ids(value: object) -> tuple[int, ...]:
    found = value if isinstance(value, list) else []
    good = [one for one in found if isinstance(one, int) and not isinstance(one, bool) and one >= 1]
    if not good or len(good) != len(found) or len(good) > MOST:
        raise InvalidInput(f"Invalid parameter: ids must be a list of 1 to {MOST} numbers of conversions", "ids")
    return tuple(dict.fromkeys(good))


def _filter(value: object) -> Filters:
    found = value if isinstance(value, dict) else {}
    params = {name: _text(name, one) for name, one in found.items() if one is not None}
    if not any(text.strip() for text in params.values()) or not params.keys() <= set(FILTERS):
        raise InvalidInput(
            f"Invalid parameter: filter must be an object with at least one of {', '.join(FILTERS)}, and nothing else",
            "filter",
        )
    return read(params)


def _text(name: str, value: object) -> str:
    """A filter's value as the query would have it: a text, a number, or a list of texts."""
    if isinstance(value, list) and value and all(isinstance(one, str) for one in value):
        return ",".join(value)
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        return str(value)
    raise InvalidInput(f"Invalid parameter: filter.{name} must be a text or a number", name)


def _states(given: Mapping[str, str]) -> frozenset[State]:
    parts = {part.strip().lower() for part in given.get("state", "").split(",")} - {""}
    if not parts <= set(State):
        raise InvalidInput(
            f"Invalid parameter: state must be one or more of {', '.join(State)}, separated by commas", "state"
        )
    return frozenset(map(State, parts))


def _destination(given: Mapping[str, str]) -> str | None:
    slug = given.get("destination")
    if slug is not None and slug not in DESTINATIONS:
        raise InvalidInput(
            "Invalid parameter: destination must be the name of a platform, such as google_ads", "destination"
        )
    return slug
