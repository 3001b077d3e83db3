"""docs/reference/faults.md shows every fault test on every database, as it was last run in its long form."""

from tests.faults import table
from tests.faults.frame import all_cases
from tests.faults.removals.table import REMOVALS


def test_every_test_has_its_row() -> None:
    """A miss stands there as one; it is `make faults` that fails on it."""
    rows = {(row.test, row.database): row.ok for row in table.rows(table.PAGE.read_text())}
    assert list(rows) == [(case.name, case.database) for case in all_cases()], (
        "run: make faults ONLY=… for those that lack"
    )


def test_f28_was_last_run_with_every_removal() -> None:
    (row,) = (row for row in table.rows(table.PAGE.read_text()) if row.test == "F28")
    assert row.runs == str(len(REMOVALS)), "safeguards came or went since: run make faults ONLY=F28"


def test_page_keeps_other_rows_and_drops_tests_that_are_gone() -> None:
    def row(test: str, figure: str) -> table.Row:
        return table.Row(test, "sqlite", "1", figure, "lost 0", "7", "yes", "2026-11-23")

    order = [("F1", "sqlite"), ("F2", "sqlite")]
    first = table.page("", [row("F2", "lost 1"), row("F1", "lost 2"), row("F9", "lost 3")], order, "18")
    again = table.page(first, [row("F2", "lost 4")], order, "18")
    assert table.rows(again) == [row("F1", "lost 2"), row("F2", "lost 4")]
