"""Google Ads through its own API: `uploadClickConversions`, for accounts that are still allowed to use it.

It is closed to accounts that had not used it by June 2026; for all others there is the Data Manager API (`google_ads`).
Sources: googleapis google/ads/googleads/v25/services/conversion_upload_service.proto and
conversion_adjustment_upload_service.proto, and the pages "Upload offline conversions", "Upload adjustments".
"""

from collections.abc import Sequence
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
    Settings,
    TakeBack,
    Validation,
    Window,
)
from leadtrackr.destinations.contract import Warning as SkipWarning
from leadtrackr.destinations.google_ads import CLICK_DAYS, CLICK_IDS, GOOGLE_ADS, HASHED_DAYS, HASHING
from leadtrackr.destinations.google_ads import missing as lacks_what_google_needs
from leadtrackr.destinations.google_ads.oauth import ADWORDS_AUTH, cloud_project
from leadtrackr.destinations.google_ads_legacy.answer import read, read_check, read_validation
from leadtrackr.destinations.google_ads_legacy.codes import CODES
from leadtrackr.destinations.http_common import JSON, encode, joined, sent_at
from leadtrackr.destinations.token_end import TOKEN_ENDS_ON, token_ends
from leadtrackr.kit.clock import DAY, HOUR, SECOND, to_datetime
from leadtrackr.kit.money import to_units

HOST: Final = "https://googleads.googleapis.com"
VERSION: Final = "v25"

_ACCOUNT: Final = r"\d{10}"
_ACCOUNT_HELP: Final = "Enter the ten digits of a Google Ads customer id, as at the top of Google Ads."
_SAME: Final = {field.name: field for field in GOOGLE_ADS.fields}
_FIELDS: Final = (
    Field(
        name="customer",
        label="Google Ads account",
        help="Customer id of the account that owns the conversion action, such as 123-456-7890.",
        required=True,
        pattern=_ACCOUNT,
        pattern_help=_ACCOUNT_HELP,
        drop="- ",
    ),
    Field(
        name="login_customer",
        label="Manager account",
        help="Customer id of the manager account through which the user reaches the account; empty without one.",
        pattern=_ACCOUNT,
        pattern_help=_ACCOUNT_HELP,
        drop="- ",
    ),
    _SAME["client_id"],
    _SAME["client_secret"],
    Field(
        name="refresh_token",
        label="Refresh token",
        help="Of a user with access to the account, with the Google Ads scope.",
        secret=True,
    ),
    _SAME["service_account_json"],
    TOKEN_ENDS_ON,
    Field(
        name="user_data",
        label="Send hashed customer data",
        help="yes once enhanced conversions for leads is on and its terms are accepted in Google Ads.",
        kind="choice",
        choices=("yes", "no"),
        default="no",
    ),
    _SAME["click_age_hours"],
    Field(
        name="api_version",
        label="Google Ads API version",
        help="Google retires each after about a year; versions up to v22 are gone.",
        default=VERSION,
        pattern=r"v(?:2[3-9]|[3-9]\d)",
        pattern_help=f"Enter a version that Google still serves, such as {VERSION}.",
    ),
)
_EVENT_FIELD: Final = Field(
    name="google_ads_legacy",
    label="Conversion action id",
    help="The number behind ctId= in the address of the conversion action, of type Import.",
    pattern=r"[1-9]\d{0,18}",
    pattern_help="Enter the conversion action's number alone, such as 987654321: not its resource name, not its name.",
)


class _Identifier(msgspec.Struct, rename="camel", omit_defaults=True, gc=False):
    hashed_email: str | None = None
    hashed_phone_number: str | None = None
    user_identifier_source: str | None = None


class _Conversion(msgspec.Struct, rename="camel", omit_defaults=True, gc=False):
    """One row as sent. Consent to personalised ads and the IP address have no place here for most accounts."""

    conversion_action: str
    conversion_date_time: str
    order_id: str
    gclid: str | None = None
    gbraid: str | None = None
    wbraid: str | None = None
    conversion_value: object = None
    currency_code: str | None = None
    user_identifiers: tuple[_Identifier, ...] | None = None
    consent: msgspec.Raw | None = None


class _Restated(msgspec.Struct, rename="camel", gc=False):
    adjusted_value: object
    currency_code: str


class _Adjustment(msgspec.Struct, rename="camel", omit_defaults=True, gc=False):
    """One new value, or without it a retraction. The conversion had an order id, so it is named by that alone."""

    adjustment_type: str
    conversion_action: str
    adjustment_date_time: str
    order_id: str
    restatement_value: _Restated | None = None


def missing(lead: LeadData, settings: Settings) -> tuple[SkipWarning, ...]:
    """A click id, or hashed data where the account takes it: the same as through the Data Manager API."""
    return lacks_what_google_needs(lead, settings)


def window(event: Event, settings: Settings) -> Window:
    """From some hours after the lead, since clicks must be six hours old, to the end of what Google remembers."""
    created = event.lead.created_at
    days = CLICK_DAYS if _click(event.lead) else HASHED_DAYS
    return Window(created + int(settings.get("click_age_hours", "6")) * HOUR, created + days * DAY)


def build(events: Sequence[Event], settings: Settings, token: str | None) -> Request:
    """One request for conversions of one account. Rows that are wrong fail alone."""
    items = tuple([encode(_conversion(event, settings)) for event in events])
    return _request("uploadClickConversions", b'{"conversions":[', items, settings, token)


def adjust(events: Sequence[Event], settings: Settings, token: str | None) -> Request:
    """New values for conversions that Google has, known by their order id, and retractions of them."""
    items = tuple([encode(_adjustment(event, settings)) for event in events])
    return _request("uploadConversionAdjustments", b'{"conversionAdjustments":[', items, settings, token)


def check(settings: Settings, token: str | None) -> Request:
    """A validation-only upload of a made-up click: whether the account is still allowed shows before the click does."""
    sample = _Conversion(_action("1", settings), "2026-01-01 00:00:00+00:00", "lt-check", "lt-check")
    return validated(_request("uploadClickConversions", b'{"conversions":[', (encode(sample),), settings, token))


def validated(request: Request) -> Request:
    """The same request with `validateOnly`: Google looks at it and stores nothing."""
    return msgspec.structs.replace(request, body=request.body.removesuffix(b"}") + b',"validateOnly":true}')


def account(settings: Settings) -> str:
    """The account that owns the conversion action, ten digits."""
    return settings["customer"]


def _request(method: str, start: bytes, items: tuple[bytes, ...], settings: Settings, token: str | None) -> Request:
    headers = {**JSON, "authorization": f"Bearer {token}"}
    if login := settings.get("login_customer"):
        headers["login-customer-id"] = login
    return Request(
        service="google_ads_legacy",
        url=f"{HOST}/{settings.get('api_version', VERSION)}/customers/{settings['customer']}:{method}",
        headers=headers,
        body=joined(start, items, b'],"partialFailure":true}'),
        items=items,
    )


def _conversion(event: Event, settings: Settings) -> _Conversion:
    lead = event.lead
    wire = _Conversion(_action(event.action, settings), _time(sent_at(event)), event.event_id)
    # Exactly one: two braids are refused, and what becomes of a gclid beside one is not documented.
    click = _click(lead)
    if click:
        setattr(wire, click, lead.ids[click])
    if settings.get("user_data") == "yes" and click in ("", "gclid"):
        wire.user_identifiers = _identifiers(lead)
    if agreed := lead.consent.get("ad_user_data"):
        wire.consent = _consent(agreed)
    if event.value_cents is not None and event.currency:
        wire.conversion_value = to_units(event.value_cents, event.currency)
        wire.currency_code = event.currency
    return wire


def _adjustment(event: Event, settings: Settings) -> _Adjustment:
    # After the conversion in any case, and newer than the value before.
    at = max(event.changed_at or 0, sent_at(event) + SECOND)
    if event.retracted:
        return _Adjustment("RETRACTION", _action(event.action, settings), _time(at), event.event_id)
    if event.value_cents is None or not event.currency:
        raise ValueError("A conversion can be restated only to a value with a currency.")
    value = _Restated(to_units(event.value_cents, event.currency), event.currency)
    return _Adjustment("RESTATEMENT", _action(event.action, settings), _time(at), event.event_id, value)


def _identifiers(lead: LeadData) -> tuple[_Identifier, ...] | None:
    found = []
    if lead.email:
        found.append(_Identifier(HASHING.email(lead.email), None, "FIRST_PARTY"))
    if lead.phone:
        found.append(_Identifier(None, HASHING.phone(lead.phone), "FIRST_PARTY"))
    return tuple(found) or None


def _click(lead: LeadData) -> str:
    """The click id to send; empty without one."""
    return next((name for name in CLICK_IDS if lead.ids.get(name)), "")


def _action(number: str, settings: Settings) -> str:
    return f"customers/{settings['customer']}/conversionActions/{number}"


def _time(at: int) -> str:
    return f"{to_datetime(at):%Y-%m-%d %H:%M:%S}+00:00"


@lru_cache(maxsize=4)
def _consent(ad_user_data: str) -> msgspec.Raw | None:
    words = {"granted": "GRANTED", "denied": "DENIED"}
    return msgspec.Raw(encode({"adUserData": words[ad_user_data]})) if ad_user_data in words else None


GOOGLE_ADS_LEGACY: Final = Destination(
    slug="google_ads_legacy",
    name="Google Ads legacy upload",
    docs_url="https://developers.google.com/google-ads/api/docs/conversions/upload-offline",
    api_version=VERSION,
    api_version_ends=None,
    fields=(*_FIELDS, *RATE_FIELDS),
    one_of=(("client_id", "client_secret", "refresh_token"), ("service_account_json",)),
    event_field=_EVENT_FIELD,
    hashing=HASHING,
    limits=Limits(batch_events=2000, batch_bytes=8_000_000, in_flight=4, timeout_s=60),
    reads=CLICK_IDS,
    identifiers=(*CLICK_IDS, "user_data"),
    account=account,
    counted_by=cloud_project,
    counted_by_help="Google Cloud project",
    missing=missing,
    window=window,
    build=build,
    read=read,
    check=check,
    read_check=read_check,
    validation=Validation(request=validated, read=read_validation),
    codes=CODES,
    auth=ADWORDS_AUTH,
    token_ends=token_ends,
    take_back=TakeBack(
        restate=True,
        retract=True,
        sentence="Google Ads takes a new value for a conversion that it has, or a retraction, after which it counts no "
        "more: a day after the conversion and for some seven weeks.",
        build=adjust,
    ),
    about="Only for accounts that uploaded conversions this way before Google closed it in June 2026; all others, and "
    "whoever starts now, connect google_ads. One click id (gclid before gbraid before wbraid) and, with user_data=yes, "
    "the SHA-256 of e-mail address and phone, though not beside a gbraid or wbraid. Sent as orderId: the event id, "
    "which Google counts once for each conversion action. Of the consent, that to user data is sent as recorded. How "
    "many operations a day Google allows depends on the Google Cloud project's access level: set requests_per_day.",
    window_help="Opens click_age_hours (6) after the lead; closes 90 days after it with a click id, 63 days with "
    "hashed data alone. A new value is taken from a day after the conversion on, for 54 days.",
    unverified=(
        "Google documents no largest request body; 8 MB is this program's own bound.",
        "When Google retires the versions from v23 on is not known; a version lives for about a year.",
        "What Google makes of a gclid beside a gbraid or wbraid is not documented; one click id is sent.",
        "Whether hashed data is taken beside a gbraid or wbraid is not documented; it is left out there.",
        "Whether the right to upload hangs on the account or on the Google Cloud project is not documented.",
        "Whether new values are still taken from accounts that may not upload is not documented.",
    ),
)
