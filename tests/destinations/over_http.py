"""Requests of a destination, sent to the sandbox over real HTTP."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from leadtrackr.destinations.contract import Destination, Event, LeadData, Request, Response, Whole
from tests.destinations.making import SETTINGS, TOKENS, event
from tests.sandbox.client import Client, Server


@contextmanager
def sandbox_at(clock: Callable[[], int]) -> Iterator[Client]:
    """A sandbox of its own with this clock, microseconds UTC."""
    server = Server(clock)
    try:
        yield Client(server.running.port)
    finally:
        server.stop()


def send(client: Client, request: Request) -> Response:
    """The platform's answer."""
    url = urlsplit(request.url)
    path = f"/{request.service}{url.path}" + (f"?{url.query}" if url.query else "")
    sent = {name.title(): value for name, value in request.headers.items()}
    reply = client.call(request.method, path, request.body or None, sent)
    headers = {name.lower(): value for name, value in reply.headers.items()}
    return Response(status=reply.status, headers=headers, body=reply.content)


def is_taken(client: Client, destination: Destination, someone: LeadData, **settings: str) -> bool:
    """Whether the emulator takes a conversion of this lead, and what the destination makes of its answer agrees."""
    slug = destination.slug
    one: Event = event(someone, slug)
    request = destination.build([one], {**SETTINGS[slug], **settings}, TOKENS[slug])
    verdict = destination.read(send(client, request), 1)
    accepted = [row["key"] for row in client.last(slug)["accepted"]]
    assert accepted in ([], [one.event_id])
    says_ok = not isinstance(verdict, Whole) or verdict.outcome.code == "ok"
    assert says_ok or not accepted
    return bool(accepted)


def flags(client: Client, slug: str) -> list[dict[str, Any]]:
    """What the ledger notes of the latest call."""
    found: list[dict[str, Any]] = client.last(slug)["flags"]
    return found
