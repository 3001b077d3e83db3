"""Settings and event values are checked by the declarations, with a sentence that names the field."""

import pytest

from leadtrackr.destinations.registry import DESTINATIONS, get, validate_event_value, validate_settings
from leadtrackr.kit.errors import InvalidInput, NotFound
from tests.destinations.facts import FACTS, Refusal
from tests.destinations.making import ACTIONS, SETTINGS


def test_order_and_lookup() -> None:
    order = "google_ads google_ads_legacy ga4 meta linkedin microsoft tiktok pinterest snapchat reddit x openai webhook"
    assert [slug for slug in DESTINATIONS if slug in order.split()] == order.split()
    assert get("meta").name == "Meta"
    with pytest.raises(NotFound, match=", ".join(DESTINATIONS)):
        get("myspace")


@pytest.mark.parametrize("slug", DESTINATIONS)
def test_good_settings_stay_as_they_are(slug: str) -> None:
    assert validate_settings(get(slug), SETTINGS[slug]) == SETTINGS[slug]


def test_tidied_defaulted_and_left_out() -> None:
    google = {**SETTINGS["google_ads"], "operating_account": " 123-456-7890\n", "login_account": "  "}
    del google["user_data"], google["click_age_hours"], google["retract_as_zero"]
    stored = validate_settings(get("google_ads"), google)
    assert stored["operating_account"] == "1234567890"
    assert "login_account" not in stored
    assert (stored["user_data"], stored["click_age_hours"], stored["retract_as_zero"]) == ("auto", "6", "no")


def test_a_limit_can_be_set_and_taken_away_again() -> None:
    limited = validate_settings(get("meta"), {**SETTINGS["meta"], "requests_per_minute": " 30 "})
    assert limited["requests_per_minute"] == "30"
    assert validate_settings(get("meta"), {**limited, "requests_per_minute": ""}) == SETTINGS["meta"]


@pytest.mark.parametrize(("slug", "refusal"), [(slug, one) for slug in DESTINATIONS for one in FACTS[slug].refused])
def test_bad_settings_are_refused(slug: str, refusal: Refusal) -> None:
    with pytest.raises(InvalidInput, match=refusal.words) as refused:
        validate_settings(get(slug), {**SETTINGS[slug], **refusal.changes})
    assert refused.value.field == refusal.field


def test_no_secret_is_in_a_refusal() -> None:
    with pytest.raises(InvalidInput) as refused:
        validate_settings(get("meta"), {**SETTINGS["meta"], "access_token": "hush hush"})
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize("slug", DESTINATIONS)
def test_there_are_settings_and_events_that_are_refused(slug: str) -> None:
    assert FACTS[slug].refused
    assert FACTS[slug].bad_events


@pytest.mark.parametrize("slug", DESTINATIONS)
def test_good_event_values(slug: str) -> None:
    assert validate_event_value(get(slug), f" {ACTIONS[slug]} ") == ACTIONS[slug]


BAD_EVENTS = [(slug, value) for slug in DESTINATIONS for value in FACTS[slug].bad_events]
RESERVED = (
    "ad_activeview ad_click ad_exposure ad_impression ad_query adunit_exposure app_clear_data app_install app_update "
    "app_remove error first_open first_visit in_app_purchase notification_dismiss notification_foreground "
    "notification_open notification_receive os_update screen_view session_start user_engagement"
)


@pytest.mark.parametrize(("slug", "value"), [*BAD_EVENTS, *(("ga4", name) for name in RESERVED.split())])
def test_bad_event_values_are_refused(slug: str, value: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        validate_event_value(get(slug), value)
    assert refused.value.field == slug


@pytest.mark.parametrize("value", ["SIGN_UP", "LEAD", "Lead qualified", "Angebot ü", "a" * 64])
def test_names_for_reddit(value: str) -> None:
    assert validate_event_value(get("reddit"), value) == value


@pytest.mark.parametrize("value", ["generate_lead", "error_lead", "gadget", "a" * 40, "Lead2"])
def test_other_names_are_fine_for_ga4(value: str) -> None:
    assert validate_event_value(get("ga4"), value) == value
