"""`leadtrackr project key`, `activate` and `deactivate`."""

import click

from leadtrackr.accounts import service as accounts
from leadtrackr.cli.desk import at_desk
from leadtrackr.cli.output import json_option, pairs, show, table, tell
from leadtrackr.kit.clock import iso_millis


@click.group()
def key() -> None:
    """Make, list and revoke a project's API keys."""


@key.command("create")
@click.argument("project")
@json_option
def create_key(project: str, as_json: bool) -> None:
    """Make another API key of PROJECT, which is shown this once. The others go on working."""
    made = at_desk(lambda desk: accounts.new_key(desk.db, desk.ids, project))
    data: dict[str, object] = {"apiKey": made}
    show(data, pairs(data), as_json=as_json)
    tell("Keep the apiKey: it is not shown again. `leadtrackr project key revoke` ends the old one.")


@key.command("list")
@click.argument("project")
@json_option
def list_keys(project: str, as_json: bool) -> None:
    """List the API keys of PROJECT by their last characters."""
    found = at_desk(lambda desk: accounts.keys_of(desk.db, project))
    data = [
        {
            "id": one.id,
            "endsWith": one.hint,
            "createdAt": iso_millis(one.created_at),
            "revokedAt": None if one.revoked_at is None else iso_millis(one.revoked_at),
        }
        for one in found
    ]
    rows = [
        (str(one.id), f"…{one.hint}", iso_millis(one.created_at), "in use" if one.revoked_at is None else "revoked")
        for one in found
    ]
    show({"keys": data}, table(("Id", "Ends with", "Made", "State"), rows), as_json=as_json)


@key.command("revoke")
@click.argument("project")
@click.argument("key_id", type=click.IntRange(1), metavar="ID")
@json_option
def revoke_key(project: str, key_id: int, as_json: bool) -> None:
    """End the API key ID of PROJECT at once; `project key list` shows the ids."""
    at_desk(lambda desk: accounts.revoke_key(desk.db, project, key_id))
    show({"revoked": key_id}, f"Key {key_id} is revoked; programs that use it get a 401 from now on.", as_json=as_json)


@click.command("deactivate")
@click.argument("project")
@json_option
def deactivate(project: str, as_json: bool) -> None:
    """Switch PROJECT off: its leads and ratings are answered with 403. What is queued is still sent."""
    at_desk(lambda desk: accounts.set_active(desk.db, project, active=False))
    show({"active": False}, "The project is off. `leadtrackr project activate` switches it on.", as_json=as_json)


@click.command("activate")
@click.argument("project")
@json_option
def activate(project: str, as_json: bool) -> None:
    """Switch PROJECT on again."""
    at_desk(lambda desk: accounts.set_active(desk.db, project, active=True))
    show({"active": True}, "The project is on.", as_json=as_json)
