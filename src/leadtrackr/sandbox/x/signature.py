"""Verifying OAuth 1.0a signatures, strictly (RFC 5849, section 3)."""

import hmac
import re
from base64 import b64encode
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from leadtrackr.sandbox.contract import Call
from leadtrackr.sandbox.words import words
from leadtrackr.sandbox.world import MICROS

_PAIR = re.compile(r'([a-z_]+)="([^"]*)"').fullmatch
_ENCODED = re.compile(r"(?:[A-Za-z0-9._~-]|%[0-9A-F]{2})*").fullmatch
_UNRESERVED: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_REQUIRED: Final = words(
    "oauth_consumer_key oauth_nonce oauth_signature oauth_signature_method oauth_timestamp oauth_token"
)


class BadSignatureError(Exception):
    """The header or its signature is not right."""


class WrongTimeError(BadSignatureError):
    """The signature is too old or from the future."""


@dataclass(frozen=True, slots=True)
class Signed:
    """Who signed, and with what that may not come again."""

    consumer_key: str
    token: str
    nonce: str
    timestamp_s: int


def verify(call: Call, hosts: Iterable[str], secret_of: Callable[[str], str | None], skew_s: float) -> Signed:
    """Who signed the call. `BadSignatureError` when nobody did, or not for one of these hosts over https."""
    given = _read_header(call.headers.get("authorization", ""))
    if given["oauth_signature_method"] != "HMAC-SHA1" or given.get("oauth_version", "1.0") != "1.0":
        raise BadSignatureError("Unknown signature method or version.")
    if not given["oauth_timestamp"].isdigit() or not given["oauth_nonce"]:
        raise BadSignatureError("The timestamp is a number and the nonce is not empty.")
    timestamp_s = int(given["oauth_timestamp"])
    if abs(timestamp_s - call.at / MICROS) > skew_s:
        raise WrongTimeError("The timestamp is out of bounds.")
    key_secret, token_secret = secret_of(given["oauth_consumer_key"]), secret_of(given["oauth_token"])
    if key_secret is None or token_secret is None:
        raise BadSignatureError("The key or the token is not valid.")
    signed = {name: value for name, value in given.items() if name != "oauth_signature"}
    pairs = [*signed.items(), *call.query.items(), *(call.form.items() if call.is_form else ())]
    secret = f"{_escape(key_secret)}&{_escape(token_secret)}".encode()
    wanted = (_digest(secret, call.method, f"https://{host}{call.path}", pairs) for host in hosts)
    if not any(hmac.compare_digest(each, given["oauth_signature"].encode()) for each in wanted):
        raise BadSignatureError("The signature does not fit the request.")
    return Signed(given["oauth_consumer_key"], given["oauth_token"], given["oauth_nonce"], timestamp_s)


def _read_header(header: str) -> dict[str, str]:
    scheme, _, rest = header.partition(" ")
    if scheme.lower() != "oauth":
        raise BadSignatureError("There is no OAuth header.")
    found: dict[str, str] = {}
    for part in rest.split(","):
        pair = _PAIR(part.strip())
        if pair is None or not _ENCODED(pair[2]) or pair[1] in found:
            raise BadSignatureError("The OAuth header is not well formed.")
        found[pair[1]] = unquote(pair[2])
    if _REQUIRED - found.keys():
        raise BadSignatureError("The OAuth header is not complete.")
    return found


def _digest(secret: bytes, method: str, address: str, pairs: Iterable[tuple[str, str]]) -> bytes:
    escaped = sorted((_escape(name), _escape(value)) for name, value in pairs)
    text = "&".join("=".join(pair) for pair in escaped)
    base = "&".join(_escape(part) for part in (method, address, text))
    return b64encode(hmac.digest(secret, base.encode(), "sha1"))


def _escape(text: str) -> str:
    return "".join(chr(byte) if byte in _UNRESERVED else f"%{byte:02X}" for byte in text.encode())
