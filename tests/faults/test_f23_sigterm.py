"""F23: SIGTERM in the middle of posts and deliveries, again and again, as every update of the program brings it."""

import signal
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Final

from tests.faults import checker
from tests.faults.frame import Figure, Found, Scene, at_least, at_most, exactly, fault, noted
from tests.faults.load import Load
from tests.faults.processes import Process, Sandbox, Server, environment, eventually, furnish, sandbox
from tests.support.tables import execute

CLIENTS: Final = 6
GRACE_S: Final = 20
SLOW_MS: Final = 150
"""How long the platform takes, so that there is always something under way."""
LEASE_S: Final = 30
"""Longer than any pause of a busy machine: whoever has to wait for it shows that a lease was left."""
_UNDER_WAY: Final = "SELECT count(*) FROM deliveries WHERE state = 'sending'"


@dataclass
class Ends:
    """What the ends of processes were like."""

    took: list[float] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)
    amid: int = 0
    """How many came while something was being sent."""

    def end(self, scene: Scene, process: Process, *, amid: bool = True) -> None:
        """SIGTERM, while something is being sent unless all is over; the process ends well and in time."""
        if amid:
            eventually(lambda: execute(scene.database_url, _UNDER_WAY)[0][0] > 0, "something is being sent")
            self.amid += 1
        started = time.monotonic()
        process.signal(signal.SIGTERM)
        status = process.wait()
        self.took.append(time.monotonic() - started)
        if status != 0:
            self.bad.append(f"{status}: {''.join(process.lines[-5:])}")


def _start(scene: Scene, platforms: Sandbox, stack: ExitStack, *command: str) -> Process:
    environ = environment(scene.database_url, scene.folder, platforms.url)
    environ["LEADTRACKR_LEASE_SECONDS"] = str(LEASE_S)
    return stack.enter_context(Process("-m", "leadtrackr", *command, environ=environ))


def _serve(scene: Scene, platforms: Sandbox, stack: ExitStack, *options: str) -> Server:
    return Server(_start(scene, platforms, stack, "serve", "--port", "0", *options))


def _work(scene: Scene, platforms: Sandbox, stack: ExitStack) -> Process:
    process = _start(scene, platforms, stack, "worker")
    process.wait_for('"delivering"')
    return process


@fault("F23", variants=("one process",))
def test_f23_one_server_ends_and_another_goes_on(scene: Scene) -> Found:
    """API and worker in one process, which is how SQLite is served."""
    return _again_and_again(scene)


@fault("F23", databases=("postgresql",), variants=("two processes",))
def test_f23_a_server_of_several_processes_ends_and_another_goes_on(scene: Scene) -> Found:
    """Each of the processes has a worker too."""
    return _again_and_again(scene, "--processes", "2")


def _again_and_again(scene: Scene, *options: str) -> Found:
    url, times, ends = scene.database_url, scene.pick(short=2, long=6), Ends()
    with furnish(url, scene.seed) as world:
        load = Load(world, CLIENTS)
    left = 0
    with sandbox(scene.folder) as platforms, ExitStack() as stack, load:
        platforms.fault({"destination": "meta", "delay_ms": SLOW_MS})
        for _ in range(times):
            running = _serve(scene, platforms, stack, *options)
            load.go(running.url)
            load.wait_for(scene.chance.randint(20, 80))
            ends.end(scene, running.process)
            load.halt()
            left += _leases(scene)
        running = _serve(scene, platforms, stack, *options)
        load.go(running.url)
        load.wait_for(20)
        load.end()
        eventually(lambda: checker.unsettled(url) == 0, "everything is settled")
        ends.end(scene, running.process, amid=False)
        return _found(scene, platforms, ends, [load], left + _leases(scene))


@fault("F23", databases=("postgresql",), variants=("rolling",))
def test_f23_servers_and_workers_are_renewed_one_after_the_other(scene: Scene) -> Found:
    """Two servers without a worker and two workers; whoever is called by the one that ends goes to its successor."""
    url, times, ends = scene.database_url, scene.pick(short=1, long=3), Ends()
    with furnish(url, scene.seed) as world:
        loads = [Load(world, CLIENTS // 2) for _ in range(2)]
    with sandbox(scene.folder) as platforms, ExitStack() as stack, loads[0], loads[1]:
        platforms.fault({"destination": "meta", "delay_ms": SLOW_MS})
        servers = [_serve(scene, platforms, stack, "--no-worker") for _ in loads]
        workers = [_work(scene, platforms, stack) for _ in range(2)]
        for load, running in zip(loads, servers, strict=True):
            load.go(running.url)
        for _ in range(times):
            for place, load in enumerate(loads):
                load.wait_for(scene.chance.randint(5, 40))
                old, servers[place] = servers[place], _serve(scene, platforms, stack, "--no-worker")
                ends.end(scene, old.process)
                load.go(servers[place].url)
                load.wait_for(scene.chance.randint(5, 20))
                ends.end(scene, workers[place])
                workers[place] = _work(scene, platforms, stack)
        for load in loads:
            load.wait_for(10)
            load.end()
        eventually(lambda: checker.unsettled(url) == 0, "everything is settled")
        for process in (*workers, *(running.process for running in servers)):
            ends.end(scene, process, amid=False)
        return _found(scene, platforms, ends, loads, _leases(scene))


def _leases(scene: Scene) -> int:
    """Leases, and deliveries under any, that are left when nobody is there any more."""
    url = scene.database_url
    return int(execute(url, "SELECT count(*) FROM leases")[0][0] + execute(url, _UNDER_WAY)[0][0])


def _found(scene: Scene, platforms: Sandbox, ends: Ends, loads: list[Load], left: int) -> Found:
    url, keys = scene.database_url, platforms.keys("meta")
    acknowledged: list[Figure] = []
    for load in loads:
        acknowledged += [*checker.acknowledged(url, load.leads, load.ratings), load.only_fine()]
    burnt = execute(url, "SELECT count(*) FROM deliveries WHERE tries <> 1")[0][0]
    attempts = execute(url, checker.ATTEMPTS)[0][0] - execute(url, "SELECT count(*) FROM deliveries")[0][0]
    words = f" ({ends.bad[0]})" if ends.bad else ""
    return Found(
        len(ends.took),
        (
            noted("ratings", sum(len(load.ratings) for load in loads)),
            noted("503", sum(load.answers[503] for load in loads)),
            noted("connections closed", sum(load.broken_off for load in loads)),
            at_least("ends amid deliveries", ends.amid, 1),
            exactly(f"bad ends{words}", len(ends.bad), 0),
            at_most("the longest end, s", max(ends.took), GRACE_S),
            exactly("leases left", left, 0),
            exactly("taken over", execute(url, checker.TAKEN_OVER)[0][0], 0),
            exactly("attempts burnt", burnt + abs(attempts), 0),
            exactly("duplicates in the ledger", sum(times - 1 for times in keys.values()), 0),
            *acknowledged,
            *checker.delivered(url, keys),
            checker.half_writes(url),
        ),
    )
