"""F27: any course of events in a model of the engine: many more of them than the short form of the same machine has."""

import time
import traceback
from collections import Counter
from typing import ClassVar

from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from leadtrackr.conversions.model import TRANSITIONS, State
from tests.faults.frame import Found, Scene, at_least, exactly, fault
from tests.store.test_machine import Engine

DRAWN = {(state, became) for state, ways in TRANSITIONS.items() for became in ways}
COURSES = 400
AT_ONCE = 20
WITHIN_S = 150.0
STEPS = 40


class Counted(Engine):
    """The same machine, which counts what it has been through."""

    seen: ClassVar[Counter[str]]
    steps: ClassVar[set[tuple[State, State]]]
    """The steps of deliveries, each of which must be drawn."""

    def teardown(self) -> None:
        super().teardown()
        self.seen["courses"] += 1
        self.seen["transitions"] += self.moves
        self.steps.update(self.steps_seen)


@fault("F27")
def test_f27_no_course_of_events_breaks_a_rule(scene: Scene) -> Found:
    """The short form is a handful: tests/store/test_machine.py runs more of them in the same suite."""
    number = 0

    def fresh_url() -> str:
        nonlocal number
        number += 1
        folder = scene.folder / str(number)
        folder.mkdir()
        return scene.stores.make(scene.database, folder)

    seen: Counter[str] = Counter()
    steps: set[tuple[State, State]] = set()
    machine = type("BoundEngine", (Counted,), {"fresh_url": staticmethod(fresh_url), "seen": seen, "steps": steps})
    courses, failures, until = scene.pick(short=5, long=COURSES), 0, time.monotonic() + WITHIN_S
    while seen["courses"] < courses and not failures and time.monotonic() < until:
        failures += _run(machine, scene.seed + seen["courses"], min(AT_ONCE, courses))
    return Found(
        seen["courses"],
        (
            at_least("transitions", seen["transitions"], 1),
            at_least(f"of the {len(DRAWN)} drawn steps, seen", len(steps), scene.pick(short=8, long=20)),
            exactly("failures", failures, 0),
        ),
    )


def _run(machine: type[Counted], number: int, courses: int) -> int:
    """Some courses, by a seed; 1 when one of them broke a rule. What it was is printed, as short as can be."""
    rules = settings(
        max_examples=courses,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    try:
        run_state_machine_as_test(seed(number)(machine), settings=rules)
    except Exception as error:  # noqa: BLE001 - whatever it is, a rule of the machine or a fault of the engine
        print(f"seed {number}:", "".join(traceback.format_exception(error)))
        return 1
    return 0
