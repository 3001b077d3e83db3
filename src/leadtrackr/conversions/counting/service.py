"""The use case: one look into the database, then what follows from it."""

from collections.abc import Sequence

from leadtrackr.accounts import service as accounts
from leadtrackr.accounts.model import Project
from leadtrackr.conversions import service as status_changes
from leadtrackr.conversions.audience import lead_data
from leadtrackr.conversions.connections import in_project
from leadtrackr.conversions.counting import rules
from leadtrackr.conversions.counting.model import Counting, Looked
from leadtrackr.db.database import Database, Tx
from leadtrackr.destinations.registry import DESTINATIONS
from leadtrackr.kit.errors import InvalidInput
from leadtrackr.kit.ids import Ids
from leadtrackr.kit.secretbox import SecretBox
from leadtrackr.labels import queries as label_queries
from leadtrackr.labels import service as labels
from leadtrackr.labels.model import Label
from leadtrackr.leads import service as leads
from leadtrackr.leads.service import Ref


async def will_count(
    db: Database, ids: Ids, box: SecretBox, project_ref: str, ref: Ref, conversion_id: object = None
) -> Counting:
    """What rating the lead would count for now, platform by platform; without a label, for every one of the project.

    Planned by the function that rates. Writes nothing. InvalidInput and NotFound as `update_status`; a pending job is
    no Conflict here but is told.
    """
    looked = await db.read(lambda tx: _look(tx, ids, accounts.find_project(tx, project_ref), ref, conversion_id))
    return rules.count(looked, box)


def _look(tx: Tx, ids: Ids, project: Project, ref: Ref, conversion_id: object) -> Looked:
    named = _named(conversion_id)
    lead = leads.find(tx, project, ref)
    known = label_queries.everything(tx, project.id)
    asked = [
        (label, status_changes.rehearse(tx, ids, project, lead, label, lead.price))
        for label in _asked(tx, project, known, named)
    ]
    data = lead_data(lead, lead_id=lead.id, created_at=lead.created_at, country=project.country)
    return Looked(
        lead_id=lead.id,
        unique_identifier=lead.unique_identifier,
        now=tx.now(),
        consent=data.consent,
        asked=tuple(asked),
        labels={label.id: label for label in known},
        connections=tuple(one for one in in_project(tx, project.id) if one.destination in DESTINATIONS),
    )


def _asked(tx: Tx, project: Project, known: Sequence[Label], named: str | None) -> Sequence[Label | None]:
    if named is None:
        return known
    if named == "open":
        return [None]
    found = labels.find(tx, project, named).id
    return [label for label in known if label.id == found]


def _named(conversion_id: object) -> str | None:
    if conversion_id is not None and not isinstance(conversion_id, str):
        raise InvalidInput(status_changes.WRONG_CONVERSION_ID, "conversionId")
    return (conversion_id or "").strip() or None
