"""docs/reference/cli.md is the page that the commands give."""

from pathlib import Path

from leadtrackr.cli.main import COMMANDS
from leadtrackr.cli.reference import page

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "cli.md"
MAKEFILE = Path(__file__).parents[2] / "Makefile"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), "run: python -m leadtrackr.cli.reference > docs/reference/cli.md"


def test_every_command_is_on_it() -> None:
    text = page()
    assert all(f"## `leadtrackr {name}`" in text for name in COMMANDS)


def test_every_make_target_for_people_is_on_it() -> None:
    text, makefile = page(), MAKEFILE.read_text()
    for target in ("demo", "test", "faults", "check", "bench"):
        assert f"\n{target}:" in makefile
        assert f"`make {target}`" in text
