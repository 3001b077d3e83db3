"""What leaves says the right instant: from every zone, in both nights in which clocks change, on any machine."""

import calendar
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode
from zoneinfo import ZoneInfo, available_timezones

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from leadtrackr.destinations.contract import Destination
from leadtrackr.destinations.registry import DESTINATIONS
from leadtrackr.kit.clock import from_datetime, iso_millis
from leadtrackr.leads import listing
from tests.destinations.compliance.people import whole
from tests.destinations.facts import FACTS
from tests.destinations.leaves import changed, leaves
from tests.destinations.making import DAY, HOUR, NOON, SETTINGS, TOKENS, event

ALL = pytest.mark.parametrize("destination", DESTINATIONS.values(), ids=list(DESTINATIONS))
SECOND: Final = 1_000_000
ZONES: Final = sorted(available_timezones())


@cache
def nights(zone: str) -> tuple[datetime, ...]:
    """The two or so instants of a year in which the clocks of a zone change, UTC; a plain noon where they never do."""
    place, day, found = ZoneInfo(zone), datetime(2026, 6, 1, tzinfo=UTC), []
    for _ in range(366):
        after = day + timedelta(days=1)
        if place.utcoffset(day.astimezone(place)) != place.utcoffset(after.astimezone(place)):
            found.append(_change(place, day, after))
        day = after
    return tuple(found) or (datetime(2026, 11, 20, 12, tzinfo=UTC),)


def _change(place: ZoneInfo, before: datetime, after: datetime) -> datetime:
    offset = before.astimezone(place).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) / 2
        before, after = (middle, after) if middle.astimezone(place).utcoffset() == offset else (before, middle)
    return after.replace(microsecond=0)


def local_times(zone: str) -> Iterator[datetime]:
    """Wall clock times around each change, those that come twice in both meanings."""
    for change in nights(zone):
        for minutes in (-61, -1, 0, 1, 59, 61):
            yield (change + timedelta(minutes=minutes, microseconds=123_456)).astimezone(ZoneInfo(zone))


def instant(local: datetime) -> int:
    """Microseconds UTC by the calendar alone."""
    return calendar.timegm(local.utctimetuple()) * SECOND + local.microsecond


def read(value: Any) -> tuple[str, int]:
    """A time as it was sent: its unit and the instant, microseconds UTC."""
    if isinstance(value, str) and not value.isdigit():
        moment = datetime.fromisoformat(value)
        assert moment.tzinfo is not None, f"{value} has no zone"
        return "iso", instant(moment)
    number = int(value)
    for unit, size in (("s", SECOND), ("ms", 1000), ("us", 1)):
        if 10**14 < number * size < 10**16:
            return unit, number * size
    raise AssertionError(f"{value} is no time")


def sent_times(destination: Destination, at: int, created_at: int | None = None) -> list[tuple[str, int]]:
    """Every time in the body of an event of that moment: what is different for an event of another one."""
    lead = msgspec.structs.replace(whole(), created_at=at if created_at is None else created_at)
    both = [
        leaves(destination, event(lead, destination.slug, happened_at=happened_at))
        for happened_at in (at + 100 * DAY, at)
    ]
    return [read(value) for value in changed(*both).values()]


@pytest.fixture
def machine_zone() -> Iterator[None]:
    """Puts the machine's zone back."""
    before = os.environ.get("TZ")
    yield
    if before is None:
        os.environ.pop("TZ", None)
    else:
        os.environ["TZ"] = before
    time.tzset()


def test_there_are_all_zones_and_clock_changes_among_them() -> None:
    assert len(ZONES) > 400
    assert sum(len(nights(zone)) == 2 for zone in ZONES) > 100
    assert {"Europe/Berlin", "America/Sao_Paulo", "Asia/Kolkata", "Australia/Lord_Howe"} <= set(ZONES)
    assert [night.isoformat() for night in nights("Europe/Berlin")] == [
        "2026-10-25T01:00:00+00:00",
        "2027-03-28T01:00:00+00:00",
    ]


@ALL
def test_every_zone_in_both_nights(destination: Destination) -> None:
    for zone in ZONES:
        for local in local_times(zone):
            at = from_datetime(local)
            assert at == instant(local)
            found = sent_times(destination, at)
            assert found, "no time leaves"
            for unit, said in found:
                assert unit == (FACTS[destination.slug].time or unit)
                assert said <= at < said + SECOND, (zone, local)


@ALL
@pytest.mark.usefixtures("machine_zone")
def test_the_machines_own_zone_does_not_matter(destination: Destination) -> None:
    one = event(whole(), destination.slug, happened_at=from_datetime(nights("Europe/Berlin")[0]) - 1)
    bodies = set()
    for zone in ZONES:
        os.environ["TZ"] = zone
        time.tzset()
        assert timedelta(seconds=time.localtime(NOON / SECOND).tm_gmtoff) == _noon(zone).utcoffset()
        bodies.add(destination.build([one], SETTINGS[destination.slug], TOKENS[destination.slug]).body)
        assert iso_millis(NOON) == "2026-11-20T12:00:00.000Z"
    assert len(bodies) == 1


def _noon(zone: str) -> datetime:
    return datetime.fromtimestamp(NOON / SECOND, ZoneInfo(zone))


@pytest.mark.parametrize("encode", [urlencode, lambda pairs: urlencode(pairs, safe="+:")], ids=["encoded", "bare plus"])
def test_times_that_programs_ask_with_keep_their_zone(encode: Any) -> None:
    """Over the query, with an offset as each zone has it then, its plus sign escaped or not."""
    for zone in ZONES:
        for local in local_times(zone):
            query = dict(parse_qsl(encode({"createdAt[gte]": local.isoformat()})))
            assert listing.read(query, None).created_from == instant(local), (zone, local)


@given(
    st.datetimes(datetime(1975, 1, 2), datetime(2200, 1, 1)),  # noqa: DTZ001 - given their zone below
    st.integers(-14 * 60, 14 * 60),
)
@example(datetime(2026, 10, 25, 2, 30), -180)  # noqa: DTZ001
def test_any_offset_is_the_same_instant(naive: datetime, minutes: int) -> None:
    local = naive.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    assert listing.read({"createdAt[gte]": local.isoformat()}, None).created_from == instant(local)


@ALL
@given(after=st.integers(-400 * DAY, 80 * DAY), fraction=st.integers(0, SECOND - 1))
def test_nothing_leaves_with_a_time_before_its_lead(destination: Destination, after: int, fraction: int) -> None:
    """A lead is later than its click. Platforms count whole seconds, so its own second is the earliest."""
    created_at = NOON + fraction
    for _, said in sent_times(destination, created_at + after, created_at):
        assert created_at - created_at % SECOND <= said <= max(created_at, created_at + after)


@ALL
@given(after=st.integers(0, 60 * DAY))
def test_no_window_is_open_before_the_event_or_without_end(destination: Destination, after: int) -> None:
    lead = whole()
    one = event(lead, destination.slug, happened_at=lead.created_at + after)
    window = destination.window(one, SETTINGS[destination.slug])
    assert lead.created_at <= window.opens_at < window.closes_at
    assert window.closes_at - one.happened_at <= 400 * DAY
    assert window.opens_at - lead.created_at <= 2 * DAY
    assert window.closes_at - max(window.opens_at, one.happened_at) >= HOUR
