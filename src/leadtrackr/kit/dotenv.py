"""Reads a `.env` file: `NAME=value` lines, `#` comments, optional `export`, optional quotes. Nothing is expanded."""

import re
from pathlib import Path
from typing import Final

from leadtrackr.kit.errors import SettingError

_LINE: Final = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)")
_QUOTED: Final = re.compile(r"""(?P<quote>["'])(?P<value>.*?)(?P=quote)\s*(?:#.*)?""")
_COMMENT: Final = re.compile(r"(?:^|\s)#.*")


def read_dotenv(path: Path) -> dict[str, str]:
    """The values of the file by name; empty when there is no such file. SettingError for a line without meaning.

    Quotes, single or double, keep blanks and `#` in a value; everything between them is taken letter for letter.
    """
    try:
        text = path.read_text("utf-8-sig")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(str(path), "the file cannot be read as UTF-8 text.") from error
    return dict(_pair(path, number, line.strip()) for number, line in _lines(text))


def _lines(text: str) -> list[tuple[int, str]]:
    numbered = enumerate(text.splitlines(), start=1)
    return [(number, line) for number, line in numbered if line.strip() and not line.lstrip().startswith("#")]


def _pair(path: Path, number: int, line: str) -> tuple[str, str]:
    match = _LINE.fullmatch(line)
    if match is None:
        raise SettingError(str(path), f"line {number} is no NAME=value line.")
    name, raw = match.group(1), match.group(2).strip()
    if not raw.startswith(("'", '"')):
        return name, _COMMENT.sub("", raw).strip()
    quoted = _QUOTED.fullmatch(raw)
    if quoted is None:
        raise SettingError(str(path), f"line {number} opens a quote that does not close at its end.")
    return name, quoted.group("value")
