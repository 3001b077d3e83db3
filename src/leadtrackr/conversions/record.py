"""All outcomes of a batch in one commit, each guarded by the lease token."""

from collections.abc import Callable, Sequence
from typing import Final

import msgspec
from sqlalchemy import bindparam, insert, select, update

from leadtrackr.conversions import inquiry, outcomes, schedule
from leadtrackr.conversions.hold import hold_connection, pause_connection
from leadtrackr.conversions.model import Connection, Result, State
from leadtrackr.conversions.settle import pass_jobs
from leadtrackr.db.database import Tx
from leadtrackr.db.statement import IdsIn, constant, prepare
from leadtrackr.db.tables import attempts, connections, deliveries
from leadtrackr.destinations.contract import Kind, Outcome, Scope

_D: Final = deliveries.c

_STILL_OURS: Final = prepare(
    select(_D.id)
    .where(_D.lease_token == bindparam("of_token"), _D.state == constant(State.SENDING))
    .order_by(_D.id)
    .with_for_update()
)
_MOVE: Final = prepare(
    update(deliveries)
    .where(IdsIn(_D.id, "ids"))
    .values(
        {name: bindparam(f"new_{name}") for name in ("state", "code", "detail", "run_at", "settled_at")}
        | {
            "tries": _D.tries + bindparam("more_tries"),
            "passed": 1,
            "behind": None,
            "lease_token": None,
            "lease_until": None,
            "updated_at": bindparam("now"),
        }
    )
)
_ATTEMPT: Final = prepare(
    insert(attempts).values({c.name: bindparam(c.name) for c in attempts.columns if c.name != "id"})
)
_SECRETS: Final = prepare(
    select(connections.c.secrets).where(connections.c.id == bindparam("connection_id")).with_for_update()
)
_WELL_AGAIN: Final = prepare(
    update(connections)
    .where(connections.c.id == bindparam("connection_id"), connections.c.failures > 0)
    .values(failures=0, paused_until=None, pause_code=None, updated_at=bindparam("now"))
)


class Move(msgspec.Struct, frozen=True):
    """Where an outcome takes a delivery. A settled one's `run_at` is when it was settled."""

    state: State
    code: str
    detail: str | None
    run_at: int
    more_tries: int


class Recorded(msgspec.Struct, frozen=True):
    """What a commit of outcomes did."""

    moves: tuple[tuple[int, State], ...]
    """Delivery id and its new state."""
    late: int
    """Outcomes refused because another worker has taken the delivery over."""
    settled_jobs: int


def move_of(result: Result, *, now: int, paused_until: int | None, fraction: float) -> Move:
    """What an outcome means for its delivery. `fraction` is random in [0, 1), for the jitter."""
    outcome, delivery = result.outcome, result.delivery
    detail = outcome.detail or None
    if outcome.kind in (Kind.ACCEPTED, Kind.CONFIRMED, Kind.REJECTED):
        return Move(State(outcome.kind.value), outcome.code, detail, now, 1)
    if outcome.kind == Kind.HOLD:
        return Move(State.HELD, outcome.code, detail, now, 0)
    run_at: int | None
    if outcome.scope == Scope.DESTINATION:
        run_at, more_tries = paused_until or now, 0
    else:
        run_at, more_tries = _retry_at(outcome, delivery.tries + 1, now, fraction), 1
    if run_at is None:
        return Move(State.EXPIRED, outcomes.RETRIES_OVER, f"{outcome.code}: {detail or ''}", now, more_tries)
    if run_at >= delivery.closes_at:
        return Move(State.EXPIRED, outcomes.WINDOW_CLOSED, f"{outcome.code}: {detail or ''}", now, more_tries)
    return Move(State.WAITING, outcome.code, detail, run_at, more_tries)


def _retry_at(outcome: Outcome, tries: int, now: int, fraction: float) -> int | None:
    delay = schedule.retry_delay(tries, fraction)
    if delay is None:
        return None
    if outcome.retry_after_s is not None:
        delay = schedule.asked_delay(outcome.retry_after_s)
    return now + delay


def record(
    tx: Tx, connection: Connection, token: str, results: Sequence[Result], fraction: Callable[[], float]
) -> Recorded:
    """Writes attempts and outcomes, and what they mean for the connection, the jobs and the leads."""
    now = tx.now()
    ours = {row.id for row in tx.all(_STILL_OURS, of_token=token)}
    kept = sorted((r for r in results if r.delivery.id in ours), key=lambda result: result.delivery.id)
    tx.many(_ATTEMPT, [_attempt(result) for result in kept if result.outcome.code != outcomes.PAUSED])
    paused_until = _connection_news(tx, connection, kept, now, fraction)
    # One jitter for the batch: what was sent together is tried again together, in one request.
    jitter = fraction()
    moves = [(result, move_of(result, now=now, paused_until=paused_until, fraction=jitter)) for result in kept]
    _apply(tx, moves, now)
    settled = [r.delivery.id for r, move in moves if move.state not in (State.WAITING, State.HELD)]
    stuck = [r.delivery.id for r, move in moves if move.state in (State.WAITING, State.HELD)]
    passed = [r.delivery.job_id for r, _ in moves if not r.delivery.passed]
    inquiry.begin(tx, connection, kept, now)
    jobs = pass_jobs(tx, passed, settled=settled, stuck=stuck, now=now)
    return Recorded(tuple((result.delivery.id, move.state) for result, move in moves), len(results) - len(kept), jobs)


def _apply(tx: Tx, moves: Sequence[tuple[Result, Move]], now: int) -> None:
    """One statement for each distinct move: in a batch most outcomes are the same."""
    groups: dict[Move, list[int]] = {}
    for result, move in moves:
        groups.setdefault(move, []).append(result.delivery.id)
    for move, ids in groups.items():
        tx.run(
            _MOVE,
            ids=ids,
            new_state=move.state.value,
            new_code=move.code,
            new_detail=move.detail,
            new_run_at=move.run_at,
            new_settled_at=None if move.state in (State.WAITING, State.HELD) else now,
            more_tries=move.more_tries,
            now=now,
        )


def _connection_news(
    tx: Tx, connection: Connection, results: Sequence[Result], now: int, fraction: Callable[[], float]
) -> int | None:
    """Holds, pauses or clears the connection by what its platform said; returns until when it is paused."""
    hold = next((r.outcome for r in results if r.outcome.kind == Kind.HOLD), None)
    if hold is not None and _is_as_it_was(tx, connection):
        hold_connection(tx, connection.id, reason=hold.hold or "configuration", outcome=hold, now=now)
        return None
    # A hold that comes late speaks of credentials that a person has replaced: what it held is freed by the next mend.
    failed = [
        r.outcome
        for r in results
        if r.outcome.scope == Scope.DESTINATION and r.outcome.kind in (Kind.RETRY, Kind.UNKNOWN)
    ]
    if failed:
        return pause_connection(tx, connection.id, outcome=failed[0], now=now, fraction=fraction())
    if any(result.outcome.kind in (Kind.ACCEPTED, Kind.CONFIRMED) for result in results):
        tx.run(_WELL_AGAIN, connection_id=connection.id, now=now)
    return None


def _is_as_it_was(tx: Tx, connection: Connection) -> bool:
    """Whether the connection still has the credentials that the batch was sent with."""
    row = tx.first(_SECRETS, connection_id=connection.id)
    return row is not None and row.secrets == connection.secrets


def _attempt(result: Result) -> dict[str, object]:
    outcome = result.outcome
    return {
        "delivery_id": result.delivery.id,
        "number": result.delivery.tries + 1,
        "started_at": result.started_at,
        "ended_at": result.ended_at,
        "kind": outcome.kind.value,
        "scope": outcome.scope.value,
        "code": outcome.code,
        "detail": outcome.detail,
        "reference": outcome.reference,
        "http_status": result.http_status,
        "url": result.url,
        "head": result.head,
        "request": result.request,
    }
