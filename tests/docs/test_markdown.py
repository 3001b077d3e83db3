"""The pages are whole: what was joined from several hands has no part twice, and its tables are tables."""

import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
MADE = ("api", "cli", "destinations", "faults", "outcomes", "safeguards", "settings")
"""Pages that are made from the code and compared with it."""
BY_HAND = [page for page in PAGES if page.stem not in MADE]
SAME = 60
"""Characters with which no two lines begin by accident."""
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def lines(page: Path) -> list[str]:
    return FENCE.sub("", page.read_text()).splitlines()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_table_begins_behind_a_blank_line(page: Path) -> None:
    """Its head right behind another table's rows would be one more row of that."""
    found = lines(page)
    rules = [number for number, line in enumerate(found) if re.fullmatch(r"\|[-:| ]+\|", line)]
    assert [found[number - 1] for number in rules if number < 2 or found[number - 2].strip()] == []


@pytest.mark.parametrize("page", BY_HAND, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_two_rows_of_a_section_are_about_the_same(page: Path) -> None:
    for section in re.split(r"^#+ .*$|^\|[-:| ]+\|$", "\n".join(lines(page)), flags=re.MULTILINE):
        first = Counter(line.split("|")[1].strip() for line in section.splitlines() if line.startswith("| `"))
        assert [cell for cell, count in first.items() if count > 1] == []


@pytest.mark.parametrize("page", BY_HAND, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_line_of_prose_begins_as_another_one(page: Path) -> None:
    begins = Counter(line[:SAME] for line in lines(page) if len(line) > SAME and not line.startswith(("|", "#", "-")))
    assert [begin for begin, count in begins.items() if count > 1] == []
