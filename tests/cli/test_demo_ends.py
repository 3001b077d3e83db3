"""However the demo is ended, its temporary folder goes with it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from .conftest import LEADTRACKR, PATIENCE_S, Environment, Started, call

TAKE_TERMINAL: Final = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""
"""Makes standard input the terminal that its process belongs to, and goes on as the program that is named."""


@pytest.fixture(autouse=True)
def _heard() -> Iterator[None]:
    """Whoever runs the tests under `nohup` has programs that do not hear of a terminal's end."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_kill_on_the_way_leaves_nothing_behind(
    environment: Environment, started: Started, tmp_path: Path, number: signal.Signals
) -> None:
    settings = environment | {"TMPDIR": str(tmp_path)}
    with started(settings, "demo", "--once", "--port", "0", until="Rating one lead") as demo:
        assert list(tmp_path.glob("leadtrackr-demo-*")) != []
        assert demo.stop(number) == 1
    assert list(tmp_path.glob("leadtrackr-demo-*")) == []


def test_a_terminal_that_is_closed_leaves_nothing_behind(environment: Environment, tmp_path: Path) -> None:
    """The shell passes the end on, and so does the system: whoever is in front hears of it twice."""
    settings = environment | {"TMPDIR": str(tmp_path)}
    ours, its = os.openpty()
    take = [sys.executable, "-c", TAKE_TERMINAL, *LEADTRACKR, "demo", "--port", "0"]
    with subprocess.Popen(take, env=settings, stdin=its, stdout=its, stderr=its, start_new_session=True) as demo:
        try:
            os.close(its)
            said = b""
            while b"_sandbox/ledger" not in said:
                said += os.read(ours, 65_536)
            assert list(tmp_path.glob("leadtrackr-demo-*")) != []
            os.close(ours)
            demo.send_signal(signal.SIGHUP)
            assert demo.wait(PATIENCE_S) == 1
        finally:
            demo.kill()
    assert list(tmp_path.glob("leadtrackr-demo-*")) == []


def test_what_is_to_outlive_its_terminal_does(environment: Environment, started: Started) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does; the demo inherits it
    with started(environment, "demo", "--port", "0", until="_sandbox/ledger") as demo:
        demo.process.send_signal(signal.SIGHUP)
        url = "".join(demo.lines).split("The server stays at ")[1].split()[0]
        assert call("GET", f"{url}/healthz")[0] == 200
        assert demo.stop(signal.SIGINT) == 0
