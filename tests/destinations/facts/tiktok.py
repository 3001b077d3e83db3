"""TikTok."""

from typing import Final

from tests.destinations.facts import Digests, Facts, Refusal

FACTS: Final = Facts(
    settings={
        "event_source": "web",
        "event_source_id": "C4A1B2C3D4E5F6G7H8I9",
        "access_token": "hush-tiktok",
        "max_age_days": "28",
        "api_version": "v1.3",
    },
    action="Lead",
    money=("value", "currency"),
    address=r"https://business-api\.tiktok\.com/open_api/v1\.3/event/track/",
    headers={"access-token": "[!-~]+"},
    time="s",
    digests=Digests(email=0, phone="+", name=2),
    refused=(
        Refusal({"event_source": "app"}, "event_source", "one of web, offline, crm"),
        Refusal({"event_source_id": "a b"}, "event_source_id", "pixel code"),
        Refusal({"max_age_days": "29"}, "max_age_days", "from 1 to 28"),
        Refusal({"max_age_days": "0"}, "max_age_days", "from 1 to 28"),
    ),
    bad_events=(
        " ",
        "a" * 51,
    ),
)
