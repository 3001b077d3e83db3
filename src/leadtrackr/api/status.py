"""updateLeadStatus."""

from starlette.requests import Request
from starlette.responses import Response

from leadtrackr.api.context import Context
from leadtrackr.api.wire import Answer, api_key, header, read_body
from leadtrackr.conversions import service
from leadtrackr.kit.errors import InvalidInput
from leadtrackr.leads import intake
from leadtrackr.leads.service import Ref

QUEUED = "Lead queued for processing"
REOPENED = "Lead status updated to open"
LONGEST_KEY = 255


async def update_lead_status(request: Request, context: Context) -> Response:
    """Applies a conversion label and queues the lead for its platforms."""
    raw = await read_body(request, context.max_body_bytes)
    key = api_key(request)
    try:
        body = intake.decode(raw)
    except InvalidInput:
        # Who has no key learns that first. A body that can be read is looked at in the one transaction that also
        # looks at the key.
        await service.admit(context.db, key)
        raise
    post = service.Post(
        ref=Ref(
            lead_id=body.get("leadId"),
            unique_identifier=body.get("uniqueIdentifier"),
            email=body.get("email"),
            phone=body.get("phone"),
        ),
        conversion_id=body.get("conversionId"),
        price=body.get("price"),
        idempotency_key=_idempotency_key(request),
        body=raw,
    )
    change = await service.update_status(context.db, context.ids, key, post)
    answer = {
        "message": QUEUED if change.queued else REOPENED,
        "leadId": change.lead_id,
        "uniqueIdentifier": change.unique_identifier,
        "status": change.status,
        "queued": change.queued,
    }
    if not change.queued:
        return Answer(answer)
    context.wake()
    return Answer({**answer, "warnings": change.warnings}, 201)


def _idempotency_key(request: Request) -> str | None:
    key = (header(request, b"idempotency-key") or "").strip()
    if len(key) > LONGEST_KEY:
        raise InvalidInput(f"Invalid header: Idempotency-Key must have at most {LONGEST_KEY} characters")
    return key or None
