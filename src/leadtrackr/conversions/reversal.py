"""The part of a status change that looks back: reads the lead's past, undoes what is to be undone, says the rest."""

from collections.abc import Iterable
from typing import Any, Final

import msgspec
from sqlalchemy import bindparam, case, func, insert, literal_column, select, update

from leadtrackr.accounts.model import Project
from leadtrackr.conversions import outcomes, queries, take_back
from leadtrackr.conversions.model import DELIVERED, UNSETTLED, ConnectionState, DeliveryKind, JobState, State
from leadtrackr.conversions.planning import Connected, stored_settings
from leadtrackr.conversions.take_back import Change, Earlier, Undone
from leadtrackr.db.database import Tx
from leadtrackr.db.statement import IdsIn, Insertion, constant, prepare
from leadtrackr.db.tables import attempts, connections, deliveries, jobs, labels
from leadtrackr.destinations.contract import Kind
from leadtrackr.destinations.registry import DESTINATIONS
from leadtrackr.kit.ids import Ids

_D: Final = deliveries.c
_C: Final = connections.c

_EARLIER = select(
    *(_D[name] for name in Earlier.__struct_fields__ if name != "asks"),
    select(labels.c.take_back).where(labels.c.id == _D.label_id).scalar_subquery().label("asks"),
)
# With the project as a sum SQLite goes by the lead; else it would read every delivery of the project.
_OF_PROJECT: Final = _D.project_id + literal_column("0") == bindparam("project_id")
_PAST: Final = prepare(_EARLIER.where(_D.lead_id == bindparam("lead_id"), _OF_PROJECT).order_by(_D.id))
_LOCK: Final = prepare(_EARLIER.where(_OF_PROJECT, IdsIn(_D.id, "ids")).order_by(_D.id).with_for_update(of=deliveries))
_CONNECTED: Final = prepare(
    select(
        _C.id.label("connection_id"),
        *(_C[name] for name in Connected.__struct_fields__ if name != "connection_id"),
    ).where(_C.project_id == bindparam("project_id"))
)
_UNSURE: Final = prepare(
    select(attempts.c.delivery_id)
    .join(deliveries, _D.id == attempts.c.delivery_id)
    .where(
        _D.project_id == bindparam("project_id"),
        IdsIn(attempts.c.delivery_id, "ids"),
        attempts.c.kind == constant(Kind.UNKNOWN),
    )
    .distinct()
)
_CANCEL: Final = prepare(
    update(deliveries)
    .where(_D.project_id == bindparam("of_project"), IdsIn(_D.id, "ids"))
    .values(
        state=State.CANCELLED.value,
        code=bindparam("new_code"),
        detail=None,
        behind=None,
        updated_at=bindparam("now"),
        settled_at=bindparam("now"),
    )
)
_RELINK: Final = prepare(
    update(deliveries)
    .where(_D.project_id == bindparam("of_project"), _D.id == bindparam("of_delivery"))
    .values(
        behind=bindparam("new_behind"),
        code=case(
            (bindparam("free") == literal_column("1"), func.nullif(_D.code, constant(outcomes.BEHIND))), else_=_D.code
        ),
    )
)
_INSERT_SETTLED_JOB: Final = Insertion(
    insert(jobs).values(
        {name: bindparam(name) for name in ("project_id", "lead_id", "created_at")}
        | {"state": JobState.SETTLED.value, "remaining": 0, "warnings": "[]", "settled_at": bindparam("created_at")}
    )
)


def undo(tx: Tx, ids: Ids, project: Project, change: Change, *, rehearsal: bool = False) -> Undone:
    """Plans what the change does to the lead's past, and writes what is cancelled by it; a rehearsal writes nothing.

    The lead is locked by the caller and has no pending job. The deliveries are for the caller to write.
    """
    earlier = _past(tx, project.id, change.lead.lead_id, lock=not rehearsal)
    if not earlier:
        return Undone()
    wanted = take_back.wanted(change, earlier)
    unsent = [one.id for one in earlier if one.id in wanted and one.state in take_back.STOPPABLE]
    unsure = {row.delivery_id for row in tx.all(_UNSURE, project_id=project.id, ids=unsent)} if unsent else set()
    undone = take_back.plan(
        change,
        earlier,
        _connected(tx, project.id) if wanted else {},
        unsure,
        DESTINATIONS,
        [ids.event_id() for _ in wanted],
    )
    if rehearsal:
        return undone
    now = change.now
    for code in sorted(set(undone.cancelled.values())):
        cancelled = sorted(number for number, why in undone.cancelled.items() if why == code)
        tx.run(_CANCEL, of_project=project.id, ids=cancelled, new_code=code, now=now)
    for number, place in sorted(undone.behind.items()):
        tx.run(_RELINK, of_project=project.id, of_delivery=number, new_behind=place, free=int(place is None))
    return undone


def undo_all(tx: Tx, ids: Ids, project: Project, change: Change) -> None:
    """The same for a lead that is set to `open`, with the deliveries: their job is settled from the start.

    None of them keeps a lead pending, so none has a first pass to be counted.
    """
    undone = undo(tx, ids, project, change)
    if not undone.deliveries:
        return
    lead_id = change.lead.lead_id
    job_id = tx.insert(_INSERT_SETTLED_JOB, project_id=project.id, lead_id=lead_id, created_at=change.now)
    planned = [msgspec.structs.replace(each, passed=True) for each in undone.deliveries]
    queries.insert_deliveries(tx, planned, project_id=project.id, job_id=job_id, lead_id=lead_id, now=change.now)


def _past(tx: Tx, project_id: int, lead_id: int, *, lock: bool) -> list[Earlier]:
    """The lead's earlier deliveries, oldest first. Those that may move or be taken back are locked meanwhile."""
    found = _read(tx.all(_PAST, project_id=project_id, lead_id=lead_id))
    moving = [one.id for one in found if one.state in UNSETTLED or (one.asks and one.state in DELIVERED)]
    if not moving or not lock:
        return found
    # What moved between the two looks is as the second one saw it.
    locked = {one.id: one for one in _read(tx.all(_LOCK, project_id=project_id, ids=moving))}
    return [locked.get(one.id, one) for one in found]


def _read(rows: Iterable[Any]) -> list[Earlier]:
    return [
        Earlier(
            **row._asdict()
            | {
                "kind": DeliveryKind(row.kind),
                "state": State(row.state),
                "passed": bool(row.passed),
                "asks": bool(row.asks),
            }
        )
        for row in rows
    ]


def _connected(tx: Tx, project_id: int) -> dict[int, Connected]:
    return {
        row.connection_id: Connected(
            **row._asdict() | {"settings": stored_settings(row.settings), "state": ConnectionState(row.state)}
        )
        for row in tx.all(_CONNECTED, project_id=project_id)
    }
