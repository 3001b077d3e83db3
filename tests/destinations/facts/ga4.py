"""Google Analytics 4."""

from typing import Final

from tests.destinations.facts import Digests, Facts, Refusal

FACTS: Final = Facts(
    settings={"measurement_id": "G-AB12CD34EF", "api_secret": "hush-ga4", "region": "global"},
    action="qualify_lead",
    money=("value", "currency"),
    address=r"https://(?:www|region1)\.google-analytics\.com/mp/collect\?measurement_id=G-[A-Z0-9]+&api_secret=[^&]+",
    time="us",
    digests=Digests(email=3, phone="+"),
    refused=(
        Refusal({"measurement_id": "UA-1234-5"}, "measurement_id", "begins with G-"),
        Refusal({"api_secret": "a b"}, "api_secret", "no spaces"),
        Refusal({"region": "mars"}, "region", "one of global, eu"),
        Refusal({"requests_per_minute": "1.5"}, "requests_per_minute", "whole number"),
        Refusal({"requests_per_minute": "-1"}, "requests_per_minute", "whole number"),
    ),
    bad_events=(
        "",
        "qualify lead",
        "1st_lead",
        "_lead",
        "ga_lead",
        "google_lead",
        "firebase_lead",
        "a" * 41,
        "Anfrage_qualifiziert_ü",
    ),
)
