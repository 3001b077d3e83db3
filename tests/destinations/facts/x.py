"""X."""

from typing import Final

from tests.destinations.facts import Digests, Facts, Refusal

FACTS: Final = Facts(
    settings={
        "pixel_id": "o8z6j",
        "consumer_key": "hush-key",
        "consumer_secret": "secret-of-hush-key",
        "access_token": "hush-token",
        "access_token_secret": "secret-of-hush-token",
        "max_age_days": "30",
        "api_version": "12",
    },
    action="tw-o8z6j-o87ne",
    money=("value", "price_currency"),
    address=r"https://ads-api\.(?:x|twitter)\.com/12/measurement/conversions/[^/]+",
    digests=Digests(email=0, phone="+"),
    refused=(
        Refusal({"pixel_id": "O8Z6J"}, "pixel_id", "small letters"),
        Refusal({"consumer_secret": ""}, "consumer_secret", "missing"),
    ),
    bad_events=(
        "Lead",
        "tw-o8z6j",
    ),
)
