"""Leads, events, settings and answers for the tests of destinations. Shares no rule with the code under test."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from leadtrackr.destinations import registry
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
from leadtrackr.destinations.registry import DESTINATIONS, get
from leadtrackr.leads.attribution import IDS
from tests.destinations.facts import FACTS

NOON = int(datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC).timestamp()) * 1_000_000
HOUR = 3_600_000_000
DAY = 24 * HOUR

SETTINGS: dict[str, dict[str, str]] = {slug: dict(FACTS[slug].settings) for slug in DESTINATIONS}
ACTIONS = {slug: FACTS[slug].action for slug in DESTINATIONS}
TOKENS = {slug: FACTS[slug].token for slug in DESTINATIONS}
MONEY = {slug: FACTS[slug].money for slug in DESTINATIONS}
CLICK_IDS: tuple[str, ...] = (*IDS, *sorted(registry.CLICK_IDS))
"""Every click id and cookie that any destination may know of."""


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
            **{name: f"{name}_aB-1" for name in registry.CLICK_IDS},
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
