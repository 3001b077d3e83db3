"""When to try again."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from leadtrackr.conversions.schedule import DELAYS, asked_delay, pause_delay, retry_delay
from leadtrackr.kit.clock import HOUR, MINUTE, SECOND

_fractions = st.floats(0, 1, exclude_max=True)


def test_the_schedule_is_the_documented_one() -> None:
    assert DELAYS == (5 * SECOND, 30 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR)


@given(st.integers(1, len(DELAYS)), _fractions)
def test_full_jitter_between_a_second_and_the_whole_delay(tries: int, fraction: float) -> None:
    delay = retry_delay(tries, fraction)
    assert SECOND <= delay <= DELAYS[tries - 1]
    assert delay == max(SECOND, int(DELAYS[tries - 1] * fraction))


@given(st.integers(len(DELAYS), 1000), _fractions)
def test_the_last_delay_is_repeated(tries: int, fraction: float) -> None:
    assert retry_delay(tries, fraction) == max(SECOND, int(10 * HOUR * fraction))


@given(st.integers(0, 100), _fractions)
def test_a_pause_is_never_longer_than_half_an_hour_nor_shorter_than_half_its_step(
    failures: int, fraction: float
) -> None:
    longest = min(DELAYS[min(max(failures, 1), len(DELAYS)) - 1], HOUR // 2)
    assert longest // 2 <= pause_delay(failures, fraction) <= longest


@given(st.integers(0, 100))
def test_a_pause_spreads_over_half_of_its_step(failures: int) -> None:
    tenths = [pause_delay(failures, n / 10) for n in range(10)]
    assert all(earlier < later for earlier, later in pairwise(tenths))
    assert tenths[-1] >= 1.8 * tenths[0]


@given(st.floats(0, 86_400))
def test_a_platform_gets_the_pause_that_it_asks_for_and_at_least_a_second(seconds: float) -> None:
    assert asked_delay(seconds) == max(SECOND, int(seconds * SECOND))
