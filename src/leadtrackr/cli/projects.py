"""`leadtrackr project` and `leadtrackr label`."""

import click

from leadtrackr.accounts.model import Project
from leadtrackr.cli import keys
from leadtrackr.cli.desk import Desk, at_desk
from leadtrackr.cli.output import json_option, pairs, show, table, tell
from leadtrackr.conversions import receipts
from leadtrackr.destinations import registry
from leadtrackr.kit.errors import InvalidInput
from leadtrackr.labels import service as labels
from leadtrackr.labels.model import Label


@click.group()
def project() -> None:
    """Make and list projects, change their keys, switch them off and on."""


project.add_command(keys.key)
project.add_command(keys.activate)
project.add_command(keys.deactivate)


@project.command("create")
@click.argument("name")
@click.option("--currency", default="EUR", show_default=True, help="ISO 4217 code; what prices are in.")
@click.option("--country", default="NL", show_default=True, help="ISO 3166 code; reads phone numbers without a code.")
@json_option
def create_project(name: str, currency: str, country: str, as_json: bool) -> None:
    """Make a project called NAME with its first API key, which is shown this once."""
    made = at_desk(lambda desk: labels.start_project(desk.db, desk.ids, name=name, currency=currency, country=country))
    data: dict[str, object] = {
        "projectId": made.project.public_id,
        "projectNumber": made.project.id,
        "apiKey": made.api_key,
    }
    show(data, pairs(data), as_json=as_json)
    tell("Keep the apiKey: it is not shown again.")


@project.command("list")
@json_option
def list_projects(as_json: bool) -> None:
    """List all projects."""
    found = at_desk(lambda desk: receipts.projects(desk.db))
    rows = [
        (str(one.id), one.public_id, one.name, one.currency, one.country or "", "yes" if one.active else "no")
        for one in found
    ]
    text = table(
        ("Number", "Id", "Name", "Currency", "Country", "Active"),
        rows,
        none='There is no project yet. Make one: leadtrackr project create "My site"',
    )
    show({"projects": [_project(one) for one in found]}, text, as_json=as_json)


@click.group()
def label() -> None:
    """Make and list conversion labels."""


@label.command("create")
@click.argument("project")
@click.argument("name")
@click.option("--done", is_flag=True, help="A lead with this label is rated; it leaves the list of open leads.")
@click.option("--convert-once", is_flag=True, help="A lead converts under this label once on each platform.")
@click.option(
    "--take-back",
    is_flag=True,
    help="Take a conversion back, where the platform can, when its lead gets another status; a new price restates it.",
)
@click.option("--after", multiple=True, metavar="LABEL", help="A label that comes before it; may be given again.")
@click.option(
    "--event",
    "events",
    multiple=True,
    metavar="DESTINATION=VALUE",
    help="What it is called on a platform, such as meta=QualifiedLead; may be given again.",
)
@json_option
def create_label(
    project: str,
    name: str,
    done: bool,
    convert_once: bool,
    take_back: bool,
    after: tuple[str, ...],
    events: tuple[str, ...],
    as_json: bool,
) -> None:
    """Make a label called NAME in PROJECT (its id or number). Prints its conversionId."""
    new = labels.NewLabel(
        name=name,
        done=done,
        convert_once=convert_once,
        take_back=take_back,
        after=after,
        events=_events(events),
    )
    made, everything = at_desk(lambda desk: _create(desk, project, new))
    show(_label(made, everything), pairs({"conversionId": made.conversion_id}), as_json=as_json)


@label.command("list")
@click.argument("project")
@json_option
def list_labels(project: str, as_json: bool) -> None:
    """List the labels of PROJECT (its id or number) in their order."""
    found = at_desk(lambda desk: labels.listing(desk.db, project))
    names = {one.id: one.name for one in found}
    rows = [
        (
            one.name,
            one.status,
            "yes" if one.done else "no",
            "yes" if one.convert_once else "no",
            "yes" if one.take_back else "no",
            ", ".join(names[before] for before in one.after),
            ", ".join(f"{slug}={value}" for slug, value in one.events.items()),
        )
        for one in found
    ]
    text = table(("Label", "conversionId", "Done", "Once", "Taken back", "After", "Events"), rows)
    show({"labels": [_label(one, found) for one in found]}, text, as_json=as_json)


async def _create(desk: Desk, project_ref: str, new: labels.NewLabel) -> tuple[Label, list[Label]]:
    made = await labels.create(desk.db, desk.ids, project_ref, new)
    return made, await labels.listing(desk.db, project_ref)


def _events(texts: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for slug, value in map(_event, texts):
        if slug in found:
            raise InvalidInput(f"A label has one event on each destination; {slug} is given twice.", "event")
        found[slug] = value
    return found


def _event(text: str) -> tuple[str, str]:
    slug, sign, value = text.partition("=")
    if not sign:
        raise InvalidInput(f"{text!r} is no event; write DESTINATION=VALUE, such as meta=QualifiedLead.", "event")
    destination = registry.get(slug.strip())
    return destination.slug, registry.validate_event_value(destination, value)


def _project(one: Project) -> dict[str, object]:
    return {
        "projectId": one.public_id,
        "projectNumber": one.id,
        "name": one.name,
        "currency": one.currency,
        "country": one.country,
        "active": one.active,
    }


def _label(one: Label, everything: list[Label]) -> dict[str, object]:
    names = {other.id: other.name for other in everything}
    return {
        "conversionId": one.status,
        "name": one.name,
        "done": one.done,
        "convertOnce": one.convert_once,
        "takeBack": one.take_back,
        "after": [names[before] for before in one.after],
        "path": [names[before] for before in one.path],
        "events": dict(one.events),
    }
