"""Meta: offline and website conversions through the Conversions API.

Source: developers.facebook.com/docs/marketing-api/conversions-api (parameters, using the API, troubleshooting).
"""

import re
from collections.abc import Sequence
from datetime import date
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
from leadtrackr.destinations.http_common import (
    JSON,
    ON_THE_WAY,
    PAGE,
    encode,
    joined,
    sent_at,
)
from leadtrackr.destinations.meta.answer import read, read_check
from leadtrackr.destinations.meta.codes import CODES
from leadtrackr.destinations.normalise import DIGITS, NAME_WITHOUT_PUNCTUATION, TIDY_COUNTRY, TIDY_EMAIL, Rules
from leadtrackr.destinations.token_end import TOKEN_ENDS_ON, token_ends
from leadtrackr.kit.clock import DAY, SECOND
from leadtrackr.kit.hashing import sha256_hex
from leadtrackr.kit.money import to_units

HOST: Final = "https://graph.facebook.com"
VERSION: Final = "v25.0"
VERSION_ENDS: Final = {
    "v20.0": date(2026, 9, 24),
    "v21.0": date(2027, 1, 21),
    "v22.0": date(2027, 5, 20),
    "v23.0": date(2027, 10, 8),
    "v24.0": date(2028, 2, 18),
    "v25.0": date(2028, 7, 29),
}
"""By Meta's table of Graph API versions. Its table of Marketing API versions is shorter, and which of the two binds the
Conversions API is not settled."""
MAX_AGE_DAYS: Final = 7
_COOKIE: Final = re.compile(r"fb\.\d{1,2}\.\d{1,20}\.\S+")
_LEAD_ID: Final = re.compile(r"[1-9][0-9]{14,16}")

_RULES: Final = Rules(
    email=TIDY_EMAIL.or_digest(),
    phone=DIGITS,
    name=NAME_WITHOUT_PUNCTUATION.or_digest(),
    country=TIDY_COUNTRY.or_digest(),
    source="Conversions API, Customer information parameters, and Meta's own SDK for digests",
)
_FIELDS: Final = (
    Field(
        name="dataset_id",
        label="Dataset id",
        help="Of the dataset (pixel) in the Events Manager.",
        required=True,
        pattern=r"\d{5,20}",
        pattern_help="Enter the dataset's number from the Events Manager.",
    ),
    Field(
        name="access_token",
        label="Access token",
        help="Of a system user, or made under Settings, Conversions API of the dataset.",
        secret=True,
        required=True,
        pattern=r"[!-~]+",
        pattern_help="Copy the whole access token; it has no spaces.",
    ),
    TOKEN_ENDS_ON,
    Field(
        name="action_source",
        label="Where the conversions come from",
        help="website is sent only for leads whose page is known, and system_generated for the others.",
        kind="choice",
        choices=("website", "system_generated", "phone_call", "email", "chat", "other"),
        default="website",
    ),
    Field(
        name="profile",
        label="Profile",
        help="crm sends leads of Meta's Instant Forms, which have Meta's id of the lead (meta_lead_id in their "
        "attribution data), as events of a CRM, for the optimisation to Conversion Leads. Other leads go as with "
        "website.",
        kind="choice",
        choices=("website", "crm"),
        default="website",
    ),
    Field(
        name="crm_name",
        label="Name of the CRM",
        help="What Meta shows as the source of the events of Instant Forms.",
        default="LeadTrackr",
        pattern=r"[^\x00-\x1f\x7f]{1,50}",
        pattern_help="Enter a name of up to 50 characters.",
    ),
    Field(
        name="test_event_code",
        label="Test event code",
        help="Shows the events under Test events as well. They count all the same: empty it when you are done.",
        pattern=r"[A-Za-z0-9_-]{1,40}",
        pattern_help="Enter the code as Meta shows it, such as TEST12345.",
    ),
    Field(
        name="api_version",
        label="Graph API version",
        default=VERSION,
        pattern=r"v\d{1,3}\.\d",
        pattern_help=f"Enter a version such as {VERSION}.",
    ),
)
_EVENT_FIELD: Final = Field(
    name="meta",
    label="Event name",
    help="A standard event such as Lead, Schedule, SubmitApplication or Purchase, or a name of your own. "
    "Meta takes a Purchase only with a value.",
    pattern=r"\S(?:[^\x00-\x1f\x7f]{0,48}\S)?",
    pattern_help="Enter a name of up to 50 characters.",
)


class _UserData(msgspec.Struct, omit_defaults=True, gc=False):
    em: str | None = None
    ph: str | None = None
    fn: str | None = None
    ln: str | None = None
    country: str | None = None
    external_id: str | None = None
    fbc: str | None = None
    fbp: str | None = None
    client_ip_address: str | None = None
    client_user_agent: str | None = None
    lead_id: int | None = None


class _Custom(msgspec.Struct, omit_defaults=True, gc=False):
    value: object = None
    currency: str | None = None
    event_source: str | None = None
    lead_event_source: str | None = None


class _Event(msgspec.Struct, omit_defaults=True, gc=False):
    event_name: str
    event_time: int
    event_id: str
    action_source: str
    user_data: _UserData
    event_source_url: str | None = None
    custom_data: _Custom | None = None


def missing(lead: LeadData, settings: Settings) -> tuple[SkipWarning, ...]:
    """Something by which Meta can find a person; of a lead from its Instant Forms, its own id is enough.

    By its documents it refuses an event with country and user agent at most, and one with a first or a last name alone.
    An external id would pass, but ours is known to nobody at Meta and matches no one, so it does not count here: such
    an event would only look delivered.
    """
    if _instant_form_lead(lead, settings):
        return ()
    cookies = (lead.ids.get("fbc"), lead.ids.get("fbp"))
    if lead.email or lead.phone or lead.ip_address or any(cookie and _COOKIE.fullmatch(cookie) for cookie in cookies):
        return ()
    named = (_name(lead.first_name), _name(lead.last_name))
    if all(named) or (any(named) and (lead.country or lead.user_agent)):
        return ()
    reason = (
        "The lead has nothing that Meta can match: no e-mail address, phone number, IP address, fbc or fbp, and no "
        "name with a country."
    )
    return (SkipWarning("user_data", reason),)


def window(event: Event, _settings: Settings) -> Window:
    """Meta refuses a whole request for one event that is older than seven days."""
    return Window(event.lead.created_at, sent_at(event) // SECOND * SECOND + MAX_AGE_DAYS * DAY - ON_THE_WAY)


def build(events: Sequence[Event], settings: Settings, _token: str | None) -> Request:
    """One request for events of one dataset. The token goes into a header, so that it is in no address and no copy."""
    items = tuple([encode(_event(event, settings)) for event in events])
    code = settings.get("test_event_code")
    end = b"]" + (b',"test_event_code":' + encode(code) if code else b"") + b"}"
    return Request(
        service="meta",
        url=f"{_dataset(settings)}/events",
        headers={**JSON, **_authorization(settings)},
        body=joined(b'{"data":[', items, end),
        items=items,
    )


def check(settings: Settings, _token: str | None) -> Request:
    """Reads the dataset's name; changes nothing."""
    return Request(
        service="meta", url=f"{_dataset(settings)}?fields=id,name", method="GET", headers=_authorization(settings)
    )


def account(settings: Settings) -> str:
    """The dataset's id."""
    return settings["dataset_id"]


def _event(event: Event, settings: Settings) -> _Event:
    if lead_id := _instant_form_lead(event.lead, settings):
        return _crm_event(event, lead_id, settings.get("crm_name", "LeadTrackr"))
    source = settings.get("action_source", "website")
    page = event.lead.conversion_page if source == "website" else None
    if source == "website" and not (page and PAGE.fullmatch(page)):
        source, page = "system_generated", None
    wire = _Event(event.action, sent_at(event) // SECOND, event.event_id, source, _user_data(event.lead))
    if page:
        wire.event_source_url = f"https://{page}"
    if event.value_cents is not None and event.currency:
        wire.custom_data = _Custom(to_units(event.value_cents, event.currency), event.currency)
    return wire


def _crm_event(event: Event, lead_id: int, crm: str) -> _Event:
    """A stage of a lead from an Instant Form. Source: the page on the integration of a CRM."""
    data, custom = _user_data(event.lead), _Custom(event_source="crm", lead_event_source=crm)
    data.lead_id = lead_id
    if event.value_cents is not None and event.currency:
        custom.value, custom.currency = to_units(event.value_cents, event.currency), event.currency
    at = sent_at(event) // SECOND
    return _Event(event.action, at, event.event_id, "system_generated", data, custom_data=custom)


def _instant_form_lead(lead: LeadData, settings: Settings) -> int | None:
    """Meta's id of the lead, where it goes by the CRM profile. An id of another form would have the event rejected."""
    if settings.get("profile") != "crm" or lead.consent.get("ad_user_data") == "denied":
        return None
    lead_id = lead.ids.get("meta_lead_id", "")
    return int(lead_id) if _LEAD_ID.fullmatch(lead_id) else None


def _user_data(lead: LeadData) -> _UserData:
    data = _UserData(
        em=_RULES.email(lead.email) if lead.email else None,
        ph=_RULES.phone(lead.phone) if lead.phone else None,
        fn=_name(lead.first_name),
        ln=_name(lead.last_name),
        country=_RULES.country(lead.country) if lead.country else None,
        client_ip_address=lead.ip_address,
        client_user_agent=lead.user_agent,
    )
    if (fbc := lead.ids.get("fbc")) and _COOKIE.fullmatch(fbc):
        data.fbc = fbc
    if (fbp := lead.ids.get("fbp")) and _COOKIE.fullmatch(fbp):
        data.fbp = fbp
    if lead.consent.get("ad_user_data") != "denied":
        data.external_id = sha256_hex(str(lead.lead_id))
    return data


def _name(name: str | None) -> str | None:
    return _RULES.name(name) if name else None


def _dataset(settings: Settings) -> str:
    return f"{HOST}/{settings.get('api_version', VERSION)}/{settings['dataset_id']}"


def _authorization(settings: Settings) -> dict[str, str]:
    return {"authorization": f"Bearer {settings['access_token']}"}


META: Final = Destination(
    slug="meta",
    name="Meta",
    docs_url="https://developers.facebook.com/docs/marketing-api/conversions-api",
    api_version=VERSION,
    api_version_ends=VERSION_ENDS[VERSION],
    version_ends=VERSION_ENDS,
    fields=(*_FIELDS, *RATE_FIELDS),
    event_field=_EVENT_FIELD,
    hashing=_RULES,
    limits=Limits(batch_events=1000, batch_bytes=8_000_000, in_flight=4),
    reads=("fbc", "fbp", "meta_lead_id"),
    identifiers=("user_data", "meta_lead_id"),
    masked_keys=("client_ip_address", "client_user_agent"),
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
        sentence="Meta documents no way to change a conversion that it has taken, or to take it back: "
        "it stays counted with its value.",
    ),
    about="The SHA-256 of e-mail address, phone, names and country, the cookies fbc and fbp letter for letter, and "
    "IP address and user agent as they are. Sent as event_id: the event id, which Meta counts once within 48 hours. "
    "With profile=crm, leads of Instant Forms go by the CRM profile: under Meta's own id of the lead, which their "
    "attribution data holds as meta_lead_id, as a string of 15 to 17 digits. No client of LeadTrackr sends it: whoever "
    "brings such leads in (createServerSideLead) does. Send every stage: give each label an event.",
    window_help="Opens with the lead; closes seven days after the status change.",
    unverified=(
        "Meta documents no largest request body; 8 MB is this program's own bound.",
        "Whether Meta takes a part of a request is not clear; when it counts fewer, halves are sent, same event ids.",
        "The meaning of the subcodes 2804001, 2804007, 2804016, 2804017, 2804019 and 2804048 is not documented.",
        "Whether Meta discards an event of an Instant Form's lead that is of the lead's own second is not known.",
        "Which of Meta's two tables of versions binds the Conversions API; the dates are those of the Graph API.",
        "Which throttling codes the Conversions API uses is not documented; all of the Graph API's are read.",
    ),
)
