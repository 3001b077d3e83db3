"""Takes safeguards out of copies of the source, one at a time, and runs the test that must fail without it."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as XmlTree

from tests.faults.removals.model import Edit, Removal

ROOT: Final = Path(__file__).parents[3]
TOGETHER: Final = 2
LONGEST_S: Final = 90
"""For one test; many times what it needs, so that a test that hangs without its safeguard is seen to hang."""
_ELSEWHERE: Final = 70
_BROKEN: Final = ("NameError", "ImportError", "ModuleNotFoundError", "SyntaxError", "AttributeError", "TypeError")
"""What a test dies of when the source does not work at all: that it was noticed proves nothing."""
_RUN: Final = f"""
import sys
from pathlib import Path
import leadtrackr, pytest, tests
for found in (leadtrackr, tests):
    if not Path(found.__file__).is_relative_to(Path.cwd()):
        print(found.__file__, "is not of the copy")
        sys.exit({_ELSEWHERE})
sys.exit(pytest.main(sys.argv[1:]))
"""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a removal. `caught`: its test failed by what it found, not by something else."""

    removal: Removal
    caught: bool
    words: str


@contextmanager
def copy(edits: Sequence[Edit] = ()) -> Iterator[Path]:
    """The source and the tests in a folder of their own, changed; Moved when an edit does not fit."""
    with tempfile.TemporaryDirectory(prefix="leadtrackr-removal-") as folder:
        root = Path(folder)
        for name in ("src", "tests"):
            shutil.copytree(ROOT / name, root / name)
        shutil.copy(ROOT / "pyproject.toml", root)
        for edit in edits:
            edit.apply(root)
        yield root


def without(removal: Removal) -> Verdict:
    """Runs the test of a removal without its safeguard."""
    with copy(removal.edits) as root:
        code, output = _pytest(root, [removal.test])
        report = root / "report.xml"
        if code is None:
            return Verdict(removal, False, f"ran for more than {LONGEST_S} s")
        if code != 1 or not report.exists():
            return Verdict(removal, False, "its test passed" if code == 0 else _last_lines(output))
        return _judged(removal, report)


def _judged(removal: Removal, report: Path) -> Verdict:
    # Of the test itself: what fails before or after it is an `error` there.
    failures = list(XmlTree.parse(report).iter("failure"))  # noqa: S314 - this program's own file
    if len(failures) != 1:
        return Verdict(removal, False, "its test did not come to its own end: a fixture failed")
    message = " ".join((failures[0].get("message") or "").split())[:200]
    if message.split(":")[0].rpartition(".")[2] in _BROKEN:
        return Verdict(removal, False, f"the source does not work at all without it: {message}")
    return Verdict(removal, True, message)


def with_all(removals: Sequence[Removal]) -> list[str]:
    """Runs all their tests with every safeguard in its place; returns the words of what fails all the same."""
    with copy() as root:
        code, output = _pytest(root, sorted({one.test for one in removals}), first=False, longest_s=600)
    return [] if code == 0 else [_last_lines(output)]


def each(removals: Sequence[Removal], together: int = TOGETHER) -> list[Verdict]:
    """The verdict of each, so many at once."""
    with ThreadPoolExecutor(together) as pool:
        return list(pool.map(without, removals))


def _pytest(
    root: Path, tests: Sequence[str], *, first: bool = True, longest_s: float = LONGEST_S
) -> tuple[int | None, str]:
    """Its exit code, None when it had to be ended, and what it wrote."""
    options = ["-q", "-n", "0", "-p", "no:cacheprovider", "--hypothesis-seed=1", f"--junitxml={root / 'report.xml'}"]
    order = [sys.executable, "-c", _RUN, *options, *(["-x"] if first else []), *tests]
    # Neither what steers the tests around this one, nor the folder of a PostgreSQL server of theirs.
    others = ("PYTEST_", "LEADTRACKR_", "XDG_RUNTIME_DIR")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(others)}
    process = subprocess.Popen(
        order,
        cwd=root,
        env={**kept, "PYTHONPATH": str(root / "src")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=longest_s)
    except BaseException as error:
        _end(process)
        if isinstance(error, subprocess.TimeoutExpired):
            return None, ""
        raise
    return process.returncode, output


def _end(process: "subprocess.Popen[str]") -> None:
    """As Ctrl-C does, so that what the test has started is ended too; then for good."""
    for number in (signal.SIGINT, signal.SIGKILL):
        if process.poll() is None:
            os.killpg(process.pid, number)
        try:
            process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            continue
        return


def _last_lines(output: str) -> str:
    return "\n".join(output.strip().splitlines()[-15:])
