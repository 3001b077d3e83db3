"""What Snapchat answers: `VALID` or `INVALID` with words; its own codes inside are not documented.

Source: the Conversions API's pages (using the API, verify set up) and the OpenAPI description of Snap's own SDK.
"""

from collections.abc import Mapping
from typing import Final

from leadtrackr.destinations.contract import HTTP_CODES, Code
from leadtrackr.destinations.rows import held, mend, taken

DOCS: Final = "https://developers.snap.com/api/marketing-api/Conversions-API"
_VERIFY: Final = "https://developers.snap.com/api/marketing-api/Conversions-API/VerifySetUp"
_PIXEL: Final = "Check the pixel id, and that the token was made in the organization of the pixel."

ROWS: Final[Mapping[str, Code]] = {
    "INVALID": mend(
        "Snapchat finds the conversion invalid.",
        "Look at Snapchat's words below and mend the lead's data; a purchase needs a value. If all is right, ask "
        "whoever runs the program to report it.",
        _VERIFY,
    ),
    "FAILURE": held("configuration", "Snapchat could not answer for this pixel.", _PIXEL, _VERIFY),
    "http_401": held(
        "credentials",
        "Snapchat does not accept the token.",
        "Make a new Conversions API token in the Ads Manager and enter it in the connection.",
        DOCS,
    ),
    "http_403": held("configuration", "The token may not send to this pixel.", _PIXEL, DOCS),
    "http_404": held(
        "configuration", "Snapchat does not know the pixel, or not this version of its API.", _PIXEL, DOCS
    ),
}

CODES: Final[Mapping[str, Code]] = {
    **HTTP_CODES,
    "ok": taken(
        "Snapchat took the conversion; whether it matched a person is seen in the Events Manager.",
        "Nothing to do: Snapchat does not say more of a single conversion.",
        DOCS,
    ),
    "check_ok": taken("Snapchat accepts the token for this pixel.", "Nothing to do: it is connected.", _VERIFY),
    "test_ok": taken(
        "Snapchat finds the conversion right; it was a test and is not counted.",
        "Nothing to do: the conversion is as Snapchat wants it.",
        _VERIFY,
    ),
    **ROWS,
}
