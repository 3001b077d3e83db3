"""Microsoft Advertising: offline conversions and their adjustments through the REST Campaign Management API.

The SOAP service of the same operations ends on 31 January 2027. Sources: learn.microsoft.com/advertising (offline
conversion, offline conversion adjustment, operation error codes) and the models of Microsoft's own REST SDKs.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec

from leadtrackr.destinations.contract import (
    RATE_FIELDS,
    Destination,
    Event,
    LeadData,
    Limits,
    Request,
    Settings,
    TakeBack,
    Window,
)
from leadtrackr.destinations.contract import Warning as SkipWarning
from leadtrackr.destinations.http_common import JSON, ON_THE_WAY, encode, joined, sent_at
from leadtrackr.destinations.microsoft.accounts import MICROSOFT_ACCOUNTS
from leadtrackr.destinations.microsoft.answer import read, read_check
from leadtrackr.destinations.microsoft.codes import CODES
from leadtrackr.destinations.microsoft.consent import MICROSOFT_CONSENT
from leadtrackr.destinations.microsoft.declared import EVENT_FIELD, FIELDS, UNVERIFIED, VERSION
from leadtrackr.destinations.microsoft.oauth import MICROSOFT_AUTH
from leadtrackr.destinations.normalise import E164, TIDY_EMAIL, Rules
from leadtrackr.destinations.token_end import token_ends
from leadtrackr.kit.clock import DAY, HOUR, SECOND
from leadtrackr.kit.money import to_units

HOST: Final = "https://campaign.api.bingads.microsoft.com"
MAX_AGE_DAYS: Final = 90
_RULES: Final = Rules(
    email=TIDY_EMAIL,
    phone=E164,
    source="Offline conversions; whether dots and aliases are to be taken out is not documented for them",
)


class _Keys(msgspec.Struct, rename="pascal", omit_defaults=True, gc=False):
    """By what Microsoft finds the click and knows the conversion again."""

    conversion_name: str
    conversion_time: datetime
    """UTC, whole seconds: the same each time that it is sent."""
    microsoft_click_id: str | None = None
    hashed_email_address: str | None = None
    hashed_phone_number: str | None = None


class _Conversion(_Keys, rename="pascal", omit_defaults=True, gc=False):
    conversion_value: object = None
    conversion_currency_code: str | None = None


class _Adjustment(_Keys, rename="pascal", omit_defaults=True, gc=False, kw_only=True):
    adjustment_type: str
    adjustment_time: datetime
    adjustment_value: object = None
    adjustment_currency_code: str | None = None


def missing(lead: LeadData, settings: Settings) -> tuple[SkipWarning, ...]:
    """A click id, or hashed data where the goals take it."""
    if lead.ids.get("msclkid", "").strip():
        return ()
    if settings.get("user_data") != "yes":
        return (SkipWarning("msclkid", "The lead has no Microsoft click id (msclkid)."),)
    if lead.email or lead.phone:
        return ()
    reason = "The lead has no Microsoft click id (msclkid), no e-mail address and no phone number to send."
    return (SkipWarning("msclkid", reason),)


def window(event: Event, settings: Settings) -> Window:
    """From some hours after the lead to 90 days after the conversion. The goal's own window is not known here."""
    opens = event.lead.created_at + int(settings.get("click_age_hours", "1")) * HOUR
    return Window(opens, sent_at(event) // SECOND * SECOND + MAX_AGE_DAYS * DAY - ON_THE_WAY)


def build(events: Sequence[Event], settings: Settings, token: str | None) -> Request:
    """One request for events of one account."""
    with_user_data = settings.get("user_data") == "yes"
    items = tuple([encode(_conversion(event, with_user_data)) for event in events])
    return _request("OfflineConversions", settings, token, items)


def adjust(events: Sequence[Event], settings: Settings, token: str | None) -> Request:
    """New values for conversions that Microsoft has, and the retraction of those that are to count no more."""
    with_user_data = settings.get("user_data") == "yes"
    items = tuple([encode(_adjustment(event, with_user_data)) for event in events])
    return _request("OfflineConversionAdjustments", settings, token, items)


def check(settings: Settings, token: str | None) -> Request:
    """An empty list, which is refused with 5600 once the credentials are good; nothing can come of it."""
    return _request("OfflineConversions", settings, token, ())


def account(settings: Settings) -> str:
    """The account's id."""
    return settings["account_id"]


def customer(settings: Settings) -> str:
    """The customer, by which Microsoft counts calls."""
    return settings["customer_id"]


def _request(what: str, settings: Settings, token: str | None, items: tuple[bytes, ...]) -> Request:
    start = f'{{"{what}":['.encode()
    version = settings.get("api_version", VERSION)
    return Request(
        service="microsoft",
        url=f"{HOST}/CampaignManagement/{version}/{what}/Apply",
        headers={
            **JSON,
            "authorization": f"Bearer {token}",
            "developertoken": settings["developer_token"],
            "customerid": settings["customer_id"],
            "customeraccountid": settings["account_id"],
        },
        body=joined(start, items, b"]}") if items else start + b"]}",
        items=items,
    )


def _conversion(event: Event, with_user_data: bool) -> _Conversion:
    wire = _Conversion(event.action, _time(sent_at(event)))
    _find(wire, event.lead, with_user_data)
    if event.value_cents is not None and event.currency:
        wire.conversion_value = to_units(event.value_cents, event.currency)
        wire.conversion_currency_code = event.currency
    return wire


def _adjustment(event: Event, with_user_data: bool) -> _Adjustment:
    happened_at = sent_at(event)
    wire = _Adjustment(
        conversion_name=event.action,
        conversion_time=_time(happened_at),
        adjustment_type="Retract" if event.retracted else "Restate",
        adjustment_time=_time(max(event.changed_at or 0, happened_at)),
    )
    _find(wire, event.lead, with_user_data)
    if event.retracted:
        return wire
    if event.value_cents is None or not event.currency:
        raise ValueError("A conversion can be restated only to a value with a currency.")
    wire.adjustment_value = to_units(event.value_cents, event.currency)
    wire.adjustment_currency_code = event.currency
    return wire


def _find(wire: _Keys, lead: LeadData, with_user_data: bool) -> None:
    click = lead.ids.get("msclkid", "")
    if click.strip():
        wire.microsoft_click_id = click
    if with_user_data:
        wire.hashed_email_address = _RULES.email(lead.email) if lead.email else None
        wire.hashed_phone_number = _RULES.phone(lead.phone) if lead.phone else None


def _time(at: int) -> datetime:
    return datetime.fromtimestamp(at // SECOND, UTC)


MICROSOFT: Final = Destination(
    slug="microsoft",
    name="Microsoft Advertising",
    docs_url="https://learn.microsoft.com/advertising/campaign-management-service/applyofflineconversions",
    api_version=VERSION,
    api_version_ends=None,
    fields=(*FIELDS, *RATE_FIELDS),
    event_field=EVENT_FIELD,
    hashing=_RULES,
    limits=Limits(batch_events=1000, batch_bytes=4_000_000, in_flight=2, timeout_s=60),
    reads=("msclkid",),
    identifiers=("msclkid",),
    account=account,
    counted_by=customer,
    counted_by_help="customer id",
    missing=missing,
    window=window,
    build=build,
    read=read,
    check=check,
    read_check=read_check,
    codes=CODES,
    auth=MICROSOFT_AUTH,
    consent=MICROSOFT_CONSENT,
    accounts=MICROSOFT_ACCOUNTS,
    token_ends=token_ends,
    take_back=TakeBack(
        restate=True,
        retract=True,
        sentence="Microsoft Advertising takes a new value for a conversion that it has, and takes one back altogether: "
        "then it counts no more.",
        build=adjust,
    ),
    natural_key="click id (or the hashed data), goal name and time to the second",
    about="The click id msclkid letter for letter and, with user_data=yes, the SHA-256 of e-mail address and phone. "
    "No event id is sent: Microsoft knows a conversion by click id, goal name and time and ignores it when it comes "
    "again; two labels of one path that send to the same goal at once are one conversion there. The refresh token is "
    "exchanged for a new one with each use; the new one is stored, encrypted, before the access token is used.",
    window_help="Opens click_age_hours (1) after the lead; closes 90 days after the status change. The goal's own "
    "conversion window is not known here.",
    unverified=UNVERIFIED,
)
