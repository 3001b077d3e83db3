"""What a command works with: the settings, the database open beside a server that may be running, the secret box."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TypeVar

import msgspec
from sqlalchemy.exc import DBAPIError

from leadtrackr import settings
from leadtrackr.cli.output import tell
from leadtrackr.conversions.linking.means import Means
from leadtrackr.db.database import Database
from leadtrackr.db.open import ensure_schema, open_database
from leadtrackr.kit import log
from leadtrackr.kit.clock import Clock, SystemClock
from leadtrackr.kit.errors import Unavailable
from leadtrackr.kit.http import HttpClient
from leadtrackr.kit.ids import Ids
from leadtrackr.kit.secretbox import SecretBox
from leadtrackr.settings import Settings

T = TypeVar("T")


class Desk(msgspec.Struct, frozen=True, kw_only=True):
    """The parts that commands need; the API and the worker are not among them."""

    settings: Settings
    clock: Clock
    ids: Ids
    box: SecretBox
    db: Database


def load() -> Settings:
    """The settings, with the log set up by them. SettingError for the first that is wrong."""
    values = settings.load()
    log.set_up(values.log_format, values.log_level, values.secret_keys)
    return values


@contextmanager
def reaching(values: Settings) -> Iterator[None]:
    """Turns what a driver says about a database that cannot be opened into a sentence; Unavailable."""
    try:
        yield
    except DBAPIError as error:
        reason = " ".join(str(error.orig).split())[:200].rstrip(".")
        raise Unavailable(
            f"The database {values.database_place} cannot be used: {reason}. Check LEADTRACKR_DATABASE_URL, and that "
            + ("the file is one of LeadTrackr's." if values.sqlite_path else "the database server runs.")
        ) from error


@asynccontextmanager
async def opened() -> AsyncIterator[Desk]:
    """A desk by the environment's settings. SettingError, Unavailable."""
    values = load()
    for warning in values.warnings:
        tell(f"Warning: {warning}")
    url, clock = values.database_url.reveal(), SystemClock()
    with reaching(values):
        ensure_schema(url)
    db = open_database(url, clock, pool=1)
    try:
        yield Desk(settings=values, clock=clock, ids=Ids(), box=values.secret_box(), db=db)
    finally:
        await db.close()


@asynccontextmanager
async def means_of(desk: Desk) -> AsyncIterator[Means]:
    """What it takes to ask the platforms, closed at the end."""
    http = HttpClient(desk.settings.sandbox_url)
    try:
        yield Means(db=desk.db, box=desk.box, http=http, clock=desk.clock, ids=desk.ids)
    finally:
        await http.close()


def at_desk(work: Callable[[Desk], Awaitable[T]]) -> T:
    """Opens a desk, does the work, closes it."""

    async def run() -> T:
        async with opened() as desk:
            return await work(desk)

    return asyncio.run(run())
