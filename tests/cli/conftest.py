"""Commands run in a folder of their own, on either database; servers and the sandbox as processes of their own."""

import http.client
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import structlog
from click.testing import CliRunner, Result

from leadtrackr.cli.main import commands

PATIENCE_S = 60
LEADTRACKR = (sys.executable, "-m", "leadtrackr")
Environment = dict[str, str]
Run = Callable[..., Result]


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    """The settings: a data folder of the test's own, on SQLite; `database_url` changes that."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("LEADTRACKR_")}
    return clean | {"LEADTRACKR_DATA_DIR": str(tmp_path / "data"), "LEADTRACKR_SECRET_KEY": "k" * 40}


@pytest.fixture
def on(environment: Environment, database_url: str) -> Environment:
    """The settings on each of the two databases."""
    return environment | {"LEADTRACKR_DATABASE_URL": database_url}


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Run]:
    """Runs a command in this process; leaves the log as it was."""
    monkeypatch.chdir(tmp_path)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def invoke(environment: Mapping[str, str], *args: str, stdin: str | None = None) -> Result:
        for name in [name for name in os.environ if name.startswith("LEADTRACKR_")]:
            monkeypatch.delenv(name)
        return CliRunner().invoke(commands, args, input=stdin, env=dict(environment), prog_name="leadtrackr")

    yield invoke
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def data(result: Result) -> dict[str, Any]:
    """The one JSON object of a command that worked."""
    assert result.exit_code == 0, result.stderr
    decoded: dict[str, Any] = json.loads(result.stdout)
    return decoded


class Process:
    """A command that stays. It is told to stop at the end, if it has not ended before."""

    def __init__(self, process: "subprocess.Popen[str]", lines: list[str]) -> None:
        self.process = process
        self.lines = lines

    def stop(self, number: int) -> int:
        """Sends a signal and waits; the exit code."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)


@contextmanager
def staying(environment: Mapping[str, str], *args: str, until: str, on_stdout: bool = False) -> Iterator[Process]:
    """Starts a command in the current folder, and goes on when `until` is in a line that it writes."""
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE} if on_stdout else {"stderr": subprocess.PIPE}
    with subprocess.Popen([*LEADTRACKR, *args], env=dict(environment), text=True, **pipes) as process:
        stream = process.stdout if on_stdout else process.stderr
        assert stream is not None
        lines: list[str] = []
        try:
            for line in stream:
                lines.append(line)
                if until in line:
                    break
            else:
                pytest.fail(f"it ended with {process.wait()}: {''.join(lines)}")
            yield Process(process, lines)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(PATIENCE_S)


Started = Callable[..., AbstractContextManager[Process]]


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Started:
    """Starts a command as a process, and goes on when `until` is in a line that it writes."""
    monkeypatch.chdir(tmp_path)
    return staying


@pytest.fixture
def sandbox_url(started: Started, environment: Environment) -> Iterator[str]:
    """The address of a sandbox, started by its command."""
    with started(environment, "sandbox", "--port", "0", until="listens at", on_stdout=True) as process:
        yield process.lines[-1].split()[-1]


def call(method: str, url: str, body: object = None, headers: Mapping[str, str] | None = None) -> tuple[int, Any]:
    """Status and decoded JSON of one HTTP call."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=PATIENCE_S)
    try:
        sent = None if body is None else json.dumps(body)
        connection.request(method, url.removeprefix(f"http://{parts.netloc}"), sent, dict(headers or {}))
        response = connection.getresponse()
        return response.status, json.loads(response.read() or b"null")
    finally:
        connection.close()


def until(look: Callable[[], Any]) -> Any:
    """What `look` finds, as soon as it finds something."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := look()):
        assert time.monotonic() < deadline, "it never happened"
    return found


def url_of(process: Process) -> str:
    """The address at which `leadtrackr serve` says that it listens."""
    return str(json.loads(next(line for line in process.lines if '"listening"' in line))["url"])
