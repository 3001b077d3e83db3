"""Who asks, and what for: the project that a key opens, and the order in the body."""

from starlette.requests import Request

from leadtrackr.accounts.model import Project
from leadtrackr.api.context import Context
from leadtrackr.api.wire import api_key, read_body
from leadtrackr.conversions import service
from leadtrackr.leads import intake


async def asker(request: Request, context: Context) -> Project:
    """The project of the caller's key; Unauthenticated or Forbidden."""
    return await service.admit(context.db, api_key(request))


async def order(request: Request, context: Context) -> tuple[Project, dict[str, object]]:
    """The same with the body's object. Who has no key learns that before anything about the body."""
    raw = await read_body(request, context.max_body_bytes)
    project = await asker(request, context)
    return project, intake.decode(raw)
