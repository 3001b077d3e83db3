"""The calls about conversions: what was sent, sending again, stopping, and what would be sent."""

from typing import Final

from leadtrackr.api import conversions as handlers
from leadtrackr.api.openapi import answers, bodies
from leadtrackr.api.openapi.calls import by_get, by_post, operation
from leadtrackr.api.openapi.conversion_schemas import EXAMPLES
from leadtrackr.api.openapi.parameters import conversion_filters, identifiers, rating
from leadtrackr.api.openapi.parts import Schema
from leadtrackr.conversions.listing import FILTERS
from leadtrackr.conversions.model import State
from leadtrackr.conversions.operations import MOST

_TAG: Final = "Conversions"
NO_LEAD: Final = {"No such lead": "Lead not found"}
_NO_DELIVERY: Final = {"No such conversion": "This project has no delivery 1."}
_BAD_FILTERS: Final = {
    "state": f"Invalid parameter: state must be one or more of {', '.join(State)}, separated by commas",
    "destination": "Invalid parameter: destination must be the name of a platform, such as google_ads",
    "leadId is no number": answers.BAD_REF["leadId is no number"],
    **{name: answers.BAD_LISTING[name] for name in ("createdAt[gte]", "createdAt[lte]")},
}
_BAD_PAGE: Final = {**_BAD_FILTERS, **{name: answers.BAD_LISTING[name] for name in ("limit", "page")}}
_BAD_IDS: Final = {"Bad ids": f"Invalid parameter: ids must be a list of 1 to {MOST} numbers of conversions"}
_BAD_ORDER: Final = {
    "Neither ids nor filter": "Missing required field: ids or filter",
    "Both ids and filter": "Invalid body: send either ids or filter, not both",
    **_BAD_IDS,
    "Bad filter": f"Invalid parameter: filter must be an object with at least one of {', '.join(FILTERS)}, "
    "and nothing else",
    "Odd filter": "Invalid parameter: filter.code must be a text or a number",
    "Unknown key in an order": "Invalid body: it may hold ids and filter and plan, and nothing else",
    "plan is no boolean": handlers.WRONG_PLAN,
    **_BAD_FILTERS,
}
_ONLY_IN_BODIES: Final = {"conversionId that is no text", "An object where a text belongs"}
_BAD_RATING: Final = {title: words for title, words in answers.BAD_RATING.items() if title != "Long Idempotency-Key"}
BAD_PLAN: Final = {**answers.BAD_REF, **_BAD_RATING, **answers.BAD_BODY}
_BAD_QUERY: Final = {
    title: words for title, words in {**answers.BAD_REF, **_BAD_RATING}.items() if title not in _ONLY_IN_BODIES
}


def _call(
    call: str, summary: str, words: str, found: tuple[str, str, Schema], bad: dict[str, str], missing: dict[str, str]
) -> Schema:
    return operation(_TAG, call, summary, words, found, {"400": bad, "404": missing})


def _plan(call: str, words: str, bad: dict[str, str]) -> Schema:
    found = ("RatingPlan", "What would be sent, platform by platform.", {"Plan": EXAMPLES["plan"]})
    return _call(call, "What a rating would send", words, found, bad, NO_LEAD)


_FORESEEN: Final = (
    "The dry run of updateLeadStatus: the same plan, and for each platform the request as it would be built, or why "
    "nothing would be sent. Nothing is written and nothing is sent. The event id and the time are made anew when the "
    "lead is really rated. Secrets are masked, and so are plain personal values."
)
_WHICH: Final = (
    "Either `ids` or `filter`. Other keys are refused, so that a misspelt one cannot move more than was meant."
)
PATHS: Final[Schema] = {
    "/api/conversions": {
        "get": by_get(
            _call(
                "getConversions",
                "List conversions",
                "What ratings sent to the ad platforms, newest first, a page at a time, each with its outcome in "
                "words. Several filters are all to hold. Blank parameters count as absent.",
                ("ConversionPage", "One page.", {"Found": EXAMPLES["page"]}),
                _BAD_PAGE,
                {},
            ),
            "GET",
            conversion_filters(),
        )
    },
    "/api/conversions/retry": {
        "post": by_post(
            _call(
                "retryConversions",
                "Send conversions again",
                "Sends conversions again under their own event ids and with their original times: these `ids`, or all "
                "that a `filter` takes. With `plan` true nothing is done, and the answer says what would be. Asked "
                f"twice each is sent once. One order is about {MOST} conversions at most; `more` says whether there "
                "are more.",
                (
                    "RetryAnswer",
                    "What was done, or would be.",
                    {"Plan": EXAMPLES["retry_plan"], "Done": EXAMPLES["retry_done"]},
                ),
                {**_BAD_ORDER, **answers.BAD_BODY},
                _NO_DELIVERY,
            ),
            "POST",
            "RetryOrder",
            {"These": {"ids": [1001, 1002]}, "All that were refused": {"filter": {"state": "rejected"}, "plan": True}},
            _WHICH,
        )
    },
    "/api/conversions/cancel": {
        "post": by_post(
            _call(
                "cancelConversions",
                "Stop conversions",
                "Stops conversions that have not been sent: these `ids`, or all that a `filter` takes. One that is "
                "being sent, or is settled, stays as it is. With `plan` true nothing is done, and the answer says what "
                f"would be. Sending it again undoes it. One order is about {MOST} conversions at most; `more` says "
                "whether there are more.",
                (
                    "CancelAnswer",
                    "What was stopped, or would be.",
                    {"Plan": EXAMPLES["cancel_plan"], "Done": EXAMPLES["cancel_done"]},
                ),
                {**_BAD_ORDER, **answers.BAD_BODY},
                _NO_DELIVERY,
            ),
            "POST",
            "CancelOrder",
            {
                "These": {"ids": [1001, 1002]},
                "All of a lead that wait": {"filter": {"state": "waiting", "leadId": 42}, "plan": True},
            },
            _WHICH,
        )
    },
    "/api/conversions/plan": {
        "get": by_get(_plan("planRatingByQuery", _FORESEEN, _BAD_QUERY), "GET or POST", [*identifiers(), *rating()]),
        "post": by_post(
            _plan("planRating", f"{_FORESEEN} The body is that of updateLeadStatus.", BAD_PLAN),
            "GET or POST",
            "StatusUpdate",
            {"A label": bodies.RATE},
            bodies.SCHEMAS["StatusUpdate"]["description"],
        ),
    },
    "/api/conversions/{id}": {
        "get": by_get(
            _call(
                "getConversion",
                "Get one conversion",
                "One conversion with every attempt: when, where to, the request as it was sent, the platform's answer "
                "in words, and what to do. Personal values stand there as the hashes that were sent, or masked; "
                "secrets are masked.",
                ("ConversionFound", "The conversion.", {"Found": EXAMPLES["one"]}),
                {"The id is no number": handlers.WRONG_ID},
                _NO_DELIVERY,
            ),
            "GET",
            [
                {
                    "name": "id",
                    "in": "path",
                    "required": True,
                    "description": "The conversion's number.",
                    "schema": {"type": "integer", "minimum": 1},
                    "example": 1001,
                }
            ],
        )
    },
}
