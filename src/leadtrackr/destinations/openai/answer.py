"""Reading OpenAI's answers: the whole batch is taken or none of it, and no document says how a refusal is worded."""

from collections.abc import Iterator
from typing import Final

from leadtrackr.destinations.contract import Outcome, Refused, Response, Verdict, Whole
from leadtrackr.destinations.http_common import decode, outcome, transport_failure, unknown_failure
from leadtrackr.destinations.openai.codes import CODES

_HELD: Final = (401, 403, 404)
_WORDS: Final = ("message", "code", "type", "param", "detail")
_Json = dict[str, object]


def read(response: Response, n: int) -> Verdict:  # noqa: ARG001 - all or none: how many they were does not matter
    """The answer to n events. A refusal names none, so the engine finds the one at fault by sending halves."""
    return _read(response)


def _read(response: Response) -> Refused | Whole:
    body = decode(response.body, _Json)
    if not 200 <= response.status < 300:
        return _refusal(response, body or {})
    if body is None and response.body.strip():
        return Whole(outcome(CODES, "unreadable", f"HTTP {response.status} with a body that is no JSON object"))
    if body and (body.get("error") or body.get("errors")):
        return Refused(outcome(CODES, "invalid", _said(body)))
    return Whole(outcome(CODES, "ok"))


def _refusal(response: Response, body: _Json) -> Refused | Whole:
    words = _said(body)
    if failure := transport_failure(CODES, response, words):
        return Whole(failure)
    if response.status in _HELD:
        return Whole(outcome(CODES, str(response.status), f"HTTP {response.status}: {words}"))
    if response.status in (400, 413, 422):
        return Refused(outcome(CODES, "invalid", f"HTTP {response.status}: {words}"))
    return unknown_failure(CODES, response, words)


def _said(body: _Json) -> str:
    """Whatever words an answer has in the places where APIs put them; never an event that it may echo."""
    return " ".join(_words([body.get("error"), body.get("errors"), body.get("message"), body.get("detail")]))


def _words(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for one in value[:10]:
            yield from _words(one)
    elif isinstance(value, dict):
        for name in _WORDS:
            yield from _words(value.get(name))


def read_validated(response: Response) -> Outcome:
    """What OpenAI says to an event that it only looks at."""
    found = _read(response).outcome
    return outcome(CODES, "validated") if found.code == "ok" else found


def read_check(response: Response) -> Outcome:
    """Whether the API key is accepted: a list without events may be refused, but only after the key was looked at."""
    if response.status in (400, 422):
        return outcome(CODES, "check_ok")
    found = read_validated(response)
    return outcome(CODES, "check_ok") if found.code == "validated" else found
