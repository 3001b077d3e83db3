"""JSON Schema as an OpenAPI 3.1 description uses it, made readable: rows for a table, and an example value."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

Json = Any
"""A decoded JSON value."""
Node = Mapping[str, Json]

_DEEPEST: Final = 8
_BY_FORMAT: Final[Mapping[str, str]] = {
    "date-time": "2026-01-31T12:00:00.000Z",
    "date": "2026-01-31",
    "email": "jane@example.com",
    "uuid": "3fa85f64-5717-4562-b3fc-2c963f66afa6",
    "uri": "https://example.com/",
    "ipv4": "203.0.113.7",
}
_BY_TYPE: Final[Mapping[str, Json]] = {"string": "text", "integer": 1, "number": 1.5, "boolean": True}
_BOUNDS: Final = (
    ("format", "format {}"),
    ("minLength", "at least {} characters"),
    ("maxLength", "at most {} characters"),
    ("minimum", "≥ {}"),
    ("exclusiveMinimum", "> {}"),
    ("maximum", "≤ {}"),
    ("exclusiveMaximum", "< {}"),
    ("multipleOf", "a multiple of {}"),
    ("minItems", "at least {} items"),
    ("maxItems", "at most {} items"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a schema's table; `depth` counts the objects around it. `kind` is `field` or `variant`."""

    depth: int
    name: str
    type: str
    required: bool = False
    description: str = ""
    notes: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    """The only values allowed, as JSON."""
    kind: str = "field"
    deprecated: bool = False


class Schemas:
    """Reads the schemas of one OpenAPI description and follows its `$ref`s."""

    def __init__(self, document: Node) -> None:
        self._document = document

    def resolve(self, node: Node) -> Node:
        """The node, or what its `$ref` points at, with the siblings of the `$ref` laid over it (OpenAPI 3.1).

        ValueError when the `$ref` is not local or leads nowhere.
        """
        seen: set[str] = set()
        while "$ref" in node:
            reference = node["$ref"]
            if reference in seen:
                raise ValueError(f"the reference {reference} leads back to itself")
            seen.add(reference)
            node = {**self._find(reference), **{key: value for key, value in node.items() if key != "$ref"}}
        return node

    def _find(self, reference: str) -> Node:
        node: Json = self._document
        for part in reference.removeprefix("#/").split("/"):
            key = part.replace("~1", "/").replace("~0", "~")
            if not reference.startswith("#/") or not isinstance(node, Mapping) or key not in node:
                raise ValueError(f"the reference {reference} leads nowhere in this description")
            node = node[key]
        return node if isinstance(node, Mapping) else {}

    def flat(self, schema: Json) -> Node:
        """The schema with its reference followed and the parts of `allOf` laid together."""
        if not isinstance(schema, Mapping):
            return {}
        node = self.resolve(schema)
        if "allOf" not in node:
            return node
        own = {key: value for key, value in node.items() if key != "allOf"}
        parts = [*(self.flat(part) for part in node["allOf"]), own]
        merged = {key: value for part in parts for key, value in part.items()}
        merged["properties"] = {name: inner for part in parts for name, inner in part.get("properties", {}).items()}
        merged["required"] = [name for part in parts for name in part.get("required", ())]
        return merged

    def type_of(self, schema: Json) -> str:
        """The type in words: `string`, `array of object`, `string or null`, `integer or string`."""
        node = self.flat(schema)
        parts = [self._type_word(name, node) for name in _types(node)]
        parts += [self.type_of(variant) for variant in _variants(node)]
        if not parts and node.get("examples"):
            # A slot that takes everything still has something that is meant to stand there.
            return f"{_type_of_value(node['examples'][0])}, or any other"
        return " or ".join(dict.fromkeys(parts)) or "any"

    def _type_word(self, name: str, node: Node) -> str:
        return f"array of {self.type_of(node['items'])}" if name == "array" and "items" in node else name

    def rows(self, schema: Json) -> list[Row]:
        """The fields below the schema itself, each followed by its own."""
        return list(self._below(schema, 0, ()))

    def field(self, name: str, schema: Json, *, required: bool, description: str = "", depth: int = 0) -> Row:
        """The row of one value, such as a parameter."""
        node = self.flat(schema)
        return Row(
            depth,
            name,
            self.type_of(schema),
            required,
            description or node.get("description", ""),
            tuple(_notes(node)),
            tuple(_text(value) for value in _allowed(node)),
            deprecated=node.get("deprecated", False),
        )

    def _below(self, schema: Json, depth: int, path: tuple[str, ...]) -> Iterator[Row]:
        reference = schema.get("$ref", "") if isinstance(schema, Mapping) else ""
        if reference in path or depth > _DEEPEST:
            name = reference.rpartition("/")[2] or "…"
            yield Row(depth, "…", "object", description=f"The fields of {name} again, as above.", kind="variant")
            return
        path = (*path, reference) if reference else path
        node = self.flat(schema)
        yield from self._properties(node, depth, path)
        yield from self._variant_rows(node, depth, path)
        if "items" in node:
            yield from self._below(node["items"], depth, path)

    def _properties(self, node: Node, depth: int, path: tuple[str, ...]) -> Iterator[Row]:
        required = node.get("required", ())
        for name, schema in node.get("properties", {}).items():
            yield self.field(name, schema, required=name in required, depth=depth)
            yield from self._below(schema, depth + 1, path)
        extra = node.get("additionalProperties")
        if isinstance(extra, Mapping) or (extra is True and "properties" in node):
            described = extra.get("description", "") if isinstance(extra, Mapping) else ""
            yield self.field("any other key", extra, required=False, description=described, depth=depth)
            yield from self._below(extra, depth + 1, path)

    def _variant_rows(self, node: Node, depth: int, path: tuple[str, ...]) -> Iterator[Row]:
        """Alternatives are listed when they say more than the type's words do; one beside null is no alternative."""
        variants = [variant for variant in _variants(node) if _types(self.flat(variant)) != ["null"]]
        if len(variants) == 1:
            yield from self._below(variants[0], depth, path)
            return
        for number, variant in enumerate(variants, start=1):
            inner = self.flat(variant)
            below = list(self._below(variant, depth + 1, path))
            row = self.field(inner.get("title", f"alternative {number}"), variant, required=False, depth=depth)
            if below or row.description or row.values or row.notes:
                yield Row(row.depth, row.name, row.type, False, row.description, row.notes, row.values, "variant")
                yield from below

    def example(self, schema: Json, path: tuple[str, ...] = ()) -> Json:
        """A value that the schema allows: the one it gives as an example, or one made from its parts."""
        reference = schema.get("$ref", "") if isinstance(schema, Mapping) else ""
        if len(path) > _DEEPEST or (reference and reference in path):
            return None
        path = (*path, reference)
        node = self.flat(schema)
        for key in ("example", "default", "const"):
            if key in node:
                return node[key]
        for key in ("examples", "enum"):
            if node.get(key):
                return node[key][0]
        variants = _variants(node)
        if "properties" not in node and variants:
            return self.example(variants[0], path)
        return self._made(node, path)

    def _made(self, node: Node, path: tuple[str, ...]) -> Json:
        kind = next(iter(_types(node)), None)
        if kind == "object":
            return {name: self.example(part, path) for name, part in node.get("properties", {}).items()}
        if kind == "array":
            return [self.example(node["items"], path)] if "items" in node else []
        if kind == "string":
            return _BY_FORMAT.get(node.get("format", ""), _BY_TYPE["string"])
        return node.get("minimum", _BY_TYPE.get(kind)) if kind else None


def _types(node: Node) -> list[str]:
    declared = node.get("type")
    if declared is None:
        if "const" in node or "enum" in node:
            return list(dict.fromkeys(_type_of_value(value) for value in _allowed(node)))
        return ["object"] if "properties" in node else []
    return [declared] if isinstance(declared, str) else list(declared)


def _type_of_value(value: Json) -> str:
    names = {type(None): "null", bool: "boolean", int: "integer", float: "number", str: "string", list: "array"}
    return names.get(type(value), "object")


def _variants(node: Node) -> list[Json]:
    return [*node.get("oneOf", ()), *node.get("anyOf", ())]


def _allowed(node: Node) -> list[Json]:
    return [node["const"]] if "const" in node else list(node.get("enum", ()))


def _notes(node: Node) -> Iterator[str]:
    if "default" in node:
        yield f"default {_text(node['default'])}"
    for key, words in _BOUNDS:
        if key in node:
            yield words.format(node[key])


def _text(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)
