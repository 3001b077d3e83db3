"""The rules of the house, checked on the code itself."""

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from sqlalchemy import Insert, Table
from sqlalchemy.sql import visitors

import leadtrackr
from leadtrackr.db.statement import Prepared

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "src" / "leadtrackr"
LONGEST_FILE, LONGEST_FUNCTION = 500, 80
# Written by Alembic: one function with every table is how a migration is read.
GENERATED = SOURCES / "db" / "migrations" / "versions"

ENGINE = {
    "leadtrackr.conversions.claim": "the engine serves all projects: it claims by connection and lease",
    "leadtrackr.conversions.housekeeping": "the engine serves all projects: it looks for what time alone has moved",
    "leadtrackr.conversions.record": "the engine serves all projects: it records by lease",
    "leadtrackr.conversions.settle": "the engine serves all projects: it settles what it has recorded",
    "leadtrackr.conversions.strays": "the engine serves all projects: it looks for what does not fit its connection",
    "leadtrackr.conversions.inquiry": "the engine serves all projects: it asks by connection and reference",
    "leadtrackr.conversions.incidents.changes": "the engine serves all projects: it opens and recovers by connection",
    "leadtrackr.conversions.incidents.watch": "the engine serves all projects: it looks at every connection",
    "leadtrackr.conversions.moot": "the engine serves all projects: it looks at what it has leased or asked about",
    "leadtrackr.conversions.hold": "the engine serves all projects: it holds and releases a connection",
    "leadtrackr.conversions.renewal": "the engine serves all projects: it renews a connection's secrets",
}
EXCEPTIONS = {
    ("leadtrackr.accounts.queries", "_BY_KEY"): "a key names its project; that is what it is for",
    ("leadtrackr.accounts.sign_in", "_ROLES"): "asks which projects a person belongs to",
    ("leadtrackr.conversions.queries", "_PENDING_JOB"): "asked with the id of a lead that was found in its project",
    ("leadtrackr.conversions.incidents.service", "_WAITING"): "asked with connections that were found in their project",
    ("leadtrackr.conversions.incidents.service", "_ENDING"): "asked with connections that were found in their project",
    ("leadtrackr.conversions.incidents.service", "_COUNTS"): "for whoever runs the server",
    ("leadtrackr.conversions.linking.queries", "_TAKE"): "a state names its project; that is what it is for",
    ("leadtrackr.conversions.linking.queries", "_FORGET"): "what has ended is forgotten for all projects",
    ("leadtrackr.conversions.connections", "_BY_ID"): "the engine serves all projects",
    ("leadtrackr.conversions.connections", "_LOCKED"): "the engine serves all projects",
    ("leadtrackr.conversions.connections", "_ALL"): "for whoever runs the server",
    ("leadtrackr.conversions.connections", "_UPDATE"): "changes the row that was found in its project before",
}


def _sources() -> list[Path]:
    return [path for path in sorted(SOURCES.rglob("*.py")) if GENERATED not in path.parents]


def _modules() -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(leadtrackr.__path__, "leadtrackr."):
        if ".migrations" not in found.name and not found.name.endswith("__main__"):
            yield importlib.import_module(found.name)


@pytest.mark.parametrize("path", _sources(), ids=lambda path: str(path.relative_to(SOURCES)))
def test_no_file_and_no_function_is_too_long(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= LONGEST_FILE
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < LONGEST_FUNCTION, f"{node.name} is too long"


@pytest.mark.parametrize("path", _sources(), ids=lambda path: str(path.relative_to(SOURCES)))
def test_every_public_thing_has_a_docstring(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree), "the module says nothing of itself"
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{node.name} says nothing of itself"


@pytest.mark.parametrize("path", _sources(), ids=lambda path: str(path.relative_to(SOURCES)))
def test_time_and_randomness_come_from_the_kit(path: Path) -> None:
    if path.is_relative_to(SOURCES / "kit") or path.is_relative_to(SOURCES / "sandbox"):
        return
    calls = re.findall(
        r"\b(?:time\.time|time\.time_ns|datetime\.now|datetime\.utcnow|random\.\w+|secrets\.\w+|uuid4)\(",
        path.read_text(),
    )
    assert calls == [], "inject kit.clock or kit.ids instead"


def _takes_project(prepared: Prepared) -> bool:
    statement = prepared._statement
    tables = {part for part in visitors.iterate(statement) if isinstance(part, Table)}
    if not any("project_id" in table.c for table in tables):
        return True
    if isinstance(statement, Insert):
        return "project_id" in {getattr(key, "name", key) for key in (statement._values or {})}
    conditions = getattr(statement, "whereclause", None)
    return conditions is not None and any(
        getattr(part, "name", "") == "project_id" for part in visitors.iterate(conditions)
    )


def test_every_query_of_project_data_takes_the_project() -> None:
    wrong, used = [], set()
    for module in _modules():
        for name, value in vars(module).items():
            if not isinstance(value, Prepared) or module.__name__ in ENGINE or _takes_project(value):
                continue
            if (module.__name__, name) in EXCEPTIONS:
                used.add((module.__name__, name))
            else:
                wrong.append(f"{module.__name__}.{name}")
    assert wrong == []
    assert used == set(EXCEPTIONS), "an exception that nothing needs"


def test_only_services_and_the_worker_open_transactions() -> None:
    opening = re.compile(r"\bdb\.(?:write|read)\(|\b_db\.(?:write|read)\(")
    # lease.py, inquirer.py and tokens.py are the worker's: they work beside its requests.
    allowed = {
        "service.py",
        "worker.py",
        "drain.py",
        "allowance.py",
        "inquirer.py",
        "lease.py",
        "tokens.py",
        "connections.py",
        "operations.py",
        "receipts.py",
    }
    # Readiness asks whether a transaction can be opened at all.
    allowed_paths = {SOURCES / "db" / "probe.py"}
    found = [
        str(path.relative_to(SOURCES))
        for path in _sources()
        if path.name not in allowed and path not in allowed_paths and opening.search(path.read_text())
    ]
    assert found == []
