"""`python -m leadtrackr.sandbox`: the emulated ad platforms alone."""

import argparse
from pathlib import Path

from leadtrackr.sandbox.server import run


def main() -> None:
    """Read the options and serve."""
    parser = argparse.ArgumentParser(prog="python -m leadtrackr.sandbox", description="The emulated ad platforms.")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen at (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8900, help="the port; 0 picks a free one (default: %(default)s)")
    parser.add_argument("--ledger", type=Path, help="append every call to this file, one JSON line each")
    parser.add_argument("--no-bodies", action="store_true", help="keep neither bodies nor headers, for benchmarks")
    given = parser.parse_args()
    run(given.host, given.port, ledger_file=given.ledger, bodies=not given.no_bodies)


if __name__ == "__main__":
    main()
