"""What the Data Manager API says of events hours later, and what it means for a conversion.

Sources: google/ads/datamanager/v1/processing_errors.proto, the API's page "Diagnostics", and field reports for the
newer ones. The list is open: a reason that is not here is rejected as `unexpected`.
"""

from collections.abc import Mapping
from functools import partial
from typing import Final

from leadtrackr.destinations.contract import Code
from leadtrackr.destinations.http_common import SIX_HOURS_S
from leadtrackr.destinations.rows import counted, fault, final, held, later, mend, taken

DIAGNOSTICS: Final = "https://developers.google.com/data-manager/api/devguides/diagnostics"
_OTHER_ACCOUNT: Final = "Connect the account whose ads brought the lead."
_UNCHANGED: Final = "See that the form passes it on letter for letter."
_TERMS: Final = (
    "Open Goals, Settings, Enhanced conversions for leads in Google Ads and accept the terms; "
    "or set “Send hashed customer data” to no in the connection, so that only click ids are sent."
)
_CONSENT: Final = "Send conversions only of people who agreed, and record their consent with the lead."

_no: Final = partial(mend, link=DIAGNOSTICS)
_ours: Final = partial(fault, link=DIAGNOSTICS)
_over: Final = partial(final, link=DIAGNOSTICS)
_there: Final = partial(counted, next_step="Nothing to do: it counts once.", link=DIAGNOSTICS)
_soon: Final = partial(
    later, next_step="Nothing to do: it is sent six hours on.", after_s=SIX_HOURS_S, link=DIAGNOSTICS
)
_ENCRYPTION: Final = _ours("Google could not decrypt the event, though nothing was encrypted.")

STATUS: Final[Mapping[str, Code]] = {
    "processed": counted(
        "Google has processed the conversion and found nothing wrong with it.",
        "Nothing to do: it counts.",
        DIAGNOSTICS,
    ),
    "status_counts": taken(
        "Google took the conversion, but says only how many of its request it refused, not which.",
        "Nothing to do: the numbers are below, and the conversion stays as it is.",
        DIAGNOSTICS,
    ),
    "status_unknown": taken(
        "Google took the conversion and does not say what became of it.",
        "Nothing to do: it stays as it is, and Google is not asked any more.",
        DIAGNOSTICS,
    ),
}
"""What this program makes of the status call beyond Google's own reasons."""

P: Final = "PROCESSING_ERROR_REASON_"
"""Before every reason of the status call but one, so that they never meet the codes of a request."""

PROCESSING: Final[Mapping[str, Code]] = {
    P + "TOO_RECENT_CLICK": _soon("The click is less than six hours old."),
    P + "INTERNAL_ERROR": _soon("Google had an error of its own while processing."),
    P + "DESTINATION_TOO_RECENTLY_CREATED": _soon("The conversion action is only some hours old."),
    P + "DUPLICATE_TRANSACTION_ID": _there("Google has this conversion already, under our event id."),
    P + "DUPLICATE_GCLID": _there("Google has a conversion of this click and second already."),
    P + "INVALID_GCLID": _no("Google cannot read the gclid.", _UNCHANGED),
    P + "INVALID_GBRAID": _no("Google cannot read the gbraid.", _UNCHANGED),
    P + "INVALID_WBRAID": _no("Google cannot read the wbraid.", _UNCHANGED),
    P + "EVENT_TOO_OLD": _no(
        "The conversion is older than Google takes: the lead or its rating came too long after the click.",
        "Rate leads sooner, or choose a longer click window in the conversion action.",
    ),
    P + "DENIED_CONSENT": _no("The person, or the account's own setting, denies consent.", _CONSENT),
    P + "NO_CONSENT": _no("The account has not given Google the consent it needs.", _CONSENT),
    P + "UNKNOWN_CONSENT": _no("Google could not tell whether the person agreed.", _CONSENT),
    P + "CONVERSION_PRECEDES_CLICK": _no("The conversion's time is before the click.", "Check the server's clock."),
    P + "INVALID_CLICK": _over("The click is not from a Google Ads campaign.", "such a lead cannot count there."),
    P + "CLICK_NOT_FOUND": _over(
        "Google found no ad click of this person.", "not every lead comes from an ad, so some of these are normal."
    ),
    P + "INVALID_OPERATING_ACCOUNT_FOR_CLICK": _no("The click belongs to another account.", _OTHER_ACCOUNT),
    "PROCESSING_ERROR_OPERATING_ACCOUNT_MISMATCH_FOR_AD_IDENTIFIER": _no(
        "The click id is not from this account's ads.", _OTHER_ACCOUNT
    ),
    P + "INVALID_AD_IDENTIFIERS": _no("Google cannot use the click ids.", _UNCHANGED),
    P + "INVALID_EVENT": _ours("Google calls the event invalid without saying why."),
    P + "INVALID_FORMAT": _ours("Google could not read a value of the event."),
    P + "DESTINATION_ACCOUNT_ENHANCED_CONVERSIONS_TERMS_NOT_SIGNED": held(
        "configuration", "The terms of enhanced conversions are not accepted in this account.", _TERMS, DIAGNOSTICS
    ),
    P + "ONE_PER_CLICK_CONVERSION_ACTION_NOT_PERMITTED_WITH_BRAID": _no(
        "An action that counts one conversion per click takes no gbraid or wbraid.",
        "Set the conversion action to count every conversion.",
    ),
    P + "INVALID_CUSTOM_VARIABLE": _ours("Google refuses a custom variable."),
    P + "CUSTOM_VARIABLE_NOT_ENABLED": _ours("A custom variable is not enabled."),
    P + "EXTERNAL_ATTRIBUTION_DATA_MISSING": _no(
        "The conversion action expects attribution from outside.", "Choose an action with Google's own attribution."
    ),
    P + "ORIGINAL_CONVERSIONS_NOT_FOUND": _over(
        "The conversion to be changed is not there.", "there is nothing whose value could be changed."
    ),
    P + "INVALID_MERCHANT_ID": _ours("The merchant id is not a number."),
    P + "INSUFFICIENT_MATCHED_TRANSACTIONS": _over(
        "Too few of the transactions were matched.", "this is about store sales, which are not sent from here."
    ),
    P + "INSUFFICIENT_TRANSACTIONS": _over(
        "Too few transactions were sent.", "this is about store sales, which are not sent from here."
    ),
    P + "DECRYPTION_ERROR": _ENCRYPTION,
    P + "DEK_DECRYPTION_ERROR": _ENCRYPTION,
    P + "INVALID_WIP": _ENCRYPTION,
    P + "INVALID_KEK": _ENCRYPTION,
    P + "WIP_AUTH_FAILED": _ENCRYPTION,
    P + "AWS_AUTH_FAILED": _ENCRYPTION,
    P + "KEK_PERMISSION_DENIED": _ENCRYPTION,
    P + "USER_IDENTIFIER_DECRYPTION_ERROR": _ENCRYPTION,
}
"""What the status call says of an event; keyed as Google writes it."""
