"""TikTok: conversions through the Events API 2.0.

Source: business-api.tiktok.com/portal/docs (Events API 2.0: payload, parameters, deduplication; return codes).
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
    Window,
)
from leadtrackr.destinations.contract import Warning as SkipWarning
from leadtrackr.destinations.http_common import JSON, PAGE, encode, joined, sent_at
from leadtrackr.destinations.normalise import E164, NAME_WITHOUT_SPACE, TIDY_EMAIL, Rules
from leadtrackr.destinations.tiktok.answer import read, read_check
from leadtrackr.destinations.tiktok.codes import CODES, DOCS
from leadtrackr.destinations.token_end import TOKEN_ENDS_ON, token_ends
from leadtrackr.kit.clock import SECOND
from leadtrackr.kit.money import to_units

HOST: Final = "https://business-api.tiktok.com"
VERSION: Final = "v1.3"
MAX_AGE_DAYS: Final = 28
LONGEST_TTCLID: Final = 1000
_RULES: Final = Rules(email=TIDY_EMAIL, phone=E164, name=NAME_WITHOUT_SPACE, source="Events API 2.0, Parameters")

_FIELDS: Final = (
    Field(
        name="event_source",
        label="Kind of event source",
        help="web for a pixel, offline for an offline event set, crm for a CRM event set. A web event needs the page "
        "of its lead; an offline one the e-mail address or the phone number.",
        kind="choice",
        choices=("web", "offline", "crm"),
        default="web",
    ),
    Field(
        name="event_source_id",
        label="Event source id",
        help="The pixel code, or the id of the offline or CRM event set, from the Events Manager.",
        required=True,
        pattern=r"[A-Za-z0-9_-]{5,64}",
        pattern_help="Enter the pixel code or the event set's id as the Events Manager shows it.",
    ),
    Field(
        name="access_token",
        label="Access token",
        help="Made in the Events Manager under the settings of the event source.",
        secret=True,
        required=True,
        pattern=r"[!-~]+",
        pattern_help="Copy the whole access token; it has no spaces.",
    ),
    TOKEN_ENDS_ON,
    Field(
        name="test_event_code",
        label="Test event code",
        help="Shows the events under Test Events. Empty it when you are done.",
        pattern=r"[A-Za-z0-9_-]{1,40}",
        pattern_help="Enter the code as TikTok shows it, such as TEST12345.",
    ),
    age_field(
        MAX_AGE_DAYS,
        "TikTok documents no limit; a partner names 28 days for offline events. "
        "What lies more than seven days back may be taken and still not be attributed.",
        most=MAX_AGE_DAYS,
        pattern=r"[1-9]|1\d|2[0-8]",
    ),
    Field(
        name="api_version",
        label="API version",
        default=VERSION,
        pattern=r"v\d{1,2}\.\d",
        pattern_help=f"Enter a version such as {VERSION}.",
    ),
)
_EVENT_FIELD: Final = Field(
    name="tiktok",
    label="Event name",
    help="A standard event such as Lead, Contact, Schedule, SubmitApplication, ApplicationApproval, "
    "CompleteRegistration or Purchase, or a name of your own; those of a CRM are mapped to standard events at TikTok.",
    pattern=r"\S(?:[^\x00-\x1f\x7f]{0,48}\S)?",
    pattern_help="Enter a name of up to 50 characters.",
)


class _User(msgspec.Struct, omit_defaults=True, gc=False):
    email: str | None = None
    phone: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    ttclid: str | None = None
    ttp: str | None = None
    ip: str | None = None
    user_agent: str | None = None


class _Page(msgspec.Struct, gc=False):
    url: str


class _Money(msgspec.Struct, gc=False):
    value: object
    currency: str


class _Event(msgspec.Struct, omit_defaults=True, gc=False):
    event: str
    event_time: int
    event_id: str
    user: _User
    page: _Page | None = None
    properties: _Money | None = None


def missing(lead: LeadData, settings: Settings) -> tuple[SkipWarning, ...]:
    """What the kind of event source needs. Offline: TikTok's own rule; the others: what it can match at all."""
    source = settings.get("event_source", "web")
    if source == "web" and not _page(lead):
        reason = "The lead's page is not known, and TikTok takes an event of a website only with its page."
        return (SkipWarning("page", reason),)
    if lead.email or lead.phone:
        return ()
    if source == "offline":
        reason = (
            "The lead has neither an e-mail address nor a phone number, and TikTok matches offline events by these."
        )
        return (SkipWarning("email", reason),)
    if _ttclid(lead) or (source == "web" and (lead.ids.get("ttp") or (lead.ip_address and lead.user_agent))):
        return ()
    return (SkipWarning("email", "The lead has nothing that TikTok can match: no e-mail address, phone or ttclid."),)


def window(event: Event, settings: Settings) -> Window:
    """The documents name no age for web and CRM events, so the setting decides."""
    return window_of_age(event, settings, MAX_AGE_DAYS)


def build(events: Sequence[Event], settings: Settings, _token: str | None) -> Request:
    """One request for events of one event source; the token goes into a header."""
    is_web = settings.get("event_source", "web") == "web"
    items = tuple([encode(_event(event, is_web)) for event in events])
    return Request(
        service="tiktok",
        url=_url(settings),
        headers=_headers(settings),
        body=joined(_before(settings), items, b"]}"),
        items=items,
    )


def check(settings: Settings, _token: str | None) -> Request:
    """An empty list of events: there is nothing to count, and TikTok looks at the token before it complains of that."""
    return Request(service="tiktok", url=_url(settings), headers=_headers(settings), body=_before(settings) + b"]}")


def account(settings: Settings) -> str:
    """The event source's id."""
    return settings["event_source_id"]


def _event(event: Event, is_web: bool) -> _Event:
    wire = _Event(event.action, sent_at(event) // SECOND, event.event_id, _user(event.lead))
    if is_web and (page := _page(event.lead)):
        wire.page = _Page(f"https://{page}")
    if event.value_cents is not None and event.currency:
        wire.properties = _Money(to_units(event.value_cents, event.currency), event.currency)
    return wire


def _user(lead: LeadData) -> _User:
    return _User(
        email=_RULES.email(lead.email) if lead.email else None,
        phone=_RULES.phone(lead.phone) if lead.phone else None,
        first_name=_RULES.name(lead.first_name) if lead.first_name else None,
        last_name=_RULES.name(lead.last_name) if lead.last_name else None,
        ttclid=_ttclid(lead),
        ttp=lead.ids.get("ttp") or None,
        ip=lead.ip_address,
        user_agent=lead.user_agent,
    )


def _ttclid(lead: LeadData) -> str | None:
    """A longer one than TikTok takes is left out: cut, it would be another."""
    click_id = lead.ids.get("ttclid")
    return click_id if click_id and len(click_id) <= LONGEST_TTCLID else None


def _page(lead: LeadData) -> str | None:
    page = lead.conversion_page
    return page if page and PAGE.fullmatch(page) else None


def _before(settings: Settings) -> bytes:
    root = {
        "event_source": settings.get("event_source", "web"),
        "event_source_id": settings["event_source_id"],
    }
    if code := settings.get("test_event_code"):
        root["test_event_code"] = code
    return encode(root)[:-1] + b',"data":['


def _url(settings: Settings) -> str:
    return f"{HOST}/open_api/{settings.get('api_version', VERSION)}/event/track/"


def _headers(settings: Settings) -> dict[str, str]:
    return {**JSON, "access-token": settings["access_token"]}


TIKTOK: Final = Destination(
    slug="tiktok",
    name="TikTok",
    docs_url=DOCS,
    api_version=VERSION,
    api_version_ends=None,
    fields=(*_FIELDS, *RATE_FIELDS),
    event_field=_EVENT_FIELD,
    hashing=_RULES,
    limits=Limits(batch_events=1000, batch_bytes=8_000_000, in_flight=4, requests_per_second=1000),
    reads=("ttclid", "ttp"),
    identifiers=("email", "phone", "ttclid", "ttp", "ip_address and user_agent"),
    also_needed=("page",),
    masked_keys=("ip", "user_agent"),
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
        sentence="TikTok documents no way to change a conversion that it has taken, or to take it back: "
        "it stays counted with its value.",
    ),
    about="The SHA-256 of e-mail address, phone and names, ttclid and the cookie ttp letter for letter, and IP address "
    "and user agent as they are. Of a website, the page is needed too. Offline events are matched by e-mail address or "
    "phone alone; CRM events by these or ttclid. Sent as event_id: the event id, which TikTok counts once within 48 "
    "hours for the same event and source.",
    window_help="Opens with the lead; closes after the days of the setting, 28 unless it is changed. What lies more "
    "than seven days back may be taken and not attributed.",
    unverified=(
        "TikTok documents no age limit for web and CRM events; 28 days is a partner's figure for offline events.",
        "Where the id of a TikTok lead form goes is documented in two ways, so it is not sent.",
        "Whether one bad event fails its request is not documented; a refused request is sent in halves, same ids.",
        "Whether TikTok looks at token and event source before the events is not documented; the test relies on it.",
        "TikTok documents no largest request body; 8 MB is this program's own bound.",
        "TikTok answers success to fields of a user that it does not know, so an answer does not prove a match.",
    ),
)
