"""The pages' routes, and what stands around every one of them: headers, errors as pages, figures."""

import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from leadtrackr.conversions.outcomes import PAGE
from leadtrackr.dashboard import connections, leads, outcomes, projects, sign_in, signing_in
from leadtrackr.dashboard.rendering import static_file
from leadtrackr.dashboard.visit import Context, Handler, Visit, to
from leadtrackr.kit.errors import LeadTrackrError, NotFound, Unauthenticated, Unavailable
from leadtrackr.kit.log import bind_request_id

_POLICY: Final = (
    b"default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = (
    (b"content-security-policy", _POLICY),
    (b"x-content-type-options", b"nosniff"),
    # Not no-referrer: with that browsers leave the origin out of the forms that they send, too.
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
)
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_log = structlog.get_logger(__name__)


async def static(visit: Visit) -> Response:
    """The style sheet and the icon."""
    found = static_file(visit.part("name"))
    if found is None:
        raise NotFound("There is no such file.")
    body, version, kind = found
    current = visit.request.query_params.get("v") == version
    return Response(body, headers={"content-type": kind, "cache-control": _FOR_EVER if current else "no-cache"})


ROUTES: Final[Mapping[str, Mapping[str, Handler]]] = MappingProxyType(
    {
        "/": {"GET": projects.home},
        "/sign-in": {"GET": sign_in.explain},
        "/sign-in/link": {"GET": sign_in.offer, "POST": sign_in.enter},
        "/sign-out": {"POST": sign_in.leave},
        "/projects/{project}": {"GET": projects.start},
        "/projects/{project}/leads": {"GET": leads.tab},
        "/projects/{project}/leads/{lead}": {"GET": leads.one},
        "/projects/{project}/connections": {"GET": connections.everything},
        "/projects/{project}/connections/{destination}/sign-in": {"POST": signing_in.begin},
        "/oauth/{destination}/callback": {"GET": signing_in.back},
        PAGE: {"GET": outcomes.everything},
        "/static/{name}": {"GET": static},
    }
)


class Page:
    """One path as an ASGI application. Whatever happens inside, the visitor gets a page that says what to do."""

    def __init__(self, path: str, context: Context, handlers: Mapping[str, Handler] | None = None) -> None:
        self._path = path
        self._context = context
        self._handlers = handlers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        started = time.perf_counter()
        request = Request(scope, receive)
        request_id = self._context.ids.token()
        with bind_request_id(request_id):
            response = await self._answer(Visit(request, self._context))
        response.raw_headers += [*_HEADERS, (b"x-request-id", request_id.encode())]
        response.headers.setdefault("cache-control", "no-store")
        await response(scope, receive, send)
        seconds = time.perf_counter() - started
        self._context.metrics.request(self._path, request.method, response.status_code, seconds)

    async def _answer(self, visit: Visit) -> Response:
        method = "GET" if visit.request.method == "HEAD" else visit.request.method
        if self._handlers is None:
            return _missing(visit)
        handler = self._handlers.get(method)
        if handler is None:
            return self._wrong_method(visit)
        if method == "POST" and not visit.is_ours():
            return visit.page(
                "problem.html",
                403,
                title="Not done",
                sentence="This was asked for by another site, so nothing was done. Open the page here and try again.",
            )
        try:
            return await handler(visit)
        except LeadTrackrError as error:
            return self._refusal(visit, error)
        except Exception:  # noqa: BLE001 - a fault of ours is logged and shown to nobody
            _log.exception("page_failed", path=self._path)
            return visit.page("problem.html", 500, title="Something went wrong", sentence=_FAULT)

    def _wrong_method(self, visit: Visit) -> Response:
        response = visit.page("problem.html", 405, title="Not possible", sentence="This address cannot be used so.")
        response.headers["allow"] = ", ".join(["HEAD", *(self._handlers or {})])
        return response

    def _refusal(self, visit: Visit, error: LeadTrackrError) -> Response:
        if isinstance(error, Unauthenticated):
            return to("/sign-in")
        if isinstance(error, NotFound):
            return _missing(visit)
        if isinstance(error, Unavailable):
            response = visit.page("problem.html", 503, title="The database is away", sentence=str(error))
            response.headers["retry-after"] = str(error.retry_after)
            return response
        _log.error("page_refused", path=self._path, reason=str(error))
        return visit.page("problem.html", 400, title="Not possible", sentence=str(error))


_FAULT: Final = "This is a fault of LeadTrackr, and the log says where. Nothing was changed."


def _missing(visit: Visit) -> Response:
    sentence = "There is no such page, or it belongs to a project that you are not a member of."
    return visit.page("problem.html", 404, title="Not found", sentence=sentence)


def build(context: Context) -> ASGIApp:
    """The pages as an ASGI application. Paths are exact."""
    routes = [Route(path, Page(path, context, handlers)) for path, handlers in ROUTES.items()]
    return Router(routes, redirect_slashes=False, default=Page("other", context))
