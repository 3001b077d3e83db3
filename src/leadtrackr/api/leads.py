"""createLead, createServerSideLead, createCTLead, getLead, getLeads."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from leadtrackr.api.context import Context
from leadtrackr.api.wire import Answer, api_key, client_ip, header, query, read_body
from leadtrackr.leads import intake, service
from leadtrackr.leads.model import Door
from leadtrackr.leads.view import to_wire

CREATED = "Lead created successfully"
UPDATED = "Lead updated successfully"


class LeadStored(msgspec.Struct, frozen=True, rename="camel"):
    """The answer to a post of a lead."""

    message: str
    lead_id: int
    unique_identifier: str | None


async def create_lead(request: Request, context: Context) -> Response:
    """From a browser or anything else without a key."""
    return await _store(request, context, Door.WEB)


async def create_server_side_lead(request: Request, context: Context) -> Response:
    """From a server; with the key of the project, if it has one."""
    return await _store(request, context, Door.SERVER)


async def create_ct_lead(request: Request, context: Context) -> Response:
    """From call tracking; always with a key."""
    return await _store(request, context, Door.CALL)


async def _store(request: Request, context: Context, door: Door) -> Response:
    body = intake.decode(await read_body(request, context.max_body_bytes))
    web = door == Door.WEB
    arrival = service.Arrival(
        body=body,
        door=door,
        api_key=api_key(request),
        # A server's own address and program say nothing of the visitor.
        request_ip=client_ip(request, context.trusted_proxies) if web else None,
        request_user_agent=header(request, b"user-agent") if web else None,
    )
    stored = await service.store(context.db, arrival)
    if stored.created:
        context.metrics.lead_created(door.value)
    else:
        context.metrics.lead_updated(door.value)
    answer = LeadStored(CREATED if stored.created else UPDATED, stored.lead_id, stored.unique_identifier)
    return Answer(answer, 201 if stored.created else 200)


async def get_lead(request: Request, context: Context) -> Response:
    """One lead, by the first identifier that is present."""
    params = query(request)
    ref = service.Ref(
        lead_id=params.get("leadId"),
        unique_identifier=params.get("uniqueIdentifier"),
        email=params.get("email"),
        phone=params.get("phone"),
    )
    lead = await service.get(context.db, api_key(request), ref)
    return Answer({"message": "Lead retrieved", "lead": to_wire(lead)})


async def get_leads(request: Request, context: Context) -> Response:
    """One page of leads."""
    page = await service.list_page(context.db, api_key(request), query(request))
    pages = -(-page.total // page.limit)
    return Answer(
        {
            "message": "Leads retrieved",
            "leads": [to_wire(lead) for lead in page.leads],
            "total": page.total,
            "page": page.page,
            "limit": page.limit,
            "totalPages": pages,
            "hasMore": page.page < pages,
        }
    )
