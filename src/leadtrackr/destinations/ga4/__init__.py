"""Google Analytics 4: key events through the Measurement Protocol, joined to the visit by the client id.

Sources: developers.google.com/analytics/devguides/collection/protocol/ga4 (reference, sending, validating) and
collection/ga4/uid-data.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final
from urllib.parse import urlencode

import msgspec

from leadtrackr.destinations.contract import (
    HTTP_CODES,
    RATE_FIELDS,
    Code,
    Destination,
    Event,
    Field,
    LeadData,
    Limits,
    Outcome,
    Request,
    Response,
    Settings,
    TakeBack,
    Validation,
    Verdict,
    Whole,
    Window,
)
from leadtrackr.destinations.contract import Warning as SkipWarning
from leadtrackr.destinations.ga4.accounts import (
    ANALYTICS_CONSENT,
    GA4_ACCOUNTS,
    LISTING_AUTH,
    LISTING_CODES,
    LISTING_FIELDS,
)
from leadtrackr.destinations.http_common import (
    JSON,
    ON_THE_WAY,
    decode,
    encode,
    outcome,
    sent_at,
    transport_failure,
    unknown_failure,
)
from leadtrackr.destinations.normalise import E164, GMAIL_DOTLESS_EMAIL, Rules
from leadtrackr.destinations.rows import fault, mend, taken, trouble
from leadtrackr.kit.clock import HOUR
from leadtrackr.kit.money import to_units

HOSTS: Final = {"global": "https://www.google-analytics.com", "eu": "https://region1.google-analytics.com"}
BACKDATING_HOURS: Final = 72
RESERVED: Final = (
    "ad_activeview|ad_click|ad_exposure|ad_impression|ad_query|adunit_exposure|app_clear_data|app_install|app_remove|"
    "app_update|error|first_open|first_visit|in_app_purchase|notification_dismiss|notification_foreground|"
    "notification_open|notification_receive|os_update|screen_view|session_start|user_engagement"
)
"""Event names that a web stream does not take, as a regular expression."""
_NAME: Final = rf"(?!(?:{RESERVED})$)(?!firebase_|ga_|google_)[A-Za-z][A-Za-z0-9_]{{0,39}}"

_FIELDS: Final = (
    Field(
        name="measurement_id",
        label="Measurement id",
        help="Of the web data stream, such as G-AB12CD34EF.",
        required=True,
        pattern=r"G-[A-Z0-9]{4,20}",
        pattern_help="Enter the measurement id of a web data stream; it begins with G-.",
    ),
    Field(
        name="api_secret",
        label="API secret",
        help="Made under Measurement Protocol API secrets of the same data stream; case matters.",
        secret=True,
        required=True,
        pattern=r"[!-~]+",
        pattern_help="Copy the secret value; it has no spaces.",
    ),
    Field(
        name="region",
        label="Where data is collected",
        help="eu sends to Google's servers in the European Union.",
        kind="choice",
        choices=tuple(HOSTS),
        default="global",
    ),
)
_RULES: Final = Rules(email=GMAIL_DOTLESS_EMAIL, phone=E164, source="Measurement Protocol, User-provided data")
_EVENT_FIELD: Final = Field(
    name="ga4",
    label="Event name",
    help="Google's names for leads are generate_lead, qualify_lead, working_lead, close_convert_lead, "
    "close_unconvert_lead and disqualify_lead; any name of your own works too.",
    pattern=_NAME,
    pattern_help="Enter up to 40 letters, digits and underscores that begin with a letter; names that Google keeps "
    "for itself (such as session_start or those that begin with ga_, google_ or firebase_) are not taken.",
)


_DOCS: Final = "https://developers.google.com/analytics/devguides/collection/protocol/ga4"
_VALIDATING: Final = f"{_DOCS}/validating-events"
_mend: Final = partial(mend, link=_VALIDATING)
_fault: Final = partial(fault, link=_VALIDATING)
_VALIDATION: Final[Mapping[str, Code]] = {
    "VALUE_INVALID": _mend("Google Analytics finds a value wrong.", "Check the measurement id."),
    "VALUE_REQUIRED": _mend("Google Analytics misses a value.", "Check the measurement id and the API secret."),
    "NAME_INVALID": _mend("Google Analytics does not take a name.", "Check the event names of the labels."),
    "NAME_RESERVED": _mend("Google Analytics keeps this name for itself.", "Choose another event name."),
    "VALUE_OUT_OF_BOUNDS": _fault("A value is larger or longer than Google Analytics takes."),
    "EXCEEDED_MAX_ENTITIES": _fault("The event holds more than Google Analytics takes."),
    "NAME_DUPLICATED": _fault("A name occurs twice."),
}
_TWICE: Final = "Nothing to do: it is sent again. GA4 knows repeats of purchases alone, so this event may count twice."
CODES: Final[Mapping[str, Code]] = {
    **HTTP_CODES,
    **{code: msgspec.structs.replace(HTTP_CODES[code], next_step=_TWICE) for code in ("timeout", "unreadable")},
    "ok": taken(
        "Accepted; GA4 cannot confirm: it answers the same to every request, even to one with a wrong secret.",
        "Nothing to do. To be sure, look for the event in the property's Realtime report.",
        f"{_DOCS}/sending-events",
    ),
    "check_ok": taken(
        "Google Analytics finds the form of the request right. It checks neither measurement id nor API secret.",
        "Nothing to do. To be sure, rate a test lead and look for its event in the property's Realtime report.",
        _VALIDATING,
    ),
    **_VALIDATION,
    **LISTING_CODES,
    "INTERNAL_ERROR": trouble("Google Analytics had an error of its own.", link=_VALIDATING),
}


class _Event(msgspec.Struct, omit_defaults=True, gc=False):
    """The body: one client, one event.

    No address: without street, city and postal code it identifies nobody. No `user_id`: a lead's number would become
    the property's reporting identity.
    """

    client_id: str
    timestamp_micros: int
    events: tuple[object, ...]
    consent: dict[str, str] | None = None
    user_data: dict[str, list[str]] | None = None


def missing(lead: LeadData, _settings: Settings) -> tuple[SkipWarning, ...]:
    """The client id alone: GA4 has no click id, it finds the visit through it."""
    if lead.ids.get("cid"):
        return ()
    return (SkipWarning("cid", "The lead has no Google Analytics client id (cid), so GA4 could not find its visit."),)


def window(event: Event, _settings: Settings) -> Window:
    """GA4 keeps the time of events up to 72 hours old; an older one would be counted at a wrong time."""
    at = sent_at(event)
    return Window(event.lead.created_at, at + BACKDATING_HOURS * HOUR - ON_THE_WAY)


def build(events: Sequence[Event], settings: Settings, _token: str | None) -> Request:
    """One event; a request is of one client, so there is nothing to batch."""
    (event,) = events
    body = encode(_body(event))
    return Request(service="ga4", url=_url("/mp/collect", settings), headers=JSON, body=body, items=(body,))


def read(response: Response, _n: int) -> Verdict:
    """Any 2xx: Google answers so whenever the request arrived. Other answers are not to be repeated unchanged."""
    if 200 <= response.status < 300:
        return Whole(outcome(CODES, "ok"))
    if failure := transport_failure(CODES, response):
        return Whole(failure)
    return unknown_failure(CODES, response)


def check(settings: Settings, _token: str | None) -> Request:
    """An event for Google's validation server, which stores nothing."""
    body = encode({"client_id": "1.1", "events": [{"name": "generate_lead", "params": {"engagement_time_msec": 1}}]})
    return Request(service="ga4", url=_url("/debug/mp/collect", settings), headers=JSON, body=body)


def validated(request: Request) -> Request:
    """The same event for Google's validation server."""
    return msgspec.structs.replace(request, url=request.url.replace("/mp/collect?", "/debug/mp/collect?", 1))


class _Message(msgspec.Struct, rename="camel"):
    validation_code: str = ""
    description: str = ""
    field_path: str = ""


class _Messages(msgspec.Struct, rename="camel"):
    validation_messages: list[_Message]


def read_check(response: Response) -> Outcome:
    """The first thing that the validation server finds wrong."""
    if failure := transport_failure(CODES, response):
        return failure
    if response.status != 200:
        return unknown_failure(CODES, response).outcome
    found = decode(response.body, _Messages)
    if found is None:
        return outcome(CODES, "unreadable")
    if not found.validation_messages:
        return outcome(CODES, "check_ok")
    first = found.validation_messages[0]
    code = first.validation_code if first.validation_code in CODES else "unexpected"
    return outcome(CODES, code, f"{first.validation_code} {first.field_path} {first.description}")


def _body(event: Event) -> _Event:
    lead = event.lead
    params: dict[str, object] = {"transaction_id": event.event_id, "engagement_time_msec": 1}
    session = lead.ids.get("sid", "")
    # Some clients pass something else as sid; GA4's session id is a number.
    if session.isascii() and session.isdigit():
        params["session_id"] = session
    if event.value_cents is not None and event.currency:
        params["value"] = to_units(event.value_cents, event.currency)
        params["currency"] = event.currency
    return _Event(
        lead.ids["cid"],
        sent_at(event),
        ({"name": event.action, "params": params},),
        _consent(lead.consent),
        _user_data(lead),
    )


def _consent(recorded: Mapping[str, str]) -> dict[str, str] | None:
    words = {"granted": "GRANTED", "denied": "DENIED"}
    kinds = ("ad_user_data", "ad_personalization")
    return {kind: words[recorded[kind]] for kind in kinds if recorded.get(kind) in words} or None


def _user_data(lead: LeadData) -> dict[str, list[str]] | None:
    data: dict[str, list[str]] = {}
    if lead.email and (email := _RULES.email(lead.email)):
        data["sha256_email_address"] = [email]
    if lead.phone and (phone := _RULES.phone(lead.phone)):
        data["sha256_phone_number"] = [phone]
    return data or None


def _url(path: str, settings: Settings) -> str:
    query = urlencode({"measurement_id": settings["measurement_id"], "api_secret": settings["api_secret"]})
    return f"{HOSTS[settings.get('region', 'global')]}{path}?{query}"


def account(settings: Settings) -> str:
    """The data stream: its measurement id."""
    return settings["measurement_id"]


GA4: Final = Destination(
    slug="ga4",
    name="Google Analytics 4",
    docs_url=_DOCS,
    api_version="Measurement Protocol",
    api_version_ends=None,
    fields=(*_FIELDS, *LISTING_FIELDS, *RATE_FIELDS),
    event_field=_EVENT_FIELD,
    hashing=_RULES,
    limits=Limits(batch_events=1, batch_bytes=129_999, in_flight=8, timeout_s=20),
    reads=("cid", "sid"),
    identifiers=("cid",),
    secret_in_query=True,
    account=account,
    missing=missing,
    window=window,
    build=build,
    read=read,
    check=check,
    read_check=read_check,
    validation=Validation(request=validated, read=read_check),
    codes=CODES,
    consent=ANALYTICS_CONSENT,
    reading=LISTING_AUTH,
    accounts=GA4_ACCOUNTS,
    counts_once=False,
    take_back=TakeBack(
        restate=False,
        retract=False,
        sentence="Google Analytics can neither change an event nor take it back. A label for lost leads can send "
        "close_unconvert_lead: that is an event of its own beside the earlier one, which stays counted.",
    ),
    about="One event of the visitor's client id (cid), with the session id (sid) when it is known and the SHA-256 of "
    "e-mail address and phone. Consent is sent as recorded. Sent as the parameter transaction_id: the event id. "
    "GA4 counts a transaction_id once for purchase events only.",
    window_help="Opens with the lead; closes 72 hours after the status change. To be joined to the visit's session, "
    "GA4 wants the event within 24 hours of its start.",
    unverified=(
        "GA4 answers 204 to everything, also to a wrong API secret: no answer of it proves that an event counts.",
        "The validation server checks neither measurement id nor API secret, so the connection test cannot either.",
        "Whether GA4 uses user data that comes without a user id is not documented.",
    ),
)
