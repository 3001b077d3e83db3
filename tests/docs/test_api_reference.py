"""docs/reference/api.md says what the OpenAPI description says, and its commands and bodies are whole."""

import json
import re
import shlex
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from leadtrackr.api.openapi import description

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "api.md").read_text()
DOCUMENT = description("http://127.0.0.1:8000")


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in DOCUMENT["paths"].items():
        for method, operation in item.items():
            yield method.upper(), path, operation


def commands() -> list[list[str]]:
    return [shlex.split(block.replace("\\\n", " ")) for block in re.findall(r"```sh\n(curl .*?)```", PAGE, re.DOTALL)]


def test_every_call_is_listed_with_its_statuses_in_their_order() -> None:
    rows = re.findall(r"^\| `(GET|POST) (/\S+)` \| ([^|]+) \| ([\d ]+) \|$", PAGE, re.MULTILINE)
    listed = [(method, path, sorted(statuses.split())) for method, path, _, statuses in rows]
    assert listed == [(method, path, sorted(operation["responses"])) for method, path, operation in operations()]


def test_calls_that_need_a_key_say_so() -> None:
    words: dict[str, list[dict[str, list[str]]]] = {
        "none": [],
        "yes": [{"apiKey": []}],
        "if the project has one": [{"apiKey": []}, {}],
    }
    rows = re.findall(r"^\| `(GET|POST) (/\S+)` \| ([^|]+) \|", PAGE, re.MULTILINE)
    assert {path: words[key] for _, path, key in rows} == {path: call["security"] for _, path, call in operations()}


def test_every_refusal_is_listed_and_no_other() -> None:
    described = {
        (status, example["value"]["message"])
        for _, _, operation in operations()
        for status, answer in operation["responses"].items()
        if int(status) >= 400
        for example in answer["content"]["application/json"]["examples"].values()
    }
    assert set(re.findall(r"^\| (\d{3}) \| `(.+?)` \|", PAGE, re.MULTILINE)) == described


def test_every_parameter_of_the_listing_is_in_its_table() -> None:
    table = PAGE.split("| Parameter |")[1].split("\n\n")[0]
    parameters = DOCUMENT["paths"]["/api/leads/getLeads"]["get"]["parameters"]
    assert re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE) == [node["name"] for node in parameters]


def test_bodies_are_json_and_messages_are_the_descriptions() -> None:
    bodies = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]
    assert len(bodies) == 3
    schemas = DOCUMENT["components"]["schemas"]
    known = {
        schemas[name]["properties"]["message"]["const"] for name in ("LeadCreated", "RatingQueued", "LeadReopened")
    }
    assert {body["message"] for body in bodies} == known


@pytest.mark.parametrize("command", commands(), ids=lambda command: command[-1][:20])
def test_commands_name_real_calls_and_send_json(command: list[str]) -> None:
    url = next(part for part in command if part.startswith("http://127.0.0.1:8000"))
    operation = DOCUMENT["paths"][url.removeprefix("http://127.0.0.1:8000")]
    if "-d" in command:
        assert set(json.loads(command[command.index("-d") + 1])) <= known_keys(operation["post"])
    else:
        given = {part.partition("=")[0] for name, part in pairwise(command) if "data" in name}
        assert given <= {node["name"] for node in operation["get"]["parameters"]}


def known_keys(operation: dict[str, Any]) -> set[str]:
    name = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    return set(DOCUMENT["components"]["schemas"][name]["properties"])
