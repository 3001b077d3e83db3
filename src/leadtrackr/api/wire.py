"""Bodies in and answers out. Every answer is a JSON object with a `message`."""

import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from ipaddress import ip_address
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from leadtrackr.api.context import Context, Network
from leadtrackr.kit.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    LeadTrackrError,
    NotFound,
    Unauthenticated,
    Unavailable,
)
from leadtrackr.leads.coerce import clean_text


class BodyTooLarge(LeadTrackrError):
    """The body is larger than this server takes."""


Handler = Callable[[Request, Context], Awaitable[Response]]
_encoder: Final = msgspec.json.Encoder()
_STATUS: Final[Mapping[type[LeadTrackrError], int]] = {
    InvalidInput: 400,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    BodyTooLarge: 413,
    Unavailable: 503,
}
"""By kind; a kind's own kinds count as it."""
FAULT: Final = "Internal server error"
"""All that a caller learns of a fault of ours."""
_QUERY_PLUS: Final = re.compile(r" (?=[\d(])")


class Answer(Response):
    """JSON, encoded by msgspec."""

    media_type = "application/json"

    def render(self, content: object) -> bytes:
        """The body's bytes."""
        return _encoder.encode(content)


def refusal(error: LeadTrackrError) -> Response:
    """The answer to a request that could not be done."""
    status = next((status for kind, status in _STATUS.items() if isinstance(error, kind)), 500)
    headers = {"Retry-After": str(error.retry_after)} if isinstance(error, Unavailable) else None
    return Answer({"message": FAULT if status == 500 else str(error)}, status, headers)


async def read_body(request: Request, most: int) -> bytes:
    """The whole body; BodyTooLarge as soon as it is known to be."""
    declared = header(request, b"content-length") or ""
    if declared.isdigit() and int(declared) > most:
        raise _too_large(most)
    chunks: list[bytes] = []
    size = 0
    while True:
        message: MutableMapping[str, Any] = await request.receive()
        if message["type"] == "http.disconnect":
            raise InvalidInput("The body ended before it was complete")
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size > most:
            raise _too_large(most)
        chunks.append(chunk)
        if not message.get("more_body", False):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _too_large(most: int) -> BodyTooLarge:
    return BodyTooLarge(f"Body too large: at most {most} bytes are accepted")


def client_ip(request: Request, trusted: tuple[Network, ...]) -> str | None:
    """The caller's address. A forwarded one counts only when a trusted proxy says so, read from the right."""
    if request.client is None:
        return None
    address = request.client.host
    if not trusted:
        return address
    for hop in reversed(request.headers.get("x-forwarded-for", "").split(",")):
        if not _is_trusted(address, trusted) or not hop.strip():
            break
        address = hop.strip()
    return address


def _is_trusted(address: str, trusted: tuple[Network, ...]) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in trusted)


def query(request: Request) -> dict[str, str]:
    """The query parameters, without what no database can hold: PostgreSQL knows no U+0000.

    A `+` that was not percent-encoded arrives as a space; phone and e-mail get it back.
    """
    params = {name: clean_text(value) for name, value in request.query_params.items()}
    if params.get("phone", "").startswith(" "):
        params["phone"] = _QUERY_PLUS.sub("+", params["phone"], count=1)
    if "email" in params:
        params["email"] = params["email"].strip().replace(" ", "+")
    return params


def api_key(request: Request) -> str | None:
    """The caller's key, as sent."""
    return header(request, b"x-api-key")


def header(request: Request, name: bytes) -> str | None:
    """A header's value by its lower-case name. Starlette's mapping encodes the name and wraps the list each time."""
    for found, value in request.scope["headers"]:
        if found == name:
            return bytes(value).decode("latin-1")
    return None
