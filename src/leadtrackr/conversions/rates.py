"""How many requests a platform lets us make, kept in the database so that it holds over all processes.

Each limit is a leaky bucket of one number: the time at which it will have run empty (the theoretical arrival time of
the generic cell rate algorithm). A twentieth of the period may be used up at once, so that whoever asks late makes up
for it; another twentieth covers how long a request may be on its way between the grant and the platform. The rest flows
in evenly. So no window of the period and a twentieth, wherever it begins, holds more grants than the limit, and the
platform, which counts arrivals, sees no more than the limit in any window of its own. Ten elevenths of it can be used.

| Limit | At once at most | Then one every | Used at most | On its way at most |
| --- | --- | --- | --- | --- |
| 1 a second | 1 | 1.1 s | 0.9 a second | 0.05 s |
| 10 a second | 1 | 0.11 s | 9.1 a second | 0.05 s |
| 60 a minute | 3 | 1.1 s | 54.5 a minute | 3 s |
| 300 a minute | 14 | 0.22 s | 272.7 a minute | 3 s |
| 1,000 a day | 46 | 95.04 s | 909.1 a day | 4320 s |
| 100,000 a day | 4,546 | 0.9504 s | 90,909.1 a day | 4320 s |

A grant is for now: one that is spent later than the last column says may exceed the limit; give it back instead.
Whoever has to wait should ask again after `wait_us`: later by more than a twentieth of the period, and flow is lost.

A taker locks the buckets of its key until its transaction ends, so take last. All of them read and write in the same
order. Buckets that are not there yet cannot be locked: they are written first, and only if still nobody else has.
"""

from collections.abc import Mapping
from typing import Final

import msgspec
from sqlalchemy import BigInteger, bindparam, cast, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from leadtrackr.db.database import Tx
from leadtrackr.db.statement import prepare
from leadtrackr.db.tables import rate_buckets
from leadtrackr.destinations.contract import Destination, Limits, Settings
from leadtrackr.kit.clock import SECOND
from leadtrackr.kit.hashing import sha256_hex

SHARE: Final = 20
"""One part in so many of a period may be used up at once, and as much is kept free for requests on their way."""
PERIODS: Final[Mapping[str, int]] = {"requests_per_second": 1, "requests_per_minute": 60, "requests_per_day": 86_400}
"""The limits that a destination may declare and a connection may set, with their seconds, shortest first."""
TRIES: Final = 5
"""How often a taker begins again that others were quicker than in making a key's first buckets."""
_NONE: Final = -1
"""What stands for the time of a bucket that was not there: no stored time is equal to it."""
_B: Final = rate_buckets.c
_PERIOD_US: Final = cast(_B.period_s, BigInteger) * SECOND
_ONE: Final = (_B.key == bindparam("of_key"), _B.period_s == bindparam("of_period"))
_READ: Final = prepare(
    select(_B.period_s, _B.full_until).where(_B.key == bindparam("of_key")).order_by(_B.period_s).with_for_update()
)
_insert = insert(rate_buckets).values({name: bindparam(name) for name in ("key", "period_s", "full_until")})
_WRITE: Final = prepare(
    _insert.on_conflict_do_update(
        index_elements=["key", "period_s"],
        set_={"full_until": _insert.excluded.full_until},
        where=_B.full_until == bindparam("seen"),
    )
)
_REFUND: Final = prepare(update(rate_buckets).where(*_ONE).values(full_until=_B.full_until - bindparam("refund")))
_STALE: Final = prepare(
    select(_B.key, _B.period_s)
    .where(
        or_(
            _B.full_until < bindparam("now") - _PERIOD_US,
            # No grant reaches that far: a clock was ahead. Nobody should wait until it would be right.
            _B.full_until > bindparam("now") + 2 * _PERIOD_US,
        )
    )
    .with_for_update(skip_locked=True)
)
_FORGET: Final = prepare(rate_buckets.delete().where(*_ONE))


class Rate(msgspec.Struct, frozen=True):
    """At most `requests` in any `period_s` seconds."""

    requests: int
    period_s: int

    @property
    def tolerance_us(self) -> int:
        """How far ahead of the even flow a bucket may be, microseconds."""
        return self.period_s * SECOND // SHARE

    @property
    def interval_us(self) -> int:
        """Microseconds that a request fills the bucket for: the even flow.

        From the first to the last of n grants in a window of period and way, the bucket rises by n intervals and runs
        down by less than the window; it ends at most an interval and the tolerance above its bottom. So n intervals
        are less than the window, the tolerance and one interval, which is `requests` + 1 intervals.
        """
        return -(-(self.period_s * SECOND + 2 * self.tolerance_us) // self.requests)

    def free(self, backlog_us: int) -> int:
        """How many requests may go at once, of a bucket that takes so long to run empty."""
        return max(0, (self.tolerance_us - backlog_us) // self.interval_us + 1)


class Grant(msgspec.Struct, frozen=True):
    """How many requests may be made now, and in how many microseconds at least one more may; 0: at once."""

    requests: int
    wait_us: int


def rates_of(limits: Limits, settings: Settings) -> tuple[Rate, ...]:
    """What holds for a connection, shortest period first: its own settings, else the destination's limits."""
    said = {name: int(settings.get(name, 0)) or getattr(limits, name) for name in PERIODS}
    return tuple(Rate(requests, PERIODS[name]) for name, requests in said.items() if requests)


def key_of(destination: Destination, settings: Settings) -> str:
    """The buckets' key, from the settings with their secrets: a digest of what the platform counts requests by."""
    counted_by = destination.counted_by or destination.account
    return sha256_hex(f"{destination.slug}:{counted_by(settings)}")


def take(tx: Tx, key: str, rates: tuple[Rate, ...], want: int, now: int) -> Grant:
    """Takes up to `want` requests from every limit of a key: all of them, or as many as the tightest one allows.

    Times in microseconds. Without limits everything is granted. One statement reads, and one writes each limit if
    anything is granted.
    """
    if not rates or want <= 0:
        return Grant(max(0, want), 0)
    for _ in range(TRIES):
        stored = {int(row.period_s): int(row.full_until) for row in tx.all(_READ, of_key=key)}
        backlogs = {rate: max(0, stored.get(rate.period_s, now) - now) for rate in rates}
        granted = min(want, *(rate.free(backlog) for rate, backlog in backlogs.items()))
        after = {rate: backlog + granted * rate.interval_us for rate, backlog in backlogs.items()}
        if not granted or _write(tx, key, {rate: now + backlog for rate, backlog in after.items()}, stored):
            return Grant(granted, max(0, *(backlog - rate.tolerance_us for rate, backlog in after.items())))
    return Grant(0, max(rate.interval_us for rate in rates))


def give_back(tx: Tx, key: str, rates: tuple[Rate, ...], unused: int, granted_at: int, now: int) -> None:
    """Returns granted requests that were not made, less what would have run out of the buckets since `granted_at`."""
    for rate in rates:
        refund = unused * rate.interval_us - max(0, now - granted_at)
        if refund > 0:
            tx.run(_REFUND, of_key=key, of_period=rate.period_s, refund=refund)


def forget(tx: Tx, now: int) -> int:
    """Deletes buckets that have been empty for longer than their period, unless one is in use; returns how many."""
    stale = [{"of_key": row.key, "of_period": row.period_s} for row in tx.all(_STALE, now=now)]
    if stale:
        tx.many(_FORGET, stale)
    return len(stale)


def _write(tx: Tx, key: str, full: Mapping[Rate, int], stored: Mapping[int, int]) -> bool:
    """False, with nothing written, when somebody else has just made a bucket that was not there."""
    for rate in sorted(full, key=lambda one: (one.period_s in stored, one.period_s)):
        seen = stored.get(rate.period_s, _NONE)
        if not tx.run(_WRITE, key=key, period_s=rate.period_s, full_until=full[rate], seen=seen):
            return False
    return True
