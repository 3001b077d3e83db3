"""The call that has the platforms look at what a rating would send, and what it answers."""

from typing import Final

from leadtrackr.api import conversions as handlers
from leadtrackr.api.openapi import bodies
from leadtrackr.api.openapi.calls import by_post, operation
from leadtrackr.api.openapi.conversion_schemas import CLASS, EXAMPLES
from leadtrackr.api.openapi.conversion_schemas import SCHEMAS as CONVERSIONS
from leadtrackr.api.openapi.conversions import BAD_PLAN, NO_LEAD
from leadtrackr.api.openapi.parts import Schema, always, exactly, many, ref, text, text_or_null
from leadtrackr.conversions.outcomes import link
from leadtrackr.conversions.view import NO_MODE
from leadtrackr.destinations.registry import DESTINATIONS

_ABLE: Final = ", ".join(one.name for one in DESTINATIONS.values() if one.validation is not None)
_VALIDATION: Final = exactly(
    {
        "label": text("The label of the delivery.", "Qualified"),
        "destination": text("The platform.", "meta", enum=list(DESTINATIONS)),
        "asked": {
            "type": "boolean",
            "description": "False when the platform has no such mode, or when nothing would be sent.",
        },
        "right": {
            "type": ["boolean", "null"],
            "description": "Whether the platform finds nothing wrong. Null when it was not asked, or did not judge it.",
        },
        "code": text_or_null("The outcome's code, as of a delivery.", "validated"),
        "class": CLASS,
        "sentence": text("The same in words, with what it proves."),
        "nextStep": text("What to do; empty when there is nothing."),
        "link": text_or_null("More about the code: the platform's page, or a path on this server."),
        "detail": text_or_null("The platform's own words, shortened."),
    },
    "What one platform says.",
)
SCHEMAS: Final[Schema] = {
    "Validation": _VALIDATION,
    "RatingValidation": exactly(
        {
            **CONVERSIONS["RatingPlan"]["properties"],
            "message": always(handlers.VALIDATED),
            "validations": many(ref("Validation"), "One for each of `deliveries`, in their order."),
        }
    ),
}
_PLAN: Final[Schema] = EXAMPLES["plan"]
_META: Final[Schema] = {
    "label": "Qualified",
    "destination": "meta",
    "asked": False,
    "right": None,
    "code": None,
    "class": None,
    "sentence": NO_MODE,
    "nextStep": "",
    "link": None,
    "detail": None,
}
_GA4: Final = DESTINATIONS["ga4"].codes["check_ok"]
_RIGHT: Final[Schema] = {
    **_META,
    "destination": "ga4",
    "asked": True,
    "right": True,
    "code": "check_ok",
    "class": _GA4.action.value,
    "sentence": _GA4.sentence,
    "nextStep": _GA4.next_step,
    "link": link("ga4", "check_ok"),
}
_SENT: Final[Schema] = {
    "method": "POST",
    "url": "https://www.google-analytics.com/mp/collect",
    "headers": {"content-type": "application/json"},
    "body": '{"client_id":"111.222","events":[{"name":"qualify_lead"}]}',
}
_TO_GA4: Final[Schema] = {
    **_PLAN["deliveries"][0],
    "destination": "ga4",
    "account": "G-AB12CD34EF",
    "action": "qualify_lead",
    "request": _SENT,
}
_EXAMPLE: Final[Schema] = {
    **_PLAN,
    "message": handlers.VALIDATED,
    "deliveries": [*_PLAN["deliveries"], _TO_GA4],
    "validations": [_META, _RIGHT],
}
PATHS: Final[Schema] = {
    "/api/conversions/validate": {
        "post": by_post(
            operation(
                "Conversions",
                "validateRating",
                "Have the platforms look at a rating",
                "The dry run, and beside it what each platform says to the event in the mode in which it only looks: "
                f"nothing counts there, and no delivery is written here. {_ABLE} have such a mode; of the others it "
                "is said that they have none. The body is that of updateLeadStatus.\n\nPlatforms are really asked, "
                "which takes as long as they take and counts against their quotas: ask when something is set up, not "
                "for every lead.",
                (
                    "RatingValidation",
                    "What would be sent, and what the platforms say to it.",
                    {"Asked": _EXAMPLE},
                ),
                {"400": BAD_PLAN, "404": NO_LEAD},
            ),
            "POST",
            "StatusUpdate",
            {"A label": bodies.RATE},
            bodies.SCHEMAS["StatusUpdate"]["description"],
        )
    }
}
