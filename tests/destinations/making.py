"""Leads, events, settings and answers for the tests of destinations. Shares no rule with the code under test."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from leadtrackr.destinations.contract import (
    Destination,
    Event,
    Known,
    LeadData,
    Outcome,
    PerEvent,
    Refused,
    Response,
    StatusAnswer,
    Verdict,
)
from leadtrackr.destinations.registry import get

NOON = int(datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC).timestamp()) * 1_000_000
HOUR = 3_600_000_000
DAY = 24 * HOUR

SETTINGS: dict[str, dict[str, str]] = {
    "google_ads": {
        "operating_account": "1234567890",
        "login_account": "9876543210",
        "client_id": "client",
        "client_secret": "hush-client",
        "refresh_token": "hush-refresh",
        "user_data": "yes",
        "click_age_hours": "6",
        "retract_as_zero": "no",
    },
    "google_ads_legacy": {
        "customer": "1234567890",
        "login_customer": "9876543210",
        "client_id": "client",
        "client_secret": "hush-client",
        "refresh_token": "hush-refresh",
        "user_data": "yes",
        "click_age_hours": "6",
        "api_version": "v25",
    },
    "ga4": {"measurement_id": "G-AB12CD34EF", "api_secret": "hush-ga4", "region": "global"},
    "meta": {
        "dataset_id": "123456789012345",
        "access_token": "hush-meta",
        "action_source": "website",
        "profile": "website",
        "crm_name": "LeadTrackr",
        "api_version": "v25.0",
    },
    "microsoft": {
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
    "tiktok": {
        "event_source": "web",
        "event_source_id": "C4A1B2C3D4E5F6G7H8I9",
        "access_token": "hush-tiktok",
        "max_age_days": "28",
        "api_version": "v1.3",
    },
    "pinterest": {
        "ad_account_id": "549755885175",
        "access_token": "hush-pinterest",
        "action_source": "web",
        "max_age_days": "30",
        "api_version": "v5",
    },
    "snapchat": {
        "pixel_id": "1ec32188-754e-4be2-8e55-c949a984a39f",
        "access_token": "hush-snapchat",
        "action_source": "WEB",
        "time_unit": "seconds",
        "max_age_days": "7",
        "api_version": "v3",
    },
    "x": {
        "pixel_id": "o8z6j",
        "consumer_key": "hush-key",
        "consumer_secret": "secret-of-hush-key",
        "access_token": "hush-token",
        "access_token_secret": "secret-of-hush-token",
        "max_age_days": "30",
        "api_version": "12",
    },
    "webhook": {
        "url": "https://hooks.example.com/leads?of=site",
        "secret": "whsec_hushhushhushhushhushhushhushhush",
        "person_data": "no",
    },
    "linkedin": {"ad_account": "512345678", "access_token": "hush-linkedin", "api_version": "202609"},
    "reddit": {"pixel_id": "a2_abc123def456", "access_token": "hush-reddit", "action_source": "WEBSITE"},
    "openai": {"pixel_id": "KBHCVX1dYePAFy31", "api_key": "hush-openai", "action_source": "web"},
}
ACTIONS = {
    "google_ads": "987654321",
    "google_ads_legacy": "987654321",
    "ga4": "qualify_lead",
    "meta": "QualifiedLead",
    "linkedin": "104012",
    "reddit": "LEAD",
    "openai": "lead_created",
    "microsoft": "Qualified lead",
    "tiktok": "Lead",
    "pinterest": "lead",
    "snapchat": "SIGN_UP",
    "x": "tw-o8z6j-o87ne",
    "webhook": "lead.qualified",
}
TOKENS: dict[str, str | None] = {
    "google_ads": "hush-token",
    "google_ads_legacy": "hush-token",
    "ga4": None,
    "meta": None,
    "linkedin": None,
    "reddit": None,
    "openai": None,
    "microsoft": "hush-token",
    "tiktok": None,
    "pinterest": None,
    "snapchat": None,
    "x": None,
    "webhook": None,
}
MONEY = {
    "google_ads": ("conversionValue", "currency"),
    "google_ads_legacy": ("conversionValue", "currencyCode"),
    "ga4": ("value", "currency"),
    "meta": ("value", "currency"),
    "linkedin": ("amount", "currencyCode"),
    "reddit": ("value", "currency"),
    "openai": ("amount", "currency"),
    "microsoft": ("ConversionValue", "ConversionCurrencyCode"),
    "tiktok": ("value", "currency"),
    "pinterest": ("value", "currency"),
    "snapchat": ("value", "currency"),
    "x": ("value", "price_currency"),
    "webhook": ("value", "currency"),
}
"""The keys under which a value and its currency leave."""


def public(slug: str) -> dict[str, str]:
    """A destination's settings without its secrets: what a delivery is planned with."""
    secret = {field.name for field in get(slug).fields if field.secret}
    return {name: value for name, value in SETTINGS[slug].items() if name not in secret}


def lead(**changes: Any) -> LeadData:
    """A German lead with everything that a destination may know."""
    values: dict[str, Any] = {
        "lead_id": 42,
        "created_at": NOON,
        "email": "erika.mustermann@example.de",
        "phone": "+493012345678",
        "first_name": "Erika",
        "last_name": "Mustermann",
        "company_name": "Muster GmbH",
        "country": "DE",
        "ids": {
            "gclid": "Cj0KCQ_AbC-123",
            "fbc": "fb.1.1790000000000.IwAR2AbCdEf",
            "fbp": "fb.1.1790000000000.1098115397",
            "msclkid": "a1b2c3d4e5f60718293a4b5c6d7e8f90",
            "ttclid": "E.C.P.AbC-dEf_1",
            "ttp": "01HZ.Ttp-Cookie",
            "epik": "dj0yJnU9AbC-dEf",
            "scclid": "ScCid-AbC_1",
            "twclid": "23opevjt88psuo13lu8d020qkn",
            "scid": "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9",
            "cid": "123456789.1790000000",
            "sid": "1790000001",
            "li_fat_id": "1e0a7c3f-9B2d-4d11-8f6a-0c5d1b7e2a90",
            "rdt_cid": "3184742045291813272_aB",
            "rdt_uuid": "1790000000000.b8f7eb7d-b357-437b-8bd3-e1c8166c7132",
            "oppref": "oppref_aB-1",
            "obref": "obref_Cd-2",
        },
        "consent": {"ad_user_data": "granted", "ad_personalization": "denied"},
        "conversion_page": "example.de/kontakt",
        "ip_address": "203.0.113.7",
        "user_agent": "Mozilla/5.0 (X11; Linux x86_64)",
    }
    return LeadData(**{**values, **changes})


def event(of: LeadData | None = None, slug: str = "google_ads", **changes: Any) -> Event:
    """A conversion of 50 euros, a day after the lead."""
    values: dict[str, Any] = {
        "event_id": "lt-abcdefghijklmnopqrstuvwxyz",
        "action": ACTIONS[slug],
        "happened_at": NOON + DAY + 123_456,
        "value_cents": 5000,
        "currency": "EUR",
        "lead": of or lead(),
    }
    return Event(**{**values, **changes})


def body_of(destination: Destination, one: Event, **settings: str) -> dict[str, Any]:
    """The JSON body that carries one event."""
    request = destination.build([one], {**SETTINGS[destination.slug], **settings}, TOKENS[destination.slug])
    found: dict[str, Any] = json.loads(request.body)
    return found


def sha(text: str) -> str:
    """SHA-256 hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def answer(status: int, body: object = b"", headers: Mapping[str, str] | None = None) -> Response:
    """A response; anything but bytes is encoded as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status=status, headers=headers or {}, body=raw)


def outcomes(verdict: Verdict) -> list[Outcome]:
    """Every outcome that a verdict holds."""
    if isinstance(verdict, PerEvent):
        return list(verdict.outcomes)
    return [verdict.outcome, *(verdict.named.values() if isinstance(verdict, Refused) else ())]


def said(found: StatusAnswer) -> list[Outcome]:
    """Every outcome that a later answer holds."""
    if isinstance(found, Known):
        return list(found.outcomes)
    return [] if found.outcome is None else [found.outcome]


def names(text: str) -> list[str]:
    """The words of a text, for tables of codes."""
    return text.split()
