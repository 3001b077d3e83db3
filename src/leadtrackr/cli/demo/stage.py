"""What the play is given on: the sandbox, a server with a database of its own, a project, labels and connections."""

import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from socket import socket
from tempfile import TemporaryDirectory
from typing import Final

import aiohttp
import msgspec

from leadtrackr import settings
from leadtrackr.app import Parts, delivering, open_parts, set_up_log
from leadtrackr.cli import listening
from leadtrackr.cli.demo.platforms import CONNECTIONS, DEAL, QUALIFIED
from leadtrackr.cli.demo.script import To
from leadtrackr.cli.listening import CannotListen
from leadtrackr.cli.output import tell
from leadtrackr.conversions import connections
from leadtrackr.destinations import registry
from leadtrackr.kit.secretbox import new_key
from leadtrackr.labels import service as labels
from leadtrackr.sandbox import server as sandbox
from leadtrackr.settings import Settings

AT_ONCE: Final = 32
"""Connections of the play's own HTTP client."""


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the play needs, running."""

    parts: Parts
    http: aiohttp.ClientSession
    url: str
    sandbox_url: str
    project_id: str
    project_number: int
    api_key: str
    conversion_ids: Mapping[To, str]
    """What updateLeadStatus takes for each rating."""
    names: Mapping[str, str]
    """The platforms' names by slug."""


@asynccontextmanager
async def built(port: int) -> AsyncIterator[Stage]:
    """Builds the stage in a temporary folder, which is gone at the end. Another port is taken when this one is."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="leadtrackr-demo-")))
        platforms = await stack.enter_async_context(await sandbox.start())
        listener = stack.enter_context(_bind(port))
        values = _settings(folder, platforms.url, listening.address(listener))
        set_up_log(values)
        parts = open_parts(values, owner=True)
        stack.push_async_callback(parts.close)
        await stack.enter_async_context(delivering(parts))
        await stack.enter_async_context(listening.serving(parts.asgi, listener))
        stack.callback(parts.worker.stop)
        connector = aiohttp.TCPConnector(limit=AT_ONCE)
        http = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
        yield await _furnish(parts, http, platforms.url)


def _bind(port: int) -> socket:
    try:
        return listening.bind("127.0.0.1", port)
    except CannotListen:
        listener = listening.bind("127.0.0.1", 0)
        tell(f"Port {port} is taken, so the demo's server listens at {listening.address(listener)}.")
        return listener


def _settings(folder: Path, sandbox_url: str, base_url: str) -> Settings:
    """Settings of the demo's own: nothing of the environment, so that no real database or platform can be meant."""
    environ = {
        "LEADTRACKR_DATA_DIR": str(folder),
        "LEADTRACKR_SECRET_KEY": new_key(),
        "LEADTRACKR_SANDBOX_URL": sandbox_url,
        "LEADTRACKR_BASE_URL": base_url,
        "LEADTRACKR_LOG_LEVEL": "warning",
        "LEADTRACKR_POLL_SECONDS": "0.2",
    }
    return settings.load(environ, folder, sys.stderr.isatty())


async def _furnish(parts: Parts, http: aiohttp.ClientSession, sandbox_url: str) -> Stage:
    made = await labels.start_project(parts.db, parts.ids, name="Demo", currency="EUR", country="NL")
    ref = made.project.public_id
    fresh = {"secret": parts.ids.webhook_secret()}
    for slug, values in CONNECTIONS.items():
        secrets = fresh if slug == "webhook" else None
        await connections.connect(parts.db, parts.box, ref, slug, values, secrets)
    await _make_strict(http, sandbox_url, fresh["secret"])
    qualified = await labels.create(parts.db, parts.ids, ref, QUALIFIED)
    deal = await labels.create(parts.db, parts.ids, ref, DEAL)
    return Stage(
        parts=parts,
        http=http,
        url=parts.settings.base_url,
        sandbox_url=sandbox_url,
        project_id=ref,
        project_number=made.project.id,
        api_key=made.api_key,
        conversion_ids={
            To.QUALIFIED: qualified.conversion_id,
            To.DEAL: deal.conversion_id,
            To.LOST: "lost",
            To.OPEN: "open",
        },
        names={slug: registry.get(slug).name for slug in CONNECTIONS},
    )


async def _make_strict(http: aiohttp.ClientSession, sandbox_url: str, webhook_secret: str) -> None:
    """Lets the platforms that would take any secret know the demo's own, so that each one is really compared."""
    ga4 = CONNECTIONS["ga4"]
    known = {
        "webhook": {"secrets": [webhook_secret]},
        "ga4": {"secrets": {ga4["measurement_id"]: ga4["api_secret"]}},
    }
    async with http.put(f"{sandbox_url}/_sandbox/settings", json=known) as response:
        response.raise_for_status()
