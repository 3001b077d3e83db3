"""The rules for one event of `events:ingest`.

Written for speed: a request has up to 2,000 events. Paths start with the doubled prefix `events.events[n]`, as in every
sample of a Data Manager API error.
"""

from dataclasses import dataclass
from typing import Any

from leadtrackr.sandbox.currencies import CODES
from leadtrackr.sandbox.google_ads import fields, names
from leadtrackr.sandbox.google_ads.report import Report

MAX_USER_IDENTIFIERS = 10
_STRINGS = ("transaction_id", "currency", "event_name", "client_id", "user_id", "app_instance_id")
_CLICK_IDS = ("gclid", "gbraid", "wbraid")
_OTHER_IDS = ("session_attributes", "dclid", "impression_id", "match_id", "mobile_device_id", "ppid", "visitor_ppid")
_CONSENT_FIELDS = ("ad_user_data", "ad_personalization")
_MESSAGES = {
    "event_device_info": names.DEVICE_INFO,
    "cart_data": names.CART_DATA,
    "event_location": names.EVENT_LOCATION,
    "call_info": names.CALL_INFO,
    "third_party_user_data": names.USER_DATA,
}
_LISTS = {
    "custom_variables": names.CUSTOM_VARIABLE,
    "experimental_fields": names.EXPERIMENTAL_FIELD,
    "additional_event_parameters": names.EVENT_PARAMETER,
}
_REST = frozenset((*_MESSAGES, *_LISTS, "last_updated_timestamp", "conversion_count", "user_properties"))


@dataclass(frozen=True, slots=True)
class Target:
    """One destination of a request: the field paths' index, its reference, account and action."""

    index: int
    reference: str
    account_type: str
    account_id: str
    action: str
    login_id: str

    @property
    def scope(self) -> str:
        """Where a transaction id must be unique."""
        return f"{self.account_type}/{self.account_id}/{self.action}"


@dataclass(frozen=True, slots=True)
class Rules:
    """What the events of one request are measured against. Times in µs UTC."""

    oldest: int
    newest: int
    encoding: str | None
    is_encrypted: bool
    validate_only: bool
    max_transaction_id: int
    both_braids: bool
    gclid_with_braid: bool
    targets: tuple[Target, ...]


@dataclass(frozen=True, slots=True)
class Event:
    """What the emulator goes on with of a valid event."""

    key: str | None
    gclid: str | None
    value: float | None
    currency: str | None
    at: int
    has_user_data: bool
    targets: tuple[Target, ...]


def read(raw: object, index: int, rules: Rules, report: Report) -> Event | None:
    """Check one event; None when it cannot be used."""
    wire, path = f"events[{index}]", f"events.events[{index}]"
    found = fields.message(raw, names.EVENT, wire, report)
    if not found and not isinstance(raw, dict):
        return None
    fields.strings(found, _STRINGS, wire, report)
    _check_transaction_id(found.get("transaction_id"), path, rules, report)
    at = _time(found, path, rules, report)
    value = fields.number(found, "conversion_value", wire, report)
    currency = found.get("currency")
    if currency is not None and currency not in CODES:
        report.refuse(f"{path}.currency", "INVALID_CURRENCY_CODE", "The currency code is not supported.")
    targets = _targets(found.get("destination_references"), wire, path, rules, report)
    has_user_data = _check_user_data(found.get("user_data"), wire, path, rules, report)
    click = _check_ad_identifiers(found.get("ad_identifiers"), wire, path, rules, report)
    _check_for_product(found, has_user_data or click is not None, targets, path, report)
    if "consent" in found:
        check_consent(found["consent"], f"{wire}.consent", f"{path}.consent", report)
    if not _REST.isdisjoint(found):
        _check_rest(found, wire, path, report)
    gclid = (click or {}).get("gclid")
    return Event(found.get("transaction_id") or None, gclid, value, currency, at or 0, has_user_data, targets)


def check_consent(raw: object, wire: str, path: str, report: Report) -> None:
    """Check a Consent message, of an event or of the request."""
    found = fields.message(raw, names.CONSENT, wire, report)
    for name in _CONSENT_FIELDS:
        if name in found:
            fields.enum(found[name], names.CONSENT_STATUSES, f"{path}.{name}", report)


def _check_transaction_id(key: str | None, path: str, rules: Rules, report: Report) -> None:
    # Reported by users: refused in real requests, accepted with validateOnly.
    if key and key.isascii() and key.isdigit() and not rules.validate_only:
        report.refuse(f"{path}.transaction_id", "INVALID_FORMAT", "Format is invalid.")
    if key and len(key) > rules.max_transaction_id > 0:
        report.refuse(f"{path}.transaction_id", "FIELD_VALUE_TOO_LONG", "The field value is too long.")


def _time(found: dict[str, Any], path: str, rules: Rules, report: Report) -> int | None:
    given = found.get("event_timestamp")
    if given is None or given == "":
        report.missing(f"{path}.event_timestamp")
        return None
    at = fields.micros(given, f"{path}.event_timestamp", report)
    if at is not None and not rules.oldest <= at <= rules.newest:
        report.refuse(
            f"{path}.event_timestamp", "EVENT_TIME_INVALID", "Event did not occur within the acceptable time window."
        )
    return at


def _targets(raw: object, wire: str, path: str, rules: Rules, report: Report) -> tuple[Target, ...]:
    """The destinations of an event: those that it refers to, or all."""
    if not raw:
        return rules.targets
    if not isinstance(raw, list) or not all(isinstance(reference, str) for reference in raw):
        report.wrong_type(f"{wire}.destination_references", "TYPE_STRING")
        return ()
    known = {target.reference: target for target in rules.targets if target.reference}
    for place, reference in enumerate(raw):
        if reference not in known:
            where = f"{path}.destination_references[{place}]"
            report.refuse(where, "INVALID_DESTINATION", "No destination of the request has this reference.")
    return tuple(known[reference] for reference in dict.fromkeys(raw) if reference in known)


def _check_for_product(
    found: dict[str, Any], has_identifier: bool, targets: tuple[Target, ...], path: str, report: Report
) -> None:
    """What Google Ads and Google Analytics ask of an event; other products are taken as they come."""
    kinds = [target.account_type for target in targets]
    if "GOOGLE_ADS" in kinds:
        source = found.get("event_source", "EVENT_SOURCE_UNSPECIFIED")
        if source == "EVENT_SOURCE_UNSPECIFIED":
            report.missing(f"{path}.event_source")
        else:
            fields.enum(source, names.EVENT_SOURCES, f"{path}.event_source", report)
        if not has_identifier:
            report.refuse(path, "NO_IDENTIFIERS_PROVIDED", "The event has neither user data nor ad identifiers.")
    analytics = kinds.count("GOOGLE_ANALYTICS_PROPERTY")
    if analytics:
        _check_for_analytics(found, analytics, path, report)


def _check_for_analytics(found: dict[str, Any], analytics: int, path: str, report: Report) -> None:
    if analytics > 1:
        sentence = "An event may have one Google Analytics destination."
        report.refuse(path, "MULTIPLE_DESTINATIONS_FOR_GOOGLE_ANALYTICS_EVENT", sentence)
    if not found.get("event_name"):
        report.missing(f"{path}.event_name")
    if found.get("client_id") and found.get("app_instance_id"):
        sentence = "Give client_id or app_instance_id, not both."
        report.refuse(path, "BOTH_CLIENT_ID_AND_APP_INSTANCE_ID_NOT_ALLOWED", sentence)
    elif not found.get("client_id") and not found.get("app_instance_id"):
        report.missing(f"{path}.client_id")


def _check_user_data(raw: object, wire: str, path: str, rules: Rules, report: Report) -> bool:
    if raw is None:
        return False
    identifiers = fields.message(raw, names.USER_DATA, f"{wire}.user_data", report).get("user_identifiers")
    path = f"{path}.user_data.user_identifiers"
    if not identifiers:
        report.missing(path)
        return True
    if not isinstance(identifiers, list):
        report.wrong_type(f"{wire}.user_data.user_identifiers", "repeated message")
        return True
    if len(identifiers) > MAX_USER_IDENTIFIERS:
        sentence = f"At most {MAX_USER_IDENTIFIERS} user identifiers are allowed."
        report.refuse(path, "TOO_MANY_USER_IDENTIFIERS", sentence)
    for place, identifier in enumerate(identifiers):
        at = f"{wire}.user_data.user_identifiers[{place}]"
        _check_identifier(identifier, at, f"{path}[{place}]", rules, report)
    return True


def _check_identifier(raw: object, wire: str, path: str, rules: Rules, report: Report) -> None:
    found = fields.message(raw, names.USER_IDENTIFIER, wire, report)
    if len(found) != 1:
        if found:
            report.syntax.append((wire, f"Invalid value at '{wire}': oneof field 'identifier' is set more than once."))
        elif isinstance(raw, dict):
            report.missing(path)
        return
    ((kind, value),) = found.items()
    if kind == "address":
        _check_address(value, f"{wire}.address", f"{path}.address", rules, report)
    elif not isinstance(value, str):
        report.wrong_type(f"{wire}.{kind}", "TYPE_STRING")
    else:
        _check_hash(value, f"{path}.{kind}", rules, report)


def _check_address(raw: object, wire: str, path: str, rules: Rules, report: Report) -> None:
    found = fields.message(raw, names.ADDRESS, wire, report)
    fields.strings(found, tuple(found), wire, report)
    for name in ("given_name", "family_name", "region_code", "postal_code"):
        if not found.get(name):
            report.missing(f"{path}.{name}")
    for name in ("given_name", "family_name"):
        if found.get(name):
            _check_hash(found[name], f"{path}.{name}", rules, report)
    region = found.get("region_code")
    if region and not (len(region) == 2 and region.isascii() and region.isalpha() and region.isupper()):
        report.refuse(f"{path}.region_code", "INVALID_COUNTRY_CODE", "Country code is not valid.")


def _check_hash(value: str, path: str, rules: Rules, report: Report) -> None:
    if rules.encoding is not None and not rules.is_encrypted:
        fields.sha256(value, rules.encoding, path, report)


def _check_ad_identifiers(raw: object, wire: str, path: str, rules: Rules, report: Report) -> dict[str, Any] | None:
    """The identifiers of a click, None when there are none."""
    if raw is None:
        return None
    wire, path = f"{wire}.ad_identifiers", f"{path}.ad_identifiers"
    found = fields.message(raw, names.AD_IDENTIFIERS, wire, report)
    fields.strings(found, _CLICK_IDS, wire, report)
    if len(found) > 1:
        fields.strings(found, _OTHER_IDS, wire, report)
        _check_pair(found, path, rules, report)
    if "landing_page_device_info" in found:
        info = found["landing_page_device_info"]
        fields.message(info, names.DEVICE_INFO, f"{wire}.landing_page_device_info", report)
    is_identified = any(found.get(name) for name in (*_CLICK_IDS, *_OTHER_IDS, "encrypted_user_ids"))
    return found if is_identified else None


def _check_pair(found: dict[str, Any], path: str, rules: Rules, report: Report) -> None:
    gclid, gbraid, wbraid = (found.get(name) for name in _CLICK_IDS)
    if gbraid and wbraid and not rules.both_braids:
        report.refuse(path, "INVALID_EVENT", "gbraid and wbraid exclude each other.")
    if gclid and (gbraid or wbraid) and not rules.gclid_with_braid:
        report.refuse(path, "INVALID_EVENT", "gclid and a braid exclude each other.")


def _check_rest(found: dict[str, Any], wire: str, path: str, report: Report) -> None:
    """The optional fields, which most events do not have."""
    for name, table in _MESSAGES.items():
        if name in found:
            fields.message(found[name], table, f"{wire}.{name}", report)
    for name, table in _LISTS.items():
        if name in found:
            fields.messages(found[name], table, f"{wire}.{name}", report)
    if "last_updated_timestamp" in found:
        fields.micros(found["last_updated_timestamp"], f"{path}.last_updated_timestamp", report)
    fields.number(found, "conversion_count", wire, report)
    if "user_properties" in found:
        _check_user_properties(found["user_properties"], wire, path, report)


def _check_user_properties(raw: object, wire: str, path: str, report: Report) -> None:
    found = fields.message(raw, names.USER_PROPERTIES, f"{wire}.user_properties", report)
    for name, allowed in (("customer_type", names.CUSTOMER_TYPES), ("customer_value_bucket", names.VALUE_BUCKETS)):
        if name in found:
            fields.enum(found[name], allowed, f"{path}.user_properties.{name}", report)
