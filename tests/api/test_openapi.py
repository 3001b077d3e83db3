"""The API's own description: whole, right, and the truth about the running server."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import jsonschema_rs
import pytest

from leadtrackr.api.app import ROUTES
from leadtrackr.api.openapi import description
from leadtrackr.api.reference import render
from leadtrackr.conversions import connections
from tests.api.conftest import Api, start
from tests.support import tables
from tests.support.program import Answer, Program

DOCUMENT: Final = description("https://leads.example.com")
CONFIG: Final = Path(__file__).with_name("schemathesis.toml")
ORDERED: Final = ("/api/conversions", "/api/connections")
"""The calls with orders; their refusals are provoked by the second table."""
LABEL: Final = "3fa85f64-5717-4562-b3fc-2c963f66afa6"
"""The conversion label of the description's examples."""


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in DOCUMENT["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def bodies() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every body that is described, with where."""
    for path, _, operation in operations():
        if "requestBody" in operation:
            yield f"{path} request", operation["requestBody"]["content"]
        for status, answer in operation["responses"].items():
            yield f"{path} {status}", answer["content"]


def whole(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema that carries what it refers to."""
    return {"components": DOCUMENT["components"], **schema}


def test_it_is_served(program: Program) -> None:
    answer = program.send("GET", "/api/openapi.json")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json == json.loads(json.dumps(description(program.settings.base_url)))


def test_every_route_is_described_and_nothing_else() -> None:
    assert {(path, method.upper()) for path, method, _ in operations()} == {
        (path, verb) for path, (verbs, _) in ROUTES.items() for verb in verbs.split(", ")
    }


def test_every_operation_says_the_statuses_that_all_have() -> None:
    for _, method, operation in operations():
        assert {"405", "500"} <= set(operation["responses"])
        assert ("413" in operation["responses"]) == (method == "post")
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", DOCUMENT["components"]["schemas"])
def test_schemas_are_schemas(name: str) -> None:
    jsonschema_rs.meta.validate(DOCUMENT["components"]["schemas"][name])


def test_examples_follow_their_schemas() -> None:
    seen = 0
    for where, content in bodies():
        for media in content.values():
            validator = jsonschema_rs.Draft202012Validator(whole(media["schema"]), validate_formats=True)
            for example in media.get("examples", {}).values():
                assert validator.is_valid(example["value"]), f"{where}: {example['summary']}"
                seen += 1
    assert seen > 100


def test_schemas_own_examples_follow_them() -> None:
    def look(schema: Any) -> None:
        if isinstance(schema, dict):
            for example in schema.get("examples", ()) if isinstance(schema.get("examples"), list) else ():
                assert jsonschema_rs.Draft202012Validator(whole(schema)).is_valid(example), example
            for part in schema.values():
                look(part)
        elif isinstance(schema, list):
            for part in schema:
                look(part)

    look(DOCUMENT["components"]["schemas"])


def test_page_shows_every_call_and_message() -> None:
    page = render(DOCUMENT)
    for path, _, operation in operations():
        assert path in page
        assert f'id="{operation["operationId"]}"' in page


def test_page_is_served(program: Program) -> None:
    answer = program.send("GET", "/api/docs")
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.body.startswith(b"<!doctype html>")


GETS: Final = ("get", "will", "/")
OF_A_LEAD: Final = ("getLead", "willCount")
JAN: Final = {"userData": {"firstName": "Jan"}}
Ask = Callable[[Api, str], Answer]


def deep(api: Api, call: str) -> Answer:
    return api.program.post(call, b'{"a":' * 300 + b"1" + b"}" * 300, api.key)


def inactive(api: Api, call: str) -> Answer:
    api.switch_off()
    body = {"projectId": api.number, **JAN, "leadId": 1, "conversionId": "lost"}
    return api.program.get(call, api.key, leadId=1) if call.startswith(GETS) else api.program.post(call, body, api.key)


def known(api: Api, **body: object) -> Answer:
    return api.rate({"leadId": api.create(firstName="Jan"), **body})


def twice(api: Api, headers: dict[str, str], *bodies: dict[str, object]) -> Answer:
    lead_id = api.create(firstName="Jan")
    return [api.rate({"leadId": lead_id, **body}, **headers) for body in bodies][-1]


def bare(api: Api, call: str, key: str | None) -> Answer:
    if call.startswith(GETS):
        return api.program.get(call, key, leadId=1)
    return api.program.post(call, {"projectId": api.number, **JAN, "conversionId": "lost"}, key)


REFUSALS: Final[dict[str, Ask]] = {
    "No JSON": lambda api, call: api.program.post(call, b"{", api.key),
    "Not UTF-8": lambda api, call: api.program.post(call, b'"\xff"', api.key),
    "No object": lambda api, call: api.program.post(call, [], api.key),
    "Nested too deeply": deep,
    "No project": lambda api, call: api.program.post(call, JAN, api.key),
    "Nothing in it": lambda api, call: api.post(call, {"userData": {}}, api.key),
    "uniqueIdentifier too long": lambda api, call: api.post(call, {**JAN, "uniqueIdentifier": "x" * 256}, api.key),
    "No userData": lambda api, call: api.post(call, {}, api.key),
    "No lead named": lambda api, call: (
        api.program.get(call, api.key) if call in OF_A_LEAD else api.rate({"conversionId": "lost"})
    ),
    "leadId is no number": lambda api, call: (
        api.program.get(call, api.key, leadId="x")
        if call in OF_A_LEAD
        else api.rate({"leadId": "x", "conversionId": "lost"})
    ),
    "No conversionId": lambda api, _: known(api),
    "conversionId that is no text": lambda api, _: api.rate({"leadId": 1, "conversionId": 5}),
    "Unknown conversionId": lambda api, call: (
        api.program.get(call, api.key, leadId=api.create(firstName="Jan"), conversionId="x")
        if call in OF_A_LEAD
        else known(api, conversionId="x")
    ),
    "price is no number": lambda api, _: known(api, conversionId="lost", price="1"),
    "price below 0": lambda api, _: known(api, conversionId="lost", price=-1),
    "price too large": lambda api, _: known(api, conversionId="lost", price=1e300),
    "An object where a text belongs": lambda api, _: api.rate({"email": {}, "conversionId": "lost"}),
    "Long Idempotency-Key": lambda api, _: api.rate({}, Idempotency_Key="k" * 256),
    "A job is pending": lambda api, _: twice(api, {}, {"conversionId": "lost"}, {"conversionId": "open"}),
    "Key used otherwise": lambda api, _: twice(
        api, {"Idempotency_Key": "k"}, {"conversionId": "lost"}, {"conversionId": "open"}
    ),
    "No key": lambda api, call: bare(api, call, None),
    "An unknown or revoked key": lambda api, call: bare(api, call, "ltk_unknown"),
    "An unknown or revoked key, or another project's": lambda api, call: bare(api, call, start(api.program).key),
    "Inactive": inactive,
    "No such project": lambda api, call: api.post(call, {**JAN, "projectId": "nobody"}, api.key),
    "No such lead": lambda api, call: (
        api.program.get(call, api.key, leadId=0)
        if call in OF_A_LEAD
        else api.rate({"leadId": 0, "conversionId": "lost"})
    ),
    "1 MiB, the default": lambda api, call: api.program.post(call, b" " * 1_048_577, api.key),
    "search, too short": lambda api, _: api.list(search="a"),
    "search, too long": lambda api, _: api.list(search="a" * 501),
}
"""How each refusal of the description is provoked, by its title; for the lists the title is the parameter."""
ELSEWHERE: Final = {"Fault", "PostgreSQL", "SQLite", "Wrong method"}
"""Provoked in test_away and test_transport."""


DRY_RUNS: Final = ("/plan", "/validate")
ORDER: Final = {"plan": True, "ids": [1]}


def order(body: dict[str, object]) -> Ask:
    return lambda api, path: api.program.post(path, body, api.key)


def filtered(name: str, value: object = "nonsense") -> Ask:
    """The filter of a listing, or the same of an order."""

    def ask(api: Api, path: str) -> Answer:
        if path.endswith(("/retry", "/cancel")):
            return api.program.post(path, {"plan": True, "filter": {name: value}}, api.key)
        return api.program.get(path, api.key, **{name: value})

    return ask


def planned(**values: object) -> Ask:
    """A dry run for a lead that is there, unless it is named otherwise."""

    def ask(api: Api, path: str) -> Answer:
        named = {} if "leadId" in values else {"leadId": api.create(firstName="Jan")}
        return api.program.post(path, {**named, **values}, api.key)

    return ask


def unknown(api: Api, path: str) -> Answer:
    if path.endswith(DRY_RUNS):
        return api.program.post(path, {"leadId": 0, "conversionId": "lost"}, api.key)
    if path.endswith("{id}"):
        return api.program.get(path.replace("{id}", "1"), api.key)
    # Other projects have a conversion 1, perhaps; this one has not.
    return api.program.post(path, {"ids": [1]}, api.key)


def keyless(key: str | None) -> Ask:
    return lambda api, path: (
        api.program.get(path.replace("{id}", "1"), key)
        if path.endswith(("conversions", "connections", "{id}"))
        else api.program.post(path, {"ids": [1]}, key)
    )


def closed(api: Api, path: str) -> Answer:
    api.switch_off()
    return keyless(api.key)(api, path)


def held(api: Api, path: str) -> Answer:
    """A connection whose platform does not take its credentials any more."""
    parts, meta = api.program.parts, {"dataset_id": "1234567890", "access_token": "t"}
    made = api.program.run(connections.connect(parts.db, parts.box, str(api.number), "meta", meta))
    tables.execute(api.url, "UPDATE connections SET state = 'held', hold_reason = 'credentials' WHERE id = ?", made.id)
    return api.program.post(path, {"id": made.id}, api.key)


CONVERSION_REFUSALS: Final[dict[str, Ask]] = {
    **{title: REFUSALS[title] for title in ("No JSON", "Not UTF-8", "No object", "Nested too deeply")},
    "1 MiB, the default": REFUSALS["1 MiB, the default"],
    "No key": keyless(None),
    "An unknown or revoked key": keyless("ltk_unknown"),
    "Inactive": closed,
    "No such conversion": unknown,
    "No such lead": unknown,
    "The id is no number": lambda api, path: api.program.get(path.replace("{id}", "x1"), api.key),
    "Neither ids nor filter": order({"plan": True}),
    "Both ids and filter": order({**ORDER, "filter": {"code": "x"}}),
    "Bad ids": order({"ids": ["1"]}),
    "Bad filter": order({"plan": True, "filter": {}}),
    "Odd filter": filtered("code", True),
    "Unknown key in an order": order({**ORDER, "Plan": True}),
    "plan is no boolean": order({**ORDER, "plan": "yes"}),
    "leadId is no number": lambda api, path: (
        api.program.post(path, {"leadId": "x", "conversionId": "lost"}, api.key)
        if path.endswith(DRY_RUNS)
        else filtered("leadId", "x")(api, path)
    ),
    "No lead named": order({"conversionId": "lost"}),
    "No conversionId": planned(),
    "conversionId that is no text": planned(leadId=1, conversionId=5),
    "Unknown conversionId": planned(conversionId="x"),
    "price is no number": planned(conversionId="lost", price="1"),
    "price below 0": planned(conversionId="lost", price=-1),
    "price too large": planned(conversionId="lost", price=1e300),
    "An object where a text belongs": order({"email": {}, "conversionId": "lost"}),
    "No id": order({}),
    "Bad id": order({"id": "1"}),
    "Unknown key in an order about a connection": order({"id": 1, "plan": True}),
    "No such connection": order({"id": 1}),
    "Held by something else": held,
}
"""How their refusals are provoked; the title of any other is the parameter."""
QUERIES: Final[dict[str, dict[str, object]]] = {
    "No lead named": {"leadId": "", "conversionId": "lost"},
    "leadId is no number": {"leadId": "x", "conversionId": "lost"},
    "No conversionId": {},
    "Unknown conversionId": {"conversionId": "x"},
    "price is no number": {"conversionId": "lost", "price": "much"},
    "price below 0": {"conversionId": "lost", "price": -1},
    "price too large": {"conversionId": "lost", "price": 1e300},
    "No such lead": {"leadId": 0, "conversionId": "lost"},
}
"""Those of the dry run whose lead and rating stand in the query."""


def conversion_refusals() -> Iterator[tuple[str, str, int, str, str]]:
    for path, method, operation in operations():
        for status, answer in operation["responses"].items():
            for example in answer["content"].get("application/json", {}).get("examples", {}).values():
                if path.startswith(ORDERED) and int(status) >= 400 and example["summary"] not in ELSEWHERE:
                    yield path, method, int(status), example["summary"], example["value"]["message"]


@pytest.mark.parametrize(("path", "method", "status", "title", "message"), sorted(conversion_refusals()))
def test_every_refusal_about_conversions_is_given_in_these_words_and_changes_nothing(
    api: Api, path: str, method: str, status: int, title: str, message: str
) -> None:
    if path.endswith("/plan") and method == "get" and title in QUERIES:
        answer = api.program.get(path, api.key, **{"leadId": api.create(firstName="Jan"), **QUERIES[title]})
    else:
        answer = CONVERSION_REFUSALS.get(title, filtered(title))(api, path)
    assert (answer.status, answer.message) == (status, message)
    assert tables.execute(api.url, "SELECT count(*) FROM deliveries WHERE project_id = ?", api.number) == [(0,)]


def refusals() -> Iterator[tuple[str, int, str, str]]:
    for path, _, operation in operations():
        if path.startswith(ORDERED):
            continue
        for status, answer in operation["responses"].items():
            for example in answer["content"].get("application/json", {}).get("examples", {}).values():
                if int(status) >= 400 and example["summary"] not in ELSEWHERE:
                    yield path.removeprefix("/api/leads/"), int(status), example["summary"], example["value"]["message"]


@pytest.mark.parametrize(("call", "status", "title", "message"), sorted(refusals()))
def test_every_refusal_is_given_in_these_words(api: Api, call: str, status: int, title: str, message: str) -> None:
    answer = REFUSALS[title](api, call) if title in REFUSALS else api.program.get(call, api.key, **{title: "nonsense"})
    assert (answer.status, answer.message) == (status, message)


def test_schemathesis_finds_nothing(alone: Callable[..., Program], tmp_path: Path) -> None:
    """All its checks in all its phases, by the description that the server gives of itself."""
    program = alone()
    # The examples name project 16 and one label, and must reach them.
    api = [start(program, "Qualified") for _ in range(16)][-1]
    assert api.number == 16
    tables.execute(api.url, "UPDATE labels SET conversion_id = ? WHERE id = ?", LABEL, api.labels[0].id)
    ran = subprocess.run(
        [
            *(Path(sys.executable).with_name("schemathesis"), "--config-file", CONFIG),
            *("run", f"{program.url}/api/openapi.json", "--url", program.url),
            *("--header", f"X-API-Key: {api.key}", "--checks", "all", "--no-color"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-8000:]
    chosen = re.search(r"(\d+) selected / (\d+) total", ran.stdout)
    assert chosen
    assert chosen[1] == chosen[2]
    assert api.count() > 0
    assert tables.execute(api.url, "SELECT count(*) FROM jobs")[0][0] > 0, "nothing was tried beyond the refusals"
