"""The rules for the body of `events:ingest` around its events."""

from dataclasses import dataclass
from typing import Any, Final

from leadtrackr.sandbox.google_ads import fields, names
from leadtrackr.sandbox.google_ads.event import Event, Rules, Target, check_consent, read
from leadtrackr.sandbox.google_ads.report import Report
from leadtrackr.sandbox.google_ads.settings import EVERY, Settings

MAX_EVENTS: Final = 2_000
MAX_DESTINATIONS: Final = 10
_DAY: Final = 86_400_000_000
_ACCOUNTS = ("operating_account", "login_account", "linked_account")


@dataclass(frozen=True, slots=True)
class Request:
    """A request that was read; `events` and `raw_events` have the same length when the report is clean."""

    validate_only: bool
    targets: tuple[Target, ...]
    events: tuple[Event, ...]
    raw_events: list[dict[str, Any]]
    raw_destinations: list[dict[str, Any]]


def read_request(body: object, settings: Settings, now: int, report: Report) -> Request:
    """Check a whole request body."""
    found = fields.message(body, names.REQUEST, "", report)
    validate_only = fields.boolean(found, "validate_only", report)
    raw_destinations = found.get("destinations", [])
    targets = _read_destinations(raw_destinations, report)
    rules = _rules(found, targets, validate_only, settings, now, report)
    events = _read_events(found.get("events", []), rules, report)
    if rules.encoding is None and any(event.has_user_data for event in events):
        report.missing("encoding")
    if report.is_clean:
        _check_accounts(targets, events, settings, report)
    raw_events = found.get("events")
    return Request(
        validate_only,
        targets,
        events,
        raw_events if isinstance(raw_events, list) else [],
        raw_destinations if isinstance(raw_destinations, list) else [],
    )


def _rules(
    found: dict[str, Any],
    targets: tuple[Target, ...],
    validate_only: bool,
    settings: Settings,
    now: int,
    report: Report,
) -> Rules:
    encoding = found.get("encoding", "ENCODING_UNSPECIFIED")
    chosen = None
    if encoding != "ENCODING_UNSPECIFIED":
        # With an unusable encoding no hash can be judged; one violation is enough.
        chosen = fields.enum(encoding, names.ENCODINGS, "encoding", report) or "UNREADABLE"
    if "encryption_info" in found:
        fields.message(found["encryption_info"], names.ENCRYPTION_INFO, "encryption_info", report)
    if "consent" in found:
        check_consent(found["consent"], "consent", "consent", report)
    return Rules(
        oldest=now - int(settings.max_age_days * _DAY),
        newest=now + int(settings.future_s * 1_000_000),
        encoding=chosen,
        is_encrypted="encryption_info" in found or chosen == "UNREADABLE",
        validate_only=validate_only,
        max_transaction_id=settings.max_transaction_id,
        both_braids=settings.both_braids == "accept",
        gclid_with_braid=settings.gclid_with_braid == "accept",
        targets=targets,
    )


def _read_events(raw: object, rules: Rules, report: Report) -> tuple[Event, ...]:
    if not isinstance(raw, list):
        report.wrong_type("events", "repeated message")
        return ()
    if not raw:
        report.refuse("events", "TOO_FEW_ELEMENTS", "At least one event is required.")
    if len(raw) > MAX_EVENTS:
        report.refuse("events", "TOO_MANY_EVENTS", f"At most {MAX_EVENTS} events are allowed per request.")
        return ()
    events = (read(event, index, rules, report) for index, event in enumerate(raw))
    return tuple(event for event in events if event is not None)


def _read_destinations(raw: object, report: Report) -> tuple[Target, ...]:
    listed = fields.messages(raw, names.DESTINATION, "destinations", report)
    if not listed:
        report.missing("destinations")
    if len(listed) > MAX_DESTINATIONS:
        sentence = f"At most {MAX_DESTINATIONS} destinations are allowed per request."
        report.refuse("destinations", "TOO_MANY_DESTINATIONS", sentence)
    targets = tuple(_read_destination(found, index, report) for index, found in enumerate(listed))
    references = [target.reference for target in targets if target.reference]
    if len(set(references)) < len(references):
        sentence = "Two destinations have the same reference."
        report.refuse("destinations", "DUPLICATE_DESTINATION_REFERENCE", sentence)
    return targets


def _read_destination(found: dict[str, Any], index: int, report: Report) -> Target:
    path = f"destinations[{index}]"
    fields.strings(found, ("reference", "product_destination_id"), path, report)
    accounts = {name: _read_account(found[name], f"{path}.{name}", report) for name in _ACCOUNTS if name in found}
    if "operating_account" not in found:
        report.missing(f"{path}.operating_account")
    kind, account_id = accounts.get("operating_account", ("", ""))
    if "linked_account" in found and accounts.get("login_account", ("", ""))[0] != "DATA_PARTNER":
        sentence = "A linked account needs a data partner as login account."
        report.refuse(f"{path}.linked_account", "LINKED_ACCOUNT_ONLY_ALLOWED_WITH_DATA_PARTNER_LOGIN_ACCOUNT", sentence)
    action = found.get("product_destination_id", "")
    if not action:
        report.missing(f"{path}.product_destination_id")
    elif kind == "GOOGLE_ADS" and not (action.isascii() and action.isdigit()):
        sentence = "Conversion action ID is not valid: it is the bare number."
        report.refuse(f"{path}.product_destination_id", "INVALID_CONVERSION_ACTION_ID", sentence)
    login_id = accounts.get("login_account", ("", ""))[1]
    return Target(index, found.get("reference", ""), kind, account_id, action, login_id)


def _read_account(raw: object, path: str, report: Report) -> tuple[str, str]:
    """(account type, account id) of a ProductAccount; `product` is the old name of `account_type`."""
    found = fields.message(raw, names.ACCOUNT, path, report)
    fields.strings(found, ("account_id",), path, report)
    field = "product" if "product" in found and "account_type" not in found else "account_type"
    kind = None
    if field in found:
        kind = fields.enum(found[field], names.ACCOUNT_TYPES, f"{path}.{field}", report)
    elif isinstance(raw, dict):
        report.missing(f"{path}.account_type")
    if found.get("product", kind) != kind and kind is not None:
        report.refuse(f"{path}.product", "INVALID_ENUM_VALUE", "product and account_type must match.")
    account_id = found.get("account_id", "")
    if not account_id:
        report.missing(f"{path}.account_id")
    elif not (account_id.isascii() and account_id.isdigit()):
        report.refuse(f"{path}.account_id", "INVALID_NUMBER_FORMAT", "Account ids are digits only.")
    return kind or "", account_id


def _check_accounts(targets: tuple[Target, ...], events: tuple[Event, ...], settings: Settings, report: Report) -> None:
    """What depends on the state of the account: here, on the settings."""
    personal = {target.index for event in events if event.has_user_data for target in event.targets}
    for target in targets:
        path = f"destinations[{target.index}]"
        if target.action in settings.too_new_actions:
            sentence = "The conversion action was created too recently."
            report.refuse(f"{path}.product_destination_id", "CONVERSION_ACTION_TOO_RECENTLY_CREATED", sentence)
        if target.action in settings.wrong_type_actions:
            sentence = "The conversion action type is not valid."
            report.refuse(f"{path}.product_destination_id", "INVALID_CONVERSION_ACTION_TYPE", sentence)
        if target.index not in personal:
            continue
        for accounts, reason in (
            (settings.terms_not_signed, "DESTINATION_ACCOUNT_ENHANCED_CONVERSIONS_TERMS_NOT_SIGNED"),
            (settings.leads_not_enabled, "DESTINATION_ACCOUNT_NOT_ENABLED_ENHANCED_CONVERSIONS_FOR_LEADS"),
            (settings.policy_prohibits, "DESTINATION_ACCOUNT_DATA_POLICY_PROHIBITS_ENHANCED_CONVERSIONS"),
        ):
            if target.account_id in accounts or EVERY in accounts:
                report.refuse(path, reason, "Enhanced conversions cannot be used with this account.")


def echo(raw_destination: dict[str, Any]) -> dict[str, Any]:
    """A destination as the status answer repeats it: in lowerCamelCase."""
    return {
        _camel(name): echo(value) if isinstance(value, dict) else value
        for name, value in raw_destination.items()
        if value is not None
    }


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)
