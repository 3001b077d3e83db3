"""What can be done about a conversion that a platform has taken: a new value, or an honest no."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadtrackr.destinations.ga4 import GA4
from leadtrackr.destinations.google_ads import GOOGLE_ADS
from leadtrackr.destinations.meta import META
from leadtrackr.destinations.registry import DESTINATIONS, get, restatement, retraction, validate_event_value
from tests.destinations.making import SETTINGS, event, lead

CONNECTION = SETTINGS["google_ads"]
assert GOOGLE_ADS.take_back is not None
assert GOOGLE_ADS.take_back.build is not None
restate = GOOGLE_ADS.take_back.build


def test_a_restatement_is_the_event_again_with_another_value() -> None:
    before = json.loads(GOOGLE_ADS.build([event()], CONNECTION, "tok").body)
    request = restate([event(value_cents=9950, currency="USD")], CONNECTION, "tok")
    after = json.loads(request.body)
    assert (after["events"][0].pop("conversionValue"), after["events"][0].pop("currency")) == (99.5, "USD")
    assert (before["events"][0].pop("conversionValue"), before["events"][0].pop("currency")) == (50, "EUR")
    assert after == before
    assert after["events"][0]["transactionId"] == event().event_id
    assert request.url == "https://datamanager.googleapis.com/v1/events:ingest"
    assert len(request.items) == 1


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=5))
def test_each_restated_event_keeps_its_id_and_place(cents: list[int]) -> None:
    events = [event(event_id=f"lt-{number}", value_cents=value) for number, value in enumerate(cents)]
    found = json.loads(restate(events, CONNECTION, "tok").body)["events"]
    assert [(one["transactionId"], one["conversionValue"]) for one in found] == [
        (f"lt-{number}", value / 100) for number, value in enumerate(cents)
    ]


@pytest.mark.parametrize(("cents", "currency"), [(None, "EUR"), (100, None), (100, ""), (None, None)])
def test_a_restatement_needs_a_value_and_a_currency(cents: int | None, currency: str | None) -> None:
    with pytest.raises(ValueError, match="value with a currency"):
        restate([event(), event(value_cents=cents, currency=currency)], CONNECTION, "tok")


def test_a_restatement_sends_no_more_of_the_person_than_allowed() -> None:
    someone = lead(email=None, phone=None, consent={"ad_user_data": "denied"})
    found = json.loads(restate([event(someone)], CONNECTION, "tok").body)["events"][0]
    assert "userData" not in found
    assert found["consent"] == {"adUserData": "CONSENT_DENIED"}


def test_nothing_is_taken_to_zero_unless_somebody_chose_it() -> None:
    assert retraction(GOOGLE_ADS, event(), CONNECTION) is None
    assert retraction(GOOGLE_ADS, event(), {}) is None
    zero = retraction(GOOGLE_ADS, event(), {**CONNECTION, "retract_as_zero": "yes"})
    assert zero is not None
    assert (zero.value_cents, zero.currency) == (0, "EUR")
    assert (zero.event_id, zero.action, zero.happened_at, zero.lead) == (
        event().event_id,
        event().action,
        event().happened_at,
        event().lead,
    )


@pytest.mark.parametrize(("cents", "currency"), [(None, "EUR"), (0, "EUR"), (100, None)])
def test_without_a_value_there_is_nothing_to_take_to_zero(cents: int | None, currency: str | None) -> None:
    chosen = {**CONNECTION, "retract_as_zero": "yes"}
    assert retraction(GOOGLE_ADS, event(value_cents=cents, currency=currency), chosen) is None


@pytest.mark.parametrize(
    "slug", ["ga4", "meta", "linkedin", "tiktok", "pinterest", "snapchat", "reddit", "x", "openai"]
)
def test_platforms_that_take_nothing_back_say_so(slug: str) -> None:
    can = get(slug).take_back
    assert can is not None
    assert (can.restate, can.retract, can.build, can.zero_setting) == (False, False, None, "")
    assert retraction(get(slug), event(slug=slug), {"": "yes", "retract_as_zero": "yes"}) is None


@pytest.mark.parametrize("slug", DESTINATIONS)
def test_a_new_value_goes_where_the_platform_takes_one(slug: str) -> None:
    can, first = get(slug).take_back, event(slug=slug)
    assert can is not None
    again = restatement(get(slug), first, 9950, "USD")
    assert (again is not None) == can.restate
    back = retraction(get(slug), first, {})
    assert (back is not None) == can.retract
    if back is not None:
        assert (back.value_cents, back.currency, back.retracted) == (None, None, True)
    if again is not None:
        assert (again.value_cents, again.currency) == (9950, "USD")
        assert (again.event_id, again.action, again.happened_at) == (first.event_id, first.action, first.happened_at)


def test_who_claims_a_retraction() -> None:
    can = [slug for slug, each in DESTINATIONS.items() if each.take_back and each.take_back.retract]
    assert can == ["google_ads_legacy", "microsoft"]
    assert GOOGLE_ADS.take_back is not None
    assert "documents no way to make it not count" in GOOGLE_ADS.take_back.sentence


def test_ga4s_event_for_lost_leads_is_one_that_a_label_can_send() -> None:
    assert GA4.take_back is not None
    assert "close_unconvert_lead" in GA4.take_back.sentence
    assert validate_event_value(GA4, "close_unconvert_lead") == "close_unconvert_lead"
    assert META.take_back is not None
    assert "take it back" in META.take_back.sentence
