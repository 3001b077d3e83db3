"""At the end the server's last requests and the worker finish at the same time: neither waits for the other."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from types import FrameType
from typing import Any

import pytest

from leadtrackr import app, settings
from leadtrackr.cli import listening, serve
from leadtrackr.conversions.worker import Worker
from leadtrackr.settings import Settings

from .conftest import Environment

WAIT_S = 10
"""Less than a server waits for a request that does not end."""
HALF = b"POST /api/leads/createLead HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{"


@pytest.fixture
def values(on: Environment) -> Settings:
    """The settings on each of the two databases."""
    return settings.load(on)


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Set when the worker has ended."""
    event = asyncio.Event()

    class Watched(Worker):
        async def run(self) -> None:
            await super().run()
            event.set()

    monkeypatch.setattr(app, "Worker", Watched)
    return event


@asynccontextmanager
async def half_a_request(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A request whose end does not come, and that the server has begun to work on."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(HALF)
    await writer.drain()
    try:
        yield reader, writer
    finally:
        writer.close()


def test_a_worker_ends_while_a_request_is_still_open(
    values: Settings, ended: asyncio.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        stop = asyncio.Event()
        monkeypatch.setattr(listening, "stop_signal", lambda: stop)
        with listening.bind("127.0.0.1", 0) as listener:
            running = asyncio.create_task(serve._serve_in_one(values, listener, with_worker=True))
            async with half_a_request(listener.getsockname()[1]) as (reader, writer):
                await answered(listener.getsockname()[1])
                stop.set()
                async with asyncio.timeout(WAIT_S):
                    await ended.wait()
                assert not running.done()
                writer.write(b"}")
                assert b" 400 " in await reader.readline(), "the request is finished all the same"
            await running

    listening.run(story)


async def answered(port: int) -> None:
    """Waits until the server has answered another request, so that it has read the first one's beginning."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b" 200 " in await reader.readline()
    writer.close()


@contextmanager
def servers_own(number: signal.Signals) -> Iterator[list[int]]:
    """The signals that the server's own handler hears."""
    heard: list[int] = []

    def hear(number: int, _: FrameType | None) -> None:
        heard.append(number)

    before = signal.signal(number, hear)
    try:
        yield heard
        assert signal.getsignal(number) is hear, "it is the server's again"
    finally:
        signal.signal(number, before)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_of_one_of_many_processes_ends_with_the_signal(
    values: Settings, ended: asyncio.Event, number: signal.Signals
) -> None:
    """Long before the server says that it shuts down, which it does when its last request is over."""

    async def story() -> None:
        says: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        told: asyncio.Queue[Any] = asyncio.Queue()
        program = app.Program(values, with_worker=True, owner=values.sqlite_path is not None)
        running = asyncio.create_task(program({"type": "lifespan"}, says.get, told.put))
        says.put_nowait({"type": "lifespan.startup"})
        assert (await told.get())["type"] == "lifespan.startup.complete"
        signal.raise_signal(number)
        async with asyncio.timeout(WAIT_S):
            await ended.wait()
        assert heard == [number]
        assert not running.done()
        says.put_nowait({"type": "lifespan.shutdown"})
        assert (await told.get())["type"] == "lifespan.shutdown.complete"
        await running

    with servers_own(number) as heard:
        listening.run(story)
