"""The names, defaults and help texts of the settings: the one source for the program and its documentation."""

from typing import Final, NamedTuple

PREFIX: Final = "LEADTRACKR_"
KEY_FILE: Final = "secret.key"
DATABASE_FILE: Final = "leadtrackr.db"
LOG_FORMATS: Final = ("console", "json")
LOG_LEVELS: Final = ("debug", "info", "warning", "error")


class SettingDoc(NamedTuple):
    """One setting for people: name, default and help, as the documentation shows them."""

    name: str
    default: str
    help: str


class Range(NamedTuple):
    """A number's default and bounds, both bounds allowed."""

    default: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"from {self.low:.10g} to {self.high:.10g}"


BODY_BYTES: Final = Range(1_048_576, 1_024, 104_857_600)
LEASE: Final = Range(60, 1, 3_600)
POLL: Final = Range(1, 0.05, 60)
DATA_DIR: Final = "./data"
BASE_URL: Final = "http://127.0.0.1:8000"
LOG_LEVEL: Final = "info"
UNUSED: Final = "Not used yet:"
"""How the help of a setting begins that is read and checked, and that nothing in this version goes by."""

SETTINGS: Final[tuple[SettingDoc, ...]] = (
    SettingDoc(
        "LEADTRACKR_DATABASE_URL",
        f"`sqlite:///<data dir>/{DATABASE_FILE}`",
        "Where everything is stored: `sqlite:///folder/file.db` (relative), `sqlite:////folder/file.db` (absolute), or "
        "`postgresql://user:password@host:5432/database`. `postgres://` means the same as `postgresql://`.",
    ),
    SettingDoc(
        "LEADTRACKR_DATA_DIR",
        f"`{DATA_DIR}`",
        f"The folder of the SQLite database and of `{KEY_FILE}`. It is made when it is missing, and must be writable.",
    ),
    SettingDoc(
        "LEADTRACKR_SECRET_KEY",
        f"made on first start and kept in `{KEY_FILE}` in the data directory, mode 0600",
        "Encrypts the stored secrets of destinations. A Fernet key, or any random string of at least 32 characters; "
        "several, separated by commas, for rotation: the first encrypts, all decrypt. When it is set, the file is not "
        "read, so put the key of the file at the end of the list. Machines that share a database must share the keys.",
    ),
    SettingDoc(
        "LEADTRACKR_BASE_URL",
        f"`{BASE_URL}`",
        "The address at which people and programs reach this server: scheme, host and port, without a path.",
    ),
    SettingDoc(
        "LEADTRACKR_SANDBOX_URL",
        "unset",
        "When set, nothing is sent to a real platform: every destination is called at `<url>/<destination>/…` with the "
        "platform's own path behind it, and the dashboard says so on every page.",
    ),
    SettingDoc(
        "LEADTRACKR_SMTP_URL",
        "unset",
        f"{UNUSED} this version sends no mail, also not to the log. Kept for the mail server of one that does: "
        "`smtp://user:password@host:587`, or `smtps://user:password@host:465`; a value of another form is refused.",
    ),
    SettingDoc(
        "LEADTRACKR_TRUSTED_PROXIES",
        "none",
        "The proxies in front of this server that are believed when they name the visitor's address: addresses or "
        "networks, separated by commas, such as `127.0.0.1, 10.0.0.0/8`.",
    ),
    SettingDoc(
        "LEADTRACKR_LOG_FORMAT",
        "`console` on a terminal, else `json`",
        "How the log is written to standard error: `console` for people, `json` for programs.",
    ),
    SettingDoc(
        "LEADTRACKR_LOG_LEVEL",
        f"`{LOG_LEVEL}`",
        "The least level that is logged: " + ", ".join(f"`{level}`" for level in LOG_LEVELS) + ".",
    ),
    SettingDoc(
        "LEADTRACKR_MAX_BODY_BYTES",
        f"`{BODY_BYTES.default}`",
        f"The largest request body that the API takes, in bytes, {BODY_BYTES}.",
    ),
    SettingDoc(
        "LEADTRACKR_LEASE_SECONDS",
        f"`{LEASE.default}`",
        "How long a worker may hold deliveries before another takes them over, in seconds, "
        f"{LEASE}. Keep it longer than the slowest platform takes to answer.",
    ),
    SettingDoc(
        "LEADTRACKR_POLL_SECONDS",
        f"`{POLL.default}`",
        f"How often an idle worker looks for deliveries to send, in seconds, {POLL}.",
    ),
)

_PAGE: Final = """# Settings

LeadTrackr reads its settings from the environment and from a file named `.env` in the directory where it is started.
The environment wins. An empty value counts as unset. A wrong value stops the start with a sentence that names the
setting; a name that starts with `LEADTRACKR_` and is not in this table is reported as a warning.

| Setting | Default | Meaning |
|---|---|---|
{rows}

`leadtrackr doctor` checks all of them.

## The `.env` file

One `NAME=value` a line. Lines that start with `#` are comments, and so is what follows a blank and `#` after a value.
Quotes, single or double, keep blanks and `#` in a value. Nothing is expanded.

```sh
LEADTRACKR_DATABASE_URL=postgresql://leadtrackr:password@localhost/leadtrackr
LEADTRACKR_BASE_URL=https://leads.example.com
LEADTRACKR_TRUSTED_PROXIES=127.0.0.1   # the web server on this machine
```
"""


def settings_page() -> str:
    """The page `docs/reference/settings.md`."""
    rows = "\n".join(f"| `{doc.name}` | {doc.default} | {doc.help} |" for doc in SETTINGS)
    return _PAGE.format(rows=rows)
