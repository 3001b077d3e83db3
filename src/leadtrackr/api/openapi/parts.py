"""Small pieces that the description is put together from."""

from typing import Any, Final

Schema = dict[str, Any]

KEY: Final[Schema] = {
    "type": "apiKey",
    "in": "header",
    "name": "X-API-Key",
    "description": "the API key of the project. Header names may be written in any case.",
}
NOON: Final = "2026-01-31T12:00:00.000Z"
_TIME: Final = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$"


def ref(name: str) -> Schema:
    """A pointer to one of the document's schemas."""
    return {"$ref": f"#/components/schemas/{name}"}


def exactly(properties: Schema, description: str = "") -> Schema:
    """An object with all of these keys and no others."""
    schema = {
        "type": "object",
        "required": list(properties),
        "properties": properties,
        "additionalProperties": False,
    }
    return {**schema, "description": description} if description else schema


def text(description: str = "", *examples: str, **rules: Any) -> Schema:
    """A string."""
    return _with({"type": "string", **rules}, description, examples)


def text_or_null(description: str, *examples: str) -> Schema:
    """A string, or null where there is none."""
    return _with({"type": ["string", "null"]}, description, examples)


def time(description: str) -> Schema:
    """A time as every answer gives it."""
    return text(description, NOON, pattern=_TIME)


def time_or_null(description: str) -> Schema:
    """The same, or null where there is none."""
    return {"type": ["string", "null"], "pattern": _TIME, "description": description}


def many(schema: Schema, description: str = "") -> Schema:
    """A list."""
    return _with({"type": "array", "items": schema}, description, ())


def anything(description: str, *examples: Any, **rules: Any) -> Schema:
    """A slot that takes every JSON type, with what is meant to stand there as examples."""
    return _with(dict(rules), description, examples)


def always(value: Any) -> Schema:
    """The one value."""
    return {"const": value}


def json_body(schema: Schema, examples: Schema) -> Schema:
    """The `content` of a JSON body; the examples by their titles."""
    named = {f"example{number}": {"summary": title, "value": value} for number, (title, value) in _numbered(examples)}
    return {"application/json": {"schema": schema, "examples": named}}


def _numbered(examples: Schema) -> list[tuple[int, tuple[str, Any]]]:
    return list(enumerate(examples.items(), start=1))


def _with(schema: Schema, description: str, examples: tuple[Any, ...]) -> Schema:
    if description:
        schema["description"] = description
    if examples:
        schema["examples"] = list(examples)
    return schema
