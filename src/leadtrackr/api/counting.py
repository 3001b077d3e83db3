"""willCount: what rating a lead would count for, asked before it is rated."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from leadtrackr.api.asking import asker
from leadtrackr.api.context import Context
from leadtrackr.api.wire import Answer, query
from leadtrackr.conversions.counting import service, view
from leadtrackr.leads.service import Ref

ANSWERED: Final = "Nothing was sent: this is what the rating would count for now"
PENDING: Final = (
    "Nothing was sent: this is what the rating would count for once the lead's pending job has been processed"
)


async def will_count(request: Request, context: Context) -> Response:
    """One lead, named as in getLead; for one label, or for every label of the project."""
    # Who has no key learns that first.
    project = await asker(request, context)
    params = query(request)
    ref = Ref(
        lead_id=params.get("leadId"),
        unique_identifier=params.get("uniqueIdentifier"),
        email=params.get("email"),
        phone=params.get("phone"),
    )
    label = params.get("conversionId")
    found = await service.will_count(context.db, context.ids, context.box, project.public_id, ref, label)
    return Answer({"message": PENDING if found.pending else ANSWERED, **view.counting(found)})
