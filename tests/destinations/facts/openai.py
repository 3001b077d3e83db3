"""OpenAI Ads."""

from typing import Final

from tests.destinations.facts import BEARER, Digests, Facts, Refusal

FACTS: Final = Facts(
    settings={"pixel_id": "KBHCVX1dYePAFy31", "api_key": "hush-openai", "action_source": "web"},
    action="lead_created",
    money=("amount", "currency"),
    address=r"https://bzr\.openai\.com/v1/events\?pid=[^&]+",
    headers={"authorization": BEARER},
    time="ms",
    smallest_units=True,
    digests=Digests(email=0, phone="digits", name=4),
    refused=(
        Refusal({"pixel_id": "a b"}, "pixel_id", "Copy the pixel id"),
        Refusal({"api_key": ""}, "api_key", "missing"),
    ),
    bad_events=(
        "Lead_Created",
        "custom",
        "a" * 65,
    ),
)
