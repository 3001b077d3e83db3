"""The record of every call: what came in, what was answered, which events were accepted.

It lies outside the program under test, so a checker can compare the two. With a file, each call is appended as one JSON
line before it is answered; a sandbox started again on the same file goes on where it stopped.
"""

import os
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from leadtrackr.sandbox.contract import Accepted, Flag


class Entry(msgspec.Struct, frozen=True):
    """One call. `at` is in microseconds since the epoch, UTC, `time` the same as ISO 8601.

    `status` is what was answered, None when the caller got no answer; `fault` names the fault that did it
    (`max_requests`: it was one call too many).
    `validation`: the caller only asked whether its events are right, so none was taken.
    """

    number: int
    time: str
    at: int
    destination: str
    method: str
    path: str
    query: dict[str, Any]
    headers: dict[str, str]
    body: Any
    status: int | None
    accepted: list[Accepted]
    flags: list[Flag]
    fault: str | None
    validation: bool = False


class Tally(msgspec.Struct):
    """What the ledger knows about one dedup key: `value`, `currency` and `event_at` are those last accepted."""

    times: int
    value: float | None
    currency: str | None
    event_at: int | None


class Counts(msgspec.Struct):
    """Running totals of one destination; `unkeyed` events carry no dedup key, `uncounted` ones fail in processing."""

    calls: int = 0
    accepted: int = 0
    duplicates: int = 0
    unkeyed: int = 0
    uncounted: int = 0
    statuses: Counter[str] = msgspec.field(default_factory=Counter)


class Ledger:
    """Every call since the start or the last `clear`. With `bodies` False it keeps neither headers nor bodies."""

    def __init__(self, file: Path | None = None, *, bodies: bool = True) -> None:
        self.bodies = bodies
        self._entries: list[Entry] = []
        self._tallies: dict[str, dict[tuple[str, str], Tally]] = {}
        self._counts: dict[str, Counts] = {}
        self._number = 0
        self._encoder = msgspec.json.Encoder()
        self._file: BinaryIO | None = None if file is None else self._open(file)

    def record(self, call: Entry) -> None:
        """Note one call (its `number` comes from `next_number`)."""
        self._take(call)
        if self._file is not None:
            self._file.write(self._encoder.encode(call) + b"\n")

    def next_number(self) -> int:
        """The number of the next call: 1, 2, 3 …, going on after `clear`."""
        self._number += 1
        return self._number

    def calls(self, destination: str | None = None, since: int = 0) -> list[Entry]:
        """The calls with a number above `since`, oldest first."""
        return [
            entry
            for entry in self._entries
            if entry.number > since and (destination is None or entry.destination == destination)
        ]

    def summary(self) -> dict[str, dict[str, Any]]:
        """Totals per destination: calls, accepted, distinct_keys, duplicates, unkeyed, uncounted, statuses."""
        return {
            name: {**msgspec.structs.asdict(counts), "distinct_keys": len(self._tallies.get(name, ()))}
            for name, counts in sorted(self._counts.items())
        }

    def keys(self, destination: str) -> list[dict[str, Any]]:
        """Each dedup key that was accepted, in the order first seen, with how often and its last value."""
        return [
            {"scope": scope, "key": key, **msgspec.structs.asdict(tally)}
            for (scope, key), tally in self._tallies.get(destination, {}).items()
        ]

    def find(self, destination: str, scope: str, key: str) -> Tally | None:
        """What was accepted before under this dedup key."""
        return self._tallies.get(destination, {}).get((scope, key))

    def clear(self) -> None:
        """Forget every call, in the file too."""
        self._entries.clear()
        self._tallies.clear()
        self._counts.clear()
        if self._file is not None:
            self._file.seek(0)
            self._file.truncate()

    def close(self) -> None:
        """Close the file, if any."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self, path: Path) -> BinaryIO:
        # Unbuffered: what was answered is in the kernel's hands, so a killed sandbox has lost nothing.
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        file = os.fdopen(descriptor, "r+b", buffering=0)
        whole = 0
        decoder = msgspec.json.Decoder(Entry)
        for line in path.read_bytes().splitlines(keepends=True):
            if not line.endswith(b"\n"):
                break  # cut off by a kill: that call was never answered
            self._take(decoder.decode(line))
            whole += len(line)
        file.truncate(whole)
        file.seek(whole)
        return file

    def _take(self, entry: Entry) -> None:
        self._entries.append(entry)
        self._number = max(self._number, entry.number)
        counts = self._counts.setdefault(entry.destination, Counts())
        counts.calls += 1
        counts.statuses["none" if entry.status is None else str(entry.status)] += 1
        if entry.accepted:
            self._tally(entry.destination, counts, entry.accepted)

    def _tally(self, destination: str, counts: Counts, accepted: Sequence[Accepted]) -> None:
        tallies = self._tallies.setdefault(destination, {})
        counts.accepted += len(accepted)
        for event in accepted:
            if not event.counts:
                counts.uncounted += 1
            elif event.key is None:
                counts.unkeyed += 1
            elif (known := tallies.get((event.scope, event.key))) is None:
                tallies[event.scope, event.key] = Tally(1, event.value, event.currency, event.event_at)
            else:
                counts.duplicates += 1
                known.times += 1
                known.value, known.currency, known.event_at = event.value, event.currency, event.event_at


def iso(at: int) -> str:
    """Microseconds since the epoch as ISO 8601 in UTC."""
    return datetime.fromtimestamp(at / 1_000_000, UTC).isoformat(timespec="microseconds")


def without_bodies(entries: Sequence[Entry]) -> list[Entry]:
    """The same calls without bodies, for a checker that needs the keys alone."""
    light = []
    for entry in entries:
        accepted = [msgspec.structs.replace(event, event=None) for event in entry.accepted]
        light.append(msgspec.structs.replace(entry, body=None, accepted=accepted))
    return light
