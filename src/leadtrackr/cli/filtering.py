"""The options that say which deliveries: the filters of the API, for listing and for orders."""

import functools
from collections.abc import Callable, Iterable
from typing import Any, Final

import click

from leadtrackr.conversions.model import State
from leadtrackr.conversions.receipts import Filters
from leadtrackr.destinations import registry
from leadtrackr.kit.query import time, until

_Command = Callable[..., Any]
_OTHERS: Final = (
    click.option("--destination", help="Only those for this platform."),
    click.option("--lead", "lead_id", type=click.IntRange(1), help="Only those of this lead."),
    click.option("--code", help="Only those with this code."),
    click.option("--since", metavar="TIME", help="Only those made then or later: ISO 8601, in UTC without a zone."),
    click.option("--until", "to", metavar="TIME", help="Only those made then or earlier."),
)


def filter_options(states: Iterable[State]) -> Callable[[_Command], _Command]:
    """Adds the filters to a command, of these states; what they say is its parameter `filters`."""
    of_state = click.option(
        "--state",
        "states",
        type=click.Choice([state.value for state in states]),
        multiple=True,
        help="Only those in this state; may be given several times.",
    )

    def add(command: _Command) -> _Command:
        @functools.wraps(command)
        def run(
            *,
            states: tuple[str, ...],
            destination: str | None,
            lead_id: int | None,
            code: str | None,
            since: str | None,
            to: str | None,
            **others: Any,
        ) -> Any:
            filters = Filters(
                states=frozenset(map(State, states)),
                destination=None if destination is None else registry.get(destination).slug,
                lead_id=lead_id,
                code=code,
                created_from=None if since is None else time({"--since": since}, "--since"),
                created_to=None if to is None else until({"--until": to}, "--until"),
            )
            return command(filters=filters, **others)

        return functools.reduce(lambda made, option: option(made), reversed((of_state, *_OTHERS)), run)

    return add
