"""The API reference is made from the description alone, says everything in it, and passes none of it on as HTML."""

import json
import re
import shlex
from html.parser import HTMLParser
from typing import Any

import pytest

from leadtrackr.api.reference import render
from leadtrackr.api.reference_prose import prose
from leadtrackr.api.reference_schema import Schemas

CONSENT = {"type": "string", "enum": ["granted", "denied"]}
ERROR: dict[str, Any] = {
    "type": "object",
    "required": ["message"],
    "properties": {"message": {"type": "string", "examples": ["Missing required field: conversionId"]}},
}
IDENTIFIERS: list[dict[str, Any]] = [
    {
        "name": name,
        "in": "query",
        "description": words,
        "schema": schema,
        **({"example": "crm-lead-456"} if name == "uniqueIdentifier" else {}),
    }
    for name, words, schema in (
        ("leadId", "The lead's number.", {"type": "integer", "minimum": 1}),
        ("uniqueIdentifier", "Your own id. The most recently created lead wins.", {"type": "string", "maxLength": 255}),
        ("email", "Compared trimmed and lower-cased.", {"type": "string", "format": "email"}),
        ("phone", "Compared in E.164 with the project's country, or letter for letter.", {"type": "string"}),
    )
]


def error(words: str) -> dict[str, Any]:
    return {"description": words, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}}


SAMPLE: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {
        "title": "LeadTrackr API",
        "version": "1.0",
        "description": "Leads come in, are rated, and each rating is sent to the ad platforms.\n\n"
        "- Bodies are JSON (UTF-8).\n- Every answer has a `message`, errors **included**.",
    },
    "servers": [{"url": "https://leads.example.com/"}],
    "tags": [
        {"name": "Leads", "description": "Everything about one lead."},
        {"name": "Integrations", "description": "Events of other programs."},
    ],
    "security": [{"apiKey": []}],
    "paths": {
        "/api/leads/createLead": {
            "post": {
                "operationId": "createLead",
                "tags": ["Leads"],
                "summary": "Create a lead",
                "description": "Takes a lead from a form. At least one of `userData` and `attributionData` must hold a "
                "value.\n\nA known `uniqueEventId` updates its lead; see [the status call](#updateLeadStatus).",
                "security": [],
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/NewLead"}}},
                },
                "responses": {
                    "201": {
                        "description": "Lead created",
                        "content": {
                            "application/json": {
                                "schema": {"$ref": "#/components/schemas/Created"},
                                "example": {"message": "Lead created successfully", "leadId": 42},
                            }
                        },
                    },
                    "400": error("A parameter is missing or invalid; the message names it"),
                    "429": {
                        "description": "Too many requests",
                        "headers": {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}},
                    },
                },
            }
        },
        "/api/leads/getLead": {
            "get": {
                "operationId": "getLead",
                "tags": ["Leads"],
                "summary": "Get a lead",
                "parameters": IDENTIFIERS,
                "responses": {"200": {"description": "The lead"}, "404": error("No such lead")},
            }
        },
        "/api/leads/updateLeadStatus": {
            "post": {
                "operationId": "updateLeadStatus",
                "tags": ["Leads"],
                "summary": "Update a lead's status",
                "description": "Applies a conversion label and queues the conversions.",
                "parameters": [{"$ref": "#/components/parameters/IdempotencyKey"}],
                "requestBody": {
                    "content": {
                        "application/json": {
                            "schema": {"$ref": "#/components/schemas/StatusUpdate"},
                            "examples": {
                                "label": {
                                    "summary": "It's a label",
                                    "value": {"leadId": 42, "conversionId": "it's", "price": 150000},
                                },
                                "open": {"value": {"email": "jane@example.com", "conversionId": "open"}},
                            },
                        }
                    }
                },
                "responses": {
                    "201": {
                        "description": "Queued",
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Queued"}}},
                    },
                    "409": error("The lead already has a pending job"),
                    "503": {"$ref": "#/components/responses/Away"},
                },
            }
        },
        "/api/integrations/custom/{connectionId}": {
            "parameters": [{"name": "connectionId", "in": "path", "required": True, "schema": {"type": "string"}}],
            "post": {
                "tags": ["Integrations"],
                "summary": "Custom webhook",
                "deprecated": True,
                "security": [{"bearer": []}, {"apiKey": []}],
                "requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}},
                "responses": {"default": error("Anything else")},
            },
        },
    },
    "components": {
        "securitySchemes": {
            "apiKey": {
                "type": "apiKey",
                "in": "header",
                "name": "X-API-Key",
                "description": "The project's `API key`.",
            },
            "bearer": {"type": "http", "scheme": "bearer"},
        },
        "parameters": {
            "IdempotencyKey": {
                "name": "Idempotency-Key",
                "in": "header",
                "description": "The same key and body within 24 h give the first answer again.",
                "schema": {"type": "string"},
            }
        },
        "responses": {"Away": error("The database is away")},
        "schemas": {
            "Error": ERROR,
            "Project": {"type": ["string", "integer"], "description": "Public id or number.", "examples": ["p7h3kq"]},
            "Consent": {"type": "object", "properties": {"ad_storage": CONSENT, "ad_user_data": CONSENT}},
            "NewLead": {
                "type": "object",
                "required": ["projectId"],
                "properties": {
                    "projectId": {"$ref": "#/components/schemas/Project"},
                    "userData": {
                        "type": "object",
                        "description": "Who it is.",
                        "properties": {
                            "firstName": {"type": "string", "examples": ["Jane"]},
                            "email": {"type": "string", "format": "email"},
                        },
                    },
                    "attributionData": {
                        "type": "object",
                        "description": "Any keys; all are kept.",
                        "properties": {
                            "gclid": {"type": "string", "examples": ["Cj0KCQ"]},
                            "consent": {"$ref": "#/components/schemas/Consent"},
                        },
                        "additionalProperties": {"type": "string"},
                    },
                    "channelFlow": {
                        "oneOf": [
                            {"type": "string", "title": "JSON text", "description": "The same, encoded."},
                            {"title": "steps", "type": "array", "items": {"$ref": "#/components/schemas/Step"}},
                        ]
                    },
                    "uniqueIdentifier": {"type": ["string", "null"], "maxLength": 255, "default": None},
                },
            },
            "Step": {
                "type": "object",
                "properties": {
                    "source": {"type": "string"},
                    "before": {"anyOf": [{"$ref": "#/components/schemas/Step"}, {"type": "null"}]},
                },
            },
            "Created": {
                "allOf": [
                    {"$ref": "#/components/schemas/Error"},
                    {"type": "object", "properties": {"leadId": {"type": "integer", "examples": [42]}}},
                ]
            },
            "StatusUpdate": {
                "type": "object",
                "required": ["conversionId"],
                "properties": {
                    "leadId": {"type": ["integer", "string"]},
                    "conversionId": {
                        "oneOf": [
                            {"type": "string", "format": "uuid", "title": "label", "description": "A label's id."},
                            {"const": "open", "description": "Opens the lead again."},
                        ]
                    },
                    "price": {"type": "number", "minimum": 0, "description": "In **cents**."},
                },
            },
            "Queued": {
                "type": "object",
                "properties": {
                    "status": {"const": "pending"},
                    "queued": {"type": "boolean"},
                    "warnings": {"type": "array", "items": {"type": "object", "properties": {"reason": {}}}},
                },
            },
        },
    },
}


class Reader(HTMLParser):
    """Checks that what opens closes, and collects anchors, links and texts by element."""

    VOID = frozenset({"meta", "link", "br"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.ids += [value for name, value in attrs if name == "id" and value]
        self.links += [value for name, value in attrs if name in {"href", "src"} and value]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append((self.open[-1] if self.open else "", data.strip()))

    def codes(self) -> list[str]:
        return [text for tag, text in self.texts if tag == "code"]


@pytest.fixture(scope="module")
def page() -> Reader:
    return Reader(render(SAMPLE))


def test_page_is_whole_and_stands_alone(page: Reader) -> None:
    assert page.open == []
    assert "script" not in page.tags
    assert len(page.ids) == len(set(page.ids))
    inner = [link.removeprefix("#") for link in page.links if link != "data:,"]
    assert set(inner) <= set(page.ids)
    assert {"createLead", "getLead", "updateLeadStatus", "post-api-integrations-custom-connectionid"} <= set(inner)


def test_every_name_of_the_description_is_shown(page: Reader) -> None:
    shown = set(page.codes())
    paths = set(SAMPLE["paths"])
    fields = {name for schema in SAMPLE["components"]["schemas"].values() for name in schema.get("properties", {})}
    parameters = {node["name"] for node in IDENTIFIERS} | {"Idempotency-Key", "connectionId", "Retry-After"}
    assert paths | fields | parameters | {"any other key", "https://leads.example.com"} <= shown
    assert {status for path in SAMPLE["paths"].values() for call in path.values() if "responses" in call
            for status in call["responses"]} <= {text for _, text in page.texts}  # fmt: skip


def test_sample_bodies_are_json(page: Reader) -> None:
    bodies = [json.loads(text) for text in page.codes() if text.startswith(("{\n", "["))]
    new_lead = next(body for body in bodies if "projectId" in body)
    assert new_lead["projectId"] == "p7h3kq"
    assert new_lead["userData"] == {"firstName": "Jane", "email": "jane@example.com"}
    assert new_lead["uniqueIdentifier"] is None
    assert {"message": "Lead created successfully", "leadId": 42} in bodies
    assert {"status": "pending", "queued": True, "warnings": [{"reason": None}]} in bodies


def curl_of(page: Reader, path: str) -> list[str]:
    command = next(text for text in page.codes() if text.startswith("curl") and path in text)
    return shlex.split(command.replace("\\\n", " "))


def test_curl_can_be_pasted(page: Reader) -> None:
    update = curl_of(page, "updateLeadStatus")
    assert update[:2] == ["curl", "https://leads.example.com/api/leads/updateLeadStatus"]
    assert update[2:4] == ["-H", "X-API-Key: YOUR_API_KEY"]
    assert json.loads(update[update.index("-d") + 1])["conversionId"] == "it's"
    read = curl_of(page, "getLead")
    assert read[:3] == ["curl", "-G", "https://leads.example.com/api/leads/getLead"]
    assert read[-2:] == ["--data-urlencode", "uniqueIdentifier=crm-lead-456"]
    assert not any("X-API-Key" in part for part in curl_of(page, "createLead"))
    assert "Authorization: Bearer YOUR_TOKEN" in curl_of(page, "/custom/text")


def test_text_of_the_description_is_escaped() -> None:
    evil = "<script>alert(1)</script>"
    call = {"summary": evil, "description": f"`{evil}` {evil} [x](javascript:alert)", "responses": {"200": {}}}
    html = render({"info": {"title": evil}, "paths": {f"/{evil}": {"get": call}}})
    assert "<script" not in html
    assert 'href="javascript' not in html
    assert "&lt;script&gt;" in html


def test_prose_knows_paragraphs_lists_code_bold_and_links() -> None:
    html = prose("One `a<b`\nline.\n\n- first\n  goes on\n- **second** [docs](https://example.com/?a=1&b=2)")
    assert html == (
        "<p>One <code>a&lt;b</code> line.</p><ul><li>first goes on</li>"
        '<li><strong>second</strong> <a href="https://example.com/?a=1&amp;b=2">docs</a></li></ul>'
    )
    assert prose("  \n ") == ""


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": ["string", "null"]}, "string or null"),
        ({"type": "array", "items": {"$ref": "#/components/schemas/Step"}}, "array of object"),
        ({"oneOf": [{"type": "integer"}, {"type": "string"}]}, "integer or string"),
        ({"const": 3}, "integer"),
        ({"enum": ["a", None]}, "string or null"),
        ({"$ref": "#/components/schemas/Created"}, "object"),
        ({}, "any"),
        (True, "any"),
    ],
)
def test_type_in_words(schema: Any, words: str) -> None:
    assert Schemas(SAMPLE).type_of(schema) == words


def test_rows_carry_depth_rules_and_alternatives() -> None:
    rows = {(row.depth, row.name): row for row in Schemas(SAMPLE).rows({"$ref": "#/components/schemas/NewLead"})}
    assert rows[0, "projectId"].required
    assert rows[0, "projectId"].type == "string or integer"
    assert rows[2, "ad_storage"].values == ('"granted"', '"denied"')
    assert rows[0, "uniqueIdentifier"].notes == ("default null", "at most 255 characters")
    assert rows[1, "JSON text"].kind == "variant"
    assert rows[1, "any other key"].type == "string"
    assert rows[2, "source"].type == "string"


def test_parts_of_all_of_are_one_table_in_their_order() -> None:
    rows = Schemas(SAMPLE).rows({"$ref": "#/components/schemas/Created"})
    assert [(row.name, row.required) for row in rows] == [("message", True), ("leadId", False)]


def test_schema_that_holds_itself_ends() -> None:
    schemas = Schemas(SAMPLE)
    rows = schemas.rows({"$ref": "#/components/schemas/Step"})
    assert [(row.depth, row.name) for row in rows] == [(0, "source"), (0, "before"), (1, "…")]
    assert "Step" in rows[-1].description
    assert schemas.example({"$ref": "#/components/schemas/Step"}) == {"source": "text", "before": None}


@pytest.mark.parametrize("reference", ["#/components/schemas/Nothing", "other.json#/x", "#/info/title/deeper"])
def test_reference_that_leads_nowhere_is_refused(reference: str) -> None:
    body = {"content": {"application/json": {"schema": {"$ref": reference}}}}
    broken = {**SAMPLE, "paths": {"/x": {"post": {"requestBody": body, "responses": {}}}}}
    with pytest.raises(ValueError, match=re.escape(reference)):
        render(broken)


def test_reference_that_leads_to_itself_is_refused() -> None:
    broken = {"components": {"schemas": {"A": {"$ref": "#/components/schemas/A"}}}}
    with pytest.raises(ValueError, match="back to itself"):
        Schemas(broken).resolve({"$ref": "#/components/schemas/A"})


def test_description_without_optional_parts_renders() -> None:
    page = Reader(render({"openapi": "3.1.0", "paths": {"/health": {"get": {"responses": {"204": {}}}}}}))
    assert ("summary", "204") not in page.texts
    assert ("span", "204") in page.texts
    assert page.open == []
