"""The reference page of the commands, made from the commands: `python -m leadtrackr.cli.reference`."""

import inspect
import sys
from collections.abc import Iterator
from typing import Final

import click

from leadtrackr.cli.main import commands

_INTRO: Final = """# The command line

This page is made from the commands with `python -m leadtrackr.cli.reference`. `python -m leadtrackr` is the same as
`leadtrackr`; every command has `--help`.

PROJECT is a project's id or its number. A command that prints data prints it to standard output, with `--json` as one
JSON object; everything else, progress too, goes to standard error. What goes wrong is one sentence there.

| Exit code | Means |
|---|---|
| 0 | It worked. |
| 1 | It did not; the sentence says why and what to do. |
| 2 | The command was not understood; `--help` shows how it is written. |

The settings come from the environment and from `.env`: [settings](settings.md). On SQLite the commands work beside a
server that runs.

## Make targets

| Target | Does |
|---|---|
| `make demo` | installs into `.venv` and runs `leadtrackr demo`; `make demo ONCE=1` runs it with `--once` |
| `make test` | linters, types and every test, on SQLite and on PostgreSQL, which it starts by itself |
| `make faults` | the long form of the fault tests, as a table and in [faults](faults.md); `ONLY=F4,F9` picks some |
| `make check` | linters, types and import contracts |
| `make bench` | the benchmarks, as a table of ratios and in `bench/results/latest.json` |
"""


def page() -> str:
    """The whole page, Markdown."""
    root = click.Context(commands, info_name="leadtrackr")
    return "\n".join([_INTRO, *(line for name in commands.list_commands(root) for line in _section(root, name))])


def _section(parent: click.Context, name: str) -> Iterator[str]:
    group = parent.command
    assert isinstance(group, click.Group)  # noqa: S101 - only groups have sections below them
    command = group.get_command(parent, name)
    assert command is not None  # noqa: S101 - the name is from the group's own list
    context = click.Context(command, info_name=name, parent=parent)
    yield f"## `{context.command_path}`\n" if parent.parent is None else f"### `{context.command_path}`\n"
    yield inspect.cleandoc(command.help or "") + "\n"
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            yield from _section(context, below)
        return
    yield f"```\n{context.command_path} {' '.join(command.collect_usage_pieces(context))}\n```\n"
    # Arguments are explained in the text above.
    records = [
        record
        for option in command.params
        if isinstance(option, click.Option) and (record := option.get_help_record(context))
    ]
    if records:
        yield "| Option | Does |"
        yield "|---|---|"
        yield from (f"| `{name}` | {text} |".replace(" | |", " |") for name, text in map(_escaped, records))
        yield ""


def _escaped(record: tuple[str, str]) -> tuple[str, str]:
    name, text = record
    return name.replace("|", "\\|"), text.replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(page())
