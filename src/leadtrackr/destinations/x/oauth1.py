"""OAuth 1.0a with HMAC-SHA1 (RFC 5849, section 3): the header that signs one request."""

import base64
import hashlib
import hmac
from collections.abc import Iterable
from urllib.parse import parse_qsl, quote, urlsplit

import msgspec

Pairs = Iterable[tuple[str, str]]


class Keys(msgspec.Struct, frozen=True):
    """The credentials of an app and of the user whose account it acts in."""

    consumer_key: str
    consumer_secret: str
    token: str
    token_secret: str


def authorization(method: str, url: str, keys: Keys, timestamp_s: int, nonce: str) -> str:
    """The value of the `Authorization` header. A body that is no form, such as JSON, is no part of what is signed."""
    oauth = {
        "oauth_consumer_key": keys.consumer_key,
        "oauth_nonce": nonce,
        "oauth_signature_method": "HMAC-SHA1",
        "oauth_timestamp": str(timestamp_s),
        "oauth_token": keys.token,
        "oauth_version": "1.0",
    }
    oauth["oauth_signature"] = signature(base_string(method, url, oauth.items()), keys)
    return "OAuth " + ", ".join(f'{name}="{encoded(value)}"' for name, value in sorted(oauth.items()))


def base_string(method: str, url: str, params: Pairs) -> str:
    """What is signed (section 3.4.1): method, address without its query, and all parameters in order.

    `params` are those of the header and of a form, the query's are taken from `url`.
    """
    parts = urlsplit(url)
    pairs = [*parse_qsl(parts.query, keep_blank_values=True), *params]
    in_order = "&".join(f"{name}={value}" for name, value in sorted((encoded(n), encoded(v)) for n, v in pairs))
    address = f"{parts.scheme}://{parts.netloc.lower()}{parts.path}"
    return "&".join((method.upper(), encoded(address), encoded(in_order)))


def signature(base: str, keys: Keys) -> str:
    """HMAC-SHA1 in base64 (section 3.4.2)."""
    key = f"{encoded(keys.consumer_secret)}&{encoded(keys.token_secret)}"
    # SHA-1 is what RFC 5849 and X prescribe; as a HMAC it is not broken.
    return base64.b64encode(hmac.new(key.encode(), base.encode(), hashlib.sha1).digest()).decode()


def encoded(text: str) -> str:
    """Percent-encoding as section 3.6 wants it: everything but letters, digits, `-`, `.`, `_` and `~`."""
    return quote(text, safe="-._~")
