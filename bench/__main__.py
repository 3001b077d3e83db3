"""`python -m bench [--rounds N] [--rows N] [ROW …]`: measures, prints a table and writes bench/results/latest.json."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from bench import building, claiming, idle, neighbours, receipt, report, serving, throughput
from bench.stores import KINDS

RESULTS: Final = Path(__file__).parent / "results" / "latest.json"
BUILD: Final = "build"
CLAIM: Final = "claim"
QUEUE: Final = "queue"
NEIGHBOURS: Final = "neighbours"
SERVE: Final = "serve"
IDLE: Final = "idle"
RECEIPT: Final = "receipt"
NAMES: Final = (*(row.name for row in throughput.ROWS), BUILD, CLAIM, QUEUE, NEIGHBOURS, SERVE, IDLE, RECEIPT)
LONG: Final = 2
"""Most rounds of a row that watches a server for half a minute each time."""
QUICK: Final = 4
"""How many rounds of a row of which one takes less than a second stand for one of another."""


_ROWS_HELP: Final = f"how many deliveries the long queue of the row {QUEUE} holds (default: %(default)s)"


class Asked(msgspec.Struct, frozen=True):
    """What the command line asks for."""

    names: Sequence[str]
    rounds: int
    queued: int
    """How many deliveries the long queue holds."""


def asked(arguments: Sequence[str]) -> Asked:
    """Reads the command line; SystemExit with a sentence when there is no such row."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="The program against its limits.")
    parser.add_argument("names", nargs="*", metavar="ROW", help=f"of {', '.join(NAMES)}; all when none is named")
    parser.add_argument("--rounds", type=int, default=5, help="how often both sides run in turn (default: %(default)s)")
    parser.add_argument("--rows", type=int, default=1_000_000, help=_ROWS_HELP)
    given = parser.parse_args(arguments)
    names: list[str] = given.names
    if unknown := [name for name in names if name not in NAMES]:
        parser.error(f"there is no row {', '.join(unknown)}; there are {', '.join(NAMES)}")
    return Asked(names or NAMES, max(1, given.rounds), max(1, given.rows))


def main() -> None:
    """Measures the rows that the command line names, or all."""
    given = asked(sys.argv[1:])
    wanted, rounds = given.names, given.rounds
    found = report.report(_ratios(wanted, rounds), _factors(wanted, rounds, given.queued), _levels(wanted, rounds))
    print(report.table(found))
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_bytes(msgspec.json.format(msgspec.json.encode(found)) + b"\n")


def _ratios(wanted: Sequence[str], rounds: int) -> list[report.Ratio]:
    found: list[report.Ratio] = []
    for row in throughput.ROWS:
        if row.name in wanted:
            _say(f"{row.name}: program and limit in turn, {rounds} rounds …")
            found.append(report.ratio(row.name, row.unit, throughput.measure(row, rounds)))
    return found


def _factors(wanted: Sequence[str], rounds: int, rows: int) -> list[report.Factor]:
    found: list[report.Factor] = []
    if BUILD in wanted:
        _say(f"{BUILD}: a batch of each destination and its JSON in turn, {rounds * QUICK} rounds …")
        for slug, encoder, pairs in building.measure(rounds * QUICK):
            found.append(report.factor(f"build {slug}, times {encoder}", report.AIM_BUILD, pairs))
    for kind in KINDS if CLAIM in wanted else ():
        _say(f"{CLAIM}, {kind}: program and limit in turn, {rounds * QUICK} rounds …")
        pairs = claiming.against_limit(kind, rounds * QUICK)
        found.append(report.factor(f"claim and record of {claiming.TAKEN:,}, {kind}", report.AIM_CLAIM, pairs))
    for kind in KINDS if QUEUE in wanted else ():
        _say(f"{QUEUE}, {kind}: a queue of {rows:,} and one that is nearly empty in turn, {rounds * QUICK} rounds …")
        pairs = claiming.full_and_empty(kind, rows, rounds * QUICK)
        found.append(report.factor(f"the same of {rows:,} queued, {kind}", report.AIM_QUEUE, pairs))
    if NEIGHBOURS in wanted:
        _say(f"{NEIGHBOURS}: five with a sixth that hangs and alone in turn, {rounds} rounds …")
        pairs = neighbours.measure(rounds)
        found.append(report.factor("p99 beside one that hangs", report.AIM_NEIGHBOURS, pairs))
    return found


def _levels(wanted: Sequence[str], rounds: int) -> list[report.Level]:
    found: list[report.Level] = []
    few = min(rounds, LONG)
    if SERVE in wanted:
        _say(f"{SERVE}: {rounds} first and {rounds} later starts …")
        found += report.levels(*serving.measure(rounds))
    if IDLE in wanted:
        _say(f"{IDLE}: a server on each database, watched {few} times …")
        for kind, shares in idle.measure(few).items():
            found.append(report.level(f"idle, of a core, {kind}", "%", shares, report.AIM_IDLE_PERCENT))
    if RECEIPT in wanted:
        _say(f"{RECEIPT}: a rating now and then on each database, {few} rounds …")
        for kind, delays in receipt.measure(few).items():
            found.append(report.level(f"from 201 to receipt, p99, {kind}", "ms", delays, report.AIM_RECEIPT_MS))
    return found


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
