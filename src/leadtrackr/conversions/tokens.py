"""Access tokens, fetched when needed and kept in memory until shortly before they expire.

Some platforms answer with a new refresh token each time. That is on disk before the access token is used.
"""

import asyncio
import hashlib
from collections.abc import Coroutine
from functools import partial
from typing import Any, Final, TypeVar

import msgspec
import structlog

from leadtrackr.conversions import outcomes, renewal
from leadtrackr.conversions.exchange import exchange
from leadtrackr.conversions.model import Connection
from leadtrackr.conversions.renewal import Turn
from leadtrackr.db.database import Database
from leadtrackr.destinations.contract import Destination, Kind, Outcome, Scope, Settings, Token, TokenAuth
from leadtrackr.kit.clock import SECOND, Clock
from leadtrackr.kit.errors import InvalidInput
from leadtrackr.kit.http import HttpClient
from leadtrackr.kit.secretbox import SecretBox

EARLY_US: Final = 60 * SECOND
"""A token is renewed this long before its end, so that none dies on the way."""
STORING_S: Final = 15.0
"""A turn lasts as long as the platform may take to answer, and this much longer for storing what it said."""
_LOOK_S: Final = 0.25
"""So often whoever waits for a turn looks whether it is free."""
_TRIES: Final = 3
"""How often in a row somebody else may have changed the secret meanwhile."""
T = TypeVar("T")
_log = structlog.get_logger(__name__)


class _Kept(msgspec.Struct, frozen=True):
    value: str
    good_until: int
    made_from: str


class _Answer(msgspec.Struct, frozen=True):
    """What came of a turn's question."""

    turn: Turn
    token: Token
    asked_at: int


class Tokens:
    """The tokens of this process, one for each connection."""

    def __init__(self, http: HttpClient, clock: Clock, db: Database, box: SecretBox) -> None:
        self._http = http
        self._clock = clock
        self._db = db
        self._box = box
        self._kept: dict[int, _Kept] = {}
        self._locks: dict[int, asyncio.Lock] = {}
        self._unstored: dict[int, _Answer] = {}
        """Answers that came while the database was away. The next question is only asked when they are stored."""

    def forget(self, connection_id: int, token: str | None) -> None:
        """The platform does not take this token any more; a newer one stays."""
        kept = self._kept.get(connection_id)
        if kept is not None and kept.value == token:
            del self._kept[connection_id]

    async def get(self, connection: Connection, destination: Destination, settings: Settings) -> str | Outcome | None:
        """A token that is good; None where the destination needs none; an Outcome when there is none to be had.

        Unavailable when the database is away and the platform's answer has to be stored.
        """
        auth = destination.auth
        if auth is None:
            return None
        async with self._locks.setdefault(connection.id, asyncio.Lock()):
            if (known := self._known(connection, auth, settings)) is not None:
                return known
            if auth.rotates:
                return await self._in_turn(connection.id, destination, auth)
            asked_at = self._clock.now()
            token = await self._ask(destination, auth, settings)
            return token if isinstance(token, Outcome) else self._keep(connection, auth, settings, token, asked_at)

    async def once(self, destination: Destination, settings: Settings) -> str | Outcome | None:
        """A token that is kept nowhere, for settings that are no connection's yet.

        ValueError where refresh tokens rotate: asking would use up one that has to be stored.
        """
        auth = destination.auth
        if auth is None:
            return None
        if (given := auth.given(settings)) is not None:
            return given
        if auth.rotates:
            raise ValueError(f"{destination.name}: a token can be had for a connection only")
        token = await self._ask(destination, auth, settings)
        return token if isinstance(token, Outcome) else token.value

    def _known(self, connection: Connection, auth: TokenAuth, settings: Settings) -> str | None:
        if (given := auth.given(settings)) is not None:
            return given
        kept = self._kept.get(connection.id)
        if kept is None or kept.good_until <= self._clock.now():
            return None
        return kept.value if kept.made_from == _fingerprint(connection, auth, settings) else None

    def _keep(self, connection: Connection, auth: TokenAuth, settings: Settings, token: Token, asked_at: int) -> str:
        lives_us = int(token.expires_in_s * SECOND)
        # A token that lives shorter than the margin is used for half of its life.
        margin = min(EARLY_US, lives_us // 2)
        made_from = _fingerprint(connection, auth, settings)
        self._kept[connection.id] = _Kept(token.value, asked_at + lives_us - margin, made_from)
        return token.value

    async def _ask(self, destination: Destination, auth: TokenAuth, settings: Settings) -> Token | Outcome:
        try:
            request = auth.request(settings, self._clock.now())
        except InvalidInput as error:
            return Outcome(kind=Kind.HOLD, code="bad_credentials", detail=str(error), hold="credentials")
        response, failure = await exchange(
            self._http, request, destination.limits.timeout_s, self._clock, after_send="network"
        )
        if response is None:
            assert failure is not None  # noqa: S101 - one of the two is always there
            return failure
        return auth.read(response)

    async def _in_turn(self, connection_id: int, destination: Destination, auth: TokenAuth) -> str | Outcome:
        """Asks with what is stored now, whatever the caller had read, while no other process asks."""
        if (left := self._unstored.get(connection_id)) is not None:
            await _to_its_end(self._store(left, auth))
        for _ in range(_TRIES):
            turn = await self._turn(connection_id, destination.limits.timeout_s + STORING_S)
            if turn is None:
                break
            if (known := self._known(turn.connection, auth, turn.settings)) is not None:
                await self._db.write(partial(renewal.end, turn=turn))
                return known
            found = await _to_its_end(self._use(turn, destination, auth))
            if found is not None:
                return found
        return Outcome(kind=Kind.RETRY, code=outcomes.RENEWING, scope=Scope.DESTINATION)

    async def _turn(self, connection_id: int, lasts_s: float) -> Turn | None:
        """Waits for the turn, as long as one lasts at most."""
        for _ in range(int(lasts_s / _LOOK_S) + 1):
            turn = await self._db.write(lambda tx: renewal.begin(tx, self._box, connection_id, int(lasts_s * SECOND)))
            if turn is not None:
                return turn
            await asyncio.sleep(_LOOK_S)
        return None

    async def _use(self, turn: Turn, destination: Destination, auth: TokenAuth) -> str | Outcome | None:
        """The turn's one question; None when somebody has changed the secret meanwhile: with that it is asked again."""
        asked_at = self._clock.now()
        found = await self._ask(destination, auth, turn.settings)
        if not isinstance(found, Outcome):
            return await self._store(_Answer(turn, found, asked_at), auth)
        kept = await self._db.write(lambda tx: renewal.finish(tx, self._box, turn, auth.rotates, None))
        return found if kept is None or kept.ours or found.kind != Kind.HOLD else None

    async def _store(self, answer: _Answer, auth: TokenAuth) -> str | None:
        """The access token, once what came with it is on disk; None when it is of credentials that were replaced."""
        turn, token = answer.turn, answer.token
        self._unstored[turn.connection.id] = answer
        kept = await self._db.write(lambda tx: renewal.finish(tx, self._box, turn, auth.rotates, token.renewed))
        del self._unstored[turn.connection.id]
        if kept is None or not (kept.ours or kept.connection.edition == turn.connection.edition):
            return None
        return self._keep(kept.connection, auth, kept.settings, token, answer.asked_at)


async def _to_its_end(work: Coroutine[Any, Any, T]) -> T:
    """Does what must not be left halfway: whoever is cancelled meanwhile waits for its end."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        if not task.done():
            await asyncio.wait([task])
        if not task.cancelled() and task.exception() is not None:
            _log.warning("renewal_failed", error=type(task.exception()).__name__)
        raise


def _fingerprint(connection: Connection, auth: TokenAuth, settings: Settings) -> str:
    """Changes when a person changes the settings, so that new credentials never go with an old token.

    It does not change with what the platform renews by itself, and holds no secret.
    """
    given = sorted((name, value) for name, value in settings.items() if name != auth.rotates)
    return hashlib.sha256(repr((connection.edition, given)).encode()).hexdigest()
