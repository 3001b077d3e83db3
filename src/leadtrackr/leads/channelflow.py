"""Channel flow: the visits that led to a lead, as the clients' shared cookie tells them.

The column holds what arrived, as JSON text: an array, an object, or a JSON string with the cookie's own text inside.
It is brought to the normal form when it is read, so a better reading later also serves leads that are stored already.

Normal form: a list, in the order of arrival, of
`{"timestamp": <ms UTC>, "channel": {"source", "medium", "campaign", "content", "term"}, "landingPage": "/path"}`,
in which members without a value are left out. Nothing says that the list has no gaps: the writers drop old entries.
"""

from collections.abc import Iterator, Sequence
from typing import Final
from urllib.parse import unquote

from leadtrackr.leads.coerce import json_text, parse, text

_COMPACT: Final = (("s", "source"), ("m", "medium"), ("cm", "campaign"), ("ct", "content"), ("tm", "term"))
_LEGACY: Final = tuple((name, name) for _, name in _COMPACT)
_ROUNDS: Final = 6
"""Most layers of JSON string and URL encoding to take off: what is stored adds one to the three that are known."""
_LATEST_MS: Final = 2**53


def normalise(value: object) -> list[dict[str, object]] | None:
    """The normal form of what a client sent, or of the stored JSON text; None when no entry can be used.

    Accepts an array, a JSON string, a JSON string URL-encoded once or more, one entry alone, and an object of entries
    (PHP makes one of a list with gaps). Compact and legacy entries may be mixed; entries of neither form are left out.
    """
    return [_normal(entry, stamp) for entry, stamp in _usable(value)] or None


def first_usable(*values: object) -> str | None:
    """The JSON text to store: of the first value that holds an entry that can be used; None when none does."""
    for value in values:
        if value is not None and next(_usable(value), None):
            return json_text(value)
    return None


def _usable(value: object) -> Iterator[tuple[dict[str, object], int]]:
    for entry in _entries(value):
        if isinstance(entry, dict) and (stamp := _timestamp(entry)):
            yield entry, stamp


def _entries(value: object) -> Sequence[object]:
    for _ in range(_ROUNDS):
        if not isinstance(value, str):
            break
        value = _decoded(value)
    if isinstance(value, dict):
        return [value] if _timestamp(value) else list(value.values())
    return value if isinstance(value, list) else ()


def _decoded(value: str) -> object:
    try:
        return parse(value.encode("utf-8", "replace"))
    except ValueError:
        return unquote(value) if "%" in value else None


def _timestamp(entry: dict[str, object]) -> int | None:
    value = entry.get("t", entry.get("timestamp"))
    if isinstance(value, str) and value.isdecimal() and len(value) <= 16:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < _LATEST_MS:
        return None
    return int(value)


def _normal(entry: dict[str, object], timestamp: int) -> dict[str, object]:
    compact = "t" in entry
    source = entry.get("ch" if compact else "channel")
    channel: dict[str, str] = {}
    if isinstance(source, dict):
        for key, name in _COMPACT if compact else _LEGACY:
            if found := text(source.get(key)):
                channel[name] = found
    normal: dict[str, object] = {"timestamp": timestamp, "channel": channel}
    landing = text(entry.get("lp")) or text(entry.get("landingPage"))
    return normal | {"landingPage": landing} if landing else normal
