"""The program on a real socket, in a thread of its own, and a client that sends exactly what it is told to."""

import asyncio
import http.client
import json
import socket
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self, TypeVar
from urllib.parse import urlencode

import uvicorn
import uvloop

from leadtrackr import settings
from leadtrackr.app import Parts, open_parts
from leadtrackr.cli.listening import configure
from leadtrackr.kit.clock import Clock

T = TypeVar("T")
KEY: Final = "k" * 40
WAIT: Final = 60.0
"""Seconds after which a test gives up waiting for an event."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)

    @property
    def message(self) -> str:
        """The sentence of the body, which must be an object that holds nothing else when it is an error."""
        found = self.json
        assert isinstance(found, dict)
        assert self.status < 400 or list(found) == ["message"]
        return str(found["message"])


class Program:
    """A running server; `close` ends it. Without a worker unless a test calls `deliver`."""

    def __init__(self, database_url: str, folder: Path, clock: Clock | None = None, **environ: str) -> None:
        values = {"LEADTRACKR_DATABASE_URL": database_url, "LEADTRACKR_DATA_DIR": str(folder)}
        values |= {"LEADTRACKR_SECRET_KEY": KEY, **environ}
        self.settings = settings.load(values, folder, terminal=False)
        self.clock = clock
        self.database_url = database_url
        self.parts: Parts
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="program", daemon=True)
        self._thread.start()
        assert self._ready.wait(WAIT), "the program did not start"

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        self.parts = open_parts(self.settings, clock=self.clock)
        self._server = uvicorn.Server(configure(self.parts.asgi, lifespan="off"))
        # The socket listens already: who connects from now on is served.
        self._ready.set()
        await self._server.serve([self._socket])
        await self.parts.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Runs a coroutine in the program's own loop and waits for its result."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(WAIT)

    def deliver(self) -> None:
        """One look of the worker, and everything that it starts."""

        async def work() -> None:
            await self.parts.worker.look()
            await self.parts.worker.settle()
            await self.parts.worker.look()

        self.run(work())

    def close(self) -> None:
        """Stops the server, waits for it and closes the database."""
        self._server.should_exit = True
        self._thread.join(WAIT)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(
        self,
        method: str,
        path: str,
        body: bytes | Sequence[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request on a connection of its own. A sequence of bytes goes out in chunks, without a length."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT)
        try:
            chunked = body is not None and not isinstance(body, bytes)
            connection.request(method, path, body, dict(headers or {}), encode_chunked=chunked)
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, found, response.read())
        finally:
            connection.close()

    def post(self, call: str, body: object, key: str | None = None, **headers: str) -> Answer:
        """Posts to a call of the lead API, or to a whole path. Bytes go as they are, anything else as JSON."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"Content-Type": "application/json", **({} if key is None else {"X-API-Key": key}), **named}
        return self.send("POST", _path(call), raw, sent)

    def get(self, call: str, key: str | None = None, /, **params: object) -> Answer:
        """Asks a call of the lead API, or a whole path. `createdAt__gte` stands for the parameter `createdAt[gte]`."""
        named = {_parameter(name): str(value) for name, value in params.items()}
        headers = {} if key is None else {"X-API-Key": key}
        return self.send("GET", f"{_path(call)}?{urlencode(named)}", headers=headers)


def _path(call: str) -> str:
    return call if call.startswith("/") else f"/api/leads/{call}"


def _parameter(name: str) -> str:
    head, _, tail = name.partition("__")
    return f"{head}[{tail}]" if tail else name


def together(count: int, work: Callable[[int], T]) -> list[T]:
    """Runs the work in so many threads that begin at the same moment; the results in their order."""
    barrier = threading.Barrier(count)
    results: dict[int, T] = {}

    def one(number: int) -> None:
        barrier.wait(WAIT)
        results[number] = work(number)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT)
    assert len(results) == count, "a thread failed"
    return [results[number] for number in range(count)]
