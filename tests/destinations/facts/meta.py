"""Meta."""

from typing import Final

from tests.destinations.facts import BEARER, Digests, Facts, Refusal

FACTS: Final = Facts(
    settings={
        "dataset_id": "123456789012345",
        "access_token": "hush-meta",
        "action_source": "website",
        "profile": "website",
        "crm_name": "LeadTrackr",
        "api_version": "v25.0",
    },
    action="QualifiedLead",
    money=("value", "currency"),
    address=r"https://graph\.facebook\.com/v\d+\.\d/\d+/events",
    headers={"authorization": BEARER},
    time="s",
    digests=Digests(email=0, phone="digits", name=0, country=True, kept=frozenset({"country", "name", "email"})),
    refused=(
        Refusal({"dataset_id": "pixel"}, "dataset_id", "number"),
        Refusal({"requests_per_second": "0"}, "requests_per_second", "up to 4 digits, or nothing"),
        Refusal({"requests_per_second": "10000"}, "requests_per_second", "up to 4 digits"),
        Refusal({"access_token": ""}, "access_token", "missing"),
        Refusal({"access_token": "a\nb"}, "access_token", "no spaces"),
        Refusal({"api_version": "25"}, "api_version", "v25.0"),
        Refusal({"action_source": "physical_store"}, "action_source", "one of website"),
    ),
    bad_events=(
        "  ",
        "a\nb",
        "a" * 51,
    ),
)
