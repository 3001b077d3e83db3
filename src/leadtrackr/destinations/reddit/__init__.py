"""Reddit: conversions of a pixel through the Conversions API v3.

Source: ads-api.reddit.com/docs/v3 (direct integration, migration from v2, errors).
"""

import re
from collections.abc import Sequence
from typing import Final

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
from leadtrackr.destinations.http_common import JSON, ON_THE_WAY, encode, joined, sent_at
from leadtrackr.destinations.normalise import BARE_EMAIL, E164, Rules
from leadtrackr.destinations.reddit.answer import read, read_check
from leadtrackr.destinations.reddit.codes import CODES, DOCS
from leadtrackr.destinations.token_end import TOKEN_ENDS_ON, token_ends
from leadtrackr.kit.clock import DAY
from leadtrackr.kit.hashing import sha256_hex
from leadtrackr.kit.money import to_units

HOST: Final = "https://ads-api.reddit.com"
MAX_AGE_DAYS: Final = 7
TRACKING_TYPES: Final = (
    "LEAD",
    "SIGN_UP",
    "PURCHASE",
    "PAGE_VISIT",
    "VIEW_CONTENT",
    "SEARCH",
    "ADD_TO_CART",
    "ADD_TO_WISHLIST",
)
IN_A_STORE: Final = "PHYSICAL_STORE"
_MILLISECOND: Final = 1000
_UUID: Final = re.compile(r"\d{10,13}\.[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_PAGE: Final = re.compile(r"[^\s/?#]+\.[^\s/?#]+(?:/\S*)?")
_OWN_NAMES: Final = "|".join((*(name.replace("_", "_?") for name in TRACKING_TYPES), "CUSTOM"))

_RULES: Final = Rules(email=BARE_EMAIL, phone=E164, source="Conversions API; measured connectors for the e-mail form")
_FIELDS: Final = (
    Field(
        name="pixel_id",
        label="Pixel id",
        help="From the Events Manager, such as a2_abc123def456.",
        required=True,
        pattern=r"[A-Za-z0-9_]{3,64}",
        pattern_help="Copy the pixel id from the Events Manager.",
    ),
    Field(
        name="access_token",
        label="Conversion access token",
        help="Made in the Events Manager under Conversions API. It has no end that Reddit documents.",
        secret=True,
        required=True,
        pattern=r"[!-~]+",
        pattern_help="Copy the whole access token; it has no spaces.",
    ),
    TOKEN_ENDS_ON,
    Field(
        name="action_source",
        label="Where the conversions come from",
        help="Under PHYSICAL_STORE only e-mail address and phone are sent, as Reddit asks. Conversions that its pixel "
        "sends too are told apart from yours only under WEBSITE.",
        kind="choice",
        choices=("WEBSITE", IN_A_STORE, "OTHER"),
        default="WEBSITE",
    ),
)
_EVENT_FIELD: Final = Field(
    name="reddit",
    label="Event",
    help=f"One of Reddit's own, in capitals ({', '.join(TRACKING_TYPES)}), or a name of your own for a custom event.",
    pattern=rf"(?:{'|'.join(TRACKING_TYPES)})|(?!(?i:{_OWN_NAMES})$)\S(?:[^\x00-\x1f\x7f]{{0,62}}\S)?",
    pattern_help="Enter one of Reddit's own events exactly as written here, or another name of up to 64 characters.",
)


class _Type(msgspec.Struct, omit_defaults=True, gc=False):
    tracking_type: str
    custom_event_name: str | None = None


class _User(msgspec.Struct, omit_defaults=True, gc=False):
    email: str | None = None
    phone_number: str | None = None
    ip_address: str | None = None
    user_agent: str | None = None
    uuid: str | None = None


class _Metadata(msgspec.Struct, omit_defaults=True, gc=False):
    conversion_id: str
    value: object = None
    currency: str | None = None


class _Event(msgspec.Struct, omit_defaults=True, gc=False):
    event_at: int
    action_source: str
    type: _Type
    metadata: _Metadata
    user: _User | None = None
    click_id: str | None = None
    event_source_url: str | None = None


def missing(lead: LeadData, settings: Settings) -> tuple[SkipWarning, ...]:
    """Something by which Reddit can find a person. It takes events without, but they could count for no ad."""
    if lead.email or lead.phone:
        return ()
    if settings.get("action_source") == IN_A_STORE:
        reason = "The lead has neither e-mail address nor phone number, and of a store Reddit wants nothing else."
        return (SkipWarning("user", reason),)
    if lead.ids.get("rdt_cid") or _uuid(lead) or (lead.ip_address and lead.user_agent):
        return ()
    reason = "The lead has nothing that Reddit can match: no e-mail address, phone number, rdt_cid or rdt_uuid."
    return (SkipWarning("user", reason),)


def window(event: Event, _settings: Settings) -> Window:
    """Reddit processes no event of a request in which one is older than seven days."""
    at = sent_at(event) // _MILLISECOND * _MILLISECOND
    return Window(event.lead.created_at, at + MAX_AGE_DAYS * DAY - ON_THE_WAY)


def build(events: Sequence[Event], settings: Settings, _token: str | None) -> Request:
    """One request for events of one pixel."""
    source = settings.get("action_source", "WEBSITE")
    items = tuple([encode(_event(event, source)) for event in events])
    return _post(settings, joined(b'{"data":{"events":[', items, b"]}}"), items)


def check(settings: Settings, _token: str | None) -> Request:
    """A list without events: Reddit has nothing to process, but says whether the token may send to the pixel."""
    return _post(settings, b'{"data":{"events":[]}}')


def account(settings: Settings) -> str:
    """The pixel's id."""
    return settings["pixel_id"]


def _post(settings: Settings, body: bytes, items: tuple[bytes, ...] = ()) -> Request:
    return Request(
        service="reddit",
        url=f"{HOST}/api/v3/pixels/{settings['pixel_id']}/conversion_events",
        headers={**JSON, "authorization": f"Bearer {settings['access_token']}"},
        body=body,
        items=items,
    )


def _event(event: Event, source: str) -> _Event:
    lead = event.lead
    kind = _Type(event.action) if event.action in TRACKING_TYPES else _Type("CUSTOM", event.action)
    metadata = _Metadata(event.event_id)
    if event.value_cents is not None and event.currency:
        metadata.value, metadata.currency = to_units(event.value_cents, event.currency), event.currency
    wire = _Event(sent_at(event) // _MILLISECOND, source, kind, metadata, _user(lead, source))
    if source != IN_A_STORE:
        wire.click_id = lead.ids.get("rdt_cid") or None
    if source == "WEBSITE" and lead.conversion_page and _PAGE.fullmatch(lead.conversion_page):
        wire.event_source_url = f"https://{lead.conversion_page}"
    return wire


def _user(lead: LeadData, source: str) -> _User | None:
    user = _User(
        email=_RULES.email(lead.email) if lead.email else None,
        phone_number=_RULES.phone(lead.phone) if lead.phone else None,
    )
    if source != IN_A_STORE:
        user.ip_address = sha256_hex(lead.ip_address) if lead.ip_address else None
        user.user_agent = lead.user_agent or None
        user.uuid = _uuid(lead)
    return user if user != _User() else None


def _uuid(lead: LeadData) -> str | None:
    """The cookie of Reddit's pixel as it is; in another form, Reddit would refuse the whole request for it."""
    cookie = lead.ids.get("rdt_uuid")
    return cookie if cookie and _UUID.fullmatch(cookie) else None


REDDIT: Final = Destination(
    slug="reddit",
    name="Reddit",
    docs_url=DOCS,
    api_version="v3",
    api_version_ends=None,
    fields=(*_FIELDS, *RATE_FIELDS),
    event_field=_EVENT_FIELD,
    hashing=_RULES,
    limits=Limits(batch_events=1000, batch_bytes=8_000_000, in_flight=4, requests_per_second=10),
    reads=("rdt_cid", "rdt_uuid"),
    identifiers=("user",),
    masked_keys=("user_agent",),
    account=account,
    missing=missing,
    window=window,
    build=build,
    read=read,
    check=check,
    read_check=read_check,
    codes=CODES,
    token_ends=token_ends,
    take_back=TakeBack(
        restate=False,
        retract=False,
        sentence="Reddit documents no way to change a conversion that it has taken, or to take it back: "
        "it stays counted with its value.",
    ),
    about="The SHA-256 of e-mail address, phone and IP address, the click id rdt_cid and the cookie rdt_uuid letter "
    "for letter, and the user agent. Sent as conversion_id: the event id, which Reddit counts once per event type.",
    window_help="Opens with the lead; closes seven days after the status change. Reddit recognises repeats of events "
    "that reach it within two days.",
    unverified=(
        "Reddit takes 10,000 events a second: ten full requests, which is what this program keeps to.",
        "Reddit documents no largest request body; 8 MB is this program's own bound.",
        "Which identifiers suffice is not documented; leads with none are skipped: no ad could be found for them.",
        "Whether a bad token is refused before a list without events is, as the connection test needs, was not tried.",
        "Invalid events are named by their path in newer answers and echoed in older ones; both are read.",
    ),
)
