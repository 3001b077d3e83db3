"""Meta's error codes and what they mean for a conversion, keyed `code` or `code/subcode`.

Sources: the Graph API's error guide, the Conversions API's pages and reports of observed answers. The texts that
come with the codes are in the account's language, so nothing depends on them.
"""

from collections.abc import Mapping
from functools import partial
from typing import Final

from leadtrackr.destinations.contract import HTTP_CODES, Code
from leadtrackr.destinations.rows import fault, held, mend, taken, trouble

_ERRORS: Final = "https://developers.facebook.com/docs/graph-api/guides/error-handling"
_SUPPORT: Final = "https://developers.facebook.com/docs/marketing-api/conversions-api/support"
_PARAMETERS: Final = "https://developers.facebook.com/docs/marketing-api/conversions-api/parameters"
_HOUR_S: Final = 3600.0

_no: Final = partial(mend, link=_PARAMETERS)
_later: Final = partial(trouble, link=_ERRORS)
_wrong: Final = partial(held, "configuration", link=_ERRORS)
_token: Final = partial(
    held,
    "credentials",
    next_step="Make a new access token for the dataset and enter it in the connection.",
    link=_ERRORS,
)

_SLOWER: Final = _later("Meta asked to slow down: the app, the account or the dataset has sent too much.")
_RIGHTS: Final = _wrong(
    "The access token may not send to this dataset.",
    "Give the token's system user the dataset with full control, and the permission ads_management.",
)
_INVALID: Final = _no(
    "Meta finds the conversion invalid.",
    "Look at Meta's words below and mend the lead's data. If it is right, ask whoever runs the program to report it.",
)

ROWS: Final[Mapping[str, Code]] = {
    "1": _later("Meta had an error of its own."),
    "2": _later("Meta's service is away for a moment."),
    "transient": _later("Meta calls the error a passing one."),
    "21009": _later("The dataset is not ready yet."),
    "368": _later("Meta has blocked the account for a while for its policies.", _HOUR_S),
    "4": _SLOWER,
    "17": _SLOWER,
    "32": _SLOWER,
    "341": _SLOWER,
    "613": _SLOWER,
    "80000-80014": _SLOWER,
    "190": _token("Meta does not accept the access token."),
    "190/458": _token("The app was removed from the account that the access token belongs to."),
    "190/459": _token("The user of the access token has to log in at Meta and confirm the account."),
    "190/460": _token("The password was changed, which ended the access token."),
    "190/463": _token("The access token has expired."),
    "190/464": _token("The user of the access token is not confirmed."),
    "190/467": _token("The access token is not valid any more: its user logged out or it was withdrawn."),
    "102": _token("Meta's session behind the access token has ended."),
    "3": _RIGHTS,
    "10": _RIGHTS,
    "200-299": _RIGHTS,
    "100/33": _wrong(
        "Meta does not know the dataset, or the access token may not use it.",
        "Check the dataset id, and that the access token was made for it.",
    ),
    "803": _wrong("Meta does not know the dataset.", "Check the dataset id."),
    "100": _INVALID,
    "100/2804001": _INVALID,
    "100/2804003": _no(
        "The conversion is older than seven days, which Meta does not take.", "Rate leads within a week."
    ),
    "100/2804007": _INVALID,
    "100/2804009": _no(
        "Meta takes a Purchase only with a value and a currency, and this one had none.",
        "Send the price with the rating, or use another event than Purchase for this label.",
    ),
    "100/2804016": _INVALID,
    "100/2804017": _INVALID,
    "100/2804019": _INVALID,
    "100/2804048": _INVALID,
    "100/2804050": _no(
        "The conversion holds too little for Meta to find a person.",
        "Send the e-mail address, the phone number or Meta's cookies (fbc, fbp) with the lead.",
    ),
    "105": fault("The conversion has too many parameters.", _ERRORS),
    "506": fault("Meta calls it a duplicate.", _ERRORS),
}
"""The families 200–299 and 80000–80014 have one row each."""

CODES: Final[Mapping[str, Code]] = {
    **HTTP_CODES,
    "ok": taken(
        "Meta took the conversion; whether it matched a person is seen in the Events Manager.",
        "Nothing to do: Meta does not say more of a single conversion.",
        _SUPPORT,
    ),
    "check_ok": taken("The access token works and Meta knows the dataset.", "Nothing to do: it is connected."),
    "not_received": mend(
        "Meta answered without an error that it did not take the conversion.",
        "Look at Meta's words below and at the dataset in the Events Manager.",
        _SUPPORT,
    ),
    **ROWS,
}


def known(code: int, subcode: int | None) -> str | None:
    """The table's key for a code; the subcode's own row goes first. None when Meta has made a new one."""
    for key in (f"{code}/{subcode}", str(code)):
        if key in ROWS:
            return key
    if 200 <= code <= 299:
        return "200-299"
    return "80000-80014" if 80000 <= code <= 80014 else None
