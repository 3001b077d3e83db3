"""The Data Manager API's codes and what they mean for a conversion.

Sources: google/ads/datamanager/v1/error.proto and processing_errors.proto, the API's page "Understand errors", and
field reports for the newer ones. The list is open: a code that is not here is rejected as `unexpected`.
"""

from collections.abc import Mapping
from typing import Final

from leadtrackr.destinations.contract import HTTP_CODES, Code, Kind, Scope
from leadtrackr.destinations.google_oauth import OAUTH_CODES
from leadtrackr.destinations.http_common import SIX_HOURS_S

_REPORT: Final = "This is a fault of this program: report it with the words below."
_NOTHING: Final = "Nothing to do: it is sent again."
_MEND_ACTION: Final = "Put the id of an import conversion action of this account into the conversion label's event."
_TERMS: Final = (
    "In Google Ads open Goals, Settings, Enhanced conversions for leads, and turn it on and accept the terms; "
    "or set user_data to no, so that only click ids are sent."
)


def _no(sentence: str, next_step: str = "") -> Code:
    return Code(Kind.REJECTED, sentence, next_step)


def _hold(sentence: str, next_step: str) -> Code:
    return Code(Kind.HOLD, sentence, next_step, scope=Scope.DESTINATION, hold="configuration")


def _later(sentence: str, next_step: str, after_s: float | None = SIX_HOURS_S) -> Code:
    return Code(Kind.RETRY, sentence, next_step, after_s)


def _trouble(sentence: str) -> Code:
    return Code(Kind.RETRY, sentence, _NOTHING, scope=Scope.DESTINATION)


def _malformed(what: str) -> Code:
    return _no(f"Google could not read {what}.", _REPORT)


OURS: Final[Mapping[str, Code]] = {
    "ok": Code(Kind.ACCEPTED, "Google took the conversion; whether it counts it is known some hours later."),
    "check_ok": Code(Kind.ACCEPTED, "The credentials work and Google Ads takes conversions for this account."),
    "token_expired": Code(
        Kind.RETRY,
        "Google says that the access token is not valid any more.",
        "Nothing to do: a new token is fetched at once and the conversion is sent again.",
        retry_after_s=0,
        scope=Scope.DESTINATION,
    ),
    "token_refused": Code(
        Kind.HOLD,
        "Google refuses an access token that it has just issued.",
        "Connect Google Ads again with a user who has access to the account.",
        scope=Scope.DESTINATION,
        hold="credentials",
    ),
    "destination_invalid": _hold(
        "Google refuses the account named in the connection.",
        "Check the operating account and the login account of the connection against Google Ads.",
    ),
    "request_invalid": _hold("Google refuses the way in which this program asks.", _REPORT),
}

_WHOLE: Final[Mapping[str, Code]] = {
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT": Code(
        Kind.HOLD,
        "The connection was not given the right to send conversions.",
        "Connect again and allow the scope https://www.googleapis.com/auth/datamanager.",
        scope=Scope.DESTINATION,
        hold="credentials",
    ),
    "SERVICE_DISABLED": _hold(
        "The Data Manager API is not enabled in the Google Cloud project of the credentials.",
        "Enable the Data Manager API in the Google Cloud console; it takes some minutes to spread.",
    ),
    "PERMISSION_DENIED": _hold(
        "The connection's user has no access to this account, or the login account is not the right manager.",
        "Give the user standard access in Google Ads, or set the login account to the manager the user belongs to.",
    ),
    "RESOURCE_EXHAUSTED": _trouble("The Google Cloud project has used up its requests for now."),
    "INTERNAL_ERROR": _trouble("Google had an error of its own."),
    "DEADLINE_EXCEEDED": _trouble("Google took too long and gave up."),
    "ABORTED": _later("Google broke off because of another change at the same time.", _NOTHING, None),
    "INVALID_ARGUMENT": _no("Google found a problem with the request and did not say which.", _REPORT),
    "NOT_FOUND": _later(
        "Google does not know the conversion action, or it was made only just now.",
        f"It is sent again every six hours. If the action is not new: {_MEND_ACTION}",
    ),
    "INVALID_DESTINATION": _hold("Google refuses the destination.", "Check the accounts of the connection."),
    "DUPLICATE_DESTINATION_REFERENCE": _hold("Two destinations of one request had the same name.", _REPORT),
    "TOO_MANY_DESTINATIONS": _hold("The request named too many destinations.", _REPORT),
    "DESTINATION_ACCOUNT_TYPE_MISMATCH": _hold(
        "The operating account is not of the type Google Ads.", "Enter the id of the Google Ads account itself."
    ),
    "DESTINATION_ACCOUNT_NOT_ENABLED_ENHANCED_CONVERSIONS_FOR_LEADS": _hold(
        "Enhanced conversions for leads is off in this account, so it takes no hashed data.", _TERMS
    ),
    "DESTINATION_ACCOUNT_DATA_POLICY_PROHIBITS_ENHANCED_CONVERSIONS": _hold(
        "Google's customer data policy does not let this account use enhanced conversions.",
        "Set user_data to no, so that only click ids are sent, or ask Google's support.",
    ),
    "DESTINATION_ACCOUNT_ENHANCED_CONVERSIONS_TERMS_NOT_SIGNED": _hold(
        "The terms of enhanced conversions are not accepted in this account, so it takes no hashed data.", _TERMS
    ),
    "TERMS_AND_CONDITIONS_NOT_SIGNED": _hold("Terms that Google asks for are not accepted.", _TERMS),
    "OPERATING_ACCOUNT_LOGIN_ACCOUNT_MISMATCH": _hold(
        "The login account has to be the operating account here.", "Leave the login account empty."
    ),
    "LINKED_ACCOUNT_ONLY_ALLOWED_WITH_DATA_PARTNER_LOGIN_ACCOUNT": _hold("A linked account was named.", _REPORT),
    "UNSUPPORTED_OPERATING_ACCOUNT_FOR_DATA_PARTNER": _hold(
        "The login account is a data partner's, which may not send to this account.",
        "Use the Google Ads manager account as login account.",
    ),
    "UNSUPPORTED_LINKED_ACCOUNT_FOR_DATA_PARTNER": _hold("A data partner's linked account was named.", _REPORT),
    "NOT_ALLOWLISTED": _hold(
        "Google opens this feature only to chosen accounts, and this one is not among them.",
        "Ask Google's support to open it, or use another kind of conversion action.",
    ),
    "INVALID_PROPERTY_TYPE": _hold("The account is an Analytics property that takes no such events.", _REPORT),
    "INVALID_STREAM_TYPE": _hold("The account is an Analytics stream that takes no such events.", _REPORT),
    "MULTIPLE_DESTINATIONS_FOR_GOOGLE_ANALYTICS_EVENT": _hold("An event had two Analytics destinations.", _REPORT),
}

_EVENT: Final[Mapping[str, Code]] = {
    "INVALID_CONVERSION_ACTION_ID": _no("Google does not know this conversion action.", _MEND_ACTION),
    "INVALID_CONVERSION_ACTION_TYPE": _no(
        "This conversion action does not take imported conversions.",
        f"Make one of the type Import, Conversions from clicks. {_MEND_ACTION}",
    ),
    "CONVERSION_ACTION_TOO_RECENTLY_CREATED": _later(
        "The conversion action is only some hours old and takes nothing yet.", "Nothing to do: it is sent six hours on."
    ),
    "INVALID_AD_IDENTIFIER_FOR_ACCOUNT": _no(
        "The click id is not from an ad of this account.", "Connect the account whose ads brought the lead."
    ),
    "NO_IDENTIFIERS_PROVIDED": _no(
        "The conversion held nothing by which Google could find the click.",
        "See that the form passes on gclid, gbraid or wbraid, or the e-mail address.",
    ),
    "EVENT_TIME_INVALID": _no("The conversion's time is outside what Google takes."),
    "EVENT_SOURCE_AND_DESTINATION_MISMATCH": _no(
        "This conversion action does not take conversions of a website.", _MEND_ACTION
    ),
    "INVALID_CURRENCY_CODE": _no("Google does not take this currency.", "Change the project's currency."),
    "INVALID_EVENT": _no("Google calls the event invalid without saying why.", _REPORT),
    "REQUIRED_FIELD_MISSING": _no("Google misses something in the conversion.", _REPORT),
    "INVALID_FORMAT": _malformed("a value of the conversion"),
    "INVALID_HEX_ENCODING": _malformed("a hexadecimal value"),
    "INVALID_BASE64_ENCODING": _malformed("a base64 value"),
    "INVALID_SHA256_FORMAT": _malformed("a digest"),
    "INVALID_POSTAL_CODE": _malformed("a postal code"),
    "INVALID_COUNTRY_CODE": _malformed("a country code"),
    "INVALID_ENUM_VALUE": _malformed("a word that it expects from a list"),
    "INVALID_NUMBER_FORMAT": _malformed("a number"),
    "INVALID_MOBILE_ID_FORMAT": _malformed("a mobile id"),
    "TOO_MANY_EVENTS": _no("The request held too many events.", _REPORT),
    "TOO_MANY_USER_IDENTIFIERS": _no("A conversion held too many identifiers.", _REPORT),
    "TOO_FEW_ELEMENTS": _no("A list in the conversion was too short.", _REPORT),
    "TOO_MANY_ELEMENTS": _no("A list in the conversion was too long.", _REPORT),
    "FIELD_VALUE_TOO_LONG": _no("A value of the conversion was too long.", _REPORT),
    "FIELD_VALUE_TOO_SHORT": _no("A value of the conversion was too short.", _REPORT),
    "CUSTOM_VARIABLE_*": _no("Google refuses a custom variable.", _REPORT),
    "RESERVED_NAME_USED": _no("A parameter has a name that Google keeps for itself.", _REPORT),
    "INVALID_EVENT_NAME": _no("Google does not take this event name.", _REPORT),
    "BOTH_CLIENT_ID_AND_APP_INSTANCE_ID_NOT_ALLOWED": _no("The event named a browser and an app at once.", _REPORT),
    "MULTIPLE_DATA_TYPES_NOT_ALLOWED": _no("The request mixed kinds of data.", _REPORT),
    "INVALID_REQUEST_ID": _no("Google does not know the request that was asked about.", _REPORT),
}

_OLD_CLICK: Final = "The lead came too long after the click, or the action's click window is too short."
_CONSENT: Final = "Send conversions only of people who agreed, and record their consent with the lead."
_ENCRYPTION: Final = _no("Google could not decrypt the event, though nothing was encrypted.", _REPORT)
P: Final = "PROCESSING_ERROR_REASON_"
"""Before every reason of the status call but one, so that they never meet the codes above."""

PROCESSING: Final[Mapping[str, Code]] = {
    P + "TOO_RECENT_CLICK": _later("The click is less than six hours old.", "Nothing to do: it is sent six hours on."),
    P + "INTERNAL_ERROR": _later("Google had an error of its own while processing.", _NOTHING),
    P + "DESTINATION_TOO_RECENTLY_CREATED": _later("The conversion action is only some hours old.", _NOTHING),
    P + "DUPLICATE_TRANSACTION_ID": Code(Kind.CONFIRMED, "Google has this conversion already, under our event id."),
    P + "DUPLICATE_GCLID": Code(Kind.CONFIRMED, "Google has a conversion of this click and second already."),
    P + "INVALID_GCLID": _no("Google cannot read the gclid.", "See that the form passes it on letter for letter."),
    P + "INVALID_GBRAID": _no("Google cannot read the gbraid.", "See that the form passes it on letter for letter."),
    P + "INVALID_WBRAID": _no("Google cannot read the wbraid.", "See that the form passes it on letter for letter."),
    P + "EVENT_TOO_OLD": _no("The conversion is older than Google takes.", _OLD_CLICK),
    P + "DENIED_CONSENT": _no("The person, or the account's own setting, denies consent.", _CONSENT),
    P + "NO_CONSENT": _no("The account has not given Google the consent it needs.", _CONSENT),
    P + "UNKNOWN_CONSENT": _no("Google could not tell whether the person agreed.", _CONSENT),
    P + "CONVERSION_PRECEDES_CLICK": _no("The conversion's time is before the click.", "Check the server's clock."),
    P + "INVALID_CLICK": _no("The click is not from a Google Ads campaign."),
    P + "CLICK_NOT_FOUND": _no("Google found no click of this person: not every lead comes from an ad."),
    P + "INVALID_OPERATING_ACCOUNT_FOR_CLICK": _no(
        "The click belongs to another account.", "Connect the account whose ads brought the lead."
    ),
    "PROCESSING_ERROR_OPERATING_ACCOUNT_MISMATCH_FOR_AD_IDENTIFIER": _no(
        "The click id is not from this account's ads.", "Connect the account whose ads brought the lead."
    ),
    P + "INVALID_AD_IDENTIFIERS": _no(
        "Google cannot use the click ids.", "See that the form passes them on unchanged."
    ),
    P + "INVALID_EVENT": _no("Google calls the event invalid without saying why.", _REPORT),
    P + "INVALID_FORMAT": _no("Google could not read a value of the event.", _REPORT),
    P + "DESTINATION_ACCOUNT_ENHANCED_CONVERSIONS_TERMS_NOT_SIGNED": _hold(
        "The terms of enhanced conversions are not accepted in this account.", _TERMS
    ),
    P + "ONE_PER_CLICK_CONVERSION_ACTION_NOT_PERMITTED_WITH_BRAID": _no(
        "An action that counts one conversion per click takes no gbraid or wbraid.",
        "Set the conversion action to count every conversion.",
    ),
    P + "INVALID_CUSTOM_VARIABLE": _no("Google refuses a custom variable.", _REPORT),
    P + "CUSTOM_VARIABLE_NOT_ENABLED": _no("A custom variable is not enabled.", _REPORT),
    P + "EXTERNAL_ATTRIBUTION_DATA_MISSING": _no(
        "The conversion action expects attribution from outside.", "Choose an action with Google's own attribution."
    ),
    P + "ORIGINAL_CONVERSIONS_NOT_FOUND": _no("The conversion to be changed is not there."),
    P + "INVALID_MERCHANT_ID": _no("The merchant id is not a number.", _REPORT),
    P + "INSUFFICIENT_MATCHED_TRANSACTIONS": _no("Too few of the transactions were matched."),
    P + "INSUFFICIENT_TRANSACTIONS": _no("Too few transactions were sent."),
    P + "DECRYPTION_ERROR": _ENCRYPTION,
    P + "DEK_DECRYPTION_ERROR": _ENCRYPTION,
    P + "INVALID_WIP": _ENCRYPTION,
    P + "INVALID_KEK": _ENCRYPTION,
    P + "WIP_AUTH_FAILED": _ENCRYPTION,
    P + "AWS_AUTH_FAILED": _ENCRYPTION,
    P + "KEK_PERMISSION_DENIED": _ENCRYPTION,
    P + "USER_IDENTIFIER_DECRYPTION_ERROR": _ENCRYPTION,
}
"""What the status call says of an event hours later; keyed as Google writes it."""

CODES: Final[Mapping[str, Code]] = {**HTTP_CODES, **OAUTH_CODES, **OURS, **_WHOLE, **_EVENT, **PROCESSING}


def known(reason: str) -> str | None:
    """The table's key for a reason as Google writes it, with or without its prefix; None when it is new."""
    name = reason.removeprefix("ERROR_REASON_")
    if name in CODES:
        return name
    return "CUSTOM_VARIABLE_*" if name.startswith("CUSTOM_VARIABLE_") else None
