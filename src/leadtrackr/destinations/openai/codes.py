"""What OpenAI Ads answers and what it means for a conversion.

Source: developers.openai.com/ads. It documents no error bodies and no codes, so answers are told apart by their HTTP
status alone.
"""

from collections.abc import Mapping
from typing import Final

from leadtrackr.destinations.contract import HTTP_CODES, Code
from leadtrackr.destinations.rows import held, mend, taken

DOCS: Final = "https://developers.openai.com/ads/conversions-api"
_MEND_PIXEL: Final = "Check the pixel id against the conversions tab of the Ads Manager."

CODES: Final[Mapping[str, Code]] = {
    **HTTP_CODES,
    "ok": taken(
        "OpenAI took the conversion; whether it belongs to an ad is seen in the Ads Manager.",
        "Nothing to do: OpenAI does not say more of a single conversion.",
        DOCS,
    ),
    "check_ok": taken(
        "OpenAI accepts the API key. It was asked without an event, so no event was looked at.",
        "Nothing to do: it is connected.",
        DOCS,
    ),
    "validated": taken(
        "OpenAI finds the conversion right. It was only looked at: nothing was saved.",
        "Nothing to do. Whether the conversion belongs to an ad shows only when it is really sent.",
        DOCS,
    ),
    "invalid": mend(
        "OpenAI finds the conversion invalid.",
        "Look at OpenAI's words below and mend the lead's data. If it is right, ask whoever runs the program to report "
        "it.",
        DOCS,
    ),
    "401": held(
        "credentials",
        "OpenAI does not accept the API key.",
        "Make a Conversions API key in the conversions tab of the Ads Manager and enter it in the connection; keys for "
        "other purposes do not work.",
        DOCS,
    ),
    "403": held(
        "credentials",
        "The API key may not send conversions to this pixel.",
        "Make a Conversions API key for the ad account of the pixel and enter it in the connection.",
        DOCS,
    ),
    "404": held("configuration", "OpenAI does not know the pixel.", _MEND_PIXEL, DOCS),
}
