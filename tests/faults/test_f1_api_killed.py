"""F1: the server is killed with -9 under load, again and again. What it has acknowledged is there."""

import http.client
import json
import random
import threading
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.faults.processes import Process, Sandbox, environment, eventually, figure, furnish
from tests.faults.test_f2_worker_killed import unsettled
from tests.support.tables import execute

KILLS = 3
CLIENTS = 8
HALVES = {
    "lead without job": "SELECT count(*) FROM leads WHERE (label_id IS NOT NULL OR status <> 'open'"
    " OR stage <> 'open') AND id NOT IN (SELECT lead_id FROM jobs)",
    "job without lead": "SELECT count(*) FROM jobs JOIN labels ON labels.id = jobs.label_id WHERE lead_id NOT IN"
    " (SELECT id FROM leads WHERE label_id = labels.id AND status = labels.conversion_id AND stage = 'rated')",
    "job without deliveries": "SELECT count(*) FROM jobs WHERE id NOT IN (SELECT job_id FROM deliveries)",
    "delivery without its job's count": "SELECT count(*) FROM jobs WHERE remaining <>"
    " (SELECT count(*) FROM deliveries WHERE job_id = jobs.id AND passed = 0)",
    "price without job": "SELECT count(*) FROM leads WHERE price IS NOT NULL AND price NOT IN"
    " (SELECT value_cents FROM deliveries WHERE lead_id = leads.id)",
}


@dataclass
class Load:
    """Clients that make leads and rate them, whatever becomes of the server. Each rating has a price of its own."""

    project_ref: str
    api_key: str
    conversion_id: str
    address: str = ""
    up: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)
    lock: threading.Condition = field(default_factory=threading.Condition)
    leads: set[int] = field(default_factory=set)
    ratings: set[tuple[int, int]] = field(default_factory=set)
    prices: int = 0
    broken_off: int = 0

    def client(self) -> None:
        """One client, on a connection that it keeps."""
        connection: http.client.HTTPConnection | None = None
        while not self.over.is_set():
            self.up.wait()
            try:
                if connection is None:
                    connection = http.client.HTTPConnection(urlsplit(self.address).netloc, timeout=10)
                self._lead_and_rating(connection)
            except (OSError, http.client.HTTPException):
                self.broken_off += 1
                if connection is not None:
                    connection.close()
                connection = None
        if connection is not None:
            connection.close()

    def _lead_and_rating(self, connection: http.client.HTTPConnection) -> None:
        with self.lock:
            self.prices += 1
            price = self.prices
        made = self._post(connection, "createLead", {"projectId": self.project_ref, "userData": {"email": "a@b.de"}})
        with self.lock:
            self.leads.add(made)
        rating = {"leadId": made, "conversionId": self.conversion_id, "price": price}
        self._post(connection, "updateLeadStatus", rating)
        with self.lock:
            self.ratings.add((made, price))
            self.lock.notify_all()

    def _post(self, connection: http.client.HTTPConnection, call: str, body: object) -> int:
        headers = {"Content-Type": "application/json", "X-API-Key": self.api_key}
        connection.request("POST", f"/api/leads/{call}", json.dumps(body), headers)
        answer = connection.getresponse()
        found = json.loads(answer.read())
        assert answer.status == 201, found
        return int(found["leadId"])

    def wait_for(self, more: int) -> None:
        """Waits for so many acknowledged ratings more."""
        with self.lock:
            wanted = len(self.ratings) + more
            assert self.lock.wait_for(lambda: len(self.ratings) >= wanted, 60), "the load stands still"


def broken_halves(url: str) -> dict[str, int]:
    return {name: execute(url, sql)[0][0] for name, sql in HALVES.items()}


@pytest.mark.parametrize("seed", [20261123])
def test_f1_what_was_acknowledged_is_there_however_often_the_server_is_killed(
    seed: int, database_url: str, tmp_path: Path, fresh_sandbox: Sandbox
) -> None:
    chance = random.Random(seed)
    with furnish(database_url) as world:
        load = Load(world.project_ref, world.api_key, world.labels["Won"].conversion_id)
    environ = environment(database_url, tmp_path, fresh_sandbox.url)
    clients = [threading.Thread(target=load.client, daemon=True) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    for life in range(KILLS + 1):
        with Process("-m", "leadtrackr", "serve", "--port", "0", environ=environ) as server:
            load.address = json.loads(server.wait_for('"listening"'))["url"]
            load.up.set()
            load.wait_for(chance.randint(60, 160))
            if life < KILLS:
                # Cleared first, so that the clients wait for the new address once they are cut off.
                load.up.clear()
                server.kill()
                assert broken_halves(database_url) == dict.fromkeys(HALVES, 0)
                continue
            load.over.set()
            for client in clients:
                client.join(30)
            eventually(lambda: unsettled(database_url) == 0, "everything is settled")
            assert server.end() == 0, "".join(server.lines)

    leads = {row[0] for row in execute(database_url, "SELECT id FROM leads")}
    ratings = set(execute(database_url, "SELECT lead_id, value_cents FROM deliveries"))
    accepted = {row[0] for row in execute(database_url, "SELECT event_id FROM deliveries WHERE state = 'accepted'")}
    missing = len(load.leads - leads) + len(load.ratings - ratings)
    keys = fresh_sandbox.keys("meta")
    assert missing == 0
    assert broken_halves(database_url) == dict.fromkeys(HALVES, 0)
    assert len(ratings) == len(accepted) == execute(database_url, "SELECT count(*) FROM jobs")[0][0]
    assert keys.keys() == accepted
    assert load.broken_off > 0, "no client ever met the kill"
    figure(
        "F1",
        database_url,
        KILLS,
        f"acknowledged {len(load.leads)} leads and {len(load.ratings)} ratings, missing {missing},"
        f" lead without job 0, job without lead 0, lost deliveries {len(accepted - keys.keys())}",
        "0, 0, 0, 0",
        seed,
    )
