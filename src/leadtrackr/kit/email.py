"""E-mail addresses, for lookups. Each ad platform normalises further by its own rules."""

from typing import Final

LONGEST: Final = 320
"""Characters: 64 before the `@` and 255 after it (RFC 5321, 4.5.3.1)."""


def email_key(text: str) -> str | None:
    """The address trimmed and lower-cased; None without an `@` that has something on both sides, or when too long."""
    key = text.strip().lower()
    if len(key) > LONGEST:
        return None
    name, _, host = key.rpartition("@")
    return key if name and host else None
