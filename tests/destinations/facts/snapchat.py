"""Snapchat."""

from typing import Final

from tests.destinations.facts import Digests, Facts, Refusal

FACTS: Final = Facts(
    settings={
        "pixel_id": "1ec32188-754e-4be2-8e55-c949a984a39f",
        "access_token": "hush-snapchat",
        "action_source": "WEB",
        "time_unit": "seconds",
        "max_age_days": "7",
        "api_version": "v3",
    },
    action="SIGN_UP",
    money=("value", "currency"),
    address=r"https://tr\.snapchat\.com/v3/[0-9a-zA-Z.-]+/events(?:\?access_token=.+)?",
    digests=Digests(email=0, phone="digits", name=3, country=True),
    refused=(
        Refusal({"pixel_id": "a/b"}, "pixel_id", "letters, digits and hyphens"),
        Refusal({"time_unit": "days"}, "time_unit", "one of seconds, milliseconds"),
        Refusal({"max_age_days": "38"}, "max_age_days", "from 1 to 37"),
    ),
    bad_events=("SIGN UP",),
)
