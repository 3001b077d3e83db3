"""Starting and stopping what is measured, each in a process of its own."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from bench.templates import SECRET_KEY

ROOT: Final = Path(__file__).parents[1]
STOP_S: Final = 30.0
LONGEST_S: Final = 300.0
_T = TypeVar("_T")


def environment(database: Path, sandbox_url: str = "", url: str = "") -> dict[str, str]:
    """The settings of a program that works on this file and in its folder, and nothing of the caller's own settings.

    `url` names a database elsewhere; the folder is the program's all the same.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LEADTRACKR_")}
    return kept | {
        "PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT))),
        "BENCH_DATABASE": str(database),
        "LEADTRACKR_DATABASE_URL": url or f"sqlite:///{database}",
        "LEADTRACKR_DATA_DIR": str(database.parent),
        "LEADTRACKR_SECRET_KEY": SECRET_KEY,
        "LEADTRACKR_LOG_LEVEL": "warning",
        "LEADTRACKR_SANDBOX_URL": sandbox_url,
    }


@contextmanager
def folder() -> Iterator[str]:
    """A folder that is gone at the end."""
    with tempfile.TemporaryDirectory(prefix="leadtrackr-bench-") as made:
        yield made


@contextmanager
def running(arguments: list[str], env: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A Python process with these arguments, stopped at the end by SIGTERM."""
    process = subprocess.Popen(
        [sys.executable, *arguments], env=env, cwd=env["LEADTRACKR_DATA_DIR"], stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


@contextmanager
def api(factory: str, database: Path) -> Iterator[int]:
    """A server on the file; yields its port."""
    with running(["-m", "bench.server", factory], environment(database)) as process:
        yield int(_first_line(process))


@contextmanager
def sandbox() -> Iterator[str]:
    """The emulated platforms, fresh and without a memory of bodies; yields the address."""
    arguments = ["-m", "leadtrackr.sandbox", "--port", "0", "--no-bodies"]
    with (
        tempfile.TemporaryDirectory(prefix="leadtrackr-bench-") as folder,
        running(arguments, environment(Path(folder) / "unused.db")) as process,
    ):
        yield _first_line(process).split()[-1]


def answer_of(arguments: list[str], env: Mapping[str, str], shape: type[_T]) -> _T:
    """What a Python process prints, as JSON of that shape."""
    done = subprocess.run(
        [sys.executable, *arguments],
        env=env,
        cwd=env["LEADTRACKR_DATA_DIR"],
        stdout=subprocess.PIPE,
        check=True,
        timeout=LONGEST_S,
    )
    return msgspec.json.decode(done.stdout, type=shape)


def _first_line(process: subprocess.Popen[str]) -> str:
    line = process.stdout.readline().strip() if process.stdout is not None else ""
    if not line:
        raise RuntimeError("the process stopped before it was ready; its error stands above")
    return line
