"""Copies what SQLite's log holds into the file itself, beside the writer.

Left to itself, SQLite has whoever commits do it when the log has grown long, and everybody's work waits meanwhile: tens
of milliseconds, again and again under load. Beside the writer it still takes a tenth of its speed, so it is done in a
quiet moment where there is one.

Source for the numbers that are read: sqlite.org/walformat.html, "The WAL-Index File Format".
"""

import contextlib
import os
import sqlite3
import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

PAGES: Final = 4000
"""So many pages in the log that are not in the file yet (16 MB) are worth the way."""
MANY: Final = 16_000
"""So many (64 MB) are copied whatever the writer does. Pages that are written again and again are copied once."""
LONGEST: Final = 32_000
"""Pages in the log after which the writer itself copies the little that the copying has left, so that the log can
begin anew: only one that is copied whole can, and under load there is always something new at its end."""
QUIET_S: Final = 0.1
"""A moment is quiet when nobody has written for so long."""
REST: Final = 20
"""After a copy that moved nothing, so many times what it took is rested: a long reader holds the log where it is, and
to look through a long log for nothing takes time."""
REST_S: Final = 10.0
"""Most seconds of such a rest: the reader may be gone."""
_COPY: Final = "PRAGMA wal_checkpoint(PASSIVE)"
"""Copies what nobody reads any more, and waits for nobody."""
_VERSION: Final = 3_007_000
_NUMBERS: Final = struct.Struct("=I12xI76xI")
"""Of the log's index: its version, how many pages the log holds, how many of them have been copied."""


class Checkpoints:
    """For one file, that somebody has open: its log has an index then."""

    def __init__(self, path: Path, connect: Callable[[], sqlite3.Connection]) -> None:
        self._connect = connect
        self._index = os.open(path.with_name(path.name + "-shm"), os.O_RDONLY)
        self._due = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sqlite-checkpoint", daemon=True)
        self._held_at_look = 0
        self.works = os.pread(self._index, 4, 0) == struct.pack("=I", _VERSION)
        """Whether the index is one that can be read here; if not, SQLite must be left to itself."""
        if self.works:
            self._thread.start()

    def after_commit(self, writer: sqlite3.Connection) -> None:
        """The writer says that the log has grown. Called by its thread alone."""
        held, waiting = self._held()
        if waiting >= PAGES:
            self._due.set()
        self._held_at_look = min(self._held_at_look, held)
        if held >= LONGEST and waiting < PAGES:
            _copy(writer)
        elif held >= self._held_at_look + 2 * LONGEST:
            self._held_at_look = held
            _copy(writer)

    def close(self) -> None:
        """Ends when what is being copied is copied. To close it again does nothing."""
        if self._closing.is_set():
            return
        self._closing.set()
        self._due.set()
        if self.works:
            self._thread.join()
        os.close(self._index)

    def _held(self) -> tuple[int, int]:
        """Pages in the log, and those of them that are not in the file yet.

        When that cannot be read, numbers that make the writer itself copy at every commit: its thread must live
        whatever the disk does, and the log must not grow without end.
        """
        try:
            version, held, copied = _NUMBERS.unpack(os.pread(self._index, _NUMBERS.size, 0))
        except (OSError, struct.error):
            return LONGEST, 0
        return (held, held - copied) if version == _VERSION else (0, 0)

    def _run(self) -> None:
        with contextlib.closing(self._connect()) as connection:
            while True:
                self._due.wait()
                self._due.clear()
                self._wait_for_quiet()
                if self._closing.is_set():
                    return
                held, waiting = self._held()
                started = time.monotonic()
                _copy(connection)
                held_then, waiting_then = self._held()
                if held_then >= held and held_then - waiting_then <= held - waiting:
                    self._closing.wait(min(REST_S, REST * (time.monotonic() - started)))

    def _wait_for_quiet(self) -> None:
        """Returns when nobody has written for a moment, when too much waits, or at the end."""
        before: tuple[int, int] | None = None
        while (now := self._held()) != before and now[1] < MANY and not self._closing.wait(QUIET_S):
            before = now


def _copy(connection: sqlite3.Connection) -> None:
    # What is wrong with the disk is not told here: the next commit finds it out, and has somebody to tell.
    with contextlib.suppress(sqlite3.Error):
        connection.execute(_COPY).fetchone()
