"""What is not sent again because its lead has converted already. Runs in the caller's transaction.

A label may count once, and what a later label on a path stood in for counts once in any case: it was made because there
was no such conversion. Planning sees to it when a lead is rated; here it is seen to when an old delivery comes back.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final, Protocol

import msgspec
from sqlalchemy import ColumnElement, bindparam, exists, literal_column, or_, select

from leadtrackr.conversions.model import DELIVERED, UNSETTLED, DeliveryKind
from leadtrackr.db.database import Tx
from leadtrackr.db.statement import IdsIn, constant, prepare
from leadtrackr.db.tables import deliveries, jobs, labels

_D: Final = deliveries.c
_L: Final = labels.c
_STANDS: Final = tuple(constant(state) for state in sorted(UNSETTLED | DELIVERED))
_BACK: Final = deliveries.alias("back")
ONCE: Final[ColumnElement[Any]] = (
    select(or_(_L.convert_once == literal_column("1"), _L.take_back == literal_column("1")))
    .where(_L.id == _D.label_id)
    .scalar_subquery()
    .label("once")
)
"""Of a delivery in the statement around it: whether its label counts once, as one that takes back does."""
STOOD_IN: Final[ColumnElement[Any]] = (
    select(jobs.c.label_id != _D.label_id).where(jobs.c.id == _D.job_id).scalar_subquery().label("stood_in")
)
"""Whether it was made for a label before the one that the lead was given."""
# With the project as a sum SQLite goes by the leads; else it would read every delivery of the project.
_STANDING: Final = prepare(
    select(_D.id, _D.lead_id, _D.label_id, _D.connection_id, STOOD_IN).where(
        _D.project_id + literal_column("0") == bindparam("project_id"),
        IdsIn(_D.lead_id, "lead_ids"),
        _D.kind == constant(DeliveryKind.CONVERSION),
        _D.state.in_(_STANDS),
        ~exists(
            select(literal_column("1")).where(
                _BACK.c.takes_back == _D.id,
                _BACK.c.takes_back.is_not(None),
                _BACK.c.kind == constant(DeliveryKind.RETRACTION),
                _BACK.c.state.in_(_STANDS),
            )
        ),
    )
)
Place = tuple[int, int, int]
"""Lead, label and connection."""


class Again(Protocol):
    """The columns of a delivery that could be sent again."""

    @property
    def id(self) -> int: ...
    @property
    def lead_id(self) -> int: ...
    @property
    def label_id(self) -> int: ...
    @property
    def connection_id(self) -> int: ...
    @property
    def once(self) -> object: ...
    @property
    def stood_in(self) -> object: ...


class _Other(msgspec.Struct, frozen=True):
    id: int
    stood_in: bool


def converted(tx: Tx, project_id: int, rows: Sequence[Again]) -> set[int]:
    """Which of these conversions, each of which could be sent again, are not to be; of several that count once one is.

    `rows` have the columns `ONCE` and `STOOD_IN`.
    """
    if not rows:
        return set()
    standing: dict[Place, list[_Other]] = {}
    for row in tx.all(_STANDING, project_id=project_id, lead_ids=sorted({int(one.lead_id) for one in rows})):
        standing.setdefault(_place(row), []).append(_Other(int(row.id), bool(row.stood_in)))
    found = {int(one.id) for one in rows if _counts_by(one, standing.get(_place(one), ()))}
    together: dict[Place, list[Again]] = {}
    for one in rows:
        if one.id not in found:
            together.setdefault(_place(one), []).append(one)
    return found | {number for group in together.values() for number in _too_many(group)}


def _counts_by(one: Again, others: Iterable[_Other]) -> bool:
    return any(other.id != one.id and (one.once or one.stood_in or other.stood_in) for other in others)


def _too_many(group: Sequence[Again]) -> set[int]:
    """All but the newest where the label counts once; else those that only stood in for one of the others."""
    own = [one for one in group if not one.stood_in]
    if not own or any(one.once for one in group):
        return {int(one.id) for one in group} - {max(int(one.id) for one in group)}
    return {int(one.id) for one in group if one.stood_in}


def _place(row: Any) -> Place:
    return int(row.lead_id), int(row.label_id), int(row.connection_id)
