"""Pinterest."""

from typing import Final

from tests.destinations.facts import BEARER, Digests, Facts, Refusal

FACTS: Final = Facts(
    settings={
        "ad_account_id": "549755885175",
        "access_token": "hush-pinterest",
        "action_source": "web",
        "max_age_days": "30",
        "api_version": "v5",
    },
    action="lead",
    money=("value", "currency"),
    address=r"https://api\.pinterest\.com/v5/ad_accounts/\d+/events",
    headers={"authorization": BEARER},
    time="s",
    digests=Digests(email=0, phone="digits", name=3, country=True),
    refused=(
        Refusal({"ad_account_id": "me"}, "ad_account_id", "number"),
        Refusal({"action_source": "app_ios"}, "action_source", "one of web, offline"),
    ),
    bad_events=(
        "Lead",
        "a" * 51,
    ),
)
