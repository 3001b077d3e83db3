"""The reference page is the one that the declarations give."""

import re
from pathlib import Path

from leadtrackr.destinations.docs import page
from leadtrackr.destinations.registry import DESTINATIONS

OUTCOMES = Path(__file__).parents[2] / "docs" / "reference" / "outcomes.md"
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "destinations.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == page() + "\n", (
        "run: python -m leadtrackr.destinations.docs > docs/reference/destinations.md"
    )


def test_every_setting_is_on_it_and_what_can_be_done_afterwards() -> None:
    text = page()
    for destination in DESTINATIONS.values():
        assert f"## {destination.name}" in text
        for field in destination.fields:
            assert f"`{field.name}`" in text
        for name in destination.click_ids:
            assert f"attributionData`: `{name}`" in text
        assert destination.take_back is not None
        assert destination.take_back.sentence in text
    assert "is asked 30 minutes after it" in text
    assert "or 24 hours have passed" in text


def test_its_links_lead_to_the_page_of_outcomes() -> None:
    headings = re.findall(r"^## (.+)$", OUTCOMES.read_text(), re.MULTILINE)
    anchors = {heading.lower().replace(" ", "-") for heading in headings}
    linked = re.findall(r"\(outcomes\.md#([^)]+)\)", page())
    assert len(linked) == len(DESTINATIONS)
    assert set(linked) <= anchors
