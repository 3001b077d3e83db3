"""Data to standard output, as text or as one JSON object; everything else to standard error."""

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

import click
import msgspec

F = TypeVar("F", bound=Callable[..., Any])
_GAP: Final = "  "


def json_option(command: F) -> F:
    """Adds `--json` to a command that prints data; the parameter is `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")(command)


def show(data: Mapping[str, object], text: str, *, as_json: bool) -> None:
    """Prints a command's data: as JSON, or as text for a person."""
    click.echo(msgspec.json.format(msgspec.json.encode(data), indent=2) if as_json else text)


def tell(text: str) -> None:
    """Says something that is not data."""
    click.echo(text, err=True)


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, none: str = "") -> str:
    """Rows under heads, each column as wide as its widest cell; `none` is said when there are no rows."""
    if not rows:
        return none
    widths = [max(map(_width, column)) for column in zip(heads, *rows, strict=True)]
    lines = [heads, ["-" * width for width in widths], *rows]
    return "\n".join(_line(cells, widths) for cells in lines)


def pairs(values: Mapping[str, object]) -> str:
    """Names and values, one pair a line; None is left out."""
    shown = {name: str(value) for name, value in values.items() if value is not None}
    width = max(map(len, shown), default=0)
    return "\n".join(f"{name.ljust(width)}{_GAP}{value}" for name, value in shown.items())


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [cell + " " * (width - _width(cell)) for cell, width in zip(cells, widths, strict=True)]
    return _GAP.join(padded).rstrip()


def _width(text: str) -> int:
    """Columns on a terminal: most East Asian letters take two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)
