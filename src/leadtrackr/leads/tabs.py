"""The three lists in which people see leads: Open, Pending and Rated. Every lead stands in exactly one."""

from enum import StrEnum
from typing import Final

import msgspec
from sqlalchemy import ColumnElement, and_, func, select

from leadtrackr.db.database import Tx
from leadtrackr.db.statement import constant, prepare
from leadtrackr.db.tables import leads
from leadtrackr.leads import queries
from leadtrackr.leads.model import Lead, Stage
from leadtrackr.leads.pending import IS_PENDING, PENDING, pending_in

COUNTED: Final = 10_000
"""Leads of a list are counted up to here: counting a million takes longer than a page may."""
PAGE: Final = 50
_L: Final = leads.c


class Tab(StrEnum):
    """Which list."""

    OPEN = "open"
    PENDING = "pending"
    RATED = "rated"


def tab_of(lead: Lead) -> Tab:
    """The list that a lead stands in."""
    return Tab.PENDING if lead.status == PENDING else Tab(lead.stage)


class TabPage(msgspec.Struct, frozen=True, kw_only=True):
    """One page of a list, newest first, and how many leads each list holds."""

    leads: list[Lead]
    page: int
    more: bool
    """Whether a further page has leads."""
    counts: dict[Tab, int]
    """At most `COUNTED` each; that many means as many or more."""


def read(tx: Tx, project_id: int, tab: Tab, *, search: str | None, page: int) -> TabPage:
    """A page of one list of a project. `search` is case-folded and found anywhere in names, e-mail, phone, company."""
    statement = (
        select(_L.id)
        .where(_in(project_id, tab), *_found(search))
        .order_by(_L.created_at.desc(), _L.id.desc())
        .limit(PAGE + 1)
        .offset((page - 1) * PAGE)
    )
    found = queries.of_page(tx, project_id, prepare(statement))
    counts = {each: _count(tx, project_id, each, search) for each in Tab}
    return TabPage(leads=found[:PAGE], page=page, more=len(found) > PAGE, counts=counts)


def _count(tx: Tx, project_id: int, tab: Tab, search: str | None) -> int:
    some = select(_L.id).where(_in(project_id, tab), *_found(search)).limit(COUNTED).subquery()
    row = tx.first(prepare(select(func.count().label("n")).select_from(some)))
    return 0 if row is None else int(row.n)


def _in(project_id: int, tab: Tab) -> ColumnElement[bool]:
    if tab == Tab.PENDING:
        return pending_in(project_id)
    return and_(_L.project_id == project_id, _L.stage == constant(Stage(tab.value)), ~IS_PENDING)


def _found(search: str | None) -> list[ColumnElement[bool]]:
    return [] if search is None else [_L.search_text.contains(search, autoescape=True)]
