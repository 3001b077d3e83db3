"""The rule of the limits: never more than the limit in any window, nine tenths of it used, for any arrivals."""

import re
import sqlite3
from collections import Counter
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.schema import CreateTable

from leadtrackr.conversions import rates
from leadtrackr.conversions.rates import PERIODS, Grant, Rate, forget, give_back, key_of, rates_of, take
from leadtrackr.db.sqlite import SqliteTx
from leadtrackr.db.statement import DIALECTS
from leadtrackr.db.tables import rate_buckets
from leadtrackr.destinations.contract import RATE_FIELDS, Field, Limits
from leadtrackr.destinations.registry import DESTINATIONS
from leadtrackr.kit.clock import DAY, SECOND, ManualClock
from tests.destinations.making import SETTINGS
from tests.support.engine import START
from tests.support.windows import most_in_a_window

KEY = "a key"
TIGHT = (Rate(3, 1), Rate(40, 60), Rate(500, 86_400))


def empty() -> SqliteTx:
    """A transaction on a database in memory that has the table and no row."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute(str(CreateTable(rate_buckets).compile(dialect=DIALECTS["sqlite"])))
    return SqliteTx(connection, ManualClock(START))


def assert_kept(limits: Iterable[Rate], made: Counter[int]) -> None:
    """No window of a period and the time on the way holds more than the limit."""
    for rate in limits:
        window = rate.period_s * SECOND + rate.period_s * SECOND // 20
        assert most_in_a_window(made, window) <= rate.requests, rate


each = st.builds(Rate, st.integers(1, 400), st.sampled_from([1, 60, 86_400]))
several = st.lists(each, min_size=1, max_size=3, unique_by=lambda rate: rate.period_s).map(tuple)
steps = st.lists(
    st.tuples(
        st.sampled_from(["now", "at the said time", "a bit later", "much later", "a period later"]),
        st.integers(0, 10**6),
        st.integers(1, 60),
        st.booleans(),
    ),
    max_size=150,
)


@settings(deadline=None)
@given(limits=several, arrivals=steps)
def test_no_window_ever_holds_more_than_the_limit(
    limits: tuple[Rate, ...], arrivals: list[tuple[str, int, int, bool]]
) -> None:
    """Several takers, some of whom give back what they took a while before."""
    tx, now, wait, made = empty(), START, 0, Counter[int]()
    kept: list[tuple[int, int, int]] = []
    for pause, share, want, returns in arrivals:
        period = limits[share % len(limits)].period_s * SECOND
        now += {
            "now": 0,
            "at the said time": wait,
            "a bit later": wait + share * period // 10**8,
            "much later": share * period // 10**6,
            "a period later": period,
        }[pause]
        grant = take(tx, KEY, limits, want, now)
        wait = grant.wait_us
        assert 0 <= grant.requests <= want
        if returns and grant.requests:
            kept.append((now, grant.requests, 1 + share % grant.requests))
        else:
            made[now] += grant.requests
        if kept and share % 3 == 0:
            granted_at, requests, unused = kept.pop(0)
            made[granted_at] += requests - unused
            give_back(tx, KEY, limits, unused, granted_at, now)
    assert_kept(limits, made)


@settings(deadline=None, max_examples=60)
@given(
    rate=st.builds(Rate, st.integers(1, 80), st.sampled_from([1, 60, 86_400])),
    takers=st.lists(st.tuples(st.integers(1, 9), st.integers(0, 100)), min_size=1, max_size=6),
)
def test_nine_tenths_are_used_by_takers_who_come_when_they_are_told(rate: Rate, takers: list[tuple[int, int]]) -> None:
    """They come a little late: by up to half of what may be made up for."""
    tx, made, periods = empty(), Counter[int](), 20
    period = rate.period_s * SECOND
    due = dict.fromkeys(range(len(takers)), START)
    while (now := min(due.values())) < START + periods * period:
        taker = min(due, key=lambda one: due[one])
        want, late = takers[taker]
        grant = take(tx, KEY, (rate,), want, now)
        made[now] += grant.requests
        due[taker] = now + grant.wait_us + (0 if grant.requests else late * rate.tolerance_us // 200) + 1
    assert_kept((rate,), made)
    assert made.total() >= 0.9 * rate.requests * periods


@given(st.sampled_from(RATE_FIELDS), st.data())
def test_nine_tenths_can_be_used_of_every_number_that_a_setting_takes(field: Field, data: st.DataObject) -> None:
    requests = int(data.draw(st.from_regex(field.pattern or "", fullmatch=True).filter(str.isascii)))
    rate = Rate(requests, PERIODS[field.name])
    assert rate.period_s * SECOND / rate.interval_us >= 0.9 * requests


def test_the_table_in_the_docstring_is_right() -> None:
    rows = re.findall(r"^\| ([\d,]+) a (\w+) \| (.+) \|$", rates.__doc__ or "", re.MULTILINE)
    assert len(rows) == 6
    for requests, period, said in rows:
        rate = Rate(int(requests.replace(",", "")), PERIODS[f"requests_per_{period}"])
        used = rate.period_s * SECOND / rate.interval_us
        expected = (
            f"{rate.free(0):,}",
            f"{rate.interval_us / SECOND:.6g} s",
            f"{used:,.1f} a {period}",
            f"{rate.period_s / 20:.6g} s",
        )
        assert tuple(said.split(" | ")) == expected


def test_the_tightest_limit_decides_and_says_when_to_come_again() -> None:
    tx = empty()
    first = take(tx, KEY, TIGHT, 10, START)
    assert first == Grant(1, Rate(3, 1).interval_us - 50_000)
    assert take(tx, KEY, TIGHT, 10, START + first.wait_us - 1) == Grant(0, 1)
    assert take(tx, KEY, TIGHT, 10, START + first.wait_us).requests == 1


def test_a_grant_that_leaves_something_need_not_wait() -> None:
    assert take(empty(), KEY, (Rate(1000, 86_400),), 45, START) == Grant(45, 0)
    assert take(empty(), KEY, (Rate(1000, 86_400),), 46, START).wait_us > 0


def test_without_limits_everything_is_granted_and_nothing_is_kept() -> None:
    tx = empty()
    assert take(tx, KEY, (), 7, START) == Grant(7, 0)
    assert take(tx, KEY, TIGHT, 0, START) == Grant(0, 0)
    assert forget(tx, START + 3 * DAY) == 0


def test_what_was_not_used_is_there_for_others_as_far_as_time_has_not_brought_it_back() -> None:
    rate = Rate(1000, 86_400)
    tx = empty()
    assert take(tx, KEY, (rate,), 100, START).requests == 46
    give_back(tx, KEY, (rate,), 40, START, START)
    assert take(tx, KEY, (rate,), 100, START).requests == 40
    late = START + 46 * rate.interval_us
    assert take(tx, KEY, (rate,), 100, late).requests == 46
    give_back(tx, KEY, (rate,), 40, START, late)
    assert take(tx, KEY, (rate,), 100, late).requests == 0


def test_what_stood_still_for_its_period_is_forgotten() -> None:
    tx = empty()
    take(tx, KEY, TIGHT, 1, START)
    assert forget(tx, START + SECOND) == 0
    assert forget(tx, START + 2 * SECOND) == 1
    assert forget(tx, START + 62 * SECOND) == 1
    assert forget(tx, START + DAY) == 0
    assert forget(tx, START + DAY + 200 * SECOND) == 1


def test_a_clock_that_was_ahead_stops_nobody_for_long() -> None:
    tx = empty()
    take(tx, KEY, TIGHT, 1, START + 365 * DAY)
    assert take(tx, KEY, TIGHT, 1, START).requests == 0
    assert forget(tx, START) == 3
    assert take(tx, KEY, TIGHT, 1, START).requests == 1


def test_a_setting_goes_before_the_destinations_limit() -> None:
    limits = Limits(batch_events=1, batch_bytes=1, requests_per_minute=300, requests_per_day=100_000)
    assert rates_of(limits, {}) == (Rate(300, 60), Rate(100_000, 86_400))
    assert rates_of(limits, {"requests_per_day": "7", "requests_per_second": "2"}) == (
        Rate(2, 1),
        Rate(300, 60),
        Rate(7, 86_400),
    )
    assert rates_of(Limits(batch_events=1, batch_bytes=1), {}) == ()


@pytest.mark.parametrize("slug", DESTINATIONS)
def test_a_key_tells_nothing_and_outlives_a_new_secret(slug: str) -> None:
    destination, own = DESTINATIONS[slug], SETTINGS[slug]
    key = key_of(destination, own)
    assert re.fullmatch(r"[0-9a-f]{64}", key)
    renewed = {name: f"new {value}" if "hush" in value else value for name, value in own.items()}
    assert renewed != own
    assert key_of(destination, renewed) == key
    another = {
        name: value.replace("//", "//other.") if "//" in value else f"other-{value}" for name, value in own.items()
    }
    other = {name: value if "hush" in value else another[name] for name, value in own.items()}
    assert key_of(destination, other) != key
