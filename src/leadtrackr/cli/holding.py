"""`leadtrackr destinations connected`, `pause` and `resume`: how connections stand, holding one, letting it go on."""

from typing import Any

import click

from leadtrackr.cli.desk import at_desk
from leadtrackr.cli.output import json_option, pairs, show
from leadtrackr.conversions import connections, operations, view
from leadtrackr.destinations import registry


@click.command("connected")
@click.argument("project")
@json_option
def connected(project: str, as_json: bool) -> None:
    """Show how each connection of PROJECT stands: whether it sends, else why, since when and what to do."""
    found = [view.connection(one) for one in at_desk(lambda desk: connections.overview(desk.db, project))]
    none = "This project has no connection yet. Make one: leadtrackr connect PROJECT DESTINATION KEY=VALUE …"
    show({"connections": found}, "\n\n".join(map(_text, found)) or none, as_json=as_json)


@click.command("pause")
@click.argument("project")
@click.argument("destination")
@json_option
def pause(project: str, destination: str, as_json: bool) -> None:
    """Hold a connection of PROJECT: nothing is sent to it, and nothing is lost, until it is resumed."""
    done = at_desk(lambda desk: operations.pause(desk.db, project, destination))
    is_paused = f"is paused; {done.count} deliveries are held." if done.changed else "was paused already."
    text = f"{registry.get(destination).name} {is_paused} `leadtrackr destinations resume` lets it go on."
    show({"destination": destination, "paused": True, "held": done.count}, text, as_json=as_json)


@click.command("resume")
@click.argument("project")
@click.argument("destination")
@json_option
def resume(project: str, destination: str, as_json: bool) -> None:
    """Let a held connection of PROJECT go on, once what held it is mended."""
    done = at_desk(lambda desk: operations.resume(desk.db, project, destination))
    name = registry.get(destination).name
    text = f"{name} goes on; {done.count} held deliveries are tried now, with their original times."
    show(
        {"destination": destination, "released": done.count},
        text if done.changed else f"{name} was not held.",
        as_json=as_json,
    )


def _text(one: dict[str, Any]) -> str:
    return pairs(
        {
            "Platform": f"{one['name']}, account {one['account']}",
            "Connection": f"{one['id']}, {one['state']}",
            "In words": one["sentence"],
            "It said": one["detail"],
            "Since": one["since"],
            "Tried again": one["until"],
            "What to do": one["nextStep"] or None,
            "More": one["link"],
            "To be sent": one["toSend"],
        }
    )
