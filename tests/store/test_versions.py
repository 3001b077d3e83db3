"""API versions that a platform is about to retire: who uses them, said in time, in words that say what to do."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from leadtrackr.cli.doctor import Finding, Level, api_versions, own_versions
from leadtrackr.conversions import connections
from leadtrackr.conversions.versions import VersionWatch, expiring
from leadtrackr.destinations.contract import Destination
from leadtrackr.destinations.registry import DESTINATIONS
from leadtrackr.destinations.versions import WARN_DAYS, Age, ends_on, life, version_of
from leadtrackr.kit.clock import DAY, HOUR, SECOND, from_datetime
from tests.support.engine import World
from tests.support.working import working

META = DESTINATIONS["meta"]
OLD = "v21.0"
OLD_ENDS = date(2027, 1, 21)
"""By Meta's table of Graph API versions."""
ALL = pytest.mark.parametrize("destination", DESTINATIONS.values(), ids=list(DESTINATIONS))


def at(day: date) -> int:
    """The first moment of a day in UTC."""
    return from_datetime(datetime.combine(day, datetime.min.time(), UTC))


def move_to(world: World, moment: int) -> None:
    world.step(moment - world.clock.now())


def logged(world: World, watch: VersionWatch) -> list[Mapping[str, Any]]:
    """What one look says in the log."""
    with capture_logs() as found:
        world.run(watch.look())
    return [entry for entry in found if entry["event"] == "api_version_ends"]


@ALL
def test_the_declaration_agrees_with_its_table(destination: Destination) -> None:
    table = destination.version_ends
    assert table.get(destination.api_version, destination.api_version_ends) == destination.api_version_ends
    assert version_of(destination, {}) == destination.api_version
    if table:
        field = next(field for field in destination.fields if field.name == "api_version")
        assert field.default == destination.api_version


def test_each_version_has_its_own_end() -> None:
    assert ends_on(META, OLD) == OLD_ENDS
    assert ends_on(META, "v25.0") == date(2028, 7, 29)
    assert ends_on(META, "v99.0") is None
    assert life(META, "v99.0", OLD_ENDS).sentence == "v99.0; when it ends is not known to this program."
    assert life(DESTINATIONS["ga4"], "Measurement Protocol", OLD_ENDS).age == Age.CURRENT


@pytest.mark.parametrize(
    ("days", "age", "sentence"),
    [
        (WARN_DAYS + 1, Age.CURRENT, "v21.0 ends on 2027-01-21."),
        (WARN_DAYS, Age.ENDING, "v21.0 ends on 2027-01-21, in 60 days."),
        (1, Age.ENDING, "v21.0 ends on 2027-01-21, in 1 day."),
        (0, Age.ENDED, "v21.0 ended on 2027-01-21; the platform may refuse everything."),
        (-400, Age.ENDED, "v21.0 ended on 2027-01-21; the platform may refuse everything."),
    ],
)
def test_the_end_comes_nearer(days: int, age: Age, sentence: str) -> None:
    found = life(META, OLD, OLD_ENDS - timedelta(days=days), project="7")
    assert (found.age, found.sentence) == (age, sentence)
    assert found.next_step == ("" if age == Age.CURRENT else "Run: leadtrackr connect 7 meta api_version=v25.0")


def test_when_the_programs_own_version_ends_only_an_update_helps() -> None:
    ends = META.api_version_ends
    assert ends is not None
    today = ends - timedelta(days=30)
    update = "Update LeadTrackr to a release that speaks a newer version."
    assert life(META, META.api_version, today).next_step == update
    found = {one.name: one for one in api_versions(today)}["Meta API"]
    assert found == Finding("Meta API", Level.WARNING, f"v25.0 ends on 2028-07-29, in 30 days. {update}")


def test_the_log_says_it_at_the_start_and_once_a_day(world: World) -> None:
    world.furnish("google_ads")
    world.connect("meta", api_version=OLD)
    move_to(world, at(OLD_ENDS) - (WARN_DAYS + 1) * DAY)
    watch = VersionWatch(world.db, world.clock)
    assert logged(world, watch) == []
    world.step(DAY - SECOND)
    assert logged(world, watch) == []
    world.step(SECOND)
    (entry,) = logged(world, watch)
    assert entry["log_level"] == "warning"
    assert (entry["destination"], entry["reason"]) == ("meta", "v21.0 ends on 2027-01-21, in 60 days.")
    project = world.connections["meta"].project_id
    assert entry["next_step"] == f"Run: leadtrackr connect {project} meta api_version=v25.0"
    assert logged(world, watch) == []
    world.step(DAY)
    assert len(logged(world, watch)) == 1
    assert len(logged(world, VersionWatch(world.db, world.clock))) == 1  # another start
    world.connect("meta", api_version="v25.0")
    world.step(DAY)
    assert logged(world, watch) == []


def test_the_worker_looks_when_it_starts(world: World) -> None:
    world.furnish()
    world.connect("meta", api_version=OLD)
    move_to(world, at(OLD_ENDS) - HOUR)

    async def story() -> None:
        async with working(world) as works:
            await works.deliver()

    with capture_logs() as found:
        world.run(story())
    assert [entry["reason"] for entry in found if entry["event"] == "api_version_ends"] == [
        "v21.0 ends on 2027-01-21, in 1 day."
    ]


def test_the_doctor_names_the_connection_that_keeps_an_old_version(world: World) -> None:
    world.furnish("ga4")
    world.connect("meta", api_version=OLD)
    connected = world.run(connections.everything(world.db))
    project = world.connections["meta"].project_id
    assert list(own_versions(connected, OLD_ENDS - timedelta(days=WARN_DAYS + 1))) == []
    (found,) = own_versions(connected, OLD_ENDS - timedelta(days=WARN_DAYS))
    assert (found.name, found.level) == ("Meta API", Level.WARNING)
    assert found.sentence == (
        f"project {project}: v21.0 ends on 2027-01-21, in 60 days. "
        f"Run: leadtrackr connect {project} meta api_version=v25.0"
    )
    (found,) = own_versions(connected, OLD_ENDS)
    assert found.level == Level.ERROR


def test_the_programs_own_version_is_said_once_by_the_doctor(world: World) -> None:
    world.furnish("meta")
    connected = world.run(connections.everything(world.db))
    ends = META.api_version_ends
    assert ends is not None
    assert list(own_versions(connected, ends)) == []
    assert [one.version for one in expiring(connected, ends)] == ["v25.0"]
