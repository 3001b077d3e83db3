"""Webhook: each conversion as a signed event for a server of one's own, by Standard Webhooks 1.0.0.

Source: standardwebhooks.com, the specification (headers, signature scheme, payload, delivery).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Final
from urllib.parse import urlsplit

import msgspec

from leadtrackr.destinations.contract import (
    RATE_FIELDS,
    Destination,
    Event,
    Field,
    LeadData,
    Limits,
    Request,
    Settings,
    TakeBack,
    Window,
)
from leadtrackr.destinations.contract import Warning as SkipWarning
from leadtrackr.destinations.http_common import JSON, encode, sent_at
from leadtrackr.destinations.webhook.answer import CODES, read, read_check
from leadtrackr.destinations.webhook.signing import FORM, PATTERN, fault_of_secret, signed
from leadtrackr.kit.addresses import fault_of_target
from leadtrackr.kit.clock import DAY, to_datetime
from leadtrackr.kit.ids import Ids
from leadtrackr.kit.money import to_units

MAX_BYTES: Final = 20_000
KEPT_DAYS: Final = 90
PING: Final = b'{"type":"ping","timestamp":"1970-01-01T00:00:00Z","data":{}}'


_FIELDS: Final = (
    Field(
        name="url",
        label="Address",
        help="Of the receiver, https alone. It is kept and shown as it is: put no secret into it.",
        required=True,
        pattern=r"\S{1,2000}",
        pattern_help="Enter an address such as https://hooks.example.com/leads.",
        fault=fault_of_target,
    ),
    Field(
        name="secret",
        label="Signing secret",
        help="The receiver checks the signatures with it. Without one it is made up and shown once.",
        secret=True,
        required=True,
        pattern=PATTERN,
        pattern_help=FORM,
        fault=fault_of_secret,
        fresh=Ids.webhook_secret,
    ),
    Field(
        name="old_secret",
        label="Former signing secret",
        help="Signs too, while receivers change over to a new secret; empty it afterwards.",
        secret=True,
        pattern=PATTERN,
        pattern_help=FORM,
        fault=fault_of_secret,
    ),
    Field(
        name="person_data",
        label="Send the lead's personal data",
        help="yes adds name, company, e-mail address, phone, country, page and click ids, as far as the visitor's "
        "consent goes. With no the receiver finds the lead by its number.",
        kind="choice",
        choices=("yes", "no"),
        default="no",
    ),
)
_EVENT_FIELD: Final = Field(
    name="webhook",
    label="Event type",
    help="What the receiver knows the label by, such as lead.qualified.",
    pattern=r"(?!ping$)(?=.{1,100}$)[A-Za-z0-9_]+(?:\.[A-Za-z0-9_]+)*",
    pattern_help="Enter up to 100 letters, digits and underscores, in parts with dots between them; ping is kept for "
    "the connection test.",
)


class _Data(msgspec.Struct, omit_defaults=True, gc=False):
    event_id: str
    lead_id: int
    value: object = None
    currency: str | None = None
    email: str | None = None
    phone: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    company_name: str | None = None
    country: str | None = None
    conversion_page: str | None = None
    click_ids: Mapping[str, str] | None = None


class _Body(msgspec.Struct, gc=False):
    type: str
    timestamp: datetime
    data: _Data


def missing(_lead: LeadData, _settings: Settings) -> tuple[SkipWarning, ...]:
    """Nothing: a receiver of one's own knows the lead by its number."""
    return ()


def window(event: Event, _settings: Settings) -> Window:
    """This program's own bound: a receiver that was away for long still gets what it missed."""
    return Window(event.lead.created_at, sent_at(event) + KEPT_DAYS * DAY)


def build(events: Sequence[Event], settings: Settings, _token: str | None) -> Request:
    """One event. Its id is the event id in every try; time and signature are made when it goes out."""
    (event,) = events
    data = _Data(event.event_id, event.lead.lead_id)
    if event.value_cents is not None and event.currency:
        data.value = to_units(event.value_cents, event.currency)
        data.currency = event.currency
    if settings.get("person_data") == "yes":
        _add_person(data, event.lead)
    body = encode(_Body(event.action, to_datetime(sent_at(event)), data))
    return Request(
        service="webhook",
        url=settings["url"],
        headers={**JSON, "webhook-id": event.event_id},
        body=body,
        items=(body,),
        sign=partial(signed, event.event_id, body, settings),
    )


def check(settings: Settings, _token: str | None) -> Request:
    """A signed event of the type ping, under an id of its own.

    Nothing happened, so its time is the beginning of 1970.
    """

    def sign(now: int, nonce: str) -> Mapping[str, str]:
        ping_id = f"ping-{nonce}"
        return {"webhook-id": ping_id, **signed(ping_id, PING, settings, now, nonce)}

    return Request(service="webhook", url=settings["url"], headers=JSON, body=PING, sign=sign)


def account(settings: Settings) -> str:
    """The receiver's host: what was rated for one is never sent to another."""
    return urlsplit(settings["url"]).netloc


def _add_person(data: _Data, lead: LeadData) -> None:
    data.email, data.phone = lead.email, lead.phone
    data.first_name, data.last_name, data.company_name = lead.first_name, lead.last_name, lead.company_name
    data.country, data.conversion_page = lead.country, lead.conversion_page
    data.click_ids = lead.ids or None


WEBHOOK: Final = Destination(
    slug="webhook",
    name="Webhook",
    docs_url="https://www.standardwebhooks.com",
    api_version="Standard Webhooks 1.0.0",
    api_version_ends=None,
    fields=(*_FIELDS, *RATE_FIELDS),
    event_field=_EVENT_FIELD,
    limits=Limits(batch_events=1, batch_bytes=MAX_BYTES, in_flight=4, timeout_s=20),
    identifiers=(),
    masked_keys=("email", "phone", "first_name", "last_name", "company_name"),
    account=account,
    missing=missing,
    window=window,
    build=build,
    read=read,
    check=check,
    read_check=read_check,
    codes=CODES,
    take_back=TakeBack(
        restate=False,
        retract=False,
        sentence="An event says what happened when it happened: it is not taken back and stays counted at the "
        "receiver. Give the label that leads get instead an event type of its own.",
    ),
    about="One event a request, signed by Standard Webhooks: type (the label's), timestamp (when the status changed) "
    "and data with event_id, lead_id, value and currency; personal data only with person_data=yes. Sent as "
    "webhook-id: the event id, the same in every try. Only a 2xx is success; a redirect is not followed; 410 stops "
    "the connection until a person mends it; 429, 502, 503 and 504 pause it for as long as Retry-After says. The "
    "connection test is a signed event of the type ping. Private addresses are refused, here and again when it is "
    "sent. How to receive them: [webhooks](../how-to/receive-webhooks.md).",
    window_help="Opens with the lead; closes 90 days after the status change, this program's own bound. A refused "
    "event is tried by this program's own schedule: after 5 seconds, 30 seconds, 5 minutes, 30 minutes, 2, 5 and 10 "
    "hours, then every 10 hours for three days, each with jitter.",
    unverified=(
        "What a status besides 2xx, 410, 429, 502 and 504 means is not in the specification.",
        "A 401 is read as a wrong secret and stops the connection; any other refusal is taken to be of one event.",
    ),
)
