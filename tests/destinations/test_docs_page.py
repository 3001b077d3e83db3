"""The reference page is the one that the declarations give."""

from pathlib import Path

from leadtrackr.destinations.docs import page
from leadtrackr.destinations.registry import DESTINATIONS

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "destinations.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == page() + "\n", (
        "run: python -m leadtrackr.destinations.docs > docs/reference/destinations.md"
    )


def test_every_setting_and_code_is_on_it() -> None:
    text = page()
    for destination in DESTINATIONS.values():
        assert f"## {destination.name}" in text
        for name in (*(field.name for field in destination.fields), *destination.codes):
            assert f"`{name}`" in text
