"""The program's side of the delivery row: `python -m bench.deliver` sends what the environment's database has queued.

It prints one JSON line once nothing is left to send.
"""

import time

import msgspec
import uvloop

from leadtrackr import app, settings


class Delivered(msgspec.Struct, frozen=True):
    """How long it took."""

    seconds: float


async def _run() -> Delivered:
    values = settings.load()
    app.set_up_log(values)
    parts = app.open_parts(values, owner=True)
    app.warm_up(parts)
    started = time.perf_counter()
    await parts.worker.look()
    await parts.worker.settle()
    seconds = time.perf_counter() - started
    await parts.close()
    return Delivered(seconds)


if __name__ == "__main__":
    print(msgspec.json.encode(uvloop.run(_run())).decode())
