"""Requests of a destination, sent to the sandbox over real HTTP."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from leadtrackr.conversions.exchange import exchange
from leadtrackr.destinations.contract import Destination, Event, LeadData, Outcome, Request, Response
from leadtrackr.kit.clock import SystemClock
from leadtrackr.kit.http import HttpClient
from tests.destinations.making import SETTINGS, TOKENS, event, outcomes
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
    """The platform's answer, as the program's own HTTP client brings it."""
    response, failure = asyncio.run(_exchange(f"http://127.0.0.1:{client.port}", request))
    assert response is not None, failure
    return response


async def _exchange(sandbox_url: str, request: Request) -> tuple[Response | None, Outcome | None]:
    http = HttpClient(sandbox_url)
    try:
        return await exchange(http, request, 10.0, SystemClock())
    finally:
        await http.close()


def is_taken(client: Client, destination: Destination, someone: LeadData, **settings: str) -> bool:
    """Whether the emulator takes a conversion of this lead, and what the destination makes of its answer agrees."""
    slug = destination.slug
    one: Event = event(someone, slug)
    request = destination.build([one], {**SETTINGS[slug], **settings}, TOKENS[slug])
    verdict = destination.read(send(client, request), 1)
    accepted = [row["key"] for row in client.last(slug)["accepted"]]
    assert accepted in ([], [one.event_id])
    assert outcomes(verdict)[0].code == "ok" or not accepted
    return bool(accepted)


def flags(client: Client, slug: str) -> list[dict[str, Any]]:
    """What the ledger notes of the latest call."""
    found: list[dict[str, Any]] = client.last(slug)["flags"]
    return found
