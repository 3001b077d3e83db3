"""`leadtrackr conversions retry` and `cancel`: what a person orders about deliveries, with the plan first."""

import click

from leadtrackr.cli.desk import at_desk
from leadtrackr.cli.filtering import filter_options
from leadtrackr.cli.output import json_option, show, table, tell
from leadtrackr.conversions import operations, view
from leadtrackr.conversions.again import AGAIN, Plan
from leadtrackr.conversions.operations import Chosen
from leadtrackr.conversions.receipts import Filters
from leadtrackr.destinations import registry
from leadtrackr.kit.errors import InvalidInput

MORE = "There are more: ask again when these are done."


@click.command("retry")
@click.argument("project")
@click.argument("deliveries", type=click.IntRange(1), nargs=-1)
@filter_options(sorted(AGAIN))
@click.option("--plan", "plan_only", is_flag=True, help="Only say what would be done.")
@click.option("--yes", is_flag=True, help="Do it without asking.")
@json_option
def retry(
    project: str, deliveries: tuple[int, ...], filters: Filters, plan_only: bool, yes: bool, as_json: bool
) -> None:
    """Send DELIVERIES of PROJECT again, or all that the options take. Says first what it will do, and asks."""
    chosen = _chosen(deliveries, filters)
    plan = at_desk(lambda desk: operations.plan_retry(desk.db, project, chosen))
    if not plan_only and plan.ids:
        if not yes:
            tell(_words(plan))
            click.confirm("Send them again?", abort=True, err=True)
        plan = at_desk(lambda desk: operations.retry(desk.db, project, chosen))
    data: dict[str, object] = {
        "done": not plan_only and bool(plan.ids),
        "toSend": plan.to_send,
        "held": plan.held,
        "tooOld": plan.too_old,
        "takenBack": plan.taken_back,
        "notAgain": plan.not_again,
        "groups": view.groups(plan),
        "more": plan.more,
    }
    show(data, _words(plan), as_json=as_json)


@click.command("cancel")
@click.argument("project")
@click.argument("deliveries", type=click.IntRange(1), nargs=-1)
@filter_options(sorted(operations.STOPPABLE))
@click.option("--plan", "plan_only", is_flag=True, help="Only say what would be done.")
@json_option
def cancel(project: str, deliveries: tuple[int, ...], filters: Filters, plan_only: bool, as_json: bool) -> None:
    """Stop DELIVERIES of PROJECT that have not been sent, or all that the options take. `retry` undoes it."""
    chosen = _chosen(deliveries, filters)
    work = operations.plan_cancel if plan_only else operations.cancel
    done = at_desk(lambda desk: work(desk.db, project, chosen))
    text = f"{len(done.ids)} would be" if plan_only else f"{len(done.ids)}"
    text += " stopped. `leadtrackr conversions retry` undoes it."
    if done.left:
        text += f" {len(done.left)} stay as they are: being sent, or settled already."
    data: dict[str, object] = {"cancelled": 0 if plan_only else len(done.ids), "ids": done.ids, "more": done.more}
    show({**data, "left": view.left(done)}, f"{text}\n{MORE}" if done.more else text, as_json=as_json)


def _chosen(ids: tuple[int, ...], filters: Filters) -> Chosen:
    if not ids and filters == Filters():
        raise InvalidInput("Say which: the ids of deliveries, or --state or another option that takes some of them.")
    return Chosen(ids=ids, filters=filters)


def _words(plan: Plan) -> str:
    rows = [(str(len(one.ids)), registry.get(one.destination).name, one.sentence) for one in plan.groups]
    text = table(("How many", "Platform", "What"), rows, none="There is no such delivery.")
    return f"{text}\n{MORE}" if plan.more else text
