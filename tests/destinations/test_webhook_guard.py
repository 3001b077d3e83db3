"""A webhook goes to the public internet alone, whatever its name resolves to at the moment of sending."""

import asyncio
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from leadtrackr.conversions.exchange import exchange, signed
from leadtrackr.destinations.contract import Outcome, Response
from leadtrackr.destinations.registry import validate_settings
from leadtrackr.destinations.webhook import WEBHOOK
from leadtrackr.kit.clock import SystemClock
from leadtrackr.kit.http import HttpClient
from tests.destinations.making import NOON, SETTINGS, event
from tests.unit.test_http import Platform, certificate, server_context

__all__ = ["certificate"]
HOST = "hooks.example.com"
_real = socket.getaddrinfo


async def ok(_request: web.Request) -> web.Response:
    return web.Response(text="fine")


async def elsewhere(request: web.Request) -> web.Response:
    return web.Response(status=302, headers={"Location": f"https://{HOST}:{request.url.port}/inside"})


@pytest.fixture
def resolved(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the name resolves to, changed as a person with a name server of his own can change it."""
    addresses = ["127.0.0.1"]

    def resolve(host: str, port: Any, *args: Any, **kwargs: Any) -> Any:
        if host != HOST:
            return _real(host, port, *args, **kwargs)
        return [
            (
                socket.AF_INET6 if ":" in one else socket.AF_INET,
                socket.SOCK_STREAM,
                6,
                "",
                (one, port, *([0, 0] * (":" in one))),
            )
            for one in addresses
        ]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return addresses


async def deliver(platform: Platform, **options: Any) -> tuple[Response | None, Outcome | None]:
    settings = validate_settings(WEBHOOK, {**SETTINGS["webhook"], "url": f"https://{HOST}:{platform.port}/leads"})
    http = HttpClient(None, **options)
    try:
        request = signed(WEBHOOK.build([event(slug="webhook")], settings, None), NOON, "")
        return await exchange(http, request, 5.0, SystemClock())
    finally:
        await http.close()


def trusting(certificate: Path) -> ssl.SSLContext:
    trust = ssl.create_default_context(cafile=str(certificate))
    trust.check_hostname = False
    return trust


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.0.0.8", "192.168.1.1", "169.254.169.254", "::1", "fd00::1", "::ffff:127.0.0.1"]
)
def test_a_name_that_leads_inside_is_refused_when_it_is_sent(
    certificate: Path, resolved: list[str], address: str
) -> None:
    async def work() -> None:
        async with Platform(ok).running(server_context(certificate)) as platform:
            resolved[:] = [address]
            response, outcome = await deliver(platform, tls=trusting(certificate))
            assert response is None
            assert outcome is not None
            assert (outcome.code, outcome.kind, outcome.hold) == ("address_refused", "hold", "configuration")
            assert "private address" in outcome.detail
            assert platform.seen == []

    asyncio.run(work())


def test_without_the_guard_the_same_request_would_have_arrived(certificate: Path, resolved: list[str]) -> None:
    async def work() -> None:
        async with Platform(ok).running(server_context(certificate)) as platform:
            response, _ = await deliver(platform, tls=trusting(certificate), allow_private=True)
            assert response is not None
            assert response.status == 200
            (seen,) = platform.seen
            assert seen.headers["webhook-id"] == event().event_id
            assert seen.headers["webhook-timestamp"] == str(NOON // 1_000_000)

    asyncio.run(work())


def test_a_name_that_is_changed_between_two_tries_is_looked_at_each_time(
    certificate: Path, resolved: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first try finds a public address, the second the address of this machine."""

    async def work() -> None:
        async with Platform(ok).running(server_context(certificate)) as platform:
            # 127.0.0.1 plays a public address for the first try alone.
            with monkeypatch.context() as patched:
                patched.setattr("leadtrackr.kit.http.is_public", lambda _address: True)
                response, _ = await deliver(platform, tls=trusting(certificate))
                assert response is not None
                assert response.status == 200
            response, outcome = await deliver(platform, tls=trusting(certificate))
            assert response is None
            assert outcome is not None
            assert (outcome.code, len(platform.seen)) == ("address_refused", 1)

    asyncio.run(work())


def test_of_a_name_with_two_addresses_the_private_one_is_never_used(certificate: Path, resolved: list[str]) -> None:
    async def work() -> None:
        async with Platform(ok).running(server_context(certificate)) as platform:
            resolved[:] = ["192.168.1.1", "127.0.0.1"]
            _, outcome = await deliver(platform, tls=trusting(certificate))
            assert outcome is not None
            assert (outcome.code, platform.seen) == ("address_refused", [])

    asyncio.run(work())


def test_a_redirect_is_not_followed(certificate: Path, resolved: list[str]) -> None:
    async def work() -> None:
        async with Platform(elsewhere).running(server_context(certificate)) as platform:
            response, _ = await deliver(platform, tls=trusting(certificate), allow_private=True)
            assert response is not None
            assert [seen.path for seen in platform.seen] == ["/leads"]
            assert WEBHOOK.read_check(response).code == "redirect"

    asyncio.run(work())
