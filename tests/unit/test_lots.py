"""Which deliveries share a lease: rules of pure functions."""

from hypothesis import given
from hypothesis import strategies as st

from leadtrackr.conversions.lots import DEATHS, SMALL_LOT, Candidate, choose, requests, within

candidates = st.lists(
    st.builds(
        Candidate,
        id=st.integers(1, 10_000),
        closes_at=st.integers(0, 50),
        action=st.sampled_from("abc"),
        deaths=st.integers(0, DEATHS),
    ),
    max_size=80,
    unique_by=lambda one: one.id,
)


@given(candidates, st.integers(1, 100))
def test_the_first_to_close_is_always_chosen(found: list[Candidate], most: int) -> None:
    lot = choose(found, most)
    assert bool(lot) == bool(found)
    if lot:
        assert lot[0] == min(found, key=lambda one: (one.closes_at, one.id))
    assert lot == sorted(lot, key=lambda one: (one.closes_at, one.id))
    assert len(lot) <= most


@given(candidates)
def test_what_may_kill_a_worker_shares_its_lot_with_few_and_then_with_none(found: list[Candidate]) -> None:
    lot = choose(found, 1000)
    worst = max((one.deaths for one in lot), default=0)
    assert len(lot) <= {0: 1000, 1: SMALL_LOT}.get(worst, 1)
    if lot and worst == 1:
        assert {one.deaths for one in lot} == {1}


@given(candidates, st.integers(1, 7), st.integers(0, 12))
def test_what_is_left_of_a_lot_needs_no_more_requests_than_granted(
    found: list[Candidate], batch_events: int, granted: int
) -> None:
    lot = choose(found, 1000)
    kept = within(lot, batch_events, granted)
    assert requests(kept, batch_events) <= granted
    assert kept == [one for one in lot if one in kept]
    if requests(lot, batch_events) <= granted:
        assert kept == lot
    elif granted:
        assert requests(kept, batch_events) == granted, "what is granted is used"


def test_a_request_holds_one_action() -> None:
    lot = [Candidate(n, n, action, 0) for n, action in enumerate("aabab")]
    assert requests(lot, 2) == 3
    assert requests(lot, 100) == 2
    assert [one.id for one in within(lot, 2, 1)] == [0, 1]
    assert [one.id for one in within(lot, 100, 1)] == [0, 1, 3]
    assert within(lot, 100, 0) == []
