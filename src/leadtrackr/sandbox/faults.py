"""Faults: what goes wrong on purpose.

`PUT /_sandbox/faults` adds one fault or a list; one that is equal to an active fault replaces it, with fresh counts.
Newer faults are asked first. For one call, the longest delay that hits counts, all `reject_event` faults apply, and the
first fault that hits with `status`, `hang`, `reset` or `accept_then_hang` decides the answer.
"""

import asyncio
import operator
import random
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from leadtrackr.sandbox.world import MICROS

Kind = Literal["status", "hang", "reset", "accept_then_hang", "reject_event", "delay"]

Count = Annotated[int, Meta(ge=1)]
Index = Annotated[int, Meta(ge=0)]


class FaultError(Exception):
    """A fault object that cannot be used; `field` is the one at fault."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One fault, as sent by the caller. docs/reference/sandbox.md explains each field."""

    destination: str
    path: str = ""
    status: Annotated[int, Meta(ge=200, le=599)] | None = None
    body: Any | UnsetType = UNSET
    retry_after: Index | Annotated[str, Meta(min_length=1)] | None = None
    delay_ms: Annotated[float, Meta(ge=0)] = 0
    hang: bool = False
    reset: bool = False
    accept_then_hang: bool = False
    rate: Annotated[float, Meta(ge=0, le=1)] = 1
    seed: int = 0
    reject_event: Index | None = None
    named: bool = True
    every_batch: bool = False
    until: Count | None = None
    max_requests: Index | None = None
    per_s: Annotated[float, Meta(gt=0)] | None = None

    @property
    def kinds(self) -> list[Kind]:
        """What this fault does besides delaying; a limit says 429 unless it says something else."""
        given: dict[Kind, bool] = {
            "status": self.status is not None or self.retry_after is not None or self.body is not UNSET,
            "hang": self.hang,
            "reset": self.reset,
            "accept_then_hang": self.accept_then_hang,
            "reject_event": self.reject_event is not None,
        }
        found = [kind for kind, is_given in given.items() if is_given]
        return found or (["status"] if self.max_requests is not None else [])

    @property
    def answer_status(self) -> int:
        """The status to answer with: 429 for a `retry_after` or a limit alone, 200 for a `body` alone."""
        if self.status is not None:
            return self.status
        return 200 if self.retry_after is None and self.max_requests is None else 429


class Active:
    """A fault at work, with its counts. It is also the `Poison` of a `reject_event` fault."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.kind: Kind = next(iter(fault.kinds), "delay")
        self.seen = 0
        self.hits = 0
        self.released = asyncio.Event()
        self._random = random.Random(fault.seed)  # noqa: S311 - reproducible on purpose, guards nothing
        self._key: str | None = None
        self._let_through: deque[int] = deque()

    @property
    def label(self) -> str:
        """What the ledger calls it."""
        return self.kind if self.fault.max_requests is None else "max_requests"

    @property
    def remaining(self) -> int | None:
        """Calls left, None without `until`."""
        return None if self.fault.until is None else max(0, self.fault.until - self.seen)

    @property
    def named(self) -> bool:
        """Whether the refusal names the event."""
        return self.fault.named

    def matches(self, destination: str, path: str) -> bool:
        """Whether a call is meant, and calls are left."""
        fault = self.fault
        return fault.destination in (destination, "*") and fault.path in path and self.remaining != 0

    def fires(self, now: int = 0) -> bool:
        """Count a call that is meant, and draw whether the fault hits it; `now` in µs is what a limit goes by."""
        self.seen += 1
        if self._lets_through(now):
            return False
        hit = self.fault.rate >= 1 or self._random.random() < self.fault.rate
        self.hits += hit
        return hit

    def _lets_through(self, now: int) -> bool:
        """Whether the limit, if there is one, has room; in a window that ends now, of calls that were let through."""
        limit, window = self.fault.max_requests, (self.fault.per_s or 1) * MICROS
        if limit is None:
            return False
        while self._let_through and self._let_through[0] <= now - window:
            self._let_through.popleft()
        if len(self._let_through) >= limit:
            return False
        self._let_through.append(now)
        return True

    def find(self, keys: Sequence[str | None]) -> int | None:
        """The event to refuse: the same one, known by its key, in whatever batch it comes again."""
        index = self._place(keys)
        if index is None or not self.fires():
            return None
        if not self.fault.every_batch:
            self._key = keys[index]
        return index

    def _place(self, keys: Sequence[str | None]) -> int | None:
        wanted = self.fault.reject_event
        if self._key is not None:
            return keys.index(self._key) if self._key in keys else None
        return wanted if wanted is not None and wanted < len(keys) else None

    def view(self) -> dict[str, Any]:
        """The fault with its counts, for `GET /_sandbox/faults`."""
        counts = {"seen": self.seen, "hits": self.hits, "remaining": self.remaining}
        return {**msgspec.to_builtins(self.fault), **counts}


@dataclass(frozen=True, slots=True)
class Plan:
    """What happens to one call: a delay in seconds, at most one fault that decides the answer, events to refuse."""

    delay_s: float
    act: Active | None
    poisons: tuple[Active, ...]


class Faults:
    """The active faults, newest first."""

    def __init__(self) -> None:
        self._active: list[Active] = []

    def add(self, faults: Iterable[Fault]) -> None:
        """Activate faults; an equal one that is active already gets fresh counts."""
        for fault in faults:
            self._drop(partial(operator.eq, fault))
            self._active.insert(0, Active(fault))

    def clear(self, destination: str | None = None) -> None:
        """End all faults, or those of one destination. Calls that hang are cut off."""
        self._drop(lambda fault: destination is None or fault.destination == destination)

    def view(self) -> list[dict[str, Any]]:
        """All faults with their counts, newest first."""
        return [active.view() for active in self._active]

    def plan(self, destination: str, path: str, now: int) -> Plan:
        """Draw what happens to this call, which came at `now`, in µs UTC."""
        delay_ms, act, poisons = 0.0, None, []
        for active in self._active:
            if not active.matches(destination, path):
                continue
            if active.kind == "reject_event":
                poisons.append(active)  # counted when it meets a batch that is long enough
            elif active.fires(now):
                delay_ms = max(delay_ms, active.fault.delay_ms)
                if active.kind != "delay":
                    act = active
                    break
        return Plan(delay_ms / 1000, act, tuple(poisons))

    def _drop(self, gone: Callable[[Fault], bool]) -> None:
        for active in self._active:
            if gone(active.fault):
                active.released.set()
        self._active = [active for active in self._active if not gone(active.fault)]


def parse(body: bytes, destinations: dict[str, bool]) -> list[Fault]:
    """The faults in a request body; `destinations` says of each known one whether it takes events.

    Raises FaultError, which names the field.
    """
    try:
        decoded = msgspec.json.decode(body, type=Fault | list[Fault])
    except msgspec.ValidationError as error:
        raise FaultError(field_of(str(error)), f"{error}.") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FaultError("", f"The body is not JSON: {error}.") from error
    faults = decoded if isinstance(decoded, list) else [decoded]
    for fault in faults:
        _check(fault, destinations)
    return faults


def field_of(message: str) -> str:
    """The field that a msgspec message is about, as a dotted path."""
    if "unknown field" in message or "missing required field" in message:
        return message.split("`")[1]
    return message.rpartition("`$")[2].rstrip("`").lstrip(".") if "`$" in message else ""


def _check(fault: Fault, destinations: dict[str, bool]) -> None:
    if fault.destination != "*" and fault.destination not in destinations:
        known = ", ".join(sorted(destinations))
        raise FaultError("destination", f"No platform is called {fault.destination!r}. Known: {known}; * means all.")
    if len(fault.kinds) > 1:
        raise FaultError(fault.kinds[1], f"{fault.kinds[0]} and {fault.kinds[1]} exclude each other; send two faults.")
    if not fault.kinds and not fault.delay_ms:
        raise FaultError(
            "status",
            "The fault does nothing: give status, delay_ms, hang, reset, accept_then_hang, reject_event or "
            "max_requests.",
        )
    if fault.per_s is not None and fault.max_requests is None:
        raise FaultError("per_s", "per_s says nothing without max_requests.")
    if fault.reject_event is not None:
        _check_rejection(fault, destinations)


def _check_rejection(fault: Fault, destinations: dict[str, bool]) -> None:
    if not destinations.get(fault.destination, True):
        raise FaultError("reject_event", f"{fault.destination} takes no events, so none can be refused.")
    if fault.delay_ms:
        raise FaultError("delay_ms", "reject_event and delay_ms exclude each other; send two faults.")
    if fault.max_requests is not None:
        raise FaultError("max_requests", "reject_event and max_requests exclude each other; send two faults.")
