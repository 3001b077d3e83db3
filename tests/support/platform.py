"""A sandbox in a thread beside a world, what asks it, and a person's browser that follows one redirect."""

import http.client
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from leadtrackr.accounts import service as accounts
from leadtrackr.accounts.model import Actor, Role
from leadtrackr.conversions.linking.means import Means
from leadtrackr.kit.http import HttpClient
from tests.sandbox.client import Client, Server
from tests.support.engine import World

CLIENT: Final[Mapping[str, str]] = {"client_id": "407408718192-abc.apps.googleusercontent.com", "client_secret": "hush"}
REDIRECT: Final = "http://127.0.0.1:8401/oauth/google_ads/callback"


class Platform:
    """A world's way to the sandbox: `means` for the services, `client` for the sandbox's own addresses."""

    def __init__(self, world: World, server: Server) -> None:
        self.world = world
        self.client = Client(server.running.port)
        self.http = HttpClient(server.running.url)
        self.means = Means(db=world.db, box=world.box, http=self.http, clock=world.clock, ids=world.ids)

    def close(self) -> None:
        """Closes the connections."""
        self.world.run(self.http.close())

    def person(self, email: str, role: Role | None = Role.MEMBER) -> Actor:
        """Somebody who is signed in, a member of the project unless told otherwise."""
        world = self.world
        refs = [] if role is None else [world.project_ref]
        invited = world.run(
            accounts.invite(world.db, world.ids, email=email, project_refs=refs, role=role or Role.MEMBER)
        )
        session = world.run(accounts.redeem(world.db, world.ids, invited.token))
        actor = world.run(accounts.actor_of(world.db, session.token))
        assert actor is not None
        return actor

    def visit(self, address: str) -> dict[str, str]:
        """Opens the platform's page; the query of the address to which it sends the browser back."""
        status, location, body = browse(address)
        assert status == 302, body
        return dict(parse_qsl(urlsplit(location).query))


def browse(address: str) -> tuple[int, str, str]:
    """Status, Location and text of one GET; nothing is followed."""
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    try:
        connection.request("GET", f"{parts.path}?{parts.query}")
        response = connection.getresponse()
        return response.status, response.headers.get("Location", ""), response.read().decode()
    finally:
        connection.close()


@contextmanager
def beside(world: World) -> Iterator[Platform]:
    """A sandbox that goes by the world's clock."""
    server = Server(world.clock.now)
    made = Platform(world, server)
    try:
        yield made
    finally:
        made.close()
        server.stop()
