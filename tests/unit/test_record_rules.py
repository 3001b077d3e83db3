"""Where each outcome takes a delivery: every kind, for the event alone and for the destination as a whole."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from leadtrackr.conversions.model import TRANSITIONS, UNSETTLED, State
from leadtrackr.conversions.record import Move, move_of
from leadtrackr.conversions.schedule import DELAYS
from leadtrackr.destinations.contract import Kind, Outcome, Scope
from leadtrackr.kit.clock import DAY, HOUR, SECOND
from tests.support.engine import result
from tests.unit.test_sender import delivery

NOW = 10 * DAY
FAR = 1000 * DAY
SHOWN = NOW - 4 * DAY
"""What the connection's clock shows: it stood still for four days."""


def outcome(kind: Kind, scope: Scope = Scope.EVENT, retry_after_s: float | None = None) -> Outcome:
    return Outcome(
        kind=kind,
        code="code",
        detail="words",
        scope=scope,
        retry_after_s=retry_after_s,
        hold="credentials" if kind == Kind.HOLD else None,
    )


def full_move(
    said: Outcome,
    *,
    tries: int = 0,
    closes_at: int = FAR,
    paused_until: int | None = None,
    retry_until: int | None = None,
    retry_days: int = 3,
) -> Move:
    return move_of(
        result(replace(delivery(1), tries=tries, closes_at=closes_at, retry_until=retry_until), said),
        now=NOW,
        paused_until=paused_until,
        fraction=0.5,
        shown=SHOWN,
        retry_days=retry_days,
    )


def move(said: Outcome, *, tries: int = 0, closes_at: int = FAR, paused_until: int | None = None) -> tuple[object, ...]:
    found = full_move(said, tries=tries, closes_at=closes_at, paused_until=paused_until)
    return found.state, found.code, found.run_at, found.more_tries


@pytest.mark.parametrize("scope", list(Scope))
@pytest.mark.parametrize("kind", [Kind.ACCEPTED, Kind.CONFIRMED, Kind.REJECTED])
def test_a_final_word_settles_whatever_its_scope(kind: Kind, scope: Scope) -> None:
    assert move(outcome(kind, scope)) == (State(kind.value), "code", NOW, 1)


@pytest.mark.parametrize("scope", list(Scope))
def test_a_hold_holds_and_burns_no_try(scope: Scope) -> None:
    assert move(outcome(Kind.HOLD, scope)) == (State.HELD, "code", NOW, 0)


@pytest.mark.parametrize("kind", [Kind.RETRY, Kind.UNKNOWN])
def test_an_event_that_is_to_be_tried_again_burns_a_try_and_waits_by_the_schedule(kind: Kind) -> None:
    for tries, delay in enumerate([*DELAYS, *DELAYS[-1:] * 20]):
        assert move(outcome(kind), tries=tries) == (State.WAITING, "code", NOW + delay // 2, 1)


@pytest.mark.parametrize("kind", [Kind.RETRY, Kind.UNKNOWN])
@pytest.mark.parametrize("days", [1, 3, 30])
def test_the_first_failure_says_when_the_tries_end(kind: Kind, days: int) -> None:
    """By the connection's clock, which may have stood still for long."""
    assert full_move(outcome(kind), retry_days=days).retry_until == SHOWN + days * DAY


@pytest.mark.parametrize("scope", list(Scope))
@pytest.mark.parametrize("kind", list(Kind))
def test_what_fails_alike_goes_alike_whenever_it_failed_first(kind: Kind, scope: Scope) -> None:
    """So that a batch is written in one statement for all that came of it."""
    moves = {full_move(outcome(kind, scope), retry_until=until) for until in (None, SHOWN + DAY, SHOWN + 2 * DAY)}
    assert len(moves) == 1


@pytest.mark.parametrize("kind", [Kind.RETRY, Kind.UNKNOWN])
@pytest.mark.parametrize("tries", [1, 7, 100])
def test_tries_are_over_when_the_next_one_would_come_after_their_end(kind: Kind, tries: int) -> None:
    """Whatever their number."""
    delay = DELAYS[min(tries, len(DELAYS) - 1)] // 2
    said, ends = outcome(kind), SHOWN + delay
    assert full_move(said, tries=tries, retry_until=ends).state == State.WAITING
    over = full_move(said, tries=tries, retry_until=ends - 1)
    assert (over.state, over.code, over.run_at, over.more_tries) == (State.EXPIRED, "retries_over", NOW, 1)


@given(
    st.sampled_from([Kind.RETRY, Kind.UNKNOWN]),
    st.integers(0, 50),
    st.none() | st.integers(SHOWN - DAY, FAR),
    st.integers(1, 30),
    st.none() | st.floats(0, 10 * 86_400),
    st.integers(NOW + 1, FAR),
)
def test_a_try_comes_neither_after_the_end_of_tries_nor_of_the_window(
    kind: Kind, tries: int, retry_until: int | None, days: int, asked_s: float | None, closes_at: int
) -> None:
    said = outcome(kind, retry_after_s=asked_s)
    found = full_move(said, tries=tries, retry_until=retry_until, retry_days=days, closes_at=closes_at)
    longest = DELAYS[min(tries, len(DELAYS) - 1)] if asked_s is None else max(SECOND, int(asked_s * SECOND))
    left = (SHOWN + days * DAY if retry_until is None else retry_until) - SHOWN
    if found.state == State.WAITING:
        assert SECOND <= found.run_at - NOW <= min(left, longest)
        assert found.run_at < closes_at
    elif found.code == "retries_over":
        assert left < longest
    else:
        assert (found.code, closes_at <= NOW + longest) == ("window_closed", True)


@pytest.mark.parametrize("kind", [Kind.RETRY, Kind.UNKNOWN])
def test_a_failing_destination_burns_no_try_and_waits_for_its_pause(kind: Kind) -> None:
    whole = outcome(kind, Scope.DESTINATION)
    late = full_move(whole, tries=99, paused_until=NOW + 77, retry_until=SHOWN)
    assert (late.state, late.retry_until) == (State.WAITING, None), "it neither begins the time for tries nor ends it"
    assert move(whole, tries=99, paused_until=NOW + 77) == (State.WAITING, "code", NOW + 77, 0)
    assert move(whole, tries=99) == (State.WAITING, "code", NOW, 0), "held meanwhile: no pause of its own"


@pytest.mark.parametrize("kind", [Kind.RETRY, Kind.UNKNOWN])
def test_there_is_no_try_at_or_after_the_end_of_the_window(kind: Kind) -> None:
    said = outcome(kind, Scope.EVENT, 3600)
    until = NOW + HOUR
    assert move(said, closes_at=until)[:2] == (State.EXPIRED, "window_closed")
    assert move(said, closes_at=until + 1)[0] == State.WAITING


@pytest.mark.parametrize("kind", [Kind.RETRY, Kind.UNKNOWN])
def test_a_pause_longer_than_the_window_waits_since_a_person_may_end_it(kind: Kind) -> None:
    said = outcome(kind, Scope.DESTINATION, 3600)
    assert move(said, closes_at=NOW + HOUR, paused_until=NOW + HOUR)[:3] == (State.WAITING, "code", NOW + HOUR)


def test_retry_after_decides_the_time_and_never_an_instant() -> None:
    assert move(outcome(Kind.RETRY, retry_after_s=1.5))[2] == NOW + 1_500_000
    assert move(outcome(Kind.RETRY, retry_after_s=0))[2] == NOW + SECOND
    assert full_move(outcome(Kind.RETRY, retry_after_s=21_600), retry_until=SHOWN + HOUR).state == State.EXPIRED


def test_the_last_words_are_kept_when_retries_end() -> None:
    assert full_move(outcome(Kind.RETRY), retry_until=SHOWN).detail == "code: words"


@given(
    st.sampled_from(list(Kind)),
    st.sampled_from(list(Scope)),
    st.integers(0, 20),
    st.integers(NOW - DAY, NOW + 30 * DAY),
    st.none() | st.integers(NOW, NOW + DAY),
    st.none() | st.floats(0, 86_400),
)
def test_every_outcome_takes_a_way_that_is_drawn(
    kind: Kind, scope: Scope, tries: int, closes_at: int, paused_until: int | None, retry_after_s: float | None
) -> None:
    state, _, run_at, more = move(
        outcome(kind, scope, retry_after_s), tries=tries, closes_at=closes_at, paused_until=paused_until
    )
    assert state in TRANSITIONS[State.SENDING]
    assert isinstance(run_at, int)
    if state == State.WAITING:
        assert run_at >= NOW
        assert scope == Scope.DESTINATION or run_at < closes_at
    if state not in UNSETTLED:
        assert run_at == NOW
    assert more == (
        0 if kind == Kind.HOLD or (scope == Scope.DESTINATION and kind in (Kind.RETRY, Kind.UNKNOWN)) else 1
    )


def test_only_a_later_answer_and_a_person_lead_out_of_a_settled_state() -> None:
    assert set(TRANSITIONS) == set(State)
    assert {state for state, ways in TRANSITIONS.items() if not ways} == {State.CONFIRMED, State.SKIPPED}
    by_a_person = {State.REJECTED, State.EXPIRED, State.CANCELLED}
    assert all(TRANSITIONS[state] == {State.WAITING} for state in by_a_person)
    assert State.QUEUED not in TRANSITIONS[State.ACCEPTED]
