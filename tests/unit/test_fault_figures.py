"""A figure of a fault test against its bar: what must miss does."""

import pytest

from tests.faults.frame import Figure, Found, at_least, at_most, exactly, noted


@pytest.mark.parametrize(
    ("figure", "ok"),
    [
        (exactly("lost", 0, 0), True),
        (exactly("lost", 1, 0), False),
        (at_most("late", 1.2, 1.2), True),
        (at_most("late", 1.3, 1.2), False),
        (at_least("used", 0.9, 0.9), True),
        (at_least("used", 0.8, 0.9), False),
        (noted("ratings", 5), True),
    ],
)
def test_figure_meets_its_bar_or_does_not(figure: Figure, ok: bool) -> None:
    assert figure.ok is ok
    assert Found(1, (noted("ratings", 5), figure)).ok is ok
    assert Found(1, (figure,)).measured.endswith("(missed)") is not ok


def test_bars_are_said_of_what_has_one() -> None:
    found = Found(1, (noted("ratings", 5), exactly("lost", 0, 0), at_most("late", 1, 2.5), at_least("used", 1, 0.9)))
    assert found.bar == "lost 0; late ≤ 2.5; used ≥ 0.9"
    assert found.measured == "ratings 5; lost 0; late 1; used 1"
