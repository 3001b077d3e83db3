"""When to try again. Pure."""

from typing import Final

from leadtrackr.kit.clock import HOUR, MINUTE, SECOND

DELAYS: Final = (5 * SECOND, 30 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR)
"""Microseconds before each retry, at most; the last one again and again until the time for tries is over."""


def retry_delay(tries: int, fraction: float) -> int:
    """Microseconds until the next try after `tries` of them, with full jitter.

    `fraction` is random in [0, 1). At least a second, so that a refusal is never answered with an instant retry.
    """
    return max(SECOND, int(_longest(tries) * fraction))


def asked_delay(retry_after_s: float) -> int:
    """Microseconds that a platform asked to wait; a second where it asked for none."""
    return max(SECOND, int(retry_after_s * SECOND))


def pause_delay(failures: int, fraction: float) -> int:
    """Microseconds to leave a destination alone after so many failures in a row: half fixed, half jitter.

    Never longer than half an hour: a destination that comes back is found soon.
    """
    longest = min(_longest(failures), 30 * MINUTE)
    return longest // 2 + int(longest * fraction / 2)


def _longest(times: int) -> int:
    return DELAYS[min(max(times, 1), len(DELAYS)) - 1]
