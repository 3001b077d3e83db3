"""Asks a platform whether an event that would be sent is right, in a mode in which it counts nothing.

Neither the database nor the schedule knows of it: no attempt is spent and no breaker is opened.
"""

import asyncio
from collections.abc import Sequence

import msgspec

from leadtrackr.conversions import connections
from leadtrackr.conversions.exchange import exchange, signed
from leadtrackr.conversions.preview import UNREADABLE, Prospect, build
from leadtrackr.conversions.sender import TOKEN_EXPIRED, refused_token
from leadtrackr.conversions.tokens import Tokens
from leadtrackr.destinations.contract import Kind, Outcome, Request, Scope, Settings, Validation
from leadtrackr.destinations.registry import DESTINATIONS
from leadtrackr.kit.clock import Clock
from leadtrackr.kit.http import HttpClient
from leadtrackr.kit.ids import Ids
from leadtrackr.kit.secretbox import SecretBox, UnreadableSecretError


class Validator(msgspec.Struct, frozen=True, kw_only=True):
    """What it takes to ask the platforms."""

    http: HttpClient
    tokens: Tokens
    box: SecretBox
    clock: Clock
    ids: Ids

    async def everything(self, prospects: Sequence[Prospect]) -> list[Outcome | None]:
        """What `one` answers for each, in their order. Platforms are asked side by side, each one event at a time."""
        lines: dict[int, list[int]] = {}
        for place, prospect in enumerate(prospects):
            lines.setdefault(prospect.connection.id, []).append(place)
        said: list[Outcome | None] = [None] * len(prospects)

        async def ask(places: Sequence[int]) -> None:
            for place in places:
                said[place] = await self.one(prospects[place])

        # Each is heard to its end: a token that a platform renews meanwhile has to be stored.
        for ended in await asyncio.gather(*map(ask, lines.values()), return_exceptions=True):
            if ended is not None:
                raise ended
        return said

    async def one(self, prospect: Prospect) -> Outcome | None:
        """What the platform says to the event; None when it has no such mode, or nothing would be sent.

        ACCEPTED means that it found nothing wrong; the code's words say what that proves. Unavailable as `Tokens.get`.
        """
        destination = DESTINATIONS[prospect.planned.destination]
        validation = destination.validation
        if validation is None or not prospect.would_be_sent:
            return None
        try:
            settings = connections.full_settings(prospect.connection, self.box)
        except UnreadableSecretError as error:
            return Outcome(
                kind=Kind.HOLD, code=UNREADABLE, detail=str(error), scope=Scope.DESTINATION, hold="configuration"
            )
        said = await self._ask(prospect, validation, settings)
        if said.code != TOKEN_EXPIRED:
            return said
        # One that was kept from an earlier question; the next is new.
        said = await self._ask(prospect, validation, settings)
        return refused_token(destination, said) if said.code == TOKEN_EXPIRED else said

    async def _ask(self, prospect: Prospect, validation: Validation, settings: Settings) -> Outcome:
        destination, connection = DESTINATIONS[prospect.planned.destination], prospect.connection
        token = await self.tokens.get(connection, destination, settings)
        if isinstance(token, Outcome):
            return token
        takes_back = prospect.planned.takes_back is not None
        made = build(destination, prospect.event, settings, token, takes_back=takes_back)
        if not isinstance(made, Request):
            return Outcome(kind=Kind.REJECTED, code=made)
        asked = signed(validation.request(made), self.clock.now(), self.ids.token())
        response, failure = await exchange(
            self.http, asked, destination.limits.timeout_s, self.clock, after_send="network"
        )
        if response is None:
            assert failure is not None  # noqa: S101 - one of the two is always there
            return failure
        said = validation.read(response)
        if said.code == TOKEN_EXPIRED:
            self.tokens.forget(connection.id, token)
        return said
