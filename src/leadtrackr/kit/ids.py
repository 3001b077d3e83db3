"""Identifiers and tokens. The source of randomness is injected, so that a test can repeat a run."""

import base64
import hashlib
import secrets
import uuid
from collections.abc import Callable


class Ids:
    """Makes every identifier of the program."""

    def __init__(self, random_bytes: Callable[[int], bytes] = secrets.token_bytes) -> None:
        self._random_bytes = random_bytes

    def _text(self, size: int) -> str:
        return base64.b32encode(self._random_bytes(size)).decode("ascii").rstrip("=").lower()

    def public_id(self) -> str:
        """A project's public id: a letter first, so that it is never mistaken for a number."""
        return "p" + self._text(10)

    def api_key(self) -> str:
        """A new API key; shown once, stored as `hash_key` of it."""
        return "ltk_" + self._text(25)

    def event_id(self) -> str:
        """The platform's dedup key of one conversion: 29 characters, never a bare number."""
        return "lt-" + self._text(16)

    def token(self) -> str:
        """A lease's fence token."""
        return self._text(15)

    def uuid(self) -> str:
        """A random UUID (version 4)."""
        return str(uuid.UUID(bytes=self._random_bytes(16), version=4))

    def fraction(self) -> float:
        """A number in [0, 1), for jitter."""
        return int.from_bytes(self._random_bytes(6), "big") / 2**48


def hash_key(key: str) -> str:
    """SHA-256 hex of an API key. The keys hold 200 random bits, so a fast hash without salt is enough."""
    return hashlib.sha256(key.encode()).hexdigest()
