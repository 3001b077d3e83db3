"""The SQL of status changes: jobs, deliveries and the idempotency keys."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from leadtrackr.conversions.model import UNSETTLED, ConnectionState, JobState
from leadtrackr.conversions.planning import Planned, Target, stored_settings
from leadtrackr.db.database import Tx
from leadtrackr.db.statement import IdsIn, Insertion, constant, prepare
from leadtrackr.db.tables import connections, deliveries, idempotency_keys, jobs, label_events, leads
from leadtrackr.leads.model import Lead, Stage
from leadtrackr.leads.pending import PENDING

_D: Final = deliveries.c
_J: Final = jobs.c
_C: Final = connections.c
_K: Final = idempotency_keys.c

_LOCK_LEAD: Final = prepare(
    select(leads.c.price)
    .where(leads.c.id == bindparam("lead_id"), leads.c.project_id == bindparam("project_id"))
    # Of the weaker kind: rows that refer to the lead can still be written.
    .with_for_update(key_share=True)
)
_PENDING_JOB: Final = prepare(
    select(_J.id).where(_J.lead_id == bindparam("lead_id"), _J.state == constant(JobState.PENDING))
)
_INSERT_JOB: Final = Insertion(
    insert(jobs)
    .values(
        {c.name: bindparam(c.name) for c in jobs.columns if c.name not in ("id", "settled_at", "state")}
        | {"state": JobState.PENDING.value}
    )
    .on_conflict_do_nothing(index_elements=["lead_id"], index_where=_J.state == constant(JobState.PENDING))
)
_PLANNED: Final = tuple(name for name in Planned.__struct_fields__)
_INSERT_DELIVERY: Final = Insertion(
    insert(deliveries).values(
        {
            name: bindparam(name)
            for name in (*_PLANNED, "project_id", "job_id", "lead_id", "created_at", "updated_at", "settled_at")
        }
    )
)
_TARGETS: Final = prepare(
    select(
        label_events.c.label_id,
        label_events.c.action,
        _C.id,
        _C.destination,
        _C.settings,
        _C.state,
        _C.hold_code,
        _C.paused_until,
        _C.pause_code,
    )
    .select_from(connections.join(label_events, label_events.c.destination == _C.destination))
    .where(_C.project_id == bindparam("project_id"), IdsIn(label_events.c.label_id, "label_ids"))
)
_RATE_LEAD: Final = prepare(
    update(leads)
    .where(leads.c.id == bindparam("lead_id"), leads.c.project_id == bindparam("of_project"))
    .values({name: bindparam(f"new_{name}") for name in ("status", "stage", "label_id", "price", "updated_at")})
)
_REOPEN_LEAD: Final = prepare(
    update(leads)
    .where(leads.c.id == bindparam("lead_id"), leads.c.project_id == bindparam("of_project"))
    .values(
        status="open",
        stage=Stage.OPEN.value,
        label_id=None,
        price=bindparam("new_price"),
        updated_at=bindparam("new_updated_at"),
    )
)
_RESERVE_KEY: Final = prepare(
    insert(idempotency_keys)
    .values({name: bindparam(name) for name in ("project_id", "key", "body_hash", "created_at")})
    .on_conflict_do_nothing(index_elements=["project_id", "key"])
)
_OF_KEY: Final = (_K.project_id == bindparam("of_project"), _K.key == bindparam("of_key"))
_READ_KEY: Final = prepare(select(_K.body_hash, _K.status, _K.answer, _K.created_at).where(*_OF_KEY))
_DROP_KEY: Final = prepare(delete(idempotency_keys).where(*_OF_KEY))
_KEEP_ANSWER: Final = prepare(
    update(idempotency_keys).where(*_OF_KEY).values(status=bindparam("new_status"), answer=bindparam("new_answer"))
)


def lock_lead(tx: Tx, lead: Lead) -> tuple[int | None, bool]:
    """Makes other status changes of the lead wait for this one; its price now, and whether it is pending."""
    if tx.serial:
        return lead.price, lead.status == PENDING
    row = tx.first(_LOCK_LEAD, project_id=lead.project_id, lead_id=lead.id)
    return None if row is None else row.price, has_pending_job(tx, lead.id)


def has_pending_job(tx: Tx, lead_id: int) -> bool:
    """Whether a job of the lead has yet to have its first pass."""
    return tx.first(_PENDING_JOB, lead_id=lead_id) is not None


def insert_job(
    tx: Tx,
    *,
    project_id: int,
    lead_id: int,
    label_id: int,
    remaining: int,
    warnings: str,
    now: int,
) -> int | None:
    """Writes a pending job; None when the lead has one: the partial unique index decides, also between processes."""
    return tx.try_insert(
        _INSERT_JOB,
        project_id=project_id,
        lead_id=lead_id,
        label_id=label_id,
        remaining=remaining,
        warnings=warnings,
        created_at=now,
    )


def insert_deliveries(
    tx: Tx, planned: Sequence[Planned], *, project_id: int, job_id: int, lead_id: int, now: int
) -> None:
    """Writes planned deliveries in their order: together, unless one stands behind another and so needs its id."""
    common = {
        "project_id": project_id,
        "job_id": job_id,
        "lead_id": lead_id,
        "created_at": now,
        "updated_at": now,
    }
    rows = [
        {
            **msgspec.structs.asdict(one),
            "passed": int(one.passed),
            "settled_at": None if one.state in UNSETTLED else now,
            **common,
        }
        for one in planned
    ]
    if all(one.behind is None or one.behind > 0 for one in planned):
        tx.together(_INSERT_DELIVERY, rows)
        return
    ids: list[int] = []
    for one, row in zip(planned, rows, strict=True):
        if one.behind is not None and one.behind < 0:
            row["behind"] = ids[-one.behind - 1]
        ids.append(tx.insert(_INSERT_DELIVERY, **row))


def targets(tx: Tx, project_id: int, label_ids: Sequence[int]) -> list[Target]:
    """The events of these labels on the project's connections."""
    return [
        Target(
            label_id=row.label_id,
            connection_id=row.id,
            destination=row.destination,
            action=row.action,
            settings=stored_settings(row.settings),
            state=ConnectionState(row.state),
            hold_code=row.hold_code,
            paused_until=row.paused_until,
            pause_code=row.pause_code,
        )
        for row in tx.all(_TARGETS, project_id=project_id, label_ids=list(label_ids))
    ]


def rate(
    tx: Tx, *, project_id: int, lead_id: int, label_id: int, status: str, stage: Stage, price: int | None, now: int
) -> None:
    """The lead has its new label and price for good. It shows as pending for as long as its job is."""
    tx.run(
        _RATE_LEAD,
        lead_id=lead_id,
        of_project=project_id,
        new_status=status,
        new_stage=stage.value,
        new_label_id=label_id,
        new_price=price,
        new_updated_at=now,
    )


def reopen(tx: Tx, *, project_id: int, lead_id: int, price: int | None, now: int) -> None:
    """The lead is open again, its label cleared."""
    tx.run(_REOPEN_LEAD, lead_id=lead_id, of_project=project_id, new_price=price, new_updated_at=now)


def reserve_key(tx: Tx, *, project_id: int, key: str, body_hash: str, now: int) -> bool:
    """Takes an idempotency key; False when it is taken. A second caller waits here until the first has committed."""
    return tx.run(_RESERVE_KEY, project_id=project_id, key=key, body_hash=body_hash, created_at=now) == 1


def read_key(tx: Tx, *, project_id: int, key: str) -> Any | None:
    """body_hash, status, answer and created_at of a taken key."""
    return tx.first(_READ_KEY, of_project=project_id, of_key=key)


def drop_key(tx: Tx, *, project_id: int, key: str) -> None:
    """Forgets a key that has had its day."""
    tx.run(_DROP_KEY, of_project=project_id, of_key=key)


def keep_answer(tx: Tx, *, project_id: int, key: str, status: int, answer: str) -> None:
    """Keeps the answer that a repeat of the key gets."""
    tx.run(_KEEP_ANSWER, of_project=project_id, of_key=key, new_status=status, new_answer=answer)
