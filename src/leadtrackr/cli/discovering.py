"""`leadtrackr destinations accounts`: what the credentials of a project reach at a platform."""

from collections.abc import Iterator, Mapping, Sequence

import click

from leadtrackr.cli.desk import Desk, at_desk, means_of
from leadtrackr.cli.output import json_option, show, table
from leadtrackr.conversions import connections
from leadtrackr.conversions.linking import discovery
from leadtrackr.destinations import registry
from leadtrackr.destinations.contract import Account, AccountTree


@click.command("accounts")
@click.argument("project")
@click.argument("destination")
@json_option
def list_accounts(project: str, destination: str, as_json: bool) -> None:
    """List the accounts that PROJECT's credentials reach at DESTINATION, managers with what is below them.

    The one that conversions go to is marked. Works as soon as somebody has signed in with `leadtrackr connect`, before
    an account is chosen.
    """
    tree, used = at_desk(lambda desk: _accounts(desk, project, destination))
    text = "\n".join([account_table(tree, used), *tree.notes, *_hint(project, destination, tree)])
    show({"destination": destination, "accounts": tree.accounts, "notes": tree.notes}, text, as_json=as_json)


async def _accounts(desk: Desk, project_ref: str, slug: str) -> tuple[AccountTree, Mapping[str, str]]:
    async with means_of(desk) as means:
        tree = await discovery.accounts(means, project_ref, slug)
    of_project = await connections.of_project(desk.db, project_ref)
    used = next((one.settings for one in of_project if one.destination == slug), {})
    return tree, used


def account_table(tree: AccountTree, used: Mapping[str, str]) -> str:
    """The tree as a table; `used` are the settings of the connection that is there."""
    rows = list(_rows(tree.accounts, used, 0))
    return table(("", "Account", "Id", "Kind", "State", "Currency", "Note"), rows, none="The credentials reach none.")


def _rows(accounts: Sequence[Account], used: Mapping[str, str], depth: int) -> Iterator[tuple[str, ...]]:
    for one in accounts:
        mark = "*" if _is_used(one, used) else ""
        note = " ".join(filter(None, ("A test account." if one.is_test else "", one.note)))
        yield mark, "  " * depth + (one.name or one.id), one.id, one.kind, one.state, one.currency, note
        yield from _rows(one.below, used, depth + 1)


def _is_used(one: Account, used: Mapping[str, str]) -> bool:
    return bool(one.settings) and all(used.get(name, "") == value for name, value in one.settings.items())


def _hint(project: str, slug: str, tree: AccountTree) -> Iterator[str]:
    usable = next((one for one in tree.everything() if one.settings and one.kind != "manager"), None)
    if usable is not None:
        names = " ".join(f"{name}={value}" for name, value in usable.settings.items())
        yield f"Send to one of them, such as {usable.name or usable.id}: leadtrackr connect {project} {slug} {names}"
        return
    listing = registry.get(slug).accounts
    if listing is not None:
        yield listing.by_hand
