"""X: conversions through the Conversion API of the Ads API, signed with OAuth 1.0a.

Source: developer.x.com/en/docs/x-ads-api/measurement/web-conversions (reference and troubleshooting).
"""

from collections.abc import Mapping, Sequence
from typing import Final, Literal

import msgspec

from leadtrackr.destinations.age import age_field, window_of_age
from leadtrackr.destinations.contract import (
    RATE_FIELDS,
    Destination,
    Event,
    Field,
    LeadData,
    Limits,
    Request,
    Settings,
    Sign,
    TakeBack,
    Window,
)
from leadtrackr.destinations.contract import Warning as SkipWarning
from leadtrackr.destinations.http_common import JSON, encode, joined, sent_at
from leadtrackr.destinations.normalise import E164, TIDY_EMAIL, Rules
from leadtrackr.destinations.token_end import TOKEN_ENDS_ON, token_ends
from leadtrackr.destinations.x.answer import read, read_check
from leadtrackr.destinations.x.codes import CODES, DOCS
from leadtrackr.destinations.x.oauth1 import Keys, authorization
from leadtrackr.kit.clock import SECOND, iso_millis
from leadtrackr.kit.money import to_units

HOST: Final = "https://ads-api.x.com"
VERSION: Final = "12"
MAX_AGE_DAYS: Final = 30
_RULES: Final = Rules(email=TIDY_EMAIL, phone=E164, source="Conversion API, Identifiers")


def _secret(name: str, label: str, of: str) -> Field:
    return Field(
        name=name,
        label=label,
        help=f"Of {of}, under Keys and tokens in X's developer portal.",
        secret=True,
        required=True,
        pattern=r"[!-~]+",
        pattern_help="Copy the whole value; it has no spaces.",
    )


_FIELDS: Final = (
    Field(
        name="pixel_id",
        label="Pixel id",
        help="Of the account's base tag in the Events Manager, such as o8z6j.",
        required=True,
        pattern=r"[0-9a-z]{3,16}",
        pattern_help="Enter the pixel id in small letters and digits, such as o8z6j.",
    ),
    _secret("consumer_key", "API key", "an app that X has given access to the Ads API"),
    _secret("consumer_secret", "API key secret", "the same app"),
    _secret("access_token", "Access token", "a user who may use the ad account"),
    _secret("access_token_secret", "Access token secret", "the same user"),
    TOKEN_ENDS_ON,
    age_field(MAX_AGE_DAYS, "X documents no limit."),
    Field(
        name="api_version",
        label="Ads API version",
        default=VERSION,
        pattern=r"\d{1,3}",
        pattern_help=f"Enter a version such as {VERSION}.",
    ),
)
_EVENT_FIELD: Final = Field(
    name="x",
    label="Event id",
    help="Of a single event source in the Events Manager, such as tw-o8z6j-o87ne.",
    pattern=r"(?:tw-[0-9a-z]{3,16}-)?[0-9a-z]{3,16}",
    pattern_help="Enter the event's id as the Events Manager shows it, such as tw-o8z6j-o87ne.",
)


class _Conversion(msgspec.Struct, omit_defaults=True, gc=False):
    conversion_time: str
    event_id: str
    identifiers: tuple[Mapping[str, str], ...]
    conversion_id: str
    value: str | None = None
    price_currency: str | None = None


def missing(lead: LeadData, _settings: Settings) -> tuple[SkipWarning, ...]:
    """X's rule: a click id, an e-mail address or a phone number."""
    if lead.email or lead.phone or lead.ids.get("twclid"):
        return ()
    reason = "The lead has nothing that X can match: no e-mail address, no phone number and no twclid."
    return (SkipWarning("email", reason),)


def window(event: Event, settings: Settings) -> Window:
    """The documents name no age, so the setting decides."""
    return window_of_age(event, settings, MAX_AGE_DAYS)


def build(events: Sequence[Event], settings: Settings, _token: str | None) -> Request:
    """One request for events of one pixel; its signature is made when it goes out."""
    items = tuple([encode(_conversion(event)) for event in events])
    url = f"{HOST}/{settings.get('api_version', VERSION)}/measurement/conversions/{settings['pixel_id']}"
    return Request(
        service="x",
        url=url,
        headers=JSON,
        body=joined(b'{"conversions":[', items, b"]}"),
        items=items,
        sign=_sign("POST", url, settings),
    )


def check(settings: Settings, _token: str | None) -> Request:
    """Lists the ad accounts that the keys may use; changes nothing."""
    url = f"{HOST}/{settings.get('api_version', VERSION)}/accounts?count=1"
    return Request(service="x", url=url, method="GET", sign=_sign("GET", url, settings))


def account(settings: Settings) -> str:
    """The pixel's id."""
    return settings["pixel_id"]


def _conversion(event: Event) -> _Conversion:
    wire = _Conversion(iso_millis(sent_at(event)), event.action, _identifiers(event.lead), event.event_id)
    if event.value_cents is not None and event.currency:
        wire.value = str(to_units(event.value_cents, event.currency))
        wire.price_currency = event.currency
    return wire


def _identifiers(lead: LeadData) -> tuple[Mapping[str, str], ...]:
    """One object each, as X's example has them."""
    found: list[Mapping[str, str]] = []
    if click_id := lead.ids.get("twclid"):
        found.append({"twclid": click_id})
    if lead.email and (email := _RULES.email(lead.email)):
        found.append({"hashed_email": email})
    if lead.phone and (phone := _RULES.phone(lead.phone)):
        found.append({"hashed_phone_number": phone})
    return tuple(found)


def _sign(method: Literal["GET", "POST"], url: str, settings: Settings) -> Sign:
    keys = Keys(
        settings["consumer_key"],
        settings["consumer_secret"],
        settings["access_token"],
        settings["access_token_secret"],
    )
    return lambda now, nonce: {"authorization": authorization(method, url, keys, now // SECOND, nonce)}


X: Final = Destination(
    slug="x",
    name="X",
    docs_url=DOCS,
    api_version=VERSION,
    api_version_ends=None,
    fields=(*_FIELDS, *RATE_FIELDS),
    event_field=_EVENT_FIELD,
    hashing=_RULES,
    limits=Limits(batch_events=500, batch_bytes=4_000_000, in_flight=4, requests_per_minute=6_666),
    reads=("twclid",),
    identifiers=("email", "phone", "twclid"),
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
        sentence="X documents no way to change a conversion that it has taken, or to take it back: "
        "it stays counted with its value.",
    ),
    about="The click id twclid letter for letter and the SHA-256 of e-mail address and phone. Sent as conversion_id: "
    "the event id, by which X tells repeats. Each request is signed when it goes out (OAuth 1.0a, HMAC-SHA1), so the "
    "clock of the machine has to be right.",
    window_help="Opens with the lead; closes after the days of the setting, 30 unless it is changed.",
    unverified=(
        "X documents no age limit; 30 days is this program's own default.",
        "X documents 100,000 requests in 15 minutes for an account; a fifteenth of it is kept to in every minute.",
        "No example shows how IP address and user agent stand beside other identifiers, so they are not sent.",
        "For how long X tells repeats by the conversion id is not documented.",
        "X fails a request for one bad conversion; whether its words say which is not documented: halves are sent.",
        "The connection test shows that the keys work, not that they may use this pixel.",
        "X documents no largest request body; 4 MB is this program's own bound.",
    ),
)
