"""What the benchmark's command line asks for."""

import pytest
from bench.__main__ import NAMES, Asked, asked


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", Asked(NAMES, 5, 1_000_000)),
        ("--rounds 9 createLead", Asked(["createLead"], 9, 1_000_000)),
        ("--rows 100000 queue", Asked(["queue"], 5, 100_000)),
        ("delivery claim --rounds 0", Asked(["delivery", "claim"], 1, 1_000_000)),
    ],
)
def test_rows_are_named_and_counted_apart(line: str, expected: Asked) -> None:
    assert asked(line.split()) == expected


def test_a_row_that_there_is_not_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        asked(["deliver"])
    assert "there is no row deliver; there are createLead, " in capsys.readouterr().err
