"""What LinkedIn answers and what it means for a conversion.

Sources: the Conversions API's pages, the API's page on errors, and answers measured at the real endpoint. LinkedIn has
codes of its own for tokens and versions alone; other answers are told apart by their words.
"""

from collections.abc import Mapping
from functools import partial
from typing import Final

import msgspec

from leadtrackr.destinations.contract import HTTP_CODES, Code
from leadtrackr.destinations.rows import fault, held, held_by_fault, mend, taken, trouble

DOCS: Final = "https://learn.microsoft.com/en-us/linkedin/marketing/integrations/ads-reporting/conversions-api"
_ERRORS: Final = "https://learn.microsoft.com/en-us/linkedin/shared/api-guide/concepts/error-handling"
_VERSIONS: Final = "https://learn.microsoft.com/en-us/linkedin/marketing/versioning"
_NEW_RULE: Final = (
    "Make a conversion rule with the method Conversions API in the Campaign Manager and put its id into the conversion "
    "label's event."
)
_UNCERTAIN: Final = (
    "Nothing to do: it is sent again under the same event id. Uncertain: LinkedIn does not say whether it counts an "
    "event id once, so this conversion may count twice."
)

_token: Final = partial(
    held,
    "credentials",
    next_step="Connect again, or make a new access token in the Campaign Manager and enter it in the connection.",
    link=_ERRORS,
)
_wrong: Final = partial(held, "configuration", link=DOCS)
_no: Final = partial(mend, link=DOCS)

CODES: Final[Mapping[str, Code]] = {
    **HTTP_CODES,
    **{code: msgspec.structs.replace(HTTP_CODES[code], next_step=_UNCERTAIN) for code in ("timeout", "unreadable")},
    "ok": taken(
        "LinkedIn took the conversion; whether it matched a member is seen in the Campaign Manager.",
        "Nothing to do: it shows in the reports after up to three days.",
        DOCS,
    ),
    "check_ok": taken(
        "The access token works and LinkedIn shows the conversion rules of the ad account.",
        "Nothing to do: it is connected.",
    ),
    "65600": _token("LinkedIn does not accept the access token."),
    "65601": _token("The access token was withdrawn by the member it belongs to."),
    "EXPIRED_ACCESS_TOKEN": _token("The access token has ended: one that came of signing in is good for sixty days."),
    "401": _token("LinkedIn does not accept the access token, and says nothing of the reason that is known."),
    "no_ad_accounts": _wrong(
        "LinkedIn finds no ad account for the conversion rule: there is no such rule, or the token's member has no "
        "role in its ad account.",
        "Check that the event of each label is the id of a conversion rule of the connected ad account, and that the "
        "member is campaign manager, creative manager, account manager or billing admin there.",
    ),
    "403": _wrong(
        "The access token may not send conversions for this ad account.",
        "Give the member of the token a role above viewer in the ad account, and the token the permission "
        "rw_conversions.",
    ),
    "NONEXISTENT_VERSION": _wrong(
        "LinkedIn has retired the API version of the connection, or never had it.",
        "Set the API version of the connection to a current one, or leave it empty.",
        link=_VERSIONS,
    ),
    "VERSION_MISSING": held_by_fault("LinkedIn found no API version in the request.", _VERSIONS),
    "too_old": _no(
        "LinkedIn takes conversions of the last ninety days, and none that lie ahead.",
        "Check the clock of the server, and rate leads within ninety days.",
    ),
    "rule_not_capi": _no("The conversion rule does not take conversions of this kind.", _NEW_RULE),
    "rule_deleted": _no("The conversion rule was deleted or switched off.", _NEW_RULE),
    "400": _no(
        "LinkedIn refuses the conversion.",
        "Look at LinkedIn's words below and at the conversion rule in the Campaign Manager.",
    ),
    "422": fault("LinkedIn finds the form of the conversion wrong.", DOCS),
    "423": trouble("LinkedIn has locked something for a moment.", link=_ERRORS),
    "element_failed": _no(
        "LinkedIn took the request but not this conversion.",
        "Look at LinkedIn's words below and at the conversion rule in the Campaign Manager.",
    ),
}
