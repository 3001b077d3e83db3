"""What “will it count?” says before a rating is what the strict platforms make of it later: 0 disagreements.

More seeds: SEEDS=50 python -m pytest tests/counting
"""

import os
from collections import Counter
from collections.abc import Callable, Iterable

import pytest

from leadtrackr.destinations.registry import DESTINATIONS
from tests.counting.people import DAY_S, Case, kinds, random_ones, somebody, structured
from tests.counting.sweep import as_odd_as_they_come, at_every_age, while_held

SEEDS = range(int(os.environ.get("SEEDS", "4")))
"""Each with other leads and other settings."""
EDGY = ("whole", "nothing", "hashed data", "clicks, granted", "whole, no clicks", "whole, no data")


def few(database_url: str) -> int:
    """What comes of the data is the same on both databases: a third of the cases is enough on the slower one."""
    return 1 if database_url.startswith("sqlite") else 3


def test_every_kind_of_lead_at_every_age(database_url: str) -> None:
    found = at_every_age(database_url, list(structured())[:: few(database_url)])
    assert found.disagreements == []
    assert found.cases > 8_000 / few(database_url)
    assert found.forced > 50 / few(database_url)
    assert Counter({"no window_closed": 25, "not_yet too_recent": 50, "no consent_denied": 50}) <= found.said
    assert {"yes", "no missing_data", "counted converted_once", "counted", "no_event"} <= found.said.keys()


@pytest.mark.parametrize("seed", SEEDS)
def test_leads_as_odd_as_clients_send_them_with_any_choice_of_settings(database_url: str, seed: int) -> None:
    found = as_odd_as_they_come(database_url, list(random_ones(seed, 60 // few(database_url))), seed)
    assert found.disagreements == []
    assert found.said["yes"] > 100
    assert found.said["no missing_data"] > 50


@pytest.mark.parametrize("late_s", [-1, 1])
@pytest.mark.parametrize("edge", [min, max])
def test_a_held_connection_that_is_mended_a_second_before_and_after_the_end(
    database_url: str, edge: Callable[[Iterable[int]], int], late_s: int
) -> None:
    cases = [
        Case(name, 10 * DAY_S, somebody(number, parts, consent))
        for number, (name, parts, consent) in enumerate(kinds())
        if name in EDGY
    ]
    found = while_held(database_url, cases, edge, late_s)
    assert found.disagreements == []
    assert found.said["when_mended paused_by_person"] > 5 * len(DESTINATIONS)
