"""Conversions as they are answered, and the orders about them."""

from typing import Final

from leadtrackr.api import conversions as handlers
from leadtrackr.api.openapi.parts import (
    NOON,
    Schema,
    always,
    anything,
    exactly,
    many,
    ref,
    text,
    text_or_null,
    time,
    time_or_null,
)
from leadtrackr.conversions.again import Fate
from leadtrackr.conversions.listing import FILTERS
from leadtrackr.conversions.model import DeliveryKind, State
from leadtrackr.conversions.operations import MOST
from leadtrackr.conversions.outcomes import link
from leadtrackr.destinations.contract import Action, Kind
from leadtrackr.destinations.registry import DESTINATIONS

_ID: Final[Schema] = {"type": "integer", "minimum": 1}
_COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
_SLUG: Final = text("The platform.", "meta", enum=list(DESTINATIONS))
_STATES: Final = [state.value for state in State]
CLASS: Final[Schema] = {
    "type": ["string", "null"],
    "enum": [*(action.value for action in Action), None],
    "description": "Who has to act: nobody, since it is `done`; nobody, since it goes on by itself (`wait`); "
    "LeadTrackr or whoever runs it (`we_act`); you (`you_act`). Null where no code says why it stands as it does.",
}
_WORDS: Final[Schema] = {
    "class": CLASS,
    "sentence": text("What happened, in words.", "The platform accepted the conversion."),
    "nextStep": text("What to do; empty when there is nothing.", "Nothing to do: it was sent."),
    "link": text_or_null("More about the code: the platform's page, or a path on this server."),
}
_EVENT: Final[Schema] = {
    "destination": _SLUG,
    "account": text("The platform's account, as it was when the lead was rated.", "123456789012345"),
    "action": text("The event or conversion action there.", "QualifiedLead"),
    "eventId": text("The id by which the platform counts it once.", "lt-2pj5ysh4zbnw6q3kd7rxv0"),
    "happenedAt": time("The conversion's time: when the lead was rated."),
    "valueCents": {"type": ["integer", "null"], "minimum": 0, "description": "The value in cents of `currency`."},
    "currency": text_or_null("ISO 4217; null without a value.", "EUR"),
    "state": text("Where it stands.", "accepted", enum=_STATES),
    "code": text_or_null("The outcome's code; null before the first one.", "ok"),
    **_WORDS,
    "detail": text_or_null("The platform's own words, shortened, or what the lead lacks."),
    "field": text_or_null("The field that the lead lacks.", "gclid"),
}
_KIND: Final[Schema] = {
    "kind": text(
        "What it is: a conversion, its value again, or its retraction.",
        "conversion",
        enum=[one.value for one in DeliveryKind],
    ),
    "takesBack": {
        "type": ["integer", "null"],
        "description": "The conversion that it restates or takes back; null when it is one itself.",
    },
}
_CONVERSION: Final[Schema] = {
    "id": {**_ID, "description": "The conversion's number.", "examples": [1001]},
    "jobId": {**_ID, "description": "The rating that it belongs to."},
    "leadId": {**_ID, "description": "The lead's number.", "examples": [42]},
    "label": text("The conversion label.", "Qualified"),
    "conversionId": text("The label's id.", "3fa85f64-5717-4562-b3fc-2c963f66afa6"),
    **_EVENT,
    **_KIND,
    "sentAs": text("The event id under which the platform gets it: its own, or that of what it takes back."),
    "nextTryAt": time_or_null("When it is tried next; null when it is not to be tried by itself."),
    "closesAt": time_or_null("Until when the platform takes it; null once it is settled."),
    "tries": {**_COUNT, "description": "Attempts that count against the schedule."},
    "createdAt": time("When it was made."),
    "settledAt": time_or_null("Since when it is settled; null while it is on its way."),
}
_HEADERS: Final[Schema] = {
    "type": "object",
    "additionalProperties": {"type": "string"},
    "description": "The headers that were set for the platform, secret values masked. What every HTTP client adds by "
    "itself is left out.",
}
_ATTEMPT: Final = exactly(
    {
        "number": {**_ID, "description": "1 for the first."},
        "startedAt": time("When it began."),
        "endedAt": time("When it ended."),
        "outcome": text("What it meant.", "accepted", enum=[kind.value for kind in Kind]),
        "code": text("The outcome's code.", "ok"),
        **_WORDS,
        "detail": text("The platform's own words, shortened."),
        "reference": text("The platform's own id of the request."),
        "httpStatus": {"type": ["integer", "null"], "description": "Null when no answer came."},
        "method": text("Empty when nothing was sent, or nobody knows what.", "POST"),
        "url": text("Without its query; empty when nothing was sent, or nobody knows what."),
        "headers": _HEADERS,
        "request": text("The event as it was sent: hashes as they were sent, plain personal values masked."),
        "asked": {
            "description": "How the platform is asked what became of the request; null where it cannot be asked.",
            "anyOf": [
                exactly(
                    {
                        "times": {**_COUNT, "description": "How often it was asked."},
                        "nextAt": time_or_null("When it is asked next; null: no more."),
                    }
                ),
                {"type": "null"},
            ],
        },
    }
)
_GROUP: Final = exactly(
    {
        "fate": text(
            "`send`, `repeat` (an earlier attempt may have arrived) and `held` (sent when the connection is mended) "
            "are sent again; the others stay as they are.",
            "send",
            enum=[fate.value for fate in Fate],
        ),
        "destination": _SLUG,
        "count": {**_COUNT, "description": "How many."},
        "ids": many(_ID, "Which."),
        "sentence": text("The same in words."),
    }
)
_REQUEST: Final = exactly(
    {
        "method": text("", "POST"),
        "url": text("Without its query."),
        "headers": _HEADERS,
        "body": text("The whole body: hashes as they would be sent, plain personal values masked."),
    }
)
_FILTER_SLOTS: Final = {
    "state": anything("One state or several, as text separated by commas or as a list.", "rejected"),
    "leadId": anything("The lead's number, as number or text.", 42),
}
_ORDER: Final[Schema] = {
    "type": "object",
    "properties": {
        "ids": {"type": "array", "items": _ID, "minItems": 1, "maxItems": MOST, "description": "These."},
        "filter": {
            "type": "object",
            "minProperties": 1,
            "description": "All that this takes, as the parameters of getConversions; at least one.",
            "properties": {name: _FILTER_SLOTS.get(name, {"type": "string"}) for name in FILTERS},
            "additionalProperties": False,
        },
        "plan": {"type": "boolean", "default": False, "description": "Only say what would be done."},
    },
    "additionalProperties": False,
    "oneOf": [{"required": ["ids"]}, {"required": ["filter"]}],
}

SCHEMAS: Final[Schema] = {
    "Conversion": exactly(_CONVERSION, "A conversion for one platform, as it stands. Every key is always there."),
    "Attempt": _ATTEMPT,
    "ConversionPage": exactly(
        {
            "message": always(handlers.FOUND),
            "conversions": {"type": "array", "maxItems": 100, "items": ref("Conversion")},
            "total": {**_COUNT, "description": "Conversions on all pages."},
            "page": {**_ID, "description": "This page."},
            "limit": {**_ID, "description": "Conversions on a page."},
            "totalPages": {**_COUNT, "description": "How many pages there are."},
            "hasMore": {"type": "boolean", "description": "Whether there is a page after this one."},
        }
    ),
    "ConversionFound": exactly(
        {
            "message": always(handlers.ONE),
            "conversion": exactly({**_CONVERSION, "attempts": many(ref("Attempt"), "Oldest first.")}),
        }
    ),
    "RetryOrder": _ORDER,
    "CancelOrder": _ORDER,
    "RetryGroup": _GROUP,
    "RetryAnswer": exactly(
        {
            "message": text("", enum=[handlers.PLANNED, handlers.AGAIN, handlers.NONE_AGAIN]),
            "plan": {"type": "boolean", "description": "Whether this is only the plan."},
            "count": {**_COUNT, "description": "How many are sent again."},
            "groups": many(ref("RetryGroup"), "Every conversion of the order is in exactly one."),
            "more": {"type": "boolean", "description": f"Whether more than {MOST} fit the filter."},
        }
    ),
    "CancelAnswer": exactly(
        {
            "message": text("", enum=[handlers.NOT_STOPPED_YET, handlers.STOPPED, handlers.NONE_STOPPED]),
            "plan": {"type": "boolean", "description": "Whether this is only the plan."},
            "count": {**_COUNT, "description": "How many are stopped."},
            "ids": many(_ID, "Which."),
            "left": many(
                exactly({"id": _ID, "state": text("", "accepted", enum=_STATES)}), "Those that stay as they are."
            ),
            "more": {"type": "boolean", "description": f"Whether more than {MOST} fit the filter."},
        }
    ),
    "PlannedRequest": _REQUEST,
    "PlannedConversion": exactly(
        {
            "label": text("The label, or one that comes before it on its path.", "Qualified"),
            **_EVENT,
            **_KIND,
            "sendAt": time_or_null("When it would be sent at the earliest; null when it would not be sent."),
            "closesAt": time("Until when the platform would take it."),
            "request": {
                "anyOf": [ref("PlannedRequest"), {"type": "null"}],
                "description": "Null when nothing would be sent.",
            },
        }
    ),
    "PlannedCancel": exactly(
        {
            "id": {**_ID, "description": "The conversion's number.", "examples": [1001]},
            "destination": _SLUG,
            "code": text("The code that it would have then.", "taken_back"),
            "sentence": text("The same in words."),
        },
        "An earlier conversion that has not been sent, and would not be any more.",
    ),
    "RatingPlan": exactly(
        {
            "message": text("", enum=[handlers.FORESEEN, handlers.PENDING]),
            "leadId": _ID,
            "uniqueIdentifier": text_or_null("Your own id; null when the lead has none."),
            "label": text_or_null("The label's name; null for `open`.", "Qualified"),
            "pending": {"type": "boolean", "description": "Whether the rating itself would get a 409 at this moment."},
            "deliveries": many(ref("PlannedConversion"), "What would be made; for `open` only what takes back."),
            "cancels": many(ref("PlannedCancel"), "Earlier conversions that would be cancelled unsent."),
            "warnings": many(ref("SkipWarning"), "As updateLeadStatus would give them."),
        }
    ),
}

_OK: Final = DESTINATIONS["meta"].codes["ok"]
_ONE: Final[Schema] = {
    "id": 1001,
    "jobId": 501,
    "leadId": 42,
    "label": "Qualified",
    "conversionId": "3fa85f64-5717-4562-b3fc-2c963f66afa6",
    "destination": "meta",
    "account": "123456789012345",
    "action": "QualifiedLead",
    "eventId": "lt-2pj5ysh4zbnw6q3kd7rxv0",
    "kind": "conversion",
    "takesBack": None,
    "sentAs": "lt-2pj5ysh4zbnw6q3kd7rxv0",
    "happenedAt": NOON,
    "valueCents": 150000,
    "currency": "EUR",
    "state": "accepted",
    "code": "ok",
    "class": _OK.action.value,
    "sentence": _OK.sentence,
    "nextStep": _OK.next_step,
    "link": link("meta", "ok"),
    "detail": None,
    "field": None,
    "nextTryAt": None,
    "closesAt": None,
    "tries": 1,
    "createdAt": NOON,
    "settledAt": NOON,
}
_SENT: Final[Schema] = {"content-type": "application/json", "authorization": "Bearer ***"}
_URL: Final = "https://graph.facebook.com/v25.0/123456789012345/events"
_TRIED: Final[Schema] = {
    "number": 1,
    "startedAt": NOON,
    "endedAt": NOON,
    "outcome": "accepted",
    **{name: _ONE[name] for name in ("code", *_WORDS)},
    "detail": "",
    "reference": "AbCdEf",
    "httpStatus": 200,
    "method": "POST",
    "url": _URL,
    "headers": _SENT,
    "request": '{"event_name":"QualifiedLead","event_time":1769860800,"event_id":"lt-2pj5ysh4zbnw6q3kd7rxv0"}',
    "asked": None,
}
_SENDS: Final[Schema] = {
    "fate": "send",
    "destination": "meta",
    "count": 2,
    "ids": [1001, 1002],
    "sentence": "Sent again under its own event id, with its original time.",
}
_STOPS: Final[Schema] = {"count": 1, "ids": [1001], "left": [{"id": 1002, "state": "accepted"}], "more": False}
EXAMPLES: Final[Schema] = {
    "page": {
        "message": handlers.FOUND,
        "conversions": [_ONE],
        "total": 1,
        "page": 1,
        "limit": 50,
        "totalPages": 1,
        "hasMore": False,
    },
    "one": {"message": handlers.ONE, "conversion": {**_ONE, "attempts": [_TRIED]}},
    "retry_plan": {"message": handlers.PLANNED, "plan": True, "count": 2, "groups": [_SENDS], "more": False},
    "retry_done": {"message": handlers.AGAIN, "plan": False, "count": 2, "groups": [_SENDS], "more": False},
    "cancel_plan": {**_STOPS, "message": handlers.NOT_STOPPED_YET, "plan": True},
    "cancel_done": {**_STOPS, "message": handlers.STOPPED, "plan": False},
    "plan": {
        "message": handlers.FORESEEN,
        "leadId": 42,
        "uniqueIdentifier": "crm-lead-456",
        "label": "Qualified",
        "pending": False,
        "deliveries": [
            {
                **{name: _ONE[name] for name in ("label", *_EVENT, *_KIND)},
                "state": "queued",
                "code": None,
                "class": None,
                "sentence": "It would be sent at once.",
                "nextStep": "",
                "link": None,
                "sendAt": NOON,
                "closesAt": "2026-02-07T11:59:00.000Z",
                "request": {
                    "method": "POST",
                    "url": _URL,
                    "headers": _SENT,
                    "body": '{"data":[{"event_name":"QualifiedLead","event_id":"lt-2pj5ysh4zbnw6q3kd7rxv0"}]}',
                },
            }
        ],
        "cancels": [],
        "warnings": [],
    },
}
