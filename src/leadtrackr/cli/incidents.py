"""`leadtrackr incidents`."""

import click

from leadtrackr.cli.desk import at_desk
from leadtrackr.cli.output import json_option, pairs, show
from leadtrackr.conversions.incidents import service
from leadtrackr.conversions.incidents.model import Incident, IncidentKind
from leadtrackr.conversions.incidents.service import Filters
from leadtrackr.conversions.incidents.words import to_wire, words
from leadtrackr.conversions.outcomes import link
from leadtrackr.kit.clock import iso_millis


@click.group()
def incidents() -> None:
    """What is wrong with connections, and since when."""


@incidents.command("list")
@click.argument("project", required=False)
@click.option("--open/--over", "is_open", default=None, help="Only those that are not over, or only those that are.")
@click.option("--kind", type=click.Choice([kind.value for kind in IncidentKind]), help="Only those of this kind.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000), help="At most so many.")
@json_option
def list_incidents(project: str | None, is_open: bool | None, kind: str | None, limit: int, as_json: bool) -> None:
    """List the incidents of PROJECT (its id or number), or of all projects, newest first, each in words."""
    filters = Filters(open=is_open, kind=None if kind is None else IncidentKind(kind), limit=limit)
    page = at_desk(lambda desk: service.listing(desk.db, project, filters))
    text = "\n\n".join(_text(one, page.now) for one in page.incidents)
    data: dict[str, object] = {"incidents": [to_wire(one, page.now) for one in page.incidents], "total": page.total}
    show(data, text or "There is no such incident.", as_json=as_json)


def _text(one: Incident, now: int) -> str:
    said = words(one, now)
    return pairs(
        {
            "Incident": f"{one.id}, {one.kind.value}",
            "Connection": f"{one.destination} of project {one.project}",
            "Since": iso_millis(one.since_at),
            "Over": None if one.recovered_at is None else iso_millis(one.recovered_at),
            "In words": said.sentence,
            "It said": one.detail,
            "What to do": said.next_step,
            "More": link(one.destination, one.code),
            "Waiting": one.waiting or None,
            "Expired": one.lost or None,
        }
    )
