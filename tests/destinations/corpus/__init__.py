"""What people type into forms, and what the written rules make of it: worked out by hand, not by our code."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

_HERE: Final = Path(__file__).parent
_UNSEEN: Final = re.compile(r"\\u([0-9a-f]{4})")
_BAR: Final = re.compile(r" \|(?= |$)")
_NONE: Final = "none"


class Phone(NamedTuple):
    """A number as typed, the project's country, the one in the lead's own data, and its E.164."""

    typed: str
    project: str | None
    own: str | None
    e164: str | None


class Text(NamedTuple):
    """What was typed, and what each column of the file says of it."""

    typed: str
    columns: tuple[str | None, ...]


def phones() -> Iterator[Phone]:
    """Every line of `phones.txt`."""
    expected: str | None = None
    for line in _lines("phones.txt"):
        if line.startswith("= "):
            expected = _or_none(line[2:])
            continue
        where, _, typed = line.partition(" | ")
        project, _, own = where.removeprefix("-").partition(">")
        yield Phone(_seen(typed), project or None, own or None, expected)


def emails() -> Iterator[Text]:
    """`emails.txt`: trimmed, without space, Google Ads, GA4, bare; all None where it is no address."""
    return _table("emails.txt", 5)


def names() -> Iterator[Text]:
    """`names.txt`: Meta, LinkedIn, TikTok, Pinterest and Snapchat, OpenAI."""
    return _table("names.txt", 5)


def countries() -> Iterator[tuple[str, str | None]]:
    """`countries.txt`: what was typed, and the country."""
    for line in _lines("countries.txt"):
        typed, expected = _pair(line)
        yield _seen(typed), expected


def _table(name: str, width: int) -> Iterator[Text]:
    for line in _lines(name):
        if line.startswith("none | "):
            yield Text(_seen(line.removeprefix("none | ")), (None,) * width)
            continue
        typed, *cells = _BAR.split(line)
        columns = [cell.strip() for cell in cells] + [""] * (width - len(cells))
        assert len(columns) == width, line
        yield Text(_seen(typed), tuple(_or_none(cell or columns[0]) for cell in columns))


def _pair(line: str) -> tuple[str, str | None]:
    if line.startswith("none | "):
        return line.removeprefix("none | "), None
    typed, _, expected = line.rpartition(" | ")
    return typed, expected


def _lines(name: str) -> Iterator[str]:
    for line in (_HERE / name).read_text(encoding="utf-8").split("\n"):
        if line and not line.startswith("#"):
            yield line


def _or_none(text: str) -> str | None:
    return None if text == _NONE else text


def _seen(text: str) -> str:
    return _UNSEEN.sub(lambda found: chr(int(found[1], 16)), text)
