"""`leadtrackr destinations new`: the skeleton of a destination, right as it stands, to be changed to fit a platform."""

import ast
import keyword
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import click
import msgspec

from leadtrackr.cli.output import json_option, show
from leadtrackr.kit.errors import Conflict, InvalidInput, LeadTrackrError

TEMPLATES: Final = Path(__file__).with_name("skeleton")
FILES: Final[Mapping[str, str]] = {
    "src/leadtrackr/destinations/{slug}/__init__.py": "destination.py.tmpl",
    "src/leadtrackr/destinations/{slug}/answer.py": "answer.py.tmpl",
    "src/leadtrackr/destinations/{slug}/codes.py": "codes.py.tmpl",
    "src/leadtrackr/sandbox/{slug}/__init__.py": "emulator.py.tmpl",
    "tests/destinations/facts/{slug}.py": "facts.py.tmpl",
    "tests/destinations/test_{slug}.py": "test.py.tmpl",
    "docs/how-to/connect-{page}.md": "page.md.tmpl",
}
"""Where each file of a destination is, from the root of a checkout, and what it is made of."""
REPORTS: Final = (
    "python -m tests.destinations.compliance.measure {slug}",
    "python -m leadtrackr.destinations.docs > docs/reference/destinations.md",
    "python -m leadtrackr.conversions.outcomes_page > docs/reference/outcomes.md",
)
"""What makes the reports and pages anew that are made from the destinations."""
_NEXT: Final = (
    "Change these files to fit the platform; how, step by step: docs/how-to/add-a-destination.md",
    "Make the reports anew: {reports}",
    "Test it: make check && python -m pytest tests/destinations tests/sandbox -k {slug}",
    "Add a line to CHANGELOG.md, and a row to the table of platforms in README.md.",
)
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[ _-][A-Za-z0-9]+)*")
_LONGEST: Final = 30
_SHOUTED: Final = re.compile(r"[A-Z]{6}|[0-9]{3}")
_OF_OURS: Final = "from leadtrackr."


class NoCheckout(LeadTrackrError):
    """The folder is not the root of a checkout of the sources."""


class NotWritten(LeadTrackrError):
    """A file cannot be written; those before it are taken away again."""


class Names(msgspec.Struct, frozen=True):
    """What a new destination is called."""

    name: str
    """For people."""

    @property
    def slug(self) -> str:
        """Its package, and what commands and settings call it."""
        return self.name.lower().replace(" ", "_")

    def fill(self, text: str) -> str:
        """A template with these names."""
        values = {
            "{{name}}": self.name,
            "{{slug}}": self.slug,
            "{{CONSTANT}}": self.slug.upper(),
            "{{Class}}": "".join(word[0].upper() + word[1:] for word in self.name.split()),
        }
        return re.sub(r"\{\{\w+\}\}", lambda found: values[found[0]], text)

    def path(self, pattern: str) -> str:
        """A file of `FILES` with these names."""
        return pattern.format(slug=self.slug, page=self.slug.replace("_", "-"))


@click.command("new")
@click.argument("name")
@json_option
def new(name: str, as_json: bool) -> None:
    """Write the skeleton of a new destination, its emulator, its test data and its docs page.

    NAME is what people call the platform, such as "Example Ads". Works at the root of a checkout of the sources, and
    changes no file that is there. The skeleton passes every test as it stands; change it to fit the platform.
    """
    names = named(name)
    written = write(names, Path.cwd())
    steps = [step.format(slug=names.slug, reports=_reports(names)) for step in _NEXT]
    data = {"slug": names.slug, "name": names.name, "files": written, "next": steps}
    show(data, "\n".join(_words(names, written, steps)), as_json=as_json)


def named(text: str) -> Names:
    """The names that follow from what was entered. InvalidInput when none can."""
    if not _NAME.fullmatch(text) or len(text) > _LONGEST:
        raise InvalidInput(
            f"{text!r} is no name for a destination: write up to {_LONGEST} letters and digits as people write the "
            'platform\'s name, beginning with a letter, such as "Example Ads".',
            "name",
        )
    words = re.split(r"[ _-]", text)
    names = Names(" ".join(words if text != text.lower() else [word.capitalize() for word in words]))
    if _SHOUTED.search(names.name):
        raise InvalidInput(
            f"{text!r} cannot stand in sentences for people, which have no six capitals and no three digits in a row; "
            'write it as in a text, such as "Example Ads".',
            "name",
        )
    if keyword.iskeyword(names.slug) or any(_is_said_twice(names, template) for template in FILES.values()):
        raise InvalidInput(f"{names.slug!r} means something else in the code; add a word, such as Ads.", "name")
    return names


def write(names: Names, root: Path) -> list[str]:
    """Writes every file of the destination below the root and gives their paths.

    NoCheckout when the root is none; Conflict when a file or a module of the name is there already; NotWritten when the
    disk refuses. Each leaves everything as it was.
    """
    _check_root(root)
    texts = {names.path(pattern): _text(names, template) for pattern, template in FILES.items()}
    for path in texts:
        _check_free(names, root, path)
    _create({root / path: text for path, text in texts.items()})
    return list(texts)


def _create(texts: Mapping[Path, str]) -> None:
    done: list[Path] = []
    try:
        for place, text in texts.items():
            if not place.parent.exists():
                place.parent.mkdir()
                done.append(place.parent)
            with place.open("x", encoding="utf-8") as file:
                done.append(place)
                file.write(text)
    except OSError as error:
        for place in reversed(done):
            place.rmdir() if place.is_dir() else place.unlink()
        reason = (error.strerror or str(error)).lower()
        raise NotWritten(f"{error.filename} cannot be written ({reason}); nothing was written.") from error


def _check_root(root: Path) -> None:
    for pattern in FILES:
        folder = pattern.partition("{")[0].rpartition("/")[0]
        if not (root / folder).is_dir():
            raise NoCheckout(
                f"A destination is written into a checkout of LeadTrackr's sources, and {root} is none: it has no "
                f"{folder}. Clone the repository, change to its folder and run this again."
            )


def _check_free(names: Names, root: Path, path: str) -> None:
    folder = (root / path).parent
    inside = folder.name == names.slug
    for taken in (folder, folder.with_suffix(".py")) if inside else (root / path,):
        if taken.exists():
            raise Conflict(f"There is {taken.relative_to(root)} already; nothing was written. Choose another name.")


def _text(names: Names, template: str) -> str:
    text = names.fill((TEMPLATES / template).read_text(encoding="utf-8"))
    return _sorted(text) if template.endswith(".py.tmpl") else text


def _sorted(text: str) -> str:
    """The same with the imports of our own in their order, which depends on the name."""
    lines = text.split("\n")
    found = [node for node in ast.parse(text).body if isinstance(node, ast.ImportFrom)]
    ours = [node for node in found if lines[node.lineno - 1].startswith(_OF_OURS)]
    if not ours:
        return text
    pieces = [(node.module or "", "\n".join(lines[node.lineno - 1 : node.end_lineno])) for node in ours]
    first, last = ours[0].lineno - 1, ours[-1].end_lineno
    lines[first:last] = [piece for _, piece in sorted(pieces, key=lambda pair: pair[0])]
    return "\n".join(lines)


def _is_said_twice(names: Names, template: str) -> bool:
    """Whether a name of the destination is one that its file uses for something else."""
    if not template.endswith(".py.tmpl"):
        return False
    text = names.fill((TEMPLATES / template).read_text(encoding="utf-8"))
    return any(times > 1 for times in Counter(_bound(ast.parse(text))).values())


def _bound(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from (alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id


def _reports(names: Names) -> str:
    return " && ".join(REPORTS).format(slug=names.slug)


def _words(names: Names, written: list[str], steps: list[str]) -> Iterator[str]:
    yield f"{names.name} is a destination now, {names.slug} in commands. Written:"
    yield from (f"  {path}" for path in written)
    yield "Next:"
    yield from (f"  {number}. {step}" for number, step in enumerate(steps, 1))
