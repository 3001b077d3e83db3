"""The HTTP client against a real server: what comes back, what surely was not sent, and what may have arrived."""

import asyncio
import datetime
import ipaddress
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from leadtrackr import __version__
from leadtrackr.destinations.contract import Request
from leadtrackr.kit.addresses import is_public
from leadtrackr.kit.http import BODY_LIMIT, Answer, Failure, HttpClient, Sent

PATH = "/v25.0/123/events:ingest?token=s%2Bcret&empty="
REAL = f"https://platform.invalid{PATH}"
SHORT = 0.25


class Platform:
    """A server that notes what reaches it and then answers as told."""

    def __init__(self, answer: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> None:
        self._answer = answer
        self.seen: list[web.Request] = []
        self.peers: list[object] = []
        self.arrived = asyncio.Event()
        self.port = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        await request.read()
        self.seen.append(request)
        self.peers.append(request.transport and request.transport.get_extra_info("peername"))
        self.arrived.set()
        return await self._answer(request)

    @asynccontextmanager
    async def running(self, tls: ssl.SSLContext | None = None) -> AsyncIterator["Platform"]:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self.handle)
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        self.port = runner.addresses[0][1]
        try:
            yield self
        finally:
            await runner.cleanup()


async def ok(_request: web.Request) -> web.Response:
    return web.Response(text="fine", headers={"X-Trace": "abc", "Set-Cookie": "a=b"})


async def hang(_request: web.Request) -> web.Response:
    await asyncio.Event().wait()
    raise AssertionError


async def reset(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.abort()
    raise ConnectionResetError


async def reset_in_body(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "100"})
    await response.prepare(request)
    await response.write(b"half")
    return await reset(request)


async def big(_request: web.Request) -> web.Response:
    return web.Response(body=b"x" * (3 * BODY_LIMIT))


async def broken_gzip(_request: web.Request) -> web.Response:
    return web.Response(body=b"no gzip", headers={"Content-Encoding": "gzip"})


def request(url: str = REAL, **values: object) -> Request:
    fields: dict[str, object] = {"service": "meta", "url": url, "body": b'{"email":"jane@example.com"}', **values}
    return Request(**fields)  # type: ignore[arg-type]  # the tests name the fields


async def exchange(platform: Platform, *requests: Request, timeout_s: float = 10.0) -> list[Sent]:
    async with platform.running():
        client = HttpClient(f"http://127.0.0.1:{platform.port}/")
        try:
            return [await client.send(each, timeout_s) for each in requests]
        finally:
            await client.close()


async def direct(url: str, **options: object) -> Sent:
    client = HttpClient(None, **options)  # type: ignore[arg-type]  # the tests name the options
    try:
        return await client.send(request(url), 5.0)
    finally:
        await client.close()


def test_answer_comes_back_whole() -> None:
    platform = Platform(ok)
    (sent,) = asyncio.run(exchange(platform, request(headers={"Authorization": "Bearer t", "Content-Type": "a/b"})))
    assert isinstance(sent, Answer)
    assert (sent.status, sent.body, sent.truncated) == (200, b"fine", False)
    assert sent.headers["x-trace"] == "abc"
    (seen,) = platform.seen
    assert (seen.method, seen.raw_path) == ("POST", f"/meta{PATH}")
    assert seen.headers["Authorization"] == "Bearer t"
    assert seen.headers["Content-Type"] == "a/b"
    assert seen.headers["User-Agent"] == f"LeadTrackr/{__version__}"


def test_nothing_is_added_to_a_get_and_no_cookie_is_kept() -> None:
    platform = Platform(ok)
    first, second = asyncio.run(exchange(platform, request(), request(method="GET", body=b"")))
    assert isinstance(first, Answer)
    assert isinstance(second, Answer)
    seen = platform.seen[1]
    assert seen.method == "GET"
    assert not {"Cookie", "Content-Type", "Content-Length"} & set(seen.headers)


def test_redirect_is_an_answer_and_is_not_followed() -> None:
    async def elsewhere(_request: web.Request) -> web.Response:
        return web.Response(status=307, headers={"Location": "/elsewhere"})

    platform = Platform(elsewhere)
    (sent,) = asyncio.run(exchange(platform, request()))
    assert isinstance(sent, Answer)
    assert (sent.status, sent.headers["location"], len(platform.seen)) == (307, "/elsewhere", 1)


def test_big_body_is_cut() -> None:
    (sent,) = asyncio.run(exchange(Platform(big), request()))
    assert isinstance(sent, Answer)
    assert (sent.status, len(sent.body), sent.truncated) == (200, BODY_LIMIT, True)


@pytest.mark.parametrize("answer", [reset, reset_in_body, hang, broken_gzip])
def test_trouble_after_the_request_may_have_arrived(answer: Callable[[web.Request], Awaitable[web.Response]]) -> None:
    platform = Platform(answer)
    (sent,) = asyncio.run(exchange(platform, request(), timeout_s=SHORT if answer is hang else 10.0))
    assert isinstance(sent, Failure)
    assert (sent.kind, sent.refused, len(platform.seen)) == ("after_send", False, 1)


def test_trouble_on_a_kept_connection_may_have_arrived() -> None:
    async def once(request: web.Request) -> web.StreamResponse:
        return await (ok(request) if len(platform.seen) == 1 else reset(request))

    platform = Platform(once)
    first, second = asyncio.run(exchange(platform, request(), request()))
    assert isinstance(first, Answer)
    assert isinstance(second, Failure)
    assert second.kind == "after_send"
    assert len(platform.peers) == 2
    assert platform.peers[0] == platform.peers[1]


def test_answer_that_is_not_http_may_have_been_acted_on() -> None:
    async def babble(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example.com ESMTP\r\n\r\n")
        await writer.drain()
        writer.close()

    async def work() -> Sent:
        async with await asyncio.start_server(babble, "127.0.0.1", 0) as server:
            client = HttpClient(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
            try:
                return await client.send(request())
            finally:
                await client.close()

    sent = asyncio.run(work())
    assert isinstance(sent, Failure)
    assert (sent.kind, sent.detail) == ("after_send", "127.0.0.1: the answer is not HTTP.")


def test_refused_port_was_surely_not_sent() -> None:
    async def work() -> Sent:
        async with await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
        return await direct(f"https://127.0.0.1:{port}/", allow_private=True)

    assert asyncio.run(work()) == Failure(kind="connect", detail="127.0.0.1: connection refused.")


def test_unknown_host_was_surely_not_sent() -> None:
    sent = asyncio.run(direct(REAL))
    assert isinstance(sent, Failure)
    assert (sent.kind, sent.refused) == ("connect", False)
    assert sent.detail.startswith("platform.invalid: ")


def test_silence_in_the_tls_handshake_was_surely_not_sent() -> None:
    async def work() -> Sent:
        silent = asyncio.Event()

        async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await silent.wait()
            writer.close()

        async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            sent = await direct(f"https://127.0.0.1:{port}/", allow_private=True, connect_timeout_s=SHORT)
            silent.set()
            return sent

    assert asyncio.run(work()) == Failure(kind="connect", detail="127.0.0.1: connecting took too long.")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a self-signed certificate for 127.0.0.1, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "platform")])
    now = datetime.datetime.now(datetime.UTC)
    built = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "platform.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(secret + built.public_bytes(serialization.Encoding.PEM))
    return path


def server_context(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def over_tls(certificate: Path, host: str = "127.0.0.1", **options: object) -> tuple[Sent, int]:
    """What came of one request to a TLS server, and how many requests reached it."""

    async def work() -> tuple[Sent, int]:
        async with Platform(ok).running(server_context(certificate)) as platform:
            return await direct(f"https://{host}:{platform.port}/x?token=s3cret", **options), len(platform.seen)

    return asyncio.run(work())


def test_request_that_got_no_connection_in_time_was_surely_not_sent(certificate: Path) -> None:
    async def work() -> Sent:
        async with Platform(hang).running(server_context(certificate)) as platform:
            trust = ssl.create_default_context(cafile=str(certificate))
            client = HttpClient(None, allow_private=True, tls=trust, per_host=1)
            call = request(f"https://127.0.0.1:{platform.port}/")
            first = asyncio.create_task(client.send(call))
            await platform.arrived.wait()
            second = await client.send(call, SHORT)
            assert len(platform.seen) == 1
            await client.close()
            assert isinstance(await first, Failure)
            return second

    sent = asyncio.run(work())
    assert isinstance(sent, Failure)
    assert sent.kind == "connect"


def test_a_slow_platform_of_the_sandbox_does_not_block_the_others() -> None:
    async def slow_meta(request: web.Request) -> web.Response:
        return await (hang(request) if request.path.startswith("/meta") else ok(request))

    async def work() -> Sent:
        async with Platform(slow_meta).running() as platform:
            client = HttpClient(f"http://127.0.0.1:{platform.port}", per_host=1)
            slow = asyncio.create_task(client.send(request()))
            await platform.arrived.wait()
            quick = await client.send(request(service="ga4"))
            await client.close()
            assert isinstance(await slow, Failure)
            return quick

    assert isinstance(asyncio.run(work()), Answer)


def test_https_with_a_trusted_certificate_is_sent(certificate: Path) -> None:
    trust = ssl.create_default_context(cafile=str(certificate))
    sent, seen = over_tls(certificate, allow_private=True, tls=trust)
    assert isinstance(sent, Answer)
    assert (sent.status, seen) == (200, 1)


def test_unknown_certificate_was_surely_not_sent(certificate: Path) -> None:
    sent, seen = over_tls(certificate, allow_private=True)
    assert sent == Failure(kind="connect", detail="127.0.0.1: TLS failed: self-signed certificate.")
    assert seen == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "0x7f000001", "localhost", "[::ffff:127.0.0.1]", "127.1", "2130706433"])
def test_private_address_is_refused_however_it_is_written(certificate: Path, host: str) -> None:
    trust = ssl.create_default_context(cafile=str(certificate))
    trust.check_hostname = False
    sent, seen = over_tls(certificate, host, tls=trust)
    assert isinstance(sent, Failure)
    assert (sent.kind, sent.refused, seen) == ("connect", True, 0)
    assert ("cannot be used" if host in {"127.1", "2130706433"} else "private address") in sent.detail


@pytest.mark.parametrize(
    ("refused", "words"),
    [
        (request("http://platform.invalid/x?token=s3cret"), "https://"),
        (request("ftp://platform.invalid/x?token=s3cret"), "web address"),
        (request("https:///x?token=s3cret"), "address"),
        (request("https://[platform/x?token=s3cret"), "a URL"),
        (request(headers={"Authorization": "Bearer s3cret\r\nHost: other"}), "line break"),
    ],
)
def test_request_that_must_not_go_is_refused(refused: Request, words: str) -> None:
    async def work() -> Sent:
        client = HttpClient(None)
        return await client.send(refused)

    sent = asyncio.run(work())
    assert isinstance(sent, Failure)
    assert (sent.kind, sent.refused) == ("connect", True)
    assert words in sent.detail
    assert "s3cret" not in sent.detail


def test_neither_path_query_headers_nor_body_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secret = request(headers={"Authorization": "Bearer t0ken"})
    sent = [result for answer in (ok, reset) for result in asyncio.run(exchange(Platform(answer), secret))]
    assert [type(result) for result in sent] == [Answer, Failure]
    shown = caplog.text + repr(sent[1])
    assert not [word for word in ("s%2Bcret", "s+cret", "t0ken", "jane@", "events:ingest") if word in shown]


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("64:ff9b::808:808", True),
        ("10.0.0.1", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("127.0.0.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),  # noqa: S104 - an address to refuse, not to bind
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1", False),
        ("fd00::1", False),
        ("fec0::1", False),
        ("ff02::1", False),
        ("::ffff:10.0.0.1", False),
        ("64:ff9b::a00:1", False),
        ("64:ff9b:1::808:808", False),
        ("2002:a00:1::", False),
    ],
)
def test_public_addresses(address: str, public: bool) -> None:
    assert is_public(address) is public
