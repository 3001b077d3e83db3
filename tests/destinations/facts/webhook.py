"""Webhook."""

from typing import Final

from tests.destinations.facts import Facts, Refusal

FACTS: Final = Facts(
    settings={
        "url": "https://hooks.example.com/leads?of=site",
        "secret": "whsec_hushhushhushhushhushhushhushhush",
        "person_data": "no",
    },
    action="lead.qualified",
    money=("value", "currency"),
    address="",
    refused=(
        Refusal({"url": ""}, "url", "missing"),
        Refusal({"url": "http://hooks.example.com/"}, "url", "begins with https"),
        Refusal({"url": "https://localhost/"}, "url", "private"),
        Refusal({"url": "https://10.0.0.8/x?token=hush"}, "url", "private"),
        Refusal({"secret": ""}, "secret", "missing"),
        Refusal({"secret": "hush"}, "secret", "whsec_"),
        Refusal({"secret": "whsec_" + "h" * 28}, "secret", "24 to 64"),
        Refusal({"secret": "whsec_" + "h" * 33}, "secret", "24 to 64"),
        Refusal({"secret": "whsec_" + "h" * 88}, "secret", "24 to 64"),
        Refusal({"old_secret": "whsec_" + "h" * 33}, "old_secret", "24 to 64"),
        Refusal({"person_data": "some"}, "person_data", "one of yes, no"),
    ),
    bad_events=(
        "",
        "ping",
        "lead qualified",
        ".lead",
        "lead.",
        "lead..won",
        "lead-won",
        "a" * 101,
    ),
)
