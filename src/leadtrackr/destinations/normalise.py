"""What is hashed, platform by platform. One person needs different digests per platform, so no rule is shared.

Input is a lead's data as `LeadData` holds it: e-mail trimmed and lower-cased, phone E.164 with `+`.
"""

import unicodedata

from leadtrackr.kit.hashing import is_sha256_hex, sha256_hex

_GMAIL = ("@gmail.com", "@googlemail.com")


def google_email(email: str) -> str:
    """Digest for the Data Manager API: no whitespace, lower case; at Gmail alone no dots and nothing from `+` on.

    A value that is a digest already passes. Source: Data Manager API, "Formatting guidelines".
    """
    address = "".join(email.split()).lower()
    if address.endswith(_GMAIL):
        local, _, domain = address.rpartition("@")
        address = f"{local.partition('+')[0].replace('.', '')}@{domain}"
    elif is_sha256_hex(address):
        return address
    return sha256_hex(address)


def google_phone(phone: str) -> str:
    """Digest for the Data Manager API: E.164 with `+`, as it is. Source: "Formatting guidelines"."""
    return sha256_hex(phone)


def ga4_email(email: str) -> str:
    """Digest for GA4: trimmed, lower case, at Gmail alone no dots (GA4 has no rule for `+`). Source: "uid-data"."""
    address = email.strip().lower()
    if address.endswith(_GMAIL):
        local, _, domain = address.rpartition("@")
        address = local.replace(".", "") + "@" + domain
    return sha256_hex(address)


def ga4_phone(phone: str) -> str:
    """Digest for GA4: digits with a `+` before them, which is E.164 as it is. Source: "uid-data"."""
    return sha256_hex(phone)


def meta_email(email: str) -> str:
    """Digest for Meta's `em`: trimmed, lower case. A digest passes, as in Meta's own SDK."""
    return _meta(email.strip().lower())


def meta_phone(phone: str) -> str:
    """Digest for Meta's `ph`: digits with the country code, no `+`, no zeros before them."""
    return sha256_hex(phone.lstrip("+0"))


def meta_name(name: str) -> str | None:
    """Digest for Meta's `fn` and `ln`: lower case, no punctuation, other scripts kept; None when nothing is left."""
    text = name.strip().lower()
    if not text.isalpha():
        kept = "".join(letter for letter in text if not unicodedata.category(letter).startswith("P"))
        text = kept.strip()
    return _meta(text) if text else None


def meta_country(country: str) -> str:
    """Digest for Meta's `country`: ISO 3166-1 alpha-2, lower case."""
    return sha256_hex(country.strip().lower())


def _meta(text: str) -> str:
    return text if is_sha256_hex(text) else sha256_hex(text)
