"""willCount: the call, and what it answers."""

from typing import Final

from leadtrackr.api import counting as handlers
from leadtrackr.api.openapi import answers
from leadtrackr.api.openapi.answers import NO_KEY, faults, refused, said
from leadtrackr.api.openapi.parameters import asked_label, identifiers
from leadtrackr.api.openapi.parts import (
    NOON,
    Schema,
    always,
    exactly,
    many,
    ref,
    text,
    text_or_null,
    time,
    time_or_null,
)
from leadtrackr.conversions.counting.model import Answer
from leadtrackr.conversions.outcomes import MISSING, OWN_CODES, link
from leadtrackr.destinations.registry import DESTINATIONS

_ID: Final = text_or_null("The label's id; null for `open`.", "3fa85f64-5717-4562-b3fc-2c963f66afa6")
_FATE: Final[Schema] = {
    "answer": text(
        "`yes`: it would be sent at once, and nothing is known that the platform would refuse. `not_yet`: the same "
        "later, by itself. `when_mended`: it waits until a person has mended the connection. `counted`: it counts "
        "there already. `no`: it cannot be used. `no_event`: the label means nothing there.",
        "yes",
        enum=[answer.value for answer in Answer],
    ),
    "code": text_or_null("Why, as a code of the reference of outcomes; null where none says it.", "missing_data"),
    "sentence": text("Why, in words."),
    "nextStep": text("What to do; empty when there is nothing."),
    "link": text_or_null("More about the code: the platform's page, or a path on this server."),
    "sendAt": time_or_null("When it would be sent at the earliest; null when it would not be, or nobody knows."),
    "behind": {
        "type": ["integer", "null"],
        "description": "The conversion on its way that it would wait for: they go in order.",
    },
}
_BEFORE: Final = exactly(
    {"label": text("A label before this one.", "Qualified"), "conversionId": _ID, **_FATE},
    "A label on the way to the one asked about: what of it has not been sent yet is sent before it.",
)
_LACKING: Final[Schema] = {
    "anyOf": [
        exactly({"field": text("The field.", "gclid"), "sentence": text("The same in words.")}),
        {"type": "null"},
    ],
    "description": "What the platform lacks, or may not be given; null when it has what it needs.",
}
_CONNECTION: Final = exactly(
    {
        "state": text(
            "`paused`: the platform fails and is left alone for a while; `held`: nothing is sent until a person has "
            "mended it.",
            "active",
            enum=["active", "paused", "held"],
        ),
        "code": text_or_null("Why it is paused or held."),
        "sentence": text("The same in words."),
        "nextStep": text("What to do."),
        "until": time_or_null("Until when it is paused."),
    }
)
_PLATFORM: Final = exactly(
    {
        "destination": text("The platform.", "meta", enum=list(DESTINATIONS)),
        "name": text("Its name, for people.", "Meta"),
        "account": text("The connected account.", "123456789012345"),
        "action": text_or_null("The label's event there; null when it has none.", "QualifiedLead"),
        **_FATE,
        "missing": _LACKING,
        "closesAt": time_or_null("Until when the platform takes what a rating of this moment sends."),
        "usableUntil": time_or_null(
            "From when on a rating is of no use there any more. Null when no end is known, since the platform's time "
            "runs from the rating itself, or when the rating is of no use anyhow."
        ),
        "window": text("The platform's rule of time, in words."),
        "connection": _CONNECTION,
        "before": many(ref("CountingBefore"), "What is sent there before it, earliest first."),
        "takesBack": many(
            {"type": "string"},
            "The labels whose conversions there the rating would take back; none that the platform keeps counted.",
        ),
    },
    "One connected platform.",
)
_LABEL: Final = exactly(
    {
        "label": text_or_null("The label's name; null for `open`.", "Qualified"),
        "conversionId": _ID,
        "sentence": text("All platforms in one line.", "Counts on Meta."),
        "nextStep": text("What to do; empty when there is nothing, or when it depends on the platform."),
        "platforms": many(
            ref("CountingPlatform"), "Every connected platform; empty when there is none, and for `open`."
        ),
    }
)
SCHEMAS: Final[Schema] = {
    "CountingBefore": _BEFORE,
    "CountingPlatform": _PLATFORM,
    "CountingLabel": _LABEL,
    "Counting": exactly(
        {
            "message": {"anyOf": [always(handlers.ANSWERED), always(handlers.PENDING)]},
            "leadId": {"type": "integer", "minimum": 1, "description": "The lead's number.", "examples": [42]},
            "uniqueIdentifier": text_or_null("Your own id; null when the lead has none.", "crm-lead-456"),
            "askedAt": time("When this was so."),
            "pending": {"type": "boolean", "description": "Whether the rating itself would get a 409 at this moment."},
            "consent": {
                "type": "object",
                "additionalProperties": {"enum": ["granted", "denied"]},
                "description": "As it was recorded with the lead; a kind that is not there was not recorded.",
            },
            "labels": many(ref("CountingLabel"), "The label that was asked about, or all in their order."),
        }
    ),
}
_ACTIVE: Final[Schema] = {"state": "active", "code": None, "sentence": "", "nextStep": "", "until": None}
_AT_ONCE: Final[Schema] = {
    "destination": "google_ads",
    "name": "Google Ads",
    "account": "1234567890",
    "action": "987654321",
    "answer": "yes",
    "code": None,
    "sentence": "Everything that the platform asks for is there; it would be sent at once.",
    "nextStep": "",
    "link": None,
    "sendAt": NOON,
    "behind": None,
    "missing": None,
    "closesAt": "2026-04-30T06:00:00.000Z",
    "usableUntil": "2026-04-30T06:00:00.000Z",
    "window": DESTINATIONS["google_ads"].window_help,
    "connection": {"state": "active", "code": None, "sentence": "", "nextStep": "", "until": None},
    "before": [],
    "takesBack": [],
}
_LACKS: Final = OWN_CODES[MISSING]
_UNUSABLE: Final[Schema] = {
    **_AT_ONCE,
    "destination": "ga4",
    "name": "Google Analytics 4",
    "account": "G-AB12CD34EF",
    "action": "qualify_lead",
    "answer": "no",
    "code": MISSING,
    "sentence": _LACKS.sentence,
    "nextStep": _LACKS.next_step,
    "link": link("ga4", MISSING),
    "sendAt": None,
    "missing": {"field": "cid", "sentence": "The lead has no Google Analytics client id (cid)."},
    "closesAt": None,
    "usableUntil": None,
    "window": DESTINATIONS["ga4"].window_help,
}
_EXAMPLE: Final[Schema] = {
    "message": handlers.ANSWERED,
    "leadId": 42,
    "uniqueIdentifier": "crm-lead-456",
    "askedAt": NOON,
    "pending": False,
    "consent": {"ad_user_data": "granted"},
    "labels": [
        {
            "label": "Qualified",
            "conversionId": "3fa85f64-5717-4562-b3fc-2c963f66afa6",
            "sentence": "Counts on Google Ads. Does not count on Google Analytics 4.",
            "nextStep": "",
            "platforms": [_AT_ONCE, _UNUSABLE],
        }
    ],
}
_BAD: Final = {
    **{title: answers.BAD_REF[title] for title in ("No lead named", "leadId is no number")},
    "Unknown conversionId": answers.BAD_RATING["Unknown conversionId"],
}
PATHS: Final[Schema] = {
    "/api/leads/willCount": {
        "get": {
            "operationId": "willCount",
            "tags": ["Rating"],
            "summary": "Will it count?",
            "description": "Asked before a lead is rated: for each connected platform whether it could still use the "
            "rating, until when, and what is missing, from what the lead holds, the label's events and the connection. "
            "It is planned by the same function that rates, so that the two cannot disagree; the answer is that of "
            "this moment. Nothing is written, nothing is sent and no platform is asked.\n\nThe lead is named as in "
            "getLead. Without a `conversionId` every label of the project is answered for. With `open` there is "
            "nothing to count; the `sentence` says what would be taken back.",
            "security": [{"apiKey": []}],
            "parameters": [*identifiers(), asked_label()],
            "responses": {
                "200": said("Counting", "The answer.", {"Found": _EXAMPLE}),
                "400": refused("A parameter is missing or wrong; the message names it.", _BAD),
                "401": refused("The key is missing or wrong.", NO_KEY),
                "403": refused("The key's project is inactive.", {"Inactive": "Project is inactive"}),
                "404": refused("The project has no such lead.", {"No such lead": "Lead not found"}),
                **faults("GET"),
            },
        }
    }
}
