"""F7: the disk is full, or nothing can be written. Nobody is told that it was, and it goes on by itself afterwards."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from tests.faults import checker
from tests.faults.disks import Disk, no_writes, small_disk
from tests.faults.frame import Found, Scene, at_most, fault, noted
from tests.faults.load import Load
from tests.faults.processes import Server, eventually, furnish, sandbox, server
from tests.support import postgres

CLIENTS = 8
REFUSALS = 20
BACK_S = 15.0
Breaking = Callable[[Server], AbstractContextManager[None]]
"""How a fault is switched on, for as long as the block lasts."""


@fault("F7", databases=("sqlite",), variants=("disk full", "read-only"))
def test_f7_sqlite_that_cannot_be_written(scene: Scene) -> Found:
    """A full file system, and a process none of whose writes succeeds."""
    if scene.variant == "read-only":
        return _measure(scene, scene.database_url, lambda running: no_writes(running.process.pid))
    with small_disk(16) as disk:
        return _measure(scene, scene.stores.make("sqlite", disk.folder), lambda _: _full(disk))


@fault("F7", databases=("postgresql",), variants=("disk full", "read-only", "standby"))
def test_f7_postgresql_that_cannot_be_written(scene: Scene) -> Found:
    """A full tablespace, a server that its keeper has set to read-only, and one that is a standby for a while."""
    with postgres.server(durable=True) as own:
        if scene.variant == "standby":
            return _measure(scene, own.fresh("faults"), lambda _: _standby(own))
        if scene.variant == "read-only":
            return _measure(scene, own.fresh("faults"), lambda _: _read_only(own))
        with small_disk(64) as disk:
            url = own.fresh("faults")
            own.move("faults", disk.folder / "small")
            try:
                return _measure(scene, url, lambda _: _full(disk))
            finally:
                own.stop_at_once()


def _measure(scene: Scene, url: str, fault_on: Breaking) -> Found:
    times, late_s = scene.pick(short=1, long=5), 0.0
    with furnish(url, scene.seed) as world:
        load = Load(world, CLIENTS)
    with sandbox(scene.folder) as platforms:
        with server(url, scene.folder, platforms.url) as running, load:
            load.go(running.url)
            load.wait_for(30)
            for _ in range(times):
                late_s = max(late_s, _once(running, load, fault_on))
            load.end()
            eventually(lambda: checker.unsettled(url) == 0, "everything is settled")
            running.end()
        return Found(
            times,
            (
                noted("ratings", len(load.ratings)),
                noted("503", load.answers[503]),
                *checker.acknowledged(url, load.leads, load.ratings),
                load.only_fine(),
                at_most("ready again after s", late_s, BACK_S),
                checker.half_writes(url),
                *checker.delivered(url, platforms.keys("meta")),
            ),
        )


def _once(running: Server, load: Load, fault_on: Breaking) -> float:
    """One time that nothing can be written; the seconds until the same process was ready and took ratings again."""
    with fault_on(running):
        before = load.answers[503]
        eventually(lambda: load.answers[503] >= before + REFUSALS, f"clients are refused ({load.answers})")
        eventually(lambda: running.ready() == 503, "the server says that it is not ready")
    since = time.monotonic()
    eventually(lambda: running.ready() == 200, "the server says that it is ready")
    load.wait_for(20)
    return time.monotonic() - since


@contextmanager
def _full(disk: Disk) -> Iterator[None]:
    disk.fill()
    try:
        yield
    finally:
        disk.free()


@contextmanager
def _read_only(own: postgres.Server) -> Iterator[None]:
    own.order("ALTER SYSTEM SET default_transaction_read_only = on")
    own.order("SELECT pg_reload_conf()")
    try:
        yield
    finally:
        own.order("ALTER SYSTEM RESET default_transaction_read_only")
        own.order("SELECT pg_reload_conf()")


@contextmanager
def _standby(own: postgres.Server) -> Iterator[None]:
    own.stop_at_once()
    own.start(read_only=True)
    try:
        yield
    finally:
        own.order("SELECT pg_promote()")
