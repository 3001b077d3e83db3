"""Asks a platform whether a connection's credentials work. Nothing that it is sent is counted."""

from collections.abc import Sequence
from typing import Final

import msgspec

from leadtrackr.conversions import connections, receipts
from leadtrackr.conversions.linking.means import Means, ask
from leadtrackr.conversions.model import Connection
from leadtrackr.conversions.tokens import Tokens
from leadtrackr.destinations import registry
from leadtrackr.destinations.contract import Destination, Kind, Outcome, Settings

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


async def check_project(means: Means, project_ref: str, slug: str | None = None) -> list[Checked]:
    """Tests a project's connections, oldest first, or the one to a destination; NotFound when there is none."""
    if slug is not None:
        return await check_each(means, [await connections.find(means.db, project_ref, slug)])
    return await check_each(means, await connections.of_project(means.db, project_ref))


async def check_each(means: Means, found: Sequence[Connection]) -> list[Checked]:
    """Tests connections one after the other."""
    return [await check(means, connection) for connection in found]


async def check(means: Means, connection: Connection) -> Checked:
    """Tests one connection: a token first where the platform wants one, then its own harmless request."""
    destination = registry.get(connection.destination)
    settings = connections.full_settings(connection, means.box)
    outcome = await _ask(means, connection.id, destination, settings)
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


async def _ask(means: Means, connection_id: int, destination: Destination, settings: Settings) -> Outcome:
    token = await Tokens(means.http, means.clock).get(connection_id, destination, settings)
    if isinstance(token, Outcome):
        return token
    answer = await ask(means, destination.check(settings, token), destination.limits.timeout_s)
    return answer if isinstance(answer, Outcome) else destination.read_check(answer)
