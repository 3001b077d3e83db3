"""F26: a million conversions stand in the queue, and a claim costs what it costs when there are few."""

import statistics
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from sqlalchemy import literal_column

from leadtrackr.conversions import claim
from leadtrackr.db.database import Tx
from leadtrackr.db.statement import prepare
from leadtrackr.kit.clock import DAY
from tests.faults.frame import Figure, Found, Scene, at_most, exactly, fault, noted
from tests.support.engine import START, World

INDEX: Final = "ix_deliveries_open"
LOT: Final = 1000
FEW: Final = 10
_ROWS: Final = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) SELECT {values} FROM n"
)
_COMMON: Final = {"project_id": "1", "created_at": str(START)}
_FILL: Final[dict[str, dict[str, str]]] = {
    "leads": _COMMON
    | {"updated_at": str(START), "status": "'won'", "stage": "'rated'", "label_id": "1", "search_text": "''"}
    | {"email": "'lead' || i || '@example.de'", "email_key": "'lead' || i || '@example.de'", "price": "100"}
    | {"form_data": "'{}'", "user_data": "'{}'", "attribution_data": "'{}'", "door": "'web'"},
    "jobs": _COMMON | {"lead_id": "i", "label_id": "1", "state": "'pending'", "remaining": "1", "warnings": "'[]'"},
    "deliveries": _COMMON
    | {"job_id": "i", "lead_id": "i", "label_id": "1", "connection_id": "1", "destination": "'meta'"}
    | {"account": "'123456789012345'", "action": "'QualifiedLead'", "event_id": "'lt-' || i", "value_cents": "100"}
    | {"currency": "'EUR'", "happened_at": str(START), "state": "'queued'", "run_at": str(START), "passed": "0"}
    # Roughly in the order of the ids: windows follow the leads' age, and leads are not rated quite in turn.
    | {"closes_at": f"{START + DAY} + i + i % 997 * 7919 % 997", "updated_at": str(START)},
}


@dataclass
class Queue:
    """A database with so much in its queue, and how long each claim took; milliseconds."""

    world: World
    count: int
    took: list[float]

    def fill(self) -> None:
        """Set-based: the leads, jobs and deliveries that as many ratings make.

        Each committed and counted before the next refers to it: PostgreSQL would else look for each reference with a
        plan that it made when nobody could see those rows.
        """
        self.world.furnish("meta")
        for table, columns in _FILL.items():
            values = _ROWS.format(count=self.count, values=", ".join(columns.values()))
            for sql in (f"INSERT INTO {table} ({', '.join(columns)}) {values}", "ANALYZE"):
                self.world.write(partial(_run, sql=sql))

    def claim(self, most: int, token: str) -> None:
        """One lot is leased and given back, as by a worker that is told to stop."""
        started = time.perf_counter()
        lot = self.world.claim("meta", token, most)
        given = self.world.write(lambda tx: _give_back(tx, token, [one.id for one in lot]))
        self.took.append((time.perf_counter() - started) * 1000)
        assert given == len(lot) == min(most, self.count)


def _run(tx: Tx, sql: str) -> int:
    return tx.run(prepare(literal_column(sql)))


def _give_back(tx: Tx, token: str, ids: list[int]) -> int:
    given = claim.give_back(tx, token, ids)
    claim.end(tx, token)
    return given


@fault("F26")
def test_f26_a_claim_among_a_million_costs_what_it_costs_among_few(scene: Scene) -> Found:
    """Claims of one lot among as many as it holds and among all take turns; so do claims of ten."""
    full = scene.pick(short=20_000, long=1_000_000)
    figures: list[Figure] = [noted("queued", full)]
    with World(scene.database_url, seed=scene.seed) as many:
        much = Queue(many, full, [])
        much.fill()
        for most in (LOT, FEW):
            folder = scene.folder / f"of-{most}"
            folder.mkdir()
            figures += _compare(scene, much, most, folder)
        plans = _plan(many)
    assert scene.size == "long" or INDEX in plans, plans
    return Found(1, (*figures, exactly("claims without the partial index", int(INDEX not in plans), 0)))


def _compare(scene: Scene, much: Queue, most: int, folder: Path) -> list[Figure]:
    """The same claim in a queue that is just as long as a lot, and in the long one, in turns."""
    blocks, rounds = scene.pick(short=(2, 8), long=(3, 50))
    with World(_another(scene, folder), seed=scene.seed) as small:
        few = Queue(small, most, [])
        few.fill()
        much.took.clear()
        for turn in range(blocks * rounds + 3):
            few.claim(most, f"few-{most}-{turn}")
            much.claim(most, f"much-{most}-{turn}")
    # The first ones find everything cold.
    alone, among = few.took[3:], much.took[3:]
    p99 = {name: _p99(took, rounds) for name, took in (("few", alone), ("many", among))}
    middle = statistics.median(among) / statistics.median(alone)
    words = f"claim of {most:,}"
    figures = [
        noted(f"{words}: median ms", statistics.median(among)),
        noted("with no others queued", statistics.median(alone)),
        at_most(f"{words}: median, times that with no others queued", middle, 2),
        noted("p99 ms", p99["many"]),
        noted("with no others queued", p99["few"]),
    ]
    # A p99 of a few dozen is their worst, which says more of the machine than of the claim.
    if scene.size == "long":
        figures.append(at_most(f"{words}: p99, times that with no others queued", p99["many"] / p99["few"], 2))
    return figures


def _another(scene: Scene, folder: Path) -> str:
    """A second empty database beside the scene's own."""
    if scene.database == "postgresql":
        return scene.stores.server().fresh("leadtrackr_faults_few")
    return scene.stores.make(scene.database, folder)


def _p99(took: list[float], rounds: int) -> float:
    """The median of the p99 of each block."""
    blocks = [sorted(took[start : start + rounds]) for start in range(0, len(took), rounds)]
    return statistics.median(block[int(len(block) * 0.99) - 1] for block in blocks)


def _plan(world: World) -> str:
    """How the database goes about it, by its own choice."""
    connection_id = world.connections["meta"].id

    def ask(tx: Any) -> str:
        sql, own, _ = claim._PICKS[0].sql(tx.dialect)
        how = "EXPLAIN " if tx.dialect == "postgresql" else "EXPLAIN QUERY PLAN "
        given = {**own, "connection_id": connection_id, "most": LOT, "now": START}
        return "\n".join(str(row[-1]) for row in tx._connection.execute(how + sql, given).fetchall())

    return world.write(ask)
