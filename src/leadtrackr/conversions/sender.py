"""Sending claimed deliveries: batches up to the platform's limits, refusals narrowed down, nothing in a transaction."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from itertools import repeat
from typing import Final

import msgspec
import structlog

from leadtrackr.conversions import outcomes
from leadtrackr.conversions.audience import lead_data, permitted
from leadtrackr.conversions.exchange import exchange, signed
from leadtrackr.conversions.masking import head, masked_body
from leadtrackr.conversions.model import Claimed, Connection, DeliveryKind, Result
from leadtrackr.conversions.tokens import Tokens
from leadtrackr.destinations.contract import (
    HTTP_CODES,
    Destination,
    Event,
    Kind,
    Outcome,
    PerEvent,
    Refused,
    Request,
    Response,
    Scope,
    Settings,
    Verdict,
    Whole,
)
from leadtrackr.kit.clock import Clock
from leadtrackr.kit.http import HttpClient
from leadtrackr.kit.ids import Ids

MaySend = Callable[[], Awaitable[bool]]
"""Asked before each request; False when the lease is lost or the worker stops, and nothing more may be sent."""
TOKEN_EXPIRED: Final = "token_expired"  # noqa: S105 - a code, not a token
TOKEN_REFUSED: Final = "token_refused"  # noqa: S105 - a code, not a token
_UNREADABLE: Final = Outcome(kind=HTTP_CODES["unreadable"].kind, code="unreadable")
_ACCOUNT_CHANGED: Final = Outcome(kind=Kind.REJECTED, code=outcomes.ACCOUNT_CHANGED)
_TOO_LATE: Final = Outcome(kind=Kind.REJECTED, code=outcomes.WINDOW_CLOSED)
_INTERRUPTED: Final = Outcome(kind=Kind.UNKNOWN, code=outcomes.INTERRUPTED)
_log = structlog.get_logger(__name__)


class Batch(msgspec.Struct, frozen=True):
    """What goes to one connection under one lease."""

    connection: Connection
    destination: Destination
    settings: Settings
    deliveries: tuple[Claimed, ...]
    offset_us: int = 0
    """How far the database's clock, which all hosts share, is ahead of this host's, microseconds."""


class Draft(msgspec.Struct, frozen=True):
    """A request that was built before its turn."""

    of: tuple[int, ...]
    """The ids of its deliveries, in order."""
    token: str | None
    request: Request


class _Sending(msgspec.Struct):
    """A batch on its way."""

    batch: Batch
    may_send: MaySend
    results: list[Result]
    drafts: dict[tuple[int, ...], Draft]
    """By the deliveries that they are of."""
    failure: Outcome | None = None
    """What stopped the whole destination: nothing more is sent after it."""
    over: bool = False
    """Nothing more may be sent: what is left goes back into the queue."""


class _Part(msgspec.Struct):
    """One request's worth of a batch, with the pieces that become of it."""

    of: _Sending
    renewed_token: bool = False
    """Each part may do so once: those under way together are all refused with the same old token."""


class Sender:
    """Sends batches. Holds no state of its own but the tokens."""

    def __init__(self, http: HttpClient, tokens: Tokens, clock: Clock, ids: Ids) -> None:
        self._http = http
        self._tokens = tokens
        self._clock = clock
        self._ids = ids

    async def draft(self, batch: Batch) -> tuple[Draft, ...]:
        """The batch's requests as they would be sent now; `send` uses those that still fit when their turn comes."""
        token = await self._tokens.get(batch.connection, batch.destination, batch.settings)
        if isinstance(token, Outcome):
            return ()
        drafts = []
        for part in _parts(batch):
            if (request := built(batch, part, token)) is not None:
                drafts.append(Draft(tuple([one.id for one in part]), token, request))
            await asyncio.sleep(0)
        return tuple(drafts)

    async def send(
        self, batch: Batch, may_send: MaySend, results: list[Result] | None = None, drafts: Sequence[Draft] = ()
    ) -> list[Result]:
        """A result for each delivery that was sent or could not be; those left out go back into the queue.

        They are added to `results` as they come, so that whoever cancels this knows what has been sent.
        """
        sending = _Sending(batch, may_send, [] if results is None else results, {one.of: one for one in drafts})
        gate = asyncio.Semaphore(batch.destination.limits.in_flight)

        async def one(part: Sequence[Claimed]) -> None:
            async with gate:
                await self._part(sending, part)

        account = batch.destination.account(batch.settings)
        others = [delivery for delivery in batch.deliveries if delivery.account != account]
        sending.results += self._results(batch, others, Whole(_ACCOUNT_CHANGED), self._clock.now())
        await asyncio.gather(*map(one, _parts(batch)))
        return sending.results

    async def _part(self, sending: _Sending, deliveries: Sequence[Claimed]) -> None:
        """Sends one part, and pieces of it again for as long as the platform refuses some of them."""
        part = _Part(sending)
        todo: deque[Sequence[Claimed]] = deque([deliveries])
        while todo:
            piece = self._in_time(sending, todo.popleft())
            if not piece:
                continue
            if not sending.over:
                sending.over = not await sending.may_send()
            if sending.over:
                break
            done, again = await self._piece(part, piece)
            sending.results += done
            todo.extendleft(reversed(again))

    def _in_time(self, sending: _Sending, piece: Sequence[Claimed]) -> Sequence[Claimed]:
        """Those whose window is still open: a lot may have stood in line for a while since it was claimed."""
        started_at = self._clock.now()
        now = started_at + sending.batch.offset_us
        late = [one for one in piece if one.closes_at <= now]
        if not late:
            return piece
        sending.results += self._results(sending.batch, late, Whole(_TOO_LATE), started_at)
        return [one for one in piece if one.closes_at > now]

    async def _piece(self, part: _Part, piece: Sequence[Claimed]) -> tuple[list[Result], Sequence[Sequence[Claimed]]]:
        """One request; what is settled by it, and what is to be sent again in smaller pieces."""
        sending, started_at = part.of, self._clock.now()
        batch = sending.batch
        if sending.failure is not None:
            return self._results(batch, piece, Whole(_spared(sending.failure)), started_at), ()
        token = await self._tokens.get(batch.connection, batch.destination, batch.settings)
        if isinstance(token, Outcome):
            sending.failure = token
            return self._results(batch, piece, Whole(token), started_at), ()
        draft = sending.drafts.pop(tuple([one.id for one in piece]), None)
        request = built(batch, piece, token) if draft is None or draft.token != token else draft.request
        if request is None or len(request.body) > batch.destination.limits.batch_bytes:
            if len(piece) > 1:
                return [], _halves(piece)
            code = outcomes.UNBUILDABLE if request is None else outcomes.TOO_LARGE
            return self._results(batch, piece, Whole(Outcome(kind=Kind.REJECTED, code=code)), started_at), ()
        request = signed(request, started_at, self._ids.token())
        try:
            response, failure = await exchange(self._http, request, batch.destination.limits.timeout_s, self._clock)
        except asyncio.CancelledError:
            # The worker must stop. Whether it arrived is not known, and whoever takes it back later has to know that.
            sending.results += self._results(batch, piece, Whole(_INTERRUPTED), started_at, request)
            raise
        verdict: Verdict = (
            Whole(failure)
            if response is None and failure is not None
            else _read(batch.destination, response or Response(status=0), len(piece))
        )
        if isinstance(verdict, Whole) and _may_have_ended(batch, verdict.outcome.code):
            self._tokens.forget(batch.connection.id, token)
            if not part.renewed_token:
                part.renewed_token = True
                return [], [piece]
            if verdict.outcome.code == TOKEN_EXPIRED:
                verdict = Whole(refused_token(batch.destination, verdict.outcome))
        return self._judge(sending, piece, verdict, request, response, started_at)

    def _judge(
        self,
        sending: _Sending,
        piece: Sequence[Claimed],
        verdict: Verdict,
        request: Request,
        response: Response | None,
        started_at: int,
    ) -> tuple[list[Result], Sequence[Sequence[Claimed]]]:
        if isinstance(verdict, Refused):
            if verdict.named:
                named = sorted(verdict.named)
                refused = PerEvent(tuple(verdict.named[index] for index in named))
                rest = [one for index, one in enumerate(piece) if index not in verdict.named]
                chosen = [piece[index] for index in named]
                done = self._results(sending.batch, chosen, refused, started_at, request, response, places=named)
                return done, [rest] if rest else ()
            if len(piece) > 1:
                return [], _halves(piece)
            verdict = Whole(verdict.outcome)
        if isinstance(verdict, Whole) and stops(verdict.outcome):
            sending.failure = verdict.outcome
        return self._results(sending.batch, piece, verdict, started_at, request, response), ()

    def _results(
        self,
        batch: Batch,
        piece: Sequence[Claimed],
        verdict: PerEvent | Whole,
        started_at: int,
        request: Request | None = None,
        response: Response | None = None,
        *,
        places: Sequence[int] | None = None,
    ) -> list[Result]:
        ended_at = self._clock.now()
        mask = masked_body(batch.destination.masked_keys)
        items = () if request is None else request.items
        # Without its query, which is where some platforms want their secrets.
        url = "" if request is None else self._http.address(request)
        sent_head = "" if request is None else head(request)
        status = None if response is None else response.status
        each = repeat(verdict.outcome) if isinstance(verdict, Whole) else verdict.outcomes
        return [
            Result(
                delivery=delivery,
                outcome=outcome,
                started_at=started_at,
                ended_at=ended_at,
                http_status=status,
                url=url,
                head=sent_head,
                request=mask(items[place].decode()) if items else "",
                place=place,
                size=len(items),
            )
            for delivery, place, outcome in zip(piece, places or range(len(piece)), each, strict=False)
        ]


def built(batch: Batch, piece: Sequence[Claimed], token: str | None) -> Request | None:
    """The request, or None when an event among them cannot be made into one."""
    try:
        build, can = batch.destination.build, batch.destination.take_back
        if piece[0].takes_back is not None:
            if can is None or can.build is None:
                return None
            build = can.build
        return build([_event(batch, one) for one in piece], batch.settings, token)
    except Exception as error:  # noqa: BLE001 - one lead's odd data must not stop the others; it is narrowed down
        _log.warning("event_not_buildable", destination=batch.destination.slug, error=type(error).__name__)
        return None


def _read(destination: Destination, response: Response, n: int) -> Verdict:
    """What a destination makes of an answer; an outcome is pinned on an event only if there is no doubt which."""
    try:
        verdict = destination.read(response, n)
    except Exception as error:  # noqa: BLE001 - what was sent is sent; an odd answer must not stop the others
        _log.warning("answer_not_readable", destination=destination.slug, error=type(error).__name__)
        return Whole(_UNREADABLE)
    if isinstance(verdict, PerEvent) and len(verdict.outcomes) != n:
        return Whole(_UNREADABLE)
    if isinstance(verdict, Refused) and not all(0 <= index < n for index in verdict.named):
        return Refused(verdict.outcome)
    return verdict


def _event(batch: Batch, one: Claimed) -> Event:
    lead = lead_data(
        one,
        lead_id=one.lead_id,
        created_at=one.lead_created_at,
        country=batch.connection.country,
        destination=batch.destination.slug,
    )
    return Event(
        event_id=one.sent_as or one.event_id,
        action=one.action,
        happened_at=one.happened_at,
        value_cents=one.value_cents,
        currency=one.currency,
        changed_at=None if one.takes_back is None else one.created_at,
        retracted=one.kind == DeliveryKind.RETRACTION,
        lead=permitted(lead),
    )


def stops(outcome: Outcome) -> bool:
    """Whether an outcome speaks of the destination as a whole, so that sending on would only hurt."""
    return outcome.kind == Kind.HOLD or (
        outcome.scope == Scope.DESTINATION and outcome.kind in (Kind.RETRY, Kind.UNKNOWN)
    )


def _spared(failure: Outcome) -> Outcome:
    """The outcome of a delivery that was not sent because the destination has just failed: surely not delivered."""
    if failure.kind == Kind.HOLD:
        return failure
    return Outcome(kind=Kind.RETRY, code=outcomes.PAUSED, scope=Scope.DESTINATION, retry_after_s=failure.retry_after_s)


def _may_have_ended(batch: Batch, code: str) -> bool:
    """Whether the platform refuses the access token for a reason that the next one may not have."""
    auth = batch.destination.auth
    return code == TOKEN_EXPIRED or (
        auth is not None and code in auth.renewed_on and auth.given(batch.settings) is None
    )


def refused_token(destination: Destination, expired: Outcome) -> Outcome:
    """A token that is refused right after it was issued is no matter of time any more."""
    row = destination.codes.get(TOKEN_REFUSED)
    if row is None:
        return expired
    return Outcome(
        kind=row.kind, code=TOKEN_REFUSED, detail=expired.detail, scope=row.scope, hold=row.hold or "credentials"
    )


def _parts(batch: Batch) -> list[Sequence[Claimed]]:
    """What goes into one request each, unless the platform refuses some of it."""
    account = batch.destination.account(batch.settings)
    ours = [delivery for delivery in batch.deliveries if delivery.account == account]
    return [chunk for group in _by_action(ours) for chunk in _chunks(group, batch.destination.limits.batch_events)]


def _by_action(deliveries: Sequence[Claimed]) -> list[list[Claimed]]:
    """Batches are of one action, as they are of one account; take-backs go by themselves. The order stays."""
    groups: dict[tuple[str, bool], list[Claimed]] = {}
    for one in deliveries:
        groups.setdefault((one.action, one.takes_back is None), []).append(one)
    return list(groups.values())


def _chunks(group: Sequence[Claimed], size: int) -> list[Sequence[Claimed]]:
    return [group[start : start + size] for start in range(0, len(group), size)]


def _halves(piece: Sequence[Claimed]) -> list[Sequence[Claimed]]:
    middle = len(piece) // 2
    return [piece[:middle], piece[middle:]]
