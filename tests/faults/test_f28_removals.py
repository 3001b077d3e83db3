"""F28: safeguards are taken out of copies of the source one at a time: for each there is a test that fails."""

import sys

from tests.faults.frame import Found, Scene, exactly, fault, noted
from tests.faults.removals.runner import each, fails_anyway
from tests.faults.removals.table import REMOVALS


@fault("F28", databases=("both",))
def test_f28_no_safeguard_without_a_test_that_bites(scene: Scene) -> Found:
    """Each row names the database of its test. The short form trusts that the tests pass: they run beside it."""
    wanted = scene.pick(short=[one for one in REMOVALS if one.quick], long=list(REMOVALS))
    caught = 0
    for verdict in each(wanted, together=scene.pick(short=1, long=2)):
        caught += verdict.caught
        word = "caught" if verdict.caught else "NOT CAUGHT"
        print(f"{word}: {verdict.removal.name}: {verdict.words}", file=sys.stderr, flush=True)
    anyway = fails_anyway(wanted) if scene.size == "long" else ""
    if anyway:
        print(anyway, file=sys.stderr)
    return Found(
        runs=len(wanted),
        figures=(
            noted("removals", len(wanted)),
            exactly("caught", caught, len(wanted)),
            exactly("tests that fail anyway", int(bool(anyway)), 0),
        ),
    )
