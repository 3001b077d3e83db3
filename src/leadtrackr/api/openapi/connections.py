"""The calls about connections: how each stands, pausing one, letting it go on."""

from typing import Final

from leadtrackr.api import connections as handlers
from leadtrackr.api.openapi.answers import BAD_BODY
from leadtrackr.api.openapi.calls import by_get, by_post, operation
from leadtrackr.api.openapi.conversion_schemas import CLASS
from leadtrackr.api.openapi.parts import (
    NOON,
    Schema,
    always,
    exactly,
    many,
    ref,
    text,
    text_or_null,
    time_or_null,
)
from leadtrackr.conversions.condition import SENDS, Stands
from leadtrackr.conversions.outcomes import OWN_CODES, PAUSED_BY_PERSON, link

_TAG: Final = "Delivery"
_ID: Final[Schema] = {"type": "integer", "minimum": 1, "description": "The connection's number.", "examples": [3]}
_COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
_CONNECTION: Final = exactly(
    {
        "id": _ID,
        "destination": text("The platform.", "meta"),
        "name": text("Its name, for people.", "Meta"),
        "account": text("The connected account. No other setting and no secret is ever shown.", "123456789012345"),
        "state": text(
            "`active`: it sends; `paused`: the platform fails and is left alone for a while; `held`: nothing is sent "
            "until a person lets it go on, and nothing is lost.",
            "active",
            enum=[one.value for one in Stands],
        ),
        "code": text_or_null("Why it does not send; `paused_by_person` when somebody paused it.", PAUSED_BY_PERSON),
        "class": CLASS,
        "sentence": text("The same in words.", SENDS.sentence),
        "nextStep": text("What to do; empty when there is nothing."),
        "link": text_or_null("More about the code: the platform's page, or a path on this server."),
        "detail": text_or_null("The platform's own words, shortened."),
        "since": time_or_null("When it was held, or when the platform began to fail; null when it sends."),
        "until": time_or_null("When a paused one is tried again by itself."),
        "toSend": {**_COUNT, "description": "Conversions that have yet to be settled there."},
    },
    "A connection as it stands. Every key is always there.",
)
_TURNED: Final[Schema] = {
    "count": {**_COUNT, "description": "How many conversions are held by it, or go on."},
    "connection": ref("Connection"),
}
SCHEMAS: Final[Schema] = {
    "Connection": _CONNECTION,
    "ConnectionList": exactly(
        {"message": always(handlers.FOUND), "connections": many(ref("Connection"), "Oldest first.")}
    ),
    "ConnectionOrder": {
        "type": "object",
        "required": ["id"],
        "properties": {"id": _ID},
        "additionalProperties": False,
    },
    "PauseAnswer": exactly({"message": text("", enum=[handlers.PAUSED, handlers.PAUSED_BEFORE]), **_TURNED}),
    "ResumeAnswer": exactly({"message": text("", enum=[handlers.RESUMED, handlers.GOING]), **_TURNED}),
}
_ACTIVE: Final[Schema] = {
    "id": 3,
    "destination": "meta",
    "name": "Meta",
    "account": "123456789012345",
    "state": "active",
    "code": None,
    "class": None,
    "sentence": SENDS.sentence,
    "nextStep": SENDS.next_step,
    "link": None,
    "detail": None,
    "since": None,
    "until": None,
    "toSend": 12,
}
_HELD: Final[Schema] = {
    **_ACTIVE,
    "state": "held",
    "code": PAUSED_BY_PERSON,
    "class": OWN_CODES[PAUSED_BY_PERSON].action.value,
    "sentence": OWN_CODES[PAUSED_BY_PERSON].sentence,
    "nextStep": OWN_CODES[PAUSED_BY_PERSON].next_step,
    "link": link("meta", PAUSED_BY_PERSON),
    "since": NOON,
}
_OTHER: Final[Schema] = {
    **_HELD,
    "id": 4,
    "destination": "ga4",
    "name": "Google Analytics 4",
    "account": "G-AB12CD34EF",
    "toSend": 3,
}
_BAD_ORDER: Final = {
    "No id": handlers.MISSING_ID,
    "Bad id": handlers.WRONG_ID,
    "Unknown key in an order about a connection": "Invalid body: it may hold id, and nothing else",
    **BAD_BODY,
}
_UNKNOWN: Final = {"No such connection": "This project has no connection 1."}
_HELD_OTHERWISE: Final = {
    "Held by something else": "Meta is held already: nothing is sent there until a person has mended what holds it."
}
_ABOUT: Final = "The `id` of a connection, and no other key."
_THIS: Final[Schema] = {"This one": {"id": 3}}
PATHS: Final[Schema] = {
    "/api/connections": {
        "get": by_get(
            operation(
                _TAG,
                "getConnections",
                "List connections",
                "The project's connections to ad platforms, oldest first: whether each sends, and if not, why, since "
                "when and what to do. A project has one for each platform at most, so there are no pages.",
                (
                    "ConnectionList",
                    "All of them.",
                    {"Found": {"message": handlers.FOUND, "connections": [_ACTIVE, _OTHER]}},
                ),
                {},
            ),
            "GET",
            [],
        )
    },
    "/api/connections/pause": {
        "post": by_post(
            operation(
                _TAG,
                "pauseConnection",
                "Pause a connection",
                "Nothing is sent there until it is resumed, and nothing is lost: what waits is held, and so is what is "
                "rated meanwhile. What is on its way at this moment still arrives. Asked twice it is done once. A "
                "connection that is held because something is wrong with it is held already, which is a 409.",
                (
                    "PauseAnswer",
                    "It is paused.",
                    {
                        "Done": {"message": handlers.PAUSED, "count": 12, "connection": _HELD},
                        "Paused before": {"message": handlers.PAUSED_BEFORE, "count": 0, "connection": _HELD},
                    },
                ),
                {"400": _BAD_ORDER, "404": _UNKNOWN, "409": _HELD_OTHERWISE},
            ),
            "POST",
            "ConnectionOrder",
            _THIS,
            _ABOUT,
        )
    },
    "/api/connections/resume": {
        "post": by_post(
            operation(
                _TAG,
                "resumeConnection",
                "Let a connection go on",
                "Whatever holds it: somebody's pause, or something that a person has mended. What is held is sent now, "
                "in its order and with its original times. One that is left alone for a while is tried at once. Asked "
                "twice it is done once.",
                (
                    "ResumeAnswer",
                    "It sends.",
                    {
                        "Done": {"message": handlers.RESUMED, "count": 12, "connection": _ACTIVE},
                        "Not held": {"message": handlers.GOING, "count": 0, "connection": _ACTIVE},
                    },
                ),
                {"400": _BAD_ORDER, "404": _UNKNOWN},
            ),
            "POST",
            "ConnectionOrder",
            _THIS,
            _ABOUT,
        )
    },
}
