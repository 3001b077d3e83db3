"""Asks a platform whether a connection's credentials work. Nothing that it is sent is counted."""

from typing import Final

import msgspec

from leadtrackr.conversions import connections, receipts
from leadtrackr.conversions.exchange import exchange, signed
from leadtrackr.conversions.model import Connection
from leadtrackr.conversions.tokens import Tokens
from leadtrackr.db.database import Database
from leadtrackr.destinations import registry
from leadtrackr.destinations.contract import Destination, Kind, Outcome, Settings
from leadtrackr.kit.clock import Clock
from leadtrackr.kit.http import HttpClient
from leadtrackr.kit.ids import Ids
from leadtrackr.kit.secretbox import SecretBox

WORKS: Final = frozenset({Kind.ACCEPTED, Kind.CONFIRMED})


class Checked(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a platform said to a connection test. `detail` is in its own words."""

    destination: str
    account: str
    works: bool
    code: str
    sentence: str
    detail: str
    next_step: str

    @property
    def text(self) -> str:
        """The same for a person."""
        lines = [f"{self.destination} ({self.account}): {self.sentence}"]
        lines += [f"  It said: {self.detail}"] if self.detail and not self.works else []
        lines += [f"  What to do: {self.next_step}"] if self.next_step else []
        return "\n".join(lines)


async def check(
    http: HttpClient, db: Database, box: SecretBox, clock: Clock, ids: Ids, connection: Connection
) -> Checked:
    """Tests one connection: a token first where the platform wants one, then its own harmless request."""
    destination = registry.get(connection.destination)
    settings = connections.full_settings(connection, box)
    token = await Tokens(http, clock, db, box).get(connection, destination, settings)
    outcome = token if isinstance(token, Outcome) else await _ask(http, clock, ids, destination, settings, token)
    words = receipts.words_of(destination.slug, outcome.code)
    return Checked(
        destination=destination.slug,
        account=destination.account(settings),
        works=outcome.kind in WORKS,
        code=outcome.code,
        sentence=words.sentence,
        detail=outcome.detail,
        next_step=words.next_step,
    )


async def _ask(
    http: HttpClient, clock: Clock, ids: Ids, destination: Destination, settings: Settings, token: str | None
) -> Outcome:
    request = signed(destination.check(settings, token), clock.now(), ids.token())
    response, failure = await exchange(http, request, destination.limits.timeout_s, after_send="network")
    if response is not None:
        return destination.read_check(response)
    assert failure is not None  # noqa: S101 - one of the two is always there
    return failure
