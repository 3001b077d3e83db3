"""`leadtrackr`: the commands. Each is loaded when it is asked for, so that the help is there at once."""

import importlib
from collections.abc import Mapping
from typing import Any, Final

import click

from leadtrackr.kit.errors import LeadTrackrError

COMMANDS: Final[Mapping[str, tuple[str, str]]] = {
    "serve": ("leadtrackr.cli.serve:serve", "Run the API and the delivery loop."),
    "worker": ("leadtrackr.cli.serve:worker", "Run the delivery loop alone (PostgreSQL)."),
    "migrate": ("leadtrackr.cli.upkeep:migrate", "Bring the database up to date."),
    "doctor": ("leadtrackr.cli.doctor:doctor", "Check everything that the program needs."),
    "demo": ("leadtrackr.cli.demo.command:demo", "See the whole way from a lead to the platforms."),
    "sandbox": ("leadtrackr.cli.upkeep:sandbox", "Run the emulated ad platforms alone."),
    "project": ("leadtrackr.cli.projects:project", "Make and list projects."),
    "label": ("leadtrackr.cli.projects:label", "Make and list conversion labels."),
    "user": ("leadtrackr.cli.user:user", "Let people sign in to the dashboard."),
    "connect": ("leadtrackr.cli.connect:connect", "Connect a project to an ad platform."),
    "destinations": ("leadtrackr.cli.connect:destinations", "The ad platforms: list, check, choose accounts."),
    "conversions": ("leadtrackr.cli.conversions:conversions", "Deliveries with their attempts, in words."),
    "incidents": ("leadtrackr.cli.incidents:incidents", "What is wrong with connections, and since when."),
    "version": ("leadtrackr.cli.upkeep:version", "Print the version."),
}
"""Name → where the command is, and its line in the list; in the order of the list."""


class Commands(click.Group):
    """The commands by name, and errors as one sentence with exit code 1."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's own form
        """All names."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of that name, loaded."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Writes the list without loading any of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Refuses what no database can hold before any command is asked."""
        if not all(map(_is_text, args)):
            raise click.UsageError("An argument is not UTF-8. Set the terminal to UTF-8 and try again.", ctx)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Runs a command; what can go wrong ends in its sentence on standard error."""
        try:
            return super().invoke(ctx)
        except LeadTrackrError as error:
            raise click.ClickException(str(error)) from error


def _is_text(argument: str) -> bool:
    try:
        argument.encode()
    except UnicodeEncodeError:
        return False
    return True


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def commands() -> None:
    """LeadTrackr, self-hosted: takes leads in, lets them be rated, sends each rating to the ad platforms."""


def main() -> None:
    """The console script."""
    commands(prog_name="leadtrackr")
