"""What is answered: the bodies' schemas, and every refusal with its words."""

from typing import Final

from leadtrackr.accounts.service import INVALID_KEY, MISSING_KEY
from leadtrackr.api.leads import CREATED, UPDATED
from leadtrackr.api.openapi.parts import Schema, always, exactly, json_body, ref, text, text_or_null
from leadtrackr.api.status import QUEUED, REOPENED
from leadtrackr.api.wire import FAULT
from leadtrackr.conversions.incidents.model import IncidentKind
from leadtrackr.conversions.incidents.service import MAX_LIMIT
from leadtrackr.conversions.service import PENDING
from leadtrackr.destinations.registry import DESTINATIONS

_KEPT: Final[Schema] = {"type": ["object", "array"]}
_LEAD_ID: Final[Schema] = {"type": "integer", "minimum": 1, "description": "The lead's number.", "examples": [42]}
_UNIQUE_IDENTIFIER: Final = text_or_null("Your own id; null when the lead has none.", "crm-lead-456")
_TIME: Final = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$"
_CHANNEL: Final[Schema] = {
    "type": "object",
    "properties": {name: text() for name in ("source", "medium", "campaign", "content", "term")},
    "additionalProperties": False,
}
_STEP: Final[Schema] = {
    "type": "object",
    "required": ["timestamp", "channel"],
    "properties": {
        "timestamp": {"type": "integer", "description": "Milliseconds since 1970, UTC."},
        "channel": _CHANNEL,
        "landingPage": text("Path of the first page of the visit."),
    },
    "additionalProperties": False,
}
_LEAD: Final = exactly(
    {
        "id": _LEAD_ID,
        "status": text(
            "`open`, `pending` while a rating is being sent, `lost`, or the id of the conversion label last applied.",
            "open",
        ),
        "formName": text_or_null("Name of the form.", "Quote"),
        "firstName": text_or_null("First name.", "Jan"),
        "lastName": text_or_null("Last name.", "de Vries"),
        "phone": text_or_null("As it was sent.", "+31612345678"),
        "email": text_or_null("As it was sent.", "jan@example.com"),
        "companyName": text_or_null("Company.", "Bakery"),
        "price": {
            "type": ["integer", "null"],
            "minimum": 0,
            "description": "Cents of the project's currency.",
            "examples": [150000],
        },
        "note": text_or_null("A note of your own people."),
        "formData": {**_KEPT, "description": "As it was sent; `{}` when empty.", "examples": [{"formName": "Quote"}]},
        "userData": {**_KEPT, "description": "As it was sent; `{}` when empty.", "examples": [{"firstName": "Jan"}]},
        "attributionData": {
            **_KEPT,
            "description": "As it was sent; `{}` when empty.",
            "examples": [{"gclid": "Cj0KCQjw_example"}],
        },
        "channelFlow": {
            "type": ["array", "null"],
            "items": ref("ChannelFlowStep"),
            "description": "The visits in one form, whichever was sent; null when unknown.",
            "examples": [
                [
                    {
                        "timestamp": 1790000000000,
                        "channel": {"source": "google", "medium": "cpc"},
                        "landingPage": "/offer",
                    }
                ]
            ],
        },
        "uniqueIdentifier": _UNIQUE_IDENTIFIER,
        "createdAt": text("When it came in.", "2026-01-31T12:00:00.000Z", pattern=_TIME),
    },
    "A lead. Every key is always there; absent values are null.",
)
_WARNING: Final = exactly(
    {
        "integration": text("Which platform will be left out.", next(iter(DESTINATIONS)), enum=list(DESTINATIONS)),
        "reason": text("Why, for a person.", "The lead has no Google click id (gclid, gbraid or wbraid)."),
        "field": text("What is missing.", "gclid"),
        "timestamp": text("When that was found.", "2026-01-31T12:00:00.000Z", pattern=_TIME),
    }
)
_KINDS_OF_INCIDENT: Final = (
    "`stopped`: nothing is sent until a person mends the connection. `failing`: the platform has failed for ten "
    "minutes and three tries in a row. `token_expiring`: the token ends within a week. `closing`: conversions that "
    "wait expire within a day."
)


def _time_or_null(description: str) -> Schema:
    return {"type": ["string", "null"], "pattern": _TIME, "description": description}


def _count(least: int, description: str) -> Schema:
    return {"type": "integer", "minimum": least, "description": description}


_INCIDENT: Final = exactly(
    {
        "id": {"type": "integer", "minimum": 1, "description": "The incident's number.", "examples": [7]},
        "projectId": text("The project's public id."),
        "kind": text(_KINDS_OF_INCIDENT, "stopped", enum=[kind.value for kind in IncidentKind]),
        "open": {"type": "boolean", "description": "Whether it is still so."},
        "connectionId": {"type": "integer", "minimum": 1, "description": "The connection's number."},
        "destination": text("The platform.", "meta"),
        "code": text_or_null("The outcome that caused it; its words are in the reference of outcomes.", "190"),
        "detail": text_or_null("The platform's own words, shortened."),
        "sentence": text("What is wrong, for a person."),
        "nextStep": text("What to do, for a person."),
        "since": text("When the fault began.", "2026-01-31T12:00:00.000Z", pattern=_TIME),
        "openedAt": text("When it became an incident.", "2026-01-31T12:00:00.000Z", pattern=_TIME),
        "recoveredAt": _time_or_null("When it was over; null while it is open."),
        "endsAt": _time_or_null("When the token ends, or when the first conversion expires."),
        "deliveriesWaiting": _count(0, "Deliveries that wait because of it now."),
        "deliveriesExpired": _count(0, "Deliveries that expired while it was open, of a `closing` one."),
    },
    "Something that is wrong with a connection. Every key is always there.",
)
_RATED: Final[Schema] = {"message": always(QUEUED), "leadId": _LEAD_ID, "uniqueIdentifier": _UNIQUE_IDENTIFIER}

SCHEMAS: Final[Schema] = {
    "Message": exactly({"message": text("A sentence for a person.")}),
    "LeadCreated": exactly(
        {"message": always(CREATED), "leadId": _LEAD_ID, "uniqueIdentifier": _UNIQUE_IDENTIFIER},
    ),
    "LeadUpdated": exactly(
        {"message": always(UPDATED), "leadId": _LEAD_ID, "uniqueIdentifier": _UNIQUE_IDENTIFIER},
    ),
    "Lead": _LEAD,
    "ChannelFlowStep": _STEP,
    "LeadFound": exactly({"message": always("Lead retrieved"), "lead": ref("Lead")}),
    "LeadPage": exactly(
        {
            "message": always("Leads retrieved"),
            "leads": {"type": "array", "maxItems": 100, "items": ref("Lead")},
            "total": _count(0, "Leads on all pages."),
            "page": _count(1, "This page."),
            "limit": _count(1, "Leads on a page."),
            "totalPages": _count(0, "How many pages there are."),
            "hasMore": {"type": "boolean", "description": "Whether there is a page after this one."},
        }
    ),
    "Incident": _INCIDENT,
    "IncidentPage": exactly(
        {
            "message": always("Incidents retrieved"),
            "incidents": {"type": "array", "maxItems": MAX_LIMIT, "items": ref("Incident")},
            "total": _count(0, "Incidents on all pages."),
            "page": _count(1, "This page."),
            "limit": _count(1, "Incidents on a page."),
            "totalPages": _count(0, "How many pages there are."),
            "hasMore": {"type": "boolean", "description": "Whether there is a page after this one."},
        }
    ),
    "SkipWarning": _WARNING,
    "RatingQueued": exactly(
        {
            **_RATED,
            "status": always("pending"),
            "queued": always(True),
            "warnings": {
                "type": "array",
                "items": ref("SkipWarning"),
                "description": "The platforms that will be left out because the lead lacks what they need.",
            },
        }
    ),
    "LeadReopened": exactly({**_RATED, "message": always(REOPENED), "status": always("open"), "queued": always(False)}),
}

NO_KEY: Final = {"No key": MISSING_KEY, "An unknown or revoked key": INVALID_KEY}
OTHER_KEY: Final = {"No key": MISSING_KEY, "An unknown or revoked key, or another project's": INVALID_KEY}
BAD_BODY: Final = {
    "No JSON": "The body is not valid JSON; send one JSON object.",
    "Not UTF-8": "The body is not UTF-8; encode the JSON as UTF-8.",
    "No object": 'The body must be a JSON object, such as {"projectId": "16"}.',
    "Nested too deeply": "The body is nested more than 200 levels deep; send it flatter.",
}
BAD_LEAD: Final = {
    "No project": "Missing required field: projectId",
    "Nothing in it": "At least one of userData and attributionData must hold a value: send an e-mail address, a phone "
    "number or a click id, for example.",
    "uniqueIdentifier too long": "uniqueIdentifier has 256 characters; it may have at most 255.",
}
NO_USER_DATA: Final = {"No userData": "Missing required field: userData"}
BAD_REF: Final = {
    "No lead named": "Missing required field: one of leadId, uniqueIdentifier, email or phone",
    "leadId is no number": "Invalid parameter: leadId must be a whole number",
}
BAD_RATING: Final = {
    "No conversionId": "Missing required field: conversionId",
    "conversionId that is no text": "Invalid parameter: conversionId must be a text",
    "Unknown conversionId": "Invalid conversionId: this project has no such conversion label",
    "price is no number": "Invalid parameter: price must be a number of cents",
    "price below 0": "Invalid parameter: price must be a number of cents that is 0 or more",
    "price too large": "Invalid parameter: price is too large",
    "An object where a text belongs": "Invalid parameter: email must be a text or a number",
    "Long Idempotency-Key": "Invalid header: Idempotency-Key must have at most 255 characters",
}
BAD_LISTING: Final = {
    "limit": "Invalid parameter: limit must be a whole number from 1 to 100",
    "page": "Invalid parameter: page must be a whole number from 1 to 1000000000",
    "status": "Invalid parameter: status must be open, pending, lost or the id of a conversion label, several "
    "separated by commas, at most 500",
    "createdAt[gte]": "Invalid parameter: createdAt[gte] must be an ISO 8601 date or time",
    "createdAt[lte]": "Invalid parameter: createdAt[lte] must be an ISO 8601 date or time",
    "search, too short": "Invalid parameter: search needs at least 2 characters",
    "search, too long": "Invalid parameter: search may have at most 500 characters",
    "sort": "Invalid parameter: sort must be field:asc or field:desc, field one of createdAt, firstName, lastName, "
    "email, price, status",
    "gclid[exists]": "Invalid parameter: gclid[exists] must be true or false",
    "cid[exists]": "Invalid parameter: cid[exists] must be true or false",
    "fbp[exists]": "Invalid parameter: fbp[exists] must be true or false",
    "fbc[exists]": "Invalid parameter: fbc[exists] must be true or false",
}
BAD_INCIDENTS: Final = {
    "open": "Invalid parameter: open must be true or false",
    "kind": f"Invalid parameter: kind must be one of {', '.join(IncidentKind)}",
    "limit": "Invalid parameter: limit must be a whole number from 1 to 100",
    "page": "Invalid parameter: page must be a whole number from 1 to 1000000000",
}
IN_THE_WAY: Final = {
    "A job is pending": PENDING,
    "Key used otherwise": "Idempotency-Key was used with another body before. Use a new key for a new request",
}
_AWAY: Final = {
    "PostgreSQL": "The database cannot be reached at the moment. Try again shortly.",
    "SQLite": "The database cannot be written at the moment. Try again shortly.",
}
_RETRY_AFTER: Final[Schema] = {
    "Retry-After": {
        "required": True,
        "description": "Seconds to wait before the request is sent again.",
        "schema": {"type": "integer", "minimum": 1, "examples": [5]},
    }
}
_ALLOW: Final[Schema] = {
    "Allow": {"required": True, "description": "The methods of this address.", "schema": text("", "POST, OPTIONS")}
}


def said(schema: str, description: str, examples: Schema) -> Schema:
    """An answer with a body of this schema; the examples by their titles."""
    return {"description": description, "content": json_body(ref(schema), examples)}


def refused(description: str, messages: dict[str, str], **more: Schema) -> Schema:
    """A refusal, with every sentence that it can say."""
    examples = {title: {"message": message} for title, message in messages.items()}
    return {**said("Message", description, examples), **more}


def faults(method: str, *, database: bool = True) -> Schema:
    """What every call can answer besides its own."""
    found = {
        "405": refused(
            "The address is right and the method is not.",
            {"Wrong method": f"Method not allowed: use {method}"},
            headers=_ALLOW,
        ),
        "500": refused("A fault of the server, written to its log.", {"Fault": FAULT}),
    }
    if database:
        found["503"] = refused("The database is away. Nothing was changed.", _AWAY, headers=_RETRY_AFTER)
    return found


def too_large() -> Schema:
    """The answer to a body above the limit."""
    message = "Body too large: at most 1048576 bytes are accepted"
    return refused("The body is larger than the server takes.", {"1 MiB, the default": message})
