"""The names that GA4 reserves, and its limits.

Source: Google's Measurement Protocol pages for GA4 (reference, sending events, validating events).
"""

from typing import Final

from leadtrackr.sandbox.words import words

MAX_EVENTS: Final = 25
MAX_PARAMS: Final = 25
MAX_USER_PROPERTIES: Final = 25
MAX_BODY_BYTES: Final = 130_000
MAX_NAME: Final = 40
MAX_VALUE: Final = 100
MAX_USER_ID: Final = 256
MAX_PROPERTY_NAME: Final = 24
MAX_PROPERTY_VALUE: Final = 36
MAX_HASHES: Final = 3
MAX_ADDRESSES: Final = 2

TOP: Final = words(
    "client_id app_instance_id user_id timestamp_micros user_properties user_data consent user_location ip_override"
    " device user_agent validation_behavior events non_personalized_ads"
)
EVENT: Final = words("name params timestamp_micros")
RESERVED_EVENTS: Final = words(
    "ad_activeview ad_click ad_exposure ad_query adunit_exposure app_clear_data app_install app_update app_remove error"
    " first_open first_visit notification_dismiss notification_foreground notification_open notification_receive"
    " os_update session_start user_engagement"
)
RESERVED_FOR_WEB: Final = words("ad_impression in_app_purchase screen_view")
RESERVED_PARAMS: Final = frozenset({"firebase_conversion"})
RESERVED_PREFIXES: Final = ("_", "firebase_", "ga_", "google_", "gtag.")
RESERVED_PROPERTIES: Final = words(
    "first_open_time first_visit_time last_deep_link_referrer user_id first_open_after_install"
)
