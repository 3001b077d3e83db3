"""Runs pytest in copies of the source, each in a process of its own that is born with everything foreign imported.

A script and no module: it must know nothing of the source that it lies beside. On its input come lines of JSON, folder,
seconds and arguments of pytest; for each it writes the exit code, and the output into `output.txt` of the folder.
"""

import importlib
import json
import os
import signal
import sys
import traceback
from pathlib import Path
from types import FrameType

FOREIGN = (
    *("aiohttp.web", "alembic.command", "alembic.autogenerate", "cryptography.fernet", "hypothesis.strategies"),
    *("phonenumbers", "prometheus_client", "psycopg", "psycopg_pool", "pytest", "sqlalchemy.dialects.postgresql"),
    *("sqlalchemy.dialects.sqlite", "starlette.applications", "structlog"),
)
ELSEWHERE = 70
AFTER_S = 30
"""So long a test that was told to end has for ending what it started."""


def _end(_number: int, _frame: FrameType | None) -> None:
    """As Ctrl-C does; whoever does not listen is ended for good."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(AFTER_S)
    raise KeyboardInterrupt


def _test(root: Path, seconds: int, arguments: list[str]) -> int:
    output = os.open(root / "output.txt", os.O_WRONLY | os.O_CREAT)
    for stream in (1, 2):
        os.dup2(output, stream)
    os.chdir(root)
    sys.path[:0] = [str(root / "src"), str(root)]
    os.environ["PYTHONPATH"] = str(root / "src")
    for name in ("leadtrackr", "tests"):
        found = importlib.import_module(name).__file__
        if found is None or not Path(found).is_relative_to(root):
            print(f"{found} is not of the copy.", flush=True)
            return ELSEWHERE
    signal.signal(signal.SIGALRM, _end)
    signal.alarm(seconds)
    import pytest

    return int(pytest.main(arguments))


def main() -> None:
    """Until the input ends."""
    for name in FOREIGN:
        importlib.import_module(name)
    for line in sys.stdin:
        folder, seconds, arguments = json.loads(line)
        child = os.fork()
        if child == 0:
            code = ELSEWHERE
            try:
                code = _test(Path(folder), seconds, arguments)
                sys.stdout.flush()
            except BaseException:
                traceback.print_exc()
                raise
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
