"""The API's description, OpenAPI 3.1, as data. It says what is accepted, which is more than what is asked for."""

from typing import Final

from leadtrackr import __version__
from leadtrackr.api.openapi.answers import SCHEMAS as ANSWERS
from leadtrackr.api.openapi.bodies import SCHEMAS as BODIES
from leadtrackr.api.openapi.connections import PATHS as CONNECTION_PATHS
from leadtrackr.api.openapi.connections import SCHEMAS as CONNECTIONS
from leadtrackr.api.openapi.conversion_schemas import SCHEMAS as CONVERSIONS
from leadtrackr.api.openapi.conversions import PATHS as CONVERSION_PATHS
from leadtrackr.api.openapi.counting import PATHS as COUNTING_PATHS
from leadtrackr.api.openapi.counting import SCHEMAS as COUNTING
from leadtrackr.api.openapi.operations import PATHS
from leadtrackr.api.openapi.parts import KEY, Schema
from leadtrackr.api.openapi.validation import PATHS as VALIDATION_PATHS
from leadtrackr.api.openapi.validation import SCHEMAS as VALIDATIONS

_ABOUT: Final = """Takes leads in, lets programs rate them, and reads them back. Every answer is a JSON object with a \
`message`, except for the metrics, this page and the OpenAPI description.

- **Bodies** are JSON in UTF-8, at most 1 MiB unless the server is set otherwise. The Content-Type is not looked at.
- **Addresses** are exact: a slash at the end gives a 404, and nothing is ever redirected.
- **Times** are ISO 8601 in UTC with milliseconds, such as `2026-01-31T12:00:00.000Z`. **Prices** are in cents.
- **Browsers** may call from any site: every answer carries `Access-Control-Allow-Origin: *`, and `OPTIONS` is answered
  with 204 on every path.
- **Blank** means absent: null, an empty or blank text, and the words `undefined` and `null`, which scripts write for
  want of a value.
- **Errors** say what is wrong in their `message`, and a request that gets one has changed nothing. After a 503 the same
  request may be sent again when the seconds in `Retry-After` have passed. This server sets no limit on the rate of
  requests; a proxy in front of it may, and answers 429.
- **Request ids**: the `X-Request-ID` of a request (letters, digits, `.`, `_` and `-`, at most 64) is sent back and
  stands with every line of the server's log about it; without one the server makes one. Only what was refused or
  failed is logged."""

_TAGS: Final = (
    ("Leads in", "What forms, tags and servers post. Odd input is taken rather than refused, so that no lead is lost."),
    ("Leads out", "Read leads back, one or many."),
    ("Rating", "Say what became of a lead; the rating goes to the project's ad platforms."),
    ("Delivery", "What stands in the way of sending conversions, and pausing it."),
    ("Conversions", "What ratings sent to the ad platforms: what became of it, sending it again, and dry runs."),
    ("System", "For whoever runs the server."),
)


def description(base_url: str) -> Schema:
    """The whole document, for the server at this address."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "LeadTrackr API", "version": __version__, "description": _ABOUT},
        "servers": [{"url": base_url}],
        "tags": [{"name": name, "description": words} for name, words in _TAGS],
        "paths": {**PATHS, **COUNTING_PATHS, **CONVERSION_PATHS, **VALIDATION_PATHS, **CONNECTION_PATHS},
        "components": {
            "schemas": {**BODIES, **ANSWERS, **CONVERSIONS, **VALIDATIONS, **COUNTING, **CONNECTIONS},
            "securitySchemes": {"apiKey": KEY},
        },
    }
