"""docs/reference/safeguards.md: `python -m tests.faults.removals.page` writes it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.faults.removals.model import Removal
from tests.faults.removals.table import SECTIONS

PAGE: Final = Path(__file__).parents[3] / "docs" / "reference" / "safeguards.md"
_INTRO: Final = """# Safeguards

What keeps a conversion from being lost, sent twice or pinned on another, and the test that fails without it. The fault
test F28 takes each safeguard out of a copy of the source and runs its test there: one that nothing notices is an error,
and so is one that is no longer where the table in `tests/faults/removals` says it is. `make test` takes out those with
a star; `make faults ONLY=F28` all of them. This page is made from that table, with
`python -m tests.faults.removals.page`.
"""


def page() -> str:
    """The whole page, Markdown."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield _INTRO
    for title, removals in SECTIONS.items():
        yield f"## {title}\n"
        yield "| Safeguard | Without it | In | Test that fails without it |"
        yield "|---|---|---|---|"
        yield from map(_row, removals)
        yield ""


def _row(one: Removal) -> str:
    files = ", ".join(dict.fromkeys(f"`{edit.file.removeprefix('src/leadtrackr/')}`" for edit in one.edits))
    star = " \\*" if one.quick else ""
    return f"| {one.name}{star} | {one.against} | {files} | `{one.test.removeprefix('tests/')}` |"


if __name__ == "__main__":
    PAGE.write_text(page())
