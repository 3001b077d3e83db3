"""Addresses that people give: which belong to the public internet, and which this program may send to."""

import ipaddress
import re
from typing import Final
from urllib.parse import urlsplit

_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_NAT64_LOCAL: Final = ipaddress.IPv6Network("64:ff9b:1::/48")
_VISIBLE: Final = re.compile(r"[!-\[\]-~]+")
_NAME: Final = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9-]{1,63}\.?")
_NUMBER: Final = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)\.?")
_OWN: Final = ("localhost", "local", "internal", "localdomain", "home.arpa", "lan", "intranet", "private", "corp")
"""Ends of names that lead nowhere in the public internet."""
_PRIVATE: Final = "Enter a host of the public internet: nothing is sent to private addresses."


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public internet; an IPv4 address inside an IPv6 one is what counts."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ipaddress.IPv4Address(ip.packed[-4:]) if ip in _NAT64 else None)
        if inner is not None:
            return is_public(str(inner))
        if ip.is_site_local or ip in _NAT64_LOCAL:
            return False
    return ip.is_global and not ip.is_multicast


def fault_of_target(url: str) -> str:
    """What speaks against sending to this address, as a sentence; empty when nothing does.

    It must be https and must not name a host that is plainly private. A name is not resolved here, since it may resolve
    otherwise later: the HTTP client looks at the address that it really connects to.
    """
    if not _VISIBLE.fullmatch(url):
        return "Enter an address of visible ASCII letters, such as https://hooks.example.com/leads."
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return "Enter a whole address, such as https://hooks.example.com/leads."
    if parts.scheme != "https":
        return "Enter an address that begins with https://."
    if not host or "@" in parts.netloc or "#" in url:
        return "Enter an address with a host, and without a user, a password or a part behind #."
    return _fault_of_host(host)


def _fault_of_host(host: str) -> str:
    try:
        return "" if is_public(host) else _PRIVATE
    except ValueError:
        pass
    name = host.removesuffix(".")
    if name in _OWN or name.endswith(tuple(f".{end}" for end in _OWN)):
        return _PRIVATE
    if not _NAME.fullmatch(host) or _NUMBER.fullmatch(name.rpartition(".")[2]):
        return "Enter the host by its whole name, such as hooks.example.com."
    return ""
