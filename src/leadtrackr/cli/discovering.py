"""`leadtrackr destinations accounts` and `actions`: what a project's account at a platform has."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import click

from leadtrackr.cli.desk import Desk, at_desk, means_of
from leadtrackr.cli.output import json_option, show, table, tell
from leadtrackr.conversions import connections
from leadtrackr.conversions.linking import discovery
from leadtrackr.conversions.linking.discovery import Filter
from leadtrackr.destinations import registry
from leadtrackr.destinations.contract import Account, AccountTree, ConversionAction, NewAction


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


@click.group("actions")
@click.argument("project")
@click.argument("destination")
@click.pass_context
def actions(context: click.Context, project: str, destination: str) -> None:
    """The conversion actions (at LinkedIn: conversion rules) of the account that PROJECT is connected to."""
    context.obj = (project, destination)


@actions.command("list")
@click.option(
    "--all", "everything", is_flag=True, help="Those too that conversions cannot be sent to, with the reason."
)
@click.option("--name", default="", help="Only those with this in their name.")
@click.option("--category", default="", help="Only those of this category, such as QUALIFIED_LEAD.")
@json_option
@click.pass_obj
def list_actions(place: tuple[str, str], /, everything: bool, name: str, category: str, as_json: bool) -> None:
    """List those that conversions can be sent to. The id is what a label's event is set to."""
    wanted = Filter(everything=everything, name=name, category=category)
    found = at_desk(lambda desk: _actions(desk, *place, wanted))
    none = "There is none. Make one with `create`, or see all with --all."
    show({"destination": place[1], "actions": found}, _action_table(found, none), as_json=as_json)


@actions.command("create")
@click.option("--name", required=True, help="What it is called at the platform.")
@click.option("--category", required=True, help="What it counts, as the platform writes it, such as QUALIFIED_LEAD.")
@click.option("--counting", type=click.Choice(["one", "every"]), help="One conversion a click, or every one.")
@click.option("--window-days", type=click.IntRange(min=1), help="Days after the click that it counts in.")
@click.option("--view-days", type=click.IntRange(min=1), help="Days after the view that it counts in.")
@click.option("--value", type=click.IntRange(min=0), help="The value that it has by itself, in cents.")
@click.option("--currency", help="The value's, such as EUR.")
@click.option("--always-this-value", is_flag=True, help="Count with this value even if a conversion brings one.")
@click.option("--secondary", is_flag=True, help="Only observe it; bidding does not use it.")
@json_option
@click.pass_obj
def create_action(place: tuple[str, str], /, as_json: bool, secondary: bool, **given: Any) -> None:
    """Make one that conversions can be sent to, and print its id."""
    made = at_desk(lambda desk: _create(desk, *place, _new(given, is_primary=not secondary)))
    slug = place[1]
    text = "\n".join([_action_table([made], ""), f"Give it to a label: --event {slug}={made.id}"])
    show({"destination": slug, "action": made}, text, as_json=as_json)
    if made.note:
        tell(made.note)


def _new(given: Mapping[str, Any], *, is_primary: bool) -> NewAction:
    currency = given["currency"]
    counting: Literal["one", "every"] | None = given["counting"]
    return NewAction(
        name=given["name"],
        category=given["category"].strip().upper(),
        counting=counting,
        window_days=given["window_days"],
        view_days=given["view_days"],
        value_cents=given["value"],
        currency=None if currency is None else currency.strip().upper(),
        always_this_value=given["always_this_value"],
        is_primary=is_primary,
    )


async def _actions(desk: Desk, project_ref: str, slug: str, wanted: Filter) -> list[ConversionAction]:
    async with means_of(desk) as means:
        return await discovery.actions(means, project_ref, slug, wanted)


async def _create(desk: Desk, project_ref: str, slug: str, new: NewAction) -> ConversionAction:
    async with means_of(desk) as means:
        return await discovery.create_action(means, project_ref, slug, new)


def _action_table(found: Sequence[ConversionAction], none: str) -> str:
    heads = ("Id", "Name", "State", "Category", "Counts", "Days", "Value", "Note")
    rows = [
        (
            one.id,
            one.name,
            one.state,
            one.category,
            one.counting,
            "" if one.window_days is None else str(one.window_days),
            one.value,
            one.note,
        )
        for one in found
    ]
    return table(heads, rows, none=none)
