"""`leadtrackr conversions will-count`: what rating a lead would count for, before it is rated."""

from collections.abc import Mapping
from typing import Final

import click

from leadtrackr.cli.desk import at_desk
from leadtrackr.cli.foresight import PENDING
from leadtrackr.cli.naming import lead_options
from leadtrackr.cli.output import json_option, pairs, show, table
from leadtrackr.conversions.counting import service, view
from leadtrackr.conversions.counting.model import Answer, Counting, OfLabel, Prognosis
from leadtrackr.kit.clock import iso_millis
from leadtrackr.leads.service import Ref

WORDS: Final[Mapping[Answer, str]] = {
    Answer.YES: "yes",
    Answer.NOT_YET: "yes, later",
    Answer.WHEN_MENDED: "when the connection is mended",
    Answer.COUNTED: "counted already",
    Answer.NO: "no",
    Answer.NO_EVENT: "no event",
}


@click.command("will-count")
@click.argument("project")
@lead_options
@click.option("--label", metavar="CONVERSION_ID", help="The label's conversionId or `lost`; without it all labels.")
@json_option
def will_count(
    project: str,
    lead_id: int | None,
    identifier: str | None,
    email: str | None,
    phone: str | None,
    label: str | None,
    as_json: bool,
) -> None:
    """Say whether rating a lead of PROJECT would count on each platform, until when, and what is missing.

    The answer is that of this moment. Nothing is written or sent, and no platform is asked.
    """
    ref = Ref(lead_id=lead_id, unique_identifier=identifier, email=email, phone=phone)
    found = at_desk(lambda desk: service.will_count(desk.db, desk.ids, desk.box, project, ref, label))
    show(view.counting(found), _text(found), as_json=as_json)


def _text(found: Counting) -> str:
    whole = len(found.labels) == 1
    parts = [part for one in found.labels for part in _of_label(one, whole=whole)]
    return "\n\n".join([*([PENDING] if found.pending else []), *parts])


def _of_label(one: OfLabel, *, whole: bool) -> list[str]:
    """One label is told whole, of several each is a table."""
    head = f"{one.label.name}: {one.words.sentence}" if one.label else one.words.sentence
    if one.words.next_step:
        head += f" {one.words.next_step}"
    if whole:
        return [head, *map(_platform, one.platforms)]
    rows = [(each.name, WORDS[each.fate.answer], _until(each), _why(each)) for each in one.platforms]
    return [f"{head}\n{table(('Platform', 'Counts', 'Usable until', 'In words'), rows)}".rstrip()]


def _platform(one: Prognosis) -> str:
    rows: dict[str, object] = {
        "Counts": WORDS[one.fate.answer],
        "In words": one.fate.words.sentence,
        "Missing": None if one.missing is None else f"{one.missing.field}: {one.missing.sentence}",
        "What to do": one.fate.words.next_step or None,
        "Event": None if one.action is None else f"{one.action}, account {one.account}",
        "Sent at": None if one.fate.send_at is None else iso_millis(one.fate.send_at),
        "Behind": None if one.fate.behind is None else f"delivery {one.fate.behind}",
        "Taken until": None if one.closes_at is None else iso_millis(one.closes_at),
        "Usable until": _until(one) or None,
        "Rule": one.window,
        "Sent before it": "; ".join(f"{each.label.name} ({WORDS[each.fate.answer]})" for each in one.before) or None,
        "Takes back": ", ".join(one.takes_back) or None,
    }
    return f"{one.name}\n{pairs(rows)}"


def _why(one: Prognosis) -> str:
    return one.fate.words.sentence if one.missing is None else one.missing.sentence


def _until(one: Prognosis) -> str:
    if one.usable_until is not None:
        return iso_millis(one.usable_until)
    return "no end known" if one.closes_at is not None else ""
