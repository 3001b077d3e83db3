"""Pinterest: conversions through the API for Conversions, version 5.

Source: developers.pinterest.com (events/create in the API reference and its public OpenAPI description).
"""

from collections.abc import Sequence
from typing import Final

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
from leadtrackr.destinations.pinterest.answer import read, read_check, read_validation
from leadtrackr.destinations.pinterest.codes import CODES, DOCS
from leadtrackr.destinations.token_end import TOKEN_ENDS_ON, token_ends
from leadtrackr.kit.clock import SECOND
from leadtrackr.kit.money import to_units

HOST: Final = "https://api.pinterest.com"
VERSION: Final = "v5"
MAX_AGE_DAYS: Final = 30
_RULES: Final = Rules(
    email=TIDY_EMAIL, phone=DIGITS, name=TIDY_NAME, country=TIDY_COUNTRY, source="Conversions API, User data"
)

_FIELDS: Final = (
    Field(
        name="ad_account_id",
        label="Ad account id",
        help="Of the account in the Ads Manager; a number.",
        required=True,
        pattern=r"\d{5,20}",
        pattern_help="Enter the ad account's number from the Ads Manager.",
    ),
    Field(
        name="access_token",
        label="Conversion token",
        help="Made in the Ads Manager under Conversions, Set up API.",
        secret=True,
        required=True,
        pattern=r"[!-~]+",
        pattern_help="Copy the whole conversion token; it has no spaces.",
    ),
    TOKEN_ENDS_ON,
    Field(
        name="action_source",
        label="Where the conversions come from",
        help="Pinterest cannot tell a repeat of an offline event, so web is the safe choice for leads of a website.",
        kind="choice",
        choices=("web", "offline"),
        default="web",
    ),
    age_field(
        MAX_AGE_DAYS, "Pinterest documents no limit. What it finds too old it refuses by itself, without the others."
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
    name="pinterest",
    label="Event name",
    help="One of Pinterest's names: lead, signup, contact, schedule, submit_application, checkout, custom and others.",
    pattern=r"[a-z][a-z0-9_]{0,49}",
    pattern_help="Enter a name in lower case: letters, digits and underscores.",
)
_CHECKED: Final = {
    "data": [
        {
            "event_name": "lead",
            "action_source": "web",
            "event_time": 1767225600,
            "event_id": "connection-test",
            "user_data": {"em": [_RULES.email("connection-test@example.com")]},
        }
    ]
}


class _UserData(msgspec.Struct, omit_defaults=True, gc=False):
    em: tuple[str, ...] = ()
    ph: tuple[str, ...] = ()
    fn: tuple[str, ...] = ()
    ln: tuple[str, ...] = ()
    country: tuple[str, ...] = ()
    click_id: str | None = None
    client_ip_address: str | None = None
    client_user_agent: str | None = None


class _Money(msgspec.Struct, gc=False):
    currency: str
    value: str


class _Event(msgspec.Struct, omit_defaults=True, gc=False):
    event_name: str
    action_source: str
    event_time: int
    event_id: str
    user_data: _UserData
    event_source_url: str | None = None
    custom_data: _Money | None = None


def missing(lead: LeadData, _settings: Settings) -> tuple[SkipWarning, ...]:
    """Pinterest's rule: an e-mail address, or IP address with user agent. Phone or click id alone are not enough."""
    if lead.email or (lead.ip_address and lead.user_agent):
        return ()
    reason = "The lead has neither an e-mail address nor IP address and user agent, of which Pinterest needs one."
    return (SkipWarning("email", reason),)


def window(event: Event, settings: Settings) -> Window:
    """The documents name no age, so the setting decides."""
    return window_of_age(event, settings, MAX_AGE_DAYS)


def build(events: Sequence[Event], settings: Settings, _token: str | None) -> Request:
    """One request for events of one ad account."""
    source = settings.get("action_source", "web")
    items = tuple([encode(_event(event, source)) for event in events])
    return Request(
        service="pinterest",
        url=_url(settings),
        headers=_headers(settings),
        body=joined(b'{"data":[', items, b"]}"),
        items=items,
    )


def validated(request: Request) -> Request:
    """The same request in the mode in which Pinterest records nothing."""
    return msgspec.structs.replace(request, url=f"{request.url}?test=true")


def check(settings: Settings, _token: str | None) -> Request:
    """A made-up event in the mode that records nothing: a conversion token may do little else."""
    return validated(
        Request(service="pinterest", url=_url(settings), headers=_headers(settings), body=encode(_CHECKED))
    )


def account(settings: Settings) -> str:
    """The ad account's id."""
    return settings["ad_account_id"]


def _event(event: Event, source: str) -> _Event:
    wire = _Event(event.action, source, sent_at(event) // SECOND, event.event_id, _user_data(event.lead))
    page = event.lead.conversion_page
    if source == "web" and page and PAGE.fullmatch(page):
        wire.event_source_url = f"https://{page}"
    if event.value_cents is not None and event.currency:
        wire.custom_data = _Money(event.currency, str(to_units(event.value_cents, event.currency)))
    return wire


def _user_data(lead: LeadData) -> _UserData:
    return _UserData(
        em=_one(_RULES.email(lead.email) if lead.email else None),
        ph=_one(_RULES.phone(lead.phone) if lead.phone else None),
        fn=_one(_RULES.name(lead.first_name) if lead.first_name else None),
        ln=_one(_RULES.name(lead.last_name) if lead.last_name else None),
        country=_one(_RULES.country(lead.country) if lead.country else None),
        click_id=lead.ids.get("epik") or None,
        client_ip_address=lead.ip_address,
        client_user_agent=lead.user_agent,
    )


def _one(digest: str | None) -> tuple[str, ...]:
    return (digest,) if digest else ()


def _url(settings: Settings) -> str:
    return f"{HOST}/{settings.get('api_version', VERSION)}/ad_accounts/{settings['ad_account_id']}/events"


def _headers(settings: Settings) -> dict[str, str]:
    return {**JSON, "authorization": f"Bearer {settings['access_token']}"}


PINTEREST: Final = Destination(
    slug="pinterest",
    name="Pinterest",
    docs_url=DOCS,
    api_version=VERSION,
    api_version_ends=None,
    fields=(*_FIELDS, *RATE_FIELDS),
    event_field=_EVENT_FIELD,
    hashing=_RULES,
    limits=Limits(batch_events=1000, batch_bytes=8_000_000, in_flight=4, requests_per_minute=5000),
    reads=("epik",),
    identifiers=("email", "ip_address and user_agent"),
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
        sentence="Pinterest documents no way to change a conversion that it has taken, or to take it back: "
        "it stays counted with its value.",
    ),
    about="The SHA-256 of e-mail address, phone, names and country, the click id epik letter for letter, and IP "
    "address and user agent as they are. Sent as event_id: the event id, which Pinterest counts once within 48 hours "
    "for the same event name; it does not do so for offline events.",
    window_help="Opens with the lead; closes after the days of the setting, 30 unless it is changed.",
    unverified=(
        "Pinterest documents no age limit; 30 days is this program's own default.",
        "Pinterest documents neither the most events nor the most bytes of a request; 1,000 and 8 MB are our bounds.",
        "Whether the limit of 5,000 requests a minute holds for conversion tokens too is said in two ways.",
    ),
)
