"""F2: the worker is killed with -9 at every point of a delivery. Nothing is lost, and at most a batch is sent again."""

import signal
import time
from dataclasses import dataclass

from leadtrackr.kit.clock import SECOND
from tests.faults import checker
from tests.faults.frame import Found, Scene, at_most, exactly, fault
from tests.faults.processes import LEASE_S, POLL_S, Sandbox, eventually, furnish, rate_many, sandbox, worker
from tests.faults.trapped_worker import BATCH, LOT
from tests.support.tables import execute

POINTS = ("after_claim", "before_send", "after_send", "mid_record", "after_record")
SENT = ("after_send", "mid_record")
"""Where the platform has it and the database does not."""
LEADS = 3 * BATCH
_RESCUED = "SELECT min(started_at) FROM attempts WHERE delivery_id = ? AND code <> 'taken_over'"
SLACK_S = 2.0
"""For a busy machine: the bar is lease and poll, what comes on top is the time that things take."""


@fault("F2", variants=POINTS)
def test_f2_nothing_is_lost_and_at_most_one_batch_is_sent_again(scene: Scene) -> Found:
    """One kill, or several one after the other, each with leads and a connection of its own."""
    url, kills = scene.database_url, scene.pick(short=1, long=5)
    deaths: list[_Death] = []
    with sandbox(scene.folder) as platforms:
        for kill in range(kills):
            with furnish(url, scene.seed + kill) as world:
                rate_many(world, LEADS)
            deaths.append(_kill(scene, platforms))
        keys = platforms.keys("meta")
    resent = sum(times - 1 for times in keys.values())
    assert resent == sum(death.sent for death in deaths), "something was sent again that nobody had lost"
    assert scene.variant not in SENT or all(death.sent for death in deaths), "it died somewhere else"
    orphans = sum(death.orphans for death in deaths)
    taken_over = execute(url, checker.TAKEN_OVER)[0][0]
    recorded = execute(url, checker.ATTEMPTS)[0][0] - taken_over
    late_s = max(death.late_s for death in deaths)
    return Found(
        kills,
        (
            *checker.delivered(url, keys),
            at_most("sent again", max(death.sent for death in deaths), BATCH),
            exactly("recorded twice", recorded - LEADS * kills, 0),
            exactly("taken over", taken_over, orphans),
            *([at_most("the last after s", late_s, LEASE_S + POLL_S + SLACK_S)] if orphans else []),
            checker.half_writes(url),
        ),
    )


@dataclass(frozen=True)
class _Death:
    orphans: int
    """Deliveries under the dead worker's leases: a lot is recorded, one sent, three claimed ahead at most."""
    sent: int
    """Those of them that the platform had."""
    late_s: float
    """Seconds from death, or from the end of the lease, to the first of them."""


def _kill(scene: Scene, platforms: Sandbox) -> _Death:
    """A worker dies in its second lot, another delivers the rest."""
    point, url = scene.variant, scene.database_url
    with worker(url, scene.folder, platforms.url, "SIGKILL", point, "2") as victim:
        assert victim.wait() == -signal.SIGKILL, "".join(victim.lines)
    died_at = time.time()
    rows = execute(url, "SELECT id, event_id FROM deliveries WHERE state = 'sending'")
    orphans: dict[int, str] = dict(rows)
    assert len(orphans) <= 5 * LOT
    assert orphans or point == "after_record", "it died in the middle of a lot"
    sent = len(platforms.keys("meta").keys() & set(orphans.values()))
    assert not checker.halves(url)
    with worker(url, scene.folder, platforms.url) as rescuer:
        rescuer.wait_for("ready")
        ready_at = time.time()
        eventually(lambda: checker.unsettled(url) == 0, "everything is settled")
        assert rescuer.end() == 0, "".join(rescuer.lines)
    if not orphans:
        return _Death(0, 0, 0.0)
    first = execute(url, _RESCUED, min(orphans))[0][0]
    return _Death(len(orphans), sent, float(first / SECOND - max(died_at, ready_at - LEASE_S)))
