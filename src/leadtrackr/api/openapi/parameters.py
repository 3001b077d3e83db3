"""The parameters of the calls: in the query and in a header."""

from typing import Final

from leadtrackr.api.openapi.parts import Schema, text
from leadtrackr.api.status import LONGEST_KEY
from leadtrackr.conversions.incidents.model import IncidentKind
from leadtrackr.conversions.incidents.service import MAX_LIMIT as MOST_INCIDENTS
from leadtrackr.conversions.listing import MAX_LIMIT as CONVERSIONS_LIMIT
from leadtrackr.conversions.model import State
from leadtrackr.destinations.registry import DESTINATIONS
from leadtrackr.leads.listing import EXISTS, LONGEST_SEARCH, MAX_LIMIT, SORTS

_BLANK = r"\s\x00\x1c-\x1f"
_TWO_OR_NONE: Final = rf"[^{_BLANK}][\s\S]*[^{_BLANK}]|^[{_BLANK}]*$"
"""At least two characters that count, or none: blank is absent."""
_NOTHING: Final[Schema] = {"title": "nothing", "const": ""}
_YES_OR_NO: Final[Schema] = {"anyOf": [{"title": "boolean", "type": "boolean"}, _NOTHING]}
"""Blank is absent."""


def idempotency_key() -> Schema:
    """The header that lets updateLeadStatus be repeated."""
    return {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "Within 24 hours the same key with the same body, byte for byte, gives the first answer again "
        "and changes nothing; with another body it gives a 409. Keys are each project's own. A refused request does "
        "not use up its key.",
        "schema": text(maxLength=LONGEST_KEY),
    }


def _query(name: str, schema: Schema, words: str, **more: object) -> Schema:
    return {"name": name, "in": "query", "description": words, "schema": schema, **more}


def identifiers() -> list[Schema]:
    """How getLead is told which lead."""
    return [
        _query("leadId", {"type": "integer", "minimum": 0}, "The lead's number.", example=42),
        _query("uniqueIdentifier", text(), "Your own id; the newest lead with it is taken."),
        _query("email", text(), "Compared trimmed and in lower case; the newest lead is taken."),
        _query(
            "phone",
            text(),
            "Compared in E.164 with the project's country, or letter for letter; the newest lead is taken. Write `+` "
            "as `%2B`; a bare one is understood.",
        ),
    ]


def _status_filter() -> Schema:
    one: Schema = {"anyOf": [{"enum": ["open", "pending", "lost"]}, {"type": "string", "format": "uuid"}]}
    return _query(
        "status",
        {"type": "array", "items": one},
        "`open`, `pending`, `lost` and ids of conversion labels, separated by commas.",
        style="form",
        explode=False,
    )


def _times() -> list[Schema]:
    moment: Schema = {
        "anyOf": [
            {"title": "time", "type": "string", "format": "date-time"},
            {"title": "date", "type": "string", "format": "date"},
            _NOTHING,
        ],
    }
    words = "ISO 8601. A bare date is the start of that day; without a zone it counts as UTC."
    return [
        _query("createdAt[gte]", moment, f"Came in then or later. {words}"),
        _query("createdAt[lte]", moment, f"Came in then or earlier. {words}"),
    ]


def rating() -> list[Schema]:
    """The rating of a dry run, beside the lead's name."""
    return [
        _query(
            "conversionId",
            {"type": "string"},
            "The id (UUID) of one of the project's conversion labels, or `open`, or `lost`.",
            required=True,
            example="lost",
        ),
        _query(
            "price",
            {"type": "number", "minimum": 0, "maximum": 1_000_000_000_000_000},
            "The lead's value in cents; without it the lead's own.",
        ),
    ]


def asked_label() -> Schema:
    """Which label willCount is asked about."""
    words = "The id (UUID) of one of the project's conversion labels, or `lost`, or `open`; without it all labels."
    return _query("conversionId", {"type": "string"}, words, example="lost")


def conversion_filters() -> list[Schema]:
    """What getConversions can be asked."""
    page: Schema = {"type": "integer", "minimum": 1}
    states: Schema = {"type": "array", "items": {"enum": [state.value for state in State]}}
    return [
        _query("limit", {**page, "maximum": CONVERSIONS_LIMIT, "default": 50}, "Conversions on a page."),
        _query("page", {**page, "maximum": 10**9, "default": 1}, "Which page."),
        _query("state", states, "One state or several, separated by commas.", style="form", explode=False),
        _query("destination", {"enum": list(DESTINATIONS)}, "Only those for this platform."),
        _query("leadId", {"type": "integer", "minimum": 0}, "Only those of this lead."),
        _query("code", text(), "Only those with this code."),
        *_times(),
    ]


def listing() -> list[Schema]:
    """What getLeads can be asked."""
    sorts = [f"{field}:{direction}" for field in SORTS for direction in ("asc", "desc")]
    page: Schema = {"type": "integer", "minimum": 1}
    return [
        _query("limit", {**page, "maximum": MAX_LIMIT, "default": 50}, "Leads on a page."),
        _query("page", {**page, "maximum": 10**9, "default": 1}, "Which page."),
        _status_filter(),
        _query("formName", text(), "Exactly this form name."),
        _query("uniqueIdentifier", text(), "Exactly this id."),
        _query("email", text(), "This address, trimmed and in lower case."),
        _query("phone", text(), "This number, in E.164 with the project's country or letter for letter."),
        *_times(),
        _query(
            "search",
            text(maxLength=LONGEST_SEARCH, pattern=_TWO_OR_NONE),
            "Part of the first or last name, e-mail address, phone or company, in any case; at least 2 characters.",
        ),
        _query(
            "sort",
            {"enum": sorts, "default": "createdAt:desc"},
            "`field:direction`. Texts are compared by code point; leads without a value come last; ties go by id.",
        ),
        *(_query(f"{name}[exists]", _YES_OR_NO, f"Only leads with, or without, `{name}`.") for name in EXISTS),
    ]


def incidents() -> list[Schema]:
    """What the list of incidents can be asked."""
    page: Schema = {"type": "integer", "minimum": 1}
    return [
        _query("open", _YES_OR_NO, "Only those that are open, or only those that are over."),
        _query("kind", {"enum": [kind.value for kind in IncidentKind]}, "Only those of this kind."),
        _query("limit", {**page, "maximum": MOST_INCIDENTS, "default": 50}, "Incidents on a page."),
        _query("page", {**page, "maximum": 10**9, "default": 1}, "Which page."),
    ]
