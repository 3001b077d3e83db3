"""What came with a lead, as names and values to read. Pure: odd data is shown as it is, and never stops a page."""

import itertools
from collections.abc import Iterator
from typing import Final

import msgspec
from markupsafe import Markup

from leadtrackr.dashboard.rendering import moment
from leadtrackr.leads import attribution
from leadtrackr.leads.channelflow import normalise
from leadtrackr.leads.model import Lead

MOST_ROWS: Final = 200
LONGEST: Final = 2_000
_LAST_MS: Final = 253_402_300_799_999
"""The end of the year 9999: later times cannot be written."""
Row = tuple[str, str]


class Visited(msgspec.Struct, frozen=True):
    """One entry of the channel flow."""

    at: Markup | None
    channel: str
    page: str


class Brought(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that came with a lead. Lists end at `MOST_ROWS`."""

    form: list[Row]
    ids: list[Row]
    consent: list[Row]
    conversion_page: str | None
    visits: list[Visited]
    rest: list[Row]


def of(lead: Lead) -> Brought:
    """Reads the stored JSON."""
    form = _decoded(lead.form_data)
    traits = attribution.read(lead.attribution_data)
    fields = form.get("formFields") if isinstance(form, dict) else None
    rest = itertools.chain(
        flat(form, "formData"),
        flat(_decoded(lead.user_data), "userData"),
        flat(_decoded(lead.attribution_data), "attributionData"),
    )
    return Brought(
        form=_some(_fields(fields)),
        ids=[(name, _short(value)) for name, value in traits.ids.items()],
        consent=[(name, traits.consent.get(name, "not recorded")) for name in attribution.CONSENT],
        conversion_page=traits.conversion_page,
        visits=[_visited(entry) for entry in (normalise(lead.channel_flow) or [])[-MOST_ROWS:]],
        rest=_some(rest),
    )


def flat(value: object, name: str) -> Iterator[Row]:
    """The scalars inside, each under the names that lead to it. Empty texts, lists and objects are left out."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from flat(item, f"{name} › {key}")
    elif isinstance(value, list):
        if all(not isinstance(item, dict | list) for item in value):
            yield from _row(name, ", ".join(_text(item) for item in value))
        else:
            for number, item in enumerate(value, 1):
                yield from flat(item, f"{name} › {number}")
    else:
        yield from _row(name, _text(value))


def _fields(fields: object) -> Iterator[Row]:
    """A form's fields: an object, or a list of objects with one field each, as the senders make them."""
    parts = fields if isinstance(fields, list) else [fields]
    for part in parts:
        if isinstance(part, dict):
            for key, item in part.items():
                yield from flat(item, str(key).strip().rstrip(":") or "(no name)")
        elif part is not None:
            yield from flat(part, "(no name)")


def _row(name: str, text: str) -> Iterator[Row]:
    if text:
        yield _short(name), _short(text)


def _some(rows: Iterator[Row]) -> list[Row]:
    found = list(itertools.islice(rows, MOST_ROWS + 1))
    if len(found) <= MOST_ROWS:
        return found
    return [*found[:MOST_ROWS], ("…", "There is more; getLead of the API gives all of it.")]


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} … ({len(text) - LONGEST:,} more characters)"


def _decoded(stored: str) -> object:
    value: object = msgspec.json.decode(stored)
    return value


def _visited(entry: dict[str, object]) -> Visited:
    stamp, channel = entry["timestamp"], entry["channel"]
    at = moment(stamp * 1000) if isinstance(stamp, int) and 0 <= stamp <= _LAST_MS else None
    parts = [_short(str(value)) for value in channel.values()] if isinstance(channel, dict) else []
    return Visited(at, " / ".join(parts) or "direct or not known", _short(str(entry.get("landingPage", ""))))
