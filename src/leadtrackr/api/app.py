"""The routes, and what stands around every one of them: CORS, request ids, errors as JSON, figures."""

import re
import time
from collections.abc import Iterable, Mapping
from typing import Final

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from leadtrackr.api import connections, conversions, counting, incidents, leads, status, system
from leadtrackr.api.context import Context
from leadtrackr.api.wire import FAULT, Answer, Handler, refusal
from leadtrackr.kit.errors import LeadTrackrError
from leadtrackr.kit.log import bind_request_id

# A path that ends in {id} stands for every path with one more part there that has no route of its own.
ROUTES: Final[Mapping[str, tuple[str, Handler]]] = {
    "/api/leads/createLead": ("POST", leads.create_lead),
    "/api/leads/updateLeadStatus": ("POST", status.update_lead_status),
    "/api/leads/createServerSideLead": ("POST", leads.create_server_side_lead),
    "/api/leads/createCTLead": ("POST", leads.create_ct_lead),
    "/api/leads/getLead": ("GET", leads.get_lead),
    "/api/leads/getLeads": ("GET", leads.get_leads),
    "/api/leads/willCount": ("GET", counting.will_count),
    "/api/incidents": ("GET", incidents.get_incidents),
    "/api/conversions": ("GET", conversions.get_conversions),
    "/api/conversions/retry": ("POST", conversions.retry),
    "/api/conversions/cancel": ("POST", conversions.cancel),
    "/api/conversions/plan": ("GET, POST", conversions.plan),
    "/api/conversions/validate": ("POST", conversions.validate),
    "/api/conversions/{id}": ("GET", conversions.get_conversion),
    "/api/connections": ("GET", connections.get_connections),
    "/api/connections/pause": ("POST", connections.pause),
    "/api/connections/resume": ("POST", connections.resume),
    "/api/openapi.json": ("GET", system.openapi),
    "/api/docs": ("GET", system.docs),
    "/healthz": ("GET", system.healthz),
    "/readyz": ("GET", system.readyz),
    "/metrics": ("GET", system.metrics),
}
ID: Final = "{id}"
_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._-]{1,64}\Z")
_ALLOWED_HEADERS: Final = b"content-type, x-api-key, idempotency-key, x-event-id"
_log = structlog.get_logger(__name__)


class Endpoint:
    """One path as an ASGI application. Whatever happens inside, the caller gets JSON with a `message` and CORS headers.

    Both matter to browsers: without CORS headers a page cannot even see that it got a 403.
    """

    def __init__(self, path: str, context: Context, method: str = "", handler: Handler | None = None) -> None:
        self._path = path
        self._context = context
        self._methods = method.split(", ")
        self._handler = handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        started = time.perf_counter()
        request = Request(scope, receive)
        request_id = self._request_id(request)
        with bind_request_id(request_id):
            response = await self._answer(request)
        response.raw_headers += [
            (b"access-control-allow-origin", b"*"),
            (b"access-control-expose-headers", b"Retry-After, X-Request-ID"),
            (b"x-request-id", request_id.encode()),
        ]
        await response(scope, receive, send)
        seconds = time.perf_counter() - started
        self._context.metrics.request(self._path, request.method, response.status_code, seconds)

    def _request_id(self, request: Request) -> str:
        for name, value in request.scope["headers"]:
            if name == b"x-request-id" and _REQUEST_ID.match(value):
                return bytes(value).decode()
        return self._context.ids.token()

    async def _answer(self, request: Request) -> Response:
        if request.method == "OPTIONS":
            return _preflight(request)
        if self._handler is None:
            return Answer({"message": "There is nothing at this address. The reference is at /api/docs"}, 404)
        # HEAD is answered as GET; the server leaves the body out.
        if ("GET" if request.method == "HEAD" else request.method) not in self._methods:
            allowed = ", ".join(self._methods).replace("GET", "GET, HEAD")
            message = f"Method not allowed: use {' or '.join(self._methods)}"
            return Answer({"message": message}, 405, {"Allow": f"{allowed}, OPTIONS"})
        try:
            return await self._handler(request, self._context)
        except LeadTrackrError as error:
            response = refusal(error)
            level = _log.info if response.status_code < 500 else _log.error
            level("request_refused", path=self._path, status=response.status_code, reason=str(error))
            return response
        except Exception:  # noqa: BLE001 - a fault of ours is logged and shown to nobody
            _log.exception("request_failed", path=self._path)
            return Answer({"message": FAULT}, 500)


def _preflight(request: Request) -> Response:
    asked = request.headers.get("access-control-request-headers")
    headers = {
        "Access-Control-Allow-Methods": "POST, GET, OPTIONS",
        "Access-Control-Allow-Headers": asked or _ALLOWED_HEADERS.decode(),
        "Access-Control-Max-Age": "86400",
    }
    return Response(status_code=204, headers=headers)


WATCHED: Final = ("/healthz", "/readyz", "/metrics")
"""What a process shows of itself that serves nothing else."""


def build(context: Context, paths: Iterable[str] = tuple(ROUTES)) -> ASGIApp:
    """The API, or some of its paths, as an ASGI application. Paths are exact: nothing is ever redirected."""
    endpoints = {path: Endpoint(path, context, *ROUTES[path]) for path in paths}
    return _Paths(endpoints, Endpoint("other", context))


class _Paths:
    """Finds the endpoint of a path; turns away what is neither HTTP nor the server's own start and stop."""

    def __init__(self, endpoints: Mapping[str, Endpoint], other: Endpoint) -> None:
        self._endpoints = {path: endpoint for path, endpoint in endpoints.items() if not path.endswith(ID)}
        self._by_id = {path.removesuffix(ID): endpoint for path, endpoint in endpoints.items() if path.endswith(ID)}
        self._other = other

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._find(scope)(scope, receive, send)
        elif scope["type"] == "websocket":
            refused: Message = {"type": "websocket.close", "code": 1003}
            await send(refused)

    def _find(self, scope: Scope) -> ASGIApp:
        exact = self._endpoints.get(scope["path"])
        if exact is not None:
            return exact
        before, slash, last = scope["path"].rpartition("/")
        scope["path_params"] = {"id": last}
        return self._by_id.get(before + slash, self._other) if last else self._other
