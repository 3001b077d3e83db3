"""Reading proto3 JSON: names, types, enums, times, hashes.

Every function notes what is wrong in the report and returns what can be used. A JSON null counts as an absent field.
"""

import base64
import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from leadtrackr.sandbox.contract import as_float
from leadtrackr.sandbox.google_ads.report import Report

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)").fullmatch
_HEX = re.compile(r"(?:[0-9a-fA-F]{2})+").fullmatch
_HEX_64 = re.compile(r"[0-9a-fA-F]{64}").fullmatch
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|NaN|-?Infinity").fullmatch


def message(raw: object, names: dict[str, str], path: str, report: Report) -> dict[str, Any]:
    """The fields of a message under their snake_case names; empty when it is no object."""
    if not isinstance(raw, dict):
        report.wrong_type(path, "message")
        return {}
    found: dict[str, Any] = {}
    for name, value in raw.items():
        field = names.get(name)
        if field is None:
            report.unknown(path, name)
        elif field in found:
            report.syntax.append((path, f"Invalid value at '{path}': field '{field}' is given twice."))
        elif value is not None:
            found[field] = value
    return found


def messages(raw: object, names: dict[str, str], path: str, report: Report) -> list[dict[str, Any]]:
    """The messages of a repeated field."""
    if not isinstance(raw, list):
        report.wrong_type(path, "repeated message")
        return []
    return [message(item, names, f"{path}[{index}]", report) for index, item in enumerate(raw)]


def strings(found: dict[str, Any], names: Iterable[str], path: str, report: Report) -> None:
    """Note, and take out, each of these fields that is there and no string."""
    for name in names:
        value = found.get(name)
        if value is not None and not isinstance(value, str):
            report.wrong_type(f"{path}.{name}" if path else name, "TYPE_STRING")
            del found[name]


def number(found: dict[str, Any], name: str, path: str, report: Report) -> float | None:
    """A double: a JSON number, or a string that holds one."""
    value = found.get(name)
    if value is None:
        return None
    if isinstance(value, str) and _NUMBER(value):
        return float(value.replace("Infinity", "inf"))
    read = as_float(value)
    if read is None:
        report.wrong_type(f"{path}.{name}", "TYPE_DOUBLE")
    return read


def boolean(found: dict[str, Any], name: str, report: Report) -> bool:
    """A bool; absent is False."""
    value = found.get(name, False)
    if not isinstance(value, bool):
        report.wrong_type(name, "TYPE_BOOL")
        return False
    return value


def enum(value: object, allowed: frozenset[str], path: str, report: Report) -> str | None:
    """An enum by its name."""
    if isinstance(value, str) and value in allowed:
        return value
    report.refuse(path, "INVALID_ENUM_VALUE", f"Enum value cannot be used: {value!r}.")
    return None


def micros(value: object, path: str, report: Report) -> int | None:
    """An RFC 3339 time with Z or an offset, in microseconds since the epoch."""
    if isinstance(value, str) and _RFC3339(value):
        try:
            return round(datetime.fromisoformat(value.upper()).timestamp() * 1_000_000)
        except (ValueError, OverflowError):
            pass
    report.refuse(path, "INVALID_FORMAT", "Must be a time in RFC 3339 with Z or an offset.")
    return None


def sha256(value: str, encoding: str, path: str, report: Report) -> None:
    """A SHA-256 digest in the encoding that the request declares."""
    if encoding == "HEX":
        if _HEX_64(value):
            return
        if _HEX(value):
            report.refuse(path, "INVALID_SHA256_FORMAT", "The SHA-256 value must have 64 hex digits.")
        else:
            report.refuse(path, "INVALID_HEX_ENCODING", "The value is not hex; it must be hashed and hex-encoded.")
        return
    try:
        digest = base64.b64decode(value, validate=True)
    except ValueError:
        report.refuse(path, "INVALID_BASE64_ENCODING", "The value is not base64; it must be hashed and encoded.")
        return
    if len(digest) != 32:
        report.refuse(path, "INVALID_SHA256_FORMAT", "The SHA-256 value must have 32 bytes.")
