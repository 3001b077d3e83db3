"""The rows about one `leadtrackr serve` by itself: how soon it answers, and the memory that it holds when idle."""

import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from bench import processes

IDLE_S: Final = 3.0
"""How long it is left alone before its memory is read: the worker has then looked for work more than once."""
START_LIMIT_S: Final = 30.0
_ASK: Final = b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n"


class Started(msgspec.Struct, frozen=True):
    """One start. Seconds until /healthz answered, and the resident memory after, in megabytes (10**6 bytes)."""

    seconds: float
    megabytes: float


class Server(msgspec.Struct, frozen=True):
    """A `leadtrackr serve` that answers."""

    process: subprocess.Popen[str]
    port: int
    seconds: float
    """From its start until /healthz answered."""

    def pids(self) -> list[int]:
        """The process and those that it started."""
        pids = [self.process.pid]
        for pid in pids:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            pids.extend(map(int, children))
        return pids


@contextmanager
def serving(environment: Mapping[str, str]) -> Iterator[Server]:
    """Starts `leadtrackr serve` with these settings, and stops it at the end."""
    port = _free_port()
    started = time.perf_counter()
    arguments = ["-m", "leadtrackr", "serve", "--port", str(port)]
    with processes.running(arguments, environment) as process:
        while not _answers(port):
            if process.poll() is not None or time.perf_counter() - started > START_LIMIT_S:
                raise RuntimeError("leadtrackr serve did not start; its error stands above")
            time.sleep(0.01)
        yield Server(process, port, time.perf_counter() - started)


def start_once(database: Path) -> Started:
    """Starts `leadtrackr serve` on the file, which it makes when there is none, and stops it again."""
    with serving(processes.environment(database)) as server:
        time.sleep(IDLE_S)
        return Started(server.seconds, sum(map(_bytes_of, server.pids())) / 1e6)


def measure(rounds: int) -> tuple[list[Started], list[Started]]:
    """First starts, which make the database, and later ones on the same file, in turn."""
    first: list[Started] = []
    later: list[Started] = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(prefix="leadtrackr-bench-") as folder:
            database = Path(folder) / "leadtrackr.db"
            first.append(start_once(database))
            later.append(start_once(database))
    return first, later


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(_ASK)
            return connection.recv(64).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


def _bytes_of(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0
