"""Google Ads legacy upload."""

from typing import Final

from tests.destinations.facts import BEARER, Digests, Facts, Refusal

FACTS: Final = Facts(
    settings={
        "customer": "1234567890",
        "login_customer": "9876543210",
        "client_id": "client",
        "client_secret": "hush-client",
        "refresh_token": "hush-refresh",
        "user_data": "yes",
        "click_age_hours": "6",
        "api_version": "v25",
    },
    action="987654321",
    token="hush-token",
    money=("conversionValue", "currencyCode"),
    address=r"https://googleads\.googleapis\.com/v\d+/customers/\d{10}:uploadClickConversions",
    headers={"authorization": BEARER},
    digests=Digests(email=2, phone="+", kept=frozenset({"email"})),
    refused=(
        Refusal({"customer": "12345"}, "customer", "ten digits"),
        Refusal({"api_version": "v22"}, "api_version", "still serves"),
        Refusal({"service_account_json": "{}"}, "service_account_json", "client_email"),
    ),
    bad_events=("customers/1/conversionActions/2",),
)
