"""Incidents for people and programs: listed by project, counted for the metrics. Read-only."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, bindparam, func, select

from leadtrackr.accounts import queries as account_queries
from leadtrackr.accounts import service as accounts
from leadtrackr.accounts.model import Project
from leadtrackr.conversions.hold import OPEN, OPEN_UNTIL
from leadtrackr.conversions.incidents.model import CLOSES_WITHIN, Incident, IncidentKind, OpenCount
from leadtrackr.db.database import Database, Tx
from leadtrackr.db.statement import IdsIn, prepare
from leadtrackr.db.tables import connections, deliveries, incidents, projects
from leadtrackr.kit.errors import InvalidInput
from leadtrackr.kit.query import boolean, number
from leadtrackr.leads.coerce import clean_text

MAX_LIMIT: Final = 100
_I: Final = incidents.c
_D: Final = deliveries.c
_JOINED: Final = incidents.join(connections, connections.c.id == _I.connection_id).join(
    projects, projects.c.id == _I.project_id
)
_STORED: Final = tuple(name for name in Incident.__struct_fields__ if name not in ("project", "destination", "waiting"))
_SELECT: Final = select(
    *(_I[name] for name in _STORED), projects.c.public_id.label("project"), connections.c.destination
).select_from(_JOINED)
_WAITING: Final = prepare(
    select(_D.connection_id, func.count().label("n"))
    .where(OPEN, IdsIn(_D.connection_id, "ids"))
    .group_by(_D.connection_id)
)
_ENDING: Final = prepare(
    select(_D.connection_id, func.count().label("n"), func.min(_D.closes_at).label("first_at"))
    .where(OPEN_UNTIL, IdsIn(_D.connection_id, "ids"), _D.closes_at <= bindparam("soon"))
    .group_by(_D.connection_id)
)
_COUNTS: Final = prepare(
    select(connections.c.destination, _I.kind, func.count().label("n"))
    .select_from(_JOINED)
    .where(_I.recovered_at.is_(None))
    .group_by(connections.c.destination, _I.kind)
)


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """Which incidents; None takes all."""

    open: bool | None = None
    kind: IncidentKind | None = None
    limit: int = 50
    page: int = 1


class Page(msgspec.Struct, frozen=True):
    """Some of the incidents, newest first; `total` counts those on all pages, `now` is in microseconds UTC."""

    incidents: list[Incident]
    total: int
    page: int
    limit: int
    now: int


def read(params: Mapping[str, str]) -> Filters:
    """Filters from query parameters; InvalidInput names the one that is wrong. Blank ones count as absent."""
    cleaned = {name: clean_text(value).strip() for name, value in params.items()}
    given = {name: value for name, value in cleaned.items() if value}
    kind = given.get("kind")
    if kind is not None and kind not in set(IncidentKind):
        raise InvalidInput(f"Invalid parameter: kind must be one of {', '.join(IncidentKind)}", "kind")
    return Filters(
        open=boolean(given, "open") if "open" in given else None,
        kind=None if kind is None else IncidentKind(kind),
        limit=number(given, "limit", 50, MAX_LIMIT),
        page=number(given, "page", 1, 10**9),
    )


async def list_page(db: Database, api_key: str | None, params: Mapping[str, str]) -> Page:
    """One page of the incidents of the key's project. Unauthenticated, Forbidden, InvalidInput."""

    def work(tx: Tx) -> Page:
        return _page(tx, accounts.authenticate(tx, api_key), read(params))

    return await db.read(work)


async def listing(db: Database, project_ref: str | None, filters: Filters) -> Page:
    """A project's incidents, or those of every project for whoever runs the server. NotFound without the project."""

    def work(tx: Tx) -> Page:
        if project_ref is not None:
            return _page(tx, accounts.find_project(tx, project_ref), filters)
        pages = [_page(tx, project, filters) for project in account_queries.everything(tx)]
        found = sorted((one for page in pages for one in page.incidents), key=lambda one: (-one.opened_at, -one.id))
        return Page(found[: filters.limit], sum(page.total for page in pages), 1, filters.limit, tx.now())

    return await db.read(work)


async def open_counts(db: Database) -> list[OpenCount]:
    """How many incidents are open over all projects, by destination and kind; what has none is left out."""
    return await db.read(lambda tx: [OpenCount(row.destination, row.kind, int(row.n)) for row in tx.all(_COUNTS)])


def _page(tx: Tx, project: Project, filters: Filters) -> Page:
    wanted = _conditions(project, filters)
    count = tx.first(prepare(select(func.count().label("n")).select_from(incidents).where(*wanted)))
    rows = tx.all(
        prepare(
            _SELECT.where(*wanted)
            .order_by(_I.opened_at.desc(), _I.id.desc())
            .limit(filters.limit)
            .offset((filters.page - 1) * filters.limit)
        )
    )
    now = tx.now()
    found = _with_waiting(tx, [_incident(row) for row in rows], now)
    return Page(found, 0 if count is None else int(count.n), filters.page, filters.limit, now)


def _conditions(project: Project, filters: Filters) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = [_I.project_id == project.id]
    if filters.open is not None:
        wanted.append(_I.recovered_at.is_(None) if filters.open else _I.recovered_at.is_not(None))
    if filters.kind is not None:
        wanted.append(_I.kind == filters.kind.value)
    return wanted


def _incident(row: Any) -> Incident:
    values = row._asdict()
    values["kind"] = IncidentKind(values["kind"])
    return Incident(**values)


def _with_waiting(tx: Tx, found: list[Incident], now: int) -> list[Incident]:
    """Each open one with what waits because of it now; nothing waits because of a token that still works."""
    stuck = _ids(found, IncidentKind.STOPPED, IncidentKind.FAILING)
    ending = _ids(found, IncidentKind.CLOSING)
    waiting = {row.connection_id: int(row.n) for row in tx.all(_WAITING, ids=stuck)} if stuck else {}
    ends = {row.connection_id: row for row in tx.all(_ENDING, ids=ending, soon=now + CLOSES_WITHIN)} if ending else {}

    def fill(one: Incident) -> Incident:
        if one.recovered_at is not None or one.kind == IncidentKind.TOKEN_EXPIRING:
            return one
        if one.kind != IncidentKind.CLOSING:
            return msgspec.structs.replace(one, waiting=waiting.get(one.connection_id, 0))
        row = ends.get(one.connection_id)
        return one if row is None else msgspec.structs.replace(one, waiting=int(row.n), ends_at=row.first_at)

    return [fill(one) for one in found]


def _ids(found: Iterable[Incident], *kinds: IncidentKind) -> list[int]:
    return sorted({one.connection_id for one in found if one.recovered_at is None and one.kind in kinds})
