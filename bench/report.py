"""Figures into rows, a table for people and JSON for programs."""

import os
import platform
import sqlite3
import statistics
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec

from bench.serving import Started
from bench.throughput import Run

AIM_RATIO: Final = 0.5
AIM_MEGABYTES: Final = 150.0
AIM_SECONDS: Final = 2.0


class Ratio(msgspec.Struct, frozen=True, kw_only=True):
    """Program against limit: medians of both sides, and of the ratio within each round with its extremes."""

    name: str
    unit: str
    program: float
    limit: float
    ratio: float
    ratio_min: float
    ratio_max: float
    aim: float = AIM_RATIO
    rounds: int
    load_share: float | None
    """The most of one core that the load took in any run: near 1, and the load would be what is measured."""
    runs: tuple[tuple[float, float], ...]


class Level(msgspec.Struct, frozen=True, kw_only=True):
    """One figure against a bar that it must stay under."""

    name: str
    unit: str
    median: float
    least: float
    most: float
    aim: float
    rounds: int


class Machine(msgspec.Struct, frozen=True):
    """Where it was measured."""

    cores: int
    processor: str
    system: str
    python: str
    sqlite: str


class Report(msgspec.Struct, frozen=True):
    """One run of the benchmarks."""

    measured_at: str
    machine: Machine
    ratios: tuple[Ratio, ...]
    levels: tuple[Level, ...]


def ratio(name: str, unit: str, pairs: Sequence[tuple[Run, Run]]) -> Ratio:
    """The row of one comparison."""
    ratios = [program.per_second / limit.per_second for program, limit in pairs]
    shares = [run.load_share for pair in pairs for run in pair if run.load_share is not None]
    return Ratio(
        name=name,
        unit=unit,
        program=statistics.median(program.per_second for program, _ in pairs),
        limit=statistics.median(limit.per_second for _, limit in pairs),
        ratio=statistics.median(ratios),
        ratio_min=min(ratios),
        ratio_max=max(ratios),
        rounds=len(pairs),
        load_share=max(shares, default=None),
        runs=tuple((program.per_second, limit.per_second) for program, limit in pairs),
    )


def levels(first: Sequence[Started], later: Sequence[Started]) -> tuple[Level, ...]:
    """The rows about one server by itself."""
    return (
        _level("start, new database", "s", [start.seconds for start in first], AIM_SECONDS),
        _level("start, again", "s", [start.seconds for start in later], AIM_SECONDS),
        _level("idle memory", "MB", [start.megabytes for start in (*first, *later)], AIM_MEGABYTES),
    )


def _level(name: str, unit: str, values: Sequence[float], aim: float) -> Level:
    median = statistics.median(values)
    return Level(name=name, unit=unit, median=median, least=min(values), most=max(values), aim=aim, rounds=len(values))


def report(ratios: Sequence[Ratio], measured: Sequence[Level]) -> Report:
    """The whole, with the present time and machine."""
    machine = Machine(
        os.cpu_count() or 0, _processor(), platform.platform(), platform.python_version(), sqlite3.sqlite_version
    )
    return Report(datetime.now(UTC).isoformat(timespec="seconds"), machine, tuple(ratios), tuple(measured))


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor()


def table(found: Report) -> str:
    """Markdown: the ratios, then the levels."""
    lines: list[str] = []
    if found.ratios:
        lines += [
            "| Row | Program | Limit | Ratio, median | Least | Most | Aim |",
            "|---|---:|---:|---:|---:|---:|---:|",
        ]
        lines += [
            f"| {row.name} | {row.program:,.0f} {row.unit} | {row.limit:,.0f} {row.unit} | {row.ratio:.2f} "
            f"| {row.ratio_min:.2f} | {row.ratio_max:.2f} | ≥ {row.aim:.2f} |"
            for row in found.ratios
        ]
    if found.levels:
        lines += ["", "| Row | Median | Least | Most | Aim |", "|---|---:|---:|---:|---:|"]
        lines += [
            f"| {row.name} | {row.median:.{digits}f} {row.unit} | {row.least:.{digits}f} | {row.most:.{digits}f} "
            f"| ≤ {row.aim:.0f} {row.unit} |"
            for row in found.levels
            for digits in (2 if row.unit == "s" else 0,)
        ]
    return "\n".join(lines).strip()
