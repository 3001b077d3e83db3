"""Reading TikTok's answers, by the code in the body alone: HTTP statuses come with the wrong meaning here.

A throttled request is answered with HTTP 401, and many refusals with HTTP 200.
"""

import re
from typing import Final

import msgspec

from leadtrackr.destinations.contract import Kind, Outcome, Refused, Response, Verdict, Whole
from leadtrackr.destinations.http_common import answered_at, decode, outcome, retry_after_s, transport_failure
from leadtrackr.destinations.tiktok.codes import CODES, THROTTLES, known
from leadtrackr.kit.clock import DAY, SECOND

_OF_A_DAY: Final = re.compile(r"\bQPD\b|\bdaily\b|\b(?:per|a) day\b", re.IGNORECASE)
_ABOUT_THE_LIST: Final = ("40000", "40002", "40061")
"""What TikTok may say to an empty list of events once it has accepted the token."""


class _Answer(msgspec.Struct):
    code: int
    message: str = ""
    request_id: str = ""


def read(response: Response, n: int) -> Verdict:
    """The answer to n events. Neither a refusal nor a part says which events it speaks of."""
    found = _outcome(response)
    if found.kind is Kind.REJECTED or (found.code == "20001" and n > 1):
        return Refused(found)
    return Whole(found)


def read_check(response: Response) -> Outcome:
    """Whether TikTok accepted the token: it then has nothing to complain of but the empty list."""
    found = _outcome(response)
    if found.code in ("ok", "20001", *_ABOUT_THE_LIST):
        return outcome(CODES, "check_ok", found.detail, reference=found.reference)
    return found


def _outcome(response: Response) -> Outcome:
    answer = decode(response.body, _Answer)
    if answer is None:
        # Without a code it is not the API that speaks, and its status says nothing of the events.
        return transport_failure(CODES, response) or outcome(CODES, "unreadable", f"HTTP {response.status}")
    if answer.code == 0:
        return outcome(CODES, "ok", reference=answer.request_id)
    words = f"{answer.code} {answer.message}"
    key = known(answer.code) or "unexpected"
    return outcome(CODES, key, words, reference=answer.request_id, pause_s=_pause_s(key, answer.message, response))


def _pause_s(key: str, message: str, response: Response) -> float | None:
    """A limit of a day ends with the day in UTC; a minute's and the others are open after the table's pause."""
    if CODES[key].kind is not Kind.RETRY:
        return None
    if (asked := retry_after_s(response)) is not None:
        return asked
    now = answered_at(response)
    if key not in THROTTLES or now is None or not _OF_A_DAY.search(message):
        return None
    return (DAY - now % DAY) / SECOND
