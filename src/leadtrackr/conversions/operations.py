"""What a person does with deliveries: send them again, with a plan first, stop them, pause a connection.

Each use case is one transaction. Asking twice does it once: what has moved on in the meantime is left as it is.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import bindparam, func, select, update

from leadtrackr.accounts import service as accounts
from leadtrackr.accounts.model import Project
from leadtrackr.conversions import outcomes
from leadtrackr.conversions.hold import hold_connection
from leadtrackr.conversions.model import DELIVERED, UNSETTLED, ConnectionState, State
from leadtrackr.conversions.receipts import Filters, conditions
from leadtrackr.conversions.settle import pass_jobs
from leadtrackr.db.database import Database, Tx
from leadtrackr.db.statement import IdsIn, constant, prepare
from leadtrackr.db.tables import connections, deliveries, labels, leads
from leadtrackr.destinations import registry
from leadtrackr.destinations.contract import Kind, Outcome
from leadtrackr.kit.errors import Conflict, NotFound

MOST: Final = 10_000
"""Most deliveries that one order moves, so that no transaction is long."""
AGAIN: Final = frozenset({State.REJECTED, State.EXPIRED, State.CANCELLED, State.WAITING})
"""States from which a delivery can be sent again. A skipped one was never made to be sent: rate the lead again."""
STOPPABLE: Final = frozenset({State.QUEUED, State.WAITING, State.HELD})
BY_A_PERSON: Final = "person"
_D: Final = deliveries.c
_C: Final = connections.c
_ids = msgspec.json.Decoder(tuple[int, ...])
_OF_PROJECT: Final = _D.project_id == bindparam("of_project")

_AHEAD: Final = prepare(
    select(_D.lead_id, _D.connection_id, func.max(_D.id).label("id"))
    .where(_OF_PROJECT, IdsIn(_D.lead_id, "lead_ids"), _D.state.in_([constant(state) for state in sorted(UNSETTLED)]))
    .group_by(_D.lead_id, _D.connection_id)
)
_LATER: Final = prepare(
    select(_D.takes_back, func.max(_D.id).label("id"))
    .where(
        _OF_PROJECT,
        _D.takes_back.is_not(None),
        IdsIn(_D.takes_back, "ids"),
        _D.state.in_([constant(state) for state in sorted(UNSETTLED | DELIVERED)]),
    )
    .group_by(_D.takes_back)
)
_STANDING: Final = prepare(
    select(leads.c.id, labels.c.id.label("label_id"), labels.c.path)
    .outerjoin(labels, labels.c.id == leads.c.label_id)
    .where(leads.c.project_id == bindparam("of_project"), IdsIn(leads.c.id, "lead_ids"))
)
_SEND_AGAIN: Final = prepare(
    update(deliveries)
    .where(_OF_PROJECT, _D.id == bindparam("of_delivery"))
    .values(
        state=State.WAITING.value,
        code=outcomes.ASKED_AGAIN,
        detail=None,
        run_at=bindparam("now"),
        tries=0,
        takeovers=0,
        behind=bindparam("new_behind"),
        settled_at=None,
        updated_at=bindparam("now"),
    )
)
_CANCEL: Final = prepare(
    update(deliveries)
    .where(_OF_PROJECT, IdsIn(_D.id, "ids"))
    .values(
        state=State.CANCELLED.value,
        code=outcomes.CANCELLED,
        detail=None,
        passed=1,
        behind=None,
        updated_at=bindparam("now"),
        settled_at=bindparam("now"),
    )
)
_CONNECTION: Final = prepare(
    select(_C.id, _C.state).where(_C.project_id == bindparam("project_id"), _C.destination == bindparam("destination"))
)


class Chosen(msgspec.Struct, frozen=True, kw_only=True):
    """Which deliveries of a project an order is about: these ids, or all that the filters take."""

    ids: tuple[int, ...] = ()
    filters: Filters = Filters(limit=MOST)


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What an order to send again will do, by destination; nothing has been moved yet."""

    to_send: dict[str, int]
    held: dict[str, int]
    """Of `to_send`, those whose connection is held: they go when it is mended."""
    too_old: dict[str, int]
    """The platform's window has closed: they stay as they are."""
    taken_back: dict[str, int]
    """The lead was rated otherwise since, so the platform must not get them again: they stay as they are."""
    not_again: dict[str, int]
    """On their way already, delivered, or skipped: they stay as they are."""
    ids: tuple[int, ...]
    """The deliveries of `to_send`."""


async def plan_retry(db: Database, project_ref: str, chosen: Chosen) -> Plan:
    """What `retry` would do now."""
    return await db.read(lambda tx: _plan(tx, accounts.find_project(tx, project_ref), chosen)[0])


async def retry(db: Database, project_ref: str, chosen: Chosen) -> Plan:
    """Sends deliveries again, under their event ids and with their original times; returns what was done."""

    def work(tx: Tx) -> Plan:
        project = accounts.find_project(tx, project_ref)
        plan, rows = _plan(tx, project, chosen, lock=True)
        now = tx.now()
        behind = _ahead(tx, project, rows)
        for row in sorted(rows, key=lambda found: int(found.id)):
            line = (row.lead_id, row.connection_id)
            # One that waits stands in its line already; any other goes to the end of it.
            place = row.behind if row.state == State.WAITING else behind.get(line)
            tx.run(_SEND_AGAIN, of_project=project.id, of_delivery=row.id, new_behind=place, now=now)
            behind[line] = row.id
        return plan

    return await db.write(work)


async def cancel(db: Database, project_ref: str, chosen: Chosen) -> int:
    """Stops deliveries that have not been sent; returns how many. One that is being sent cannot be stopped."""

    def work(tx: Tx) -> int:
        project = accounts.find_project(tx, project_ref)
        rows = [row for row in _rows(tx, project, chosen, lock=True) if row.state in STOPPABLE]
        if rows:
            now = tx.now()
            ids = sorted(row.id for row in rows)
            tx.run(_CANCEL, of_project=project.id, ids=ids, now=now)
            pass_jobs(tx, [row.job_id for row in rows if not row.passed], settled=ids, now=now)
        return len(rows)

    return await db.write(work)


async def pause(db: Database, project_ref: str, slug: str) -> int:
    """Holds a connection until a person resumes it; returns its id. Conflict when it is held already."""
    destination = registry.get(slug)

    def work(tx: Tx) -> int:
        project = accounts.find_project(tx, project_ref)
        found = tx.first(_CONNECTION, project_id=project.id, destination=slug)
        if found is None:
            raise NotFound(f"This project is not connected to {destination.name}.")
        if found.state == ConnectionState.HELD:
            raise Conflict(f"{destination.name} is held already.")
        outcome = Outcome(kind=Kind.HOLD, code=outcomes.PAUSED_BY_PERSON, hold="configuration")
        hold_connection(tx, found.id, reason=BY_A_PERSON, outcome=outcome, now=tx.now())
        return int(found.id)

    return await db.write(work)


def _rows(tx: Tx, project: Project, chosen: Chosen, *, lock: bool = False) -> list[Any]:
    wanted = conditions(project, chosen.filters)
    if chosen.ids:
        wanted.append(_D.id.in_(chosen.ids[:MOST]))
    statement = (
        select(
            *(_D.id, _D.job_id, _D.lead_id, _D.connection_id, _D.destination, _D.state, _D.code, _D.closes_at),
            *(_D.passed, _D.behind, _D.takes_back, _D.label_id),
            select(labels.c.take_back).where(labels.c.id == _D.label_id).scalar_subquery().label("asks"),
        )
        .where(*wanted)
        .order_by(_D.id)
        .limit(min(chosen.filters.limit, MOST))
    )
    return tx.all(prepare(statement.with_for_update(of=deliveries) if lock else statement))


def _plan(tx: Tx, project: Project, chosen: Chosen, *, lock: bool = False) -> tuple[Plan, list[Any]]:
    now = tx.now()
    rows = _rows(tx, project, chosen, lock=lock)
    held = {
        row.destination
        for row in rows
        if (found := tx.first(_CONNECTION, project_id=project.id, destination=row.destination))
        and found.state == ConnectionState.HELD
    }
    superseded = _superseded(tx, project, rows)
    able = [row for row in rows if row.state in AGAIN and row.id not in superseded]
    fresh = [row for row in able if row.closes_at > now]
    plan = Plan(
        to_send=_count(fresh),
        held=_count([row for row in fresh if row.destination in held]),
        too_old=_count([row for row in able if row.closes_at <= now]),
        taken_back=_count([row for row in rows if row.state in AGAIN and row.id in superseded]),
        not_again=_count([row for row in rows if row.state not in AGAIN]),
        ids=tuple(int(row.id) for row in fresh),
    )
    return plan, fresh


def _superseded(tx: Tx, project: Project, rows: Sequence[Any]) -> set[int]:
    """What was taken back or restated since, and what a label that asks for it would take back had it arrived."""
    originals = sorted({int(row.takes_back or row.id) for row in rows})
    later = {row.takes_back: int(row.id) for row in tx.all(_LATER, of_project=project.id, ids=originals)}
    lead_ids = sorted({int(row.lead_id) for row in rows if row.asks})
    found = tx.all(_STANDING, of_project=project.id, lead_ids=lead_ids) if lead_ids else []
    kept = {row.id: (row.label_id, *(_ids.decode(row.path) if row.path else ())) for row in found}
    return {
        row.id
        for row in rows
        if (row.asks and row.takes_back is None and row.label_id not in kept[row.lead_id])
        or row.code in (outcomes.TAKEN_BACK, outcomes.TAKEN_BACK_UNSURE)
        or later.get(row.takes_back or row.id, 0) > row.id
    }


def _count(rows: Sequence[Any]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for row in rows:
        counts[row.destination] = counts.get(row.destination, 0) + 1
    return counts


def _ahead(tx: Tx, project: Project, rows: Sequence[Any]) -> dict[tuple[int, int], int | None]:
    """The last delivery on its way, for each lead and connection."""
    lead_ids = sorted({int(row.lead_id) for row in rows})
    found = tx.all(_AHEAD, of_project=project.id, lead_ids=lead_ids)
    return {(row.lead_id, row.connection_id): int(row.id) for row in found}
