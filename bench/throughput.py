"""The rows that compare the program with its limit: A B A B, each run in fresh processes on a fresh copy."""

import asyncio
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from bench import processes, templates
from bench.load import Loaded
from bench.templates import Template

CONNECTIONS: Final = 64
WARM_UP: Final = 1000
POSTS: Final = 10_000
EVENTS: Final = 20_000
PROGRAM: Final = "leadtrackr.app:create_without_worker"
LIMIT: Final = "bench.limit_api:create"


class Run(msgspec.Struct, frozen=True):
    """One run of one side."""

    per_second: float
    load_share: float | None = None
    """How much of one core the load took, where there is one."""


class Row(msgspec.Struct, frozen=True):
    """One comparison. `prepare` makes the template, `program` and `limit` run once on a copy of it."""

    name: str
    unit: str
    prepare: Callable[[Path], Coroutine[Any, Any, Template]]
    program: Callable[[Template], Run]
    limit: Callable[[Template], Run]


@contextmanager
def _copy(template: Template) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="leadtrackr-bench-") as folder:
        yield Path(shutil.copy(template.database, folder))


def _posted(template: Template, factory: str, table: str) -> Run:
    with _copy(template) as database:
        before = _count(database, table)
        with processes.api(factory, database) as port:
            arguments = ["-m", "bench.load", str(port), str(CONNECTIONS), str(WARM_UP), str(template.requests)]
            loaded = processes.answer_of(arguments, processes.environment(database), Loaded)
        if loaded.statuses != {"201": POSTS} or _count(database, table) - before != WARM_UP + POSTS:
            raise RuntimeError(f"{factory} did not store every post: {loaded.statuses}")
    return Run(POSTS / loaded.seconds, loaded.cpu_seconds / loaded.seconds)


def _program_delivery(template: Template) -> Run:
    with _copy(template) as database, processes.sandbox() as url:
        taken = processes.answer_of(["-m", "bench.deliver"], processes.environment(database, url), dict[str, float])
        if _count(database, "deliveries WHERE state = 'accepted'") != EVENTS:
            raise RuntimeError("not every event was accepted")
    return Run(EVENTS / taken["seconds"])


def _limit_delivery(template: Template) -> Run:
    with processes.sandbox() as url:
        arguments = ["-m", "bench.limit_delivery", url, str(template.requests)]
        taken = processes.answer_of(arguments, processes.environment(template.database), dict[str, float])
    return Run(EVENTS / taken["seconds"])


def _count(database: Path, what: str) -> int:
    connection = sqlite3.connect(database)
    try:
        return int(connection.execute(f"SELECT count(*) FROM {what}").fetchone()[0])  # noqa: S608 - our own words
    finally:
        connection.close()


def measure(row: Row, rounds: int) -> list[tuple[Run, Run]]:
    """The runs of the program and its limit, in turn."""
    with tempfile.TemporaryDirectory(prefix="leadtrackr-bench-") as folder:
        template = asyncio.run(row.prepare(Path(folder)))
        return [(row.program(template), row.limit(template)) for _ in range(rounds)]


ROWS: Final = (
    Row(
        "createLead",
        "leads/s",
        lambda folder: templates.for_create(folder, WARM_UP + POSTS),
        lambda template: _posted(template, PROGRAM, "leads"),
        lambda template: _posted(template, LIMIT, "leads"),
    ),
    Row(
        "updateLeadStatus",
        "ratings/s",
        lambda folder: templates.for_status(folder, WARM_UP + POSTS),
        lambda template: _posted(template, PROGRAM, "jobs"),
        lambda template: _posted(template, LIMIT, "jobs"),
    ),
    Row(
        "delivery",
        "events/s",
        lambda folder: templates.for_delivery(folder, EVENTS),
        _program_delivery,
        _limit_delivery,
    ),
)
