"""Settings and event values are checked by the declarations, with a sentence that names the field."""

import pytest

from leadtrackr.destinations.registry import DESTINATIONS, get, validate_event_value, validate_settings
from leadtrackr.kit.errors import InvalidInput, NotFound
from tests.destinations.making import ACTIONS, SETTINGS


def test_order_and_lookup() -> None:
    order = "google_ads google_ads_legacy ga4 meta linkedin microsoft tiktok pinterest snapchat reddit x openai webhook"
    assert list(DESTINATIONS) == order.split()
    assert get("meta").name == "Meta"
    with pytest.raises(NotFound, match=order.replace(" ", ", ")):
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


REFUSED = [
    ("google_ads", {"operating_account": "12345"}, "operating_account", "ten digits"),
    ("google_ads", {"operating_account": ""}, "operating_account", "missing"),
    ("google_ads", {"user_data": "maybe"}, "user_data", "one of auto, yes, no"),
    ("google_ads", {"click_age_hours": "six"}, "click_age_hours", "whole hours"),
    ("google_ads", {"click_age_hours": "-1"}, "click_age_hours", "whole hours"),
    ("google_ads", {"refresh_token": ""}, "refresh_token", "service_account_json"),
    ("google_ads", {"service_account_json": "{"}, "service_account_json", "JSON object"),
    ("google_ads", {"service_account_json": "[]"}, "service_account_json", "JSON object"),
    ("google_ads", {"service_account_json": "{}"}, "service_account_json", "client_email"),
    ("google_ads", {"customer": "1"}, "customer", "it takes operating_account, login_account"),
    ("google_ads_legacy", {"customer": "12345"}, "customer", "ten digits"),
    ("google_ads_legacy", {"api_version": "v22"}, "api_version", "still serves"),
    ("google_ads_legacy", {"service_account_json": "{}"}, "service_account_json", "client_email"),
    ("ga4", {"measurement_id": "UA-1234-5"}, "measurement_id", "begins with G-"),
    ("ga4", {"api_secret": "a b"}, "api_secret", "no spaces"),
    ("ga4", {"region": "mars"}, "region", "one of global, eu"),
    ("meta", {"dataset_id": "pixel"}, "dataset_id", "number"),
    ("meta", {"requests_per_second": "0"}, "requests_per_second", "up to 4 digits, or nothing"),
    ("meta", {"requests_per_second": "10000"}, "requests_per_second", "up to 4 digits"),
    ("ga4", {"requests_per_minute": "1.5"}, "requests_per_minute", "whole number"),
    ("ga4", {"requests_per_minute": "-1"}, "requests_per_minute", "whole number"),
    ("google_ads", {"requests_per_day": "many"}, "requests_per_day", "up to 7 digits"),
    ("meta", {"access_token": ""}, "access_token", "missing"),
    ("meta", {"access_token": "a\nb"}, "access_token", "no spaces"),
    ("meta", {"api_version": "25"}, "api_version", "v25.0"),
    ("meta", {"action_source": "physical_store"}, "action_source", "one of website"),
    ("microsoft", {"account_id": "F107XXXX"}, "account_id", "behind aid="),
    ("microsoft", {"customer_id": ""}, "customer_id", "missing"),
    ("microsoft", {"developer_token": "a b"}, "developer_token", "no spaces"),
    ("microsoft", {"refresh_token": ""}, "refresh_token", "missing"),
    ("microsoft", {"user_data": "perhaps"}, "user_data", "one of yes, no"),
    ("microsoft", {"api_version": "13"}, "api_version", "v13"),
    ("tiktok", {"event_source": "app"}, "event_source", "one of web, offline, crm"),
    ("tiktok", {"event_source_id": "a b"}, "event_source_id", "pixel code"),
    ("tiktok", {"max_age_days": "29"}, "max_age_days", "from 1 to 28"),
    ("tiktok", {"max_age_days": "0"}, "max_age_days", "from 1 to 28"),
    ("x", {"pixel_id": "O8Z6J"}, "pixel_id", "small letters"),
    ("x", {"consumer_secret": ""}, "consumer_secret", "missing"),
    ("snapchat", {"pixel_id": "a/b"}, "pixel_id", "letters, digits and hyphens"),
    ("snapchat", {"time_unit": "days"}, "time_unit", "one of seconds, milliseconds"),
    ("snapchat", {"max_age_days": "38"}, "max_age_days", "from 1 to 37"),
    ("pinterest", {"ad_account_id": "me"}, "ad_account_id", "number"),
    ("pinterest", {"action_source": "app_ios"}, "action_source", "one of web, offline"),
    ("webhook", {"url": ""}, "url", "missing"),
    ("webhook", {"url": "http://hooks.example.com/"}, "url", "begins with https"),
    ("webhook", {"url": "https://localhost/"}, "url", "private"),
    ("webhook", {"url": "https://10.0.0.8/x?token=hush"}, "url", "private"),
    ("webhook", {"secret": ""}, "secret", "missing"),
    ("webhook", {"secret": "hush"}, "secret", "whsec_"),
    ("webhook", {"secret": "whsec_" + "h" * 28}, "secret", "24 to 64"),
    ("webhook", {"secret": "whsec_" + "h" * 33}, "secret", "24 to 64"),
    ("webhook", {"secret": "whsec_" + "h" * 88}, "secret", "24 to 64"),
    ("webhook", {"old_secret": "whsec_" + "h" * 33}, "old_secret", "24 to 64"),
    ("webhook", {"person_data": "some"}, "person_data", "one of yes, no"),
    ("linkedin", {"ad_account": "urn:li:sponsoredAccount:5"}, "ad_account", "number of the ad account"),
    ("linkedin", {"access_token": "a b"}, "access_token", "no spaces"),
    ("linkedin", {"api_version": "202613"}, "api_version", "year and month"),
    ("reddit", {"pixel_id": "a2-x"}, "pixel_id", "Copy the pixel id"),
    ("reddit", {"action_source": "website"}, "action_source", "one of WEBSITE"),
    ("openai", {"pixel_id": "a b"}, "pixel_id", "Copy the pixel id"),
    ("openai", {"api_key": ""}, "api_key", "missing"),
]


@pytest.mark.parametrize(("slug", "changes", "field", "words"), REFUSED)
def test_bad_settings_are_refused(slug: str, changes: dict[str, str], field: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words) as refused:
        validate_settings(get(slug), {**SETTINGS[slug], **changes})
    assert refused.value.field == field


def test_no_secret_is_in_a_refusal() -> None:
    with pytest.raises(InvalidInput) as refused:
        validate_settings(get("meta"), {**SETTINGS["meta"], "access_token": "hush hush"})
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize("slug", DESTINATIONS)
def test_good_event_values(slug: str) -> None:
    assert validate_event_value(get(slug), f" {ACTIONS[slug]} ") == ACTIONS[slug]


BAD_VALUES = [
    ("google_ads", "customers/1/conversionActions/2"),
    ("google_ads", "Qualified"),
    ("google_ads", "0"),
    ("google_ads", ""),
    ("google_ads_legacy", "customers/1/conversionActions/2"),
    ("ga4", ""),
    ("ga4", "qualify lead"),
    ("ga4", "1st_lead"),
    ("ga4", "_lead"),
    ("ga4", "ga_lead"),
    ("ga4", "google_lead"),
    ("ga4", "firebase_lead"),
    ("ga4", "a" * 41),
    ("ga4", "Anfrage_qualifiziert_ü"),
    ("meta", "  "),
    ("meta", "a\nb"),
    ("meta", "a" * 51),
    ("tiktok", " "),
    ("tiktok", "a" * 51),
    ("pinterest", "Lead"),
    ("snapchat", "SIGN UP"),
    ("x", "Lead"),
    ("x", "tw-o8z6j"),
    ("pinterest", "a" * 51),
    ("webhook", ""),
    ("webhook", "ping"),
    ("webhook", "lead qualified"),
    ("webhook", ".lead"),
    ("webhook", "lead."),
    ("webhook", "lead..won"),
    ("webhook", "lead-won"),
    ("webhook", "a" * 101),
    ("linkedin", "urn:lla:llaPartnerConversion:1"),
    ("linkedin", "0"),
    ("linkedin", "Lead"),
    ("reddit", "Lead"),
    ("reddit", "SignUp"),
    ("reddit", "sign_up"),
    ("reddit", "CUSTOM"),
    ("reddit", "a" * 65),
    ("openai", "Lead_Created"),
    ("openai", "custom"),
    ("openai", "a" * 65),
]
RESERVED = (
    "ad_activeview ad_click ad_exposure ad_impression ad_query adunit_exposure app_clear_data app_install app_update "
    "app_remove error first_open first_visit in_app_purchase notification_dismiss notification_foreground "
    "notification_open notification_receive os_update screen_view session_start user_engagement"
)


@pytest.mark.parametrize(("slug", "value"), [*BAD_VALUES, *(("ga4", name) for name in RESERVED.split())])
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
