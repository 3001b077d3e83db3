"""Small questions that the rules of several platforms ask of a value."""

import re
from collections.abc import Iterable
from typing import Any

from leadtrackr.sandbox.currencies import CODES

DAY_S = 86_400
_HEX_64 = re.compile(r"[0-9a-f]{64}").fullmatch


def is_text(value: object) -> bool:
    """A text with something in it."""
    return isinstance(value, str) and bool(value.strip())


def is_hash(value: object) -> bool:
    """A SHA-256 in 64 lower-case hex digits."""
    return isinstance(value, str) and _HEX_64(value) is not None


def is_hashes(value: object) -> bool:
    """A list of at least one SHA-256."""
    return isinstance(value, list) and bool(value) and all(is_hash(item) for item in value)


def is_whole(value: object) -> bool:
    """A whole number."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_currency(value: object) -> bool:
    """A currency code of ISO 4217."""
    return isinstance(value, str) and value in CODES


def has_any(values: dict[str, Any], names: Iterable[str]) -> bool:
    """Whether one of these has a value that says something."""
    return any(values.get(name) not in (None, "", []) for name in names)
