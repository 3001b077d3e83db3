"""One request to the pages: what the handlers need, who asks, and the answer as a page."""

from collections.abc import Awaitable, Callable
from functools import cached_property
from typing import Final
from urllib.parse import urlsplit

import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from leadtrackr.accounts import service as accounts
from leadtrackr.accounts.model import Actor, Project
from leadtrackr.conversions.linking.means import Means
from leadtrackr.dashboard.rendering import render
from leadtrackr.db.database import Database
from leadtrackr.kit.clock import SECOND, Clock
from leadtrackr.kit.errors import NotFound, Unauthenticated
from leadtrackr.kit.ids import Ids
from leadtrackr.kit.metrics import Metrics

COOKIE: Final = "leadtrackr_session"


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """The program's parts that pages meet."""

    db: Database
    ids: Ids
    clock: Clock
    metrics: Metrics
    base_url: str
    means: Means
    """What asks the platforms."""
    sandbox_url: str | None
    """Where everything is sent instead of the platforms; said on every page."""


class Visit:
    """A request with the program's parts around it."""

    def __init__(self, request: Request, context: Context) -> None:
        self.request = request
        self.context = context
        self._actor: Actor | None = None

    @cached_property
    def session_token(self) -> str | None:
        """What the browser's cookie says; not looked at yet."""
        return self.request.cookies.get(COOKIE) or None

    async def actor(self) -> Actor:
        """The person who is signed in; Unauthenticated, which leads to the sign-in page."""
        if self._actor is None and self.session_token is not None:
            self._actor = await accounts.actor_of(self.context.db, self.session_token)
        if self._actor is None:
            raise Unauthenticated("Sign in to see this page.")
        return self._actor

    async def project(self) -> Project:
        """The project in the path, if the person may see it. To anybody else it is NotFound."""
        actor = await self.actor()
        ref = self.part("project")
        if not (ref.isascii() and ref.isalnum()):
            raise NotFound("Project not found")
        return await accounts.project_for(self.context.db, actor, ref)

    def part(self, name: str) -> str:
        """A part of the path, by the name that the route gives it."""
        return str(self.request.path_params[name])

    def page(self, template: str, status: int = 200, **values: object) -> Response:
        """A page with what stands on every one of them: the banner, the person, the style sheet."""
        html = render(
            template,
            sandbox_url=self.context.sandbox_url,
            actor=self._actor,
            **values,
        )
        return HTMLResponse(html, status)

    def is_ours(self) -> bool:
        """Whether a change was asked for by a page of ours, and not by one of another site.

        By what browsers say of it: Sec-Fetch-Site, or Origin where they leave that out (plain HTTP). A program sends
        neither; it has no cookie to be misused.
        """
        site = self.request.headers.get("sec-fetch-site")
        if site is not None:
            return site in ("same-origin", "none")
        origin = self.request.headers.get("origin")
        if origin is None:
            return True
        return urlsplit(origin).netloc in (self.request.headers.get("host"), urlsplit(self.context.base_url).netloc)

    def keep_session(self, response: Response, session: accounts.NewSession) -> None:
        """Gives the session to the browser."""
        seconds = (session.expires_at - self.context.clock.now()) // SECOND
        response.set_cookie(
            COOKIE, session.token, max_age=seconds, secure=self._is_https, httponly=True, samesite="lax"
        )

    def drop_session(self, response: Response) -> None:
        """Takes the session from the browser."""
        response.delete_cookie(COOKIE, secure=self._is_https, httponly=True, samesite="lax")

    @property
    def _is_https(self) -> bool:
        return self.context.base_url.startswith("https:")


Handler = Callable[[Visit], Awaitable[Response]]


def to(path: str) -> Response:
    """Sends the browser on to a page of ours."""
    return RedirectResponse(path, 303)
