"""What a transaction can be asked for, the same on both databases."""

import pytest
from sqlalchemy import insert

from leadtrackr.conversions import queries
from leadtrackr.db import tables
from leadtrackr.db.database import Tx
from leadtrackr.db.spread import Spread
from leadtrackr.db.statement import DIALECTS, Insertion, compile_all
from tests.support.engine import World

_BUCKETS = Spread(tables.rate_buckets, number="period_s", text="key")
_PROJECT = Insertion(insert(tables.projects).values(public_id="p7", name="x", currency="EUR", active=1, created_at=1))


@pytest.mark.parametrize("rows", [0, 1, 9, 10, 137, 1000])
def test_rows_that_share_their_other_values_are_written_as_they_are(world: World, rows: int) -> None:
    pairs = [(n, f'{{"quoted":"{n}", "café": "\\u00e9 \N{PILE OF POO} \\\\"}}') for n in range(rows)]
    world.write(lambda tx: tx.spread(_BUCKETS, pairs, full_until=5))
    found = world.rows(tables.rate_buckets)
    assert sorted((row.period_s, row.key) for row in found) == pairs
    assert {row.full_until for row in found} <= {5}


def test_a_new_row_gives_its_id(world: World) -> None:
    world.project()
    made = world.write(lambda tx: tx.insert(_PROJECT))
    assert [row.public_id for row in world.rows(tables.projects, id=made)] == ["p7"]


def test_a_row_that_is_there_already_gives_none(world: World) -> None:
    """Also right after another insert, of whose id SQLite's driver still speaks."""
    world.furnish("meta")
    lead = world.lead()

    def work(tx: Tx) -> list[int | None]:
        label = world.labels["Won"].id
        job = {"project_id": 1, "lead_id": lead, "label_id": label, "remaining": 1, "warnings": "[]", "created_at": 1}
        return [
            tx.try_insert(queries._INSERT_JOB, **job),
            tx.insert(_PROJECT),
            tx.try_insert(queries._INSERT_JOB, **job),
        ]

    first, other, again = world.write(work)
    assert first is not None
    assert other is not None
    assert again is None
    assert [row.id for row in world.rows(tables.jobs)] == [first]


@pytest.mark.parametrize("dialect", sorted(DIALECTS))
def test_every_statement_can_be_compiled_when_the_program_starts(dialect: str) -> None:
    compile_all(dialect)
