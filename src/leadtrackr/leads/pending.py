"""Whether a lead is pending: it is as long as a job of it is. No column says so; what shows a lead asks here."""

from typing import Any, Final

from sqlalchemy import ColumnElement, case, exists, select

from leadtrackr.db.statement import IdsOf, constant
from leadtrackr.db.tables import jobs, leads
from leadtrackr.leads.model import Lead

PENDING: Final = "pending"
"""The status that a lead shows, whatever it was rated as, until its job is settled."""
_J: Final = jobs.c
_L: Final = leads.c
_STATE: Final = constant(PENDING)

IS_PENDING: Final[ColumnElement[bool]] = exists().where(_J.lead_id == _L.id, _J.state == _STATE)
"""Of a lead's row in the statement around it; one look into the index of pending jobs."""
STATUS: Final[ColumnElement[str]] = case((IS_PENDING, _STATE), else_=_L.status).label("status")
"""What a lead shows as its status."""
COLUMNS: Final[tuple[ColumnElement[Any], ...]] = tuple(
    STATUS if name == "status" else _L[name] for name in Lead.__struct_fields__
)
"""What a `Lead` is made of."""


def pending_in(project_id: int) -> ColumnElement[bool]:
    """The pending leads of a project, found by its pending jobs and not among all of its leads."""
    return IdsOf(_L.id, select(_J.lead_id).where(_J.project_id == project_id, _J.state == _STATE))
