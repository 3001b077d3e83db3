"""LinkedIn: conversions of a conversion rule through the Conversions API.

Source: learn.microsoft.com/linkedin/marketing (Conversions API, versioning, error handling), and answers measured at
the real endpoint.
"""

import re
from collections.abc import Sequence
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
from leadtrackr.destinations.linkedin.accounts import LINKEDIN_ACCOUNTS, LISTING_CODES
from leadtrackr.destinations.linkedin.answer import read, read_check
from leadtrackr.destinations.linkedin.codes import CODES, DOCS
from leadtrackr.destinations.linkedin.consent import LINKEDIN_CONSENT
from leadtrackr.destinations.linkedin.declared import (
    EVENT_FIELD,
    FIELDS,
    HOST,
    ONE_OF,
    UNVERIFIED,
    VERSION,
    VERSIONS,
    headers,
)
from leadtrackr.destinations.linkedin.oauth import LINKEDIN_AUTH, OAUTH_CODES
from leadtrackr.destinations.linkedin.rules import LINKEDIN_RULES, RULE_CODES
from leadtrackr.destinations.normalise import BARE_NAME, EMAIL_WITHOUT_SPACE, Rules
from leadtrackr.destinations.token_end import token_ends
from leadtrackr.kit.clock import DAY
from leadtrackr.kit.hashing import sha256_hex
from leadtrackr.kit.money import to_units

HASHED_NAMES_SINCE: Final = "202609"
MAX_AGE_DAYS: Final = 90
_MILLISECOND: Final = 1000
_IPV4: Final = re.compile(r"(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(?:\.(?!$)|$)){4}")

_RULES: Final = Rules(email=EMAIL_WITHOUT_SPACE, name=BARE_NAME, source="Conversions API, Schema")


class _Id(msgspec.Struct, gc=False, rename="camel"):
    id_type: str
    id_value: str


class _Person(msgspec.Struct, omit_defaults=True, gc=False, rename="camel"):
    first_name: str | None = None
    last_name: str | None = None
    hashed_first_name: str | None = None
    hashed_last_name: str | None = None
    company_name: str | None = None
    country_code: str | None = None


class _User(msgspec.Struct, gc=False, rename="camel"):
    user_ids: list[_Id]
    user_info: _Person | msgspec.UnsetType = msgspec.UNSET


class _Money(msgspec.Struct, gc=False, rename="camel"):
    currency_code: str
    amount: str


class _Event(msgspec.Struct, gc=False, rename="camel"):
    conversion: str
    conversion_happened_at: int
    user: _User
    event_id: str
    conversion_value: _Money | msgspec.UnsetType = msgspec.UNSET


def missing(lead: LeadData, _settings: Settings) -> tuple[SkipWarning, ...]:
    """What LinkedIn can find a member by. It refuses a whole request for one event without; phones it does not take.

    An IP address is sent with the others but alone does not count: LinkedIn's rule leaves its digest out.
    """
    if lead.email or lead.ids.get("li_fat_id") or _person(lead, VERSION) is not None:
        return ()
    reason = (
        "The lead has nothing that LinkedIn can match: no e-mail address, no li_fat_id, and not both first and last "
        "name. LinkedIn takes no phone numbers."
    )
    return (SkipWarning("user_data", reason),)


def window(event: Event, _settings: Settings) -> Window:
    """LinkedIn refuses a whole request for one event that is older than 90 days."""
    at = sent_at(event) // _MILLISECOND * _MILLISECOND
    return Window(event.lead.created_at, at + MAX_AGE_DAYS * DAY - ON_THE_WAY)


def build(events: Sequence[Event], settings: Settings, token: str | None) -> Request:
    """One batch for events of one conversion rule."""
    version = settings.get("api_version", VERSION)
    items = tuple([encode(_event(event, version)) for event in events])
    return Request(
        service="linkedin",
        url=f"{HOST}/rest/conversionEvents",
        headers={**JSON, **headers(settings, token), "x-restli-method": "BATCH_CREATE"},
        body=joined(b'{"elements":[', items, b"]}"),
        items=items,
    )


def check(settings: Settings, token: str | None) -> Request:
    """Lists the ad account's conversion rules; changes nothing."""
    account_urn = f"urn%3Ali%3AsponsoredAccount%3A{settings['ad_account']}"
    url = f"{HOST}/rest/conversions?q=account&account={account_urn}"
    return Request(service="linkedin", url=url, method="GET", headers=headers(settings, token))


def account(settings: Settings) -> str:
    """The ad account's number."""
    return settings["ad_account"]


def _event(event: Event, version: str) -> _Event:
    wire = _Event(
        f"urn:lla:llaPartnerConversion:{event.action}",
        sent_at(event) // _MILLISECOND,
        _user(event.lead, version),
        event.event_id,
    )
    if event.value_cents is not None and event.currency:
        wire.conversion_value = _Money(event.currency, f"{to_units(event.value_cents, event.currency):f}")
    return wire


def _user(lead: LeadData, version: str) -> _User:
    """`userIds` is there in any case: LinkedIn requires the key, if only with an empty list."""
    ids: list[_Id] = []
    if lead.email and (email := _RULES.email(lead.email)):
        ids.append(_Id("SHA256_EMAIL", email))
    if clicked := lead.ids.get("li_fat_id"):
        ids.append(_Id("LINKEDIN_FIRST_PARTY_ADS_TRACKING_UUID", clicked))
    if lead.ip_address and _IPV4.fullmatch(lead.ip_address):
        ids.append(_Id("SHA256_IP_ADDRESS", sha256_hex(lead.ip_address)))
    user = _User(ids)
    if person := _person(lead, version):
        user.user_info = person
    return user


def _person(lead: LeadData, version: str) -> _Person | None:
    """None unless both names are known: LinkedIn takes the rest of it only with them."""
    first = _RULES.name(lead.first_name) if lead.first_name else None
    last = _RULES.name(lead.last_name) if lead.last_name else None
    if not (first and last and lead.first_name and lead.last_name):
        return None
    if version >= HASHED_NAMES_SINCE:
        person = _Person(hashed_first_name=first, hashed_last_name=last)
    else:
        person = _Person(first_name=lead.first_name.strip(), last_name=lead.last_name.strip())
    person.company_name = (lead.company_name or "").strip() or None
    person.country_code = lead.country
    return person


LINKEDIN: Final = Destination(
    slug="linkedin",
    name="LinkedIn",
    docs_url=DOCS,
    api_version=VERSION,
    api_version_ends=VERSIONS[VERSION],
    fields=(*FIELDS, *RATE_FIELDS),
    one_of=ONE_OF,
    event_field=EVENT_FIELD,
    hashing=_RULES,
    limits=Limits(
        batch_events=5000, batch_bytes=16_000_000, in_flight=2, requests_per_minute=600, requests_per_day=500_000
    ),
    reads=("li_fat_id",),
    identifiers=("user_data",),
    masked_keys=("firstName", "lastName", "companyName"),
    account=account,
    missing=missing,
    window=window,
    build=build,
    read=read,
    check=check,
    read_check=read_check,
    codes={**CODES, **RULE_CODES, **OAUTH_CODES, **LISTING_CODES},
    auth=LINKEDIN_AUTH,
    consent=LINKEDIN_CONSENT,
    accounts=LINKEDIN_ACCOUNTS,
    actions=LINKEDIN_RULES,
    token_ends=token_ends,
    counts_once=False,
    take_back=TakeBack(
        restate=False,
        retract=False,
        sentence="LinkedIn has no way to change a conversion that it has taken, or to take it back: "
        "it stays counted with its value.",
    ),
    about="The SHA-256 of the e-mail address, li_fat_id letter for letter, the SHA-256 of an IPv4 address, and first "
    "and last name with company and country when both names are known. The names leave as digests from version 202609 "
    "on and plain under an earlier one. No phone number: LinkedIn takes none. Sent as eventId: the event id, by which "
    "LinkedIn leaves out what its Insight Tag has counted. Leads of LinkedIn's own forms are not covered.",
    window_help="Opens with the lead; closes 90 days after the status change.",
    unverified=UNVERIFIED,
)
