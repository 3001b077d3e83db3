"""OpenAI Ads: conversions of a pixel through the Conversions API.

Source: developers.openai.com/ads (Conversions API, supported events).
"""

import re
from collections.abc import Mapping, Sequence
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
    Validation,
    Window,
)
from leadtrackr.destinations.contract import Warning as SkipWarning
from leadtrackr.destinations.http_common import JSON, ON_THE_WAY, encode, joined, sent_at
from leadtrackr.destinations.normalise import BARE_ASCII_NAME, DIGITS, TIDY_EMAIL, Rules
from leadtrackr.destinations.openai.answer import read, read_check, read_validated
from leadtrackr.destinations.openai.codes import CODES, DOCS
from leadtrackr.destinations.token_end import TOKEN_ENDS_ON, token_ends
from leadtrackr.kit.clock import DAY
from leadtrackr.kit.money import to_units

HOST: Final = "https://bzr.openai.com"
MAX_AGE_DAYS: Final = 7
DATA_TYPES: Final[Mapping[str, str]] = {
    "lead_created": "customer_action",
    "appointment_scheduled": "customer_action",
    "registration_completed": "customer_action",
    "order_created": "contents",
    "subscription_created": "plan_enrollment",
    "trial_started": "plan_enrollment",
    "checkout_started": "contents",
    "items_added": "contents",
    "contents_viewed": "contents",
    "page_viewed": "contents",
}
"""OpenAI's own events → the type of data that goes with each; any other name is a custom event."""
_MILLISECOND: Final = 1000
_PHONE_DIGITS: Final = range(8, 16)
_PAGE: Final = re.compile(r"[^\s/?#]+\.[^\s/?#]+(?:/\S*)?")
_OWN_NAMES: Final = "|".join(DATA_TYPES)

_RULES: Final = Rules(
    email=TIDY_EMAIL,
    phone=DIGITS,
    name=BARE_ASCII_NAME,
    source="Ads Conversions API, User object; whether a phone keeps its + is not documented",
)
_FIELDS: Final = (
    Field(
        name="pixel_id",
        label="Pixel id",
        help="From the conversions tab of the Ads Manager.",
        required=True,
        pattern=r"[A-Za-z0-9_-]{3,64}",
        pattern_help="Copy the pixel id from the Ads Manager.",
    ),
    Field(
        name="api_key",
        label="Conversions API key",
        help="Made in the conversions tab of the Ads Manager; keys for other purposes do not work.",
        secret=True,
        required=True,
        pattern=r"[!-~]+",
        pattern_help="Copy the whole key; it has no spaces.",
    ),
    TOKEN_ENDS_ON,
    Field(
        name="action_source",
        label="Where the conversions come from",
        help="web is sent only for leads whose page is known, and other for the rest.",
        kind="choice",
        choices=("web", "phone_call", "email", "physical_store", "offline", "other"),
        default="web",
    ),
)
_EVENT_FIELD: Final = Field(
    name="openai",
    label="Event",
    help=f"One of OpenAI's own ({', '.join(DATA_TYPES)}), or a name of your own for a custom event.",
    pattern=rf"(?:{_OWN_NAMES})|(?!(?i:{_OWN_NAMES}|custom)$)\S(?:[^\x00-\x1f\x7f]{{0,62}}\S)?",
    pattern_help="Enter one of OpenAI's own events exactly as written here, or another name of up to 64 characters.",
)


class _User(msgspec.Struct, omit_defaults=True, gc=False):
    emails_sha256: tuple[str, ...] = ()
    phone_numbers_sha256: tuple[str, ...] = ()
    first_names_sha256: tuple[str, ...] = ()
    last_names_sha256: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    obref: str | None = None
    ip_address: str | None = None
    user_agent: str | None = None


class _Data(msgspec.Struct, omit_defaults=True, gc=False):
    type: str
    amount: int | None = None
    currency: str | None = None


class _Event(msgspec.Struct, omit_defaults=True, gc=False):
    id: str
    type: str
    timestamp_ms: int
    action_source: str
    data: _Data
    custom_event_name: str | None = None
    source_url: str | None = None
    oppref: str | None = None
    opt_out: bool = False
    user: _User | None = None


def missing(lead: LeadData, _settings: Settings) -> tuple[SkipWarning, ...]:
    """Something by which OpenAI can find an ad or a person. It takes events without, but they could count for no ad."""
    if lead.ids.get("oppref") or lead.ids.get("obref") or lead.email or _phone(lead):
        return ()
    if lead.ip_address and lead.user_agent:
        return ()
    reason = "The lead has nothing that OpenAI can match: no oppref, obref, e-mail address or phone number."
    return (SkipWarning("user", reason),)


def window(event: Event, _settings: Settings) -> Window:
    """One event older than seven days fails the whole batch. Ten minutes ahead of the clock are allowed."""
    at = sent_at(event) // _MILLISECOND * _MILLISECOND
    return Window(event.lead.created_at, at + MAX_AGE_DAYS * DAY - ON_THE_WAY)


def build(events: Sequence[Event], settings: Settings, _token: str | None) -> Request:
    """One request for events of one pixel."""
    source = settings.get("action_source", "web")
    items = tuple([encode(_event(event, source)) for event in events])
    return _post(settings, joined(b'{"events":[', items, b"]}"), items)


def validated(request: Request) -> Request:
    """The same events, which OpenAI then looks at without saving them."""
    return msgspec.structs.replace(request, body=b'{"validate_only":true,' + request.body[1:])


def check(settings: Settings, _token: str | None) -> Request:
    """A list without events that is only to be looked at."""
    return _post(settings, b'{"validate_only":true,"events":[]}')


def account(settings: Settings) -> str:
    """The pixel's id."""
    return settings["pixel_id"]


def _post(settings: Settings, body: bytes, items: tuple[bytes, ...] = ()) -> Request:
    return Request(
        service="openai",
        url=f"{HOST}/v1/events?pid={settings['pixel_id']}",
        headers={**JSON, "authorization": f"Bearer {settings['api_key']}"},
        body=body,
        items=items,
    )


def _event(event: Event, source: str) -> _Event:
    lead = event.lead
    page = lead.conversion_page if source == "web" else None
    if source == "web" and not (page and _PAGE.fullmatch(page)):
        source, page = "other", None
    own = DATA_TYPES.get(event.action)
    data = _Data(own or "custom")
    if event.value_cents is not None and event.currency:
        data.amount, data.currency = _smallest_units(event.value_cents, event.currency), event.currency
    wire = _Event(event.event_id, event.action if own else "custom", sent_at(event) // _MILLISECOND, source, data)
    wire.custom_event_name = None if own else event.action
    wire.source_url = f"https://{page}" if page else None
    wire.oppref = lead.ids.get("oppref") or None
    wire.opt_out = lead.consent.get("ad_personalization") == "denied"
    wire.user = _user(lead)
    return wire


def _smallest_units(cents: int, currency: str) -> int:
    """OpenAI counts the currency's smallest unit by ISO 4217, as `value_cents` does; ValueError for no currency."""
    to_units(cents, currency)
    return cents


def _user(lead: LeadData) -> _User | None:
    user = _User(
        emails_sha256=_one(_RULES.email(lead.email) if lead.email else None),
        phone_numbers_sha256=_one(_phone(lead)),
        first_names_sha256=_one(_RULES.name(lead.first_name) if lead.first_name else None),
        last_names_sha256=_one(_RULES.name(lead.last_name) if lead.last_name else None),
        countries=_one(lead.country),
        obref=lead.ids.get("obref") or None,
        ip_address=lead.ip_address or None,
        user_agent=lead.user_agent or None,
    )
    return user if user != _User() else None


def _phone(lead: LeadData) -> str | None:
    """The digest of a number of 8 to 15 digits; OpenAI takes no others."""
    if not lead.phone or len(_RULES.phone.text(lead.phone)) not in _PHONE_DIGITS:
        return None
    return _RULES.phone(lead.phone)


def _one(value: str | None) -> tuple[str, ...]:
    return (value,) if value else ()


OPENAI: Final = Destination(
    slug="openai",
    name="OpenAI Ads",
    docs_url=DOCS,
    api_version="v1",
    api_version_ends=None,
    fields=(*_FIELDS, *RATE_FIELDS),
    event_field=_EVENT_FIELD,
    hashing=_RULES,
    limits=Limits(batch_events=1000, batch_bytes=8_000_000, in_flight=2),
    reads=("oppref", "obref"),
    identifiers=("user",),
    masked_keys=("ip_address", "user_agent"),
    account=account,
    missing=missing,
    window=window,
    build=build,
    read=read,
    check=check,
    read_check=read_check,
    validation=Validation(request=validated, read=read_validated),
    codes=CODES,
    token_ends=token_ends,
    take_back=TakeBack(
        restate=False,
        retract=False,
        sentence="OpenAI documents no way to change a conversion that it has taken, or to take it back: "
        "it stays counted with its value.",
    ),
    about="The references oppref and obref letter for letter, the SHA-256 of e-mail address, phone and names, and "
    "country, IP address and user agent as they are. opt_out is sent for a lead that denied ad_personalization. Sent "
    "as id: the event id, which OpenAI counts once per event type.",
    window_help="Opens with the lead; closes seven days after the status change.",
    unverified=(
        "OpenAI documents no error bodies: refusals name no event here, and the one at fault is found by halving.",
        "OpenAI documents no limits of requests in a time and no largest body; 8 MB is this program's own bound.",
        "Whether a phone number is hashed with its + is not documented; it is hashed as digits.",
        "Which identifiers suffice is not documented; leads with none are skipped: no ad could be found for them.",
        "Whether a list without events is looked at after the API key, as the connection test needs, was not tried.",
        "How long the name of a custom event may be is not documented.",
    ),
)
