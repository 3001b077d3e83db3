"""The SQL of leads."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Select,
    Text,
    and_,
    bindparam,
    func,
    literal_column,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from leadtrackr.db.database import Tx
from leadtrackr.db.statement import IdsIn, Insertion, Prepared, prepare
from leadtrackr.db.tables import leads
from leadtrackr.leads.listing import Filters
from leadtrackr.leads.model import Intake, Lead
from leadtrackr.leads.pending import COLUMNS, IS_PENDING, PENDING, STATUS, pending_in

_L: Final = leads.c
_NEW: Final = (*Intake.__struct_fields__, "project_id", "created_at", "updated_at")
_INSERT: Final = Insertion(
    insert(leads)
    .values({name: bindparam(name) for name in _NEW})
    .on_conflict_do_nothing(
        index_elements=["project_id", "unique_event_id"], index_where=_L.unique_event_id.is_not(None)
    )
)
_OF_PROJECT: Final = select(*COLUMNS).where(_L.project_id == bindparam("project_id"))
_NEWEST: Final = _OF_PROJECT.order_by(_L.created_at.desc(), _L.id.desc()).limit(1)
_BY_ID: Final = prepare(_OF_PROJECT.where(_L.id == bindparam("value")))
_BY_EVENT: Final = prepare(_OF_PROJECT.where(_L.unique_event_id == bindparam("value")).with_for_update())
_BY_IDENTIFIER: Final = prepare(_NEWEST.where(_L.unique_identifier == bindparam("value")))
_BY_EMAIL: Final = prepare(_NEWEST.where(_L.email_key == bindparam("value")))
_BY_PHONE: Final = prepare(_NEWEST.where(_L.phone == bindparam("value")))
_BY_PHONE_E164: Final = prepare(_NEWEST.where(_L.phone_e164 == bindparam("value")))
# With the project as a sum SQLite goes by the numbers; else it would look through every lead of the project.
_BY_IDS: Final = prepare(
    select(*COLUMNS).where(IdsIn(_L.id, "ids"), _L.project_id + literal_column("0") == bindparam("project_id"))
)
_changes: dict[tuple[str, ...], Prepared] = {}


def _lead(row: Any) -> Lead:
    return Lead(**row._asdict())


def _one(row: Any | None) -> Lead | None:
    return None if row is None else _lead(row)


def insert_new(tx: Tx, project_id: int, intake: Intake, now: int) -> int | None:
    """Writes a lead; returns its id, or None when the project has a lead with this event id already."""
    values = msgspec.structs.asdict(intake)
    return tx.try_insert(_INSERT, **values, project_id=project_id, created_at=now, updated_at=now)


def change(tx: Tx, project_id: int, lead_id: int, values: Mapping[str, object]) -> None:
    """Writes some columns of one lead."""
    names = tuple(sorted(values))
    statement = _changes.get(names)
    if statement is None:
        statement = _changes[names] = prepare(
            update(leads)
            .where(_L.id == bindparam("lead_id"), _L.project_id == bindparam("of_project"))
            .values({name: bindparam(f"new_{name}") for name in names})
        )
    tx.run(statement, lead_id=lead_id, of_project=project_id, **{f"new_{name}": values[name] for name in names})


def by_id(tx: Tx, project_id: int, lead_id: int) -> Lead | None:
    """The lead of this number."""
    return _one(tx.first(_BY_ID, project_id=project_id, value=lead_id))


def by_event_id(tx: Tx, project_id: int, unique_event_id: str) -> Lead | None:
    """The lead of this event id, locked until the transaction ends."""
    return _one(tx.first(_BY_EVENT, project_id=project_id, value=unique_event_id))


def by_identifier(tx: Tx, project_id: int, unique_identifier: str) -> Lead | None:
    """The newest lead with this unique identifier."""
    return _one(tx.first(_BY_IDENTIFIER, project_id=project_id, value=unique_identifier))


def by_email(tx: Tx, project_id: int, email_key: str) -> Lead | None:
    """The newest lead with this address, trimmed and lower-cased."""
    return _one(tx.first(_BY_EMAIL, project_id=project_id, value=email_key))


def by_phone(tx: Tx, project_id: int, phone: str, e164: str | None) -> Lead | None:
    """The newest lead with this number, letter for letter or in E.164."""
    found = [_one(tx.first(_BY_PHONE, project_id=project_id, value=phone))]
    if e164 is not None:
        found.append(_one(tx.first(_BY_PHONE_E164, project_id=project_id, value=e164)))
    return max((lead for lead in found if lead), key=lambda lead: (lead.created_at, lead.id), default=None)


def page(tx: Tx, project_id: int, filters: Filters) -> tuple[list[Lead], int]:
    """One page of a project's leads and how many there are on all pages."""
    total = 0
    groups = [and_(status, *_conditions(filters)) for status in _statuses(project_id, filters.status)]
    for group in groups:
        counted = tx.first(prepare(select(func.count().label("n")).select_from(leads).where(group)))
        total += 0 if counted is None else int(counted.n)
    return of_page(tx, project_id, prepare(_page_of(groups, filters, tx.dialect))), total


def of_page(tx: Tx, project_id: int, statement: Prepared) -> list[Lead]:
    """The leads whose `id` a statement gives, in its order. So only ids are sorted: leads are wide."""
    ids = [row.id for row in tx.all(statement)]
    found = {row.id: _lead(row) for row in tx.all(_BY_IDS, project_id=project_id, ids=ids)}
    return [found[lead_id] for lead_id in ids]


def _page_of(groups: list[ColumnElement[bool]], filters: Filters, dialect: str) -> Select[Any]:
    offset = (filters.page - 1) * filters.limit
    key = STATUS if filters.sort_column == "status" else _L[filters.sort_column]
    each = [_sorted(select(_L.id, key.label("key")).where(group), filters, dialect) for group in groups]
    if len(each) == 1:
        found = each[0]
    else:
        # No more of each group than can be on the page, each in the order of its own index.
        first = [one.limit(offset + filters.limit).subquery() for one in each]
        found = _sorted(union_all(*(select(one) for one in first)), filters, dialect)
    return found.limit(filters.limit).offset(offset)


def _statuses(project_id: int, wanted: tuple[str, ...]) -> list[ColumnElement[bool]]:
    """Each lead of the project that shows a wanted status fulfils exactly one of these; each has its own index."""
    if not wanted:
        return [_L.project_id == project_id]
    groups = [pending_in(project_id)] if PENDING in wanted else []
    rated = [status for status in wanted if status != PENDING]
    if rated:
        groups.append(and_(_L.project_id == project_id, _L.status.in_(rated), ~IS_PENDING))
    return groups


def _conditions(filters: Filters) -> list[ColumnElement[bool]]:
    """Of a lead of the project, apart from its status."""
    parts: list[ColumnElement[bool]] = []
    if filters.form_name is not None:
        parts.append(_L.form_name == filters.form_name)
    if filters.unique_identifier is not None:
        parts.append(_L.unique_identifier == filters.unique_identifier)
    if filters.email_key is not None:
        parts.append(_L.email_key == filters.email_key)
    if filters.phone is not None:
        parts.append(or_(_L.phone == filters.phone, _L.phone_e164 == (filters.phone_e164 or filters.phone)))
    if filters.created_from is not None:
        parts.append(_L.created_at >= filters.created_from)
    if filters.created_to is not None:
        parts.append(_L.created_at <= filters.created_to)
    if filters.search is not None:
        parts.append(_L.search_text.contains(filters.search, autoescape=True))
    parts.extend(_L[name].is_not(None) if there else _L[name].is_(None) for name, there in filters.exists.items())
    return parts


def _sorted(found: Select[Any] | CompoundSelect[Any], filters: Filters, dialect: str) -> Select[Any]:
    """Empty values last in either direction on both databases; ties by id in the same direction.

    Texts by their code points: PostgreSQL would otherwise sort by the language that the server was set up with.
    """
    rows = found.subquery()
    key, known = rows.c.key, _L[filters.sort_column]
    by = key.collate("C") if dialect == "postgresql" and isinstance(known.type, Text) else key
    keys = [by.desc(), rows.c.id.desc()] if filters.descending else [by.asc(), rows.c.id.asc()]
    if known.nullable:
        keys.insert(0, key.is_(None).asc())
    return select(rows).order_by(*keys)
