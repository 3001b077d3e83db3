"""Snapchat: conversions through the Conversions API, version 3.

Sources: developers.snap.com/api/marketing-api/Conversions-API, and the OpenAPI description of Snap's own SDK.
"""

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

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
    TakeBack,
    Validation,
    Window,
)
from leadtrackr.destinations.contract import Warning as SkipWarning
from leadtrackr.destinations.http_common import JSON, PAGE, encode, joined, sent_at
from leadtrackr.destinations.normalise import DIGITS, TIDY_COUNTRY, TIDY_EMAIL, TIDY_NAME, Rules
from leadtrackr.destinations.snapchat.answer import read, read_check, read_validation
from leadtrackr.destinations.snapchat.codes import CODES, DOCS
from leadtrackr.destinations.token_end import TOKEN_ENDS_ON, token_ends
from leadtrackr.kit.clock import SECOND
from leadtrackr.kit.money import to_units

HOST: Final = "https://tr.snapchat.com"
VERSION: Final = "v3"
MAX_AGE_DAYS: Final = 7
OLDEST_DAYS: Final = 37
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_RULES: Final = Rules(
    email=TIDY_EMAIL, phone=DIGITS, name=TIDY_NAME, country=TIDY_COUNTRY, source="Conversions API, Parameters"
)

_FIELDS: Final = (
    Field(
        name="pixel_id",
        label="Pixel id",
        help="Of the Snap Pixel in the Events Manager.",
        required=True,
        pattern=r"[0-9A-Za-z-]{8,64}",
        pattern_help="Enter the pixel id as the Events Manager shows it: letters, digits and hyphens.",
    ),
    Field(
        name="access_token",
        label="Conversions API token",
        help="Made in the Ads Manager under Business Details, for the organization of the pixel.",
        secret=True,
        required=True,
        pattern=r"[!-~]+",
        pattern_help="Copy the whole token; it has no spaces.",
    ),
    TOKEN_ENDS_ON,
    Field(
        name="action_source",
        label="Where the conversions come from",
        help="WEB is sent only for leads whose page is known, and OFFLINE for the others.",
        kind="choice",
        choices=("WEB", "OFFLINE"),
        default="WEB",
    ),
    Field(
        name="time_unit",
        label="Unit of the event time",
        help="Snapchat's example shows seconds; change it only when its Event Quality page says that times are wrong.",
        kind="choice",
        choices=("seconds", "milliseconds"),
        default="seconds",
    ),
    age_field(
        MAX_AGE_DAYS,
        "Seven is the safe value; elsewhere Snapchat says that events up to 37 days old are reported.",
        most=OLDEST_DAYS,
        pattern=r"[1-9]|[12]\d|3[0-7]",
    ),
    Field(
        name="api_version",
        label="API version",
        default=VERSION,
        pattern=r"v\d{1,2}",
        pattern_help=f"Enter a version such as {VERSION}.",
    ),
)
_EVENT_FIELD: Final = Field(
    name="snapchat",
    label="Event name",
    help="One of Snapchat's names such as SIGN_UP, SUBSCRIBE, RESERVE or PURCHASE, or CUSTOM_EVENT_1 to "
    "CUSTOM_EVENT_5. Snapchat takes a PURCHASE only with a value.",
    pattern=r"[A-Za-z][A-Za-z0-9_]{0,49}",
    pattern_help="Enter a name of letters, digits and underscores.",
)


class _UserData(msgspec.Struct, omit_defaults=True, gc=False):
    em: tuple[str, ...] = ()
    ph: tuple[str, ...] = ()
    fn: tuple[str, ...] = ()
    ln: tuple[str, ...] = ()
    country: tuple[str, ...] = ()
    sc_click_id: str | None = None
    sc_cookie1: str | None = None
    client_ip_address: str | None = None
    client_user_agent: str | None = None


class _Money(msgspec.Struct, gc=False):
    value: object
    currency: str


class _Event(msgspec.Struct, omit_defaults=True, gc=False):
    event_name: str
    event_time: int
    event_id: str
    action_source: str
    user_data: _UserData
    event_source_url: str | None = None
    custom_data: _Money | None = None


def missing(lead: LeadData, _settings: Settings) -> tuple[SkipWarning, ...]:
    """Snapchat's rule: e-mail, phone, or IP address with user agent. A click id alone is not enough."""
    if lead.email or lead.phone or (lead.ip_address and lead.user_agent):
        return ()
    reason = (
        "The lead has no e-mail address, no phone number, and not both IP address and user agent: Snapchat needs one."
    )
    return (SkipWarning("email", reason),)


def window(event: Event, settings: Settings) -> Window:
    """Snapchat names two ages in two places, so the setting decides; the default is the shorter one."""
    return window_of_age(event, settings, MAX_AGE_DAYS)


def build(events: Sequence[Event], settings: Settings, _token: str | None) -> Request:
    """One request for events of one pixel. Snapchat takes the token in the query alone."""
    source = settings.get("action_source", "WEB")
    factor = 1000 if settings.get("time_unit") == "milliseconds" else 1
    items = tuple([encode(_event(event, source, factor)) for event in events])
    return Request(
        service="snapchat",
        url=_url("/events", settings),
        headers=JSON,
        body=joined(b'{"data":[', items, b"]}"),
        items=items,
    )


def validated(request: Request) -> Request:
    """The same request for Snapchat's test tool, which counts nothing."""
    return msgspec.structs.replace(request, url=request.url.replace("/events?", "/events/validate?", 1))


def check(settings: Settings, _token: str | None) -> Request:
    """Reads how many test events there were; changes nothing."""
    return Request(service="snapchat", url=_url("/events/validate/stats", settings), method="GET")


def account(settings: Settings) -> str:
    """The pixel's id."""
    return settings["pixel_id"]


def _event(event: Event, source: str, factor: int) -> _Event:
    page = event.lead.conversion_page if source == "WEB" else None
    if source == "WEB" and not (page and PAGE.fullmatch(page)):
        source, page = "OFFLINE", None
    at = sent_at(event) // SECOND * factor
    wire = _Event(event.action, at, event.event_id, source, _user_data(event.lead))
    if page:
        wire.event_source_url = f"https://{page}"
    if event.value_cents is not None and event.currency:
        wire.custom_data = _Money(to_units(event.value_cents, event.currency), event.currency)
    return wire


def _user_data(lead: LeadData) -> _UserData:
    data = _UserData(
        em=_one(_RULES.email(lead.email) if lead.email else None),
        ph=_one(_RULES.phone(lead.phone) if lead.phone else None),
        fn=_one(_RULES.name(lead.first_name) if lead.first_name else None),
        ln=_one(_RULES.name(lead.last_name) if lead.last_name else None),
        country=_one(_RULES.country(lead.country) if lead.country else None),
        sc_click_id=lead.ids.get("scclid") or None,
        client_ip_address=lead.ip_address,
        client_user_agent=lead.user_agent,
    )
    if (cookie := lead.ids.get("scid")) and _UUID.fullmatch(cookie):
        data.sc_cookie1 = cookie
    return data


def _one(digest: str | None) -> tuple[str, ...]:
    return (digest,) if digest else ()


def _url(path: str, settings: Settings) -> str:
    token = quote(settings["access_token"], safe="")
    return f"{HOST}/{settings.get('api_version', VERSION)}/{settings['pixel_id']}{path}?access_token={token}"


SNAPCHAT: Final = Destination(
    slug="snapchat",
    name="Snapchat",
    docs_url=DOCS,
    api_version=VERSION,
    api_version_ends=None,
    fields=(*_FIELDS, *RATE_FIELDS),
    event_field=_EVENT_FIELD,
    hashing=_RULES,
    limits=Limits(batch_events=1000, batch_bytes=8_000_000, in_flight=4),
    reads=("scclid", "scid"),
    identifiers=("email", "phone", "ip_address and user_agent"),
    secret_in_query=True,
    masked_keys=("client_ip_address", "client_user_agent"),
    account=account,
    missing=missing,
    window=window,
    build=build,
    read=read,
    check=check,
    read_check=read_check,
    validation=Validation(request=validated, read=read_validation),
    codes=CODES,
    token_ends=token_ends,
    take_back=TakeBack(
        restate=False,
        retract=False,
        sentence="Snapchat documents no way to change a conversion that it has taken, or to take it back: "
        "it stays counted with its value.",
    ),
    about="The SHA-256 of e-mail address, phone, names and country, the click id scclid and the cookie scid letter for "
    "letter (sc_click_id, sc_cookie1), and IP address and user agent as they are. Sent as event_id: the event id, by "
    "which Snapchat tells repeats. The token stands in the address, where Snapchat wants it, and in no record of ours.",
    window_help="Opens with the lead; closes after the days of the setting, 7 unless it is changed.",
    unverified=(
        "Snapchat shows times in seconds and does not say whether it takes milliseconds too; hence the setting.",
        "The age limit of events is said in two ways, 7 and 37 days; hence the setting.",
        "Neither the most events nor the most bytes of a request are documented; 1,000 and 8 MB are our own bounds.",
        "Whether one bad event fails its request is not documented; a refused one is sent in halves, same event ids.",
        "For how long Snapchat tells repeats by the event id is not documented.",
        "Which HTTP status a wrong token or pixel gives is not documented; 401, 403 and 404 are read in the usual way.",
    ),
)
