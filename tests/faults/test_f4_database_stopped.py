"""F4: PostgreSQL's backends are killed under load, then the server stops as in a power cut, and comes back."""

import time

from tests.faults import checker
from tests.faults.frame import Found, Scene, at_most, exactly, fault, noted
from tests.faults.load import Load
from tests.faults.processes import eventually, furnish, sandbox, server
from tests.support import postgres
from tests.support.tables import execute

CLIENTS = 8
BACK_S = 10.0
_KILL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'faults' AND pid <> pg_backend_pid()"


@fault("F4", databases=("postgresql",), variants=("backends killed", "server stopped"))
def test_f4_clients_are_told_to_come_back_and_nothing_is_half_written(scene: Scene) -> Found:
    """On a server of its own, whose commits are on disk before they are acknowledged."""
    with postgres.server(durable=True) as own, sandbox(scene.folder) as platforms:
        url = own.fresh("faults")
        with furnish(url, scene.seed) as world:
            load = Load(world, CLIENTS)
        with server(url, scene.folder, platforms.url) as running, load:
            load.go(running.url)
            load.wait_for(30)
            runs, late_s = (_kill_backends if scene.variant == "backends killed" else _stop)(scene, own, load, url)
            load.wait_for(30)
            load.end()
            eventually(lambda: checker.unsettled(url) == 0, "everything is settled")
            running.end()
        keys = platforms.keys("meta")
        assert load.answers[503] > 0, "no client ever met the fault"
        return Found(
            runs,
            (
                noted("ratings", len(load.ratings)),
                noted("503", load.answers[503]),
                load.only_fine(),
                exactly("broken connections", load.broken_off, 0),
                at_most("draining again after s", late_s, BACK_S),
                *checker.acknowledged(url, load.leads, load.ratings),
                checker.half_writes(url),
                *checker.delivered(url, keys),
            ),
        )


def _kill_backends(scene: Scene, own: postgres.Server, load: Load, url: str) -> tuple[int, float]:
    """Every backend of the program, again and again; how often, and the longest time until something was delivered."""
    kills, late_s = scene.pick(short=5, long=100), 0.0
    for _ in range(kills):
        own.order(_KILL)
        late_s = max(late_s, _draining_again(url))
        load.wait_for(scene.chance.randint(5, 30))
    return kills, late_s


def _stop(scene: Scene, own: postgres.Server, load: Load, url: str) -> tuple[int, float]:
    stops, late_s = scene.pick(short=1, long=3), 0.0
    for _ in range(stops):
        own.stop_at_once()
        # The fault itself takes this long; nothing is waited for.
        time.sleep(scene.pick(short=4, long=60))
        own.start()
        late_s = max(late_s, _draining_again(url))
        assert checker.halves(url) == {}
        load.wait_for(10)
    return stops, late_s


def _draining_again(url: str) -> float:
    """Waits for the first delivery that is settled from now on; the seconds that it took."""
    since = time.monotonic()
    before = execute(url, checker.ATTEMPTS)[0][0]
    eventually(lambda: execute(url, checker.ATTEMPTS)[0][0] > before, "it delivers again")
    return time.monotonic() - since
