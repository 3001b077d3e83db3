"""Reading query parameters that every listing has: whole numbers, times and lists. Pure.

`given` holds the parameters that are not blank. InvalidInput names the one that is wrong.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from leadtrackr.kit.clock import from_datetime
from leadtrackr.kit.errors import InvalidInput

_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}\Z", re.ASCII)
_MILLISECOND: Final = 1000


def number(given: Mapping[str, str], name: str, default: int, most: int) -> int:
    """A whole number from 1 to `most`."""
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


def time(given: Mapping[str, str], name: str) -> int | None:
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


def until(given: Mapping[str, str], name: str) -> int | None:
    """Times are shown in whole milliseconds; what was asked for until then must be found."""
    found = time(given, name)
    return None if found is None else found - found % _MILLISECOND + _MILLISECOND - 1
