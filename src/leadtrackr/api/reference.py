"""The browsable API reference: one HTML page made from the OpenAPI 3.1 description. No script, no other host."""

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from leadtrackr.api.reference_prose import inline, prose
from leadtrackr.api.reference_schema import Json, Node, Row, Schemas

METHODS: Final = ("get", "post", "put", "patch", "delete", "head", "options", "trace")


@dataclass(frozen=True, slots=True)
class Sample:
    """An example body: its title (empty when there is but one) and its text."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Body:
    """What a request or an answer holds."""

    content_type: str
    type: str
    rows: list[Row]
    samples: list[Sample]
    required: bool = False
    description: str = ""

    @property
    def is_brief(self) -> bool:
        """Whether there are several samples of a line each, such as the sentences of a refusal."""
        return len(self.samples) > 1 and all("\n" not in sample.text for sample in self.samples)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A value in the path, the query, a header or a cookie."""

    where: str
    row: Row


@dataclass(frozen=True, slots=True)
class Answer:
    """One possible answer: its code, the code's name and what comes with it."""

    status: str
    title: str
    description: str
    headers: list[Row]
    body: Body | None


@dataclass(frozen=True, slots=True)
class Operation:
    """One call, whole."""

    anchor: str
    method: str
    path: str
    summary: str
    description: str
    deprecated: bool
    auth: list[str]
    parameters: list[Parameter]
    body: Body | None
    curl: str
    answers: list[Answer]


@dataclass(frozen=True, slots=True)
class Group:
    """The operations under one tag."""

    name: str
    description: str
    operations: list[Operation]


def render(openapi: Node) -> str:
    """The page. ValueError when a `$ref` of the description leads nowhere."""
    servers = openapi.get("servers") or [{"url": ""}]
    reader = _Reader(openapi, servers[0]["url"].rstrip("/"))
    schemes = openapi.get("components", {}).get("securitySchemes", {})
    page = _template().render(
        info={"title": "API", "version": "", "description": "", **openapi.get("info", {})},
        base_url=reader.base_url,
        groups=reader.groups(),
        schemes=[
            (reader.scheme_words(name), reader.resolve(node).get("description")) for name, node in schemes.items()
        ],
    )
    return page.lstrip()


class _Reader:
    """Turns the description into what the template shows."""

    def __init__(self, openapi: Node, base_url: str) -> None:
        self._openapi = openapi
        self._schemas = Schemas(openapi)
        self.resolve = self._schemas.resolve
        self.base_url = base_url

    def groups(self) -> list[Group]:
        """The operations by their first tag, in the order of `tags` and then of the paths."""
        declared = {tag["name"]: tag.get("description", "") for tag in self._openapi.get("tags", ())}
        found: dict[str, list[Operation]] = {name: [] for name in declared}
        for path, item in self._openapi.get("paths", {}).items():
            for method, operation in self._operations(item):
                tag = next(iter(operation.get("tags", ())), "Operations")
                found.setdefault(tag, []).append(self._operation(path, method, self.resolve(item), operation))
        return [Group(name, declared.get(name, ""), calls) for name, calls in found.items() if calls]

    def _operations(self, item: Node) -> Iterator[tuple[str, Node]]:
        node = self.resolve(item)
        return ((method, node[method]) for method in METHODS if method in node)

    def _operation(self, path: str, method: str, item: Node, operation: Node) -> Operation:
        parameters = self._parameters(item, operation)
        body = self._body(self.resolve(operation.get("requestBody", {})))
        return Operation(
            anchor=operation.get("operationId") or _anchor(f"{method}-{path}"),
            method=method.upper(),
            path=path,
            summary=operation.get("summary") or path,
            description=operation.get("description", ""),
            deprecated=operation.get("deprecated", False),
            auth=self._auth(operation),
            parameters=[self._parameter(node) for node in parameters],
            body=body,
            curl=self._curl(path, method, operation, parameters, body),
            answers=[self._answer(status, node) for status, node in operation.get("responses", {}).items()],
        )

    def _parameters(self, item: Node, operation: Node) -> list[Node]:
        """The path's parameters and the operation's, which win."""
        nodes = [self.resolve(node) for node in (*item.get("parameters", ()), *operation.get("parameters", ()))]
        return list({(node["in"], node["name"]): node for node in nodes}.values())

    def _parameter(self, node: Node) -> Parameter:
        return Parameter(node["in"], self._described(node["name"], node, required=node.get("required", False)))

    def _described(self, name: str, node: Node, *, required: bool) -> Row:
        return self._schemas.field(
            name, node.get("schema", {}), required=required, description=node.get("description", "")
        )

    def _security(self, operation: Node) -> list[Node]:
        security: list[Node] = operation.get("security", self._openapi.get("security", []))
        return security

    def _auth(self, operation: Node) -> list[str]:
        """The ways to be let in, one of which is enough; empty when anyone is."""
        ways = [" and ".join(self.scheme_words(name) for name in way) or "none" for way in self._security(operation)]
        return [] if ways == ["none"] else ways

    def _scheme(self, name: str) -> Node:
        return self.resolve({"$ref": f"#/components/securitySchemes/{name}"})

    def scheme_words(self, name: str) -> str:
        """A security scheme in words: `X-API-Key header`, `bearer token`."""
        scheme = self._scheme(name)
        if scheme["type"] == "apiKey":
            return f"{scheme['name']} {'query parameter' if scheme['in'] == 'query' else scheme['in']}"
        if scheme["type"] == "http":
            return "bearer token" if scheme["scheme"].lower() == "bearer" else f"HTTP {scheme['scheme']}"
        return name

    def _body(self, node: Node) -> Body | None:
        content = node.get("content", {})
        if not content:
            return None
        name = "application/json" if "application/json" in content else next(iter(content))
        schema = content[name].get("schema", {})
        return Body(
            content_type=name,
            type=self._schemas.type_of(schema),
            rows=self._schemas.rows(schema),
            samples=self._samples(content[name], schema),
            required=node.get("required", False),
            description=node.get("description", ""),
        )

    def _samples(self, media: Node, schema: Json) -> list[Sample]:
        if "examples" in media:
            named = [(name, self.resolve(node)) for name, node in media["examples"].items()]
            return [Sample(node.get("summary", name), _pretty(node.get("value"))) for name, node in named]
        value = media["example"] if "example" in media else self._schemas.example(schema)
        return [Sample("", _pretty(value))]

    def _answer(self, status: str, node: Node) -> Answer:
        node = self.resolve(node)
        headers = {name: self.resolve(header) for name, header in node.get("headers", {}).items()}
        return Answer(
            status=status,
            title=_status_title(status),
            description=node.get("description", ""),
            headers=[self._described(name, header, required=False) for name, header in headers.items()],
            body=self._body(node),
        )

    def _curl(self, path: str, method: str, operation: Node, parameters: list[Node], body: Body | None) -> str:
        """A command to paste into a shell: base URL, credentials, required and exemplified parameters, first sample."""
        query = [f"{node['name']}={self._parameter_example(node)}" for node in parameters if _is_shown(node, "query")]
        headers = [
            f"{node['name']}: {self._parameter_example(node)}" for node in parameters if _is_shown(node, "header")
        ]
        for node in parameters:
            if node["in"] == "path":
                value = quote(self._parameter_example(node), safe="")
                path = path.replace("{" + node["name"] + "}", value)
        for name in next(iter(self._security(operation)), {}):
            scheme = self._scheme(name)
            headers += _credential_header(scheme)
            query += [f"{scheme['name']}=YOUR_KEY"] if scheme.get("in") == "query" else []
        if body is not None:
            headers.append(f"Content-Type: {body.content_type}")
        if query and method != "get":
            path, query = f"{path}?{'&'.join(quote(pair, safe='=') for pair in query)}", []
        lines = [f"curl {_verb(method, body, query)}{shlex.quote(self.base_url + path)}"]
        lines += [f"-H {shlex.quote(header)}" for header in headers]
        lines += [f"--data-urlencode {shlex.quote(pair)}" for pair in query]
        lines += [f"-d {shlex.quote(_indented(body))}"] if body is not None else []
        return " \\\n  ".join(lines)

    def _parameter_example(self, node: Node) -> str:
        if "example" in node:
            value = node["example"]
        elif node.get("examples"):
            value = self.resolve(next(iter(node["examples"].values()))).get("value")
        else:
            value = self._schemas.example(node.get("schema", {}))
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _is_shown(node: Node, where: str) -> bool:
    return node["in"] == where and (node.get("required", False) or "example" in node or bool(node.get("examples")))


def _indented(body: Body) -> str:
    """The first sample; JSON is indented as the rest of the command is, which changes nothing of its meaning."""
    text = body.samples[0].text
    return text.replace("\n", "\n  ") if body.content_type == "application/json" else text


def _verb(method: str, body: Body | None, query: list[str]) -> str:
    if method == "get":
        return "-G " if query else ""
    return "" if method == "post" and body is not None else f"-X {method.upper()} "


def _credential_header(scheme: Node) -> list[str]:
    if scheme["type"] == "apiKey" and scheme["in"] == "header":
        return [f"{scheme['name']}: YOUR_API_KEY"]
    if scheme["type"] == "http" and scheme["scheme"].lower() == "bearer":
        return ["Authorization: Bearer YOUR_TOKEN"]
    return []


def _status_title(status: str) -> str:
    try:
        return HTTPStatus(int(status)).phrase
    except ValueError:
        return "any other" if status == "default" else ""


def _anchor(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _pretty(value: Json) -> str:
    if isinstance(value, str):
        return value
    short = isinstance(value, dict) and len(value) == 1 and not isinstance(next(iter(value.values())), dict | list)
    return json.dumps(value, ensure_ascii=False, indent=None if short else 2)


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("leadtrackr.api"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(prose=prose, inline=inline)
    return environment.get_template("reference.html")
