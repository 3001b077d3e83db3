"""The client programs in the field: where each sends a lead, and what it tells of one. Both generations stay in use."""

import json
from collections.abc import Callable
from typing import Final, Literal

import msgspec

from leadtrackr.cli.demo import bodies as b
from leadtrackr.cli.demo.bodies import BROWSER, Body
from leadtrackr.cli.demo.visit import Visit

CREATE: Final = "/api/leads/createLead"
SERVER_SIDE: Final = "/api/leads/createServerSideLead"
CALL: Final = "/api/leads/createCTLead"


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """One client program. `php` bodies are written as PHP writes JSON; `keyed` ones bring the API key."""

    name: str
    path: Literal["/api/leads/createLead", "/api/leads/createServerSideLead", "/api/leads/createCTLead"] = CREATE
    keyed: bool = False
    php: bool = False
    agent: str
    tells: frozenset[str] = frozenset()
    """What it makes known besides click ids and ways to be reached: `page`, `name` (first or last), `names` (both),
    `device` (the visitor's IP address with the user agent)."""
    body: Callable[[Visit], Body]

    def wire(self, visit: Visit) -> bytes:
        """The body's bytes."""
        body = self.body(visit)
        if self.php:
            return json.dumps(_listed(body)).replace("/", "\\/").encode()
        return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _listed(value: object) -> object:
    """PHP has one kind of array, so an empty map leaves as a list."""
    if isinstance(value, dict):
        return {name: _listed(item) for name, item in value.items()} or []
    return value


_WORDPRESS: Final = "WordPress/6.8; https://www.example.com"
_TAG_SERVER: Final = "tag-server"
_NAME: Final = frozenset({"name"})
_NAMED: Final = frozenset({"name", "names", "page"})
_SEEN: Final = _NAMED | {"device"}

# The demo's browsers are on this machine, so what is posted from one has no visitor's IP address.
WORDPRESS_10: Final = Client(
    name="WordPress 1.0", php=True, agent=_WORDPRESS, tells=_NAME | {"device"}, body=b.wordpress_10
)
WORDPRESS_10_CF7: Final = Client(
    name="WordPress 1.0, CF7", php=True, agent=_WORDPRESS, tells=_NAME, body=b.wordpress_10_cf7
)
WORDPRESS_11: Final = Client(name="WordPress 1.1", php=True, agent=_WORDPRESS, tells=_SEEN, body=b.wordpress_11)
WORDPRESS_11_KEY: Final = Client(
    name="WordPress 1.1, key",
    path=SERVER_SIDE,
    keyed=True,
    php=True,
    agent=_WORDPRESS,
    tells=_SEEN,
    body=b.wordpress_11,
)
WEB_TAG_OLD: Final = Client(name="web tag, old", agent=BROWSER, tells=_NAME, body=b.web_tag_old)
WEB_TAG: Final = Client(name="web tag", agent=BROWSER, tells=_NAMED, body=b.web_tag)
SERVER_TAG_OLD: Final = Client(name="server tag, old", agent=_TAG_SERVER, tells=_NAME, body=b.server_tag_old)
SERVER_TAG: Final = Client(
    name="server tag", path=SERVER_SIDE, keyed=True, agent=_TAG_SERVER, tells=_SEEN, body=b.server_tag
)
LEADBOT_OLD: Final = Client(name="LeadBot, old", agent=BROWSER, body=b.leadbot_old)
LEADBOT: Final = Client(name="LeadBot", agent=BROWSER, tells=_NAMED, body=b.leadbot)
API_PROGRAM: Final = Client(
    name="API program", path=SERVER_SIDE, keyed=True, agent="crm/1.0", tells=_NAMED, body=b.api_program
)
CALL_TRACKING: Final = Client(name="call tracking", path=CALL, keyed=True, agent="calls/1.0", body=b.call_tracking)
