"""Health, readiness, metrics, and the API's own description."""

from functools import cache

import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from leadtrackr.api.context import Context
from leadtrackr.api.openapi import description
from leadtrackr.api.reference import render
from leadtrackr.api.wire import Answer
from leadtrackr.conversions import service
from leadtrackr.conversions.incidents import service as incidents
from leadtrackr.kit.clock import SECOND
from leadtrackr.kit.errors import Unavailable
from leadtrackr.kit.metrics import CONTENT_TYPE, OpenIncidents, QueueDepth


async def healthz(_: Request, __: Context) -> Response:
    """The process answers."""
    return Answer({"message": "ok"})


async def readyz(_: Request, context: Context) -> Response:
    """The process can do its work: the database answers, and takes writes again if one has failed."""
    await context.db.ready()
    return Answer({"message": "ready"})


async def metrics(_: Request, context: Context) -> Response:
    """Figures for Prometheus. While the database is away the gauges that are read from it are left out."""
    try:
        rows = await service.backlog(context.db)
        counts = await incidents.open_counts(context.db)
        context.metrics.open_incidents(OpenIncidents(one.destination, one.kind, one.connections) for one in counts)
    except Unavailable:
        rows = []
        context.metrics.open_incidents(None)
    now = context.clock.now()
    depths = [
        QueueDepth(
            row.destination,
            row.state,
            row.count,
            0.0 if row.oldest_at is None else max(0, now - row.oldest_at) / SECOND,
        )
        for row in rows
    ]
    context.metrics.watch_queue(lambda: depths)
    return Response(context.metrics.render(), media_type=CONTENT_TYPE)


async def openapi(_: Request, context: Context) -> Response:
    """The OpenAPI 3.1 description."""
    return Response(_document(context.base_url), media_type="application/json")


async def docs(_: Request, context: Context) -> Response:
    """The browsable reference, made from the description."""
    return HTMLResponse(_page(context.base_url))


@cache
def _document(base_url: str) -> bytes:
    return msgspec.json.encode(description(base_url))


@cache
def _page(base_url: str) -> str:
    return render(description(base_url))
