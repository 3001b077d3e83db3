"""Microsoft Advertising."""

from typing import Final

from tests.destinations.facts import BEARER, Digests, Facts, Refusal

FACTS: Final = Facts(
    settings={
        "account_id": "123456789",
        "customer_id": "987654321",
        "developer_token": "hush-developer",
        "client_id": "11111111-2222-3333-4444-555555555555",
        "client_secret": "hush-client",
        "tenant": "common",
        "refresh_token": "hush-refresh",
        "user_data": "yes",
        "click_age_hours": "1",
        "api_version": "v13",
    },
    action="Qualified lead",
    token="hush-token",
    money=("ConversionValue", "ConversionCurrencyCode"),
    address=r"https://campaign\.api\.bingads\.microsoft\.com/CampaignManagement/v13/OfflineConversions/Apply",
    headers={"authorization": BEARER, "developertoken": ".+", "customerid": r"\d+", "customeraccountid": r"\d+"},
    time="iso",
    digests=Digests(email=0, phone="+"),
    refused=(
        Refusal({"account_id": "F107XXXX"}, "account_id", "behind aid="),
        Refusal({"customer_id": ""}, "customer_id", "missing"),
        Refusal({"developer_token": "a b"}, "developer_token", "no spaces"),
        Refusal({"refresh_token": ""}, "refresh_token", "missing"),
        Refusal({"user_data": "perhaps"}, "user_data", "one of yes, no"),
        Refusal({"api_version": "13"}, "api_version", "v13"),
    ),
    bad_events=("", "a" * 101),
)
