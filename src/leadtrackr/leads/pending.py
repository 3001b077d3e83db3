"""Whether a lead is pending: it is as long as a job of it is. No column says so; what shows a lead asks here."""

from typing import Any, Final

from sqlalchemy import ColumnElement, and_, exists, func, literal_column, select

from leadtrackr.db.statement import IdsOf, constant
from leadtrackr.db.tables import jobs, leads
from leadtrackr.leads.model import Lead

PENDING: Final = "pending"
"""The status that a lead shows, whatever it was rated as, until its job is settled."""
_J: Final = jobs.c
_L: Final = leads.c
_STATE: Final = constant(PENDING)

_ITS_PENDING_JOB: Final = (_J.lead_id == _L.id, _J.state == _STATE)
IS_PENDING: Final[ColumnElement[bool]] = exists().where(*_ITS_PENDING_JOB)
"""Of a lead's row in the statement around it, to leave pending leads out."""
# Of the job, since there is one at most: one look into its index for each lead that is shown. Of `exists`, PostgreSQL
# would read every pending job there is, for a page of 50 leads.
STATUS: Final[ColumnElement[str]] = func.coalesce(
    select(_J.state).where(*_ITS_PENDING_JOB).correlate(leads).scalar_subquery(), _L.status
).label("status")
"""What a lead shows as its status."""
COLUMNS: Final[tuple[ColumnElement[Any], ...]] = tuple(
    STATUS if name == "status" else _L[name] for name in Lead.__struct_fields__
)
"""What a `Lead` is made of."""


def pending_in(project_id: int) -> ColumnElement[bool]:
    """The pending leads of a project, found by its pending jobs and not among all of its leads."""
    found = IdsOf(_L.id, select(_J.lead_id).where(_J.project_id == project_id, _J.state == _STATE))
    # With the project as a sum SQLite goes by the list; else it would look through every lead of the project.
    return and_(found, _L.project_id + literal_column("0") == project_id)
