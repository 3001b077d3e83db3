"""F2: the worker is killed with -9 at every point of a delivery. Nothing is lost, and at most a batch is sent again."""

import asyncio
import signal
import time
from pathlib import Path

import pytest

from leadtrackr.conversions import service
from leadtrackr.kit.clock import SECOND
from tests.faults.processes import LEASE_S, POLL_S, Sandbox, eventually, figure, furnish, worker
from tests.faults.trapped_worker import BATCH, LOT
from tests.support.engine import World
from tests.support.tables import execute

POINTS = ("after_claim", "before_send", "after_send", "mid_record", "after_record")
LEADS = 3 * BATCH
SLACK_S = 2.0
"""For a busy machine: the bar is lease and poll, what comes on top is the time that things take."""


def rate_many(world: World, count: int) -> None:
    async def all_of_it() -> None:
        posts = [world.post(lead, "Won", 100) for lead in leads]
        await asyncio.gather(*(service.update_status(world.db, world.ids, world.api_key, post) for post in posts))

    leads = [world.lead(email=f"lead{n}@example.de") for n in range(count)]
    world.run(all_of_it())


def unsettled(url: str) -> int:
    states = "('queued', 'sending', 'waiting', 'held')"
    return int(execute(url, f"SELECT count(*) FROM deliveries WHERE state IN {states}")[0][0])  # noqa: S608


@pytest.mark.parametrize("point", POINTS)
def test_f2_nothing_is_lost_and_at_most_one_batch_is_sent_again(
    point: str, database_url: str, tmp_path: Path, fresh_sandbox: Sandbox
) -> None:
    with furnish(database_url) as world:
        rate_many(world, LEADS)
    with worker(database_url, tmp_path, fresh_sandbox.url, "SIGKILL", point, "2") as victim:
        assert victim.wait() == -signal.SIGKILL
    died_at = time.time()
    sent_before = fresh_sandbox.keys("meta")
    orphans: dict[int, str] = dict(
        execute(database_url, "SELECT id, event_id FROM deliveries WHERE state = 'sending' ORDER BY id"),
    )
    assert len(orphans) <= 3 * LOT, "one recorded, one sent, one claimed ahead"
    assert orphans or point == "after_record"
    with worker(database_url, tmp_path, fresh_sandbox.url) as rescuer:
        rescuer.wait_for("ready")
        ready_at = time.time()
        eventually(lambda: unsettled(database_url) == 0, "everything is settled")
        assert rescuer.end() == 0

    keys = fresh_sandbox.keys("meta")
    made = execute(database_url, "SELECT id, event_id, state, takeovers FROM deliveries ORDER BY id")
    lost = [event_id for _, event_id, state, _ in made if state != "accepted" or event_id not in keys]
    resent = sum(times - 1 for times in keys.values())
    assert lost == []
    assert keys.keys() == {event_id for _, event_id, _, _ in made}, "a key that nobody made"
    assert resent <= BATCH
    assert resent == len(sent_before.keys() & set(orphans.values()))
    assert resent or point not in ("after_send", "mid_record")
    assert [number for number, _, _, takeovers in made if takeovers] == list(orphans)
    assert execute(database_url, "SELECT count(*) FROM attempts") == [(LEADS,)], "recorded twice"
    assert execute(database_url, "SELECT count(*) FROM jobs WHERE state = 'pending' OR remaining <> 0") == [(0,)]
    shown = "SELECT count(*) FROM leads JOIN labels ON labels.id = leads.label_id WHERE leads.status = conversion_id"
    assert execute(database_url, shown) == [(LEADS,)]

    late_s = 0.0
    if orphans:
        first = execute(database_url, "SELECT min(started_at) FROM attempts WHERE delivery_id = ?", min(orphans))[0][0]
        late_s = first / SECOND - max(died_at, ready_at - LEASE_S)
        assert late_s <= LEASE_S + POLL_S + SLACK_S
    figure(
        f"F2 {point}",
        database_url,
        1,
        f"lost {len(lost)}, sent again {resent}, recorded twice 0, taken over after {late_s:.1f} s",
        f"lost 0, sent again <= {BATCH}, taken over within {LEASE_S + POLL_S:.1f} s and the time it takes",
        "none",
    )
