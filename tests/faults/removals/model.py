"""What a removal is: a safeguard taken out of the source, and the test that must notice."""

from dataclasses import dataclass
from pathlib import Path

ROOM = "src/leadtrackr/conversions/"


class Moved(Exception):
    """The source does not hold a safeguard where the table says it is."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One text of one file, which must be there exactly once, and what stands there instead."""

    file: str
    text: str
    instead: str = ""

    def apply(self, root: Path) -> None:
        """Changes the file under a folder; Moved when the text is not there exactly once."""
        path = root / self.file
        source = path.read_text() if path.exists() else ""
        if (found := source.count(self.text)) != 1:
            raise Moved(
                f"{self.file} holds this {found} times, it must be once:\n{self.text}\nIf the safeguard was moved or "
                "renamed, say so in the table; if it was deleted, delete its row."
            )
        path.write_text(source.replace(self.text, self.instead))


@dataclass(frozen=True, slots=True)
class Removal:
    """A safeguard, what it guards against in a sentence, how it is taken out, and the test that fails without it."""

    name: str
    against: str
    test: str
    """The id of one test, with its database where it has one."""
    edits: tuple[Edit, ...]
    quick: bool = False
    """Also in the short form."""


def cut(name: str, against: str, test: str, *edits: Edit, quick: bool = False) -> Removal:
    """A removal; the test's id is given from `tests/` on."""
    return Removal(name, against, f"tests/{test}", edits, quick)


def engine(file: str, text: str, instead: str = "") -> Edit:
    """An edit of a file of the delivery engine."""
    return Edit(f"{ROOM}{file}.py", text, instead)
