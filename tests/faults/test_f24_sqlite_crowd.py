"""F24: on SQLite, two hundred callers, the worker, an online backup and a long reader are at work at once."""

import sqlite3
import threading
import time
from pathlib import Path
from typing import Self

from tests.faults import checker
from tests.faults.frame import Found, Scene, at_least, exactly, fault, noted
from tests.faults.load import Load
from tests.faults.processes import WAIT_S, eventually, furnish, sandbox, server

CLIENTS = 200
_RATED = "SELECT lead_id, value_cents FROM deliveries"
_COUNT = "SELECT count(*) FROM deliveries"


@fault("F24", databases=("sqlite",))
def test_f24_nobody_is_told_that_the_database_is_busy(scene: Scene) -> Found:
    """The reader looks at one moment of the database all the while, so the log cannot be put back into the file."""
    url = scene.database_url
    path = Path(url.removeprefix("sqlite:///"))
    with furnish(url, scene.seed) as world:
        load = Load(world, CLIENTS, pause_s=scene.pick(short=0.0, long=3.0))
    with sandbox(scene.folder) as platforms, server(url, scene.folder, platforms.url) as running, load:
        load.go(running.url)
        load.wait_for(100)
        with Backups(path, load) as backups:
            changed = _read_for(path, scene.pick(short=4.0, long=600.0), load)
        load.end()
        eventually(lambda: checker.unsettled(url) == 0, "everything is settled")
        running.end()
        return Found(
            1,
            (
                noted("ratings", len(load.ratings)),
                exactly("busy errors", load.answers[503], 0),
                exactly("answers that are not 201", sum(load.answers.values()) - load.answers[201], 0),
                exactly("broken connections", load.broken_off, 0),
                at_least("backups", backups.made, 2),
                exactly("ratings that a backup lacks", backups.missing, 0),
                exactly("backups that are broken", backups.broken, 0),
                exactly("changes that the reader saw", changed, 0),
                *checker.acknowledged(url, load.leads, load.ratings),
                checker.half_writes(url),
                *checker.delivered(url, platforms.keys("meta")),
            ),
        )


def _read_for(path: Path, seconds: float, load: Load) -> int:
    """Reads in one transaction for so long; how many rows came or went before its eyes."""
    until = time.monotonic() + seconds
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("BEGIN")
        first = int(connection.execute(_COUNT).fetchone()[0])
        while time.monotonic() < until:
            load.wait_for(50)
            assert int(connection.execute(_COUNT).fetchone()[0]) == first
        return int(connection.execute(_COUNT).fetchone()[0]) - first
    finally:
        connection.close()


class Backups:
    """Online backups, one after the other; each is a sound database that holds all that was acknowledged before it."""

    def __init__(self, path: Path, load: Load) -> None:
        self._path, self._load = path, load
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.made = self.missing = self.broken = 0
        self._failed: Exception | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(WAIT_S)
        if self._failed is not None:
            raise self._failed

    def _run(self) -> None:
        try:
            while not self._over.is_set() or self.made < 2:
                self._one()
        except (sqlite3.Error, AssertionError) as error:
            self._failed = error

    def _one(self) -> None:
        acknowledged = self._load.ratings.copy()
        copy = self._path.with_name("backup.db")
        source, target = sqlite3.connect(self._path), sqlite3.connect(copy)
        try:
            source.backup(target)
            self.broken += target.execute("PRAGMA integrity_check").fetchone() != ("ok",)
            self.missing += len(acknowledged - set(target.execute(_RATED)))
            self.made += 1
        finally:
            source.close()
            target.close()
            copy.unlink()
