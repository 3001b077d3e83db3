"""The load: a process of its own that sends prepared requests over kept connections and counts the answers.

`python -m bench.load PORT CONNECTIONS WARM_UP FILE` prints one JSON line. FILE holds a msgspec-encoded list of whole
requests; each is sent once, and each connection has one under way. The first WARM_UP are not timed.
"""

import asyncio
import gc
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, cast

import msgspec
import uvloop

_LENGTH: Final = b"content-length: "


class Loaded(msgspec.Struct, frozen=True):
    """What came of the timed part."""

    seconds: float
    cpu_seconds: float
    """Of the load itself: near `seconds`, and the load would be what is measured."""
    statuses: dict[str, int]


class _Phase:
    def __init__(self, requests: Sequence[bytes]) -> None:
        self.requests: Iterator[bytes] = iter(requests)
        self.left = len(requests)
        self.statuses: Counter[bytes] = Counter()
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class _Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._phase: _Phase | None = None
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are asyncio's in all but their class.
        self._transport = cast("asyncio.Transport", transport)

    def work(self, phase: _Phase) -> None:
        self._phase = phase
        self._next(phase)

    def _next(self, phase: _Phase) -> None:
        request = next(phase.requests, None)
        if request is not None and self._transport is not None:
            self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data if self._buffer else data
        head = buffer.find(b"\r\n\r\n")
        if head < 0 or len(buffer) < head + 4 + _length(buffer, head):
            self._buffer = buffer
            return
        self._buffer = b""
        phase = self._phase
        assert phase is not None
        phase.statuses[buffer[9:12]] += 1
        phase.left -= 1
        if phase.left:
            self._next(phase)
        else:
            phase.done.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        if self._phase is not None and not self._phase.done.done():
            self._phase.done.set_exception(error or ConnectionError("the server closed a connection"))


def _length(buffer: bytes, head: int) -> int:
    at = buffer.find(_LENGTH, 0, head)
    return int(buffer[at + len(_LENGTH) : buffer.index(b"\r\n", at)]) if at >= 0 else 0


async def _run(port: int, connections: int, warm_up: int, requests: list[bytes]) -> Loaded:
    loop = asyncio.get_running_loop()
    opened = [(await loop.create_connection(_Connection, "127.0.0.1", port))[1] for _ in range(connections)]
    await _phase(opened, requests[:warm_up])
    started, cpu = time.perf_counter(), time.process_time()
    phase = await _phase(opened, requests[warm_up:])
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu
    return Loaded(seconds, cpu_seconds, {status.decode(): count for status, count in phase.statuses.items()})


async def _phase(connections: Sequence[_Connection], requests: Sequence[bytes]) -> _Phase:
    phase = _Phase(requests)
    if requests:
        for connection in connections:
            connection.work(phase)
        await phase.done
    return phase


def main() -> None:
    """Sends what the command line says."""
    port, connections, warm_up = map(int, sys.argv[1:4])
    requests = msgspec.msgpack.decode(Path(sys.argv[4]).read_bytes(), type=list[bytes])
    gc.freeze()
    gc.disable()
    print(msgspec.json.encode(uvloop.run(_run(port, connections, warm_up, requests))).decode())


if __name__ == "__main__":
    main()
