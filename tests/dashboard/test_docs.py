"""The guide names the states as the pages do."""

import re
from pathlib import Path

from leadtrackr.dashboard.receipt import STANDINGS

GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "use-the-dashboard.md"


def test_the_guide_has_every_word_of_the_pages() -> None:
    rows = re.findall(r"^\| ([A-Z][a-z ]+) \| `(\w+)` \|", GUIDE.read_text(), re.MULTILINE)
    assert rows == [(standing.word, state.value) for state, standing in STANDINGS.items()]
