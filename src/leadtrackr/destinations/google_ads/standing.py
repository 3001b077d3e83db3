"""How a Google Ads account stands: whose conversions it counts, which terms it has accepted, what it may be sent.

Google refuses a whole request with hashed data while the terms are not accepted or enhanced conversions for leads is
off, and takes click ids without them. So hashed data is sent to an account only once it was read that it takes them.
Sources: googleapis google/ads/googleads/v25/resources/customer.proto and the guide "Getting started" on conversions.
"""

from typing import Final

import msgspec

from leadtrackr.destinations.contract import Field, Outcome, Settings, Standing, Steps
from leadtrackr.destinations.google_ads.reading import CODES, customer_of, query, search
from leadtrackr.destinations.http_common import outcome

USER_DATA: Final = Field(
    name="user_data",
    label="Send hashed customer data",
    help="auto sends it once the connection check has read that the account has accepted the customer data terms and "
    "enhanced conversions for leads is on; until then only click ids are sent, since Google refuses whole requests "
    "with such data. yes sends it whatever was read, no never.",
    kind="choice",
    choices=("auto", "yes", "no"),
    default="auto",
)
USER_DATA_READ_FOR: Final = Field(
    name="user_data_read_for",
    label="Account that takes hashed customer data",
    help="Written by the connection check, not for entry: the account of which that was read last.",
    pattern=r"\d{10}",
    pattern_help="Leave it to the connection check.",
    drop="- ",
)
_QUERY: Final = query(
    "customer",
    (
        "conversion_tracking_setting.google_ads_conversion_customer",
        "conversion_tracking_setting.conversion_tracking_status",
        "conversion_tracking_setting.accepted_customer_data_terms",
        "conversion_tracking_setting.enhanced_conversions_for_leads_enabled",
    ),
)
_TRACKING: Final = {
    "NOT_CONVERSION_TRACKED": "off",
    "CONVERSION_TRACKING_MANAGED_BY_SELF": "by the account itself",
    "CONVERSION_TRACKING_MANAGED_BY_THIS_MANAGER": "by this manager account",
    "CONVERSION_TRACKING_MANAGED_BY_ANOTHER_MANAGER": "by another manager account",
}


class _Setting(msgspec.Struct, rename="camel", frozen=True):
    """proto3 JSON leaves out what is false."""

    google_ads_conversion_customer: str = ""
    conversion_tracking_status: str = ""
    accepted_customer_data_terms: bool = False
    enhanced_conversions_for_leads_enabled: bool = False


class _Customer(msgspec.Struct, rename="camel"):
    conversion_tracking_setting: _Setting = _Setting()


class _Row(msgspec.Struct, rename="camel"):
    customer: _Customer


def takes_user_data(settings: Settings) -> bool:
    """Whether hashed data goes into requests: by choice, or because it was read that this very account takes it."""
    chosen = settings.get(USER_DATA.name)
    if chosen != "auto":
        return chosen == "yes"
    return settings.get(USER_DATA_READ_FOR.name, "") == settings["operating_account"]


def read_standing(settings: Settings, token: str | None) -> Steps[Standing]:
    """Asks the account that conversions are sent to."""
    account = settings["operating_account"]
    rows = yield from search(account, _QUERY, _Row, token, settings.get("login_account", ""))
    if isinstance(rows, Outcome):
        return rows
    if len(rows) != 1:
        return outcome(CODES, "unreadable")
    found = rows[0].customer.conversion_tracking_setting
    owner = customer_of(found.google_ads_conversion_customer) or account
    is_ready = found.accepted_customer_data_terms and found.enhanced_conversions_for_leads_enabled
    follows = {USER_DATA_READ_FOR.name: account if is_ready else ""}
    after = {**settings, **follows}
    return Standing(
        facts={
            "Conversions are counted by account": owner,
            "Conversion tracking": _TRACKING.get(found.conversion_tracking_status, "unknown"),
            "Customer data terms": "accepted" if found.accepted_customer_data_terms else "not accepted",
            "Enhanced conversions for leads": "on" if found.enhanced_conversions_for_leads_enabled else "off",
            "Sent": "click ids and hashed customer data" if takes_user_data(after) else "click ids only",
        },
        advice=tuple(_advice(settings, account, owner, found)),
        follows=follows,
    )


def _advice(settings: Settings, account: str, owner: str, found: _Setting) -> list[str]:
    said: list[str] = []
    if owner != account:
        said.append(f"Connect account {owner} (operating_account={owner}): it owns the conversion actions of this one.")
    if not (found.accepted_customer_data_terms and found.enhanced_conversions_for_leads_enabled):
        said.append(
            "To send hashed e-mail addresses and phone numbers too, open Goals, Settings in Google Ads, turn enhanced "
            "conversions for leads on and accept the terms; then check the connection again."
        )
        if settings.get(USER_DATA.name) == "yes":
            said.append("Set user_data=auto: with yes, Google refuses whole requests until then.")
    elif settings.get(USER_DATA.name) == "no":
        said.append("Set user_data=auto to send hashed customer data too: the account takes it.")
    return said
