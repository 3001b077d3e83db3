"""The server: `create_app` for an aiohttp application, `start` inside a running loop, `run` for the command line.

    async with await start() as running:
        ...  # running.url

Every destination is called at `<url>/<destination>/<the platform's own path>`.
"""

import asyncio
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from aiohttp import web

from leadtrackr.sandbox.control import Control
from leadtrackr.sandbox.faults import Faults
from leadtrackr.sandbox.ledger import Ledger
from leadtrackr.sandbox.registry import platforms
from leadtrackr.sandbox.sandbox import Sandbox
from leadtrackr.sandbox.world import World

MAX_BODY_BYTES: Final = 256 * 1024 * 1024
SANDBOX: Final = web.AppKey("sandbox", Sandbox)


def wall_clock() -> int:
    """Microseconds since the epoch, UTC."""
    return time.time_ns() // 1000


def create_app(
    *, ledger_file: Path | None = None, bodies: bool = True, clock: Callable[[], int] = wall_clock
) -> web.Application:
    """The sandbox as an application. `bodies` False keeps the ledger small; `clock` gives µs since the epoch, UTC.

    Raises OSError when the ledger's file cannot be used.
    """
    world = World(clock, Ledger(ledger_file, bodies=bodies))
    sandbox = Sandbox(world, platforms(world), Faults())
    app = web.Application(client_max_size=MAX_BODY_BYTES)
    app[SANDBOX] = sandbox
    app.add_routes(Control(sandbox).routes())
    app.router.add_route("*", "/{path:.*}", sandbox.handle)
    app.on_shutdown.append(_let_go)
    app.on_cleanup.append(_close)
    return app


@dataclass(frozen=True, slots=True)
class Running:
    """A sandbox that listens at `url`; also an async context manager that stops it."""

    app: web.Application
    url: str
    port: int
    runner: web.AppRunner

    async def stop(self) -> None:
        """Stop listening; calls that hang are cut off."""
        await self.runner.cleanup()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()


async def start(
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    ledger_file: Path | None = None,
    bodies: bool = True,
    clock: Callable[[], int] = wall_clock,
) -> Running:
    """Listen at `host`; port 0 picks a free one. Raises OSError when the address is taken."""
    app = create_app(ledger_file=ledger_file, bodies=bodies, clock=clock)
    # Cancelling the handler of a caller that has gone ends the calls that hang.
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError:
        await runner.cleanup()
        raise
    bound: int = runner.addresses[0][1]
    shown = f"[{host}]" if ":" in host else host
    return Running(app, f"http://{shown}:{bound}", bound, runner)


def run(host: str = "127.0.0.1", port: int = 8900, *, ledger_file: Path | None = None, bodies: bool = True) -> None:
    """Serve until SIGINT or SIGTERM; prints one line with the address once it listens."""
    asyncio.run(_serve(host, port, ledger_file, bodies=bodies))


async def _serve(host: str, port: int, ledger_file: Path | None, *, bodies: bool) -> None:
    async with await start(host, port, ledger_file=ledger_file, bodies=bodies) as running:
        sys.stdout.write(f"The sandbox listens at {running.url}\n")
        sys.stdout.flush()
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        await stop.wait()


async def _let_go(app: web.Application) -> None:
    app[SANDBOX].faults.clear()


async def _close(app: web.Application) -> None:
    app[SANDBOX].ledger.close()
