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
AIM_CLAIM: Final = 1.5
AIM_BUILD: Final = 4.0
AIM_QUEUE: Final = 2.0
AIM_NEIGHBOURS: Final = 1.2
AIM_IDLE_PERCENT: Final = 1.0
AIM_RECEIPT_MS: Final = 1000.0
_DIGITS: Final = {"s": 2, "%": 2}


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


class Factor(msgspec.Struct, frozen=True, kw_only=True):
    """How many times as long one thing takes as another: medians of both, and of the factor within each round."""

    name: str
    measured_ms: float
    against_ms: float
    factor: float
    least: float
    most: float
    aim: float
    rounds: int
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
    factors: tuple[Factor, ...]
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


def factor(name: str, aim: float, pairs_ms: Sequence[tuple[float, float]]) -> Factor:
    """The row of one comparison of times, in milliseconds."""
    factors = [measured / against for measured, against in pairs_ms]
    return Factor(
        name=name,
        measured_ms=statistics.median(measured for measured, _ in pairs_ms),
        against_ms=statistics.median(against for _, against in pairs_ms),
        factor=statistics.median(factors),
        least=min(factors),
        most=max(factors),
        aim=aim,
        rounds=len(pairs_ms),
        runs=tuple(pairs_ms),
    )


def levels(first: Sequence[Started], later: Sequence[Started]) -> tuple[Level, ...]:
    """The rows about one server by itself."""
    return (
        level("start, new database", "s", [start.seconds for start in first], AIM_SECONDS),
        level("start, again", "s", [start.seconds for start in later], AIM_SECONDS),
        level("idle memory", "MB", [start.megabytes for start in (*first, *later)], AIM_MEGABYTES),
    )


def level(name: str, unit: str, values: Sequence[float], aim: float) -> Level:
    """The row of one figure by itself."""
    median = statistics.median(values)
    return Level(name=name, unit=unit, median=median, least=min(values), most=max(values), aim=aim, rounds=len(values))


def report(ratios: Sequence[Ratio], factors: Sequence[Factor], measured: Sequence[Level]) -> Report:
    """The whole, with the present time and machine."""
    machine = Machine(
        os.cpu_count() or 0, _processor(), platform.platform(), platform.python_version(), sqlite3.sqlite_version
    )
    return Report(
        datetime.now(UTC).isoformat(timespec="seconds"), machine, tuple(ratios), tuple(factors), tuple(measured)
    )


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor()


def table(found: Report) -> str:
    """Markdown: the ratios, then the factors, then the levels."""
    return "\n\n".join("\n".join(lines) for lines in (_ratios(found), _factors(found), _levels(found)) if lines)


def _ratios(found: Report) -> list[str]:
    if not found.ratios:
        return []
    return [
        "| Row | Program | Limit | Ratio, median | Least | Most | Aim |",
        "|---|---:|---:|---:|---:|---:|---:|",
        *(
            f"| {row.name} | {row.program:,.0f} {row.unit} | {row.limit:,.0f} {row.unit} | {row.ratio:.2f} "
            f"| {row.ratio_min:.2f} | {row.ratio_max:.2f} | ≥ {row.aim:.2f} |"
            for row in found.ratios
        ),
    ]


def _factors(found: Report) -> list[str]:
    if not found.factors:
        return []
    return [
        "| Row | Measured | Against | Factor, median | Least | Most | Aim |",
        "|---|---:|---:|---:|---:|---:|---:|",
        *(
            f"| {row.name} | {row.measured_ms:,.0f} ms | {row.against_ms:,.0f} ms | {row.factor:.2f} "
            f"| {row.least:.2f} | {row.most:.2f} | ≤ {row.aim:.1f} |"
            for row in found.factors
        ),
    ]


def _levels(found: Report) -> list[str]:
    if not found.levels:
        return []
    return [
        "| Row | Median | Least | Most | Aim |",
        "|---|---:|---:|---:|---:|",
        *(
            f"| {row.name} | {row.median:.{digits}f} {row.unit} | {row.least:.{digits}f} | {row.most:.{digits}f} "
            f"| ≤ {row.aim:.0f} {row.unit} |"
            for row in found.levels
            for digits in (_DIGITS.get(row.unit, 0),)
        ),
    ]
