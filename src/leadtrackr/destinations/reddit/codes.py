"""What Reddit answers and what it means for a conversion.

Sources: Reddit's page on the errors of the Conversions API v3, and reports of observed answers. Reddit has no codes of
its own: answers are told apart by their HTTP status and, for an event, by their words.
"""

from collections.abc import Mapping
from typing import Final

from leadtrackr.destinations.contract import HTTP_CODES, Code
from leadtrackr.destinations.rows import held, mend, taken

DOCS: Final = "https://ads-api.reddit.com/docs/v3/"
_MEND_PIXEL: Final = "Check the pixel id against the Events Manager, and that the access token was made for it."

CODES: Final[Mapping[str, Code]] = {
    **HTTP_CODES,
    "ok": taken(
        "Reddit took the conversion; whether it matched somebody is seen in the Events Manager.",
        "Nothing to do: Reddit does not say more of a single conversion.",
        DOCS,
    ),
    "check_ok": taken(
        "Reddit knows the access token and lets it send to the pixel.", "Nothing to do: it is connected.", DOCS
    ),
    "too_old": mend(
        "The conversion is older than seven days, which Reddit does not take.", "Rate leads within a week.", DOCS
    ),
    "invalid": mend(
        "Reddit finds the conversion invalid.",
        "Look at Reddit's words below and mend the lead's data. If it is right, ask whoever runs the program to report "
        "it.",
        DOCS,
    ),
    "401": held(
        "credentials",
        "Reddit does not accept the access token.",
        "Make a new conversion access token in the Events Manager and enter it in the connection.",
        DOCS,
    ),
    "scope": held(
        "credentials",
        "The access token was not given the right to send conversions.",
        "Make a conversion access token in the Events Manager and enter it in the connection.",
        DOCS,
    ),
    "403": held("configuration", "The access token may not send to this pixel.", _MEND_PIXEL, DOCS),
    "404": held("configuration", "Reddit does not know the pixel.", _MEND_PIXEL, DOCS),
}
