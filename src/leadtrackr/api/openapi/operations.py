"""The calls."""

from typing import Final

from leadtrackr.api.leads import CREATED, UPDATED
from leadtrackr.api.openapi import answers, bodies
from leadtrackr.api.openapi.answers import faults, refused, said, too_large
from leadtrackr.api.openapi.parameters import idempotency_key, identifiers, incidents, listing
from leadtrackr.api.openapi.parts import Schema, json_body, ref, text
from leadtrackr.api.status import QUEUED, REOPENED

_KEY: Final[list[Schema]] = [{"apiKey": []}]
_KEY_IF_ANY: Final[list[Schema]] = [{"apiKey": []}, {}]
_NONE: Final[list[Schema]] = []
_INACTIVE: Final = {"Inactive": "Project is inactive"}
_NO_PROJECT: Final = {"No such project": "Project not found"}
_NO_LEAD: Final = {"No such lead": "Lead not found"}
_STORED: Final = (
    "When this is answered, the lead is on disk. Two posts with one uniqueEventId, even at the same moment and by "
    "different calls, make one lead: later values complete it, blank ones never overwrite, status and label stay."
)
_EXAMPLE_LEAD: Final[Schema] = {
    "id": 42,
    "status": "open",
    "formName": "Quote",
    "firstName": "Jan",
    "lastName": "de Vries",
    "phone": "+31612345678",
    "email": "jan@example.com",
    "companyName": None,
    "price": None,
    "note": None,
    "formData": bodies.FORM_POST["formData"],
    "userData": bodies.FORM_POST["userData"],
    "attributionData": bodies.FORM_POST["attributionData"],
    "channelFlow": [
        {"timestamp": 1790000000000, "channel": {"source": "google", "medium": "cpc"}, "landingPage": "/offer"}
    ],
    "uniqueIdentifier": "crm-lead-456",
    "createdAt": "2026-01-31T12:00:00.000Z",
}
_EXAMPLE_WARNING: Final[Schema] = {
    "integration": "ga4",
    "reason": "The lead has no Google Analytics client id (cid), so GA4 could not find its visit.",
    "field": "cid",
    "timestamp": "2026-01-31T12:00:00.000Z",
}
_EXAMPLE_INCIDENT: Final[Schema] = {
    "id": 7,
    "projectId": "pk3n9x2m7q",
    "kind": "stopped",
    "open": True,
    "connectionId": 3,
    "destination": "meta",
    "code": "190",
    "detail": "Error validating access token",
    "sentence": "Nothing is sent to Meta. Meta does not accept the access token.",
    "nextStep": "Make a new access token and connect it. Connecting again lets it go on; else: "
    "leadtrackr destinations resume pk3n9x2m7q meta",
    "since": "2026-01-31T12:00:00.000Z",
    "openedAt": "2026-01-31T12:00:00.000Z",
    "recoveredAt": None,
    "endsAt": None,
    "deliveriesWaiting": 12,
    "deliveriesExpired": 0,
}
_EXAMPLE_INCIDENTS: Final[Schema] = {
    "message": "Incidents retrieved",
    "incidents": [_EXAMPLE_INCIDENT],
    "total": 1,
    "page": 1,
    "limit": 50,
    "totalPages": 1,
    "hasMore": False,
}


def _post(
    call: str, tag: str, summary: str, words: str, security: list[Schema], body: tuple[str, Schema], answers: Schema
) -> Schema:
    name, examples = body
    about = bodies.SCHEMAS[name]["description"]
    return {
        "post": {
            "operationId": call,
            "tags": [tag],
            "summary": summary,
            "description": words,
            "security": security,
            "requestBody": {"required": True, "description": about, "content": json_body(ref(name), examples)},
            "responses": {**answers, "413": too_large(), **faults("POST")},
        }
    }


def _get(
    call: str, tag: str, summary: str, words: str, answers: Schema, *, keyed: bool, parameters: list[Schema]
) -> Schema:
    return {
        "get": {
            "operationId": call,
            "tags": [tag],
            "summary": summary,
            "description": words,
            "security": _KEY if keyed else _NONE,
            "parameters": parameters,
            "responses": answers,
        }
    }


def _stored(bad: dict[str, str], unauthorised: dict[str, str] | None) -> Schema:
    created = {"message": CREATED, "leadId": 42, "uniqueIdentifier": None}
    updated = {"message": UPDATED, "leadId": 42, "uniqueIdentifier": "crm-lead-456"}
    found = {
        "201": said("LeadCreated", "A new lead.", {"New": created}),
        "200": said(
            "LeadUpdated", "The project had a lead with this uniqueEventId; it was completed.", {"Known": updated}
        ),
        "400": refused("Something is missing or wrong; the message names it.", {**bad, **answers.BAD_BODY}),
    }
    if unauthorised:
        found["401"] = refused("The key is missing or wrong.", unauthorised)
    return {
        **found,
        "403": refused("The project takes no leads at present. Means nothing else.", _INACTIVE),
        "404": refused("There is no such project. Means nothing else.", _NO_PROJECT),
    }


def _rating() -> Schema:
    same = {"leadId": 42, "uniqueIdentifier": "crm-lead-456"}
    queued = {"message": QUEUED, **same, "status": "pending", "queued": True, "warnings": []}
    reopened = {"message": REOPENED, **same, "status": "open", "queued": False}
    return {
        "201": said(
            "RatingQueued",
            "Status, price and job are on disk.",
            {"Queued": queued, "One platform left out": {**queued, "warnings": [_EXAMPLE_WARNING]}},
        ),
        "200": said("LeadReopened", "The lead is open again and has no label; nothing is sent.", {"Open": reopened}),
        "400": refused(
            "Something is missing or wrong; the message names it.",
            {**answers.BAD_REF, **answers.BAD_RATING, **answers.BAD_BODY},
        ),
        "401": refused("The key is missing or wrong.", answers.NO_KEY),
        "403": refused("The key's project is inactive.", _INACTIVE),
        "404": refused("The project has no such lead.", _NO_LEAD),
        "409": refused("Not now, or not with this key. Nothing was changed.", answers.IN_THE_WAY),
    }


def _read(schema: str, description: str, example: Schema, bad: dict[str, str]) -> Schema:
    return {
        "200": said(schema, description, {"Found": example}),
        "400": refused("A parameter is missing or wrong; the message names it.", bad),
        "401": refused("The key is missing or wrong.", answers.NO_KEY),
        "403": refused("The key's project is inactive.", _INACTIVE),
    }


def _update_status() -> Schema:
    examples = {"Apply a label": bodies.RATE, "Lost": bodies.LOSE, "Open again": bodies.REOPEN}
    path = _post(
        "updateLeadStatus",
        "Rating",
        "Rate a lead",
        "Applies a conversion label, `lost` or `open`. A label queues the lead: what the label means on each connected "
        "ad platform is sent there, and until that has been tried the lead is `pending`.\n\nSend an `Idempotency-Key` "
        "to be able to repeat a request whose answer was lost.",
        _KEY,
        ("StatusUpdate", examples),
        _rating(),
    )
    path["post"]["parameters"] = [idempotency_key()]
    return path


def _plain(call: str, path: str, summary: str, words: str, content: Schema, *, database: bool = False) -> Schema:
    found = {"200": {"description": words, "content": content}, **faults("GET", database=database)}
    return {path: _get(call, "System", summary, "", found, keyed=False, parameters=[])}


def _ok(message: str) -> Schema:
    return json_body(ref("Message"), {"Well": {"message": message}})


PATHS: Final[Schema] = {
    "/api/leads/createLead": _post(
        "createLead",
        "Leads in",
        "Create a lead",
        f"For browsers, and for anything else without a key. {_STORED}",
        _NONE,
        ("NewLead", {"A form": bodies.FORM_POST, "A click without a name": bodies.CLICK_ONLY}),
        _stored(answers.BAD_LEAD, None),
    ),
    "/api/leads/createServerSideLead": _post(
        "createServerSideLead",
        "Leads in",
        "Create a lead from a server",
        f"A project that has an API key requires it here; one that has none takes the call without. {_STORED}",
        _KEY_IF_ANY,
        ("NewServerLead", {"A form": bodies.FORM_POST, "A click without a name": bodies.CLICK_ONLY}),
        _stored({**answers.BAD_LEAD, **answers.NO_USER_DATA}, answers.OTHER_KEY),
    ),
    "/api/leads/createCTLead": _post(
        "createCTLead",
        "Leads in",
        "Create a lead from a phone call",
        f"For call tracking: `userData.phone` is the caller. Always with a key. {_STORED}",
        _KEY,
        ("NewLead", {"A call": bodies.CALL_POST}),
        _stored(answers.BAD_LEAD, answers.OTHER_KEY),
    ),
    "/api/leads/updateLeadStatus": _update_status(),
    "/api/leads/getLead": _get(
        "getLead",
        "Leads out",
        "Get one lead",
        "The lead is found by leadId, else uniqueIdentifier, else email, else phone: the first one that is not blank "
        "decides alone, and one of them must be given.",
        {
            **_read("LeadFound", "The lead.", {"message": "Lead retrieved", "lead": _EXAMPLE_LEAD}, answers.BAD_REF),
            "404": refused("The project has no such lead.", _NO_LEAD),
            **faults("GET"),
        },
        keyed=True,
        parameters=identifiers(),
    ),
    "/api/leads/getLeads": _get(
        "getLeads",
        "Leads out",
        "List leads",
        "The project's leads, a page at a time. Several filters are all to hold. Blank parameters count as absent.",
        {
            **_read(
                "LeadPage",
                "One page.",
                {
                    "message": "Leads retrieved",
                    "leads": [_EXAMPLE_LEAD],
                    "total": 1,
                    "page": 1,
                    "limit": 50,
                    "totalPages": 1,
                    "hasMore": False,
                },
                answers.BAD_LISTING,
            ),
            **faults("GET"),
        },
        keyed=True,
        parameters=listing(),
    ),
    "/api/incidents": _get(
        "getIncidents",
        "Delivery",
        "List incidents",
        "What is wrong with the project's connections, or was, newest first, a page at a time. Each incident is opened "
        "once and recovers once. Several filters are all to hold. Blank parameters count as absent.",
        {
            **_read("IncidentPage", "One page.", _EXAMPLE_INCIDENTS, answers.BAD_INCIDENTS),
            **faults("GET"),
        },
        keyed=True,
        parameters=incidents(),
    ),
    **_plain("healthz", "/healthz", "Health", "It answers.", _ok("ok")),
    **_plain("readyz", "/readyz", "Readiness", "The database answers, and takes writes.", _ok("ready"), database=True),
    **_plain(
        "metrics",
        "/metrics",
        "Metrics for Prometheus",
        "The figures. While the database is away, those of the queue are left out.",
        {"text/plain": {"schema": text(), "example": 'leadtrackr_leads_created_total{door="web"} 1.0\n'}},
    ),
    **_plain(
        "openapi",
        "/api/openapi.json",
        "OpenAPI description",
        "OpenAPI 3.1.",
        {"application/json": {"schema": {"type": "object"}, "example": {"openapi": "3.1.0"}}},
    ),
    **_plain(
        "docs",
        "/api/docs",
        "Reference page",
        "The description as a page for people.",
        {"text/html": {"schema": text(), "example": "<!doctype html>"}},
    ),
}
