"""Calls that need the project's key, put together from what they answer."""

from collections.abc import Mapping
from typing import Final

from leadtrackr.api.openapi.answers import NO_KEY, faults, refused, said, too_large
from leadtrackr.api.openapi.parts import Schema, json_body, ref

_KEY: Final[list[Schema]] = [{"apiKey": []}]
_REFUSED: Final = {
    "400": "Something is missing or wrong; the message names it. Nothing was changed.",
    "404": "Not in this project.",
    "409": "It contradicts how things stand. Nothing was changed.",
}


def operation(
    tag: str,
    call: str,
    summary: str,
    words: str,
    found: tuple[str, str, Schema],
    refusals: Mapping[str, dict[str, str]],
) -> Schema:
    """A call with the answers that all have.

    `found` is the schema, a sentence and examples of the answer to it; `refusals` the sentences by status.
    """
    schema, sentence, examples = found
    return {
        "operationId": call,
        "tags": [tag],
        "summary": summary,
        "description": words,
        "security": _KEY,
        "responses": {
            "200": said(schema, sentence, examples),
            "401": refused("The key is missing or wrong.", NO_KEY),
            "403": refused("The key's project is inactive.", {"Inactive": "Project is inactive"}),
            **{status: refused(_REFUSED[status], titled) for status, titled in refusals.items() if titled},
        },
    }


def by_get(made: Schema, method: str, parameters: list[Schema]) -> Schema:
    """The call by GET; `method` is what its address takes."""
    return {**made, "parameters": parameters, "responses": _in_order({**made["responses"], **faults(method)})}


def by_post(made: Schema, method: str, name: str, examples: Schema, about: str) -> Schema:
    """The call by POST with a body of the schema of this name."""
    body = {"required": True, "description": about, "content": json_body(ref(name), examples)}
    responses = {**made["responses"], "413": too_large(), **faults(method)}
    return {**made, "requestBody": body, "responses": _in_order(responses)}


def _in_order(responses: Schema) -> Schema:
    return dict(sorted(responses.items()))
