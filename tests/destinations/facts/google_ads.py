"""Google Ads."""

from typing import Final

from tests.destinations.facts import BEARER, Digests, Facts, Refusal

FACTS: Final = Facts(
    settings={
        "operating_account": "1234567890",
        "login_account": "9876543210",
        "client_id": "client",
        "client_secret": "hush-client",
        "refresh_token": "hush-refresh",
        "user_data": "yes",
        "click_age_hours": "6",
        "retract_as_zero": "no",
    },
    action="987654321",
    token="hush-token",
    money=("conversionValue", "currency"),
    address=r"https://datamanager\.googleapis\.com/v1/events:ingest",
    headers={"authorization": BEARER},
    time="iso",
    digests=Digests(email=2, phone="+", kept=frozenset({"email"})),
    refused=(
        Refusal({"operating_account": "12345"}, "operating_account", "ten digits"),
        Refusal({"operating_account": ""}, "operating_account", "missing"),
        Refusal({"user_data": "maybe"}, "user_data", "one of auto, yes, no"),
        Refusal({"click_age_hours": "six"}, "click_age_hours", "whole hours"),
        Refusal({"click_age_hours": "-1"}, "click_age_hours", "whole hours"),
        Refusal({"refresh_token": ""}, "refresh_token", "service_account_json"),
        Refusal({"service_account_json": "{"}, "service_account_json", "JSON object"),
        Refusal({"service_account_json": "[]"}, "service_account_json", "JSON object"),
        Refusal({"service_account_json": "{}"}, "service_account_json", "client_email"),
        Refusal({"customer": "1"}, "customer", "it takes operating_account, login_account"),
        Refusal({"requests_per_day": "many"}, "requests_per_day", "up to 7 digits"),
    ),
    bad_events=(
        "customers/1/conversionActions/2",
        "Qualified",
        "0",
        "",
    ),
)
