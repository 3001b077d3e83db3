"""How a command is told which lead, as the API is: the first one given decides alone."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def lead_options(command: F) -> F:
    """Adds the four; the parameters are `lead_id`, `identifier`, `email` and `phone`."""
    for option in (
        click.option("--phone", help="The lead's phone number."),
        click.option("--email", help="The lead's e-mail address."),
        click.option("--identifier", help="The lead's uniqueIdentifier."),
        click.option("--lead", "lead_id", type=click.IntRange(1), help="The lead's number."),
    ):
        command = option(command)
    return command
