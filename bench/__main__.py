"""`python -m bench [--rounds N] [ROW …]`: measures, prints a table and writes bench/results/latest.json."""

import argparse
import sys
from pathlib import Path
from typing import Final

import msgspec

from bench import report, serving, throughput

RESULTS: Final = Path(__file__).parent / "results" / "latest.json"
SERVE: Final = "serve"
NAMES: Final = (*(row.name for row in throughput.ROWS), SERVE)


def main() -> None:
    """Measures the rows that the command line names, or all."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="The program against its limits.")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"of {', '.join(NAMES)}; all when none is named")
    parser.add_argument("--rounds", type=int, default=5, help="how often both sides run in turn (default: %(default)s)")
    given = parser.parse_args()
    wanted = given.rows or NAMES
    if unknown := [name for name in wanted if name not in NAMES]:
        parser.error(f"there is no row {', '.join(unknown)}; there are {', '.join(NAMES)}")
    found = _measure(wanted, max(1, given.rounds))
    print(report.table(found))
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_bytes(msgspec.json.format(msgspec.json.encode(found)) + b"\n")


def _measure(wanted: list[str] | tuple[str, ...], rounds: int) -> report.Report:
    ratios: list[report.Ratio] = []
    for row in throughput.ROWS:
        if row.name in wanted:
            _say(f"{row.name}: program and limit in turn, {rounds} rounds …")
            ratios.append(report.ratio(row.name, row.unit, throughput.measure(row, rounds)))
    levels: tuple[report.Level, ...] = ()
    if SERVE in wanted:
        _say(f"{SERVE}: {rounds} first and {rounds} later starts …")
        levels = report.levels(*serving.measure(rounds))
    return report.report(ratios, levels)


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
