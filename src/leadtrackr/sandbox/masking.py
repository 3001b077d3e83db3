"""Secrets never reach the ledger: they are shown as ***."""

import re
from collections.abc import Mapping

from leadtrackr.sandbox.contract import BROKEN, Call
from leadtrackr.sandbox.words import words

MASK = "***"
_SECRET_FIELDS = words(
    "access_token api_secret appsecret_proof assertion client_secret code id_token password refresh_token token"
)
_SECRET_HEADERS = words("authorization proxy-authorization cookie access-token developertoken x-api-key x-goog-api-key")
_IN_TEXT = re.compile(rf"""\b({"|".join(sorted(_SECRET_FIELDS))})(["']?\s*[:=]\s*["']?)[^"'&\s,}}]+""", re.IGNORECASE)


def fields(values: Mapping[str, object]) -> dict[str, object]:
    """A copy of the mapping with its secret fields masked; platforms have theirs at the top level only."""
    return {name: MASK if name.lower() in _SECRET_FIELDS else value for name, value in values.items()}


def headers(values: Mapping[str, str]) -> dict[str, str]:
    """A copy of the headers with credentials masked."""
    return {name: MASK if _is_secret_header(name.lower()) else value for name, value in values.items()}


def _is_secret_header(name: str) -> bool:
    return name in _SECRET_HEADERS or "secret" in name or name.endswith("-token")


def body(call: Call) -> object:
    """The body as the ledger shows it: decoded JSON or form, else its text, else None; secrets masked."""
    if not call.body:
        return None
    if call.is_form:
        return fields(call.form)
    decoded = call.json
    if decoded is BROKEN:
        return _IN_TEXT.sub(rf"\1\2{MASK}", call.body.decode("utf-8", "replace"))
    return fields(decoded) if isinstance(decoded, dict) else decoded
