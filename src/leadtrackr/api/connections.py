"""The connections of a project: how each stands, pausing one, and letting it go on."""

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from leadtrackr.api.asking import asker, order
from leadtrackr.api.context import Context
from leadtrackr.api.wire import Answer
from leadtrackr.conversions import connections, listing, operations, view
from leadtrackr.conversions.operations import Turned
from leadtrackr.kit.errors import InvalidInput

FOUND: Final = "Connections retrieved"
PAUSED: Final = "Connection paused"
PAUSED_BEFORE: Final = "Connection was paused already"
RESUMED: Final = "Connection goes on"
GOING: Final = "Connection was not held"
MISSING_ID: Final = "Missing required field: id"
WRONG_ID: Final = "Invalid parameter: id must be the number of a connection"


async def get_connections(request: Request, context: Context) -> Response:
    """Every connection of the project, oldest first. There is one for each platform at most, so there are no pages."""
    project = await asker(request, context)
    found = await connections.overview(context.db, project.public_id)
    return Answer({"message": FOUND, "connections": [view.connection(one) for one in found]})


async def pause(request: Request, context: Context) -> Response:
    """Holds a connection until it is resumed. Asked twice it is done once."""
    project, body = await order(request, context)
    done = await operations.pause(context.db, project.public_id, _id(body))
    return _answer(PAUSED if done.changed else PAUSED_BEFORE, done)


async def resume(request: Request, context: Context) -> Response:
    """Lets a connection go on, with what waited there. Asked twice it is done once."""
    project, body = await order(request, context)
    done = await operations.resume(context.db, project.public_id, _id(body))
    context.wake()
    return _answer(RESUMED if done.changed else GOING, done)


def _answer(message: str, done: Turned) -> Response:
    return Answer({"message": message, "count": done.count, "connection": view.connection(done.connected)})


def _id(body: Mapping[str, object]) -> int:
    listing.only(body, "id")
    found = body.get("id")
    if found is None:
        raise InvalidInput(MISSING_ID, "id")
    if not isinstance(found, int) or isinstance(found, bool) or found < 1:
        raise InvalidInput(WRONG_ID, "id")
    return found
