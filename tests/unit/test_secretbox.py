"""Secrets never show themselves; what one key encrypts, any list with that key opens; the kept key is made once."""

import copy
import json
import logging
import os
import pickle
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import msgspec
import pytest
from cryptography.fernet import Fernet

from leadtrackr.kit.errors import LeadTrackrError, SettingError
from leadtrackr.kit.secretbox import Secret, SecretBox, UnreadableSecretError, keep_key, new_key

FERNET = "QmFzZTY0IG9mIDMyIGJ5dGVzLCB1c2VkIGFzIGl0IGk="
PASSPHRASE = "correct-horse-battery-staple-0123456789"


def test_secret_shows_stars_wherever_it_is_written(caplog: pytest.LogCaptureFixture) -> None:
    secret = Secret("hunter2")
    logging.getLogger("test").warning("%s %r", secret, [secret])
    written = [
        str(secret),
        repr([secret]),
        f"{secret} {secret:>10} {secret!r}",
        "{} %s".format(secret) % secret,  # noqa: UP032 - the old forms are what is tested
        json.dumps({"key": secret}, default=str),
        msgspec.json.encode({"key": secret}, enc_hook=str).decode(),
        repr(copy.deepcopy({"key": secret})),
        caplog.text,
    ]
    assert all("***" in text and "hunter2" not in text for text in written)
    assert secret.reveal() == "hunter2"


@pytest.mark.parametrize("encode", [json.dumps, msgspec.json.encode, pickle.dumps, "".join])
def test_secret_is_refused_where_it_would_be_written_without_asking(encode: object) -> None:
    assert callable(encode)
    with pytest.raises(TypeError):
        encode([Secret("hunter2")])


def test_secret_compares_by_value_and_cannot_be_changed() -> None:
    secret = Secret("a")
    assert secret == Secret("a")
    assert secret != Secret("b")
    assert secret != "a"
    assert len({secret, Secret("a"), Secret("b")}) == 2
    assert not Secret("")
    with pytest.raises(AttributeError):
        secret._value = "b"


@pytest.mark.parametrize("key", [FERNET, PASSPHRASE, "é" * 32])
def test_what_is_encrypted_comes_back(key: str) -> None:
    stored = SecretBox([key]).encrypt(Secret("Zoë's token"))
    assert "token" not in stored
    assert SecretBox([key]).decrypt(stored) == Secret("Zoë's token")
    assert SecretBox([key]).encrypt("plain text too") != SecretBox([key]).encrypt("plain text too")


def test_fernet_key_is_used_as_it_is() -> None:
    assert Fernet(FERNET).decrypt(SecretBox([FERNET]).encrypt("x")) == b"x"


def test_derived_key_stays_the_same_for_ever() -> None:
    stored = "gAAAAABlU_EAAQIDBAUGBwgJCgsMDQ4PEH8Ti3NDbmwBPd_SCOLaBl6e8fbeK4QlmGE1a32kx_xfIoE3QC7YPQd0MJdMyqBnRA=="
    assert SecretBox([PASSPHRASE]).decrypt(stored) == Secret("x")


def test_first_key_encrypts_and_all_decrypt() -> None:
    old, new = SecretBox([PASSPHRASE]), SecretBox([FERNET, PASSPHRASE])
    stored = old.encrypt("x")
    assert new.decrypt(stored) == Secret("x")
    rotated = new.rotate(stored)
    assert SecretBox([FERNET]).decrypt(rotated) == Secret("x")
    with pytest.raises(UnreadableSecretError, match="LEADTRACKR_SECRET_KEY"):
        old.decrypt(rotated)
    with pytest.raises(UnreadableSecretError):
        old.rotate(rotated)


@pytest.mark.parametrize("stored", ["", "nonsense", "gAAAAA", "é"])
def test_altered_text_is_a_sentence_not_a_crash(stored: str) -> None:
    with pytest.raises(UnreadableSecretError) as caught:
        SecretBox([FERNET]).decrypt(stored)
    assert isinstance(caught.value, LeadTrackrError)


@pytest.mark.parametrize("keys", [[], [""], ["short"], [FERNET, "x" * 31]])
def test_missing_or_short_keys_are_refused_without_showing_them(keys: list[str]) -> None:
    with pytest.raises(SettingError) as caught:
        SecretBox(keys)
    assert caught.value.setting == "LEADTRACKR_SECRET_KEY"
    assert "short" not in str(caught.value)


def test_key_is_made_once_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    first, made = keep_key(path)
    assert made
    assert keep_key(path) == (first, False)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["secret.key"]
    assert Fernet(first.reveal()).decrypt(SecretBox([first.reveal()]).encrypt("x")) == b"x"
    assert new_key() != new_key()


def test_starts_at_once_agree_on_one_key(tmp_path: Path) -> None:
    starts = 8
    together = Barrier(starts)

    def start(_number: int) -> tuple[Secret, bool]:
        together.wait()
        return keep_key(tmp_path / "secret.key")

    with ThreadPoolExecutor(starts) as pool:
        kept = list(pool.map(start, range(starts)))
    assert len({key for key, _ in kept}) == 1
    assert [made for _, made in kept].count(True) == 1
    assert os.listdir(tmp_path) == ["secret.key"]


@pytest.mark.parametrize("content", [b"", b"short\n", b"\xff\xfe" * 20])
def test_damaged_key_file_is_not_replaced(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "secret.key"
    path.write_bytes(content)
    with pytest.raises(SettingError, match=r"secret\.key"):
        keep_key(path)
    assert path.read_bytes() == content


def test_key_file_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="No such file"):
        keep_key(tmp_path / "missing" / "secret.key")
