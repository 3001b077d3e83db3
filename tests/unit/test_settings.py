"""Settings: defaults, sources, and one sentence with the setting's name for each wrong value."""

import ipaddress
import os
import re
import stat
from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest

from leadtrackr import settings
from leadtrackr.kit.dotenv import read_dotenv
from leadtrackr.kit.errors import SettingError
from leadtrackr.kit.secretbox import Secret
from leadtrackr.settings import SETTINGS, Settings, load, settings_page
from leadtrackr.settings.catalogue import UNUSED

KEY = "0123456789abcdef0123456789abcdef"
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "settings.md"


def read(folder: Path, **values: str) -> Settings:
    return load({f"LEADTRACKR_{name}": value for name, value in values.items()}, folder, terminal=False)


def test_defaults(tmp_path: Path) -> None:
    settings = load({}, tmp_path, terminal=True)
    data = tmp_path / "data"
    assert settings.data_dir == data
    assert settings.sqlite_path == data / "leadtrackr.db"
    assert settings.database_url.reveal() == settings.database_place == f"sqlite:///{data}/leadtrackr.db"
    assert settings.base_url == "http://127.0.0.1:8000"
    assert (settings.sandbox_url, settings.smtp_url, settings.trusted_proxies) == (None, None, ())
    assert (settings.log_format, settings.log_level) == ("console", "info")
    assert (settings.max_body_bytes, settings.lease_seconds, settings.poll_seconds) == (1_048_576, 60, 1)
    assert settings.warnings == ()
    assert load({}, tmp_path, terminal=False).log_format == "json"


def test_settings_cannot_be_changed_and_show_no_secret(tmp_path: Path) -> None:
    settings = read(
        tmp_path,
        SECRET_KEY=KEY,
        DATABASE_URL="postgresql://user:hunter2@db/leads",
        SMTP_URL="smtp://user:hunter2@mail:587",
    )
    assert KEY not in repr(settings)
    assert "hunter2" not in repr(settings)
    with pytest.raises(FrozenInstanceError):
        settings.base_url = "http://other"  # type: ignore[misc]  # that it fails is what is tested


def test_secret_key_is_made_on_first_start_and_kept(tmp_path: Path) -> None:
    first, second = load({}, tmp_path), load({}, tmp_path)
    path = tmp_path / "data" / "secret.key"
    assert first.secret_keys == second.secret_keys == (Secret(path.read_text().strip()),)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert second.secret_box().decrypt(first.secret_box().encrypt("x")) == Secret("x")


def test_given_secret_keys_leave_the_file_alone(tmp_path: Path) -> None:
    settings = read(tmp_path, SECRET_KEY=f"{KEY}, {KEY[::-1]},")
    assert settings.secret_keys == (Secret(KEY), Secret(KEY[::-1]))
    assert os.listdir(tmp_path / "data") == []


def test_key_file_that_others_can_read_is_a_warning(tmp_path: Path) -> None:
    load({}, tmp_path)
    (tmp_path / "data" / "secret.key").chmod(0o644)
    (warning,) = load({}, tmp_path).warnings
    assert "chmod 600" in warning


def test_made_key_on_postgresql_is_a_warning_once(tmp_path: Path) -> None:
    (warning,) = read(tmp_path, DATABASE_URL="postgresql://db/leads").warnings
    assert "LEADTRACKR_SECRET_KEY" in warning
    assert read(tmp_path, DATABASE_URL="postgresql://db/leads").warnings == ()


def test_environment_wins_over_the_file_and_empty_is_unset(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        "LEADTRACKR_BASE_URL=https://file.example.com\nLEADTRACKR_LOG_LEVEL=debug\nOTHER=1\nLEADTRACKR_SMTP_URL=\n"
    )
    settings = read(tmp_path, BASE_URL="https://env.example.com/", SANDBOX_URL=" ")
    assert (settings.base_url, settings.log_level) == ("https://env.example.com", "debug")
    assert (settings.sandbox_url, settings.smtp_url, settings.warnings) == (None, None, ())


@pytest.mark.parametrize(
    ("url", "kept", "place"),
    [
        ("postgresql://u:p%40@db:5432/leads", "postgresql://u:p%40@db:5432/leads", "postgresql://db:5432/leads"),
        ("postgres://u:p@db/leads?sslmode=require", "postgresql://u:p@db/leads?sslmode=require", "postgresql://db/leads"),
        ("postgresql://postgres:@/postgres?host=/run/pg", "postgresql://postgres:@/postgres?host=/run/pg", "postgresql:///postgres"),
    ],
)  # fmt: skip
def test_postgresql_urls(tmp_path: Path, url: str, kept: str, place: str) -> None:
    settings = read(tmp_path, DATABASE_URL=url)
    assert (settings.database_url.reveal(), settings.database_place, settings.sqlite_path) == (kept, place, None)


def test_sqlite_urls(tmp_path: Path) -> None:
    assert read(tmp_path, DATABASE_URL="sqlite:///leads.db").sqlite_path == tmp_path / "leads.db"
    absolute = read(tmp_path / "data", DATABASE_URL=f"sqlite:///{tmp_path}/leads.db")
    assert absolute.sqlite_path == tmp_path / "leads.db"
    assert absolute.database_url.reveal() == f"sqlite:///{tmp_path}/leads.db"


def test_values_are_read_into_their_types(tmp_path: Path) -> None:
    settings = read(
        tmp_path,
        TRUSTED_PROXIES="127.0.0.1, 10.0.0.0/8 ,::1",
        SANDBOX_URL="http://127.0.0.1:8900/",
        SMTP_URL="smtps://u:p@mail.example.com:465",
        LOG_FORMAT="JSON",
        LEASE_SECONDS="2.5",
        POLL_SECONDS="0.05",
        MAX_BODY_BYTES="2048",
    )
    assert settings.trusted_proxies == tuple(map(ipaddress.ip_network, ("127.0.0.1/32", "10.0.0.0/8", "::1/128")))
    assert settings.sandbox_url == "http://127.0.0.1:8900"
    assert settings.smtp_url == Secret("smtps://u:p@mail.example.com:465")
    assert settings.log_format == "json"
    assert (settings.lease_seconds, settings.poll_seconds, settings.max_body_bytes) == (2.5, 0.05, 2048)
    assert read(tmp_path, TRUSTED_PROXIES="none").trusted_proxies == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://u:hunter2@db/leads"),
        ("DATABASE_URL", "postgresql://u:hunter2@db"),
        ("DATABASE_URL", "postgresql://u:hunter2@db:port/leads"),
        ("DATABASE_URL", "postgresql://u:12/hunter2@db/leads"),
        ("DATABASE_URL", "postgresql://u:12#hunter2@db/leads"),
        ("DATABASE_URL", "postgresql://u:hun ter2@db/leads"),
        ("DATABASE_URL", "hunter2.db"),
        ("DATABASE_URL", "sqlite://"),
        ("DATABASE_URL", "sqlite://hunter2.db"),
        ("DATABASE_URL", "sqlite:///:memory:"),
        ("DATABASE_URL", "sqlite:///x.db?mode=hunter2"),
        ("DATABASE_URL", "sqlite:///missing/x.db"),
        ("DATABASE_URL", "sqlite:///."),
        ("DATA_DIR", "file"),
        ("DATA_DIR", "file/below"),
        ("DATA_DIR", "/proc"),
        ("SECRET_KEY", "hunter2"),
        ("SECRET_KEY", f"{KEY},hunter2"),
        ("BASE_URL", "leads.example.com"),
        ("BASE_URL", "ftp://leads.example.com"),
        ("BASE_URL", "https://"),
        ("BASE_URL", "https://leads.example.com/path"),
        ("BASE_URL", "https://leads.example.com?x=hunter2"),
        ("BASE_URL", "https://[::1"),
        ("BASE_URL", "https://leads.example.com:99999"),
        ("SANDBOX_URL", "127.0.0.1:8900"),
        ("SANDBOX_URL", "http://u:hunter2@127.0.0.1:8900"),
        ("SMTP_URL", "mail.example.com:587"),
        ("SMTP_URL", "smtp://"),
        ("SMTP_URL", "https://u:hunter2@mail.example.com"),
        ("TRUSTED_PROXIES", "10.0.0.0/8, proxy.example.com"),
        ("TRUSTED_PROXIES", "10.0.0.1/8"),
        ("TRUSTED_PROXIES", "10.0.0.0/33"),
        ("LOG_FORMAT", "xml"),
        ("LOG_LEVEL", "loud"),
        ("MAX_BODY_BYTES", "1 MiB"),
        ("MAX_BODY_BYTES", "2048.5"),
        ("MAX_BODY_BYTES", "0"),
        ("LEASE_SECONDS", "0"),
        ("LEASE_SECONDS", "3601"),
        ("POLL_SECONDS", "nan"),
        ("POLL_SECONDS", "-1"),
    ],
)
def test_wrong_value_is_one_sentence_with_the_name(tmp_path: Path, name: str, value: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingError) as caught:
        read(tmp_path, **{name: value})
    assert caught.value.setting == f"LEADTRACKR_{name}"
    sentence = str(caught.value)
    assert sentence.startswith(f"LEADTRACKR_{name}: ")
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert "hunter2" not in sentence
    assert caught.value.__cause__ is None or "hunter2" not in str(caught.value.__cause__)


def test_network_that_starts_elsewhere_is_told_what_to_write(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"10\.0\.0\.0/8"):
        read(tmp_path, TRUSTED_PROXIES="10.0.0.1/8")


def test_unknown_name_is_a_warning_with_the_nearest_known_one(tmp_path: Path) -> None:
    (warning,) = read(tmp_path, DATABSE_URL="hunter2").warnings
    assert "LEADTRACKR_DATABSE_URL" in warning
    assert "LEADTRACKR_DATABASE_URL" in warning
    assert "hunter2" not in warning


def test_dotenv_forms(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text(
        "\ufeff# a comment\n\n"
        'A=plain\n  export B = spaced out  # comment\nC=\'single # "kept"\'\nD="two words" # comment\n'
        "E=\nF=a#b\nG=x=y\nA=again\nH=# only a comment\r\n",
        "utf-8",
    )
    assert read_dotenv(path) == {
        "A": "again",
        "B": "spaced out",
        "C": 'single # "kept"',
        "D": "two words",
        "E": "",
        "F": "a#b",
        "G": "x=y",
        "H": "",
    }
    assert read_dotenv(tmp_path / "missing") == {}


@pytest.mark.parametrize("content", [b"A=1\nhunter2\n", b"A=1\nB='hunter2\n", b"A=1\n1B=hunter2\n"])
def test_dotenv_line_without_meaning_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / ".env").write_bytes(content)
    with pytest.raises(SettingError, match="line 2") as caught:
        load({}, tmp_path)
    assert "hunter2" not in str(caught.value)


def test_dotenv_that_is_not_text_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"A=\xff\xfe")
    with pytest.raises(SettingError, match="UTF-8"):
        load({}, tmp_path)


def test_page_is_made_from_the_settings() -> None:
    assert PAGE.read_text("utf-8") == settings_page(), (
        "docs/reference/settings.md is behind; write what leadtrackr.settings.settings_page() gives"
    )


def test_every_setting_is_described_and_taken(tmp_path: Path) -> None:
    names = [doc.name for doc in SETTINGS]
    assert len(set(names)) == len(names)
    assert all(doc.help.endswith(".") and doc.default for doc in SETTINGS)
    for name in names:
        with pytest.raises(SettingError) as caught:
            load({name: "?" if name != "LEADTRACKR_DATA_DIR" else "/proc"}, tmp_path)
        assert caught.value.setting == name


def test_a_setting_that_nothing_goes_by_says_so(tmp_path: Path) -> None:
    """On the page and at the start; whoever begins to use it has to change its help."""
    source = Path(settings.__file__).parents[1]
    program = "".join(path.read_text() for path in source.rglob("*.py") if path.parent.name != "settings")
    # The data directory is gone by where the settings are read.
    unused = {field.name for field in fields(Settings) if not re.search(rf"\.{field.name}\b", program)} - {"data_dir"}
    said = {doc.name for doc in SETTINGS if doc.help.startswith(UNUSED)}
    assert said == {f"LEADTRACKR_{name.upper()}" for name in unused}
    assert read(tmp_path, SMTP_URL="smtp://mail.example.com:25").warnings == (
        "LEADTRACKR_SMTP_URL is set, and this version does not use it yet.",
    )
