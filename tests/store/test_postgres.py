"""What only a server across a cable can do to a transaction."""

import random
import select
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text

from leadtrackr.db.statement import prepare
from leadtrackr.kit.clock import SystemClock
from leadtrackr.kit.errors import Unavailable
from tests.faults.processes import eventually
from tests.faults.proxy import PostgresCable
from tests.support.engine import World
from tests.support.postgres import Server, server
from tests.support.tables import execute

NAME = "leadtrackr_cable"
TOLD = "leadtrackr_told"
"""Its settings stay: for the test that makes them alone."""


def writable(world: World) -> bool:
    try:
        world.write(lambda tx: tx.now())
    except Unavailable:
        return False
    return True


@pytest.fixture
def cable(postgres_server: Server) -> Iterator[PostgresCable]:
    """A cable that loses the answer of every COMMIT once it is armed."""
    postgres_server.fresh(NAME)
    with PostgresCable(postgres_server.socket, random.Random(1), 1.0) as found:
        yield found


def test_commit_that_was_never_answered_is_found_to_be_on_disk(cable: PostgresCable, postgres_server: Server) -> None:
    with World(cable.url(NAME), clock=SystemClock()) as world:
        world.furnish("meta")
        lead = world.lead()
        cable.armed = True
        assert world.rate(lead, "Won", 500).status == "pending"
        cable.armed = False
        assert cable.cuts >= 1
    assert execute(postgres_server.url(NAME), "SELECT count(*) FROM jobs") == [(1,)]


def test_commit_that_never_arrived_is_undone_and_said_to_be(cable: PostgresCable, postgres_server: Server) -> None:
    with World(cable.url(NAME), clock=SystemClock()) as world:
        world.furnish("meta")
        lead = world.lead()
        cable.swallow = True
        cable.armed = True
        with pytest.raises(Unavailable):
            world.rate(lead, "Won", 500)
        cable.armed = False
    assert cable.cuts >= 1
    assert execute(postgres_server.url(NAME), "SELECT count(*) FROM jobs") == [(0,)]


def test_number_that_a_crashed_server_may_have_given_away_again_proves_nothing() -> None:
    with server(durable=True) as own, World(own.fresh(NAME), clock=SystemClock()) as world:
        db: Any = world.db
        at, number = world.write(lambda tx: (tx.now(), tx.number))  # type: ignore[attr-defined] # PostgreSQL's own
        assert db._is_committed(number, at)
        assert not db._is_committed(str(int(number) + 10**6), at)
        own.stop_at_once()
        own.start()
        eventually(lambda: writable(world), "the server is back")
        assert not db._is_committed(number, at)


def test_transaction_that_stood_still_too_long_is_undone_and_unavailable(postgres_server: Server) -> None:
    url = postgres_server.fresh(NAME)
    hasty = prepare(text("SET LOCAL idle_in_transaction_session_timeout = 1"))
    one = prepare(text("SELECT count(*) FROM leads"))

    def work(tx: Any) -> None:
        tx.run(hasty)
        # The server hangs up; what it says makes the socket readable.
        assert select.select([tx._connection.fileno()], [], [], 30)[0]
        tx.first(one)

    with World(url, clock=SystemClock()) as world:
        with pytest.raises(Unavailable):
            world.write(work)
        world.furnish("meta")


def test_every_connection_of_the_pool_is_told_what_it_may_do_and_for_how_long(postgres_server: Server) -> None:
    """A process that stops in the middle of a transaction holds its locks for half a minute, whatever the server says.

    Reads see one moment; writes take the server's own isolation, by which each statement sees what is committed.
    """
    url = postgres_server.fresh(TOLD)
    for said in ("timezone = 'Asia/Tokyo'", "idle_in_transaction_session_timeout = 0"):
        execute(url, f"ALTER DATABASE {TOLD} SET {said}")

    def told(tx: Any) -> dict[str, str]:
        asked = ("idle_in_transaction_session_timeout", "timezone", "transaction_isolation", "transaction_read_only")
        return {name: tx._connection.execute(f"SHOW {name}").fetchone()[0] for name in asked}

    with World(url, clock=SystemClock()) as world:
        always = {"idle_in_transaction_session_timeout": "30s", "timezone": "UTC"}
        assert world.write(told) == always | {"transaction_isolation": "read committed", "transaction_read_only": "off"}
        assert world.read(told) == always | {"transaction_isolation": "repeatable read", "transaction_read_only": "on"}
