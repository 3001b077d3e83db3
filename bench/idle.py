"""The row about a server with nothing to do: how much of one core it takes."""

import asyncio
import os
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from bench import processes, serving
from bench.stores import KINDS
from bench.templates import Site

WARM_UP_S: Final = 5.0
WATCHED_S: Final = 25.0
_TICKS: Final = os.sysconf("SC_CLK_TCK")


async def _connected(url: str) -> None:
    site = Site(url)
    await site.project()
    await site.label("google_ads", "ga4", "meta")
    await site.db.close()


def _cpu_seconds(server: serving.Server) -> float:
    """What the process and its children have used, in their own code and in the kernel's."""
    ticks = 0
    for pid in server.pids():
        # The name, in brackets, may hold spaces: what is counted stands behind it.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / _TICKS


def _watch(servers: list[serving.Server]) -> list[float]:
    time.sleep(WARM_UP_S)
    started, before = time.perf_counter(), [_cpu_seconds(server) for server in servers]
    time.sleep(WATCHED_S)
    seconds = time.perf_counter() - started
    return [(_cpu_seconds(server) - used) / seconds * 100 for server, used in zip(servers, before, strict=True)]


def measure(rounds: int) -> dict[str, list[float]]:
    """Percent of a core by the kind of database; both are watched at once, since only their own time counts."""
    found: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for _ in range(rounds):
        with ExitStack() as stack:
            servers: list[serving.Server] = []
            for make in KINDS.values():
                url = stack.enter_context(make())
                asyncio.run(_connected(url))
                folder = Path(stack.enter_context(processes.folder()))
                settings = processes.environment(folder / "unused.db", url=url)
                servers.append(stack.enter_context(serving.serving(settings)))
            for kind, share in zip(KINDS, _watch(servers), strict=True):
                found[kind].append(share)
    return found
