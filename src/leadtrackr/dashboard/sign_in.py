"""Signing in by a one-time link, and out."""

from starlette.responses import Response

from leadtrackr.accounts import service as accounts
from leadtrackr.dashboard.visit import Visit, to
from leadtrackr.kit.errors import Unauthenticated


async def explain(visit: Visit) -> Response:
    """How to get a link; who is signed in already goes to the projects."""
    try:
        await visit.actor()
    except Unauthenticated:
        return visit.page("sign_in.html", problem=None)
    return to("/")


async def offer(visit: Visit) -> Response:
    """A button. Opening the link alone changes nothing, since mail scanners open every link they see."""
    token = visit.request.query_params.get("token", "")
    if not await accounts.link_is_usable(visit.context.db, token):
        return visit.page("sign_in.html", 400, problem=accounts.BAD_LINK)
    return visit.page("login_link.html", token=token)


async def enter(visit: Visit) -> Response:
    """Uses the link up and begins a session."""
    token = visit.request.query_params.get("token", "")
    try:
        session = await accounts.redeem(visit.context.db, visit.context.ids, token)
    except Unauthenticated as error:
        return visit.page("sign_in.html", 400, problem=str(error))
    response = to("/")
    visit.keep_session(response, session)
    return response


async def leave(visit: Visit) -> Response:
    """Ends the session, here and in the browser."""
    if visit.session_token is not None:
        await accounts.sign_out(visit.context.db, visit.session_token)
    response = to("/sign-in")
    visit.drop_session(response)
    return response
