"""The reference page of the destinations, made from their declarations: `python -m leadtrackr.destinations.docs`."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

from leadtrackr.destinations.contract import Destination, Field, StatusPoll
from leadtrackr.destinations.normalise import Rule
from leadtrackr.destinations.registry import DESTINATIONS, RULES

_INTRO = """# Destinations

This page is made from the declarations in `leadtrackr.destinations` with `python -m leadtrackr.destinations.docs`.

Connect one with `leadtrackr connect PROJECT DESTINATION KEY=VALUE …` and give a conversion label its event with
`leadtrackr label create PROJECT NAME --event DESTINATION=VALUE`. Secrets are stored encrypted and shown as `***`.
A value is sent with its currency or not at all; `price` counts the currency's smallest unit (EUR 5000 is 50.00,
JPY 5000 is 5000). Nothing below was tried against the platforms' live systems: it follows their documents.
"""

_NORMALISING: Final = """
## What is hashed

Each value is brought into the form below and its SHA-256 is sent, 64 lower-case hexadecimal digits. One person has
different digests on different platforms.

A lead's data comes to these rules tidied: an e-mail address trimmed and in lower case, a country as two letters
(`country`, `countryCode` or `country_code` in `userData` or its `address`, else the project's), a phone number in
E.164. A number that begins with `+` or `00` says its country itself. Any other is read as one of the project's
country; if it is none there, or the project has no country, as one of the lead's own. Extensions and remarks behind a
number are left out. A number that is possible in neither is not sent. Leads carry no postal code, so none is sent.
"""

COMPLIANCE: Final = Path(__file__).with_name("compliance.json")
"""What the compliance tests have measured; they write it and compare it."""
_CHECKS: Final = (
    "The address and the headers are those of the documents, and the body is what the sandbox's strict reading takes.",
    "The event id, or the platform's own key for a repeat, arrives; a repeat has the same one, another event another.",
    "Personal data leaves as digests in the form above, or under names that are masked in the copies that are kept.",
    "A full batch is taken, and keeps the limits of events and bytes.",
    "Click ids leave byte for byte, and times with the right instant whatever zone the machine is set to.",
    "A value has as many decimals as its currency, and never leaves without it.",
)


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What the compliance tests have measured of one destination."""

    leads: int
    sent: int
    skipped: int
    disagreements: int
    margin_s: int | None
    """Seconds from the end of the time window to the first at which the sandbox takes the event no more; None: it has
    no end."""
    parts: str
    """What is made of an answer that names the one wrong event of three."""
    parts_unnamed: str
    """The same, when the answer does not name it."""


def page() -> str:
    """The whole page, Markdown."""
    return "\n".join(_lines(DESTINATIONS.values()))


def _lines(destinations: Iterable[Destination]) -> Iterator[str]:
    each = tuple(destinations)
    yield _INTRO
    yield from table(
        ("Destination", "Slug", "API version", "Version ends", "Documents"),
        ((d.name, f"`{d.slug}`", d.api_version, _day(d), f"<{d.docs_url}>") for d in each),
    )
    yield _NORMALISING
    yield from table(("Platform", "E-mail", "Phone", "Names", "Country", "Where it says so"), map(_rules, RULES))
    for destination in each:
        yield from _section(destination)


def _rules(slug: str) -> tuple[str, ...]:
    rules = RULES[slug]
    said = (rules.email, rules.phone, rules.name, rules.country)
    return DESTINATIONS[slug].name, *map(_rule, said), rules.source


def _rule(rule: Rule) -> str:
    return f"{rule.words} A digest is taken as it is." if rule.keeps_digests else rule.words


def _section(destination: Destination) -> Iterator[str]:
    yield f"\n## {destination.name}\n\n{destination.about}\n"
    needed = _names(destination.identifiers)
    yield f"Needed of a lead, one of: {needed}.\n" if needed else "Needed of a lead: nothing.\n"
    if destination.also_needed:
        yield f"Needed besides: {_names(destination.also_needed)}.\n"
    if destination.click_ids:
        yield f"Looked for in a lead's `attributionData`: {_names(destination.click_ids)}.\n"
    yield f"Time window: {destination.window_help}\n"
    yield f"Limits: {_limits(destination)}.\n"
    days = destination.limits.retry_days
    yield f"Tries: for {days} day{'s' * (days > 1)} from the first that failed, as far as the time window goes.\n"
    if destination.version_ends:
        ends = ", ".join(f"{version} on {day.isoformat()}" for version, day in destination.version_ends.items())
        yield f"End of versions that `api_version` may name: {ends}.\n"
    yield "### Settings\n"
    yield from table(("Setting", "Meaning", "Needed", "Default"), (_field(field) for field in destination.fields))
    if destination.one_of:
        groups = ", or ".join(" with ".join(f"`{name}`" for name in group) for group in destination.one_of)
        yield f"\nAlso needed: {groups}."
    event = destination.event_field
    yield f"\n### Event of a label\n\n{event.label}. {event.help} {event.pattern_help}"
    yield from _compliance(destination)
    yield "\n### Not verified\n"
    yield from (f"- {sentence}" for sentence in destination.unverified)
    yield "\n### Afterwards\n"
    yield _status(destination.status)
    if destination.take_back is not None:
        yield f"\n{destination.take_back.sentence}"
    anchor = destination.name.lower().replace(" ", "-")
    yield f"\nEvery answer of {destination.name}, in words: [outcomes](outcomes.md#{anchor})."


@cache
def _measured() -> Mapping[str, Measured]:
    return msgspec.json.decode(COMPLIANCE.read_bytes(), type=dict[str, Measured])


def _compliance(destination: Destination) -> Iterator[str]:
    yield "\n### Compliance\n"
    found = _measured().get(destination.slug)
    if found is None:
        yield "Not measured yet: run `python -m tests.destinations.compliance.measure`."
        return
    yield "Measured by the tests against the sandbox, which follows the documents; never against the platform itself.\n"
    figures = (
        ("Random leads", f"{found.leads:,}"),
        ("Sent, and taken", f"{found.sent:,}"),
        ("Skipped for missing data; refused when sent all the same, or not to be formed", f"{found.skipped:,}"),
        ("Disagreements", f"{found.disagreements:,}"),
        ("First second in which it is taken no more", _margin(found.margin_s)),
        ("One of three events is wrong", found.parts),
        ("One of three events is wrong, and the answer does not say which", found.parts_unnamed),
    )
    yield from table(("What", "Found"), figures)
    yield ""
    yield from (f"- {sentence}" for sentence in _CHECKS)


def _margin(seconds: int | None) -> str:
    if seconds is None:
        return "none: the sandbox knows no end, the time window is this program's"
    return f"{seconds:,} s after the time window has closed"


def table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """A Markdown table, line by line."""
    yield "| " + " | ".join(heads) + " |"
    yield "|" + " --- |" * len(heads)
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"


def _field(field: Field) -> tuple[str, ...]:
    choices = f" One of {', '.join(f'`{choice}`' for choice in field.choices)}." if field.choices else ""
    meaning = ". ".join(filter(None, (field.label, field.help or None)))
    secret = " (secret)" if field.secret else ""
    default = "made up" if field.fresh is not None else field.default or ""
    return f"`{field.name}`{secret}", meaning + choices, "yes" if field.required else "", default


def _limits(destination: Destination) -> str:
    limits = destination.limits
    parts = [
        f"{limits.batch_events:,} event{'s' * (limits.batch_events > 1)} a request",
        f"{limits.batch_bytes:,} bytes",
    ]
    parts.append(f"{limits.in_flight} requests at once")
    rates = {
        "second": limits.requests_per_second,
        "minute": limits.requests_per_minute,
        "day": limits.requests_per_day,
    }
    parts += [f"{requests:,} requests a {period}" for period, requests in rates.items() if requests]
    if not any(rates.values()):
        parts.append("no documented limit of requests in a time")
    if destination.counted_by_help:
        parts.append(f"counted by {destination.counted_by_help}")
    return ", ".join(parts)


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _status(poll: StatusPoll | None) -> str:
    if poll is None:
        return "The first answer is the last: nothing is asked later."
    first, last = poll.first_after_s / 60, poll.give_up_after_s / 3600
    return (
        f"What became of a request is asked {first:g} minutes after it, then less and less often, until the platform "
        f"knows or {last:g} hours have passed."
    )


def _day(destination: Destination) -> str:
    return destination.api_version_ends.isoformat() if destination.api_version_ends else "not announced"


if __name__ == "__main__":
    sys.stdout.write(page() + "\n")
