"""`python -m tests.faults.removals [part of a name]`: takes safeguards out and says what became of each."""

import sys
import time

from tests.faults.removals.runner import each, fails_anyway
from tests.faults.removals.table import REMOVALS


def main() -> int:
    """1 when a removal is not caught, or a test fails with everything in its place."""
    wanted = [one for one in REMOVALS if any(part in one.name for part in sys.argv[1:] or [""])]
    started, missed = time.monotonic(), 0
    for verdict in each(wanted):
        missed += not verdict.caught
        print("caught" if verdict.caught else "MISSED", "|", verdict.removal.name, "|", verdict.words, flush=True)
    print(f"{len(wanted)} removals, {missed} missed, {time.monotonic() - started:.0f} s", flush=True)
    anyway = fails_anyway(wanted)
    print(anyway)
    return int(bool(missed or anyway))


if __name__ == "__main__":
    sys.exit(main())
