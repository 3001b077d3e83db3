"""The table of the fault tests: printed as it grows, and kept in docs/reference/faults.md."""

import os
import platform
import sqlite3
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

PAGE: Final = Path(__file__).parents[2] / "docs" / "reference" / "faults.md"
HEAD: Final = "| test | database | runs | figure | bar | seed | ok | date |"
_RULE: Final = "|---|---|---:|---|---|---:|---|---|"
_INTRO: Final = """# Fault tests

Each test breaks something while the program works, and then compares three things: what clients were told, what the
sandbox's ledger holds, which is outside the database, and what the tables say. `make test` runs the short form of each;
`make faults` the long form, and writes this page. `make faults ONLY=F4,F9` runs some and leaves the other rows as they
are; `SEED=…` repeats a run as far as processes allow. It ends with an error when a figure misses its bar.

"""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table, in words."""

    test: str
    database: str
    runs: str
    figure: str
    bar: str
    seed: str
    ok: str
    date: str

    def __str__(self) -> str:
        return f"| {' | '.join(part.replace('|', '/') for part in astuple(self))} |"


def today() -> str:
    """The date, UTC."""
    return datetime.now(UTC).date().isoformat()


def machine(postgresql: str) -> str:
    """What the figures were measured on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GiB of memory, Python {platform.python_version()}, SQLite "
        f"{sqlite3.sqlite_version}, PostgreSQL {postgresql}"
    )


def rows(text: str) -> list[Row]:
    """The rows of a page."""
    found = text.partition(HEAD)[2].splitlines()
    return [Row(*(part.strip() for part in line.strip("|").split("|"))) for line in found if line.startswith("| F")]


def page(old: str, new: Iterable[Row], order: Iterable[tuple[str, str]], postgresql: str) -> str:
    """The page with new rows in the place of old ones, and without rows of tests that are no more."""
    known = {(row.test, row.database): row for row in [*rows(old), *new]}
    kept = [str(known[key]) for key in order if key in known]
    last = f"Last run on {today()}: {machine(postgresql)}.\n\n"
    return _INTRO + last + "\n".join([HEAD, _RULE, *kept]) + "\n"
