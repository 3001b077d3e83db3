"""docs/reference/states.md says what the code does."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from leadtrackr.conversions.model import TRANSITIONS, UNSETTLED, JobState, State
from leadtrackr.conversions.schedule import DELAYS
from leadtrackr.destinations.contract import Limits
from leadtrackr.kit.clock import HOUR, MINUTE, SECOND

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reference" / "states.md").read_text()


def test_every_step_is_drawn_and_every_drawn_step_exists() -> None:
    drawn = set(re.findall(r"^    (\w+) --> (\w+)", PAGE, re.MULTILINE))
    assert drawn == {(str(here), str(there)) for here, ways in TRANSITIONS.items() for there in ways}


def test_every_state_that_a_delivery_can_begin_in_is_drawn_and_no_other() -> None:
    """Deliveries are made of a `Planned`, whose state is written out where it is made and where it is settled."""
    begun = {state for path in (ROOT / "src").rglob("*.py") for state in _planned(ast.parse(path.read_text()))}
    drawn = re.findall(r"^    \[\*\] --> (\w+)", PAGE, re.MULTILINE)
    assert sorted(drawn) == sorted(str(State[name]) for name in begun)


def _planned(source: ast.Module) -> Iterator[str]:
    """The names of the states in calls of `Planned` and `settled_as`; AssertionError for one that is worked out."""
    for node in ast.walk(source):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        if node.func.id in ("Planned", "settled_as"):
            named = [one.value for one in node.keywords if one.arg == "state"]
            (state,) = named or node.args[1:2]
            assert isinstance(state, ast.Attribute), ast.unparse(node)
            assert ast.unparse(state.value) == "State", ast.unparse(node)
            yield state.attr


def test_every_state_is_explained_and_marked_settled_or_not() -> None:
    rows = re.findall(r"^\| `(\w+)` \| .+ \| (yes|no) \|$", PAGE, re.MULTILINE)
    assert rows == [(str(state), "no" if state in UNSETTLED else "yes") for state in State]


def test_every_job_state_is_explained() -> None:
    section = PAGE.split("## Job")[1].split("## Lead")[0]
    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == [str(state) for state in JobState]


def test_the_schedule_of_tries_is_the_engines() -> None:
    assert DELAYS == (5 * SECOND, 30 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR)
    assert Limits(batch_events=1, batch_bytes=1).retry_days == 3
    assert "after 5 seconds, 30 seconds, 5 minutes, 30 minutes, 2, 5 and 10 hours, then every 10 hours" in PAGE
    assert "for three days from the first try that failed" in PAGE
