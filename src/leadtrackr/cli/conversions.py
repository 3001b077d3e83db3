"""`leadtrackr conversions`."""

from collections.abc import Sequence

import click
import msgspec

from leadtrackr.cli import counting, foresight, orders
from leadtrackr.cli.desk import at_desk
from leadtrackr.cli.filtering import filter_options
from leadtrackr.cli.output import json_option, pairs, show, table
from leadtrackr.conversions import receipts
from leadtrackr.conversions.model import State
from leadtrackr.conversions.outcomes import link
from leadtrackr.conversions.receipts import Filters, Receipt, Tried
from leadtrackr.conversions.view import attempt, delivery
from leadtrackr.kit.clock import iso_millis
from leadtrackr.kit.money import to_units


@click.group()
def conversions() -> None:
    """Deliveries with their attempts, in words."""


conversions.add_command(orders.retry)
conversions.add_command(orders.cancel)
conversions.add_command(foresight.plan)
conversions.add_command(counting.will_count)


@conversions.command("list")
@click.argument("project")
@filter_options(State)
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000), help="At most so many.")
@json_option
def list_deliveries(project: str, filters: Filters, limit: int, as_json: bool) -> None:
    """List the deliveries of PROJECT (its id or number), newest first, each with its outcome in words."""
    filters = msgspec.structs.replace(filters, limit=limit)
    found = at_desk(lambda desk: receipts.listing(desk.db, project, filters))
    rows = [
        (str(one.id), str(one.lead_id), one.label, one.destination, one.state.value, one.words.sentence)
        for one in found
    ]
    text = table(("Id", "Lead", "Label", "Destination", "State", "In words"), rows, none="There is no such delivery.")
    show({"deliveries": [delivery(one) for one in found]}, text, as_json=as_json)


@conversions.command("show")
@click.argument("project")
@click.argument("delivery_id", metavar="DELIVERY", type=click.IntRange(1))
@json_option
def show_delivery(project: str, delivery_id: int, as_json: bool) -> None:
    """Show one DELIVERY of PROJECT with its attempts: what was sent, what the platform said, what to do."""
    found, tried = at_desk(lambda desk: receipts.one(desk.db, project, delivery_id))
    data: dict[str, object] = {
        "delivery": delivery(found),
        "attempts": [attempt(found.destination, one) for one in tried],
    }
    show(data, _text(found, tried), as_json=as_json)


def _text(found: Receipt, tried: Sequence[Tried]) -> str:
    words = found.words
    head = pairs(
        {
            "Delivery": found.id,
            "Lead": found.lead_id,
            "Label": found.label,
            "Destination": f"{found.destination}, account {found.account}, {found.action}",
            "Event id": found.sent_as or found.event_id,
            "Kind": None if found.takes_back is None else f"{found.kind.value} of delivery {found.takes_back}",
            "Happened": iso_millis(found.happened_at),
            "Value": _value(found),
            "State": found.state.value,
            "In words": words.sentence or None,
            "Detail": found.detail or None,
            "What to do": words.next_step or None,
            "More": link(found.destination, found.reason),
            "Next try": iso_millis(found.run_at) if found.state == State.WAITING else None,
            "Closes": iso_millis(found.closes_at),
        }
    )
    return "\n\n".join([head, *(_attempt_text(found.destination, one) for one in tried)])


def _value(found: Receipt) -> str | None:
    if found.value_cents is None or found.currency is None:
        return None
    return f"{to_units(found.value_cents, found.currency)} {found.currency}"


def _asked(one: Tried) -> str | None:
    if one.asked is None:
        return None
    end = "no more" if one.ask_at is None else f"next at {iso_millis(one.ask_at)}"
    return f"what became of it: {one.asked} times, {end}"


def _attempt_text(destination: str, one: Tried) -> str:
    words = receipts.words_of(destination, one.code)
    rows = pairs(
        {
            "When": iso_millis(one.started_at),
            "Took": f"{(one.ended_at - one.started_at) / 1000:.0f} ms",
            "To": one.url or None,
            "Answer": None if one.http_status is None else f"HTTP {one.http_status}",
            "Outcome": f"{one.kind} ({one.code})",
            "In words": words.sentence,
            "It said": one.detail or None,
            "What to do": words.next_step or None,
            "More": link(destination, one.code),
            "Reference": one.reference or None,
            "Headers": one.head.replace("\n", "; ") or None,
            "Sent": one.request or None,
            "Asked": _asked(one),
        }
    )
    return f"Attempt {one.number}\n{rows}"
