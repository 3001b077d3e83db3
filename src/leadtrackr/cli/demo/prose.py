"""Sentences on a terminal, and who they are about."""

import textwrap
from collections.abc import Iterable
from typing import Final

_UNBROKEN: Final = "\u00a0"
"""A space at which no line ends."""


def wrapped(sentence: str, columns: int, indent: str, first: str | None = None) -> str:
    """The sentence within so many columns, each line behind the indent; `first` stands before the first one."""
    begin = indent if first is None else first.ljust(len(indent))
    return textwrap.fill(
        sentence,
        max(columns, len(indent) + 20),
        initial_indent=begin,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def packed(items: Iterable[str], columns: int, indent: str) -> str:
    """Items with bars between, none of them broken over two lines."""
    whole = " | ".join(item.replace(" ", _UNBROKEN) for item in items)
    return wrapped(whole, columns, indent).replace(_UNBROKEN, " ")


def listed(words: Iterable[str]) -> str:
    """Words with commas, and “and” before the last."""
    *before, last = words
    return f"{', '.join(before)} and {last}" if before else last


def title(words: str) -> str:
    """A heading."""
    return f"\n{words}\n{'=' * len(words)}"
