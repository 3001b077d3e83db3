"""docs/reference/safeguards.md says what F28 takes out; each row of its table fits the source and names a test."""

from pathlib import Path

import pytest

from tests.faults.removals.model import Edit, Moved
from tests.faults.removals.page import PAGE, page
from tests.faults.removals.runner import ROOT, copy
from tests.faults.removals.table import REMOVALS


def test_page_is_made_from_the_table() -> None:
    assert PAGE.read_text() == page(), "run: python -m tests.faults.removals.page"


def test_every_safeguard_is_where_the_table_says_it_is(tmp_path: Path) -> None:
    for removal in REMOVALS:
        for edit in removal.edits:
            changed = tmp_path / edit.file
            changed.parent.mkdir(parents=True, exist_ok=True)
            changed.write_bytes((ROOT / edit.file).read_bytes())
        for edit in removal.edits:
            edit.apply(tmp_path)


def test_every_test_that_is_named_exists_and_no_name_stands_twice() -> None:
    assert len({one.name for one in REMOVALS}) == len(REMOVALS)
    for removal in REMOVALS:
        file, _, test = removal.test.partition("::")
        assert f"\ndef {test.partition('[')[0]}(" in (ROOT / file).read_text(), removal.test


@pytest.mark.parametrize("text", ["not there at all", "import"])
def test_text_that_is_not_there_exactly_once_is_said(text: str) -> None:
    edit = Edit("src/leadtrackr/conversions/claim.py", text)
    with pytest.raises(Moved, match=r"holds this \d+ times, it must be once"), copy([edit]):
        pass
