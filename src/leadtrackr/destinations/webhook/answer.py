"""Reading a receiver's answers: the status is all that counts.

Source: standardwebhooks.com, the specification: success is 2xx, 410 disables, 429, 502 and 504 throttle.
"""

from collections.abc import Mapping
from typing import Final

from leadtrackr.destinations.contract import (
    HTTP_CODES,
    Action,
    Code,
    Kind,
    Outcome,
    Response,
    Scope,
    Verdict,
    Whole,
)
from leadtrackr.destinations.http_common import outcome, retry_after_s, transport_failure
from leadtrackr.destinations.rows import held, taken

_AGAIN_THREE_DAYS: Final = "it is tried again for three days."
CODES: Final[Mapping[str, Code]] = {
    **HTTP_CODES,
    "ok": taken("The receiver took the event.", "Nothing to do: it was sent."),
    "check_ok": taken("The receiver took a signed test event of the type ping.", "Nothing to do: it is connected."),
    "gone": held(
        "configuration",
        "The receiver says that this address is gone for good, so nothing more is sent to it.",
        "Enter the receiver's new address in the connection, or resume the connection once it takes events again.",
    ),
    "unauthorized": held(
        "credentials",
        "The receiver does not accept the signature.",
        "Enter the same signing secret here and at the receiver, and check the receiver's clock.",
    ),
    "redirect": Code(
        Kind.RETRY,
        "The receiver sends on to another address, which is never followed.",
        "Enter the address itself in the connection; until then this one is tried again.",
        scope=Scope.DESTINATION,
        action=Action.YOU_ACT,
    ),
    "refused": Code(
        Kind.RETRY,
        "The receiver refused the event.",
        f"Look at the receiver's own log for the event id; {_AGAIN_THREE_DAYS}",
        action=Action.YOU_ACT,
    ),
    "failed": Code(
        Kind.RETRY,
        "The receiver failed over the event.",
        f"Look at the receiver's own log for the event id; {_AGAIN_THREE_DAYS}",
        action=Action.YOU_ACT,
    ),
}
_OF_THE_RECEIVER: Final = frozenset({408, 429, 502, 503, 504})
"""Answers that say something of the receiver as a whole, whatever the event."""


def read(response: Response, _n: int) -> Verdict:
    """The answer to one event."""
    return Whole(_outcome(response))


def read_check(response: Response) -> Outcome:
    """The same for the test event."""
    found = _outcome(response)
    return outcome(CODES, "check_ok") if found.code == "ok" else found


def _outcome(response: Response) -> Outcome:
    """Any 2xx is success and nothing else is. What the receiver says is not kept: it may repeat what it was sent."""
    words, pause_s = f"HTTP {response.status}", retry_after_s(response)
    if 200 <= response.status < 300:
        return outcome(CODES, "ok")
    if response.status in _OF_THE_RECEIVER and (failure := transport_failure(CODES, response)):
        return failure
    if response.status == 410:
        return outcome(CODES, "gone", words)
    if response.status == 401:
        return outcome(CODES, "unauthorized", words)
    if 300 <= response.status < 400:
        return outcome(CODES, "redirect", words, pause_s=pause_s)
    if 400 <= response.status < 500:
        return outcome(CODES, "refused", words, pause_s=pause_s)
    if response.status >= 500:
        return outcome(CODES, "failed", words, pause_s=pause_s)
    return outcome(CODES, "unreadable", words)
