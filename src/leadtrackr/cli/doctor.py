"""`leadtrackr doctor`: everything that the program needs, looked at in turn."""

import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Final

import click
import msgspec

from leadtrackr import settings
from leadtrackr.cli.desk import Desk, at_desk, means_of, reaching
from leadtrackr.cli.output import json_option, show
from leadtrackr.conversions import connections, receipts
from leadtrackr.conversions.incidents import service as incidents
from leadtrackr.conversions.incidents.model import Incident, IncidentKind
from leadtrackr.conversions.incidents.service import Filters
from leadtrackr.conversions.incidents.words import words
from leadtrackr.conversions.linking.checking import check
from leadtrackr.conversions.model import Connection, ConnectionState
from leadtrackr.conversions.versions import expiring
from leadtrackr.db import migrate
from leadtrackr.destinations import versions
from leadtrackr.destinations.registry import DESTINATIONS
from leadtrackr.destinations.versions import Age
from leadtrackr.kit import log
from leadtrackr.kit.clock import MINUTE, SECOND, SystemClock, from_datetime, to_datetime
from leadtrackr.kit.errors import LeadTrackrError, SettingError, Unavailable
from leadtrackr.kit.secretbox import UnreadableSecretError
from leadtrackr.settings import Settings

OLDEST_SQLITE: Final = (3, 37, 0)
SKEW_US: Final = 5 * SECOND
WRITTEN: Final = from_datetime(datetime(2026, 1, 1, tzinfo=UTC))
"""Before this program was: no clock that says so is right."""


class Level(StrEnum):
    """How bad a finding is; only an error makes the doctor end with 1."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at."""

    name: str
    level: Level
    sentence: str


_AGES: Final = {Age.CURRENT: Level.OK, Age.ENDING: Level.WARNING, Age.ENDED: Level.ERROR}


class Unwell(LeadTrackrError):
    """Something is wrong."""


@click.command()
@click.option("--online", is_flag=True, help="Ask the platforms too whether the stored credentials work.")
@json_option
def doctor(online: bool, as_json: bool) -> None:
    """Check settings, database, schema, secrets, time, SQLite and API versions. Ends with 1 when something is wrong."""
    found = list(_look(online=online))
    marks = {Level.OK: "ok      ", Level.WARNING: "warning ", Level.ERROR: "WRONG   "}
    wrong = [one for one in found if one.level == Level.ERROR]
    text = "\n".join(f"{marks[one.level]} {one.name}: {one.sentence}" for one in found)
    show({"ok": not wrong, "checks": found}, text, as_json=as_json)
    if wrong:
        raise Unwell(f"Something is wrong: {', '.join(dict.fromkeys(one.name for one in wrong))}.")


def _look(*, online: bool) -> Iterator[Finding]:
    yield sqlite_version(sqlite3.sqlite_version_info)
    yield from api_versions(to_datetime(SystemClock().now()).date())
    try:
        values = settings.load()
    except SettingError as error:
        yield Finding("settings", Level.ERROR, str(error))
        return
    log.set_up(values.log_format, values.log_level, values.secret_keys)
    yield Finding("settings", Level.OK, f"they can be used; the data directory is {values.data_dir}.")
    yield from (Finding("settings", Level.WARNING, warning) for warning in values.warnings)
    database = _database(values)
    yield database
    if database.level == Level.OK:
        schema = _schema(values)
        yield schema
        if schema.level == Level.OK:
            yield from at_desk(lambda desk: _inside(desk, online=online))


def sqlite_version(version: tuple[int, int, int]) -> Finding:
    """Whether the SQLite that Python was built with is new enough."""
    name = ".".join(map(str, version))
    if version >= OLDEST_SQLITE:
        return Finding("sqlite", Level.OK, f"version {name}.")
    oldest = ".".join(map(str, OLDEST_SQLITE))
    return Finding("sqlite", Level.ERROR, f"version {name} is too old; use a Python with SQLite {oldest} or newer.")


def api_versions(today: date) -> Iterator[Finding]:
    """When each platform retires the API version that this program speaks."""
    for destination in DESTINATIONS.values():
        found = versions.life(destination, destination.api_version, today)
        yield Finding(f"{destination.name} API", _AGES[found.age], f"{found.sentence} {found.next_step}".rstrip())


def own_versions(connected: Sequence[Connection], today: date) -> Iterator[Finding]:
    """The connections that keep a version of their own, of which the end is near or past."""
    for one in expiring(connected, today):
        if one.version != one.destination.api_version:
            sentence = f"project {one.project_id}: {one.life.sentence} {one.life.next_step}"
            yield Finding(f"{one.destination.name} API", _AGES[one.life.age], sentence)


def _database(values: Settings) -> Finding:
    path = values.sqlite_path
    if path is not None and not path.exists():
        return Finding("database", Level.WARNING, f"{path} is not there yet; `leadtrackr serve` makes it.")
    try:
        with reaching(values):
            migrate.current(values.database_url.reveal())
    except Unavailable as error:
        return Finding("database", Level.ERROR, str(error))
    return Finding("database", Level.OK, f"{values.database_place} can be reached.")


def _schema(values: Settings) -> Finding:
    found = migrate.current(values.database_url.reveal())
    if found == migrate.HEAD:
        return Finding("schema", Level.OK, f"{found}, as this program needs it.")
    what = f"the database's schema is {found or 'empty'}, this program needs {migrate.HEAD}"
    return Finding("schema", Level.ERROR, f"{what}. Run: leadtrackr migrate")


async def _inside(desk: Desk, *, online: bool) -> list[Finding]:
    """What only an open database can tell."""
    found = [clock(desk.clock.now(), await receipts.clocks(desk.db))]
    connected = await connections.everything(desk.db)
    readable = [one for one in connected if _is_readable(desk, one)]
    found.append(_secrets(connected, readable))
    found += own_versions(connected, to_datetime(desk.clock.now()).date())
    found += [_held(one) for one in connected if one.state == ConnectionState.HELD]
    page = await incidents.listing(desk.db, None, Filters(open=True, limit=incidents.MAX_LIMIT))
    # What is stopped is held, and has been said.
    found += [_incident(one, page.now) for one in page.incidents if one.kind != IncidentKind.STOPPED]
    if online:
        found += [finding async for finding in _ask(desk, readable)]
    return found


def clock(now: int, others: receipts.Clocks) -> Finding:
    """This machine's time against the program's age, the database's clock and the newest lead; microseconds UTC."""
    if now < WRITTEN:
        wrong = f"this machine says {to_datetime(now):%Y-%m-%d}, which is before this program was written"
    elif abs(now - others.database_at) > SKEW_US:
        wrong = f"this machine's and the database's differ by {abs(now - others.database_at) / SECOND:.0f} seconds"
    elif others.newest_lead_at is not None and others.newest_lead_at > now + MINUTE:
        wrong = "the newest lead came in later than this machine's present time"
    else:
        return Finding("clock", Level.OK, f"{to_datetime(now):%Y-%m-%d %H:%M:%S} UTC.")
    return Finding("clock", Level.ERROR, f"{wrong}. Set the clock, and let it be kept by NTP.")


def _is_readable(desk: Desk, connection: Connection) -> bool:
    try:
        connections.full_settings(connection, desk.box)
    except UnreadableSecretError:
        return False
    return True


def _secrets(connected: Sequence[Connection], readable: Sequence[Connection]) -> Finding:
    lost = [f"{one.destination} of project {one.project_id}" for one in connected if one not in readable]
    if not lost:
        return Finding("secrets", Level.OK, f"those of {len(connected)} connections can be read.")
    what = f"the secret key does not open those of {', '.join(lost)}"
    return Finding("secrets", Level.ERROR, f"{what}. Put the former key back, or connect again.")


def _held(connection: Connection) -> Finding:
    words = receipts.words_of(connection.destination, connection.hold_code or "")
    where = f"{connection.destination} of project {connection.project_id} is held"
    return Finding("connections", Level.ERROR, f"{where}. {words.sentence} {words.next_step}".rstrip())


def _incident(one: Incident, now: int) -> Finding:
    said = words(one, now)
    level = Level.ERROR if one.kind == IncidentKind.CLOSING else Level.WARNING
    return Finding("incidents", level, f"{said.sentence} {said.next_step}")


async def _ask(desk: Desk, connected: Sequence[Connection]) -> AsyncIterator[Finding]:
    async with means_of(desk) as means:
        for connection in connected:
            said = await check(means, connection)
            where = f"{said.destination} of project {connection.project_id}"
            level = Level.OK if said.works else Level.ERROR
            yield Finding("credentials", level, f"{where}. {said.sentence} {said.next_step}".rstrip())
