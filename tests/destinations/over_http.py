"""A destination's request on its way to the sandbox, signed as the sender signs it."""

import re

from leadtrackr.destinations.contract import Destination, Event, Outcome, Request, Response
from tests.destinations.making import SETTINGS, TOKENS, outcomes
from tests.sandbox.client import NOW, Client


def send(client: Client, request: Request, *, at: int = NOW, nonce: str = "abcdefghijklmnopqrstuvwx") -> Response:
    """The answer of the sandbox to a request that goes out at `at`, microseconds UTC."""
    path = re.sub(r"^https://[^/]+", f"/{request.service}", request.url)
    headers = {**request.headers, **(request.sign(at, nonce) if request.sign else {})}
    reply = client.call(request.method, path, request.body or None, {name.title(): headers[name] for name in headers})
    found = {name.lower(): value for name, value in reply.headers.items()}
    return Response(status=reply.status, headers=found, body=reply.content)


def deliver(
    client: Client, destination: Destination, *events: Event, nonce: str = "", **settings: str
) -> list[Outcome]:
    """What becomes of these events at the sandbox."""
    connection = {**SETTINGS[destination.slug], **settings}
    request = destination.build(events, connection, TOKENS[destination.slug])
    response = send(client, request, nonce=nonce or "abcdefghijklmnopqrstuvwx")
    return outcomes(destination.read(response, len(events)))
