"""Reddit."""

from typing import Final

from tests.destinations.facts import BEARER, Digests, Facts, Refusal

FACTS: Final = Facts(
    settings={"pixel_id": "a2_abc123def456", "access_token": "hush-reddit", "action_source": "WEBSITE"},
    action="LEAD",
    money=("value", "currency"),
    address=r"https://ads-api\.reddit\.com/api/v3/pixels/[^/]+/conversion_events",
    headers={"authorization": BEARER},
    time="ms",
    digests=Digests(email=4, phone="+"),
    refused=(
        Refusal({"pixel_id": "a2-x"}, "pixel_id", "Copy the pixel id"),
        Refusal({"action_source": "website"}, "action_source", "one of WEBSITE"),
    ),
    bad_events=(
        "Lead",
        "SignUp",
        "sign_up",
        "CUSTOM",
        "a" * 65,
    ),
)
