"""The Google Ads API's codes for uploaded conversions and adjustments, and what they mean for a conversion.

Sources: googleapis google/ads/googleads/v25/errors (conversion_upload_error, conversion_adjustment_upload_error,
quota_error, authorization_error, authentication_error .proto), and field reports for the refusal of new accounts.
"""

from collections.abc import Mapping
from functools import partial
from typing import Final

from leadtrackr.destinations.contract import HTTP_CODES, Action, Code, Kind, Scope
from leadtrackr.destinations.google_ads.oauth import OAUTH_CODES
from leadtrackr.destinations.http_common import SIX_HOURS_S
from leadtrackr.destinations.rows import counted, fault, final, held, held_by_fault, later, mend, taken, trouble

_API: Final = "https://developers.google.com/google-ads/api"
_ERRORS: Final = f"{_API}/docs/conversions/upload-offline"
_ADJUSTING: Final = f"{_API}/docs/conversions/upload-adjustments"
_SCOPE: Final = "Connect again and allow the scope https://www.googleapis.com/auth/adwords."
_ACTION: Final = "Put the id of an import conversion action of this account into the conversion label's event."
_ACCOUNT: Final = "Connect the account whose ads brought the lead."
_FORM: Final = "See that the form passes it on letter for letter."
_SIX: Final = "Nothing to do: it is sent six hours on."
_ONCE: Final = "Nothing to do: it counts once."
_TERMS: Final = (
    "Open Goals, Settings, Enhanced conversions for leads in Google Ads, turn it on and accept the terms; "
    "or set “Send hashed customer data” to no in the connection, so that only click ids are sent."
)
_DAY_S: Final = 86_400.0

_no: Final = partial(mend, link=_ERRORS)
_over: Final = partial(final, link=_ERRORS)
_ours: Final = partial(fault, link=_ERRORS)
_soon: Final = partial(later, next_step=_SIX, after_s=SIX_HOURS_S, link=_ERRORS)
_there: Final = partial(counted, next_step=_ONCE, link=_ERRORS)
_hold: Final = partial(held, "configuration", link=_ERRORS)
_login: Final = partial(held, "credentials", link=f"{_API}/docs/get-started/common-errors")
_adjusted: Final = partial(final, link=_ADJUSTING)

OURS: Final[Mapping[str, Code]] = {
    "ok": taken("Google Ads took the conversion.", "Nothing to do: it shows in Google Ads within some hours.", _ERRORS),
    "check_ok": taken(
        "The credentials work, and Google Ads still takes uploads for this account.", "Nothing to do: it is connected."
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
    "token_refused": _login(
        "Google refuses an access token that it has just issued.",
        "Connect Google Ads again with a user who has access to the account.",
    ),
    "invalid_scope": _login("The connection may not have the right to use Google Ads.", _SCOPE),
    "scope_missing": _login("The connection was made without the right to use Google Ads.", _SCOPE),
    "version_retired": held(
        "configuration",
        "Google does not know this version of its API any more.",
        "Enter a newer version in the connection, or connect the destination google_ads: switch to Data Manager.",
        f"{_API}/docs/sunset-dates",
    ),
}

_WHOLE: Final[Mapping[str, Code]] = {
    "CUSTOMER_NOT_ALLOWLISTED_FOR_THIS_FEATURE": held(
        "configuration",
        "Google takes uploads this way only for accounts that used them before it was closed, and this one did not.",
        "Connect the destination google_ads instead: switch to Data Manager, which is open to every account. Give the "
        "labels the same conversion action there.",
        f"{_API}/docs/deprecations",
    ),
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT": _login("The connection was made without the right to use Google Ads.", _SCOPE),
    "SERVICE_DISABLED": _hold(
        "The Google Ads API is not enabled in the Google Cloud project of the credentials.",
        "Enable the Google Ads API in the Google Cloud console; it takes some minutes to spread.",
    ),
    "USER_PERMISSION_DENIED": _hold(
        "The connection's user has no access to this account, or the manager account is missing or not the right one.",
        "Give the user access in Google Ads, or set the manager account to the one that the user belongs to.",
    ),
    "INVALID_LOGIN_CUSTOMER_ID_SERVING_CUSTOMER_ID_COMBINATION": _hold(
        "The manager account does not lead to this account.",
        "Check both accounts of the connection against Google Ads.",
    ),
    "CUSTOMER_NOT_ENABLED": _hold("The account is closed or not set up yet.", "Open the account in Google Ads."),
    "CUSTOMER_NOT_FOUND": _hold("Google knows no account of this number.", "Check the accounts of the connection."),
    "ACTION_NOT_PERMITTED": _hold(
        "Google does not let this Google Cloud project do this.",
        "Ask for a higher access level of the Google Ads API for the project, or connect the destination google_ads.",
    ),
    "CLOUD_PROJECT_NOT_APPROVED_FOR_PRODUCTION": _hold(
        "The Google Cloud project may use test accounts alone.",
        "Ask for production access to the Google Ads API for the project, or connect the destination google_ads.",
    ),
    "DEVELOPER_TOKEN_NOT_APPROVED": _hold(
        "The Google Cloud project may use test accounts alone.",
        "Ask for production access to the Google Ads API for the project, or connect the destination google_ads.",
    ),
    "PROJECT_DISABLED": _hold("The Google Cloud project is disabled.", "Enable the project, or connect another one."),
    "ACCESS_PROHIBITED": _hold("Google has shut this project out.", "Ask Google's support why."),
    "NOT_ADS_USER": _login("The connected user has no Google Ads account.", "Connect as a user of Google Ads."),
    "OAUTH_TOKEN_REVOKED": _login("Somebody revoked the connection.", "Connect Google Ads again."),
    "OAUTH_TOKEN_DISABLED": _login("The connection was disabled.", "Connect Google Ads again."),
    "TWO_STEP_VERIFICATION_NOT_ENROLLED": _login(
        "Google Ads wants the connected user to use two-step verification.",
        "Enable two-step verification for the user and connect again.",
    ),
    "RESOURCE_EXHAUSTED": trouble("The Google Cloud project has used up its operations for today.", link=_ERRORS),
    "RESOURCE_TEMPORARILY_EXHAUSTED": trouble("Google Ads asked to slow down.", link=_ERRORS),
    "EXCESSIVE_TERM_QUERY_RESOURCE_CONSUMPTION": trouble("Google Ads asked to slow down.", link=_ERRORS),
    "INTERNAL_ERROR": trouble("Google had an error of its own.", link=_ERRORS),
    "TRANSIENT_ERROR": trouble("Google had an error that passes.", link=_ERRORS),
    "DEADLINE_EXCEEDED": trouble("Google took too long and gave up.", link=_ERRORS),
    "CONCURRENT_MODIFICATION": later("Google broke off because of another change at the same time.", link=_ERRORS),
    "PARTIAL_FAILURE_MODE_REQUIRED": held_by_fault("The request did not ask for partial failures.", _ERRORS),
    "request_invalid": _ours("Google refuses the way in which this program asks."),
}

_EVENT: Final[Mapping[str, Code]] = {
    "TOO_MANY_CONVERSIONS_IN_REQUEST": _ours("The request held too many conversions."),
    "UNPARSEABLE_GCLID": _no("Google cannot read the gclid.", _FORM),
    "UNPARSEABLE_GBRAID": _no("Google cannot read the gbraid.", _FORM),
    "UNPARSEABLE_WBRAID": _no("Google cannot read the wbraid.", _FORM),
    "UNAUTHORIZED_CUSTOMER": _no("The click is not from an ad of this account.", _ACCOUNT),
    "INVALID_CUSTOMER_FOR_CLICK": _no("The click is not from an ad of this account.", _ACCOUNT),
    "TOO_RECENT_CONVERSION_ACTION": _soon("The conversion action is only some hours old and takes nothing yet."),
    "CONVERSION_TRACKING_NOT_ENABLED_AT_IMPRESSION_TIME": _over(
        "The account did not track conversions yet when the ad was shown.", "later clicks count."
    ),
    "EXTERNAL_ATTRIBUTION_*": _no("The conversion action wants attribution from elsewhere.", _ACTION),
    "ORDER_ID_NOT_PERMITTED_FOR_EXTERNALLY_ATTRIBUTED_CONVERSION_ACTION": _no(
        "The conversion action wants attribution from elsewhere.", _ACTION
    ),
    "ORDER_ID_ALREADY_IN_USE": _there("Google has this conversion already, under our event id."),
    "CLICK_CONVERSION_ALREADY_EXISTS": _there("Google has a conversion of this click and second already."),
    "DUPLICATE_ORDER_ID": later("The conversion was twice in one request.", link=_ERRORS),
    "DUPLICATE_CLICK_CONVERSION_IN_REQUEST": later(
        "Another conversion of the same click and second was in the request.", link=_ERRORS
    ),
    "CUSTOM_VARIABLE_*": _ours("Google refuses a custom variable."),
    "CONVERSION_NOT_COMPLIANT_WITH_ATT_POLICY": _over(
        "Apple's rules on tracking do not let this conversion be counted.", "the person did not agree."
    ),
    "INVALID_USER_IDENTIFIER": _ours("Google cannot use a digest of the conversion."),
    "UNSUPPORTED_USER_IDENTIFIER": _ours("The conversion held a kind of customer data that is not taken."),
    "GBRAID_WBRAID_BOTH_SET": _ours("The conversion held two click ids."),
    "VALUE_MUST_BE_UNSET": _ours("The conversion held a value that must not be there."),
    "CONVERSION_PRECEDES_EVENT": _no(
        "The conversion's time is before its click.", "Check the clock of the server, and of whatever sends the leads."
    ),
    "EXPIRED_EVENT": _no(
        "The click is older than the conversion action looks back.",
        "Rate leads sooner, or raise the click-through window of the conversion action.",
    ),
    "TOO_RECENT_EVENT": _soon("The click is less than six hours old."),
    "EVENT_NOT_FOUND": _over(
        "Google finds no click for this conversion.", "it did not come from an ad of this account."
    ),
    "ONE_PER_CLICK_CONVERSION_ACTION_NOT_PERMITTED_WITH_BRAID": _no(
        "The conversion action counts one conversion a click, which a gbraid or wbraid does not allow.",
        "Set the conversion action to count every conversion.",
    ),
    "CUSTOMER_DATA_POLICY_PROHIBITS_ENHANCED_CONVERSIONS": _hold(
        "Google's customer data policy does not let this account use enhanced conversions.",
        "Set “Send hashed customer data” to no in the connection, so that only click ids are sent.",
    ),
    "CUSTOMER_NOT_ACCEPTED_CUSTOMER_DATA_TERMS": _hold(
        "The terms of enhanced conversions are not accepted in this account, so it takes no hashed data.", _TERMS
    ),
    "CUSTOMER_NOT_ENABLED_ENHANCED_CONVERSIONS_FOR_LEADS": _hold(
        "Enhanced conversions for leads is off in this account, so it takes no hashed data.", _TERMS
    ),
    "ORDER_ID_CONTAINS_PII": _ours("Google takes our event id for personal data."),
    "INVALID_JOB_ID": _ours("Google refuses the number of the job."),
    "NO_CONVERSION_ACTION_FOUND": _no("Google does not know this conversion action.", _ACTION),
    "INVALID_CONVERSION_ACTION_TYPE": _no("This conversion action does not take imported conversions.", _ACTION),
    "date": _ours("Google cannot read a time of the conversion."),
    "currency": _no("Google does not take this currency.", "Change the project's currency."),
}

_ADJUSTMENT: Final[Mapping[str, Code]] = {
    "CONVERSION_ALREADY_RETRACTED": _adjusted("The conversion was taken back before.", "it does not count."),
    "CONVERSION_NOT_FOUND": _adjusted("Google has no such conversion to give another value.", "nothing was counted."),
    "CONVERSION_EXPIRED": mend(
        "The conversion is too old for another value: Google takes one for some seven weeks.",
        "Rate leads sooner, or mend the value in Google Ads by hand.",
        _ADJUSTING,
    ),
    "ADJUSTMENT_PRECEDES_CONVERSION": fault("The change's time is before the conversion.", _ADJUSTING),
    "MORE_RECENT_RESTATEMENT_FOUND": _adjusted("Google has a newer value already.", "the newer one counts."),
    "RESTATEMENT_ALREADY_EXISTS": counted("Google has this value already.", _ONCE, _ADJUSTING),
    "TOO_RECENT_CONVERSION": later(
        "Google takes another value only for a conversion that is a day old.",
        "Nothing to do: it is sent a day on.",
        _DAY_S,
        _ADJUSTING,
    ),
    "TOO_MANY_ADJUSTMENTS_IN_REQUEST": fault("The request held too many changes.", _ADJUSTING),
    "TOO_MANY_ADJUSTMENTS": mend(
        "The conversion was given another value too often.", "Mend the value in Google Ads by hand.", _ADJUSTING
    ),
    "DUPLICATE_ADJUSTMENT_IN_REQUEST": later("The change was twice in one request.", link=_ADJUSTING),
    "GCLID_DATE_TIME_PAIR_AND_ORDER_ID_BOTH_SET": fault("The change named its conversion twice.", _ADJUSTING),
    "adjustment": mend(
        "Google does not take another value for this conversion.",
        "Look at Google's words below, or mend the value in Google Ads by hand.",
        _ADJUSTING,
    ),
}

CODES: Final[Mapping[str, Code]] = {**HTTP_CODES, **OAUTH_CODES, **OURS, **_WHOLE, **_EVENT, **_ADJUSTMENT}

_SAME: Final[Mapping[str, str]] = {
    "CONVERSION_PRECEDES_CLICK": "CONVERSION_PRECEDES_EVENT",
    "CONVERSION_PRECEDES_GCLID": "CONVERSION_PRECEDES_EVENT",
    "EXPIRED_CLICK": "EXPIRED_EVENT",
    "EXPIRED_GCLID": "EXPIRED_EVENT",
    "TOO_RECENT_CLICK": "TOO_RECENT_EVENT",
    "TOO_RECENT_GCLID": "TOO_RECENT_EVENT",
    "CLICK_NOT_FOUND": "EVENT_NOT_FOUND",
    "OAUTH_TOKEN_EXPIRED": "token_expired",
    "OAUTH_TOKEN_INVALID": "token_expired",
    "EXCESSIVE_SHORT_TERM_QUERY_RESOURCE_CONSUMPTION": "EXCESSIVE_TERM_QUERY_RESOURCE_CONSUMPTION",
    "EXCESSIVE_LONG_TERM_QUERY_RESOURCE_CONSUMPTION": "EXCESSIVE_TERM_QUERY_RESOURCE_CONSUMPTION",
}
"""Former names, and names of the same thing."""
_FAMILIES: Final = ("EXTERNAL_ATTRIBUTION_", "CUSTOM_VARIABLE_")
_KINDS: Final[Mapping[str, str]] = {
    "dateError": "date",
    "currencyCodeError": "currency",
    "conversionAdjustmentUploadError": "adjustment",
    "fieldError": "request_invalid",
    "requestError": "request_invalid",
    "headerError": "request_invalid",
    "internalError": "INTERNAL_ERROR",
    "databaseError": "INTERNAL_ERROR",
    "quotaError": "RESOURCE_TEMPORARILY_EXHAUSTED",
}
"""What an error of a kind means when its name is not in the table."""


def known(kind: str, name: str) -> str | None:
    """The table's key for an error of this kind (the key of `errorCode`) and name; None when it is new."""
    if name in _WHOLE or name in _EVENT or name in _ADJUSTMENT:
        return name
    if name in _SAME:
        return _SAME[name]
    family = next((start for start in _FAMILIES if name.startswith(start)), None)
    return f"{family}*" if family else _KINDS.get(kind)
