"""`leadtrackr connect` and `leadtrackr destinations`."""

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from leadtrackr.cli.desk import Desk, at_desk, means_of
from leadtrackr.cli.output import json_option, show, table
from leadtrackr.conversions import connections, operations
from leadtrackr.conversions.linking import checking
from leadtrackr.conversions.linking.checking import Checked
from leadtrackr.conversions.model import Connection
from leadtrackr.destinations import registry
from leadtrackr.kit.errors import InvalidInput, LeadTrackrError


class CheckFailed(LeadTrackrError):
    """A platform did not accept a connection's credentials, or could not be asked."""


@click.command()
@click.argument("project")
@click.argument("destination")
@click.argument("settings", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--test", is_flag=True, help="Ask the platform whether the credentials work.")
@json_option
def connect(project: str, destination: str, settings: tuple[str, ...], test: bool, as_json: bool) -> None:
    """Connect PROJECT (its id or number) to DESTINATION, or change its connection.

    The settings are in docs/reference/destinations.md; values that are not named stay as they are. KEY=@FILE reads a
    value from a file, KEY=@- from standard input, so that no secret stands in the shell's history. What was held for
    this connection goes on.
    """
    values = _values(settings)
    made, checked = at_desk(lambda desk: _connect(desk, project, destination, values, test=test))
    data: dict[str, object] = {"connection": _connection(made), "check": checked}
    text = f"{registry.get(made.destination).name} is connected."
    show(data, "\n".join([text, *([checked.text] if checked else [])]), as_json=as_json)
    _fail_if_refused([checked] if checked else [])


@click.group()
def destinations() -> None:
    """The ad platforms: list, check, pause and resume."""


@destinations.command("list")
@json_option
def list_destinations(as_json: bool) -> None:
    """List the platforms that this version knows, with their API versions."""
    known = list(registry.DESTINATIONS.values())
    data = [
        {
            "slug": one.slug,
            "name": one.name,
            "apiVersion": one.api_version,
            "apiVersionEnds": one.api_version_ends,
            "docsUrl": one.docs_url,
            "settings": [field.name for field in one.fields],
        }
        for one in known
    ]
    ends = (one.api_version_ends.isoformat() if one.api_version_ends else "not announced" for one in known)
    rows = [(one.slug, one.name, one.api_version, end) for one, end in zip(known, ends, strict=True)]
    text = table(("Slug", "Name", "API version", "Version ends"), rows)
    show({"destinations": data}, text, as_json=as_json)


@destinations.command("check")
@click.argument("project")
@click.argument("destination", required=False)
@json_option
def check_destinations(project: str, destination: str | None, as_json: bool) -> None:
    """Ask the platforms of PROJECT, or one of them, whether the stored credentials work."""
    found = at_desk(lambda desk: _check(desk, project, destination))
    none = "This project has no connection yet. Make one: leadtrackr connect PROJECT DESTINATION KEY=VALUE …"
    show({"checks": found}, "\n".join(one.text for one in found) or none, as_json=as_json)
    _fail_if_refused(found)


@destinations.command("pause")
@click.argument("project")
@click.argument("destination")
@json_option
def pause(project: str, destination: str, as_json: bool) -> None:
    """Hold a connection of PROJECT: nothing is sent to it, and nothing is lost, until it is resumed."""
    at_desk(lambda desk: operations.pause(desk.db, project, destination))
    text = f"{registry.get(destination).name} is paused. `leadtrackr destinations resume` lets it go on."
    show({"destination": destination, "paused": True}, text, as_json=as_json)


@destinations.command("resume")
@click.argument("project")
@click.argument("destination")
@json_option
def resume(project: str, destination: str, as_json: bool) -> None:
    """Let a held connection of PROJECT go on, once what held it is mended."""
    count = at_desk(lambda desk: _resume(desk, project, destination))
    text = (
        f"{registry.get(destination).name} goes on; {count} held deliveries are tried now, with their original times."
    )
    show({"destination": destination, "released": count}, text, as_json=as_json)


async def _connect(
    desk: Desk, project_ref: str, slug: str, values: dict[str, str], *, test: bool
) -> tuple[Connection, Checked | None]:
    made = await connections.connect(desk.db, desk.box, project_ref, slug, values)
    if not test:
        return made, None
    async with means_of(desk) as means:
        return made, await checking.check(means, made)


async def _check(desk: Desk, project_ref: str, slug: str | None) -> list[Checked]:
    async with means_of(desk) as means:
        return await checking.check_project(means, project_ref, slug)


async def _resume(desk: Desk, project_ref: str, slug: str) -> int:
    return await connections.release(desk.db, (await connections.find(desk.db, project_ref, slug)).id)


def _values(texts: Sequence[str]) -> dict[str, str]:
    values: dict[str, str] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or not name.strip():
            raise InvalidInput(f"{name!r} is no setting; write KEY=VALUE, such as dataset_id=1234567890.", "settings")
        values[name.strip()] = _read(name, value[1:]) if value.startswith("@") else value
    return values


def _read(name: str, path: str) -> str:
    try:
        return sys.stdin.read() if path == "-" else Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = str(getattr(error, "strerror", "it is not text")).lower()
        raise InvalidInput(f"{name}: the file {path} cannot be read ({reason}).", name) from error


def _fail_if_refused(found: Sequence[Checked]) -> None:
    refused = [one.destination for one in found if not one.works]
    if refused:
        raise CheckFailed(f"The connection test of {', '.join(refused)} failed.")


def _connection(one: Connection) -> dict[str, object]:
    return {
        "id": one.id,
        "destination": one.destination,
        "state": one.state,
        "settings": dict(one.settings),
    }
