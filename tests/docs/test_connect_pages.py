"""docs/how-to/connect-….md: their commands name destinations, settings and events that there are."""

import re
import shlex
from itertools import pairwise
from pathlib import Path

import pytest

from leadtrackr.destinations.registry import get, validate_event_value

PAGES = sorted((Path(__file__).parents[2] / "docs" / "how-to").glob("connect-*.md"))
PLACEHOLDERS = ("ID", "…")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem.replace("-", "_"))
def test_every_command_could_be_run(page: Path) -> None:
    commands = re.findall(r"^leadtrackr (connect|label create) PROJECT (.+)$", page.read_text(), re.MULTILINE)
    assert "connect" in {command for command, _ in commands}
    for command, rest in commands:
        words = shlex.split(rest, comments=True)
        if command == "connect":
            known = {field.name for field in get(words[0]).fields}
            assert {word.partition("=")[0] for word in words if "=" in word and not word.startswith("-")} <= known
        for event in (after for option, after in pairwise(words) if option == "--event"):
            slug, _, value = event.partition("=")
            if value not in PLACEHOLDERS:
                validate_event_value(get(slug), value)
