"""The HTTP server's process: its socket, its signals, its start and stop."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp

from leadtrackr.cli.protocol import Protocol
from leadtrackr.conversions.worker import GRACE_S
from leadtrackr.kit.errors import LeadTrackrError

BACKLOG: Final = 2048
STOPPING: Final = (signal.SIGINT, signal.SIGTERM)


class CannotListen(LeadTrackrError):
    """The address is taken, or is none of this machine's."""


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 picks a free one. CannotListen."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise CannotListen(f"Cannot listen at {host}, port {port}: {reason_of(error)}. Choose another.") from error
    listener.set_inheritable(True)
    return listener


def reason_of(error: OSError) -> str:
    """What the system says, without the address that libraries put behind it."""
    known = None if error.errno is None or isinstance(error, socket.gaierror) else os.strerror(error.errno)
    return (known or error.strerror or "unknown reason").lower()


def address(listener: socket.socket) -> str:
    """The URL at which a socket listens."""
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def configure(app: ASGIApp | str, **more: Any) -> uvicorn.Config:
    """How every HTTP server of this program runs: our own log, no trust in forwarded headers, no name of the server."""
    return uvicorn.Config(
        app,
        http=Protocol,
        ws="none",
        loop="uvloop",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=GRACE_S,
        **more,
    )


class Server(uvicorn.Server):
    """A server that leaves the signals to its caller: raised again, as uvicorn does, SIGTERM could not end in 0.

    It looks up once a second, for the time in its answers; uvicorn does so ten times, to see whether it is to end.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._end = asyncio.Event()

    def end(self) -> None:
        """Takes no more requests and finishes those under way."""
        self.should_exit = True
        self._end.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Captures none."""
        yield

    async def main_loop(self) -> None:
        """Returns when it is to end."""
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                await asyncio.wait_for(self._end.wait(), 1)


def stop_signal() -> asyncio.Event:
    """An event that SIGINT or SIGTERM sets, inside a running loop. A second signal ends the process at once."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()

    def heard() -> None:
        stop.set()
        for number in STOPPING:
            loop.remove_signal_handler(number)

    for number in STOPPING:
        loop.add_signal_handler(number, heard)
    return stop


@asynccontextmanager
async def serving(app: ASGIApp, listener: socket.socket) -> AsyncIterator[asyncio.Task[None]]:
    """Serves beside what is inside; at the end requests under way are finished. The task ends only with the server."""
    server = Server(configure(app, lifespan="off"))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield task
    finally:
        server.end()
        await task


async def first_of(stop: asyncio.Event, server: asyncio.Task[None]) -> None:
    """Waits until somebody says stop, or the server has ended by itself."""
    waiting = asyncio.create_task(stop.wait())
    await asyncio.wait({waiting, server}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()


def run(work: Callable[[], Any]) -> Any:
    """Runs a coroutine function in the loop that the server uses."""
    with asyncio.Runner(loop_factory=configure("", lifespan="off").get_loop_factory()) as runner:
        return runner.run(work())
