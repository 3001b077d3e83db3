"""Reads one setting's text into its value. Errors never repeat the text, which may hold a password."""

import ipaddress
import tempfile
from pathlib import Path
from typing import NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

from leadtrackr.kit.errors import SettingError
from leadtrackr.kit.secretbox import SHORTEST_KEY, Secret
from leadtrackr.settings.catalogue import Range

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Database(NamedTuple):
    """Where the data is: the whole URL, the file on SQLite, and words for people without user and password."""

    url: Secret
    sqlite_path: Path | None
    place: str


def database(setting: str, text: str, start: Path, default: Path) -> Database:
    """A `postgresql://`, `postgres://` or `sqlite:///` URL; relative files start at `start`; the default is a file."""
    if not text:
        return sqlite_file(default)
    url = _split(setting, text)
    if url.scheme == "sqlite":
        return _sqlite(setting, url, start)
    if url.scheme not in {"postgresql", "postgres"}:
        raise SettingError(setting, "use a URL that starts with sqlite:/// or postgresql://.")
    if not url.path.strip("/"):
        raise SettingError(setting, "the URL names no database; write postgresql://user:password@host:5432/database.")
    if "@" in url.path or url.fragment:
        raise SettingError(setting, "write the password's special characters as %2F, %23, %3F or %40.")
    place = url.netloc.rpartition("@")[2] + unquote(url.path)
    return Database(Secret("postgresql" + text[len(url.scheme) :]), None, f"postgresql://{place}")


def sqlite_file(path: Path) -> Database:
    """The database in this file."""
    url = f"sqlite:///{path}"
    return Database(Secret(url), path, url)


def _sqlite(setting: str, url: SplitResult, start: Path) -> Database:
    name = url.path[1:]
    if url.netloc or url.query or url.fragment or not name:
        raise SettingError(setting, "write sqlite:/// and the path of a file, without options.")
    if ":memory:" in name:
        raise SettingError(setting, "a database in memory would lose its leads; name a file.")
    path = start / name
    if path.is_dir():
        raise SettingError(setting, f"{path} is a folder; name a file in it.")
    if not path.parent.is_dir():
        raise SettingError(setting, f"the folder {path.parent} does not exist; make it first.")
    return sqlite_file(path)


def base_url(setting: str, text: str) -> str:
    """An http or https address without a path, without a slash at its end."""
    address = _web_url(setting, text)
    if urlsplit(address).path:
        raise SettingError(setting, "leave out the path; LeadTrackr is served at the root of its host.")
    return address


def sandbox_url(setting: str, text: str) -> str | None:
    """An http or https address, without a slash at its end; None when it is unset."""
    return _web_url(setting, text) if text else None


def _web_url(setting: str, text: str) -> str:
    url = _split(setting, text)
    if url.scheme not in {"http", "https"} or not url.hostname:
        raise SettingError(setting, "use an address that starts with http:// or https:// and names a host.")
    if "@" in url.netloc or url.query or url.fragment:
        raise SettingError(setting, "leave out user, password, query and fragment; only the address is used.")
    return f"{url.scheme}://{url.netloc}{url.path.rstrip('/')}"


def smtp_url(setting: str, text: str) -> Secret | None:
    """An `smtp://` or `smtps://` address that names a host and may hold a password; None when it is unset."""
    if not text:
        return None
    url = _split(setting, text)
    if url.scheme not in {"smtp", "smtps"} or not url.hostname:
        raise SettingError(setting, "use smtp://user:password@host:587 or smtps://user:password@host:465.")
    return Secret(text)


def networks(setting: str, text: str) -> tuple[Network, ...]:
    """Addresses and CIDR networks, separated by commas; `none` is an empty list."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    return () if names == ["none"] else tuple(_network(setting, name) for name in names)


def _network(setting: str, name: str) -> Network:
    try:
        return ipaddress.ip_network(name)
    except ValueError as error:
        sentence = f"{name!r} is neither an address nor a network such as 10.0.0.0/8."
        if str(error).endswith("has host bits set"):
            sentence = f"{name!r} is not the start of its network; write {ipaddress.ip_network(name, strict=False)}."
        raise SettingError(setting, sentence) from error


def choice(setting: str, text: str, choices: tuple[str, ...]) -> str:
    """One of the words, in any case."""
    if text.lower() not in choices:
        raise SettingError(setting, f"use one of {', '.join(choices)}.")
    return text.lower()


def number(setting: str, text: str, bounds: Range) -> float:
    """A number within its bounds."""
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not bounds.low <= value <= bounds.high:
        raise SettingError(setting, f"use a number {bounds}.")
    return value


def whole_number(setting: str, text: str, bounds: Range) -> int:
    """A whole number within its bounds."""
    value = number(setting, text, bounds)
    if not value.is_integer():
        raise SettingError(setting, f"use a whole number {bounds}.")
    return int(value)


def writable_folder(setting: str, text: str, start: Path) -> Path:
    """The folder, made when it is missing; only its owner may enter a new one."""
    path = start / text
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            return path
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        raise SettingError(setting, f"{path} cannot be used as a folder to write to ({reason}).") from error


def keys(setting: str, text: str) -> tuple[Secret, ...]:
    """The keys of a comma-separated list, each fit for a SecretBox; empty when it is unset."""
    found = [key.strip() for key in text.split(",") if key.strip()]
    if any(len(key) < SHORTEST_KEY for key in found):
        raise SettingError(setting, f"each key must have at least {SHORTEST_KEY} characters.")
    return tuple(Secret(key) for key in found)


def _split(setting: str, text: str) -> SplitResult:
    try:
        url = urlsplit(text)
        url.port  # noqa: B018 - reading it is what checks it
    except ValueError:
        raise SettingError(setting, "the value is not a URL; look at its host and port.") from None
    if any(letter.isspace() for letter in text):
        raise SettingError(setting, "a URL holds no blanks; write %20 for each.")
    return url
