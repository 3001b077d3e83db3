"""The reference page keeps up with the code."""

import re
from pathlib import Path

import msgspec

from leadtrackr.sandbox.control import ClockSettings
from leadtrackr.sandbox.faults import Fault
from leadtrackr.sandbox.ledger import Counts, Entry, Ledger
from leadtrackr.sandbox.registry import platforms
from leadtrackr.sandbox.world import World

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "reference" / "sandbox.md").read_text()
OF_PLATFORMS = "".join(
    page.read_text().partition("\n## In the sandbox\n")[2].partition("\n## ")[0]
    for page in sorted((DOCS / "how-to").glob("connect-*.md"))
)
"""What the platforms' own pages say of their emulators."""


def in_code(text: str) -> set[str]:
    """The names in `code` of a part of the page."""
    return set(re.findall(r"[a-z_0-9]+", " ".join(re.findall(r"`([^`\n]+)`", text))))


def section(title: str) -> str:
    return PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]


def names(kind: type[msgspec.Struct]) -> set[str]:
    return {field.name for field in msgspec.structs.fields(kind)}


def test_the_page_names_every_fault_field_and_ledger_field() -> None:
    assert names(Fault) - in_code(section("Faults")) == set()
    assert names(Entry) - in_code(section("The ledger")) == set()
    assert names(Counts) - in_code(section("The ledger")) == set()


def test_the_page_names_every_setting_of_every_platform_and_no_other() -> None:
    documented: dict[str, set[str]] = {}
    current = ""
    played = platforms(World(lambda: 0, Ledger()))
    for line in (section("Settings") + OF_PLATFORMS).splitlines():
        if line.startswith("| `"):
            first = set(re.findall(r"`([a-z_0-9]+)`", line.split("|")[1]))
            if first & {*played, "sandbox"}:
                (current,) = first
            else:
                documented.setdefault(current, set()).update(first)
    expected = {slug: names(type(platform.settings)) for slug, platform in played.items()}
    assert documented == {**expected, "sandbox": names(ClockSettings)}
