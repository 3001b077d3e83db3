"""When the database is away: 503 with Retry-After, nothing half-written, and well again without a restart."""

import resource
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from psycopg_pool.base import AttemptWithBackoff

from leadtrackr.db import probe
from tests.api.conftest import Api, start
from tests.support import tables
from tests.support.program import WAIT, Answer, Program, together

AWAY = {
    "postgresql": "The database cannot be reached at the moment. Try again shortly.",
    "sqlite": "The database cannot be written at the moment. Try again shortly.",
}
JAN: dict[str, object] = {"userData": {"firstName": "Jan"}}


def kind(url: str) -> str:
    return url.partition(":")[0]


def other_database(url: str) -> str:
    """Another database of the same server, to give orders from."""
    head, _, options = url.partition("?")
    return head.rpartition("/")[0] + "/postgres" + (f"?{options}" if options else "")


@contextmanager
def no_postgresql(url: str) -> Iterator[None]:
    """Nobody gets in, and who is in is thrown out."""
    name, order = url.partition("?")[0].rpartition("/")[2], other_database(url)
    tables.execute(order, f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    try:
        tables.execute(order, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ?", name)
        yield
    finally:
        tables.execute(order, f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


@contextmanager
def no_disk(url: str) -> Iterator[None]:
    """No file of this process may grow beyond what SQLite's write-ahead log holds already: to it the disk is full."""
    log = Path(url.removeprefix("sqlite:///") + "-wal")
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (log.stat().st_size, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)


def away(url: str) -> AbstractContextManager[None]:
    return no_postgresql(url) if kind(url) == "postgresql" else no_disk(url)


def writes(api: Api, lead_id: int) -> list[Callable[[], Answer]]:
    return [
        lambda: api.post("createLead", JAN),
        lambda: api.post("createServerSideLead", JAN, api.key),
        lambda: api.post("createCTLead", JAN, api.key),
        lambda: api.rate({"leadId": lead_id, "conversionId": "lost"}),
        lambda: api.rate({"leadId": lead_id, "conversionId": "open"}, Idempotency_Key="k"),
    ]


def test_writes_are_503_with_retry_after_and_leave_nothing(alone: Callable[..., Program]) -> None:
    api = start(alone(), "Qualified")
    lead_id = api.create(firstName="Jan", formData={"message": "x" * 200_000})
    before = api.tables()
    asked = writes(api, lead_id)
    with away(api.url):
        asks: list[Callable[[], Answer]] = [
            *asked,
            lambda: api.program.send("GET", "/healthz"),
            lambda: api.program.send("GET", "/metrics"),
        ]
        *answers, health, figures = together(len(asks), lambda number: asks[number]())
    for answer in answers:
        assert (answer.status, answer.message) == (503, AWAY[kind(api.url)])
        assert int(answer.headers["retry-after"]) > 0
        assert answer.headers["access-control-allow-origin"] == "*"
    assert health.status == 200
    assert figures.status == 200
    assert api.tables() == before
    recovered(api)
    assert [ask().status for ask in asked[1:4]] == [201, 201, 201]


def recovered(api: Api) -> None:
    """Asks until a lead is taken again; the same program, not started anew."""
    deadline = time.monotonic() + WAIT
    while (answer := api.post("createLead", JAN)).status != 201:
        assert answer.status == 503
        assert time.monotonic() < deadline, "it did not recover"


def test_reads_and_readiness_are_503_on_postgresql(alone: Callable[..., Program]) -> None:
    program = alone()
    if kind(program.database_url) != "postgresql":
        pytest.skip("below, with a file that has gone")
    api = start(program)
    with no_postgresql(api.url):
        asks = (lambda: api.get(leadId=1), api.list, lambda: program.send("GET", "/readyz"))
        answers = together(len(asks), lambda number: asks[number]())
    for answer in answers:
        assert (answer.status, answer.message) == (503, AWAY["postgresql"])
        assert int(answer.headers["retry-after"]) > 0
    recovered(api)
    assert program.send("GET", "/readyz").json == {"message": "ready"}


def test_reads_are_503_while_the_file_has_gone(sqlite_template: bytes, tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    (folder / "leadtrackr.db").write_bytes(sqlite_template)
    with Program(f"sqlite:///{folder}/leadtrackr.db", tmp_path) as program:
        api = start(program)
        folder.rename(tmp_path / "elsewhere")
        answers = [api.list(), api.get(leadId=1), program.send("GET", "/readyz")]
        (tmp_path / "elsewhere").rename(folder)
        for answer in answers:
            assert answer.status == 503
            assert int(answer.headers["retry-after"]) > 0
        assert api.list().status == 200
        assert program.send("GET", "/readyz").status == 200


@contextmanager
def read_only(url: str) -> Iterator[None]:
    """Reads go on; on PostgreSQL as a keeper sets it when the disk is nearly full."""
    if kind(url) == "sqlite":
        with no_disk(url):
            yield
        return
    name, order = url.partition("?")[0].rpartition("/")[2], other_database(url)
    tables.execute(order, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    tables.execute(order, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ?", name)
    try:
        yield
    finally:
        tables.execute(order, f"ALTER DATABASE {name} RESET default_transaction_read_only")
        tables.execute(order, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ?", name)


def test_server_that_cannot_write_is_not_ready_until_it_can(
    alone: Callable[..., Program], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "QUIET_S", 0.0)
    program = alone()
    api = start(program)
    api.create(firstName="Jan", formData={"message": "x" * 200_000})
    assert program.send("GET", "/readyz").status == 200
    with read_only(api.url):
        # Nothing has failed yet, and nothing is written to find out.
        refused = api.post("createLead", JAN)
        unready = program.send("GET", "/readyz")
        assert api.list().json["total"] == 1
    for answer in (refused, unready):
        assert (answer.status, answer.message) == (503, AWAY["sqlite"])
        assert int(answer.headers["retry-after"]) > 0
    # No write of anybody's has succeeded since: it finds out by itself.
    deadline = time.monotonic() + WAIT
    while (answer := program.send("GET", "/readyz")).status != 200:
        assert answer.status == 503
        assert time.monotonic() < deadline, "it never finds out"
    assert api.post("createLead", JAN).status == 201


def test_server_that_could_not_write_a_moment_ago_is_not_ready_until_a_write_succeeds(
    alone: Callable[..., Program], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "QUIET_S", 3600.0)
    program = alone()
    api = start(program)
    api.create(firstName="Jan", formData={"message": "x" * 200_000})
    with read_only(api.url):
        assert api.post("createLead", JAN).status == 503
    # A row or two may fit on a full disk, which says nothing of the next lead.
    assert program.send("GET", "/readyz").status == 503
    recovered(api)
    assert program.send("GET", "/readyz").status == 200


def test_refused_request_does_not_count_as_a_write(
    alone: Callable[..., Program], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "QUIET_S", 3600.0)
    program = alone()
    api = start(program)
    api.create(firstName="Jan", formData={"message": "x" * 200_000})
    with read_only(api.url):
        assert api.post("createLead", JAN).status == 503
        assert api.rate({"leadId": 10**9, "conversionId": "lost"}).status in (404, 503)
        assert program.send("GET", "/readyz").status == 503
    assert api.rate({"leadId": 10**9, "conversionId": "lost"}).status in (404, 503)
    assert program.send("GET", "/readyz").status == 503


def test_nobody_waits_for_the_next_try_when_postgresql_is_back(
    alone: Callable[..., Program], monkeypatch: pytest.MonkeyPatch
) -> None:
    program = alone()
    if kind(program.database_url) != "postgresql":
        pytest.skip("SQLite is never away for long")
    # What the pool's own waits have grown to after some minutes away.
    monkeypatch.setattr(AttemptWithBackoff, "INITIAL_DELAY", 10 * WAIT)
    api = start(program)
    with no_postgresql(api.url):
        assert {answer.status for answer in together(8, lambda _: api.post("createLead", JAN))} == {503}
    recovered(api)


def test_another_writer_makes_sqlite_wait_and_then_say_so(alone: Callable[..., Program]) -> None:
    program = alone()
    if kind(program.database_url) != "sqlite":
        pytest.skip("PostgreSQL locks rows")
    api = start(program)
    lock = sqlite3.connect(program.database_url.removeprefix("sqlite:///"), isolation_level=None)
    try:
        lock.execute("BEGIN IMMEDIATE")
        answer = api.post("createLead", JAN)
        # Who only reads does not wait for a writer.
        assert api.list().json["total"] == 0
    finally:
        lock.close()
    assert (answer.status, answer.message) == (503, AWAY["sqlite"])
    assert api.post("createLead", JAN).status == 201


def test_fault_of_ours_is_500_and_says_nothing_of_itself(alone: Callable[..., Program]) -> None:
    api = start(alone(), "Qualified")
    lead_id = api.create(firstName="Jan")
    tables.execute(api.url, "ALTER TABLE leads RENAME TO gone")
    for answer in (
        api.post("createLead", JAN),
        api.list(search="jan"),
        api.post("createServerSideLead", JAN, api.key),
    ):
        assert (answer.status, answer.body) == (500, b'{"message":"Internal server error"}')
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["x-request-id"]
    tables.execute(api.url, "ALTER TABLE gone RENAME TO leads")
    assert api.get(leadId=lead_id).status == 200
