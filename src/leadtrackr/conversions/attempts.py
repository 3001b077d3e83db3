"""Attempts, written once and never changed. In the caller's transaction."""

from collections.abc import Sequence
from typing import Final

from leadtrackr.db.database import Tx
from leadtrackr.db.spread import Spread
from leadtrackr.db.tables import attempts
from leadtrackr.destinations.contract import Outcome

_ATTEMPTS: Final = Spread(attempts, number="delivery_id", text="request")


def write(
    tx: Tx,
    rows: Sequence[tuple[int, str]],
    outcome: Outcome,
    *,
    number: int,
    started_at: int,
    ended_at: int,
    http_status: int | None = None,
    url: str = "",
    head: str = "",
) -> None:
    """One for each delivery, with the event that was sent, of tries that differ in nothing else. Microseconds UTC."""
    tx.spread(
        _ATTEMPTS,
        rows,
        number=number,
        started_at=started_at,
        ended_at=ended_at,
        kind=outcome.kind.value,
        scope=outcome.scope.value,
        code=outcome.code,
        detail=outcome.detail,
        reference=outcome.reference,
        http_status=http_status,
        url=url,
        head=head,
    )
