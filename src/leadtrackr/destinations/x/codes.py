"""What X answers, by HTTP status and, where they say more, by the codes of the Ads API.

Source: the Conversion API's page on troubleshooting and the Ads API's page on error codes.
"""

from collections.abc import Mapping
from functools import partial
from typing import Final

from leadtrackr.destinations.contract import HTTP_CODES, Action, Code, Kind, Scope
from leadtrackr.destinations.rows import held, mend, taken, trouble

DOCS: Final = "https://developer.x.com/en/docs/x-ads-api/measurement/web-conversions"
_TROUBLE: Final = "https://developer.x.com/en/docs/x-ads-api/measurement/web-conversions/troubleshooting"
CLOCK: Final = "135"
_config: Final = partial(held, "configuration", link=_TROUBLE)
_WORDS: Final = (
    "Look at X's words below and mend the lead's data or the label's event id. If they are right, ask whoever runs the "
    "program to report it."
)

ROWS: Final[Mapping[str, Code]] = {
    "http_400": mend("X finds the conversion invalid.", _WORDS, _TROUBLE),
    "not_processed": mend("X answered without an error that it did not take the conversion.", _WORDS, _TROUBLE),
    "http_401": held(
        "credentials",
        "X does not accept the keys: they are wrong, withdrawn or not of one app.",
        "Make the four keys anew in X's developer portal and enter them in the connection.",
        _TROUBLE,
    ),
    CLOCK: Code(
        Kind.HOLD,
        "X finds the time of the request wrong: the clock of the machine that sends is not right.",
        "Nothing to do for you: whoever runs the program has to set the machine's clock, and then resume.",
        scope=Scope.DESTINATION,
        hold="configuration",
        action=Action.WE_ACT,
        link=_TROUBLE,
    ),
    "http_403": _config(
        "The app or the user may not send conversions for this account.",
        "Ask X to give the app access to the Ads API, and the ad account's owner to give the user access.",
    ),
    "http_404": _config(
        "X does not know the pixel, or the user may not use it.",
        "Check the pixel id, and that the access token is of a user of its ad account.",
    ),
    "http_410": _config(
        "X does not offer this version of its API any more.",
        "Set the version in the connection to one that X offers.",
    ),
    "OVER_CAPACITY": trouble("X has too much to do at the moment.", link=_TROUBLE),
    "INTERNAL_ERROR": trouble("X had an error of its own.", link=_TROUBLE),
}

CODES: Final[Mapping[str, Code]] = {
    **HTTP_CODES,
    "ok": taken(
        "X took the conversion; whether it matched a person is seen in the Events Manager.",
        "Nothing to do: X does not say more of a single conversion.",
        DOCS,
    ),
    "check_ok": taken(
        "X accepts the keys.",
        "Nothing to do: it is connected. To be sure of the pixel, rate a test lead.",
        DOCS,
    ),
    **ROWS,
}

BY_CODE: Final[Mapping[str, str]] = {
    CLOCK: CLOCK,
    "OVER_CAPACITY": "OVER_CAPACITY",
    "SERVICE_UNAVAILABLE": "OVER_CAPACITY",
    "INTERNAL_ERROR": "INTERNAL_ERROR",
    "TOO_MANY_REQUESTS": "rate_limited",
    "88": "rate_limited",
}
"""Codes that say more than the status that they come with; the others are told by their status."""
