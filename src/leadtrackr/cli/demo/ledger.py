"""The sandbox's own record of what arrived, read over HTTP: what the platforms would say that they have."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp
import msgspec


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """One event that a platform accepted; `value` in the currency's own units."""

    destination: str
    key: str | None
    scope: str
    value: float | None
    currency: str | None


class Ledger(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that arrived. `text` is the whole record, to look for what must not be in it."""

    taken: Mapping[tuple[str, str], Sequence[Taken]]
    """By destination and event id."""
    unkeyed: int
    """Accepted events without an event id, or that failed in the platform's processing."""
    refused: Sequence[tuple[str, str]]
    """Destination and event id of each event in a call that was answered with 500."""
    text: str


async def read(http: aiohttp.ClientSession, sandbox_url: str) -> Ledger:
    """Reads the ledger of a running sandbox."""
    async with http.get(f"{sandbox_url}/_sandbox/ledger") as response:
        raw = await response.read()
    return understand(raw)


def understand(raw: bytes) -> Ledger:
    """The ledger in the answer of `GET /_sandbox/ledger`."""
    calls: list[dict[str, Any]] = msgspec.json.decode(raw)["calls"]
    taken: dict[tuple[str, str], list[Taken]] = defaultdict(list)
    unkeyed = 0
    for call in calls:
        for event in call["accepted"]:
            one = _taken(call["destination"], event)
            if one.key is None or not event.get("counts", True):
                unkeyed += 1
            else:
                taken[one.destination, one.key].append(one)
    refused = [(call["destination"], key) for call in calls if call["status"] == 500 for key in _keys(call["body"])]
    return Ledger(taken=dict(taken), unkeyed=unkeyed, refused=refused, text=raw.decode().lower())


def _taken(destination: str, event: dict[str, Any]) -> Taken:
    return Taken(
        destination=destination,
        key=event["key"],
        scope=event["scope"],
        value=event.get("value"),
        currency=event.get("currency"),
    )


def _keys(body: Any) -> list[str]:
    """The event ids in a body that Meta refused."""
    return [event["event_id"] for event in body["data"]] if isinstance(body, dict) and "data" in body else []
