"""A how-to as its reader does it: its commands are run, its code is put where it says."""

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

_BLOCK: Final = re.compile(r"^(?P<fence>`{3,})(?P<kind>\w+)\n(?P<text>.*?)^(?P=fence)$", re.DOTALL | re.MULTILINE)
_PLACE: Final = re.compile(r"\bIn\s+`((?:src|tests|docs)/[^`]+)`:")


class Commands(NamedTuple):
    """Lines for a shell."""

    text: str


class Code(NamedTuple):
    """What belongs into a file."""

    path: str
    text: str


Step = Commands | Code


def steps(page: str) -> Iterator[Step]:
    """What the page has its reader do, in order. Code goes into the file that was named last."""
    for block in _BLOCK.finditer(page):
        if block["kind"] == "sh":
            yield Commands(block["text"])
        else:
            yield Code(_PLACE.findall(page[: block.start()])[-1], block["text"])


def put(code: Code, root: Path) -> None:
    """Writes it: the whole file where it is one, else each definition in the place of the one with its name."""
    file = root / code.path
    is_whole = not code.path.endswith(".py") or ast.get_docstring(ast.parse(code.text)) is not None
    assert file.exists(), code.path
    file.write_text(code.text if is_whole else merged(file.read_text(), code.text))


def merged(file: str, part: str) -> str:
    """The file with these definitions; a new one stands before the one that comes next. The last may not be new."""
    following: str | None = None
    for name, text in reversed(list(_pieces(part))):
        lines = file.split("\n")
        places = dict(_named(file))
        if name in places:
            node = places[name]
            lines[_first(node) - 1 : node.end_lineno] = text.split("\n")
        else:
            assert following is not None, f"{name} has no place in the file"
            at = _first(places[following]) - 1
            lines[at:at] = [*text.split("\n"), "", ""]
        file, following = "\n".join(lines), name
    return file


def _pieces(part: str) -> Iterator[tuple[str, str]]:
    lines = part.split("\n")
    for name, node in _named(part):
        yield name, "\n".join(lines[_first(node) - 1 : node.end_lineno])


def _named(text: str) -> Sequence[tuple[str, ast.stmt]]:
    return [(name, node) for node in ast.parse(text).body if (name := _name(node))]


def _name(node: ast.stmt) -> str:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return node.name
    if isinstance(node, ast.ImportFrom):
        return f"from {node.module}"
    target = (
        node.target if isinstance(node, ast.AnnAssign) else node.targets[0] if isinstance(node, ast.Assign) else None
    )
    return target.id if isinstance(target, ast.Name) else ""


def _first(node: ast.stmt) -> int:
    decorators = node.decorator_list if isinstance(node, ast.FunctionDef | ast.ClassDef) else []
    return min([node.lineno, *(one.lineno for one in decorators)])
