"""When to try again. Pure."""

from typing import Final

from leadtrackr.kit.clock import HOUR, MINUTE, SECOND

_FIRST: Final = (5 * SECOND, 30 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR)
_EVERY: Final = 10 * HOUR
_PERIOD: Final = 72 * HOUR


def _delays() -> tuple[int, ...]:
    delays = list(_FIRST)
    while sum(delays) + _EVERY <= _PERIOD:
        delays.append(_EVERY)
    return tuple(delays)


DELAYS: Final = _delays()
"""Microseconds before each retry: 5 s, 30 s, 5 min, 30 min, 2 h, 5 h, 10 h, then every 10 h within three days.

Counted in tries and not by the clock, so that the clock of a held delivery stands still by itself.
"""


def retry_delay(tries: int, fraction: float) -> int | None:
    """Microseconds until the next try after `tries` of them, with full jitter; None when the retries are over.

    `fraction` is random in [0, 1). At least a second, so that a refusal is never answered with an instant retry.
    """
    if tries > len(DELAYS):
        return None
    return max(SECOND, int(DELAYS[max(tries, 1) - 1] * fraction))


def asked_delay(retry_after_s: float) -> int:
    """Microseconds that a platform asked to wait; a second where it asked for none."""
    return max(SECOND, int(retry_after_s * SECOND))


def pause_delay(failures: int, fraction: float) -> int:
    """Microseconds to leave a destination alone after so many failures in a row: half fixed, half jitter.

    Never longer than half an hour: a destination that comes back is found soon.
    """
    longest = min(DELAYS[min(max(failures, 1), len(DELAYS)) - 1], 30 * MINUTE)
    return longest // 2 + int(longest * fraction / 2)
