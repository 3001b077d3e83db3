"""Takes safeguards out of copies of the source, one at a time, and runs the test that must fail without it."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Final
from xml.etree import ElementTree as XmlTree

from tests.faults.removals.model import Edit, Removal

ROOT: Final = Path(__file__).parents[3]
TOGETHER: Final = 2
_REPORT: Final = "report.xml"
_OPTIONS: Final = (
    *("-q", "-n", "0", "-p", "no:cacheprovider", "-p", "no:schemathesis", "--hypothesis-seed=1"),
    # What is foreign has been imported before.
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),
)
LONGEST_S: Final = 90
"""For one test; many times what it needs, so that a test that hangs without its safeguard is seen to hang."""
_BROKEN: Final = ("NameError", "ImportError", "ModuleNotFoundError", "SyntaxError", "AttributeError", "TypeError")
"""What a test dies of when the source does not work at all: that it was noticed proves nothing."""


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
            # Compiled files may go along, but for those that somebody is just writing.
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("*.pyc.*"))
        shutil.copy(ROOT / "pyproject.toml", root)
        for edit in edits:
            edit.apply(root)
        yield root


class Lane:
    """A process that runs tests in copies, one after the other."""

    def __init__(self) -> None:
        # Neither what steers the tests around this one, nor the folder of a PostgreSQL server of theirs.
        others = ("PYTEST_", "LEADTRACKR_", "XDG_RUNTIME_DIR")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(others)}
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("lane.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=kept,
            text=True,
        )

    def close(self) -> None:
        """Ends it when it has finished what it is at."""
        self._process.communicate(timeout=LONGEST_S + 60)

    def pytest(self, root: Path, tests: Sequence[str], *options: str, longest_s: int = LONGEST_S) -> tuple[int, str]:
        """The exit code of pytest in a copy, and the end of what it wrote."""
        every = [*_OPTIONS, f"--junitxml={root / _REPORT}"]
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([str(root), longest_s, [*every, *options, *tests]]) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError("What runs the tests has died.")
        return int(answer), "\n".join((root / "output.txt").read_text().strip().splitlines()[-15:])

    def without(self, removal: Removal) -> Verdict:
        """Runs the test of a removal without its safeguard."""
        with copy(removal.edits) as root:
            code, output = self.pytest(root, [removal.test], "-x")
            if code == 0:
                return Verdict(removal, False, "its test passed")
            if code != 1:
                return Verdict(removal, False, f"its test did not come to an end of its own: {output}")
            return _judged(removal, root / _REPORT)

    def with_all(self, removals: Sequence[Removal]) -> str:
        """Runs all their tests with every safeguard in its place; the words of what fails all the same."""
        with copy() as root:
            code, output = self.pytest(root, sorted({one.test for one in removals}), longest_s=600)
        return "" if code == 0 else output


def _judged(removal: Removal, report: Path) -> Verdict:
    # Of the test itself: what fails before or after it is an `error` there.
    failures = list(XmlTree.parse(report).iter("failure"))  # noqa: S314 - this program's own file
    if len(failures) != 1:
        return Verdict(removal, False, "a fixture failed, not its test")
    message = " ".join((failures[0].get("message") or "").split())[:200]
    if message.split(":")[0].rpartition(".")[2] in _BROKEN:
        return Verdict(removal, False, f"the source does not work at all without it: {message}")
    return Verdict(removal, True, message)


def each(removals: Sequence[Removal], together: int = TOGETHER) -> Iterator[Verdict]:
    """The verdicts in order, found by so many lanes at once."""
    lanes: SimpleQueue[Lane] = SimpleQueue()
    started = [Lane() for _ in range(together)]
    for lane in started:
        lanes.put(lane)

    def one(removal: Removal) -> Verdict:
        lane = lanes.get()
        try:
            return lane.without(removal)
        finally:
            lanes.put(lane)

    with ThreadPoolExecutor(together) as pool:
        try:
            yield from pool.map(one, removals)
        finally:
            pool.shutdown(cancel_futures=True)
            for lane in started:
                lane.close()


def fails_anyway(removals: Sequence[Removal]) -> str:
    """What fails of their tests though every safeguard is in its place."""
    lane = Lane()
    try:
        return lane.with_all(removals)
    finally:
        lane.close()
