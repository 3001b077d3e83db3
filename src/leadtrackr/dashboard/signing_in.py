"""Signing in at an ad platform from the pages: a button, the platform's page, and the way back.

The state is bound to the person who pressed the button, so an address that somebody else was sent does nothing.
"""

from starlette.responses import Response

from leadtrackr.conversions.linking import service
from leadtrackr.conversions.linking.model import NotConnected, Unfinished
from leadtrackr.conversions.model import Connection
from leadtrackr.dashboard.visit import Visit, to
from leadtrackr.destinations import registry
from leadtrackr.kit.errors import InvalidInput


def offers_sign_in(one: Connection) -> bool:
    """Whether the connection can be renewed by signing in: the platform has a sign-in, and its client is known."""
    known = registry.DESTINATIONS.get(one.destination)
    return known is not None and known.consent is not None and known.consent.client[0] in one.settings


async def begin(visit: Visit) -> Response:
    """A link to the platform's page. Not a redirect, which the policy for forms would stop."""
    project, slug = await visit.project(), visit.part("destination")
    destination = registry.get(slug)
    redirect_uri = f"{visit.context.base_url.rstrip('/')}/oauth/{slug}/callback"
    try:
        begun = await service.begin(visit.context.means, project.public_id, slug, redirect_uri, by=await visit.actor())
    except InvalidInput as error:
        if error.field != "redirect_uri":
            raise
        sentence = f"{error} Whoever runs the server sets LEADTRACKR_BASE_URL to its https address."
        return visit.page("problem.html", 400, title="Not possible", sentence=sentence)
    return visit.page(
        "go_on.html", project=project, platform=destination.name, address=begun.address, back=redirect_uri
    )


async def back(visit: Visit) -> Response:
    """The person comes back from the platform; only whoever began it gets further."""
    query, slug = visit.request.query_params, visit.part("destination")
    actor = await visit.actor()
    try:
        made = await service.finish(
            visit.context.means,
            slug,
            state=query.get("state", ""),
            code=query.get("code"),
            error=query.get("error"),
            by=actor,
        )
    except NotConnected as error:
        # The person or the platform said no, which is no fault of the program.
        return visit.page("problem.html", 400, title="Not connected", sentence=str(error))
    if isinstance(made, Unfinished):
        sentence = f"Access was given, and is kept for an hour. {made.sentence}"
        return visit.page("problem.html", 200, title="Almost connected", sentence=sentence)
    return to(f"/projects/{made.project_id}/connections")
