"""SHA-256 as the ad platforms take it. What is hashed, and how it is normalised first, is each platform's own rule."""

import re
from hashlib import sha256
from typing import Final

_HASHED: Final = re.compile(r"[0-9a-fA-F]{64}")


def sha256_hex(text: str) -> str:
    """The digest of the text's UTF-8, 64 lower-case hexadecimal digits; no salt, since platforms compare digests."""
    return sha256(text.encode()).hexdigest()


def is_sha256_hex(text: str) -> bool:
    """Whether the text already looks like such a digest, in either case."""
    return len(text) == 64 and _HASHED.fullmatch(text) is not None
