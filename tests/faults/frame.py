"""The frame of the fault tests: each is one function that is run short by `make test` and long by `make faults`.

Write a file `tests/faults/test_f99_what_breaks.py`; nothing else has to be told about it:

    @fault("F99", databases=BOTH, variants=("after_claim", "after_send"))   # variants are optional
    def test_f99_what_may_not_happen(scene: Scene) -> Found:
        leads = scene.pick(short=20, long=1000)      # seconds in the short form, minutes at most in the long one
        url = scene.database_url                     # an empty database with the schema, on scene.database
        with sandbox(scene.folder) as platforms:     # processes.py: everything that a test starts and kills
            ...
        return Found(runs=3, figures=(exactly("lost", lost, 0), at_most("taken over after s", late_s, 1.2)))

A figure is compared with its bar by the frame, so that a miss is shown with everything else that was measured. What
makes the measurement itself worthless (nobody met the fault) is an `assert` with words, and what the machine does not
allow is `raise CannotPlay`. Chance comes from
`scene.chance`, which its seed makes; `SEED=… ONLY=F99 make faults` runs it again as far as processes allow.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Final, Literal, TypeVar

import pytest

from leadtrackr.db import migrate
from tests.support.postgres import Server

T = TypeVar("T")
BOTH: Final = ("sqlite", "postgresql")
SEED: Final = 20261123
"""Of the short forms, which are the same in every run."""


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured, and between what it must be; None is no bound."""

    name: str
    value: float
    least: float | None = None
    most: float | None = None

    @property
    def ok(self) -> bool:
        """Whether it meets its bar."""
        return (self.least is None or self.value >= self.least) and (self.most is None or self.value <= self.most)

    @property
    def bar(self) -> str:
        """The bar in words."""
        if self.least == self.most:
            return f"{self.name} {_number(self.least)}"
        signs = (("≥", self.least), ("≤", self.most))
        return f"{self.name} " + " and ".join(f"{sign} {_number(bound)}" for sign, bound in signs if bound is not None)

    def __str__(self) -> str:
        return f"{self.name} {_number(self.value)}"


def exactly(name: str, value: float, wanted: float) -> Figure:
    """A figure that must be this one."""
    return Figure(name, value, wanted, wanted)


def at_most(name: str, value: float, most: float) -> Figure:
    """A figure that may not be higher."""
    return Figure(name, value, most=most)


def at_least(name: str, value: float, least: float) -> Figure:
    """A figure that may not be lower."""
    return Figure(name, value, least=least)


def noted(name: str, value: float) -> Figure:
    """A figure without a bar: how much there was of what the others count."""
    return Figure(name, value)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.2f}".rstrip("0").rstrip(".")


@dataclass(frozen=True, slots=True)
class Found:
    """What a scenario measured, over so many runs of its fault."""

    runs: int
    figures: Sequence[Figure]

    @property
    def ok(self) -> bool:
        """Whether every figure meets its bar."""
        return all(figure.ok for figure in self.figures)

    @property
    def measured(self) -> str:
        """The figures, those that miss marked."""
        return "; ".join(str(figure) if figure.ok else f"{figure} (missed)" for figure in self.figures)

    @property
    def bar(self) -> str:
        """The bars."""
        return "; ".join(figure.bar for figure in self.figures if (figure.least, figure.most) != (None, None))


@dataclass(frozen=True, slots=True)
class Stores:
    """Makes databases: a copy of an empty SQLite file, or one on a running PostgreSQL server."""

    template: Callable[[], bytes]
    server: Callable[[], Server]

    def make(self, database: str, folder: Path) -> str:
        """The URL of an empty database with the schema."""
        if database == "postgresql":
            return self.server().fresh("leadtrackr_faults")
        path = folder / "leadtrackr.db"
        path.write_bytes(self.template())
        return f"sqlite:///{path}"


def empty_sqlite(folder: Path) -> bytes:
    """An empty SQLite database with the schema, as the bytes of its file."""
    path = folder / "template.db"
    migrate.upgrade(f"sqlite:///{path}")
    return path.read_bytes()


@dataclass(frozen=True)
class Scene:
    """Where a scenario plays: which database, how long, by which seed, and in which folder of its own."""

    database: str
    variant: str
    size: Literal["short", "long"]
    seed: int
    folder: Path
    stores: Stores = field(repr=False)

    @cached_property
    def database_url(self) -> str:
        """An empty database with the schema, made when it is first asked for."""
        return self.stores.make(self.database, self.folder)

    @cached_property
    def chance(self) -> random.Random:
        """The chance of this run."""
        return random.Random(f"{self.seed} {self.database} {self.variant}")

    def pick(self, *, short: T, long: T) -> T:
        """One of two, by the size."""
        return short if self.size == "short" else long


class CannotPlay(Exception):
    """This machine does not allow the fault, and the sentence says what is missing."""


Scenario = Callable[[Scene], Found]


@dataclass(frozen=True, slots=True)
class Case:
    """One row of the table: a scenario on one database in one variant."""

    number: str
    scenario: Scenario
    database: str
    variant: str

    @property
    def name(self) -> str:
        """Its name in the table."""
        return f"{self.number} {self.variant}".strip()


CASES: Final[list[Case]] = []


def fault(
    number: str, *, databases: Sequence[str] = BOTH, variants: Sequence[str] = ("",)
) -> Callable[[Scenario], Callable[..., None]]:
    """Registers a scenario, and makes of it the test that runs its short form."""

    def register(scenario: Scenario) -> Callable[..., None]:
        cases = [Case(number, scenario, database, variant) for database in databases for variant in variants]
        CASES.extend(cases)

        @pytest.mark.parametrize("case", cases, ids=lambda case: f"{case.variant}-{case.database}".strip("-"))
        def test(case: Case, stores: Stores, tmp_path: Path) -> None:
            try:
                found = case.scenario(Scene(case.database, case.variant, "short", SEED, tmp_path, stores))
            except CannotPlay as reason:
                pytest.skip(str(reason))
            print(f"\n{case.name} | {case.database} | {found.runs} | {found.measured} | {found.bar} | {SEED}")
            assert found.ok, f"{found.measured}. The bar: {found.bar}"

        test.__doc__ = scenario.__doc__
        return test

    return register


def all_cases() -> list[Case]:
    """Every case of every file here, in the order of their numbers."""
    package = import_module("tests.faults")
    for module in iter_modules(package.__path__):
        if module.name.startswith("test_f"):
            import_module(f"tests.faults.{module.name}")
    return sorted(CASES, key=lambda case: int(case.number.removeprefix("F")))
