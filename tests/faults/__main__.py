"""`python -m tests.faults`: the long form of the fault tests. ONLY=F4,F9 picks some, SEED=1 sets the seed."""

import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

import psycopg

from leadtrackr.kit import log
from tests.faults import table
from tests.faults.frame import CannotPlay, Case, Scene, Stores, all_cases, empty_sqlite
from tests.support import postgres


def main() -> int:
    """Runs what is asked for, says it row by row, and writes the page. 1 when anything missed its bar."""
    # As Ctrl-C does: what was started is ended.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    log.set_up("console", "error", ())
    cases, seed = all_cases(), int(os.environ.get("SEED") or random.randrange(10**8))
    only = {name.strip().upper() for name in os.environ.get("ONLY", "").split(",") if name.strip()}
    if unknown := only - {case.number for case in cases}:
        print(
            f"There is no {', '.join(sorted(unknown))}. There are {', '.join(dict.fromkeys(c.number for c in cases))}."
        )
        return 2
    wanted = [case for case in cases if not only or case.number in only]
    made: list[table.Row] = []
    order = [(case.name, case.database) for case in cases]
    with _stores() as (stores, server):
        version = _version(server.url("postgres"))
        for place, case in enumerate(wanted, 1):
            print(f"[{place}/{len(wanted)}] {case.name} on {case.database} …", file=sys.stderr, flush=True)
            made.append(_run(case, stores, seed))
            print(made[-1], flush=True)
            # Row by row, so that a run that is broken off has not been for nothing.
            old = table.PAGE.read_text() if table.PAGE.exists() else ""
            table.PAGE.write_text(table.page(old, made[-1:], order, version))
    print("\n".join(["", table.HEAD, *map(str, made)]))
    return int(any(row.ok == "no" for row in made))


def _run(case: Case, stores: Stores, seed: int) -> table.Row:
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="leadtrackr-fault-") as folder:
        try:
            found = case.scenario(Scene(case.database, case.variant, "long", seed, Path(folder), stores))
        except CannotPlay as reason:
            return table.Row(case.name, case.database, "0", str(reason), "", str(seed), "not run", table.today())
        except Exception as error:  # noqa: BLE001 - whatever it is, the other tests have their turn
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
            words = f"{type(error).__name__}: {str(error).partition(chr(10))[0][:200]}"
            return table.Row(case.name, case.database, "0", words, "", str(seed), "no", table.today())
    print(f"took {time.monotonic() - started:.0f} s", file=sys.stderr)
    ok = "yes" if found.ok else "no"
    runs = str(found.runs)
    return table.Row(case.name, case.database, runs, found.measured, found.bar, str(seed), ok, table.today())


@contextmanager
def _stores() -> Iterator[tuple[Stores, postgres.Server]]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="leadtrackr-fault-")))
        server = stack.enter_context(postgres.server())
        yield Stores(cache(lambda: empty_sqlite(folder)), lambda: server), server


def _version(url: str) -> str:
    with psycopg.connect(url) as connection:
        found = connection.execute("SHOW server_version").fetchone()
        return str(found[0]).split(" ")[0] if found else ""


if __name__ == "__main__":
    sys.exit(main())
