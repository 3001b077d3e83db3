"""Destinations and emulators are found by their packages; one that is not what its name says is told by its name."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from leadtrackr import destinations, sandbox
from leadtrackr.destinations import registry
from leadtrackr.sandbox import registry as played

Write = Callable[[str, str], None]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Writes a package; they are the only ones, of either kind."""
    monkeypatch.setattr(destinations, "__path__", [str(tmp_path)])
    monkeypatch.setattr(sandbox, "__path__", [str(tmp_path)])
    known = set(sys.modules)

    def package(name: str, text: str) -> None:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(text)

    yield package
    for name in set(sys.modules) - known:
        del sys.modules[name]
    for room in (destinations, sandbox):
        vars(room).pop("found_ads", None)


def test_a_destination_is_found_by_its_package(write: Write) -> None:
    write(
        "found_ads",
        "import msgspec\nfrom leadtrackr.destinations.registry import get\n"
        "FOUND_ADS = msgspec.structs.replace(get('meta'), slug='found_ads')\n",
    )
    (Path(destinations.__path__[0]) / "helper.py").write_text("raise AssertionError('a module is no destination')")
    assert [one.slug for one in registry._found()] == ["found_ads"]


@pytest.mark.parametrize(
    "text",
    ["", "FOUND_ADS = 5", "from leadtrackr.destinations.registry import get\nFOUND_ADS = get('meta')"],
    ids=["nothing", "something else", "another slug"],
)
def test_a_package_without_its_destination_is_told(write: Write, text: str) -> None:
    write("found_ads", text)
    with pytest.raises(TypeError, match="destinations/found_ads does not declare FOUND_ADS, a Destination"):
        list(registry._found())


PLATFORM = """
from leadtrackr.sandbox.contract import Platform


class FoundAds(Platform):
    slug = "found_ads"
"""


def test_an_emulator_is_found_by_its_package(write: Write) -> None:
    write("found_ads", PLATFORM)
    (found,) = played._found()
    assert getattr(found, "slug", None) == "found_ads"


@pytest.mark.parametrize(
    ("text", "number"),
    [("", 0), (PLATFORM.replace('"found_ads"', '"other"'), 0), (f"{PLATFORM}\nclass Second(FoundAds): ...", 2)],
    ids=["nothing", "another slug", "two"],
)
def test_a_package_without_its_one_emulator_is_told(write: Write, text: str, number: int) -> None:
    write("found_ads", text)
    with pytest.raises(TypeError, match=f"sandbox/found_ads has {number} platforms with the slug 'found_ads'"):
        list(played._found())
