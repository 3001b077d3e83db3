"""The list of projects."""

from collections import Counter

from starlette.responses import Response

from leadtrackr.accounts import service as accounts
from leadtrackr.conversions import connections
from leadtrackr.conversions.model import ConnectionState
from leadtrackr.dashboard.visit import Visit, to


async def home(visit: Visit) -> Response:
    """The projects that the person may see, with how many platforms are connected and how many need somebody."""
    actor = await visit.actor()
    projects = await accounts.projects_of(visit.context.db, actor)
    connected = [one for one in await connections.everything(visit.context.db) if actor.can_see(one.project_id)]
    return visit.page(
        "projects.html",
        projects=projects,
        connected=Counter(one.project_id for one in connected),
        held=Counter(one.project_id for one in connected if one.state == ConnectionState.HELD),
    )


async def start(visit: Visit) -> Response:
    """A project's first page is its leads."""
    project = await visit.project()
    return to(f"/projects/{project.public_id}/leads")
