"""When the sandbox had each event, by the clock that it shares with the rest of the machine."""

import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

WAIT_S: Final = 10.0


class _Event(msgspec.Struct):
    key: str | None


class _Call(msgspec.Struct):
    at: int
    accepted: list[_Event]


class _Ledger(msgspec.Struct):
    calls: list[_Call]


def received(sandbox_url: str) -> dict[str, int]:
    """When each event was first accepted, by its event id, in microseconds since the epoch."""
    with urllib.request.urlopen(f"{sandbox_url}/_sandbox/ledger?bodies=0", timeout=WAIT_S) as answer:  # noqa: S310 - our own
        ledger = msgspec.json.decode(answer.read(), type=_Ledger)
    found: dict[str, int] = {}
    for call in ledger.calls:
        for event in call.accepted:
            if event.key is not None:
                found.setdefault(event.key, call.at)
    return found


def hang(sandbox_url: str, destination: str, path: str) -> None:
    """From now on the platform never answers a call with this in its path."""
    fault: dict[str, Any] = {"destination": destination, "path": path, "hang": True}
    request = urllib.request.Request(  # noqa: S310 - our own
        f"{sandbox_url}/_sandbox/faults", msgspec.json.encode(fault), {"content-type": "application/json"}, method="PUT"
    )
    with urllib.request.urlopen(request, timeout=WAIT_S):  # noqa: S310 - our own
        pass


def delays_ms(events: Sequence[tuple[int, str]], answered: Mapping[int, int], at: Mapping[str, int]) -> list[float]:
    """Milliseconds between a lead's answer and the receipt of each of its events; RuntimeError when one is missing."""
    if missing := [event for _, event in events if event not in at]:
        raise RuntimeError(f"{len(missing)} of {len(events)} events never reached the platform")
    return [(at[event] - answered[lead]) / 1000 for lead, event in events]


def p99(values: Sequence[float]) -> float:
    """The value that 99 of 100 do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * 99 // 100) - 1)]
