"""The list of incidents."""

from starlette.requests import Request
from starlette.responses import Response

from leadtrackr.api.context import Context
from leadtrackr.api.wire import Answer, api_key, query
from leadtrackr.conversions.incidents import service
from leadtrackr.conversions.incidents.words import to_wire


async def get_incidents(request: Request, context: Context) -> Response:
    """One page of the incidents of the key's project, newest first."""
    page = await service.list_page(context.db, api_key(request), query(request))
    pages = -(-page.total // page.limit)
    return Answer(
        {
            "message": "Incidents retrieved",
            "incidents": [to_wire(one, page.now) for one in page.incidents],
            "total": page.total,
            "page": page.page,
            "limit": page.limit,
            "totalPages": pages,
            "hasMore": page.page < pages,
        }
    )
