"""Processes that a test starts, watches, kills and stops, by their id alone; and what they leave behind."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue
from typing import Any, Final, Self

from leadtrackr.conversions import service
from leadtrackr.kit.clock import SystemClock
from tests.support.engine import KEY, World

WAIT_S: Final = 60.0
"""Seconds after which a test gives up."""
LEASE_S: Final = 1.0
POLL_S: Final = 0.2


class Process:
    """A Python process. Its lines, of both outputs, can be waited for; nothing of it outlives the block."""

    def __init__(self, *arguments: str, environ: Mapping[str, str] | None = None) -> None:
        self._process = subprocess.Popen(
            [sys.executable, *arguments],
            env={**os.environ, **(environ or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: list[str] = []
        self._new: Queue[str] = Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(line)
            self._new.put(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def wait_for(self, text: str) -> str:
        """The next line that holds the text."""
        until = time.monotonic() + WAIT_S
        while time.monotonic() < until:
            try:
                line = self._new.get(timeout=0.2)
            except Empty:
                if self._process.poll() is not None and self._new.empty():
                    break
                continue
            if text in line:
                return line
        raise AssertionError(f"{text!r} never came:\n{''.join(self.lines)}")

    @property
    def pid(self) -> int:
        """Its id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def wait(self) -> int:
        """Waits for the end; the exit status, negative for a signal."""
        status = self._process.wait(WAIT_S)
        self._reader.join(WAIT_S)
        return status

    def wait_until_stopped(self) -> None:
        """Waits until the process stands still (SIGSTOP)."""
        found = os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        assert found is not None
        assert found.si_code == os.CLD_STOPPED, "".join(self.lines)

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal."""
        self._process.send_signal(number)

    def kill(self) -> None:
        """kill -9, and waits for the end."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(WAIT_S)
        self._reader.join(WAIT_S)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def end(self) -> int:
        """SIGTERM, and waits for the end."""
        self.signal(signal.SIGTERM)
        return self.wait()


class Server:
    """A server that listens at `url`."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.url: str = json.loads(process.wait_for('"listening"'))["url"]

    def ready(self) -> int:
        """The status of /readyz; 0 when there was no answer."""
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=WAIT_S) as answer:  # noqa: S310 - our own
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code
        except OSError:
            return 0

    def end(self) -> None:
        """SIGTERM; it must end well."""
        status = self.process.end()
        assert status == 0, f"ended with {status}: {''.join(self.process.lines[-20:])}"


class Sandbox:
    """The platforms, in a process of their own, so that what they took is kept by nobody under test."""

    def __init__(self, process: Process) -> None:
        self.url = process.wait_for("listens at").rsplit(" ", 1)[1].strip()

    def keys(self, slug: str) -> dict[str, int]:
        """Each event id that a platform took, and how often."""
        with urllib.request.urlopen(f"{self.url}/_sandbox/ledger/keys?destination={slug}", timeout=WAIT_S) as answer:  # noqa: S310 - our own
            return {row["key"]: row["times"] for row in json.load(answer)["keys"]}

    def times(self, slug: str) -> list[int]:
        """When each call came to a platform, microseconds UTC, in order."""
        address = f"{self.url}/_sandbox/ledger?destination={slug}&bodies=0"
        with urllib.request.urlopen(address, timeout=WAIT_S) as answer:  # noqa: S310 - our own
            return sorted(call["at"] for call in json.load(answer)["calls"])

    def calls(self, slug: str, since: int = 0) -> list[dict[str, Any]]:
        """The calls to a platform after the one of this number, oldest first."""
        address = f"{self.url}/_sandbox/ledger?destination={slug}&since={since}"
        with urllib.request.urlopen(address, timeout=WAIT_S) as answer:  # noqa: S310 - our own
            found: list[dict[str, Any]] = json.load(answer)["calls"]
            return found

    def last(self) -> int:
        """How many calls there were at all, which is the number of the last."""
        with urllib.request.urlopen(f"{self.url}/_sandbox/ledger/summary", timeout=WAIT_S) as answer:  # noqa: S310 - our own
            return sum(int(one["calls"]) for one in json.load(answer)["destinations"].values())

    def fault(self, *faults: dict[str, Any]) -> None:
        """Sets faults."""
        self._ask("PUT", json.dumps(faults).encode())

    def well(self) -> None:
        """Ends all faults."""
        self._ask("DELETE")

    def _ask(self, method: str, body: bytes | None = None) -> None:
        asked = urllib.request.Request(f"{self.url}/_sandbox/faults", body, method=method)  # noqa: S310 - our own
        with urllib.request.urlopen(asked, timeout=WAIT_S):  # noqa: S310 - our own
            pass


@contextmanager
def sandbox(folder: Path) -> Iterator[Sandbox]:
    """A running sandbox with its ledger in a file."""
    with Process("-m", "leadtrackr.sandbox", "--port", "0", "--ledger", str(folder / "ledger.jsonl")) as process:
        yield Sandbox(process)


def environment(database_url: str, folder: Path, sandbox_url: str) -> dict[str, str]:
    """The settings of a server or worker."""
    return {
        "LEADTRACKR_DATABASE_URL": database_url,
        "LEADTRACKR_DATA_DIR": str(folder / "data"),
        "LEADTRACKR_SECRET_KEY": KEY,
        "LEADTRACKR_SANDBOX_URL": sandbox_url,
        "LEADTRACKR_LEASE_SECONDS": str(LEASE_S),
        "LEADTRACKR_POLL_SECONDS": str(POLL_S),
        "LEADTRACKR_LOG_FORMAT": "json",
    }


@contextmanager
def worker(database_url: str, folder: Path, sandbox_url: str, *trap: str) -> Iterator[Process]:
    """A worker, which kills or stops itself where the trap says: a signal, a point and the how many-th time."""
    script = str(Path(__file__).with_name("trapped_worker.py"))
    with Process(script, *trap, environ=environment(database_url, folder, sandbox_url)) as process:
        yield process


@contextmanager
def server(database_url: str, folder: Path, sandbox_url: str, *options: str) -> Iterator[Server]:
    """A server at a free port, with the options of `leadtrackr serve`."""
    environ = environment(database_url, folder, sandbox_url)
    with Process("-m", "leadtrackr", "serve", "--port", "0", *options, environ=environ) as process:
        yield Server(process)


def furnish(database_url: str, seed: int) -> World:
    """A world by the machine's own clock. SQLite takes only one server, so it is closed before one starts."""
    world = World(database_url, clock=SystemClock(), seed=seed)
    world.furnish("meta")
    return world


def rate_many(world: World, count: int) -> None:
    """So many leads, each with one rating, queued."""

    async def all_of_it() -> None:
        posts = [world.post(lead, "Won", 100) for lead in leads]
        await asyncio.gather(*(service.update_status(world.db, world.ids, world.api_key, post) for post in posts))

    leads = [world.lead(email=f"lead{n}@example.de") for n in range(count)]
    world.run(all_of_it())


def eventually(true: Callable[[], bool], words: str, within_s: float = WAIT_S) -> None:
    """Waits until something is so."""
    until = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < until, f"never: {words}"
        time.sleep(0.02)  # the other side is another process, which tells nobody
