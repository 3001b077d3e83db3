"""Any JSON value to what a column can hold. Nothing here raises for a value, however odd.

Absent values are null, "", white space and the words `undefined` and `null`, which scripts write for want of a value.
Text that is kept never holds U+0000 (PostgreSQL refuses it) or half a surrogate pair (UTF-8 cannot say it).
"""

import json
from math import isfinite
from typing import Final, NoReturn

import msgspec

from leadtrackr.kit.errors import InvalidInput

DEEPEST: Final = 200
"""Most levels of nesting in a body, so that nobody who reads it later runs out of stack."""

_BLANK: Final = frozenset({"", "undefined", "null"})
_LONGEST_INTEGER: Final = 300
"""Digits; a longer integer is kept as the text of its digits."""

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class TooDeep(InvalidInput, ValueError):
    """JSON nested more than `DEEPEST` levels."""

    def __init__(self) -> None:
        super().__init__(f"The body is nested more than {DEEPEST} levels deep; send it flatter.")


def parse(body: bytes) -> object:
    """Decodes JSON in UTF-8 and cleans its texts.

    Takes what strict decoders refuse although senders make it: half a surrogate pair (a browser that cuts a text inside
    an emoji), numbers too big for a float or a machine word (kept as text), a byte order mark. ValueError when it is
    not JSON, UnicodeDecodeError (a ValueError) when it is not UTF-8, TooDeep when it is nested too deeply.
    """
    try:
        value = _decode(body)
    except RecursionError:
        raise TooDeep from None
    except ValueError:
        value = clean(_parse_tolerant(body))
    if body.count(b"[") + body.count(b"{") > DEEPEST and _is_deep(value):
        raise TooDeep
    return clean(value) if b"\\u0000" in body else value


def text(value: object) -> str | None:
    """The trimmed text of a scalar, or of the first scalar in an array; None when absent or an object."""
    found = value if isinstance(value, str) else _first(value)
    if found is None:
        return None
    found = clean_text(found).strip()
    return None if found in _BLANK else found


def exact(value: object) -> str | None:
    """As `text`, but not trimmed: for click ids and cookies, which must stay as the platform made them."""
    if type(value) is str and value.isprintable():
        return None if value.strip() in _BLANK else value
    found = value if isinstance(value, str) else _first(value)
    if found is None:
        return None
    found = clean_text(found)
    return None if found.strip() in _BLANK else found


def mapping(value: object) -> dict[str, object]:
    """The value when it is an object, else an empty one: PHP sends an empty map as `[]`."""
    return value if isinstance(value, dict) else {}


def holds_value(value: object) -> bool:
    """Whether there is a scalar anywhere inside that is not absent."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            if clean_text(item).strip() not in _BLANK:
                return True
        elif isinstance(item, dict):
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
        elif item is not None:
            return True
    return False


def json_text(value: object) -> str:
    """The value as compact JSON, fit to store. TooDeep for a nesting that `parse` would have refused."""
    try:
        found = _encode(value).decode()
    except RecursionError:
        raise TooDeep from None
    except ValueError:
        return _cleaned_text(value)
    return _cleaned_text(value) if "\\u0000" in found else found


def clean(value: object) -> object:
    """The value with every text cleaned, keys too, and every number one that JSON can say."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, dict):
        return {clean_text(key): clean(item) for key, item in value.items()}
    if isinstance(value, list):
        return [clean(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return value if value.bit_length() <= 1024 else _number(value)
    return value


def clean_text(value: str) -> str:
    """The text without U+0000 and with U+FFFD for each half of a surrogate pair that stands alone."""
    if "\0" in value:
        value = value.replace("\0", "")
    if value.isascii():
        return value
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return value


def _cleaned_text(value: object) -> str:
    try:
        return _encode(clean(value)).decode()
    except RecursionError:
        raise TooDeep from None


def _first(value: object) -> str | None:
    if isinstance(value, list):
        for item in value:
            found = _scalar(item)
            if found is not None and clean_text(found).strip() not in _BLANK:
                return found
        return None
    return _scalar(value)


def _scalar(value: object) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return _number(value) if isinstance(value, int | float) else None


def _number(value: int | float) -> str | None:  # noqa: PYI041 - an int is not treated as a float here
    if isinstance(value, float):
        if not isfinite(value):
            return None
        # From 1e21 on browsers too write an exponent.
        return str(int(value)) if value.is_integer() and abs(value) < 1e21 else repr(value)
    try:
        return str(value)
    except ValueError:
        return hex(value)


def _parse_tolerant(body: bytes) -> object:
    try:
        return json.loads(
            body.decode("utf-8-sig"), parse_int=_integer, parse_float=_fraction, parse_constant=_no_constant
        )
    except RecursionError:
        raise TooDeep from None


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= _LONGEST_INTEGER else digits


def _fraction(digits: str) -> float | str:
    number = float(digits)
    return number if isfinite(number) else digits


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")


def _is_deep(value: object) -> bool:
    layer = [value]
    for _ in range(DEEPEST):
        below: list[object] = []
        for item in layer:
            if isinstance(item, dict):
                below.extend(item.values())
            elif isinstance(item, list):
                below.extend(item)
        if not below:
            return False
        layer = below
    return any(isinstance(item, dict | list) for item in layer)
