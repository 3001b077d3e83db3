"""What Pinterest answers, by event and by HTTP status: it gives its refusals words and no code of their own.

Source: events/create in the API reference and its public OpenAPI description.
"""

from collections.abc import Mapping
from typing import Final

from leadtrackr.destinations.contract import HTTP_CODES, Code
from leadtrackr.destinations.rows import held, mend, taken

DOCS: Final = "https://developers.pinterest.com/docs/api/v5/events-create"
_WORDS: Final = (
    "Look at Pinterest's words below and mend the lead's data or the label's event name. If they are right, ask "
    "whoever runs the program to report it."
)
_ACCOUNT: Final = "Check the ad account id, and that the conversion token was made for it."

ROWS: Final[Mapping[str, Code]] = {
    "failed": mend("Pinterest refused this conversion.", _WORDS, DOCS),
    "not_processed": mend("Pinterest answered without an error that it did not take the conversion.", _WORDS, DOCS),
    "warned": taken(
        "Pinterest took the conversion and has something to say of it.",
        "Nothing to do: it counts. Pinterest's words below say what would make it better.",
        DOCS,
    ),
    "http_400": mend("Pinterest finds the request invalid.", _WORDS, DOCS),
    "http_422": mend("Pinterest could not process the conversion.", _WORDS, DOCS),
    "http_401": held(
        "credentials",
        "Pinterest does not accept the conversion token.",
        "Make a new conversion token in the Ads Manager and enter it in the connection.",
        DOCS,
    ),
    "http_403": held("configuration", "The conversion token may not send to this ad account.", _ACCOUNT, DOCS),
    "http_404": held(
        "configuration", "Pinterest does not know the ad account, or not this version of its API.", _ACCOUNT, DOCS
    ),
}

CODES: Final[Mapping[str, Code]] = {
    **HTTP_CODES,
    "ok": taken(
        "Pinterest took the conversion; whether it matched a person is seen in the Ads Manager.",
        "Nothing to do: Pinterest does not say more of a single conversion.",
        DOCS,
    ),
    "check_ok": taken(
        "Pinterest accepts the conversion token for this ad account.", "Nothing to do: it is connected.", DOCS
    ),
    "test_ok": taken(
        "Pinterest finds the conversion right; it was a test and is not recorded.",
        "Nothing to do: the conversion is as Pinterest wants it.",
        DOCS,
    ),
    **ROWS,
}
