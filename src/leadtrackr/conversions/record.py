"""All outcomes of a batch in one commit, each guarded by the lease token."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from operator import attrgetter
from typing import Any, Final

import msgspec
from sqlalchemy import bindparam, func, select, update

from leadtrackr.conversions import attempts, inquiry, outcomes, schedule
from leadtrackr.conversions.hold import clear_failures, clock, hold_connection, pause_connection
from leadtrackr.conversions.incidents import changes as incidents
from leadtrackr.conversions.model import Connection, Result, State
from leadtrackr.conversions.settle import pass_jobs
from leadtrackr.db.database import Tx
from leadtrackr.db.statement import IdsIn, constant, counted, prepare
from leadtrackr.db.tables import connections, deliveries, leases
from leadtrackr.destinations.contract import Kind, Outcome, Scope
from leadtrackr.destinations.registry import DESTINATIONS
from leadtrackr.kit.clock import DAY

_D: Final = deliveries.c
_FINAL: Final = frozenset({Kind.ACCEPTED, Kind.CONFIRMED, Kind.REJECTED})
_AGAIN: Final = frozenset({Kind.RETRY, Kind.UNKNOWN})

_OURS: Final = (
    select(_D.id)
    .where(IdsIn(_D.id, "ids"), _D.lease_token == bindparam("of_token"), _D.state == constant(State.SENDING))
    .order_by(_D.id)
    .with_for_update()
)
_HOW_MANY_ARE_OURS: Final = counted(_OURS)
_STILL_OURS: Final = prepare(_OURS)
# Locked before the deliveries, as whoever takes it over does.
_LEASE: Final = prepare(select(leases.c.token).where(leases.c.token == bindparam("of_token")).with_for_update())
_MOVE: Final = prepare(
    update(deliveries)
    .where(IdsIn(_D.id, "ids"))
    .values(
        {name: bindparam(f"new_{name}") for name in ("state", "code", "detail", "run_at", "settled_at")}
        | {
            "tries": _D.tries + bindparam("more_tries"),
            "retry_until": func.coalesce(_D.retry_until, bindparam("new_retry_until")),
            "passed": 1,
            "behind": None,
            "lease_token": None,
            # It was handled, and the worker lived: deaths are counted in a row.
            "deaths": 0,
            "updated_at": bindparam("now"),
        }
    )
)
_EDITION: Final = prepare(
    select(connections.c.edition).where(connections.c.id == bindparam("connection_id")).with_for_update()
)


_BY_DELIVERY: Final = attrgetter("delivery.id")
_SAME: Final = attrgetter("delivery.tries", "started_at", "ended_at", "http_status", "url", "head")


class Move(msgspec.Struct, frozen=True):
    """Where an outcome takes a delivery. A settled one's `run_at` is when it was settled."""

    state: State
    code: str
    detail: str | None
    run_at: int
    more_tries: int
    retry_until: int | None = None
    """When its tries end by the connection's clock, unless an earlier failure has said so."""

    @property
    def stuck(self) -> bool:
        """It is not settled: what stands behind the delivery goes on waiting."""
        return self.state in (State.WAITING, State.HELD)


class Recorded(msgspec.Struct, frozen=True):
    """What a commit of outcomes did."""

    moves: tuple[tuple[int, State], ...]
    """Delivery id and its new state."""
    late: int
    """Outcomes refused because another worker has taken the delivery over."""
    settled_jobs: int


def move_of(
    result: Result, *, now: int, paused_until: int | None, fraction: float, shown: int, retry_days: int
) -> Move:
    """What an outcome means for its delivery. `fraction` is random in [0, 1), for the jitter.

    `shown` is what the connection's clock shows. No try comes more than `retry_days` of it after the first failed one.
    """
    outcome, delivery = result.outcome, result.delivery
    detail = outcome.detail or None
    if outcome.code == outcomes.WINDOW_CLOSED:
        return Move(State.EXPIRED, outcome.code, detail, now, 0)
    if outcome.kind in _FINAL:
        return Move(State(outcome.kind.value), outcome.code, detail, now, 1)
    if outcome.kind == Kind.HOLD:
        return Move(State.HELD, outcome.code, detail, now, 0)
    if outcome.code == outcomes.INTERRUPTED:
        return Move(State.WAITING, outcome.code, detail, now, 0)
    if outcome.scope == Scope.DESTINATION:
        # However long the pause is: a person may end it. What closes meanwhile expires when it closes.
        return Move(State.WAITING, outcome.code, detail, paused_until or now, 0)
    delay, retry_until = _delay(outcome, delivery.tries + 1, fraction), shown + retry_days * DAY
    if shown + delay > (retry_until if delivery.retry_until is None else delivery.retry_until):
        return Move(State.EXPIRED, outcomes.RETRIES_OVER, f"{outcome.code}: {detail or ''}", now, 1)
    if now + delay >= delivery.closes_at:
        return Move(State.EXPIRED, outcomes.WINDOW_CLOSED, f"{outcome.code}: {detail or ''}", now, 1)
    return Move(State.WAITING, outcome.code, detail, now + delay, 1, retry_until)


def _delay(outcome: Outcome, tries: int, fraction: float) -> int:
    if outcome.retry_after_s is not None:
        return schedule.asked_delay(outcome.retry_after_s)
    return schedule.retry_delay(tries, fraction)


def record(
    tx: Tx, connection: Connection, token: str, results: Sequence[Result], fraction: Callable[[], float]
) -> Recorded:
    """Writes attempts and outcomes, and what they mean for the connection, the jobs and the leads."""
    now = tx.now()
    kept = _still_ours(tx, token, sorted(results, key=_BY_DELIVERY))
    said = _by_outcome(kept)
    for alike in said:
        if alike[0].outcome.code not in outcomes.NOT_SENT:
            _write_attempts(tx, alike)
    news = [alike[0].outcome for alike in said]
    paused_until = _connection_news(tx, connection, news, now, fraction)
    # One jitter for the batch: what was sent together is tried again together, in one request.
    jitter = fraction()
    days = DESTINATIONS[connection.destination].limits.retry_days
    shown = clock(tx, connection.id, now=now) if any(map(_fails_alone, news)) else 0
    rule = partial(move_of, now=now, paused_until=paused_until, fraction=jitter, shown=shown, retry_days=days)
    moves = _moves(said, rule)
    _apply(tx, moves, now)
    incidents.lost(tx, [one for move, ids in moves.items() if move.state == State.EXPIRED for one in ids])
    settled = [one for move, ids in moves.items() if not move.stuck for one in ids]
    stuck = [one for move, ids in moves.items() if move.stuck for one in ids]
    passed = [r.delivery.job_id for r in kept if not r.delivery.passed]
    inquiry.begin(tx, connection, kept, now)
    jobs = pass_jobs(tx, passed, settled=settled, stuck=stuck, now=now)
    moved = tuple([(one, move.state) for move, ids in moves.items() for one in ids])
    return Recorded(moved, len(results) - len(kept), jobs)


def _still_ours(tx: Tx, token: str, results: Sequence[Result]) -> Sequence[Result]:
    """Those whose deliveries nobody has taken over; all of them, nearly always."""
    if tx.first(_LEASE, of_token=token) is None:
        return ()
    ids = [result.delivery.id for result in results]
    ours: Any = tx.first(_HOW_MANY_ARE_OURS, ids=ids, of_token=token)
    if ours.n == len(ids):
        return results
    kept = {row.id for row in tx.all(_STILL_OURS, ids=ids, of_token=token)}
    return [result for result in results if result.delivery.id in kept]


def _by_outcome(results: Sequence[Result]) -> list[list[Result]]:
    """Those that share an outcome: in most batches, all."""
    groups: dict[int, list[Result]] = {}
    for result in results:
        groups.setdefault(id(result.outcome), []).append(result)
    return list(groups.values())


def _fails_alone(outcome: Outcome) -> bool:
    """Whether it is the event that failed and is to be tried again, and not its destination."""
    return outcome.scope == Scope.EVENT and outcome.kind in _AGAIN


def _moves(said: Sequence[Sequence[Result]], rule: Callable[[Result], Move]) -> dict[Move, list[int]]:
    """The deliveries of each distinct move, by their ids. What settles means the same for all that share it."""
    groups: dict[Move, list[int]] = {}
    for alike in said:
        together = [alike] if alike[0].outcome.kind in _FINAL else [[result] for result in alike]
        for results in together:
            move = rule(results[0])
            groups.setdefault(move, []).extend([result.delivery.id for result in results])
    return groups


def _apply(tx: Tx, moves: Mapping[Move, list[int]], now: int) -> None:
    """One statement for each distinct move."""
    for move, ids in moves.items():
        tx.run(
            _MOVE,
            ids=sorted(ids),
            new_state=move.state.value,
            new_code=move.code,
            new_detail=move.detail,
            new_run_at=move.run_at,
            new_settled_at=None if move.stuck else now,
            more_tries=move.more_tries,
            new_retry_until=move.retry_until,
            now=now,
        )


def _connection_news(
    tx: Tx, connection: Connection, said: Sequence[Outcome], now: int, fraction: Callable[[], float]
) -> int | None:
    """Holds, pauses or clears the connection by what its platform said; returns until when it is paused."""
    hold = next((one for one in said if one.kind == Kind.HOLD), None)
    if hold is not None and _is_as_it_was(tx, connection):
        hold_connection(tx, connection.id, reason=hold.hold or "configuration", outcome=hold, now=now)
        return None
    # A hold that comes late speaks of credentials that a person has replaced: what it held is freed by the next sweep.
    failed = [one for one in said if one.scope == Scope.DESTINATION and one.kind in _AGAIN]
    if failed:
        # Of several requests one may have been told how long to stay away.
        longest = max(failed, key=lambda one: one.retry_after_s or 0.0)
        return pause_connection(tx, connection.id, outcome=longest, now=now, fraction=fraction())
    if any(one.kind in (Kind.ACCEPTED, Kind.CONFIRMED) for one in said):
        clear_failures(tx, connection.id, now=now)
    return None


def _is_as_it_was(tx: Tx, connection: Connection) -> bool:
    """Whether the connection still has the credentials that the batch was sent with."""
    row = tx.first(_EDITION, connection_id=connection.id)
    return row is not None and row.edition == connection.edition


def _write_attempts(tx: Tx, results: Sequence[Result]) -> None:
    """Of results with one outcome. Together go those that differ in nothing but the delivery and its event."""
    outcome = results[0].outcome
    groups: dict[tuple[object, ...], list[Result]] = {}
    for one in results:
        groups.setdefault(_SAME(one), []).append(one)
    for group in groups.values():
        first = group[0]
        attempts.write(
            tx,
            [(one.delivery.id, one.request) for one in group],
            outcome,
            number=first.delivery.tries + 1,
            started_at=first.started_at,
            ended_at=first.ended_at,
            http_status=first.http_status,
            url=first.url,
            head=first.head,
        )
