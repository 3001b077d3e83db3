"""`leadtrackr conversions retry` and `cancel`: what a person orders about deliveries, with the plan first."""

import click

from leadtrackr.cli.desk import at_desk
from leadtrackr.cli.output import json_option, show, table, tell
from leadtrackr.conversions import operations, view
from leadtrackr.conversions.again import AGAIN, Plan
from leadtrackr.conversions.model import State
from leadtrackr.conversions.operations import Chosen
from leadtrackr.conversions.receipts import Filters
from leadtrackr.destinations import registry
from leadtrackr.kit.errors import InvalidInput


@click.command("retry")
@click.argument("project")
@click.argument("deliveries", type=click.IntRange(1), nargs=-1)
@click.option(
    "--state",
    type=click.Choice(sorted(state.value for state in AGAIN)),
    help="All that are in this state.",
)
@click.option("--destination", help="Of those, only the ones for this platform.")
@click.option("--plan", "plan_only", is_flag=True, help="Only say what would be done.")
@click.option("--yes", is_flag=True, help="Do it without asking.")
@json_option
def retry(
    project: str,
    deliveries: tuple[int, ...],
    state: str | None,
    destination: str | None,
    plan_only: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Send DELIVERIES of PROJECT again, or all in a state. Says first what it will do, and asks."""
    chosen = _chosen(deliveries, state, destination)
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
@click.option(
    "--state",
    type=click.Choice(sorted(state.value for state in operations.STOPPABLE)),
    help="All that are in this state.",
)
@click.option("--destination", help="Of those, only the ones for this platform.")
@json_option
def cancel(
    project: str, deliveries: tuple[int, ...], state: str | None, destination: str | None, as_json: bool
) -> None:
    """Stop DELIVERIES of PROJECT that have not been sent, or all in a state. `retry` undoes it."""
    chosen = _chosen(deliveries, state, destination)
    done = at_desk(lambda desk: operations.cancel(desk.db, project, chosen))
    text = f"{len(done.ids)} stopped. `leadtrackr conversions retry` undoes it."
    if done.left:
        text += f" {len(done.left)} stay as they are: being sent, or settled already."
    show({"cancelled": len(done.ids), "left": view.left(done)}, text, as_json=as_json)


def _chosen(ids: tuple[int, ...], state: str | None, destination: str | None) -> Chosen:
    if not ids and state is None:
        raise InvalidInput("Say which: the ids of deliveries, or --state with one of the states.")
    filters = Filters(
        states=frozenset() if state is None else frozenset({State(state)}),
        destination=None if destination is None else registry.get(destination).slug,
    )
    return Chosen(ids=ids, filters=filters)


def _words(plan: Plan) -> str:
    rows = [(str(len(one.ids)), registry.get(one.destination).name, one.sentence) for one in plan.groups]
    text = table(("How many", "Platform", "What"), rows, none="There is no such delivery.")
    return f"{text}\nThere are more: ask again when these are done." if plan.more else text
