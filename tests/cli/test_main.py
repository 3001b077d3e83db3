"""What holds for every command."""

import json
import subprocess
import sys

import pytest

from leadtrackr import __version__
from leadtrackr.cli.main import COMMANDS

from .conftest import LEADTRACKR, Environment, Run, data


def test_the_list_of_commands_loads_none_of_them() -> None:
    code = (
        "import sys; from click.testing import CliRunner; from leadtrackr.cli.main import commands;"
        "print(CliRunner().invoke(commands, ['--help']).output);"
        "print(sorted({'sqlalchemy', 'aiohttp', 'uvicorn', 'starlette'} & set(sys.modules)))"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert all(f"  {name} " in output for name in COMMANDS)
    assert output.splitlines()[-1] == "[]"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(run: Run, environment: Environment, name: str) -> None:
    result = run(environment, name, "--help")
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Usage: leadtrackr {name}")


def test_python_m_is_the_same(environment: Environment) -> None:
    done = subprocess.run([*LEADTRACKR, "version", "--json"], capture_output=True, text=True, env=environment)
    assert json.loads(done.stdout)["version"] == __version__


def test_the_version_can_be_read(run: Run, environment: Environment) -> None:
    assert data(run(environment, "version", "--json"))["version"] == __version__
    assert run(environment, "version").stdout.startswith(f"LeadTrackr {__version__} (schema ")


@pytest.mark.parametrize("args", [("nope",), ("project", "nope"), ("serve", "--port", "x"), ("label", "create")])
def test_what_is_not_understood_ends_with_2(run: Run, environment: Environment, args: tuple[str, ...]) -> None:
    result = run(environment, *args)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "--help" in result.stderr


@pytest.mark.parametrize("args", [("project", "create", "Caf\udce9"), ("connect", "1", "meta", "access_token=\udcff")])
def test_an_argument_that_is_no_text_is_not_understood(run: Run, on: Environment, args: tuple[str, ...]) -> None:
    """As Python gives a byte that is not UTF-8, such as an é of an old terminal. No database can hold it."""
    result = run(on, *args)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines()[-1] == "Error: An argument is not UTF-8. Set the terminal to UTF-8 and try again."


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("LEADTRACKR_LOG_LEVEL", "loud", "Error: LEADTRACKR_LOG_LEVEL: use one of debug, info, warning, error."),
        ("LEADTRACKR_SECRET_KEY", "short", "Error: LEADTRACKR_SECRET_KEY: each key must have at least 32 characters."),
    ],
)
@pytest.mark.parametrize("args", [("project", "list"), ("serve",), ("worker",), ("migrate",)])
def test_a_wrong_setting_stops_with_one_sentence(
    run: Run, environment: Environment, args: tuple[str, ...], name: str, value: str, sentence: str
) -> None:
    result = run(environment | {name: value}, *args)
    assert result.exit_code == 1
    assert (result.stdout, result.stderr.strip()) == ("", sentence)


@pytest.mark.parametrize("args", [("project", "list"), ("serve", "--port", "0"), ("worker",), ("migrate",)])
def test_a_database_that_is_away_is_one_sentence_without_the_password(
    run: Run, environment: Environment, args: tuple[str, ...]
) -> None:
    away = environment | {"LEADTRACKR_DATABASE_URL": "postgresql://jan:hidden-word@127.0.0.1:1/leads"}
    result = run(away, *args)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: The database postgresql://127.0.0.1:1/leads cannot be used: ")
    assert "hidden-word" not in result.output
    assert len(result.stderr.splitlines()) == 1
