"""From the environment and `.env` to checked settings."""

import difflib
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from leadtrackr.kit.dotenv import read_dotenv
from leadtrackr.kit.secretbox import Secret, SecretBox, keep_key
from leadtrackr.settings import catalogue, checks
from leadtrackr.settings.catalogue import PREFIX, SETTINGS


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings, checked. Paths are absolute, durations are seconds, sizes are bytes."""

    database_url: Secret
    """`sqlite:///…` or `postgresql://…`; may hold a password."""
    sqlite_path: Path | None
    """The database file; None on PostgreSQL."""
    database_place: str
    """The database for people: without user, password and options."""
    data_dir: Path
    secret_keys: tuple[Secret, ...]
    """At least one; the first encrypts, all decrypt."""
    base_url: str
    """Without a slash at its end."""
    sandbox_url: str | None
    """Without a slash at its end."""
    smtp_url: Secret | None
    trusted_proxies: tuple[checks.Network, ...]
    log_format: str
    log_level: str
    max_body_bytes: int
    lease_seconds: float
    poll_seconds: float
    warnings: tuple[str, ...]
    """Sentences to log at the start."""

    def secret_box(self) -> SecretBox:
        """The box that encrypts and decrypts stored secrets."""
        return SecretBox([key.reveal() for key in self.secret_keys])


def load(
    environ: Mapping[str, str] | None = None, directory: Path | None = None, terminal: bool | None = None
) -> Settings:
    """The settings of the environment and of `.env` in the directory; makes the data directory and the secret key.

    `directory` is where relative paths start (default: the current one); `terminal` says whether a person reads
    standard error (default: found out). SettingError for the first value that is wrong.
    """
    start = (directory or Path.cwd()).absolute()
    values = _given(os.environ if environ is None else environ, start)
    console = sys.stderr.isatty() if terminal is None else terminal

    def text(setting: str, default: str = "") -> tuple[str, str]:
        return setting, values.get(setting, default)

    data_dir = checks.writable_folder(*text("LEADTRACKR_DATA_DIR", catalogue.DATA_DIR), start)
    database = checks.database(*text("LEADTRACKR_DATABASE_URL"), start, data_dir / catalogue.DATABASE_FILE)
    plain = Settings(
        database_url=database.url,
        sqlite_path=database.sqlite_path,
        database_place=database.place,
        data_dir=data_dir,
        secret_keys=checks.keys(*text("LEADTRACKR_SECRET_KEY")),
        base_url=checks.base_url(*text("LEADTRACKR_BASE_URL", catalogue.BASE_URL)),
        sandbox_url=checks.sandbox_url(*text("LEADTRACKR_SANDBOX_URL")),
        smtp_url=checks.smtp_url(*text("LEADTRACKR_SMTP_URL")),
        trusted_proxies=checks.networks(*text("LEADTRACKR_TRUSTED_PROXIES")),
        log_format=checks.choice(
            *text("LEADTRACKR_LOG_FORMAT", "console" if console else "json"), catalogue.LOG_FORMATS
        ),
        log_level=checks.choice(*text("LEADTRACKR_LOG_LEVEL", catalogue.LOG_LEVEL), catalogue.LOG_LEVELS),
        max_body_bytes=checks.whole_number(
            *text("LEADTRACKR_MAX_BODY_BYTES", str(catalogue.BODY_BYTES.default)), catalogue.BODY_BYTES
        ),
        lease_seconds=checks.number(*text("LEADTRACKR_LEASE_SECONDS", str(catalogue.LEASE.default)), catalogue.LEASE),
        poll_seconds=checks.number(*text("LEADTRACKR_POLL_SECONDS", str(catalogue.POLL.default)), catalogue.POLL),
        warnings=_unknown(values) + _unused(values),
    )
    return plain if plain.secret_keys else _with_kept_key(plain)


def _given(environ: Mapping[str, str], start: Path) -> dict[str, str]:
    merged = read_dotenv(start / ".env") | dict(environ)
    return {name: value.strip() for name, value in merged.items() if name.startswith(PREFIX) and value.strip()}


def _unknown(values: Mapping[str, str]) -> tuple[str, ...]:
    names = [doc.name for doc in SETTINGS]
    return tuple(
        f"{name} is not a setting and is ignored; the nearest one is "
        f"{difflib.get_close_matches(name, names, n=1, cutoff=0)[0]}."
        for name in sorted(values.keys() - set(names))
    )


def _unused(values: Mapping[str, str]) -> tuple[str, ...]:
    unused = (doc.name for doc in SETTINGS if doc.help.startswith(catalogue.UNUSED) and doc.name in values)
    return tuple(f"{name} is set, and this version does not use it yet." for name in unused)


def _with_kept_key(settings: Settings) -> Settings:
    path = settings.data_dir / catalogue.KEY_FILE
    key, made = keep_key(path)
    warnings = settings.warnings
    if made and settings.sqlite_path is None:
        warnings += (f"{path} was made; machines that share this database need the same LEADTRACKR_SECRET_KEY.",)
    if os.name == "posix" and path.stat().st_mode & 0o077:
        warnings += (f"{path} can be read by others; run: chmod 600 {path}",)
    return replace(settings, secret_keys=(key,), warnings=warnings)
