"""The reference page of outcomes, made from the catalogue: `python -m leadtrackr.conversions.outcomes_page`."""

import sys
from collections.abc import Iterator
from itertools import groupby
from typing import Final

from leadtrackr.conversions.outcomes import ACTIONS, ENGINE, Entry, catalogue
from leadtrackr.destinations.contract import Kind
from leadtrackr.destinations.docs import table
from leadtrackr.destinations.registry import DESTINATIONS

_INTRO: Final = """# Outcomes

Everything that can become of a conversion, in words. This page is made from the same tables that the receipts, the API
and the command line speak from, with `python -m leadtrackr.conversions.outcomes_page`.
"""
_KINDS: Final = {
    Kind.ACCEPTED: "The platform took it; what it made of it is not known, or not known yet.",
    Kind.CONFIRMED: "The platform said that it counts.",
    Kind.REJECTED: "It is not sent, or the platform refused it for good.",
    Kind.RETRY: "It is sent again.",
    Kind.HOLD: "The connection is held until a person has mended it; nothing is lost meanwhile.",
    Kind.UNKNOWN: "Whether the platform took it is not known; it is sent again under the same event id.",
}


def page() -> str:
    """The whole page, Markdown."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield _INTRO
    yield from table(("Class", "Who has to act"), ((f"`{action}`", words) for action, words in ACTIONS.items()))
    yield ""
    yield from table(("Kind", "What it means"), ((f"`{kind}`", words) for kind, words in _KINDS.items()))
    for destination, entries in groupby(catalogue(), lambda entry: entry.destination):
        yield f"\n## {'LeadTrackr' if destination == ENGINE else DESTINATIONS[destination].name}\n"
        yield from table(("Code", "Class", "Kind", "What happened", "What to do", "More"), map(_row, entries))


def _row(entry: Entry) -> tuple[str, ...]:
    code = f'<a id="{entry.anchor}"></a>`{entry.code}`'
    more = f"[platform]({entry.link})" if entry.is_elsewhere else ""
    return code, f"`{entry.action}`", f"`{entry.kind}`", entry.sentence, entry.next_step, more


if __name__ == "__main__":
    sys.stdout.write(page() + "\n")
