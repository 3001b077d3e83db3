"""`leadtrackr serve` and `leadtrackr worker`."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from socket import socket

import click
import structlog
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from leadtrackr import settings
from leadtrackr.app import Parts, delivering, open_parts, set_up_log, warm_up
from leadtrackr.cli import listening
from leadtrackr.cli.desk import reaching
from leadtrackr.db.open import ensure_schema
from leadtrackr.kit.errors import LeadTrackrError, SettingError
from leadtrackr.settings import Settings

_log = structlog.get_logger(__name__)


class ProcessFailed(LeadTrackrError):
    """One of the server's processes could not start."""


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="0 picks a free one.")
@click.option(
    "--processes", default=1, show_default=True, type=click.IntRange(1), help="More than one needs PostgreSQL."
)
@click.option("--no-worker", is_flag=True, help="Leave the delivery loop to `leadtrackr worker`.")
def serve(host: str, port: int, processes: int, no_worker: bool) -> None:
    """Run the API and, unless --no-worker, the delivery loop.

    SIGTERM or Ctrl-C finishes what is under way, requests and deliveries at the same time, in 20 seconds at most.
    On SQLite the database is brought up to date first.
    """
    values = settings.load()
    set_up_log(values)
    if processes > 1:
        _require_postgres(values, f"{processes} processes cannot share a SQLite file. Use PostgreSQL, or one process.")
    with listening.bind(host, port) as listener:
        if processes > 1:
            _serve_in_many(values, listener, processes, with_worker=not no_worker)
        else:
            listening.run(lambda: _serve_in_one(values, listener, with_worker=not no_worker))


@click.command()
@click.option(
    "--metrics-port", type=click.IntRange(0, 65535), help="Show /metrics, /healthz and /readyz at 127.0.0.1, this port."
)
def worker(metrics_port: int | None) -> None:
    """Run the delivery loop alone, as many times and on as many machines as you like. Needs PostgreSQL."""
    values = settings.load()
    set_up_log(values)
    _require_postgres(values, "on SQLite `leadtrackr serve` delivers by itself; a worker beside it needs PostgreSQL.")
    listening.run(lambda: _work(values, metrics_port))


async def _serve_in_one(values: Settings, listener: socket, *, with_worker: bool) -> None:
    stop = listening.stop_signal()
    async with AsyncExitStack() as stack:
        parts = await stack.enter_async_context(_opened(values, owner=values.sqlite_path is not None))
        if with_worker:
            await stack.enter_async_context(delivering(parts))
        server = await stack.enter_async_context(listening.serving(parts.asgi, listener))
        # First of all, so that it and the server's last requests have the same seconds to finish.
        stack.callback(parts.worker.stop)
        _announce(values, listener, processes=1, with_worker=with_worker)
        await listening.first_of(stop, server)


def _serve_in_many(values: Settings, listener: socket, processes: int, *, with_worker: bool) -> None:
    with reaching(values):
        ensure_schema(values.database_url.reveal())
    factory = "leadtrackr.app:create" if with_worker else "leadtrackr.app:create_without_worker"
    config = listening.configure(factory, factory=True, workers=processes, lifespan="on")
    _announce(values, listener, processes=processes, with_worker=with_worker)
    parent = Multiprocess(config, sockets=[listener])
    parent.run()
    if any(process.exitcode == STARTUP_FAILURE for process in parent.processes):
        raise ProcessFailed("A process of the server could not start; the log says why.")


async def _work(values: Settings, metrics_port: int | None) -> None:
    stop = listening.stop_signal()
    async with AsyncExitStack() as stack:
        parts = await stack.enter_async_context(_opened(values, owner=False))
        await stack.enter_async_context(delivering(parts))
        _log.info("delivering", database=values.database_place)
        if metrics_port is None:
            await stop.wait()
            return
        listener = stack.enter_context(listening.bind("127.0.0.1", metrics_port))
        server = await stack.enter_async_context(listening.serving(parts.watched, listener))
        stack.callback(parts.worker.stop)
        _log.info("metrics", url=f"{listening.address(listener)}/metrics")
        await listening.first_of(stop, server)


@asynccontextmanager
async def _opened(values: Settings, *, owner: bool) -> AsyncIterator[Parts]:
    with reaching(values):
        parts = open_parts(values, owner=owner)
    warm_up(parts)
    try:
        yield parts
    finally:
        await parts.close()


def _announce(values: Settings, listener: socket, *, processes: int, with_worker: bool) -> None:
    _log.info(
        "listening",
        url=listening.address(listener),
        database=values.database_place,
        processes=processes,
        worker=with_worker,
    )
    if values.sandbox_url is not None:
        _log.warning("sandbox", reason=f"Nothing reaches a real platform: all goes to {values.sandbox_url}.")


def _require_postgres(values: Settings, sentence: str) -> None:
    if values.sqlite_path is not None:
        raise SettingError("LEADTRACKR_DATABASE_URL", sentence)
