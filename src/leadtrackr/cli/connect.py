"""`leadtrackr connect` and `leadtrackr destinations`."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import click
import msgspec

from leadtrackr.cli import holding
from leadtrackr.cli.desk import Desk, at_desk, means_of
from leadtrackr.cli.discovering import account_table, actions, list_accounts
from leadtrackr.cli.output import json_option, show, table, tell
from leadtrackr.cli.scaffolding import new
from leadtrackr.cli.signing_in import PORT, Way
from leadtrackr.cli.signing_in import sign_in as sign_in_at
from leadtrackr.conversions import connections
from leadtrackr.conversions.linking import checking, discovery
from leadtrackr.conversions.linking import service as linking
from leadtrackr.conversions.linking.checking import Checked
from leadtrackr.conversions.linking.means import Means
from leadtrackr.conversions.linking.model import Unfinished
from leadtrackr.conversions.model import Connection
from leadtrackr.destinations import registry
from leadtrackr.kit.errors import InvalidInput, LeadTrackrError

_PORT_HELP: Final = "Where the browser comes back to on this machine; 0 picks a free one."


class Unchosen(LeadTrackrError):
    """Access was given, and a setting is still to be chosen."""


class CheckFailed(LeadTrackrError):
    """A platform did not accept a connection's credentials, or could not be asked."""


@click.command()
@click.argument("project")
@click.argument("destination")
@click.argument("settings", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--test", is_flag=True, help="Ask the platform whether the credentials work.")
@click.option("--sign-in", is_flag=True, help="Sign in at the platform, also when there is access already.")
@click.option("--paste", is_flag=True, help="Sign in with a browser on another machine; copy its last address here.")
@click.option("--port", type=click.IntRange(0, 65535), default=PORT, show_default=True, help=_PORT_HELP)
@json_option
def connect(
    project: str,
    destination: str,
    settings: tuple[str, ...],
    test: bool,
    sign_in: bool,
    paste: bool,
    port: int,
    as_json: bool,
) -> None:
    """Connect PROJECT (its id or number) to DESTINATION, or change its connection.

    The settings are in docs/reference/destinations.md; values that are not named stay as they are. KEY=@FILE reads a
    value from a file, KEY=@- from standard input, so that no secret stands in the shell's history. What was held for
    this connection goes on. A secret that this program makes up, such as a webhook's, is shown this once.

    Where a platform has a sign-in (Google, Microsoft Advertising, LinkedIn) and its client is given but no access, the
    address of the sign-in is printed, and the command waits until the browser comes back to this machine. If the
    account is not given yet, the same command with it, within an hour, completes the connection.
    """
    values, way = _values(settings), Way(port=port, paste=paste)
    order = Order(project=project, slug=destination, values=values, way=way, sign_in=sign_in or paste, test=test)
    made, made_up, checked = at_desk(lambda desk: _connect(desk, order))
    data: dict[str, object] = {"connection": _connection(made), "check": checked}
    known = registry.get(made.destination)
    text = [f"{known.name} is connected."]
    if made_up:
        data["madeUp"] = made_up
        labels = {field.name: field.label for field in known.fields}
        text += [f"{labels[name]}, shown only now: {value}" for name, value in made_up.items()]
    show(data, "\n".join([*text, *([checked.text] if checked else [])]), as_json=as_json)
    _fail_if_refused([checked] if checked else [])


@click.group()
def destinations() -> None:
    """The ad platforms: list, how each connection stands, check, accounts and conversion actions, pause and resume."""


destinations.add_command(list_accounts)
destinations.add_command(actions)
destinations.add_command(new)
destinations.add_command(holding.connected)
destinations.add_command(holding.pause)
destinations.add_command(holding.resume)


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


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What `connect` was asked for."""

    project: str
    slug: str
    values: dict[str, str]
    way: Way
    sign_in: bool
    test: bool


async def _connect(desk: Desk, order: Order) -> tuple[Connection, dict[str, str], Checked | None]:
    """The connection, what was made up for it, and what the platform says of it."""
    fresh = registry.fresh_values(registry.get(order.slug), desk.ids)
    async with means_of(desk) as means:
        made, has_signed_in = await _made(means, order, fresh)
        has = connections.full_settings(made, desk.box)
        made_up = {name: value for name, value in fresh.items() if has.get(name) == value}
        # Whoever has just signed in is shown how the account stands, and what follows is written down.
        return made, made_up, await checking.check(means, made) if order.test or has_signed_in else None


async def _made(means: Means, order: Order, fresh: Mapping[str, str]) -> tuple[Connection, bool]:
    """The connection, and whether somebody signed in for it."""
    project, slug, values = order.project, order.slug, order.values
    if not order.sign_in:
        if await linking.waiting(means, project, slug) is not None:
            return await linking.complete(means, project, slug, values), True
        if not await linking.needed(means, project, slug, values):
            return await connections.connect(means.db, means.box, project, slug, values, fresh), False
    made = await sign_in_at(means, project, slug, values, order.way)
    if isinstance(made, Connection):
        return made, True
    return await _chosen(means, order, made), True


async def _chosen(means: Means, order: Order, made: Unfinished) -> Connection:
    """The connection of the only account that there is; Unchosen with the list when there are several."""
    project, slug = order.project, order.slug
    name, kept = registry.get(slug).name, "has given access, which is kept for an hour."
    try:
        tree = await discovery.accounts(means, project, slug)
    except LeadTrackrError as error:
        raise Unchosen(f"{name} {kept} {error} Complete it: {_again(order, {made.field: '…'})}") from error
    usable = {one.id: one for one in tree.everything() if made.field in one.settings and one.kind != "manager"}
    if len(usable) == 1:
        (only,) = usable.values()
        tell(f"{name} reaches one account, {only.name or only.id}.")
        try:
            return await linking.complete(means, project, slug, only.settings)
        except InvalidInput as error:
            again = _again(order, {**only.settings, error.field or "": "…"})
            raise Unchosen(f"{name} {kept} {error} Complete it: {again}") from error
    tell(account_table(tree, {}))
    names = next((one.settings for one in usable.values()), {made.field: "…"})
    raise Unchosen(
        f"{name} {kept} Choose an account: {_again(order, {key: value and '…' for key, value in names.items()})}"
    )


def _again(order: Order, values: Mapping[str, str]) -> str:
    given = " ".join(f"{name}={value}" for name, value in values.items() if value)
    return f"leadtrackr connect {order.project} {order.slug} {given}"


async def _check(desk: Desk, project_ref: str, slug: str | None) -> list[Checked]:
    async with means_of(desk) as means:
        return await checking.check_project(means, project_ref, slug)


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
