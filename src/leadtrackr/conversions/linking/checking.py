"""Asks a platform whether a connection's credentials work. Nothing that it is sent is counted."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from leadtrackr.conversions import connections, receipts
from leadtrackr.conversions.linking.means import Means, Reach, ask, read
from leadtrackr.conversions.linking.model import told
from leadtrackr.conversions.model import Connection
from leadtrackr.conversions.sender import TOKEN_EXPIRED, refused_token
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
    facts: Mapping[str, str] = {}
    """How the account stands with the platform, label and value, where it can be read."""
    advice: tuple[str, ...] = ()
    """What to do about that, or why it could not be read."""

    @property
    def text(self) -> str:
        """The same for a person."""
        lines = [f"{self.destination} ({self.account}): {self.sentence}"]
        lines += [f"  It said: {self.detail}"] if self.detail and not self.works else []
        lines += [f"  What to do: {self.next_step}"] if self.next_step else []
        lines += [f"  {label}: {value}" for label, value in self.facts.items()]
        lines += [f"  {sentence}" for sentence in self.advice]
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
    """Tests one connection: a token first where the platform wants one, then its own harmless request.

    Then reads how the account stands, where that can be read; what follows for the settings is written into the
    connection. A standing that cannot be read is told and fails nothing.
    """
    destination = registry.get(connection.destination)
    settings = connections.full_settings(connection, means.box)
    outcome = await _ask(means, connection, destination, settings)
    words = receipts.words_of(destination.slug, outcome.code)
    checked = Checked(
        destination=destination.slug,
        account=destination.account(settings),
        works=outcome.kind in WORKS,
        code=outcome.code,
        sentence=words.sentence,
        detail=outcome.detail,
        next_step=words.next_step,
    )
    if outcome.hold == "credentials" or outcome.kind is Kind.RETRY:
        return checked
    return await _with_standing(means, connection, destination, settings, checked)


async def _with_standing(
    means: Means, connection: Connection, destination: Destination, settings: Settings, checked: Checked
) -> Checked:
    steps = destination.standing
    if steps is None:
        return checked
    reach = Reach(settings=settings, connection=connection)
    found = await read(means, destination, reach, lambda token: steps(settings, token))
    if isinstance(found, Outcome):
        why = f"How the account stands could not be read. {told(destination, found)}"
        return msgspec.structs.replace(checked, advice=(why,))
    await connections.learn(means.db, connection.id, found.follows)
    return msgspec.structs.replace(checked, facts=found.facts, advice=found.advice)


async def _ask(means: Means, connection: Connection, destination: Destination, settings: Settings) -> Outcome:
    token = await Tokens(means.http, means.clock, means.db, means.box).get(connection, destination, settings)
    if isinstance(token, Outcome):
        return token
    answer = await ask(means, destination.check(settings, token), destination.limits.timeout_s)
    if isinstance(answer, Outcome):
        return answer
    found = destination.read_check(answer)
    # The token was issued a moment ago, so time is not what is wrong with it.
    return refused_token(destination, found) if found.code == TOKEN_EXPIRED else found
