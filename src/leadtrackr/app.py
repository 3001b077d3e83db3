"""The composition root: the only place where everything meets."""

import asyncio
import contextlib
import gc
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from types import FrameType
from typing import Final

import msgspec
import structlog
from starlette.types import ASGIApp, Receive, Scope, Send

from leadtrackr import settings
from leadtrackr.api import app as api
from leadtrackr.api.context import Context
from leadtrackr.cli.listening import STOPPING
from leadtrackr.conversions.linking.means import Means
from leadtrackr.conversions.tokens import Tokens
from leadtrackr.conversions.validation import Validator
from leadtrackr.conversions.worker import Pace, Worker
from leadtrackr.dashboard import app as dashboard
from leadtrackr.dashboard import visit
from leadtrackr.db.database import Database
from leadtrackr.db.open import ensure_schema, open_database
from leadtrackr.db.statement import compile_all
from leadtrackr.destinations.registry import DESTINATIONS
from leadtrackr.kit import log
from leadtrackr.kit.clock import Clock, SystemClock
from leadtrackr.kit.http import HttpClient
from leadtrackr.kit.ids import Ids
from leadtrackr.kit.metrics import Metrics
from leadtrackr.kit.secretbox import SecretBox
from leadtrackr.settings import Settings

_PROGRAMS: Final = frozenset(path.split("/")[1] for path in api.ROUTES)
_PEOPLE: Final = frozenset(path.split("/")[1] for path in dashboard.ROUTES)
NEW_OBJECTS: Final = 10_000
"""So many since the last time before the collector looks at new objects."""
TURN_S: Final = 0.001
"""How long a thread that runs Python lets another one wait that could do so too."""
_log = structlog.get_logger(__name__)


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """The program's parts, open and joined."""

    settings: Settings
    clock: Clock
    ids: Ids
    metrics: Metrics
    box: SecretBox
    http: HttpClient
    db: Database
    worker: Worker
    asgi: ASGIApp
    watched: ASGIApp
    """Health and metrics alone, for a worker."""

    async def close(self) -> None:
        """Lets go of the network and of the database, in this order."""
        await self.http.close()
        await self.db.close()


def set_up_log(values: Settings) -> None:
    """Routes every logger by the settings, and says what in them looks wrong."""
    log.set_up(values.log_format, values.log_level, values.secret_keys)
    for warning in values.warnings:
        _log.warning("setting_warning", reason=warning)


def secret_box(values: Settings) -> SecretBox:
    """The box that the settings' keys open."""
    return SecretBox([key.reveal() for key in values.secret_keys])


def open_parts(values: Settings, *, owner: bool = False, clock: Clock | None = None) -> Parts:
    """Opens everything by the settings. SettingError when the schema is not this program's, or the file is taken."""
    clock, ids = clock or SystemClock(), Ids()
    metrics = Metrics((*api.ROUTES, *dashboard.ROUTES), DESTINATIONS)
    url = values.database_url.reveal()
    ensure_schema(url)
    db = open_database(url, clock, owner=owner, on_commit=metrics.commit)
    http, box = HttpClient(values.sandbox_url), secret_box(values)
    pace = Pace(lease_s=values.lease_seconds, poll_s=values.poll_seconds)
    worker = Worker(db, http, box, clock, ids, metrics, pace)
    context = Context(
        db=db,
        ids=ids,
        clock=clock,
        metrics=metrics,
        wake=worker.wake,
        max_body_bytes=values.max_body_bytes,
        trusted_proxies=values.trusted_proxies,
        base_url=values.base_url,
        box=box,
        address=http.address,
        validator=Validator(http=http, tokens=Tokens(http, clock, db, box), box=box, clock=clock, ids=ids),
    )
    pages = visit.Context(
        db=db,
        ids=ids,
        clock=clock,
        metrics=metrics,
        base_url=values.base_url,
        means=Means(db=db, box=box, http=http, clock=clock, ids=ids),
        sandbox_url=values.sandbox_url,
    )
    return Parts(
        settings=values,
        clock=clock,
        ids=ids,
        metrics=metrics,
        box=box,
        http=http,
        db=db,
        worker=worker,
        asgi=Joined(api.build(context), dashboard.build(pages)),
        watched=api.build(context, api.WATCHED),
    )


class Joined:
    """The API and the pages on one address. Where there is neither, a browser gets a page and a program JSON."""

    def __init__(self, programs: ASGIApp, people: ASGIApp) -> None:
        self._programs = programs
        self._people = people

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        for_people = scope["type"] == "http" and _is_for_people(scope)
        await (self._people if for_people else self._programs)(scope, receive, send)


def _is_for_people(scope: Scope) -> bool:
    first = scope["path"].split("/")[1] if "/" in scope["path"] else ""
    if first in _PROGRAMS or first in _PEOPLE:
        return first in _PEOPLE
    return any(name == b"accept" and b"text/html" in value for name, value in scope["headers"])


@contextlib.asynccontextmanager
async def delivering(parts: Parts) -> AsyncIterator[None]:
    """Runs the delivery loop beside what is inside; at the end what was sent is recorded."""
    task = asyncio.create_task(parts.worker.run())
    try:
        yield
    finally:
        parts.worker.stop()
        await task


@contextlib.contextmanager
def _hearing_the_end(stop: Callable[[], None]) -> Iterator[None]:
    """Calls `stop` with the signal that ends this process: the server says so only when its last request is over."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop, before = asyncio.get_running_loop(), {number: signal.getsignal(number) for number in STOPPING}

    def heard(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(stop)
        servers_own = before[signal.Signals(number)]
        if callable(servers_own):
            servers_own(number, frame)

    for number in STOPPING:
        signal.signal(number, heard)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Program:
    """The whole server as an ASGI application; its parts are opened when the server starts it."""

    def __init__(self, values: Settings, *, with_worker: bool, owner: bool) -> None:
        self._values = values
        self._with_worker = with_worker
        self._owner = owner
        self._asgi: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves a request, or the server's start and stop."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif self._asgi is not None:
            await self._asgi(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        async with contextlib.AsyncExitStack() as stack:
            parts = open_parts(self._values, owner=self._owner)
            stack.push_async_callback(parts.close)
            if self._with_worker:
                await stack.enter_async_context(delivering(parts))
                stack.enter_context(_hearing_the_end(parts.worker.stop))
            self._asgi = parts.asgi
            warm_up(parts)
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})


def warm_up(parts: Parts) -> None:
    """For programs that serve, once: does what the first who needs it would else wait for.

    And says that what is alive after the start stays: Python's collector else looks at all of it again and again, which
    is a tenth and more of the time that a delivery takes. It also looks less often, since a batch makes objects by the
    thousand, hardly any of which are garbage that only the collector would find. And a thread that builds a batch makes
    the database's thread wait for a fifth of the time that Python lets it by itself.
    """
    compile_all(parts.db.dialect)
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS, 20, 20)
    sys.setswitchinterval(TURN_S)


def create(*, with_worker: bool = True) -> Program:
    """The server by the environment's settings: what each process of `serve` runs."""
    values = settings.load()
    set_up_log(values)
    return Program(values, with_worker=with_worker, owner=values.sqlite_path is not None)


def create_without_worker() -> Program:
    """The server without the delivery loop, for `serve --no-worker`."""
    return create(with_worker=False)
