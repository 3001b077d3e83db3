"""Access tokens, fetched when needed and kept in memory until shortly before they expire."""

import asyncio
import hashlib
from typing import Final

import msgspec

from leadtrackr.conversions.exchange import exchange
from leadtrackr.destinations.contract import Destination, Kind, Outcome, Settings
from leadtrackr.kit.clock import SECOND, Clock
from leadtrackr.kit.errors import InvalidInput
from leadtrackr.kit.http import HttpClient

EARLY_US: Final = 60 * SECOND
"""A token is renewed this long before its end, so that none dies on the way."""


class _Kept(msgspec.Struct, frozen=True):
    value: str
    good_until: int
    made_from: str


class Tokens:
    """The tokens of this process, one for each connection."""

    def __init__(self, http: HttpClient, clock: Clock) -> None:
        self._http = http
        self._clock = clock
        self._kept: dict[int, _Kept] = {}
        self._locks: dict[int, asyncio.Lock] = {}

    def forget(self, connection_id: int, token: str | None) -> None:
        """The platform does not take this token any more; a newer one stays."""
        kept = self._kept.get(connection_id)
        if kept is not None and kept.value == token:
            del self._kept[connection_id]

    async def get(self, connection_id: int, destination: Destination, settings: Settings) -> str | Outcome | None:
        """A token that is good; None where the destination needs none; an Outcome when there is none to be had."""
        if destination.auth is None:
            return None
        async with self._locks.setdefault(connection_id, asyncio.Lock()):
            made_from = _fingerprint(settings)
            kept = self._kept.get(connection_id)
            if kept is not None and kept.made_from == made_from and kept.good_until > self._clock.now():
                return kept.value
            return await self._fetch(connection_id, destination, settings, made_from)

    async def _fetch(
        self, connection_id: int, destination: Destination, settings: Settings, made_from: str
    ) -> str | Outcome:
        assert destination.auth is not None  # noqa: S101 - `get` has looked
        asked_at = self._clock.now()
        try:
            request = destination.auth.request(settings, asked_at)
        except InvalidInput as error:
            return Outcome(kind=Kind.HOLD, code="bad_credentials", detail=str(error), hold="credentials")
        response, failure = await exchange(self._http, request, destination.limits.timeout_s, after_send="network")
        if response is None:
            assert failure is not None  # noqa: S101 - one of the two is always there
            return failure
        token = destination.auth.read(response)
        if isinstance(token, Outcome):
            return token
        lives_us = int(token.expires_in_s * SECOND)
        # A token that lives shorter than the margin is used for half of its life.
        margin = min(EARLY_US, lives_us // 2)
        self._kept[connection_id] = _Kept(token.value, asked_at + lives_us - margin, made_from)
        return token.value


def _fingerprint(settings: Settings) -> str:
    """Changes when the settings do, so that new credentials never go with an old token. Holds no secret."""
    return hashlib.sha256(repr(sorted(settings.items())).encode()).hexdigest()
