"""What a person does with deliveries: send them again and stop them, with a plan first, pause and resume a connection.

Each use case is one transaction. Asking twice does it once: what has moved on in the meantime is left as it is.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import bindparam, exists, func, literal_column, select, update

from leadtrackr.accounts import service as accounts
from leadtrackr.accounts.model import Project
from leadtrackr.conversions import once, outcomes
from leadtrackr.conversions.again import AGAIN, Plan, sort
from leadtrackr.conversions.condition import Stands, condition
from leadtrackr.conversions.connections import Connected, connected, in_project, locked_in_project
from leadtrackr.conversions.hold import BY_A_PERSON, hold_connection, how_many, release_connection
from leadtrackr.conversions.model import DELIVERED, UNSETTLED, Connection, ConnectionState, State
from leadtrackr.conversions.receipts import LARGEST_ID, Filters, conditions
from leadtrackr.conversions.settle import close_up, pass_jobs
from leadtrackr.db.database import Database, Tx
from leadtrackr.db.statement import IdsIn, constant, prepare
from leadtrackr.db.tables import attempts, deliveries, labels, leads
from leadtrackr.destinations import registry
from leadtrackr.destinations.contract import Kind, Outcome
from leadtrackr.kit.errors import Conflict, InvalidInput, NotFound

MOST: Final = 10_000
"""Most deliveries that one order moves, so that no transaction is long."""
NAMED: Final = 10
"""Most unknown ids that a refusal names."""
STOPPABLE: Final = frozenset({State.QUEUED, State.WAITING, State.HELD})
_D: Final = deliveries.c
_ids = msgspec.json.Decoder(tuple[int, ...])
_OF_PROJECT: Final = _D.project_id == bindparam("of_project")

_FOLLOWER: Final = deliveries.alias("follower")
_LAST: Final = prepare(
    select(_D.lead_id, _D.connection_id, _D.id).where(
        _OF_PROJECT,
        IdsIn(_D.lead_id, "lead_ids"),
        _D.state.in_([constant(state) for state in sorted(UNSETTLED)]),
        # Not the newest: one that was asked for again went to the end of its line.
        ~exists(select(literal_column("1")).where(_FOLLOWER.c.behind == _D.id, _FOLLOWER.c.behind.is_not(None))),
    )
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
_LOCK_LEADS: Final = prepare(
    select(leads.c.id)
    .where(leads.c.project_id + literal_column("0") == bindparam("of_project"), IdsIn(leads.c.id, "lead_ids"))
    .order_by(leads.c.id)
    .with_for_update(key_share=True)
)
_SEND_AGAIN: Final = prepare(
    update(deliveries)
    .where(_OF_PROJECT, _D.id == bindparam("of_delivery"))
    .values(
        state=State.WAITING.value,
        code=outcomes.ASKED_AGAIN,
        detail=None,
        run_at=bindparam("new_run_at"),
        tries=0,
        retry_until=None,
        deaths=0,
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
_KNOWN: Final = prepare(select(_D.id).where(_OF_PROJECT, IdsIn(_D.id, "ids")))
_ARRIVED: Final = prepare(
    select(attempts.c.delivery_id)
    .join(deliveries, _D.id == attempts.c.delivery_id)
    .where(
        _OF_PROJECT,
        IdsIn(attempts.c.delivery_id, "ids"),
        attempts.c.kind.in_([constant(kind) for kind in (Kind.ACCEPTED, Kind.CONFIRMED, Kind.UNKNOWN)]),
    )
    .distinct()
)
_COLUMNS: Final = (
    *("id", "job_id", "lead_id", "connection_id", "destination", "account"),
    *("state", "code", "closes_at", "passed", "behind", "run_at", "tries", "takes_back", "label_id"),
)


class Chosen(msgspec.Struct, frozen=True, kw_only=True):
    """Which deliveries of a project an order is about: these ids, or all that the filters take."""

    ids: tuple[int, ...] = ()
    filters: Filters = Filters()


class Stopped(msgspec.Struct, frozen=True, kw_only=True):
    """What an order to stop did."""

    ids: tuple[int, ...]
    left: Mapping[int, State]
    """Those that stay as they are, since they are being sent or are settled, with their states."""
    more: bool
    """Whether the filters take more than one order moves."""


class Turned(msgspec.Struct, frozen=True, kw_only=True):
    """What an order to pause or resume a connection did."""

    connected: Connected
    """The connection as it is then."""
    count: int
    """How many deliveries are held by it, or go on."""
    changed: bool
    """Whether it was not so before."""


async def plan_retry(db: Database, project_ref: str, chosen: Chosen) -> Plan:
    """What `retry` would do now. NotFound for an id that the project does not have."""
    return await db.read(lambda tx: _plan(tx, accounts.find_project(tx, project_ref), chosen)[0])


async def retry(db: Database, project_ref: str, chosen: Chosen) -> Plan:
    """Sends deliveries again, under their event ids and with their original times; returns what was done.

    NotFound for an id that the project does not have; nothing is moved then.
    """

    def work(tx: Tx) -> Plan:
        project = accounts.find_project(tx, project_ref)
        plan, rows = _plan(tx, project, chosen, lock=True)
        _send_again(tx, project, [row for row in rows if row.id in set(plan.ids)])
        return plan

    return await db.write(work)


async def plan_cancel(db: Database, project_ref: str, chosen: Chosen) -> Stopped:
    """What `cancel` would do now. NotFound for an id that the project does not have."""

    def work(tx: Tx) -> Stopped:
        return _stopped(*_to_stop(tx, accounts.find_project(tx, project_ref), chosen))

    return await db.read(work)


async def cancel(db: Database, project_ref: str, chosen: Chosen) -> Stopped:
    """Stops deliveries that have not been sent; one that is being sent cannot be stopped. NotFound for a wrong id.

    Filters that name no state take what is not settled.
    """

    def work(tx: Tx) -> Stopped:
        project = accounts.find_project(tx, project_ref)
        found, more = _to_stop(tx, project, chosen, lock=True)
        rows = [row for row in found if row.state in STOPPABLE]
        done = _stopped(found, more)
        if rows:
            now = tx.now()
            close_up(tx, {int(row.id): row.behind for row in rows})
            tx.run(_CANCEL, of_project=project.id, ids=list(done.ids), now=now)
            pass_jobs(tx, [row.job_id for row in rows if not row.passed], settled=list(done.ids), now=now)
        return done

    return await db.write(work)


def _to_stop(tx: Tx, project: Project, chosen: Chosen, *, lock: bool = False) -> tuple[list[Any], bool]:
    if not chosen.ids and not chosen.filters.states:
        filters = msgspec.structs.replace(chosen.filters, states=UNSETTLED)
        chosen = msgspec.structs.replace(chosen, filters=filters)
    found = _rows(tx, project, chosen, lock=lock)
    return found[:MOST], len(found) > MOST


def _stopped(found: Sequence[Any], more: bool) -> Stopped:
    return Stopped(
        ids=tuple(int(row.id) for row in found if row.state in STOPPABLE),
        left={int(row.id): State(row.state) for row in found if row.state not in STOPPABLE},
        more=more,
    )


async def pause(db: Database, project_ref: str, which: str | int) -> Turned:
    """Holds a connection, named by its destination or its number, until a person resumes it.

    Conflict when something else holds it. NotFound when the project has no such connection.
    """

    def work(tx: Tx) -> Turned:
        project = accounts.find_project(tx, project_ref)
        found = locked_in_project(tx, project.id, which)
        held = found.state == ConnectionState.HELD
        if held and found.hold_reason != BY_A_PERSON:
            name = registry.get(found.destination).name
            raise Conflict(f"{name} is held already: nothing is sent there until a person has mended what holds it.")
        outcome = Outcome(kind=Kind.HOLD, code=outcomes.PAUSED_BY_PERSON, hold="configuration")
        if not held:
            hold_connection(tx, found.id, reason=BY_A_PERSON, outcome=outcome, now=tx.now())
        return _turned(tx, found, how_many(tx, found.id) if not held else 0, changed=not held)

    return await db.write(work)


async def resume(db: Database, project_ref: str, which: str | int) -> Turned:
    """Lets a connection go on that is held, or left alone for a while, once what was wrong is mended. NotFound."""

    def work(tx: Tx) -> Turned:
        project = accounts.find_project(tx, project_ref)
        found, now = locked_in_project(tx, project.id, which), tx.now()
        changed = condition(found, now).state != Stands.ACTIVE
        release_connection(tx, found.id, now=now)
        return _turned(tx, found, how_many(tx, found.id) if found.state == ConnectionState.HELD else 0, changed=changed)

    return await db.write(work)


def _turned(tx: Tx, found: Connection, count: int, *, changed: bool) -> Turned:
    (after,) = (one for one in connected(tx, found.project_id) if one.connection.id == found.id)
    return Turned(connected=after, count=count, changed=changed)


def _rows(tx: Tx, project: Project, chosen: Chosen, *, lock: bool = False) -> list[Any]:
    """The deliveries of the order by id, at most `MOST` and one."""
    wanted = conditions(project, chosen.filters)
    if chosen.ids:
        _require(tx, project, chosen.ids)
        wanted.append(_D.id.in_(chosen.ids))
    asks = select(labels.c.take_back).where(labels.c.id == _D.label_id).scalar_subquery().label("asks")
    columns = (*(_D[name] for name in _COLUMNS), asks, once.ONCE, once.STOOD_IN)
    statement = select(*columns).where(*wanted).order_by(_D.id).limit(MOST + 1)
    return tx.all(prepare(statement.with_for_update(of=deliveries) if lock else statement))


def _require(tx: Tx, project: Project, ids: Sequence[int]) -> None:
    if len(ids) > MOST:
        raise InvalidInput(f"One order is about {MOST} conversions at most.", "ids")
    known = {row.id for row in tx.all(_KNOWN, of_project=project.id, ids=[one for one in ids if one <= LARGEST_ID])}
    unknown = sorted(set(ids) - known)
    if unknown:
        more = ", …" if len(unknown) > NAMED else ""
        raise NotFound(f"This project has no delivery {', '.join(map(str, unknown[:NAMED]))}{more}.")


def _plan(tx: Tx, project: Project, chosen: Chosen, *, lock: bool = False) -> tuple[Plan, list[Any]]:
    found = _rows(tx, project, chosen)
    rows, more = found[:MOST], len(found) > MOST
    if lock and rows:
        rows = _locked(tx, project, chosen, rows)
    ids = [int(row.id) for row in rows if row.state in AGAIN]
    arrived = frozenset(int(row.delivery_id) for row in tx.all(_ARRIVED, of_project=project.id, ids=ids))
    superseded = _superseded(tx, project, rows)
    now = tx.now()
    open_rows = [row for row in rows if row.state in AGAIN and row.id not in superseded and row.closes_at > now]
    converted = once.converted(tx, project.id, [row for row in open_rows if row.takes_back is None])
    connected = {one.id: one for one in in_project(tx, project.id)}
    groups = sort(rows, connected, arrived, superseded, converted, now)
    return Plan(groups=groups, more=more), rows


def _locked(tx: Tx, project: Project, chosen: Chosen, rows: Sequence[Any]) -> list[Any]:
    """The same rows as they are when nobody else moves them, nor rates their leads.

    The leads first, as a rating does, so that neither waits for the other.
    """
    tx.all(_LOCK_LEADS, of_project=project.id, lead_ids=sorted({int(row.lead_id) for row in rows}))
    ids = tuple(int(row.id) for row in rows)
    return _rows(tx, project, msgspec.structs.replace(chosen, ids=ids), lock=True)


def _send_again(tx: Tx, project: Project, rows: Sequence[Any]) -> None:
    if not rows:
        return
    now, last = tx.now(), _last(tx, project, rows)
    moves: list[dict[str, object]] = []
    for row in sorted(rows, key=lambda found: int(found.id)):
        line = (row.lead_id, row.connection_id)
        place = row.behind
        if row.state != State.WAITING:
            # One that waits stands in its line already; any other goes to the end of it.
            place, last[line] = last.get(line), row.id
        # One that was stopped before its first try may have been waiting for the platform's window to open.
        run_at = max(now, row.run_at) if row.state == State.CANCELLED and not row.tries else now
        values = {"of_delivery": row.id, "new_behind": place, "new_run_at": run_at}
        moves.append({"of_project": project.id, "now": now, **values})
    tx.many(_SEND_AGAIN, moves)


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


def _last(tx: Tx, project: Project, rows: Sequence[Any]) -> dict[tuple[int, int], int | None]:
    """The last one on its way, for each lead and connection."""
    lead_ids = sorted({int(row.lead_id) for row in rows})
    found = tx.all(_LAST, of_project=project.id, lead_ids=lead_ids)
    return {(row.lead_id, row.connection_id): int(row.id) for row in found}
