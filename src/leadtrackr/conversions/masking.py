"""What is kept and shown of a request: its form, without secrets and without plain personal values. Pure."""

import re
from collections.abc import Callable, Sequence
from typing import Final

from leadtrackr.destinations.contract import Request

MASK: Final = "***"
SHOWN_HEADERS: Final = frozenset(
    {
        "accept",
        "content-type",
        "customeraccountid",
        "customerid",
        "linkedin-version",
        "user-agent",
        "webhook-id",
        "webhook-timestamp",
        "x-restli-method",
        "x-restli-protocol-version",
    }
)
"""Headers whose values hold no secret. Any other value is masked: a new platform's secrets need not be known here."""
_SCHEME: Final = re.compile(r"(Bearer|Basic) \S", re.IGNORECASE)


def masked_body(keys: Sequence[str]) -> Callable[[str], str]:
    """Masks the plain personal values of an event's JSON, which stand under these keys."""
    if not keys:
        return str
    found = re.compile(rf'"({"|".join(map(re.escape, keys))})"\s*:\s*"(?:[^"\\]|\\.)*"')
    return lambda text: found.sub(rf'"\1":"{MASK}"', text)


def head(request: Request) -> str:
    """The method, then a line for each header that the destination set, secret values masked.

    What every HTTP client adds by itself (host, length, what it accepts, its name) is left out.
    """
    lines = (f"{name.lower()}: {_value(name.lower(), value)}" for name, value in request.headers.items())
    return "\n".join([request.method, *lines])


def read_head(text: str) -> tuple[str, dict[str, str]]:
    """Method and headers as `head` wrote them; empty for an attempt that sent nothing."""
    method, *lines = text.split("\n")
    return method, {name: value for name, _, value in (line.partition(": ") for line in lines)}


def _value(name: str, value: str) -> str:
    if name in SHOWN_HEADERS:
        return value
    scheme = _SCHEME.match(value)
    return f"{scheme[1]} {MASK}" if scheme else MASK
