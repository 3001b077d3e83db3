"""The Data Manager API's codes for a request, and what they mean for a conversion.

Sources: google/ads/datamanager/v1/error.proto, the API's page "Understand errors", and field reports for the newer
ones. The list is open: a code that is not here is rejected as `unexpected`.
"""

from collections.abc import Mapping
from functools import partial
from typing import Final

from leadtrackr.destinations.contract import HTTP_CODES, Action, Code, Kind, Scope
from leadtrackr.destinations.google_ads.consent import CONSENT_CODES
from leadtrackr.destinations.google_ads.oauth import OAUTH_CODES
from leadtrackr.destinations.google_ads.processing import DIAGNOSTICS, PROCESSING, STATUS
from leadtrackr.destinations.google_ads.reading import READING
from leadtrackr.destinations.http_common import SIX_HOURS_S
from leadtrackr.destinations.rows import fault, held, held_by_fault, later, mend, taken, trouble

_API: Final = "https://developers.google.com/data-manager/api"
_REASONS: Final = f"{_API}/reference/rest/v1/ErrorReason"
_FORMATS: Final = f"{_API}/devguides/concepts/formatting"
_ERRORS: Final = f"{_API}/devguides/concepts/understand-errors"
_MEND_ACTION: Final = "Put the id of an import conversion action of this account into the conversion label's event."
_OTHER_ACCOUNT: Final = "Connect the account whose ads brought the lead."
_TERMS: Final = (
    "Open Goals, Settings, Enhanced conversions for leads in Google Ads, turn it on and accept the terms; "
    "or set “Send hashed customer data” to no in the connection, so that only click ids are sent."
)

_no: Final = partial(mend, link=_REASONS)
_ours: Final = partial(fault, link=_REASONS)
_hold: Final = partial(held, "configuration", link=_REASONS)
_hold_ours: Final = partial(held_by_fault, link=_REASONS)


def _malformed(what: str) -> Code:
    return fault(f"Google could not read {what}.", _FORMATS)


OURS: Final[Mapping[str, Code]] = {
    "ok": taken(
        "Google took the conversion; whether it counts it is known some hours later.",
        "Nothing to do: Google is asked about it from half an hour on.",
        DIAGNOSTICS,
    ),
    "check_ok": taken(
        "The credentials work and Google Ads takes conversions for this account.", "Nothing to do: it is connected."
    ),
    "validated": taken(
        "Google Ads finds the conversion right. It was only looked at: nothing was counted.",
        "Nothing to do. Whether the click belongs to the account shows only when the conversion is really sent.",
    ),
    "token_expired": Code(
        Kind.RETRY,
        "Google says that the access token is not valid any more.",
        "Nothing to do: a new token is fetched at once and the conversion is sent again.",
        retry_after_s=0,
        scope=Scope.DESTINATION,
        action=Action.WAIT,
    ),
    "token_refused": held(
        "credentials",
        "Google refuses an access token that it has just issued.",
        "Connect Google Ads again with a user who has access to the account.",
        _ERRORS,
    ),
    "destination_invalid": _hold(
        "Google refuses the account named in the connection.",
        "Check the Google Ads account and the manager account of the connection against Google Ads.",
    ),
    "request_invalid": _hold_ours("Google refuses the way in which this program asks."),
}

_WHOLE: Final[Mapping[str, Code]] = {
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT": held(
        "credentials",
        "The connection was not given the right to send conversions.",
        "Connect again and allow the scope https://www.googleapis.com/auth/datamanager.",
        _ERRORS,
    ),
    "SERVICE_DISABLED": _hold(
        "The Data Manager API is not enabled in the Google Cloud project of the credentials.",
        "Enable the Data Manager API in the Google Cloud console; it takes some minutes to spread.",
    ),
    "PERMISSION_DENIED": _hold(
        "The connection's user has no access to this account, or the manager account is not the right one.",
        "Give the user standard access in Google Ads, or set the manager account to the one the user belongs to.",
    ),
    "RESOURCE_EXHAUSTED": trouble(
        "The Google Cloud project has used up its requests for now.", link=f"{_API}/devguides/limits"
    ),
    "INTERNAL_ERROR": trouble("Google had an error of its own.", link=_REASONS),
    "DEADLINE_EXCEEDED": trouble("Google took too long and gave up.", link=_REASONS),
    "ABORTED": later("Google broke off because of another change at the same time.", link=_ERRORS),
    "INVALID_ARGUMENT": _ours("Google found a problem with the request and did not say which."),
    "NOT_FOUND": Code(
        Kind.RETRY,
        "Google does not know the conversion action, or it was made only just now.",
        f"{_MEND_ACTION} If it is less than six hours old, leave it: the conversion is sent again every six hours.",
        SIX_HOURS_S,
        action=Action.YOU_ACT,
        link=_REASONS,
    ),
    "INVALID_DESTINATION": _hold("Google refuses the destination.", "Check the accounts of the connection."),
    "DUPLICATE_DESTINATION_REFERENCE": _hold_ours("Two destinations of one request had the same name."),
    "TOO_MANY_DESTINATIONS": _hold_ours("The request named too many destinations."),
    "DESTINATION_ACCOUNT_TYPE_MISMATCH": _hold(
        "The account of the connection is not of the type Google Ads.", "Enter the id of the Google Ads account itself."
    ),
    "DESTINATION_ACCOUNT_NOT_ENABLED_ENHANCED_CONVERSIONS_FOR_LEADS": _hold(
        "Enhanced conversions for leads is off in this account, so it takes no hashed data.", _TERMS
    ),
    "DESTINATION_ACCOUNT_DATA_POLICY_PROHIBITS_ENHANCED_CONVERSIONS": _hold(
        "Google's customer data policy does not let this account use enhanced conversions.",
        "Set “Send hashed customer data” to no in the connection, so that only click ids are sent, or ask Google's "
        "support.",
    ),
    "DESTINATION_ACCOUNT_ENHANCED_CONVERSIONS_TERMS_NOT_SIGNED": _hold(
        "The terms of enhanced conversions are not accepted in this account, so it takes no hashed data.", _TERMS
    ),
    "TERMS_AND_CONDITIONS_NOT_SIGNED": _hold("Terms that Google asks for are not accepted.", _TERMS),
    "OPERATING_ACCOUNT_LOGIN_ACCOUNT_MISMATCH": _hold(
        "The manager account has to be the Google Ads account itself here.", "Leave the manager account empty."
    ),
    "LINKED_ACCOUNT_ONLY_ALLOWED_WITH_DATA_PARTNER_LOGIN_ACCOUNT": _hold_ours("A linked account was named."),
    "UNSUPPORTED_OPERATING_ACCOUNT_FOR_DATA_PARTNER": _hold(
        "The manager account is a data partner's, which may not send to this account.",
        "Enter the Google Ads manager account as manager account.",
    ),
    "UNSUPPORTED_LINKED_ACCOUNT_FOR_DATA_PARTNER": _hold_ours("A data partner's linked account was named."),
    "NOT_ALLOWLISTED": _hold(
        "Google opens this feature only to chosen accounts, and this one is not among them.",
        "Ask Google's support to open it, or use another kind of conversion action.",
    ),
    "INVALID_PROPERTY_TYPE": _hold_ours("The account is an Analytics property that takes no such events."),
    "INVALID_STREAM_TYPE": _hold_ours("The account is an Analytics stream that takes no such events."),
    "MULTIPLE_DESTINATIONS_FOR_GOOGLE_ANALYTICS_EVENT": _hold_ours("An event had two Analytics destinations."),
}

_EVENT: Final[Mapping[str, Code]] = {
    "INVALID_CONVERSION_ACTION_ID": _no("Google does not know this conversion action.", _MEND_ACTION),
    "INVALID_CONVERSION_ACTION_TYPE": _no(
        "This conversion action does not take imported conversions.",
        f"Make one of the type Import, Conversions from clicks. {_MEND_ACTION}",
    ),
    "CONVERSION_ACTION_TOO_RECENTLY_CREATED": later(
        "The conversion action is only some hours old and takes nothing yet.",
        "Nothing to do: it is sent six hours on.",
        SIX_HOURS_S,
        _REASONS,
    ),
    "INVALID_AD_IDENTIFIER_FOR_ACCOUNT": _no("The click id is not from an ad of this account.", _OTHER_ACCOUNT),
    "NO_IDENTIFIERS_PROVIDED": _no(
        "The conversion held nothing by which Google could find the click.",
        "See that the form passes on gclid, gbraid or wbraid, or the e-mail address.",
    ),
    "EVENT_TIME_INVALID": _no(
        "The conversion's time is outside what Google takes.",
        "Check the clock of the server, and rate leads within the weeks that Google remembers a click.",
    ),
    "EVENT_SOURCE_AND_DESTINATION_MISMATCH": _no(
        "This conversion action does not take conversions of a website.", _MEND_ACTION
    ),
    "INVALID_CURRENCY_CODE": _no("Google does not take this currency.", "Change the project's currency."),
    "INVALID_EVENT": _ours("Google calls the event invalid without saying why."),
    "REQUIRED_FIELD_MISSING": _ours("Google misses something in the conversion."),
    "INVALID_FORMAT": _malformed("a value of the conversion"),
    "INVALID_HEX_ENCODING": _malformed("a hexadecimal value"),
    "INVALID_BASE64_ENCODING": _malformed("a value in base64"),
    "INVALID_SHA256_FORMAT": _malformed("a digest"),
    "INVALID_POSTAL_CODE": _malformed("a postal code"),
    "INVALID_COUNTRY_CODE": _malformed("a country code"),
    "INVALID_ENUM_VALUE": _malformed("a word that it expects from a list"),
    "INVALID_NUMBER_FORMAT": _malformed("a number"),
    "INVALID_MOBILE_ID_FORMAT": _malformed("a mobile id"),
    "TOO_MANY_EVENTS": _ours("The request held too many events."),
    "TOO_MANY_USER_IDENTIFIERS": _ours("A conversion held too many identifiers."),
    "TOO_FEW_ELEMENTS": _ours("A list in the conversion was too short."),
    "TOO_MANY_ELEMENTS": _ours("A list in the conversion was too long."),
    "FIELD_VALUE_TOO_LONG": _ours("A value of the conversion was too long."),
    "FIELD_VALUE_TOO_SHORT": _ours("A value of the conversion was too short."),
    "CUSTOM_VARIABLE_*": _ours("Google refuses a custom variable."),
    "RESERVED_NAME_USED": _ours("A parameter has a name that Google keeps for itself."),
    "INVALID_EVENT_NAME": _ours("Google does not take this event name."),
    "BOTH_CLIENT_ID_AND_APP_INSTANCE_ID_NOT_ALLOWED": _ours("The event named a browser and an app at once."),
    "MULTIPLE_DATA_TYPES_NOT_ALLOWED": _ours("The request mixed kinds of data."),
    "INVALID_REQUEST_ID": _ours("Google does not know the request that was asked about."),
}

CODES: Final[Mapping[str, Code]] = {
    **HTTP_CODES,
    **OAUTH_CODES,
    **CONSENT_CODES,
    **READING,
    **OURS,
    **_WHOLE,
    **_EVENT,
    **STATUS,
    **PROCESSING,
}


def known(reason: str) -> str | None:
    """The table's key for a reason as Google writes it, with or without its prefix; None when it is new."""
    name = reason.removeprefix("ERROR_REASON_")
    if name in CODES:
        return name
    return "CUSTOM_VARIABLE_*" if name.startswith("CUSTOM_VARIABLE_") else None
