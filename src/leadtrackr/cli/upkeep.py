"""`leadtrackr migrate`, `sandbox` and `version`."""

import platform
import sqlite3
from pathlib import Path

import click

import leadtrackr
from leadtrackr.cli.desk import load, reaching
from leadtrackr.cli.listening import reason_of
from leadtrackr.cli.output import json_option, show
from leadtrackr.db import migrate as schema
from leadtrackr.kit.errors import LeadTrackrError
from leadtrackr.sandbox import server


class CannotStart(LeadTrackrError):
    """The sandbox's address or ledger file cannot be used."""


@click.command()
@json_option
def migrate(as_json: bool) -> None:
    """Bring the database up to date. Does nothing when it is."""
    values = load()
    url = values.database_url.reveal()
    with reaching(values):
        before = schema.current(url)
        schema.upgrade(url)
        after = schema.current(url)
    done = "is up to date" if before == after else f"went from {before or 'empty'} to {after}"
    data: dict[str, object] = {"database": values.database_place, "before": before, "after": after}
    show(data, f"The schema of {values.database_place} {done}.", as_json=as_json)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option("--port", default=8900, show_default=True, type=click.IntRange(0, 65535), help="0 picks a free one.")
@click.option("--ledger", type=click.Path(dir_okay=False, path_type=Path), help="Append every call to this file.")
@click.option("--no-bodies", is_flag=True, help="Keep neither bodies nor headers, for benchmarks.")
def sandbox(host: str, port: int, ledger: Path | None, no_bodies: bool) -> None:
    """Run the emulated ad platforms alone, and print their address.

    Set LEADTRACKR_SANDBOX_URL to it, and the server sends there and nowhere else.
    """
    try:
        server.run(host, port, ledger_file=ledger, bodies=not no_bodies)
    except OSError as error:
        raise CannotStart(f"The sandbox cannot start at {host}, port {port}: {reason_of(error)}.") from error


@click.command()
@json_option
def version(as_json: bool) -> None:
    """Print the version."""
    data: dict[str, object] = {
        "version": leadtrackr.__version__,
        "schema": schema.HEAD,
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
    }
    text = "LeadTrackr {version} (schema {schema}, Python {python}, SQLite {sqlite})".format_map(data)
    show(data, text, as_json=as_json)
