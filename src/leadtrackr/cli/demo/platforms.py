"""How the demo's project is connected to each platform, and what its labels are called there. All of it is made up."""

from collections.abc import Mapping
from typing import Final

from leadtrackr.cli.demo.script import To
from leadtrackr.labels.service import NewLabel

REFRESH_TOKEN: Final = "demo-refresh-token"  # noqa: S105 - made up, for the sandbox alone
_OAUTH: Final = {
    "client_id": "demo.apps.example.com",
    "client_secret": "demo-secret",
    "refresh_token": REFRESH_TOKEN,
}
CONNECTIONS: Final[Mapping[str, Mapping[str, str]]] = {
    # Google wants a click to be six hours old; nobody waits that long for a demo.
    "google_ads": {"operating_account": "123-456-7890", "user_data": "yes", "click_age_hours": "0", **_OAUTH},
    # Another account than that of google_ads: in one account, both would count each conversion twice.
    "google_ads_legacy": {"customer": "987-654-3210", "user_data": "yes", "click_age_hours": "0", **_OAUTH},
    "ga4": {"measurement_id": "G-DEMO123456", "api_secret": "demo-secret"},
    "meta": {"dataset_id": "1234567890123456", "access_token": "demo-token", "profile": "crm"},
    "linkedin": {"ad_account": "501234567", "access_token": "demo-token"},
    "microsoft": {
        "account_id": "151234567",
        "customer_id": "251234567",
        "developer_token": "demo-developer-token",
        "user_data": "yes",
        # And Microsoft asks for an hour.
        "click_age_hours": "0",
        **_OAUTH,
    },
    "tiktok": {"event_source_id": "C4DEMO12345", "access_token": "demo-token"},
    "pinterest": {"ad_account_id": "549755885175", "access_token": "demo-token"},
    "snapchat": {"pixel_id": "1ec32188-754e-4be2-9d1c-0123456789ab", "access_token": "demo-token"},
    "reddit": {"pixel_id": "a2_demo12345", "access_token": "demo-token"},
    # The sandbox knows the secret of any key: it is this word before it.
    "x": {
        "pixel_id": "o8z6j",
        "consumer_key": "demo-key",
        "consumer_secret": "secret-of-demo-key",
        "access_token": "demo-token",
        "access_token_secret": "secret-of-demo-token",
    },
    "openai": {"pixel_id": "demo-pixel", "api_key": "demo-key"},
    # No address of this machine: private ones are refused. The sandbox is called in its place, as for every platform.
    "webhook": {"url": "https://hooks.example.com/leads"},
}
HEADS: Final[Mapping[str, str]] = {
    "google_ads": "Google",
    "google_ads_legacy": "Legacy",
    "ga4": "GA4",
    "meta": "Meta",
    "linkedin": "LinkedIn",
    "microsoft": "Microsoft",
    "tiktok": "TikTok",
    "pinterest": "Pinterest",
    "snapchat": "Snapchat",
    "reddit": "Reddit",
    "x": "X",
    "openai": "OpenAI",
    "webhook": "Webhook",
}
"""Short enough to head a column of a wide table; the first three letters, of a narrow one."""
QUALIFIED: Final = NewLabel(
    name=To.QUALIFIED.value,
    events={
        "google_ads": "1001",
        "google_ads_legacy": "2001",
        "ga4": "qualify_lead",
        "meta": "QualifiedLead",
        "linkedin": "20001",
        "microsoft": "Qualified lead",
        "tiktok": "Lead",
        "pinterest": "lead",
        "snapchat": "SIGN_UP",
        "reddit": "LEAD",
        "x": "tw-o8z6j-o87ne",
        "openai": "lead_created",
        "webhook": "lead.qualified",
    },
)
DEAL: Final = NewLabel(
    name=To.DEAL.value,
    done=True,
    convert_once=True,
    after=(To.QUALIFIED.value,),
    events={
        "google_ads": "1002",
        "google_ads_legacy": "2002",
        "ga4": "close_convert_lead",
        "meta": "Purchase",
        "linkedin": "20002",
        "microsoft": "Deal signed",
        "tiktok": "CompletePayment",
        "pinterest": "checkout",
        "snapchat": "SUBSCRIBE",
        "reddit": "PURCHASE",
        "x": "tw-o8z6j-o87nf",
        "openai": "Deal signed",
        "webhook": "lead.won",
    },
)
