"""The doctor finds what is wrong, and nothing else."""

import os
from datetime import date
from pathlib import Path

import pytest

from leadtrackr.cli.doctor import WRITTEN, Level, api_versions, clock, sqlite_version
from leadtrackr.conversions.receipts import Clocks
from leadtrackr.destinations.registry import DESTINATIONS
from leadtrackr.destinations.versions import WARN_DAYS
from leadtrackr.kit.clock import MINUTE, SECOND

from .conftest import Environment, Run, data

NOW = WRITTEN + 1_000_000 * SECOND


def _levels(found: dict[str, object]) -> dict[str, str]:
    checks = found["checks"]
    assert isinstance(checks, list)
    return {one["name"]: one["level"] for one in checks}


def test_all_is_well(run: Run, on: Environment) -> None:
    found = data(run(on, "doctor", "--json"))
    assert found["ok"] is True
    names = {"sqlite", "settings", "database", "schema", "clock", "secrets", "Meta API", "Google Ads API"}
    assert names <= _levels(found).keys()
    assert "WRONG" not in run(on, "doctor").stdout


def test_a_database_that_is_not_there_yet_is_not_made(run: Run, environment: Environment, tmp_path: Path) -> None:
    found = data(run(environment, "doctor", "--json"))
    assert _levels(found)["database"] == "warning"
    assert not (tmp_path / "data" / "leadtrackr.db").exists()


@pytest.mark.parametrize(
    ("name", "value", "wrong"),
    [
        ("LEADTRACKR_LOG_LEVEL", "loud", "settings"),
        ("LEADTRACKR_DATABASE_URL", "postgresql://127.0.0.1:1/x", "database"),
    ],
)
def test_what_is_wrong_ends_it_with_1(run: Run, environment: Environment, name: str, value: str, wrong: str) -> None:
    result = run(environment | {name: value}, "doctor")
    assert result.exit_code == 1
    assert f"WRONG    {wrong}: " in result.stdout
    assert result.stderr.strip() == f"Error: Something is wrong: {wrong}."


def test_an_unknown_setting_is_a_warning(run: Run, environment: Environment) -> None:
    result = run(environment | {"LEADTRACKR_DATABSE_URL": "x"}, "doctor")
    assert result.exit_code == 0
    assert "warning  settings: LEADTRACKR_DATABSE_URL is not a setting" in result.stdout


def test_a_file_that_is_no_database(run: Run, environment: Environment, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "leadtrackr.db").write_bytes(os.urandom(4096))
    result = run(environment, "doctor")
    assert result.exit_code == 1
    assert "WRONG    database: " in result.stdout


def test_secrets_under_another_key_are_found(run: Run, on: Environment) -> None:
    project = str(data(run(on, "project", "create", "My site", "--json"))["projectId"])
    run(on, "connect", project, "ga4", "measurement_id=G-AB12CD34", "api_secret=s")
    assert run(on, "doctor").exit_code == 0
    result = run(on | {"LEADTRACKR_SECRET_KEY": "n" * 40}, "doctor")
    assert result.exit_code == 1
    assert "WRONG    secrets: the secret key does not open those of ga4 of project" in result.stdout


def test_an_old_sqlite_is_wrong() -> None:
    assert sqlite_version((3, 36, 9)).level == Level.ERROR
    assert sqlite_version((3, 37, 0)).level == Level.OK


def test_the_end_of_an_api_version_is_announced() -> None:
    ends = DESTINATIONS["meta"].api_version_ends
    assert ends is not None

    def level(days_before: int) -> Level:
        today = date.fromordinal(ends.toordinal() - days_before)
        return next(one.level for one in api_versions(today) if one.name == "Meta API")

    assert level(WARN_DAYS + 1) == Level.OK
    assert level(WARN_DAYS) == Level.WARNING
    assert level(1) == Level.WARNING
    assert level(0) == Level.ERROR
    assert level(-30) == Level.ERROR


@pytest.mark.parametrize(
    ("now", "others", "level"),
    [
        (NOW, Clocks(NOW, None), Level.OK),
        (NOW, Clocks(NOW + 5 * SECOND, NOW + MINUTE), Level.OK),
        (NOW, Clocks(NOW - 6 * SECOND, None), Level.ERROR),
        (NOW, Clocks(NOW, NOW + MINUTE + 1), Level.ERROR),
        (WRITTEN - 1, Clocks(WRITTEN - 1, None), Level.ERROR),
    ],
)
def test_a_wrong_clock_is_found(now: int, others: Clocks, level: Level) -> None:
    assert clock(now, others).level == level
