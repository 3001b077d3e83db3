"""F13: a delivery whose handling kills the process is put aside after three deaths, and all others are delivered."""

import signal

from leadtrackr.conversions import lots
from leadtrackr.conversions.outcomes import POISON
from tests.faults import checker
from tests.faults.backlog import rated_backlog
from tests.faults.frame import Found, Scene, at_most, exactly, fault, noted
from tests.faults.processes import Sandbox, eventually, furnish, sandbox, worker
from tests.support.tables import execute

MOST_DEATHS = lots.DEATHS


@fault("F13")
def test_f13_a_killer_is_put_aside_after_three_deaths_and_all_others_are_delivered(scene: Scene) -> Found:
    """Each worker that dies is started again, until nothing is left to be sent. One killer, and two at once."""
    url, rounds = scene.database_url, scene.pick(short=(1,), long=(1, 2))
    killers: list[str] = []
    deaths = 0
    with sandbox(scene.folder) as platforms:
        for n, at_once in enumerate(rounds):
            with furnish(url, scene.seed + n) as world:
                rated_backlog(world, scene.pick(short=300, long=1500))
            queued = execute(url, "SELECT event_id FROM deliveries WHERE state = 'queued' ORDER BY id")
            chosen = scene.chance.sample([str(row[0]) for row in queued], at_once)
            deaths += _restart_until_settled(scene, platforms, chosen)
            killers += chosen
        keys = platforms.keys("meta")
    rejected = execute(url, "SELECT event_id, code FROM deliveries WHERE state = 'rejected'")
    others = {str(row[0]) for row in execute(url, "SELECT event_id FROM deliveries")} - set(killers)
    accepted = {str(row[0]) for row in execute(url, "SELECT event_id FROM deliveries WHERE state = 'accepted'")}
    return Found(
        len(rounds),
        (
            noted("deaths", deaths),
            at_most("deaths for each killer", deaths / len(killers), MOST_DEATHS),
            exactly("killers not put aside", len(set(killers) - {row[0] for row in rejected if row[1] == POISON}), 0),
            exactly("others refused", len({row[0] for row in rejected} - set(killers)), 0),
            exactly("others not delivered", len(others - (accepted & keys.keys())), 0),
            exactly("killers in the ledger", len(keys.keys() & set(killers)), 0),
            checker.half_writes(url),
        ),
    )


def _restart_until_settled(scene: Scene, platforms: Sandbox, killers: list[str]) -> int:
    """How many workers died."""
    url, deaths = scene.database_url, 0
    trap = ("SIGKILL", f"event={','.join(killers)}", "1", str(lots.LOT))
    while checker.unsettled(url):
        assert deaths < 20 * len(killers), "it never ends"
        with worker(url, scene.folder, platforms.url, *trap) as running:
            running.wait_for("ready")
            eventually(lambda: not running.alive or not checker.unsettled(url), "it dies or delivers all")
            if running.alive:
                assert running.end() == 0, "".join(running.lines)
                break
            assert running.wait() == -signal.SIGKILL, "".join(running.lines)
            deaths += 1
            assert not checker.halves(url)
    assert not checker.unsettled(url)
    return deaths
