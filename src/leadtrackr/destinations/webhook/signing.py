"""Signing an event by Standard Webhooks 1.0.0: HMAC-SHA256 over id, time and body, with the secret's own bytes."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from leadtrackr.destinations.contract import Settings
from leadtrackr.kit.clock import SECOND

PREFIX: Final = "whsec_"
PATTERN: Final = rf"{PREFIX}[A-Za-z0-9+/]{{32,88}}={{0,2}}"
FORM: Final = f"Enter {PREFIX} and 24 to 64 random bytes in base64 behind it."
_KEY_BYTES: Final = range(24, 65)


def fault_of_secret(secret: str) -> str:
    """What is wrong with a secret, as a sentence; empty when nothing is."""
    try:
        return "" if len(_key(secret)) in _KEY_BYTES else FORM
    except binascii.Error:
        return FORM


@lru_cache(maxsize=64)
def _key(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix(PREFIX), validate=True)


def _keys_of(settings: Settings) -> tuple[bytes, ...]:
    """The keys that sign: the secret's and, while receivers change over, the former one's."""
    names = ("secret", "old_secret")
    return tuple(_key(settings[name]) for name in names if name in settings)


def signed(event_id: str, body: bytes, settings: Settings, now: int, _nonce: str) -> Mapping[str, str]:
    """The headers of one try: its time in whole seconds, and a signature for each secret."""
    at = str(now // SECOND)
    content = b".".join((event_id.encode(), at.encode(), body))
    signatures = (base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode() for key in _keys_of(settings))
    return {"webhook-timestamp": at, "webhook-signature": " ".join(f"v1,{one}" for one in signatures)}
