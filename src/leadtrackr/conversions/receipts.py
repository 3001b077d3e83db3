"""Receipts, read-only: what became of each delivery, with every attempt, in words for a person."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, bindparam, case, func, select

from leadtrackr.accounts import queries as account_queries
from leadtrackr.accounts import service as accounts
from leadtrackr.accounts.model import Project
from leadtrackr.conversions import outcomes
from leadtrackr.conversions.hold import AT_ITS_CONNECTION, OPEN
from leadtrackr.conversions.model import DeliveryKind, State
from leadtrackr.db.database import Database, Tx
from leadtrackr.db.statement import IdsIn, constant, prepare
from leadtrackr.db.tables import attempts, connections, deliveries, inquiries, jobs, labels, leads, leases
from leadtrackr.kit.errors import NotFound

LARGEST_ID: Final = 2**63 - 1
"""Beyond it no id can exist, and the databases would refuse the number."""
_D: Final = deliveries.c
_A: Final = attempts.c
_WORDS: Final[Mapping[State, str]] = {
    State.QUEUED: "It is about to be sent.",
    State.SENDING: "It is being sent.",
    State.WAITING: "It is sent again at its time.",
    State.HELD: "Its connection is held until a person mends it.",
    State.CANCELLED: "It was stopped.",
}
"""For a delivery whose state says it all."""
_RETRACTS: Final = "This takes the conversion back: it is to count no more."
_PURPOSE: Final[Mapping[DeliveryKind, str]] = {
    DeliveryKind.RETRACTION: "This takes the conversion back: its value is sent again as 0.",
    DeliveryKind.RESTATEMENT: "This gives the conversion its new value.",
}


class Words(msgspec.Struct, frozen=True):
    """What a code means for a person; `next_step` is empty when there is nothing to do."""

    sentence: str
    next_step: str


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """One delivery as it stands. Times in microseconds UTC, `value_cents` in hundredths of the currency."""

    id: int
    job_id: int
    lead_id: int
    label: str
    conversion_id: str
    """The label's."""
    destination: str
    account: str
    action: str
    event_id: str
    kind: DeliveryKind
    takes_back: int | None
    """The delivery whose conversion it restates or takes back."""
    sent_as: str | None
    """That conversion's event id, under which it is sent; None: its own."""
    happened_at: int
    value_cents: int | None
    currency: str | None
    state: State
    code: str | None
    detail: str | None
    """The platform's own words, or for a skipped one what is missing; shortened, nothing personal."""
    field: str | None
    run_at: int
    closes_at: int
    tries: int
    created_at: int
    settled_at: int | None

    @property
    def words(self) -> Words:
        """What happened and what to do."""
        words = self.outcome
        return Words(f"{self.purpose} {words.sentence}".strip(), words.next_step)

    @property
    def purpose(self) -> str:
        """What it is sent for when it is no conversion itself; empty when it is one, or is not sent."""
        if self.state in (State.SKIPPED, State.CANCELLED):
            return ""
        # One that has a value restates it, which is all that its platform can do.
        retracts = self.kind == DeliveryKind.RETRACTION and self.value_cents is None
        return _RETRACTS if retracts else _PURPOSE.get(self.kind, "")

    @property
    def outcome(self) -> Words:
        """The same without its purpose."""
        if self.reason is None:
            return Words(_WORDS.get(self.state, ""), "")
        return words_of(self.destination, self.reason)

    @property
    def reason(self) -> str | None:
        """The code, where it says why the delivery stands as it does; None where it is of what was before."""
        before = self.state in (State.QUEUED, State.SENDING) and self.code not in outcomes.SAID_IN_QUEUE
        return None if before else self.code


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt. Times in microseconds UTC; `request` is the event as it was sent, plain personal values masked."""

    number: int
    started_at: int
    ended_at: int
    kind: str
    code: str
    detail: str
    reference: str
    http_status: int | None
    url: str
    head: str
    """The method and the headers that the destination set, a line each, secret values masked; empty when nothing was
    sent."""
    request: str
    asked: int | None = None
    """How often its platform was asked what became of the request; None: that is asked nowhere."""
    ask_at: int | None = None
    """When it is asked next; None: no more."""


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """Which deliveries of a project; what is left empty takes all."""

    states: frozenset[State] = frozenset()
    destination: str | None = None
    lead_id: int | None = None
    code: str | None = None
    created_from: int | None = None
    created_to: int | None = None
    """When the lead was rated, microseconds UTC, both ends included."""
    limit: int = 50
    """Of a listing, as `page` is; an order has a limit of its own."""
    page: int = 1


class Page(msgspec.Struct, frozen=True):
    """One page of a project's deliveries, newest first, and how many there are on all pages."""

    receipts: list[Receipt]
    total: int


_FROM: Final = deliveries.join(labels, labels.c.id == _D.label_id)
_SELECT: Final = select(
    *(_D[name] for name in Receipt.__struct_fields__ if name not in ("label", "conversion_id")),
    labels.c.name.label("label"),
    labels.c.conversion_id,
).select_from(_FROM)
_ONE: Final = prepare(_SELECT.where(_D.project_id == bindparam("project_id"), _D.id == bindparam("id")))
_TRIED: Final = (
    *(_A[name] for name in Tried.__struct_fields__ if name not in ("asked", "ask_at")),
    inquiries.c.times.label("asked"),
    case((inquiries.c.state == constant("open"), inquiries.c.next_at)).label("ask_at"),
)
_FROM_ATTEMPTS: Final = attempts.join(deliveries, _D.id == _A.delivery_id).outerjoin(
    inquiries, (inquiries.c.connection_id == _D.connection_id) & (inquiries.c.reference == _A.reference)
)
_ATTEMPTS: Final = prepare(
    select(*_TRIED)
    .select_from(_FROM_ATTEMPTS)
    .where(_D.project_id == bindparam("project_id"), _D.id == bindparam("id"))
    .order_by(_A.id)
)
_NEWEST_LEAD: Final = prepare(
    select(func.max(leads.c.created_at).label("at")).where(leads.c.project_id == bindparam("project_id"))
)


def words_of(destination: str, code: str) -> Words:
    """The words for a destination's code, or for one of the engine's own."""
    known = outcomes.explain(destination, code)
    if known is None:
        return Words(f"The platform answered {code}, which this version does not know.", "")
    return Words(known.sentence, known.next_step)


async def listing(db: Database, project_ref: str, filters: Filters) -> list[Receipt]:
    """A project's deliveries, newest first. NotFound without the project."""
    return await db.read(lambda tx: _listed(tx, accounts.find_project(tx, project_ref), filters))


async def page(db: Database, project_ref: str, filters: Filters) -> Page:
    """One page of a project's deliveries. NotFound without the project."""

    def work(tx: Tx) -> Page:
        project = accounts.find_project(tx, project_ref)
        counted = select(func.count().label("n")).select_from(deliveries).where(*conditions(project, filters))
        total = tx.first(prepare(counted))
        return Page(_listed(tx, project, filters), 0 if total is None else int(total.n))

    return await db.read(work)


def _listed(tx: Tx, project: Project, filters: Filters) -> list[Receipt]:
    chosen = _SELECT.where(*conditions(project, filters)).order_by(_D.id.desc())
    offset = (filters.page - 1) * filters.limit
    return [_receipt(row) for row in tx.all(prepare(chosen.limit(filters.limit).offset(offset)))]


async def one(db: Database, project_ref: str, delivery_id: int) -> tuple[Receipt, list[Tried]]:
    """One delivery and its attempts, oldest first. NotFound when the project has no such delivery."""

    def work(tx: Tx) -> tuple[Receipt, list[Tried]]:
        project = accounts.find_project(tx, project_ref)
        row = tx.first(_ONE, project_id=project.id, id=min(delivery_id, LARGEST_ID))
        if row is None:
            raise NotFound(f"This project has no delivery {delivery_id}.")
        found = tx.all(_ATTEMPTS, project_id=project.id, id=delivery_id)
        # Numbered as they were made. The tries that count against the schedule are fewer: some cost nothing.
        tried = [Tried(**{**one._asdict(), "number": number}) for number, one in enumerate(found, start=1)]
        return _receipt(row), tried

    return await db.read(work)


async def projects(db: Database) -> list[Project]:
    """Every project, oldest first, for whoever runs the server."""
    return await db.read(account_queries.everything)


class Clocks(msgspec.Struct, frozen=True):
    """The database's clock, and when the newest lead came in (None without leads); microseconds UTC."""

    database_at: int
    newest_lead_at: int | None


async def clocks(db: Database) -> Clocks:
    """What this machine's clock can be compared with."""

    def work(tx: Tx) -> Clocks:
        found = [tx.first(_NEWEST_LEAD, project_id=project.id) for project in account_queries.everything(tx)]
        return Clocks(tx.now(), max((row.at for row in found if row and row.at is not None), default=None))

    return await db.read(work)


def _receipt(row: Any) -> Receipt:
    values = row._asdict()
    values["state"] = State(values["state"])
    values["kind"] = DeliveryKind(values["kind"])
    return Receipt(**values)


def conditions(project: Project, filters: Filters) -> list[ColumnElement[bool]]:
    """The SQL of the filters, always within the project."""
    wanted: list[ColumnElement[bool]] = [_D.project_id == project.id]
    if filters.states:
        wanted.append(_D.state.in_(sorted(filters.states)))
    if filters.destination is not None:
        wanted.append(_D.destination == filters.destination)
    if filters.lead_id is not None:
        wanted.append(_D.lead_id == min(filters.lead_id, LARGEST_ID))
    if filters.code is not None:
        wanted.append(_D.code == filters.code)
    if filters.created_from is not None:
        wanted.append(_D.created_at >= filters.created_from)
    if filters.created_to is not None:
        wanted.append(_D.created_at <= filters.created_to)
    return wanted


class Rating(msgspec.Struct, frozen=True, kw_only=True):
    """One status change of a lead and what it sent: each delivery with its attempts, oldest first."""

    job_id: int
    label: str | None
    """None when the lead was set to open."""
    rated_at: int
    deliveries: list[tuple[Receipt, list[Tried]]]


_JOBS: Final = prepare(
    select(jobs.c.id, jobs.c.created_at, labels.c.name)
    .outerjoin(labels, labels.c.id == jobs.c.label_id)
    .where(jobs.c.project_id == bindparam("project_id"), jobs.c.lead_id == bindparam("lead_id"))
    .order_by(jobs.c.id.desc())
)
_OF_LEAD: Final = prepare(
    _SELECT.where(_D.project_id == bindparam("project_id"), _D.lead_id == bindparam("lead_id")).order_by(_D.id)
)
_ATTEMPTS_OF_LEAD: Final = prepare(
    select(_A.delivery_id, *_TRIED)
    .select_from(_FROM_ATTEMPTS)
    .where(_D.project_id == bindparam("project_id"), _D.lead_id == bindparam("lead_id"))
    .order_by(_A.id)
)
_STANDINGS: Final = prepare(
    select(_D.lead_id, _D.destination, _D.state, _D.code)
    .where(_D.project_id == bindparam("project_id"), IdsIn(_D.lead_id, "lead_ids"))
    .order_by(_D.id)
)
_OPEN: Final = prepare(
    select(connections.c.id, func.count().label("n"))
    .select_from(connections.join(deliveries, AT_ITS_CONNECTION & OPEN))
    .where(connections.c.project_id == bindparam("project_id"))
    .group_by(connections.c.id)
)
_LEASED: Final = prepare(
    select(leases.c.deliveries)
    .join(connections, connections.c.id == leases.c.connection_id)
    .where(connections.c.project_id == bindparam("project_id"))
)
_SENDING: Final = prepare(
    select(_D.connection_id.label("id"), func.count().label("n"))
    .where(_D.project_id == bindparam("project_id"), IdsIn(_D.id, "ids"), _D.state == constant(State.SENDING))
    .group_by(_D.connection_id)
)
_ids: Final = msgspec.json.Decoder(list[int])


async def of_lead(db: Database, project_id: int, lead_id: int) -> list[Rating]:
    """Everything that a project's lead was rated as, newest first, with what each rating sent."""

    def work(tx: Tx) -> list[Rating]:
        tried: dict[int, list[Tried]] = {}
        for row in tx.all(_ATTEMPTS_OF_LEAD, project_id=project_id, lead_id=lead_id):
            values = row._asdict()
            tried.setdefault(values.pop("delivery_id"), []).append(Tried(**values))
        by_job: dict[int, list[tuple[Receipt, list[Tried]]]] = {}
        for row in tx.all(_OF_LEAD, project_id=project_id, lead_id=lead_id):
            by_job.setdefault(row.job_id, []).append((_receipt(row), tried.get(row.id, [])))
        return [
            Rating(job_id=row.id, label=row.name, rated_at=row.created_at, deliveries=by_job.get(row.id, []))
            for row in tx.all(_JOBS, project_id=project_id, lead_id=lead_id)
        ]

    return await db.read(work)


async def standings(db: Database, project_id: int, lead_ids: list[int]) -> dict[int, dict[str, State]]:
    """For each lead the state of its newest delivery on each destination; leads without deliveries are left out.

    One that is not sent because it counts already says nothing new: the one that counts stands.
    """

    def work(tx: Tx) -> dict[int, dict[str, State]]:
        found: dict[int, dict[str, State]] = {}
        for row in tx.all(_STANDINGS, project_id=project_id, lead_ids=lead_ids):
            standing = found.setdefault(row.lead_id, {})
            if row.code != outcomes.ONCE or row.destination not in standing:
                standing[row.destination] = State(row.state)
        return found

    return await db.read(work)


def to_send(tx: Tx, project_id: int) -> dict[int, int]:
    """How many of a project's deliveries have yet to be settled, by connection.

    What is being sent is found by the leases that it is under: no index leads to it, and it is never much.
    """
    leased = sorted({one for row in tx.all(_LEASED, project_id=project_id) for one in _ids.decode(row.deliveries)})
    found = Counter({row.id: int(row.n) for row in tx.all(_OPEN, project_id=project_id)})
    if leased:
        found.update({row.id: int(row.n) for row in tx.all(_SENDING, project_id=project_id, ids=leased)})
    return found
