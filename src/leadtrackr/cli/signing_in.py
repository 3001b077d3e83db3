"""A platform's sign-in from the command line: the address is printed, and the person comes back to this machine."""

import asyncio
import hmac
from html import escape
from typing import Final
from urllib.parse import parse_qsl, urlsplit

import click
import msgspec
from aiohttp import web

from leadtrackr.cli.listening import bind
from leadtrackr.cli.output import tell
from leadtrackr.conversions.linking import service
from leadtrackr.conversions.linking.means import Means
from leadtrackr.conversions.linking.model import Begun, Unfinished
from leadtrackr.conversions.model import Connection
from leadtrackr.destinations import registry
from leadtrackr.kit.clock import SECOND
from leadtrackr.kit.errors import InvalidInput, LeadTrackrError

PORT: Final = 8401
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'",
    "Referrer-Policy": "no-referrer",
}


class GaveUp(LeadTrackrError):
    """Nobody came back in time."""


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """How the person comes back: to a listener at this port, or by hand."""

    port: int
    paste: bool


async def sign_in(
    means: Means, project_ref: str, slug: str, values: dict[str, str], way: Way
) -> Connection | Unfinished:
    """Prints the platform's address and waits until the person is back. GaveUp, or what `service.finish` raises."""
    return await (_by_hand if way.paste else _by_listening)(means, project_ref, slug, values, way.port)


async def _by_hand(
    means: Means, project_ref: str, slug: str, values: dict[str, str], port: int
) -> Connection | Unfinished:
    """The browser may be on another machine: there the last page cannot be opened, but its address can be copied."""
    begun = await service.begin(means, project_ref, slug, _redirect(slug, port), values=values)
    _invite(slug, begun)
    tell("The page that comes last cannot be opened, and need not be: copy its whole address from the browser.")
    text = await asyncio.to_thread(click.prompt, "Address or code", err=True)
    back = returned(text)
    state = back.get("state", begun.state)
    return await service.finish(means, slug, state=state, code=back.get("code"), error=back.get("error"))


def returned(text: str) -> dict[str, str]:
    """What a person pasted: the values of an address, or a code alone. InvalidInput when it is neither."""
    tidy = "".join(text.split())
    if "code=" in tidy or "error=" in tidy:
        return dict(parse_qsl(urlsplit(tidy).query if "?" in tidy else tidy))
    if not tidy or "://" in tidy:
        raise InvalidInput("That address holds neither a code nor an error; copy it whole.", "code")
    return {"code": tidy}


async def _by_listening(
    means: Means, project_ref: str, slug: str, values: dict[str, str], port: int
) -> Connection | Unfinished:
    listener = bind("127.0.0.1", port)
    try:
        redirect = _redirect(slug, listener.getsockname()[1])
        begun = await service.begin(means, project_ref, slug, redirect, values=values)
        waiting = Return(means, slug, begun)
        app = web.Application()
        app.router.add_get(urlsplit(redirect).path, waiting.handle)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            await web.SockSite(runner, listener).start()
            _invite(slug, begun)
            return await waiting.result((begun.expires_at - means.clock.now()) / SECOND)
        finally:
            await runner.cleanup()
    finally:
        listener.close()


class Return:
    """Waits for the browser to come back with this sign-in's own state; other calls change nothing."""

    def __init__(self, means: Means, slug: str, begun: Begun) -> None:
        self._means, self._slug, self._begun = means, slug, begun
        self._done: asyncio.Future[Connection | Unfinished] = asyncio.get_running_loop().create_future()
        self._is_taken = False

    async def result(self, within_s: float) -> Connection | Unfinished:
        """What came of it; GaveUp after so many seconds."""
        try:
            return await asyncio.wait_for(asyncio.shield(self._done), within_s)
        except TimeoutError as error:
            raise GaveUp("Nobody came back from the sign-in in time. Nothing was changed; begin again.") from error

    async def handle(self, request: web.Request) -> web.Response:
        """The redirect of the platform; its page says what came of it."""
        query = request.query
        is_ours = hmac.compare_digest(query.get("state", "").encode(), self._begun.state.encode())
        if self._is_taken or not is_ours:
            return _page(service.BAD_STATE, 400)
        self._is_taken = True
        try:
            made = await service.finish(
                self._means, self._slug, state=query["state"], code=query.get("code"), error=query.get("error")
            )
        except LeadTrackrError as error:
            self._done.set_exception(error)
            return _page(str(error), 400)
        self._done.set_result(made)
        return _page(f"{registry.get(self._slug).name} has given access. You can close this page.", 200)


def _invite(slug: str, begun: Begun) -> None:
    tell(
        f"Open this address within ten minutes and let LeadTrackr into {registry.get(slug).name}:\n\n{begun.address}\n"
    )


def _redirect(slug: str, port: int) -> str:
    consent = registry.get(slug).consent
    return f"http://{consent.loopback if consent else '127.0.0.1'}:{port}/oauth/{slug}/callback"


def _page(sentence: str, status: int) -> web.Response:
    html = f"<!doctype html><meta charset=utf-8><title>LeadTrackr</title><p>{escape(sentence)}</p>"
    return web.Response(status=status, text=html, content_type="text/html", headers=_HEADERS)
