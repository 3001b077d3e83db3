"""The conversions of a project: list, show, send again, stop, what a rating would send, and whether that is right."""

from collections.abc import Mapping
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from leadtrackr.accounts.model import Project
from leadtrackr.api.asking import asker, order
from leadtrackr.api.context import Context
from leadtrackr.api.wire import Answer, query
from leadtrackr.conversions import listing, operations, receipts, service, view
from leadtrackr.conversions.preview import preview
from leadtrackr.kit.errors import InvalidInput, NotFound
from leadtrackr.leads.service import Ref

FOUND: Final = "Conversions retrieved"
ONE: Final = "Conversion retrieved"
PLANNED: Final = "Nothing was sent: this is the plan"
AGAIN: Final = "Conversions are sent again"
NONE_AGAIN: Final = "No conversion can be sent again"
NOT_STOPPED_YET: Final = "Nothing was stopped: this is the plan"
STOPPED: Final = "Conversions stopped"
NONE_STOPPED: Final = "No conversion could be stopped"
FORESEEN: Final = "Nothing was sent: this is what the rating would send"
VALIDATED: Final = "Nothing counts: this is what the platforms say to what the rating would send"
PENDING: Final = "Nothing was sent: this is what the rating would send once the lead's pending job has been processed"
WRONG_ID: Final = "Invalid parameter: the id of a conversion is a whole number"
WRONG_PLAN: Final = "Invalid parameter: plan must be true or false"


async def get_conversions(request: Request, context: Context) -> Response:
    """One page of the project's conversions, newest first."""
    project = await asker(request, context)
    filters = listing.read(query(request))
    found = await receipts.page(context.db, project.public_id, filters)
    pages = -(-found.total // filters.limit)
    return Answer(
        {
            "message": FOUND,
            "conversions": [view.delivery(one) for one in found.receipts],
            "total": found.total,
            "page": filters.page,
            "limit": filters.limit,
            "totalPages": pages,
            "hasMore": filters.page < pages,
        }
    )


async def get_conversion(request: Request, context: Context) -> Response:
    """One conversion with all of its attempts."""
    project = await asker(request, context)
    text = str(request.path_params["id"])
    if not (text.isascii() and text.isdigit()):
        raise InvalidInput(WRONG_ID, "id")
    # Beyond 18 digits no id can exist, and the databases would refuse the number.
    if len(text) > 18:
        raise NotFound(f"This project has no delivery {text}.")
    found, tried = await receipts.one(context.db, project.public_id, int(text))
    attempts = [view.attempt(found.destination, one) for one in tried]
    return Answer({"message": ONE, "conversion": {**view.delivery(found), "attempts": attempts}})


async def retry(request: Request, context: Context) -> Response:
    """Sends conversions again, or only says what that would do."""
    project, chosen, plan_only = await _about(request, context)
    work = operations.plan_retry if plan_only else operations.retry
    plan = await work(context.db, project.public_id, chosen)
    if not plan_only:
        context.wake()
    message = PLANNED if plan_only else AGAIN if plan.ids else NONE_AGAIN
    return Answer(
        {
            "message": message,
            "plan": plan_only,
            "count": len(plan.ids),
            "groups": view.groups(plan),
            "more": plan.more,
        }
    )


async def cancel(request: Request, context: Context) -> Response:
    """Stops conversions that have not been sent, or only says which."""
    project, chosen, plan_only = await _about(request, context)
    work = operations.plan_cancel if plan_only else operations.cancel
    done = await work(context.db, project.public_id, chosen)
    message = NOT_STOPPED_YET if plan_only else STOPPED if done.ids else NONE_STOPPED
    return Answer(
        {
            "message": message,
            "plan": plan_only,
            "count": len(done.ids),
            "ids": done.ids,
            "left": view.left(done),
            "more": done.more,
        }
    )


async def _about(request: Request, context: Context) -> tuple[Project, operations.Chosen, bool]:
    """An order about conversions: whose, which, and whether it is only to be planned."""
    project, body = await order(request, context)
    listing.only(body, "ids", "filter", "plan")
    plan_only = body.get("plan", False)
    if not isinstance(plan_only, bool):
        raise InvalidInput(WRONG_PLAN, "plan")
    return project, listing.chosen(body), plan_only


async def plan(request: Request, context: Context) -> Response:
    """What a rating would send, named as in updateLeadStatus: in the body of a POST, or in the query of a GET."""
    if request.method == "POST":
        project, body = await order(request, context)
    else:
        project = await asker(request, context)
        params = query(request)
        body = {**params, **({"price": _price(params["price"])} if "price" in params else {})}
    found = await service.foresee(context.db, context.ids, project.public_id, _post(body))
    previews = [preview(one, context.box, context.address) for one in found.prospects]
    message = PENDING if found.pending else FORESEEN
    return Answer({"message": message, **view.foreseen(found, previews)})


async def validate(request: Request, context: Context) -> Response:
    """The same plan, and what each platform says to it in the mode in which it only looks."""
    project, body = await order(request, context)
    found = await service.foresee(context.db, context.ids, project.public_id, _post(body))
    previews = [preview(one, context.box, context.address) for one in found.prospects]
    said = await context.validator.everything(found.prospects)
    return Answer(
        {"message": VALIDATED, **view.foreseen(found, previews), "validations": view.validations(previews, said)}
    )


def _post(body: Mapping[str, object]) -> service.Post:
    ref = Ref(
        lead_id=body.get("leadId"),
        unique_identifier=body.get("uniqueIdentifier"),
        email=body.get("email"),
        phone=body.get("phone"),
    )
    return service.Post(ref=ref, conversion_id=body.get("conversionId"), price=body.get("price"))


def _price(text: str) -> object:
    """A number written as in JSON, None when blank; anything else stays a text, which is no price."""
    if not text.strip():
        return None
    try:
        return msgspec.json.decode(text, type=int | float)
    except msgspec.DecodeError:
        return text
