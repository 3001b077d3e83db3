"""The messages of the Data Manager API v1 and their fields.

Source: googleapis google/ads/datamanager/v1/*.proto, the discovery document of v1, and the v1.9 release note for
`call_info`. JSON takes lowerCamelCase and snake_case names alike, and refuses every other name (proto3 JSON mapping).
"""

from typing import Final

from leadtrackr.sandbox.words import words


def _names(snake_case: str) -> dict[str, str]:
    """Both spellings of each field → its snake_case name."""
    table = {}
    for name in snake_case.split():
        head, *rest = name.split("_")
        table[head + "".join(part.capitalize() for part in rest)] = name
        table[name] = name
    return table


REQUEST: Final = _names("destinations events consent validate_only encoding encryption_info")
DESTINATION: Final = _names("reference operating_account login_account linked_account product_destination_id")
ACCOUNT: Final = _names("account_type account_id product")
EVENT: Final = _names(
    "transaction_id event_timestamp event_source conversion_value currency ad_identifiers user_data consent"
    " destination_references last_updated_timestamp event_device_info cart_data custom_variables experimental_fields"
    " user_properties event_name client_id user_id app_instance_id additional_event_parameters event_location"
    " third_party_user_data conversion_count call_info"
)
AD_IDENTIFIERS: Final = _names(
    "gclid gbraid wbraid session_attributes landing_page_device_info dclid encrypted_user_ids impression_id match_id"
    " mobile_device_id ppid visitor_ppid"
)
USER_DATA: Final = _names("user_identifiers")
USER_IDENTIFIER: Final = _names("email_address phone_number address")
ADDRESS: Final = _names("given_name family_name region_code postal_code address_line administrative_area city")
CONSENT: Final = _names("ad_user_data ad_personalization")
DEVICE_INFO: Final = _names(
    "user_agent ip_address brand browser browser_version category language_code model operating_system"
    " operating_system_version screen_height screen_width"
)
CART_DATA: Final = _names(
    "merchant_id merchant_feed_label merchant_feed_language_code transaction_discount items coupon_codes"
)
USER_PROPERTIES: Final = _names("customer_type customer_value_bucket additional_user_properties")
CALL_INFO: Final = _names("start_timestamp")
EVENT_LOCATION: Final = _names("store_id city subdivision_code region_code continent_code subcontinent_code")
CUSTOM_VARIABLE: Final = _names("variable value destination_references")
EXPERIMENTAL_FIELD: Final = _names("field value")
EVENT_PARAMETER: Final = _names("parameter_name value")
ENCRYPTION_INFO: Final = _names("gcp_wrapped_key_info aws_wrapped_key_info coordinator_key_info")

ACCOUNT_TYPES: Final = words(
    "GOOGLE_ADS DISPLAY_VIDEO_PARTNER DISPLAY_VIDEO_ADVERTISER DATA_PARTNER GOOGLE_ANALYTICS_PROPERTY"
    " GOOGLE_AD_MANAGER_AUDIENCE_LINK FLOODLIGHT_CONFIG"
)
EVENT_SOURCES: Final = words("WEB APP IN_STORE PHONE MESSAGE OTHER")
CONSENT_STATUSES: Final = words("CONSENT_STATUS_UNSPECIFIED CONSENT_GRANTED CONSENT_DENIED")
ENCODINGS: Final = words("HEX BASE64")
CUSTOMER_TYPES: Final = words("CUSTOMER_TYPE_UNSPECIFIED NEW RETURNING REENGAGED")
VALUE_BUCKETS: Final = words("CUSTOMER_VALUE_BUCKET_UNSPECIFIED LOW MEDIUM HIGH")
