"""The status change: price, status, job and deliveries in one transaction."""

import hashlib
import math
from typing import Final

import msgspec

from leadtrackr.accounts import service as accounts
from leadtrackr.accounts.model import Project
from leadtrackr.conversions import housekeeping, planning, queries, reversal
from leadtrackr.conversions.audience import lead_data, permitted
from leadtrackr.conversions.connections import in_project
from leadtrackr.conversions.housekeeping import Backlog
from leadtrackr.conversions.model import StatusChange
from leadtrackr.conversions.preview import Cancel, Foreseen, Prospect, event_of
from leadtrackr.conversions.take_back import Change, Undone
from leadtrackr.db.database import Database, Tx
from leadtrackr.destinations.registry import DESTINATIONS
from leadtrackr.kit.clock import DAY
from leadtrackr.kit.errors import Conflict, InvalidInput
from leadtrackr.kit.ids import Ids
from leadtrackr.labels import queries as label_queries
from leadtrackr.labels import service as labels
from leadtrackr.labels.model import Label
from leadtrackr.leads import service as leads
from leadtrackr.leads.model import Lead, Stage
from leadtrackr.leads.service import Ref

WRONG_CONVERSION_ID: Final = "Invalid parameter: conversionId must be a text"
MISSING_CONVERSION_ID: Final = "Missing required field: conversionId"
PENDING: Final = "Lead already has a pending job. Try again when it has been processed"
MOST_CENTS: Final = 10**15
KEY_LIFE: Final = DAY
_answers = msgspec.json.Decoder(StatusChange)


class Post(msgspec.Struct, frozen=True, kw_only=True):
    """A status change as a client asks for it."""

    ref: Ref
    conversion_id: object
    price: object = None
    idempotency_key: str | None = None
    body: bytes = b""
    """As it came, to tell a repeat from another request under the same key."""


def price_in_cents(price: object) -> int | None:
    """A price as the wire has it, in whole cents; null is absent. InvalidInput for anything but a number >= 0."""
    if price is None:
        return None
    if isinstance(price, bool) or not isinstance(price, int | float):
        raise InvalidInput("Invalid parameter: price must be a number of cents", "price")
    # Written so that NaN is refused too, and an integer too large for a float is never made one.
    if not price >= 0:
        raise InvalidInput("Invalid parameter: price must be a number of cents that is 0 or more", "price")
    if price > MOST_CENTS:
        raise InvalidInput("Invalid parameter: price is too large", "price")
    return math.floor(price + 0.5)


async def backlog(db: Database) -> list[Backlog]:
    """What is not settled, by destination and state."""
    return await db.read(housekeeping.backlog)


async def admit(db: Database, api_key: str | None) -> Project:
    """The active project that a caller's key opens; Unauthenticated or Forbidden."""
    return await db.read(lambda tx: accounts.authenticate(tx, api_key))


async def foresee(db: Database, ids: Ids, project_ref: str, post: Post) -> Foreseen:
    """What `update_status` would send for this status change, planned by the same function. Writes nothing.

    InvalidInput and NotFound as there; a pending job is no Conflict here but is told.
    """
    return await db.read(lambda tx: _foresee(tx, ids, accounts.find_project(tx, project_ref), post))


def _foresee(tx: Tx, ids: Ids, project: Project, post: Post) -> Foreseen:
    conversion_id, price = _conversion_id(post), price_in_cents(post.price)
    lead = leads.find(tx, project, post.ref)
    label = None if conversion_id == "open" else labels.find(tx, project, conversion_id)
    return rehearse(tx, ids, project, lead, label, lead.price if price is None else price)


def rehearse(tx: Tx, ids: Ids, project: Project, lead: Lead, label: Label | None, price: int | None) -> Foreseen:
    """What rating a lead with a label, or opening it, would send now, planned as it really is. Writes nothing."""
    now = tx.now()
    change = _looking_back(project, lead, _path(label), price, now)
    undone = reversal.undo(tx, ids, project, change, rehearsal=True)
    plan = planning.Plan(undone.deliveries, ()) if label is None else _plan(tx, ids, project, label, change, undone)
    names = {one.id: one.name for one in label_queries.everything(tx, project.id)}
    connected = {one.id: one for one in in_project(tx, project.id)}
    data = permitted(lead_data(lead, lead_id=lead.id, created_at=lead.created_at, country=project.country))
    prospects = tuple(
        Prospect(
            planned=one,
            label=names[one.label_id],
            connection=connected[one.connection_id],
            event=event_of(one, data, now),
        )
        for one in plan.deliveries
    )
    cancels = tuple(
        Cancel(
            id=one.id,
            destination=one.destination,
            label=names[one.label_id],
            code=undone.cancelled[one.id],
        )
        for one in undone.unsent
    )
    return Foreseen(
        lead_id=lead.id,
        unique_identifier=lead.unique_identifier,
        label=None if label is None else label.name,
        pending=queries.has_pending_job(tx, lead.id),
        prospects=prospects,
        cancels=cancels,
        warnings=plan.warnings,
    )


async def update_status(db: Database, ids: Ids, api_key: str | None, post: Post) -> StatusChange:
    """Applies a conversion label and queues what it sends. When this returns, all of it is on disk.

    Unauthenticated, Forbidden, InvalidInput, NotFound, and Conflict while a job is pending; nothing is changed then.
    """
    return await db.write(lambda tx: _update(tx, ids, accounts.authenticate(tx, api_key), post))


def _update(tx: Tx, ids: Ids, project: Project, post: Post) -> StatusChange:
    if post.idempotency_key is None:
        return _change(tx, ids, project, post)
    now, body_hash = tx.now(), hashlib.sha256(post.body).hexdigest()
    key = post.idempotency_key
    if not queries.reserve_key(tx, project_id=project.id, key=key, body_hash=body_hash, now=now):
        kept = queries.read_key(tx, project_id=project.id, key=key)
        if kept is not None and kept.created_at > now - KEY_LIFE:
            if kept.body_hash != body_hash:
                raise Conflict("Idempotency-Key was used with another body before. Use a new key for a new request")
            return _answers.decode(kept.answer)
        queries.drop_key(tx, project_id=project.id, key=key)
        if not queries.reserve_key(tx, project_id=project.id, key=key, body_hash=body_hash, now=now):
            raise Conflict("Idempotency-Key is in use by another request at this moment. Try again")
    change = _change(tx, ids, project, post)
    answer = msgspec.json.encode(change).decode()
    queries.keep_answer(tx, project_id=project.id, key=key, status=201 if change.queued else 200, answer=answer)
    return change


def _change(tx: Tx, ids: Ids, project: Project, post: Post) -> StatusChange:
    conversion_id, price = _conversion_id(post), price_in_cents(post.price)
    lead = leads.find(tx, project, post.ref)
    label = None if conversion_id == "open" else labels.find(tx, project, conversion_id)
    # Status changes of one lead go one after the other; what the lead was found with may be old by now.
    kept_price, pending = queries.lock_lead(tx, lead)
    if pending:
        raise Conflict(PENDING)
    price = kept_price if price is None else price
    return _reopen(tx, ids, project, lead, price) if label is None else _rate(tx, ids, project, lead, label, price)


def _conversion_id(post: Post) -> str:
    if post.conversion_id is not None and not isinstance(post.conversion_id, str):
        raise InvalidInput(WRONG_CONVERSION_ID, "conversionId")
    if post.conversion_id is None or not post.conversion_id.strip():
        raise InvalidInput(MISSING_CONVERSION_ID, "conversionId")
    return post.conversion_id.strip()


def _reopen(tx: Tx, ids: Ids, project: Project, lead: Lead, price: int | None) -> StatusChange:
    reversal.undo_all(tx, ids, project, _looking_back(project, lead, _path(None), price, tx.now()))
    queries.reopen(tx, project_id=project.id, lead_id=lead.id, price=price, now=tx.now())
    return StatusChange(lead_id=lead.id, unique_identifier=lead.unique_identifier, status="open", queued=False)


def _rate(tx: Tx, ids: Ids, project: Project, lead: Lead, label: Label, price: int | None) -> StatusChange:
    now = tx.now()
    change = _looking_back(project, lead, _path(label), price, now)
    plan = _plan(tx, ids, project, label, change, reversal.undo(tx, ids, project, change))
    job_id = queries.insert_job(
        tx,
        project_id=project.id,
        lead_id=lead.id,
        label_id=label.id,
        remaining=sum(not delivery.passed for delivery in plan.deliveries),
        warnings=msgspec.json.encode(plan.warnings).decode(),
        now=now,
    )
    # The last word is the unique index's, whatever was seen before.
    if job_id is None:
        raise Conflict(PENDING)
    queries.insert_deliveries(tx, plan.deliveries, project_id=project.id, job_id=job_id, lead_id=lead.id, now=now)
    queries.rate(
        tx,
        project_id=project.id,
        lead_id=lead.id,
        label_id=label.id,
        status=label.status,
        stage=Stage.RATED if label.done else Stage.OPEN,
        price=price,
        now=now,
    )
    return StatusChange(
        lead_id=lead.id,
        unique_identifier=lead.unique_identifier,
        status="pending",
        queued=True,
        warnings=plan.warnings,
    )


def _plan(tx: Tx, ids: Ids, project: Project, label: Label, change: Change, undone: Undone) -> planning.Plan:
    targets = [
        target
        for target in queries.targets(tx, project.id, change.path)
        if target.destination in DESTINATIONS and (target.label_id, target.connection_id) not in undone.restated
    ]
    rating = planning.Rating(
        lead=change.lead,
        path=change.path,
        # What is taken back is one conversion with one value: set again, it stands, or has its value restated.
        convert_once=label.convert_once or label.take_back,
        price=change.price,
        currency=change.currency,
        now=change.now,
    )
    event_ids = [ids.event_id() for _ in targets]
    return planning.plan(rating, targets, undone.priors, DESTINATIONS, event_ids, before=undone.deliveries)


def _path(label: Label | None) -> tuple[int, ...]:
    """The label with those before it, itself last; empty for `open`."""
    return () if label is None else (*label.path, label.id)


def _looking_back(project: Project, lead: Lead, path: tuple[int, ...], price: int | None, now: int) -> Change:
    data = lead_data(lead, lead_id=lead.id, created_at=lead.created_at, country=project.country)
    return Change(lead=data, path=path, price=price, currency=project.currency, now=now)
