"""What getLeads can be asked, read from query parameters. Pure."""

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from leadtrackr.kit.email import email_key
from leadtrackr.kit.errors import InvalidInput
from leadtrackr.kit.phone import e164
from leadtrackr.kit.query import boolean, number, time, until
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
_STATUS: Final = re.compile(r"open|pending|lost|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


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
        created_from=time(given, "createdAt[gte]"),
        created_to=until(given, "createdAt[lte]"),
        search=_search(given),
        exists={name: boolean(given, f"{name}[exists]") for name in EXISTS if f"{name}[exists]" in given},
        sort_column=sort_column,
        descending=descending,
    )


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
