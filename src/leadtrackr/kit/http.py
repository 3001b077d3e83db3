"""The guarded HTTP client that carries requests to the platforms.

It follows no redirect, keeps no cookie, reads no proxy from the environment and logs nothing. A request that did not
work comes back as a `Failure` that says the one thing that matters: whether the platform can have seen it.
"""

import os
import socket
import ssl
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Final, Literal, Protocol

import aiohttp
import msgspec
from yarl import URL

from leadtrackr import __version__
from leadtrackr.kit.addresses import is_public

BODY_LIMIT: Final = 1_048_576
"""Most bytes of an answer that are kept."""
CONNECT_TIMEOUT: Final = 10.0
PER_HOST: Final = 16
"""Most connections to one host at once."""
_PRIVATE: Final = "the host has a private address"
_LINE_BREAKS: Final = frozenset("\r\n\0")


class Outgoing(Protocol):
    """A request as the client needs it. `service` names the host for the sandbox."""

    @property
    def service(self) -> str: ...
    @property
    def method(self) -> str: ...
    @property
    def url(self) -> str: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def body(self) -> bytes: ...


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What came back, a redirect included. Header names are lower case; of repeated ones the last is kept."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    """At most `BODY_LIMIT` bytes, decompressed."""
    truncated: bool = False
    """The body was longer than that."""


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """No answer. `connect`: the request was surely not sent. `after_send`: the platform may have acted on it."""

    kind: Literal["connect", "after_send"]
    detail: str
    """A sentence for a person: the host and the reason, never the path or the query."""
    refused: bool = False
    """Our own guard refused the request, so the same request will never be sent: something has to be set right."""


Sent = Answer | Failure


class _PrivateAddressError(OSError):
    def __init__(self) -> None:
        super().__init__(_PRIVATE)


class HttpClient:
    """Sends requests over kept connections; one for the whole program, closed at its end. Use it in one event loop.

    `sandbox_url`: every request goes to `<sandbox_url>/<service>` with the real URL's path and query behind it, and to
    nowhere else. All platforms are one host there, so `per_host` does not hold: a slow one must not block the others.
    Without it the URL must be https, and unless `allow_private`, its host must have a public address; the check is made
    on the address that is connected to, so no name can lead around it. `tls` replaces the system's authorities.
    """

    def __init__(
        self,
        sandbox_url: str | None,
        *,
        allow_private: bool = False,
        tls: ssl.SSLContext | None = None,
        connect_timeout_s: float = CONNECT_TIMEOUT,
        per_host: int = PER_HOST,
    ) -> None:
        self._sandbox_url = sandbox_url.rstrip("/") if sandbox_url is not None else None
        self._guarded = sandbox_url is None and not allow_private
        self._tls = tls
        self._connect_timeout_s = connect_timeout_s
        self._per_host = 0 if sandbox_url is not None else per_host
        self._session: aiohttp.ClientSession | None = None

    async def send(self, request: Outgoing, timeout_s: float = 30.0) -> Sent:
        """The answer, or why there is none; `timeout_s` covers everything from waiting for a connection to the end."""
        try:
            target = self._target(request)
        except ValueError as error:
            return Failure(kind="connect", detail=f"Nothing was sent: {error}.", refused=True)
        progress = SimpleNamespace(connected=False)
        timeout = aiohttp.ClientTimeout(total=timeout_s, sock_connect=self._connect_timeout_s)
        try:
            async with self._open().request(
                request.method,
                target,
                headers=request.headers,
                data=request.body or None,
                allow_redirects=False,
                timeout=timeout,
                trace_request_ctx=progress,
            ) as response:
                return await _read(response)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return Failure(
                kind="after_send" if progress.connected else "connect",
                detail=f"{target.host}: {_reason(error)}.",
                refused=_is_private(error) or isinstance(error, aiohttp.InvalidURL),
            )

    def address(self, request: Outgoing) -> str:
        """Where a request really goes, the sandbox included; without its query, where some platforms want secrets."""
        try:
            return str(self._target(request).with_query(None))
        except ValueError:
            return request.url.partition("?")[0]

    def address_for_people(self, request: Outgoing) -> str:
        """The same with its query, for a browser that a person opens. ValueError when nothing may go there."""
        return str(self._target(request))

    async def close(self) -> None:
        """Closes every connection; requests under way fail."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=0,
                    limit_per_host=self._per_host,
                    ssl=self._tls or True,
                    socket_factory=_public_socket if self._guarded else None,
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": f"LeadTrackr/{__version__}"},
                skip_auto_headers=("Content-Type",),
                trace_configs=[_trace()],
            )
        return self._session

    def _target(self, request: Outgoing) -> URL:
        """Where the request goes; ValueError with the reason when it must not go."""
        if any(_LINE_BREAKS & set(name + value) for name, value in request.headers.items()):
            raise ValueError("a header holds a line break; look at the settings of the connection")
        try:
            url = URL(request.url)
        except ValueError:
            raise ValueError("the address is not a URL; look at the settings of the connection") from None
        if not url.host or url.scheme not in {"https", "http"}:
            raise ValueError("the address is not a web address; look at the settings of the connection")
        if self._sandbox_url is not None:
            return URL(f"{self._sandbox_url}/{request.service}{url.raw_path_qs}")
        if url.scheme != "https":
            raise ValueError("the address must start with https://")
        return url


def _public_socket(found: aiohttp.AddrInfoType) -> socket.socket:
    family, kind, protocol, _, address = found
    if not is_public(str(address[0])):
        raise _PrivateAddressError
    return socket.socket(family=family, type=kind, proto=protocol)


def _trace() -> aiohttp.TraceConfig:
    """Marks the request as connected: TLS is done and the next thing is to write. From here on it may arrive."""

    async def connected(_session: aiohttp.ClientSession, context: SimpleNamespace, _params: object) -> None:
        context.trace_request_ctx.connected = True

    trace = aiohttp.TraceConfig()
    trace.on_connection_create_end.append(connected)
    trace.on_connection_reuseconn.append(connected)
    return trace


async def _read(response: aiohttp.ClientResponse) -> Answer:
    body = bytearray()
    async for chunk in response.content.iter_chunked(65_536):
        body += chunk
        if len(body) > BODY_LIMIT:
            response.close()
            break
    return Answer(
        status=response.status,
        headers={name.lower(): value for name, value in response.headers.items()},
        body=bytes(body[:BODY_LIMIT]),
        truncated=len(body) > BODY_LIMIT,
    )


def _is_private(error: Exception) -> bool:
    return isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, _PrivateAddressError)


def _reason(error: Exception) -> str:
    """The reason in our own words: an exception's text may hold the URL, and the URL a token."""
    match error:
        case aiohttp.ClientConnectorDNSError():
            return "the name could not be resolved"
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError() | ssl.SSLError():
            return f"TLS failed{_certificate(error)}"
        case aiohttp.InvalidURL():
            return "the address cannot be used; look at the settings of the connection"
        case aiohttp.ClientConnectorError() if _is_private(error):
            return f"{_PRIVATE}, to which nothing is sent"
        case aiohttp.ConnectionTimeoutError():
            return "connecting took too long"
        case TimeoutError():
            return "it took too long"
        case aiohttp.ServerDisconnectedError():
            return "the connection was closed before an answer came"
        case aiohttp.ClientPayloadError():
            return "the answer broke off or could not be decoded"
        case aiohttp.ClientResponseError():
            return "the answer is not HTTP"
        case OSError():
            return os.strerror(error.errno).lower() if error.errno else "the connection failed"
        case _:
            return "the request failed"


def _certificate(error: Exception) -> str:
    inner = getattr(error, "certificate_error", error)
    words = getattr(inner, "verify_message", "")
    return f": {words}" if words else ""
