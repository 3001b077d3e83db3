"""A worker and a sandbox in processes of their own, both by a clock that the test moves: it stands in a file.

clocked.py CLOCK worker
clocked.py CLOCK sandbox LEDGER
"""

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from leadtrackr import settings
from leadtrackr.conversions import worker as engine
from leadtrackr.db.open import open_database
from leadtrackr.destinations.registry import DESTINATIONS
from leadtrackr.kit.clock import Clock
from leadtrackr.kit.http import HttpClient
from leadtrackr.kit.ids import Ids
from leadtrackr.kit.metrics import Metrics
from leadtrackr.sandbox.server import start
from tests.faults.processes import Process, Sandbox, environment

POLL_S: Final = 0.02
_BYTES: Final = 8


class FileClock:
    """A clock that stands still in a file of eight bytes, for as many processes as like."""

    def __init__(self, path: Path, at: int | None = None) -> None:
        self.path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        if at is not None:
            self.set(at)

    def now(self) -> int:
        """Microseconds since the epoch, UTC."""
        return int.from_bytes(os.pread(self._file, _BYTES, 0))

    def set(self, at: int) -> None:
        """Moves it."""
        os.pwrite(self._file, at.to_bytes(_BYTES), 0)


@contextmanager
def clocked_sandbox(clock: FileClock, folder: Path) -> Iterator[Sandbox]:
    """The platforms, by this clock."""
    with Process("-m", "tests.faults.clocked", str(clock.path), "sandbox", str(folder / "ledger.jsonl")) as process:
        yield Sandbox(process)


@contextmanager
def clocked_worker(clock: FileClock, url: str, folder: Path, sandbox_url: str) -> Iterator[Process]:
    """A worker, by this clock; it is there once it says `ready`."""
    environ = environment(url, folder, sandbox_url)
    with Process("-m", "tests.faults.clocked", str(clock.path), "worker", environ=environ) as process:
        process.wait_for("ready")
        yield process


async def _work(clock: Clock, stop: asyncio.Event) -> None:
    values = settings.load()
    db, http = open_database(values.database_url.reveal(), clock), HttpClient(values.sandbox_url)
    pace = engine.Pace(lease_s=values.lease_seconds, poll_s=POLL_S)
    worker = engine.Worker(db, http, values.secret_box(), clock, Ids(), Metrics((), DESTINATIONS), pace)
    running = asyncio.create_task(worker.run())
    print("ready", flush=True)
    await stop.wait()
    worker.stop()
    await running
    await http.close()
    await db.close()


async def _play(clock: Clock, stop: asyncio.Event, ledger: Path) -> None:
    async with await start(clock=clock.now, ledger_file=ledger) as running:
        print(f"listens at {running.url}", flush=True)
        await stop.wait()


async def main(clock: Path, role: str, *rest: str) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await (_play(FileClock(clock), stop, Path(*rest)) if role == "sandbox" else _work(FileClock(clock), stop))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), *sys.argv[2:]))
