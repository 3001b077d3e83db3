"""What a status change does to what was before it, for any past."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadtrackr.conversions.model import DELIVERED, UNSETTLED, ConnectionState, DeliveryKind, State
from leadtrackr.conversions.planning import Connected
from leadtrackr.conversions.take_back import STOPPABLE, Change, Earlier, Undone, plan, wanted
from leadtrackr.destinations.contract import LeadData
from leadtrackr.destinations.registry import DESTINATIONS
from leadtrackr.kit.clock import DAY, HOUR
from tests.destinations.making import public

NOW = 1_795_435_200_000_000
NUMBERS = {slug: number for number, slug in enumerate(DESTINATIONS, start=1)}
SETTINGS = {slug: public(slug) for slug in DESTINATIONS}
SETTINGS["google_ads"]["retract_as_zero"] = "yes"
ACCOUNTS = {slug: DESTINATIONS[slug].account(SETTINGS[slug]) for slug in DESTINATIONS}
CONVERSION, RESTATEMENT, RETRACTION = DeliveryKind.CONVERSION, DeliveryKind.RESTATEMENT, DeliveryKind.RETRACTION
STANDS = UNSETTLED | DELIVERED


def lead(**changes: Any) -> LeadData:
    return LeadData(**{"lead_id": 42, "created_at": NOW - DAY, "ids": {"gclid": "Cj0"}, **changes})


def earlier(number: int, state: State, slug: str = "google_ads", label: int = 1, **changes: Any) -> Earlier:
    values: dict[str, Any] = {
        "id": number,
        "label_id": label,
        "connection_id": NUMBERS[slug],
        "destination": slug,
        "account": ACCOUNTS[slug],
        "action": "987654321",
        "event_id": f"lt-{number}",
        "kind": CONVERSION,
        "takes_back": None,
        "happened_at": NOW - HOUR,
        "value_cents": 5000,
        "currency": "EUR",
        "state": state,
        "code": None,
        "behind": None,
        "passed": True,
        "asks": True,
    }
    return Earlier(**{**values, **changes})


def back(number: int, of: int, state: State, kind: DeliveryKind = RETRACTION, **changes: Any) -> Earlier:
    return earlier(number, state, kind=kind, takes_back=of, **changes)


def undo(
    *past: Earlier,
    path: tuple[int, ...] = (),
    price: int | None = 5000,
    unsure: tuple[int, ...] = (),
    of: LeadData | None = None,
    **changes: Any,
) -> Undone:
    change = Change(lead=of or lead(), path=path, price=price, currency="EUR", now=NOW)
    state: dict[str, Any] = {
        "state": ConnectionState.ACTIVE,
        "hold_code": None,
        "paused_until": None,
        "pause_code": None,
    }
    connected = {
        number: Connected(
            **{"connection_id": number, "destination": slug, "settings": SETTINGS[slug], **state, **changes}
        )
        for slug, number in NUMBERS.items()
    }
    fresh = [f"lt-new-{number}" for number in wanted(change, past)]
    return plan(change, past, connected, unsure, DESTINATIONS, fresh)


@pytest.mark.parametrize("state", sorted(DELIVERED))
def test_what_the_platform_has_is_taken_back_under_its_own_id_time_account_and_action(state: State) -> None:
    (made,) = undo(earlier(1, state)).deliveries
    assert (made.kind, made.takes_back, made.sent_as, made.event_id) == (RETRACTION, 1, "lt-1", "lt-new-1")
    assert (made.happened_at, made.account, made.action) == (NOW - HOUR, ACCOUNTS["google_ads"], "987654321")
    assert (made.value_cents, made.currency, made.state, made.label_id) == (0, "EUR", State.QUEUED, 1)
    assert made.closes_at == NOW - DAY + 90 * DAY


@pytest.mark.parametrize("state", sorted(STOPPABLE))
def test_what_was_not_sent_is_cancelled(state: State) -> None:
    undone = undo(earlier(1, state))
    assert (undone.deliveries, undone.cancelled, undone.priors) == ((), {1: "taken_back"}, ())


def test_what_is_being_sent_is_taken_back_behind_it() -> None:
    undone = undo(earlier(1, State.SENDING, passed=False))
    assert [(made.kind, made.behind, made.passed) for made in undone.deliveries] == [(RETRACTION, 1, False)]
    assert undone.cancelled == {}


@pytest.mark.parametrize("state", [State.REJECTED, State.EXPIRED, State.CANCELLED, State.SKIPPED])
def test_what_never_arrived_is_left_alone(state: State) -> None:
    undone = undo(earlier(1, state))
    assert (undone.deliveries, undone.cancelled) == ((), {})


def test_what_may_have_arrived_is_not_just_forgotten() -> None:
    able = undo(earlier(1, State.WAITING), unsure=(1,))
    assert [(made.behind, made.kind, made.passed) for made in able.deliveries] == [(1, RETRACTION, True)]
    assert able.cancelled == {}
    unable = undo(earlier(1, State.WAITING, "meta"), unsure=(1,))
    assert (unable.deliveries, unable.cancelled) == ((), {1: "taken_back_unsure"})


def test_only_what_asks_and_is_not_on_the_path() -> None:
    past = (earlier(1, State.ACCEPTED), earlier(2, State.ACCEPTED, label=2), earlier(3, State.ACCEPTED, asks=False))
    assert [made.takes_back for made in undo(*past, path=(1, 4)).deliveries] == [2]
    assert [made.takes_back for made in undo(*past, path=(4,)).deliveries] == [1, 2]


@pytest.mark.parametrize(
    ("slug", "changes", "value", "code"),
    [
        ("ga4", {}, 5000, "cannot_take_back"),
        ("meta", {}, 5000, "cannot_take_back"),
        ("google_ads", {"settings": {**SETTINGS["google_ads"], "retract_as_zero": "no"}}, 5000, "take_back_off"),
        ("google_ads", {}, None, "no_value_to_take_back"),
        ("google_ads", {}, 0, "no_value_to_take_back"),
    ],
)
def test_what_cannot_be_taken_back_says_why_and_says_it_once(
    slug: str, changes: dict[str, Any], value: int | None, code: str
) -> None:
    past = earlier(1, State.ACCEPTED, slug, value_cents=value)
    (made,) = undo(past, **changes).deliveries
    assert (made.state, made.code, made.passed) == (State.SKIPPED, code, True)
    can = DESTINATIONS[slug].take_back
    assert can is not None
    assert made.detail == can.sentence
    said = back(2, 1, State.SKIPPED, slug=slug, code=code)
    assert undo(past, said, **changes).deliveries == ()
    assert [prior.counts for prior in undo(past, said, **changes).priors] == [True, False]


@pytest.mark.parametrize("state", sorted(STANDS))
def test_what_was_taken_back_is_not_taken_back_twice_and_counts_no_more(state: State) -> None:
    undone = undo(earlier(1, State.ACCEPTED), back(2, 1, state))
    assert undone.deliveries == ()
    assert [prior.counts for prior in undone.priors] == [False, False]


@pytest.mark.parametrize("state", [State.REJECTED, State.EXPIRED, State.CANCELLED])
def test_a_take_back_that_failed_is_tried_again_by_the_next_change(state: State) -> None:
    undone = undo(earlier(1, State.ACCEPTED), back(2, 1, state))
    assert [(made.takes_back, made.sent_as) for made in undone.deliveries] == [(1, "lt-1")]


def test_another_price_restates_the_newest_conversion_and_makes_no_second_one() -> None:
    past = (earlier(1, State.ACCEPTED), earlier(2, State.ACCEPTED))
    undone = undo(*past, path=(1,), price=8000)
    assert [(made.kind, made.takes_back, made.value_cents, made.sent_as) for made in undone.deliveries] == [
        (RESTATEMENT, 2, 8000, "lt-2")
    ]
    assert undone.restated == {(1, NUMBERS["google_ads"])}


@pytest.mark.parametrize("price", [5000, None])
def test_the_same_price_or_none_restates_nothing(price: int | None) -> None:
    undone = undo(earlier(1, State.ACCEPTED), path=(1,), price=price)
    assert (undone.deliveries, undone.restated) == ((), frozenset())


def test_the_last_restatement_says_the_value() -> None:
    past = (earlier(1, State.ACCEPTED), back(2, 1, State.WAITING, RESTATEMENT, value_cents=8000))
    assert undo(*past, path=(1,), price=8000).deliveries == ()
    (again,) = undo(*past, path=(1,), price=5000).deliveries
    assert (again.kind, again.value_cents, again.behind) == (RESTATEMENT, 5000, 2)
    failed = (past[0], back(2, 1, State.REJECTED, RESTATEMENT, value_cents=8000))
    assert len(undo(*failed, path=(1,), price=8000).deliveries) == 1


def test_a_platform_that_cannot_restate_says_so_and_gets_no_second_conversion() -> None:
    undone = undo(earlier(1, State.ACCEPTED, "meta"), path=(1,), price=8000)
    assert [(made.kind, made.state, made.code) for made in undone.deliveries] == [
        (RESTATEMENT, State.SKIPPED, "cannot_restate")
    ]
    assert undone.restated == {(1, NUMBERS["meta"])}


def test_another_price_before_it_was_sent_cancels_it_and_it_is_made_anew() -> None:
    undone = undo(earlier(1, State.WAITING), path=(1,), price=8000)
    assert (undone.cancelled, undone.deliveries, undone.restated) == ({1: "taken_back"}, (), frozenset())


def test_a_new_price_is_not_for_another_account() -> None:
    past = earlier(1, State.ACCEPTED, account="1111111111")
    assert undo(past, path=(1,), price=8000) == undo(past, path=(1,))
    (made,) = undo(past).deliveries
    assert made.account == "1111111111", "what is taken back is with the old account"


def test_a_window_that_has_closed_and_a_connection_that_is_held() -> None:
    (late,) = undo(earlier(1, State.ACCEPTED), of=lead(created_at=NOW - 91 * DAY)).deliveries
    assert (late.state, late.code) == (State.EXPIRED, "window_closed")
    (held,) = undo(earlier(1, State.ACCEPTED), state=ConnectionState.HELD, hold_code="invalid_grant").deliveries
    assert (held.state, held.code) == (State.HELD, "invalid_grant")


def test_a_line_closes_up() -> None:
    past = (
        earlier(1, State.WAITING, label=2, asks=False),
        earlier(2, State.QUEUED, behind=1),
        earlier(3, State.QUEUED, behind=2),
        earlier(4, State.QUEUED, label=2, asks=False, behind=3),
    )
    undone = undo(*past)
    assert (set(undone.cancelled), undone.behind) == ({2, 3}, {4: 1})
    head = undo(msgspec.structs.replace(past[1], behind=None), msgspec.structs.replace(past[3], behind=2))
    assert head.behind == {4: None}
    assert [prior.stuck for prior in head.priors] == [False]


_past = st.lists(
    st.tuples(
        st.sampled_from(list(State)),
        st.sampled_from(list(DESTINATIONS)),
        st.integers(1, 3),
        st.booleans(),
        st.sampled_from([CONVERSION, CONVERSION, RESTATEMENT, RETRACTION]),
        st.integers(0, 5),
        st.sampled_from([None, 0, 5000, 8000]),
    ),
    max_size=8,
)


@st.composite
def _pasts(draw: st.DrawFn) -> list[Earlier]:
    """Lines in order, take-backs of earlier conversions of the same place."""
    found: list[Earlier] = []
    for number, (state, slug, label, asks, kind, of, value) in enumerate(draw(_past), start=1):
        conversions = [one for one in found if one.kind == CONVERSION]
        first = conversions[of % len(conversions)] if conversions and kind != CONVERSION else None
        place = first or earlier(number, state, slug, label, asks=asks)
        line = [one.id for one in found if one.connection_id == place.connection_id and one.state in UNSETTLED]
        found.append(
            msgspec.structs.replace(
                place,
                id=number,
                event_id=f"lt-{number}",
                state=state,
                kind=kind if first else CONVERSION,
                takes_back=first.id if first else None,
                value_cents=value,
                currency=None if value is None else "EUR",
                behind=line[-1] if line and state in UNSETTLED else None,
            )
        )
    return found


@given(_pasts(), st.sampled_from([(), (1,), (1, 2), (3,)]), st.sampled_from([None, 5000, 9000]))
@settings(max_examples=300, deadline=None)
def test_any_past(past: list[Earlier], path: tuple[int, ...], price: int | None) -> None:
    undone = undo(*past, path=path, price=price)
    by_id = {one.id: one for one in past}
    for number in undone.cancelled:
        assert by_id[number].state in STOPPABLE
        assert by_id[number].kind == CONVERSION
    for made in undone.deliveries:
        first = by_id[made.takes_back or 0]
        assert first.kind == CONVERSION
        assert first.asks
        assert made.sent_as == first.event_id != made.event_id
        assert (made.happened_at, made.account, made.action) == (first.happened_at, first.account, first.action)
        assert (made.kind == RETRACTION) == (made.label_id not in path)
        assert made.takes_back not in undone.cancelled
    touched = [made.takes_back for made in undone.deliveries]
    assert len(touched) == len(set(touched))
    behind = {one.id: undone.behind.get(one.id, one.behind) for one in past if one.id not in undone.cancelled}
    for connection in NUMBERS.values():
        line = [
            one.id
            for one in past
            if one.connection_id == connection and one.state in UNSETTLED and one.id not in undone.cancelled
        ]
        assert [behind[number] for number in line] == [None, *line[:-1]][: len(line)]
