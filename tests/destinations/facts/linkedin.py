"""LinkedIn."""

from typing import Final

from tests.destinations.facts import BEARER, Digests, Facts, Refusal

FACTS: Final = Facts(
    settings={"ad_account": "512345678", "access_token": "hush-linkedin", "api_version": "202609"},
    action="104012",
    money=("amount", "currencyCode"),
    address=r"https://api\.linkedin\.com/rest/conversionEvents",
    headers={"authorization": BEARER, "linkedin-version": r"\d{6}", "x-restli-protocol-version": r"2\.0\.0"},
    time="ms",
    digests=Digests(email=1, name=1),
    refused=(
        Refusal({"ad_account": "urn:li:sponsoredAccount:5"}, "ad_account", "number of the ad account"),
        Refusal({"access_token": "a b"}, "access_token", "no spaces"),
        Refusal({"api_version": "202613"}, "api_version", "year and month"),
    ),
    bad_events=(
        "urn:lla:llaPartnerConversion:1",
        "0",
        "Lead",
    ),
)
