"""Asks the platforms that answer later; part of the worker."""

from dataclasses import dataclass
from typing import Final

import structlog

from leadtrackr.conversions import connections, inquiry
from leadtrackr.conversions.allowance import Allowance
from leadtrackr.conversions.exchange import exchange
from leadtrackr.conversions.hold import BY_A_PERSON, asked_to_wait
from leadtrackr.conversions.inquiry import Inquiry
from leadtrackr.conversions.model import Connection, ConnectionState, State
from leadtrackr.conversions.preview import UNREADABLE
from leadtrackr.conversions.tokens import Tokens
from leadtrackr.db.database import Database, Tx
from leadtrackr.destinations.contract import (
    HTTP_CODES,
    Destination,
    Kind,
    Known,
    NotYet,
    Outcome,
    Response,
    Scope,
    StatusAnswer,
    StatusPoll,
)
from leadtrackr.destinations.registry import DESTINATIONS
from leadtrackr.kit.clock import HOUR, Clock
from leadtrackr.kit.errors import Unavailable
from leadtrackr.kit.http import HttpClient
from leadtrackr.kit.metrics import Metrics
from leadtrackr.kit.secretbox import SecretBox, UnreadableSecretError

TOKEN_EXPIRED = "token_expired"  # noqa: S105 - a code, not a token
_UNREADABLE: Final = NotYet(Outcome(kind=HTTP_CODES["unreadable"].kind, code="unreadable"))
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Unasked:
    """The question was not put: its connection is held or left alone, has no token, or its limits are used up."""

    reason: Outcome | None
    until: int | None = None
    """When it can be, microseconds UTC, if that is known."""


class Inquirer:
    """Asks about the requests whose time has come, one after the other: there is no hurry."""

    def __init__(
        self, db: Database, http: HttpClient, tokens: Tokens, box: SecretBox, clock: Clock, metrics: Metrics
    ) -> None:
        self._db = db
        self._http = http
        self._tokens = tokens
        self._box = box
        self._clock = clock
        self._metrics = metrics

    async def ask_due(self) -> int:
        """Asks about everything that is due; returns how many requests were asked about."""
        asked, away = 0, set[int]()
        while await self._db.read(inquiry.any_due):
            taken = await self._db.write(inquiry.take_due)
            for one in taken:
                if not await self._ask_safely(one, away=one.connection_id in away):
                    away.add(one.connection_id)
            asked += len(taken)
            if not taken:
                break
        return asked

    async def _ask_safely(self, one: Inquiry, *, away: bool) -> bool:
        """A question at which this program fails keeps no other from being put."""
        try:
            return await self._ask(one, away=away)
        except Unavailable:
            raise
        except Exception:  # noqa: BLE001 - whatever it is, it is logged, and tried again later
            _log.exception("question_failed", connection=one.connection_id)
            await self._db.write(lambda tx: inquiry.postpone(tx, one, tx.now() + HOUR))
            return True

    async def _ask(self, one: Inquiry, *, away: bool) -> bool:
        """Whether the connection can be asked more. `away`: it could not be, a moment ago."""
        connection, now = await self._db.read(lambda tx: (connections.by_id(tx, one.connection_id), tx.now()))
        destination = DESTINATIONS.get(connection.destination) if connection else None
        if connection is None or destination is None or destination.status is None:
            # Left open, it would be taken up again and again, for ever.
            await self._db.write(lambda tx: inquiry.close(tx, one))
            _log.warning("cannot_ask", connection=one.connection_id, destination=connection and connection.destination)
            return True
        status = destination.status
        answer = _Unasked(None) if away else await self._answer(one, connection, destination, status, now)
        if isinstance(answer, _Unasked):
            later = answer.until or now + inquiry.step_of(one, status)
            await self._db.write(lambda tx: inquiry.postpone(tx, one, later, answer.reason))
            return not away and answer.reason is None
        trouble = answer.outcome if isinstance(answer, NotYet) else None
        expired = trouble is not None and trouble.code == TOKEN_EXPIRED
        stays_away = trouble is not None and trouble.scope == Scope.DESTINATION and not expired

        def work(tx: Tx) -> list[tuple[int, State]]:
            if stays_away and trouble is not None and trouble.retry_after_s is not None:
                # It asks to be left alone, and that is meant for conversions too.
                asked_to_wait(tx, one.connection_id, outcome=trouble, now=tx.now())
            days = destination.limits.retry_days
            return inquiry.apply(tx, one, status, answer, retry_days=days, soon=expired)

        moved = await self._db.write(work)
        for state in {state for _, state in moved}:
            count = sum(found == state for _, found in moved)
            self._metrics.delivery(destination.slug, state.value, count)
            if state in (State.WAITING, State.HELD):
                _log.info("platform_asks_again", destination=destination.slug, state=state.value, count=count)
        return not stays_away

    async def _answer(
        self, one: Inquiry, connection: Connection, destination: Destination, status: StatusPoll, now: int
    ) -> "StatusAnswer | _Unasked":
        if connection.state != ConnectionState.ACTIVE and connection.hold_reason != BY_A_PERSON:
            # A person who pauses it keeps conversions back; what became of those that were sent is still to be known.
            return _Unasked(None)
        if connection.paused_until is not None and connection.paused_until > now:
            return _Unasked(None, connection.paused_until)
        try:
            settings = connections.full_settings(connection, self._box)
        except UnreadableSecretError as error:
            return _Unasked(Outcome(kind=Kind.HOLD, code=UNREADABLE, detail=str(error), hold="configuration"))
        token = await self._tokens.get(connection, destination, settings)
        if isinstance(token, Outcome):
            return _Unasked(token)
        if not await Allowance.of(destination, settings, self._clock).spend(self._db, _no_waiting):
            return _Unasked(None)
        request = status.request(one.reference, settings, token)
        response, failure = await exchange(
            self._http, request, destination.limits.timeout_s, self._clock, after_send="network"
        )
        if response is None:
            return NotYet(failure)
        answer = _read(status, response, len(one.deliveries), destination.slug)
        if isinstance(answer, NotYet) and answer.outcome is not None and answer.outcome.code == TOKEN_EXPIRED:
            self._tokens.forget(connection.id, token)
        return answer


def _read(status: StatusPoll, response: Response, n: int, slug: str) -> StatusAnswer:
    """What an answer says; one that no reading was foreseen for must not keep the other questions from being asked."""
    try:
        answer = status.read(response, n)
    except Exception as error:  # noqa: BLE001 - an odd answer is asked for again until the question is given up
        _log.warning("answer_not_readable", destination=slug, error=type(error).__name__)
        return _UNREADABLE
    return _UNREADABLE if isinstance(answer, Known) and len(answer.outcomes) != n else answer


async def _no_waiting() -> bool:
    """A question can wait for the next time that it is due; conversions go first."""
    return False
