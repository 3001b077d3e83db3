"""Cables that can be cut: between the server and PostgreSQL, and between a client and the server.

Both cut at the worst moment: what was asked for has been passed on and done, and the answer never arrives.
"""

import asyncio
import contextlib
import random
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

from tests.faults.processes import WAIT_S

_COMMIT: Final = b"Q\x00\x00\x00\x0bCOMMIT\x00"
"""The simple query `COMMIT` as PostgreSQL's protocol has it: type, length, text."""
_CHUNK: Final = 65536
Connect = Callable[[], Coroutine[Any, Any, tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


class Cable:
    """Listens at a free port of this machine and passes everything on; cuts what `_fatal` picks, at its answer."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self.port = 0
        self.cuts = 0
        self.armed = False
        self.swallow = False
        """Cut before what is fatal is passed on, so that it is never done."""

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(WAIT_S)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(WAIT_S)

    def _fatal(self, asked: bytes) -> bool:
        raise NotImplementedError

    async def _run(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        served: set[asyncio.Task[None]] = set()

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.create_task(self._serve(reader, writer))
            served.add(task)
            task.add_done_callback(served.discard)

        listener = await asyncio.start_server(accept, "127.0.0.1", 0)
        self.port = listener.sockets[0].getsockname()[1]
        self._ready.set()
        await self._over.wait()
        listener.close()
        for task in served:
            task.cancel()
        await asyncio.gather(*served, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            back, forth = await self._connect()
        except OSError:
            writer.close()
            return
        doomed = asyncio.Event()
        ways = [
            asyncio.create_task(self._there(reader, forth, doomed)),
            asyncio.create_task(self._back(back, writer, doomed)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            for end in (writer, forth):
                end.transport.abort()

    async def _there(self, reader: asyncio.StreamReader, forth: asyncio.StreamWriter, doomed: asyncio.Event) -> None:
        while chunk := await reader.read(_CHUNK):
            if self.armed and self._fatal(chunk):
                if self.swallow:
                    self.cuts += 1
                    return
                doomed.set()
            forth.write(chunk)
            with contextlib.suppress(ConnectionError):
                await forth.drain()

    async def _back(self, back: asyncio.StreamReader, writer: asyncio.StreamWriter, doomed: asyncio.Event) -> None:
        while chunk := await back.read(_CHUNK):
            if doomed.is_set():
                self.cuts += 1
                return
            writer.write(chunk)
            await writer.drain()


class PostgresCable(Cable):
    """Between the server and PostgreSQL: some COMMITs are done, and their answer is lost."""

    def __init__(self, socket: Path, chance: random.Random, share: float) -> None:
        super().__init__(lambda: asyncio.open_unix_connection(str(socket)))
        self._chance, self._share = chance, share

    def url(self, database: str) -> str:
        """The URL of a database through the cable."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}?sslmode=disable&gssencmode=disable"

    def _fatal(self, asked: bytes) -> bool:
        return _COMMIT in asked and self._chance.random() < self._share


class HttpCable(Cable):
    """Between clients and the server: some ratings are done, and their answer is lost."""

    def __init__(self, url: str, chance: random.Random, share: float) -> None:
        host, port = urlsplit(url).hostname, urlsplit(url).port
        super().__init__(lambda: asyncio.open_connection(host, port))
        self._chance, self._share = chance, share

    @property
    def url(self) -> str:
        """The server's address through the cable."""
        return f"http://127.0.0.1:{self.port}"

    def _fatal(self, asked: bytes) -> bool:
        return b"updateLeadStatus" in asked and self._chance.random() < self._share
