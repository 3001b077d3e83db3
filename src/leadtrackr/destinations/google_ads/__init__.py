"""Google Ads through the Data Manager API: offline conversions of clicks, `events:ingest`.

The older upload of the Google Ads API is closed to new integrations since June 2026, so this is the only way in.
Sources: developers.google.com/data-manager/api and google/ads/datamanager/v1/*.proto (API v1).
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
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
    Right,
    Settings,
    TakeBack,
    Validation,
    Window,
)
from leadtrackr.destinations.contract import Warning as SkipWarning
from leadtrackr.destinations.google_ads.accounts import GOOGLE_ACCOUNTS
from leadtrackr.destinations.google_ads.actions import GOOGLE_ACTIONS
from leadtrackr.destinations.google_ads.answer import read, read_check, read_validation
from leadtrackr.destinations.google_ads.codes import CODES
from leadtrackr.destinations.google_ads.consent import google_consent
from leadtrackr.destinations.google_ads.oauth import ADWORDS, GOOGLE_AUTH, SCOPE, cloud_project
from leadtrackr.destinations.google_ads.reading import READING_AUTH
from leadtrackr.destinations.google_ads.standing import (
    USER_DATA,
    USER_DATA_READ_FOR,
    read_standing,
    takes_user_data,
)
from leadtrackr.destinations.google_ads.status import GOOGLE_STATUS
from leadtrackr.destinations.http_common import JSON, encode, joined
from leadtrackr.destinations.normalise import E164, GMAIL_BARE_EMAIL, Rules
from leadtrackr.destinations.token_end import TOKEN_ENDS_ON, token_ends
from leadtrackr.kit.clock import DAY, HOUR, SECOND
from leadtrackr.kit.money import to_units

URL: Final = "https://datamanager.googleapis.com/v1/events:ingest"
CLICK_IDS: Final = ("gclid", "gbraid", "wbraid")
CLICK_DAYS: Final = 90
HASHED_DAYS: Final = 63
RETRACT_AS_ZERO: Final = "retract_as_zero"

_ACCOUNT: Final = r"\d{10}"
_ACCOUNT_HELP: Final = "Enter the ten digits of a Google Ads customer id, as at the top of Google Ads."
HASHING: Final = Rules(email=GMAIL_BARE_EMAIL.or_digest(), phone=E164, source="Data Manager API, Formatting guidelines")
_FIELDS: Final = (
    Field(
        name="operating_account",
        label="Google Ads account",
        help="Customer id of the account that owns the conversion action, such as 123-456-7890.",
        required=True,
        pattern=_ACCOUNT,
        pattern_help=_ACCOUNT_HELP,
        drop="- ",
    ),
    Field(
        name="login_account",
        label="Manager account",
        help="Customer id of the manager account through which the user reaches the account; empty without one.",
        pattern=_ACCOUNT,
        pattern_help=_ACCOUNT_HELP,
        drop="- ",
    ),
    Field(name="client_id", label="OAuth client id", help="From the Google Cloud console, type Web application."),
    Field(name="client_secret", label="OAuth client secret", secret=True),
    Field(
        name="refresh_token",
        label="Refresh token",
        help="Of a user with standard access to the account, with the Data Manager scope.",
        secret=True,
    ),
    Field(
        name="service_account_json",
        label="Service account key",
        help="Instead of the OAuth client: the whole JSON file. Add its e-mail address as a user in Google Ads.",
        kind="json",
        secret=True,
    ),
    TOKEN_ENDS_ON,
    USER_DATA,
    USER_DATA_READ_FOR,
    Field(
        name="click_age_hours",
        label="Hours to wait after the lead",
        help="Google takes a click only once it is six hours old.",
        kind="number",
        default="6",
        pattern=r"\d{1,3}",
        pattern_help="Enter whole hours, such as 6.",
    ),
    Field(
        name=RETRACT_AS_ZERO,
        label="Restate lost conversions to zero",
        help="yes takes a conversion's value to 0 when its lead turns out lost after all; it stays counted, since "
        "Google documents no way to take one back.",
        kind="choice",
        choices=("yes", "no"),
        default="no",
    ),
)
_EVENT_FIELD: Final = Field(
    name="google_ads",
    label="Conversion action id",
    help="The number behind ctId= in the address of the conversion action, of type Import.",
    pattern=r"[1-9]\d{0,18}",
    pattern_help="Enter the conversion action's number alone, such as 987654321: not its resource name, not its name.",
)


class _Identifier(msgspec.Struct, rename="camel", omit_defaults=True, gc=False):
    email_address: str | None = None
    phone_number: str | None = None


class _UserData(msgspec.Struct, rename="camel", gc=False):
    user_identifiers: tuple[_Identifier, ...]


class _Event(msgspec.Struct, rename="camel", omit_defaults=True, gc=False):
    """One event as sent.

    No name address: Google takes names only with a postal code, which a lead does not have. No IP address: it must
    not be sent for people in the EEA, the UK and Switzerland, and where a lead lives is not certain.
    """

    transaction_id: str
    event_timestamp: datetime
    """RFC 3339, UTC, whole seconds."""
    event_source: str
    ad_identifiers: Mapping[str, str] | None = None
    user_data: _UserData | None = None
    consent: msgspec.Raw | None = None
    conversion_value: object = None
    currency: str | None = None


def missing(lead: LeadData, settings: Settings) -> tuple[SkipWarning, ...]:
    """A click id, or hashed data where the account takes it."""
    if any(lead.ids.get(name) for name in CLICK_IDS):
        return ()
    if not takes_user_data(settings):
        return (SkipWarning("gclid", "The lead has no Google click id (gclid, gbraid or wbraid)."),)
    if lead.email or lead.phone:
        return ()
    reason = "The lead has no Google click id (gclid, gbraid or wbraid), no e-mail address and no phone number to send."
    return (SkipWarning("gclid", reason),)


def window(event: Event, settings: Settings) -> Window:
    """From some hours after the lead, since clicks must be six hours old, to the end of what Google remembers.

    The click was before the lead, so the start is safe; how long before is not known, so the end is a bound.
    """
    created = event.lead.created_at
    clicked = any(event.lead.ids.get(name) for name in CLICK_IDS)
    days = CLICK_DAYS if clicked else HASHED_DAYS
    return Window(created + int(settings.get("click_age_hours", "6")) * HOUR, created + days * DAY)


def build(events: Sequence[Event], settings: Settings, token: str | None) -> Request:
    """One request for events of one conversion action."""
    with_user_data = takes_user_data(settings)
    items = tuple([encode(_event(event, with_user_data)) for event in events])
    return _request(events[0].action, settings, token, items, b"]}")


def restate(events: Sequence[Event], settings: Settings, token: str | None) -> Request:
    """The events again with another value: what Google has under their ids it overwrites, and still counts once.

    Source: "Conversion adjustments". Other fields keep what was sent first, and data of the person is only added where
    there was none. An event that Google does not have becomes a new conversion.
    """
    if any(event.value_cents is None or not event.currency for event in events):
        raise ValueError("A conversion can be restated only to a value with a currency.")
    return build(events, settings, token)


def check(settings: Settings, token: str | None) -> Request:
    """A validation-only request with a made-up click of a made-up action: Google stores nothing of it."""
    sample = _Event("lt-check", datetime(2026, 1, 1, tzinfo=UTC), "WEB", {"gclid": "lt-check"})
    return _request("1", settings, token, (encode(sample),), b'],"validateOnly":true}')


def validated(request: Request) -> Request:
    """The same request with `validateOnly`: Google looks at it and stores nothing."""
    return msgspec.structs.replace(request, body=request.body.removesuffix(b"}") + b',"validateOnly":true}')


def account(settings: Settings) -> str:
    """The account that owns the conversion action, ten digits."""
    return settings["operating_account"]


def _request(action: str, settings: Settings, token: str | None, items: tuple[bytes, ...], end: bytes) -> Request:
    destination = {"operatingAccount": {"accountType": "GOOGLE_ADS", "accountId": settings["operating_account"]}}
    if login := settings.get("login_account"):
        destination["loginAccount"] = {"accountType": "GOOGLE_ADS", "accountId": login}
    start = encode({"destinations": [{**destination, "productDestinationId": action}], "encoding": "HEX"})
    return Request(
        service="google_ads",
        url=URL,
        headers={**JSON, "authorization": f"Bearer {token}"},
        body=joined(start[:-1] + b',"events":[', items, end),
        items=items,
    )


def _event(event: Event, with_user_data: bool) -> _Event:
    lead = event.lead
    seconds = max(event.happened_at, lead.created_at) // SECOND
    wire = _Event(event.event_id, datetime.fromtimestamp(seconds, UTC), "WEB")
    # Exactly one: what Google makes of several together is nowhere written down.
    for name in CLICK_IDS:
        if click := lead.ids.get(name):
            wire.ad_identifiers = {name: click}
            break
    if with_user_data and (lead.email or lead.phone):
        wire.user_data = _user_data(lead)
    if consent := lead.consent:
        wire.consent = _consent(consent.get("ad_user_data"), consent.get("ad_personalization"))
    if event.value_cents is not None and event.currency:
        wire.conversion_value = to_units(event.value_cents, event.currency)
        wire.currency = event.currency
    return wire


def _user_data(lead: LeadData) -> _UserData:
    by_email = (_Identifier(HASHING.email(lead.email)),) if lead.email else ()
    return _UserData((*by_email, _Identifier(None, HASHING.phone(lead.phone))) if lead.phone else by_email)


@lru_cache(maxsize=16)
def _consent(ad_user_data: str | None, ad_personalization: str | None) -> msgspec.Raw | None:
    """Google's words for what was recorded; what was not recorded stays unsaid."""
    words = {"granted": "CONSENT_GRANTED", "denied": "CONSENT_DENIED"}
    recorded = {"adUserData": ad_user_data, "adPersonalization": ad_personalization}
    said = {name: words[value] for name, value in recorded.items() if value in words}
    return msgspec.Raw(encode(said)) if said else None


GOOGLE_ADS: Final = Destination(
    slug="google_ads",
    name="Google Ads",
    docs_url="https://developers.google.com/data-manager/api",
    api_version="v1",
    api_version_ends=None,
    fields=(*_FIELDS, *RATE_FIELDS),
    one_of=(("client_id", "client_secret", "refresh_token"), ("service_account_json",)),
    event_field=_EVENT_FIELD,
    hashing=HASHING,
    limits=Limits(
        batch_events=2000,
        batch_bytes=8_000_000,
        in_flight=4,
        timeout_s=60,
        requests_per_minute=300,
        requests_per_day=100_000,
    ),
    reads=CLICK_IDS,
    identifiers=(*CLICK_IDS, "user_data"),
    account=account,
    counted_by=cloud_project,
    counted_by_help="Google Cloud project; asking for what became of a request counts too",
    missing=missing,
    window=window,
    build=build,
    read=read,
    check=check,
    read_check=read_check,
    validation=Validation(request=validated, read=read_validation),
    codes=CODES,
    auth=GOOGLE_AUTH,
    consent=google_consent(
        Right(SCOPE, "Data Manager: send conversions to Google Ads"),
        Right(ADWORDS, "Google Ads: read the accounts and their conversion actions, and make new ones"),
    ),
    reading=READING_AUTH,
    accounts=GOOGLE_ACCOUNTS,
    standing=read_standing,
    actions=GOOGLE_ACTIONS,
    token_ends=token_ends,
    status=GOOGLE_STATUS,
    take_back=TakeBack(
        restate=True,
        retract=False,
        sentence="Google Ads takes a new value for a conversion that it has, and still counts it once. It documents no "
        "way to make it not count: with “Restate lost conversions to zero” its value becomes 0 and it stays counted.",
        build=restate,
        zero_setting=RETRACT_AS_ZERO,
    ),
    about="One click id (gclid before gbraid before wbraid) and, where the account takes it, the SHA-256 of e-mail "
    "address and phone. Sent as transactionId: the event id, so that a repeat counts once. Consent is sent as "
    "recorded.",
    window_help="Opens click_age_hours (6) after the lead; closes 90 days after it with a click id, 63 days with "
    "hashed data alone.",
    unverified=(
        "Google documents no largest request body; 8 MB is this program's own bound.",
        "Google documents no oldest event time; the windows are those of its help pages for clicks and hashed data.",
        "Whether Google judges the account before the made-up action of the connection test is not documented.",
        "Whether several click ids in one event are taken is not documented; one is sent.",
        "How long the status of a request can be asked, and whether Google shortens long lists in it, is not known.",
        "Google documents restating a value, not a value of 0: what bidding makes of one is not known.",
    ),
)
