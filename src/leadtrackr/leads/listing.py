"""What getLeads can be asked, read from query parameters. Pure."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

import msgspec

from leadtrackr.kit.clock import from_datetime
from leadtrackr.kit.email import email_key
from leadtrackr.kit.errors import InvalidInput
from leadtrackr.kit.phone import e164
from leadtrackr.leads.coerce import clean_text

MAX_LIMIT: Final = 100
LONGEST_SEARCH: Final = 500
"""Characters. SQLite takes no pattern above 50,000 bytes."""
MOST_STATUSES: Final = 500
"""Both databases limit how many values a statement may hold."""
SORTS: Final[Mapping[str, str]] = {
    "createdAt": "created_at",
    "firstName": "first_name",
    "lastName": "last_name",
    "email": "email",
    "price": "price",
    "status": "status",
}
EXISTS: Final = ("gclid", "cid", "fbp", "fbc")
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}\Z", re.ASCII)
_STATUS: Final = re.compile(r"open|pending|lost|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MILLISECOND: Final = 1000


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """One question to the listing. Times in microseconds UTC."""

    limit: int = 50
    page: int = 1
    status: tuple[str, ...] = ()
    form_name: str | None = None
    unique_identifier: str | None = None
    email_key: str | None = None
    phone: str | None = None
    phone_e164: str | None = None
    created_from: int | None = None
    created_to: int | None = None
    search: str | None = None
    exists: Mapping[str, bool] = {}
    sort_column: str = "created_at"
    descending: bool = True


def read(params: Mapping[str, str], country: str | None) -> Filters:
    """Reads the parameters; InvalidInput names the one that is wrong. Blank parameters count as absent."""
    cleaned = {name: clean_text(value).strip() for name, value in params.items()}
    given = {name: value for name, value in cleaned.items() if value}
    sort_column, descending = _sort(given.get("sort", "createdAt:desc"))
    phone = given.get("phone")
    email = given.get("email")
    return Filters(
        limit=number(given, "limit", 50, MAX_LIMIT),
        page=number(given, "page", 1, 10**9),
        status=_statuses(given),
        form_name=given.get("formName"),
        unique_identifier=given.get("uniqueIdentifier"),
        # An address that is none still compares: it matches nothing, as it should.
        email_key=(email_key(email) or email) if email else None,
        phone=phone,
        phone_e164=e164(phone, country) if phone else None,
        created_from=_time(given, "createdAt[gte]"),
        created_to=_until(given, "createdAt[lte]"),
        search=_search(given),
        exists={name: boolean(given, f"{name}[exists]") for name in EXISTS if f"{name}[exists]" in given},
        sort_column=sort_column,
        descending=descending,
    )


def number(given: Mapping[str, str], name: str, default: int, most: int) -> int:
    """A whole number from 1; InvalidInput names the parameter."""
    text = given.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and 1 <= int(text) <= most):
        raise InvalidInput(f"Invalid parameter: {name} must be a whole number from 1 to {most}", name)
    return int(text)


def boolean(given: Mapping[str, str], name: str) -> bool:
    """True or false; InvalidInput names the parameter."""
    if given[name] not in ("true", "false"):
        raise InvalidInput(f"Invalid parameter: {name} must be true or false", name)
    return given[name] == "true"


def _search(given: Mapping[str, str]) -> str | None:
    text = given.get("search")
    if text is None:
        return None
    if len(text) < 2:
        raise InvalidInput("Invalid parameter: search needs at least 2 characters", "search")
    if len(text) > LONGEST_SEARCH:
        raise InvalidInput(f"Invalid parameter: search may have at most {LONGEST_SEARCH} characters", "search")
    return text.casefold()


def _statuses(given: Mapping[str, str]) -> tuple[str, ...]:
    parts = (part.strip().lower() for part in given.get("status", "").split(","))
    found = tuple(dict.fromkeys(part for part in parts if part))
    if len(found) > MOST_STATUSES or not all(_STATUS.fullmatch(part) for part in found):
        raise InvalidInput(
            "Invalid parameter: status must be open, pending, lost or the id of a conversion label, several separated "
            f"by commas, at most {MOST_STATUSES}",
            "status",
        )
    return found


def _sort(text: str) -> tuple[str, bool]:
    field, _, direction = text.partition(":")
    if field not in SORTS or direction not in ("asc", "desc"):
        allowed = ", ".join(SORTS)
        raise InvalidInput(f"Invalid parameter: sort must be field:asc or field:desc, field one of {allowed}", "sort")
    return SORTS[field], direction == "desc"


def _until(given: Mapping[str, str], name: str) -> int | None:
    """A lead shows its time in whole milliseconds; asked for until then, it must be found."""
    found = _time(given, name)
    return None if found is None else found - found % _MILLISECOND + _MILLISECOND - 1


def _time(given: Mapping[str, str], name: str) -> int | None:
    """ISO 8601. A bare date is the start of that day and, like a time without a zone, counts as UTC."""
    text = given.get(name)
    if text is None:
        return None
    try:
        # A '+' of an offset arrives as a space when it was not percent-encoded.
        moment = datetime.fromisoformat(text if _DATE.match(text) else text.replace(" ", "+"))
        return from_datetime(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError) as error:
        raise InvalidInput(f"Invalid parameter: {name} must be an ISO 8601 date or time", name) from error
