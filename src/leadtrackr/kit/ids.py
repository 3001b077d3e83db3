"""Identifiers and tokens. The source of randomness is injected, so that a test can repeat a run."""

import base64
import hashlib
import secrets
import uuid
from collections.abc import Callable
from typing import Final

_BASE32: Final = b"abcdefghijklmnopqrstuvwxyz234567"
_LETTERS: Final = _BASE32 * 8
"""For each byte one of 32 letters, each as likely as the others."""


class Ids:
    """Makes every identifier of the program."""

    def __init__(self, random_bytes: Callable[[int], bytes] = secrets.token_bytes) -> None:
        self._random_bytes = random_bytes

    def _text(self, letters: int) -> str:
        """So many random letters of base32, lower case: five bits each."""
        return self._random_bytes(letters).translate(_LETTERS).decode()

    def public_id(self) -> str:
        """A project's public id: a letter first, so that it is never mistaken for a number."""
        return "p" + self._text(16)

    def api_key(self) -> str:
        """A new API key; shown once, stored as `hash_key` of it."""
        return "ltk_" + self._text(40)

    def event_id(self) -> str:
        """The platform's dedup key of one conversion: 29 characters, never a bare number."""
        return "lt-" + self._text(26)

    def token(self) -> str:
        """A lease's fence token."""
        return self._text(24)

    def sign_in_token(self) -> str:
        """The secret of a login link or of a session, 200 random bits; stored as `hash_key` of it."""
        return self._text(40)

    def webhook_secret(self) -> str:
        """A secret to sign webhooks with, 256 random bits, in the form of Standard Webhooks."""
        return "whsec_" + base64.b64encode(self._random_bytes(32)).decode()

    def oauth_state(self) -> str:
        """The `state` of a platform's sign-in, 200 random bits; stored as `hash_key` of it."""
        return self._text(40)

    def oauth_verifier(self) -> str:
        """The code verifier of a platform's sign-in (RFC 7636): 52 characters, 260 random bits."""
        return self._text(52)

    def uuid(self) -> str:
        """A random UUID (version 4)."""
        return str(uuid.UUID(bytes=self._random_bytes(16), version=4))

    def fraction(self) -> float:
        """A number in [0, 1), for jitter."""
        return int.from_bytes(self._random_bytes(6), "big") / 2**48


def hash_key(key: str) -> str:
    """SHA-256 hex of an API key or sign-in token. They hold 200 random bits: a fast hash without salt is enough."""
    return hashlib.sha256(key.encode()).hexdigest()
