"""Microsoft Advertising's error codes and what they mean for a conversion, keyed by number, or by name without one.

Source: "Operation Error Codes" of the API; the names without a number are those of its offline conversion reports.
"""

from collections.abc import Mapping
from functools import partial
from typing import Final

from leadtrackr.destinations.contract import HTTP_CODES, Action, Code, Kind, Scope
from leadtrackr.destinations.microsoft.consent import CONSENT_CODES
from leadtrackr.destinations.microsoft.oauth import OAUTH_CODES
from leadtrackr.destinations.rows import counted, fault, held, held_by_fault, later, mend, taken, trouble
from leadtrackr.kit.clock import HOUR, MINUTE, SECOND

_DOCS: Final = "https://learn.microsoft.com/advertising/guides/operation-error-codes"
_GOALS: Final = "https://learn.microsoft.com/advertising/campaign-management-service/offlineconversiongoal"
_SAME: Final = (
    "Nothing to do: it is sent again with the same click id, goal name and time, which Microsoft counts once."
)
MINUTE_S: Final = MINUTE / SECOND
TWO_HOURS_S: Final = 2 * HOUR / SECOND
SIX_HOURS_S: Final = 6 * HOUR / SECOND

_no: Final = partial(mend, link=_DOCS)
_ours: Final = partial(fault, link=_DOCS)
_login: Final = partial(held, "credentials", link=_DOCS)
_wrong: Final = partial(held, "configuration", link=_DOCS)
_RETIRED: Final = _wrong(
    "This version of the API is not offered any more.",
    "Set the newest API version in the connection, or update LeadTrackr.",
)

ROWS: Final[Mapping[str, Code]] = {
    "0": trouble("Microsoft had an error of its own.", link=_DOCS),
    "100": _ours("The request was empty."),
    "105": _login(
        "Microsoft does not accept the access token or the developer token, or the account is inactive.",
        "Check the developer token and that the account is active, and connect again.",
    ),
    "106": _wrong(
        "The user who allowed the access may not use this account.",
        "Check customer id and account id, and give the user access to the account in Microsoft Advertising.",
    ),
    "108": _login(
        "Microsoft has locked the user because of suspicious activity.",
        "Ask the user to make a new password at Microsoft, and connect again.",
    ),
    "116": held_by_fault("The request lacked a header that Microsoft needs.", _DOCS),
    "117": trouble("Microsoft asked to slow down: the customer has made too many calls in a minute.", MINUTE_S, _DOCS),
    "120": _login(
        "These credentials were merged into others.", "Connect again with the user's primary Microsoft credentials."
    ),
    "122": _login("The user has to sign in with a work account.", "Connect again with the work account."),
    "123": _login(
        "The user has to sign in with a personal Microsoft account.", "Connect again with the personal account."
    ),
    "124": _login("The personal account was moved to a work account.", "Connect again with the work account."),
    "125": _login("The organisation allows work accounts alone.", "Connect again with the work account."),
    "201": _ours("Microsoft found a part of the request wrong."),
    "202": trouble("Microsoft could not do it at this moment.", link=_DOCS),
    "203": _ours("The request lacked a part."),
    "204": _wrong(
        "Microsoft does not offer this operation for the account.", "Ask Microsoft Advertising's support for it."
    ),
    "205": _RETIRED,
    "206": _ours("The request lacked its list."),
    "207": trouble("Microsoft asked to wait: too many requests at once.", MINUTE_S, _DOCS),
    "208": _wrong("Microsoft does not know the account.", "Check account id and customer id."),
    "303": _RETIRED,
    "version_gone": _RETIRED,
    "5600": _ours("The list of conversions was empty."),
    "5601": _ours("The request held too many conversions."),
    "5602": _ours("The conversion was empty."),
    "5603": _no(
        "Microsoft wants a click id for this conversion, and the lead has none.",
        "Send msclkid with the lead: auto-tagging must be on, and the form must read it from the page's address.",
    ),
    "5604": _no(
        "Microsoft does not know the click id.",
        "Check that msclkid reaches the lead unchanged and that the account is the one whose ad was clicked.",
    ),
    "5605": _ours("The conversion had no goal name."),
    "5606": mend(
        "There is no offline conversion goal of this name.",
        "Make the goal in Microsoft Advertising, or correct its name in the label, then send the conversion again.",
        _GOALS,
    ),
    "5607": _ours("The conversion's time was not readable."),
    "5608": _ours("The conversion had no time."),
    "5609": _no("The conversion is older than 90 days, which Microsoft does not take.", "Rate leads within 90 days."),
    "5610": _no("Microsoft does not take this value.", "Look at the lead's price: it may be far too large."),
    "5611": _no(
        "Microsoft does not take this currency.", "Use one of Microsoft Advertising's currencies for the project."
    ),
    "5612": later("Microsoft could not pass the conversion on inside its own systems.", link=_DOCS),
    "5613": _wrong(
        "Offline conversions are not enabled for this customer.", "Ask Microsoft Advertising's support to enable them."
    ),
    "5614": later(
        "By Microsoft's clock the conversion lies in the future: this server's clock is ahead.", after_s=600, link=_DOCS
    ),
    "5615": later(
        "The conversion goal is too new: Microsoft takes conversions two hours after it was made.",
        "Nothing to do: it is sent again when the two hours are over.",
        TWO_HOURS_S,
        _GOALS,
    ),
    "5616": _no(
        "By Microsoft's clock the conversion happened before the click.",
        "Check the clock of this server and the time at which leads come in.",
    ),
    "5617": mend(
        "The click is older than the goal's conversion window.",
        "Set a longer conversion window for the goal in Microsoft Advertising, up to 90 days, or rate leads sooner.",
        _GOALS,
    ),
    "5618": _ours("The adjustment was neither a new value nor a retraction."),
    "5619": _ours("The adjustment had no time."),
    "5620": _ours("The adjustment's time was before the conversion's."),
    "5621": _ours("The adjustment's time was not readable."),
    "5622": later(
        "By Microsoft's clock the adjustment lies in the future: this server's clock is ahead.",
        after_s=600,
        link=_DOCS,
    ),
    "5623": _no(
        "The conversion is too old to be adjusted; it stays counted as it is.",
        "Look in Microsoft Advertising whether it can be corrected by hand.",
    ),
    "5624": _ours("A retraction came with a value."),
    "5625": _ours("A new value was announced and missing."),
    "5626": _ours("A new value came without its currency."),
    "5627": _no(
        "Microsoft does not adjust conversions of this goal; it stays counted as it is.",
        "Look in Microsoft Advertising whether it can be corrected by hand.",
    ),
    "NotEligibleForEnhancedConversions": mend(
        "The goal does not take hashed customer data.",
        "Enable enhanced conversions for the goal, or set the connection to send click ids alone, and send it again.",
        _GOALS,
    ),
    "ConversionEmailAddressIsNotHashed": _ours("The e-mail address was not in the form of a digest."),
    "ConversionPhoneNumberIsNotHashed": _ours("The phone number was not in the form of a digest."),
    "AdjustmentOriginalNotFound": later(
        "Microsoft does not have the conversion that is to be adjusted, or has not processed it yet.",
        "Nothing to do: it is sent again for three days, since Microsoft may take six hours to process a conversion.",
        SIX_HOURS_S,
        _DOCS,
    ),
    "ConversionAlreadyRetracted": counted(
        "Microsoft has taken the conversion back before.", "Nothing to do: it does not count there.", _DOCS
    ),
    "DuplicateConversionKey": counted(
        "Microsoft had the conversion already and counts it once.", "Nothing to do: it is counted.", _DOCS
    ),
}
"""The last six have no number in the documents."""

CODES: Final[Mapping[str, Code]] = {
    **HTTP_CODES,
    "timeout": Code(Kind.UNKNOWN, HTTP_CODES["timeout"].sentence, _SAME, scope=Scope.DESTINATION, action=Action.WAIT),
    "unreadable": Code(Kind.UNKNOWN, HTTP_CODES["unreadable"].sentence, _SAME, action=Action.WAIT),
    "ok": taken(
        "Microsoft took the conversion; whether it found the click shows in its reports up to six hours later.",
        "Nothing to do: Microsoft does not say more of a single conversion here.",
    ),
    "check_ok": taken("Microsoft accepts the credentials for this account.", "Nothing to do: it is connected."),
    "token_expired": trouble("The access token has expired; a new one is asked for.", link=_DOCS),
    "token_refused": _login(
        "Microsoft refuses an access token that it has just issued.",
        "Check that the user can sign in to Microsoft Advertising, and connect again.",
    ),
    **OAUTH_CODES,
    **CONSENT_CODES,
    "listing_refused": _wrong(
        "Microsoft does not list its accounts.", "Look at Microsoft's words, or enter the ids by hand."
    ),
    **ROWS,
}


def known(code: int, symbol: str) -> str | None:
    """The table's key for an error; None when Microsoft has made a new one."""
    if code == 109:
        return "token_expired"
    return next((key for key in (symbol, str(code)) if key in ROWS), None)
