"""Secrets: one type that never shows itself, and the box that encrypts them for the database."""

import base64
import binascii
import hmac
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn, Self

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from leadtrackr.kit.errors import SettingError

SETTING: Final = "LEADTRACKR_SECRET_KEY"
SHORTEST_KEY: Final = 32
MASK: Final = "***"
_PURPOSE: Final = b"leadtrackr secret box 1"


class Secret:
    """A text that prints, formats and represents itself as `***`; only `reveal` gives the value.

    It is not a `str`, so no encoder writes the value by accident: `json.dumps(…, default=str)` and
    `msgspec.json.encode(…, enc_hook=str)` write `***`, both without a hook refuse, and so does pickle.
    """

    __slots__ = ("_value",)
    _value: str

    def __init__(self, value: str) -> None:
        object.__setattr__(self, "_value", value)

    def reveal(self) -> str:
        """The value itself. Call it where the value leaves for its one use, not before."""
        return self._value

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a secret cannot be changed")

    def __str__(self) -> str:
        return MASK

    def __repr__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        """Compares in constant time, and only with another secret."""
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled; pass the place where it is kept")


class UnreadableSecretError(SettingError):
    """A stored secret was written with a key that is not among the present ones, or was altered."""

    def __init__(self) -> None:
        super().__init__(
            SETTING,
            "a stored secret cannot be read with the present keys; "
            "add the key that it was written with to the end of the list, or enter the secret again.",
        )


class SecretBox:
    """Encrypts and decrypts secrets (Fernet: AES-128-CBC with HMAC-SHA-256). The first key encrypts, all decrypt.

    A key is a Fernet key (44 characters of URL-safe base64 that hold 32 bytes), used as it is, or any other string of
    at least 32 characters, from which HKDF-SHA-256 derives one. HKDF does not slow down guessing, so such a string must
    be random, as a password manager makes it, and not a sentence. SettingError when there is no key or a short one.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys:
            raise SettingError(SETTING, "at least one key is needed.")
        self._fernet = MultiFernet([_fernet(key) for key in keys])

    def encrypt(self, secret: Secret | str) -> str:
        """The secret as a text that is safe to store."""
        value = secret.reveal() if isinstance(secret, Secret) else secret
        return self._fernet.encrypt(value.encode()).decode("ascii")

    def decrypt(self, stored: str) -> Secret:
        """The secret of a stored text; UnreadableSecretError when no key fits."""
        try:
            return Secret(self._fernet.decrypt(stored.encode()).decode())
        except InvalidToken as error:
            raise UnreadableSecretError from error

    def rotate(self, stored: str) -> str:
        """The same secret, written with the first key; UnreadableSecretError when no key fits."""
        try:
            return self._fernet.rotate(stored.encode()).decode("ascii")
        except InvalidToken as error:
            raise UnreadableSecretError from error


def new_key() -> str:
    """A fresh random Fernet key."""
    return Fernet.generate_key().decode("ascii")


def keep_key(path: Path) -> tuple[Secret, bool]:
    """The key kept in the file, made first when there is none; the second value says whether it was made.

    Two processes that start at once end with one key: the whole content is written to a side file, and linking it to
    its name fails when the name is taken. SettingError when the file cannot be written or read, or holds no key.
    """
    try:
        made = not path.exists() and _create(path, new_key())
        key = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(SETTING, f"the key file {path} cannot be used ({_reason(error)}).") from error
    if len(key) < SHORTEST_KEY:
        raise SettingError(
            SETTING, f"the key file {path} holds no usable key; restore it from a backup, for it opens stored secrets."
        )
    return Secret(key), made


def _create(path: Path, text: str) -> bool:
    side = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(6).hex()}")
    handle = os.open(side, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(side, path)
        _sync_folder(path.parent)
    except FileExistsError:
        return False
    finally:
        side.unlink()
    return True


def _sync_folder(folder: Path) -> None:
    """The new name must outlive a power cut: secrets written with a lost key are lost."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or "it is not text"


def _fernet(key: str) -> Fernet:
    if len(key) < SHORTEST_KEY:
        raise SettingError(SETTING, f"a key must have at least {SHORTEST_KEY} characters; this one has {len(key)}.")
    return Fernet(key if _is_fernet_key(key) else _derive(key))


def _is_fernet_key(key: str) -> bool:
    try:
        return len(base64.b64decode(key, altchars=b"-_", validate=True)) == 32
    except (binascii.Error, ValueError):
        return False


def _derive(key: str) -> bytes:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE).derive(key.encode())
    return base64.urlsafe_b64encode(derived)
