"""The sandbox's own record of what arrived, read over HTTP: what the platforms would say that they have."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import aiohttp
import msgspec

OUR_IDS: Final = "lt-"
"""How every event id begins."""
BY_CLICK: Final = "microsoft"
"""The platform that takes no event id: it knows a conversion by click or hashes, and second, within a goal."""


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """One event that a platform accepted; `value` in the currency's own units, `text` the event as JSON, with what
    stands around it in a request of one.
    """

    destination: str
    key: str | None
    scope: str
    value: float | None
    currency: str | None
    text: str


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One call. `at` is in microseconds UTC; `status` is None when it was not answered."""

    destination: str
    at: int
    status: int | None
    event_ids: frozenset[str]
    """Those in its body."""
    taken: int
    """How many events the platform accepted."""


class Ledger(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that arrived. `text` is the whole record, to look for what must not be in it."""

    taken: Mapping[tuple[str, str], Sequence[Taken]]
    """By destination and dedup key; at Microsoft, with the scope before it."""
    unkeyed: int
    """Accepted events without an event id, or that failed in the platform's processing."""
    calls: Sequence[Call]
    """In the order of arrival."""
    text: str

    def of(self, destination: str) -> list[Call]:
        """The calls to one platform."""
        return [call for call in self.calls if call.destination == destination]

    def failed(self, destination: str, status: int) -> list[Call]:
        """Those of them that got this answer."""
        return [call for call in self.of(destination) if call.status == status]


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
            one = _taken(call, event)
            if one.key is None or not event.get("counts", True):
                unkeyed += 1
            else:
                taken[one.destination, one.key].append(one)
    return Ledger(taken=dict(taken), unkeyed=unkeyed, calls=list(map(_call, calls)), text=raw.decode().lower())


def _taken(call: dict[str, Any], event: dict[str, Any]) -> Taken:
    destination, key, scope = call["destination"], event["key"], event["scope"]
    alone = len(call["accepted"]) == 1
    return Taken(
        destination=destination,
        key=f"{scope}/{key}" if destination == BY_CLICK else key,
        scope=scope,
        value=event.get("value"),
        currency=event.get("currency"),
        text=msgspec.json.encode(call["body"] if alone else event["event"]).decode(),
    )


def _call(call: dict[str, Any]) -> Call:
    return Call(
        destination=call["destination"],
        at=call["at"],
        status=call["status"],
        event_ids=frozenset(text for text in _texts(call["body"]) if text.startswith(OUR_IDS)),
        taken=len(call["accepted"]),
    )


def _texts(value: Any) -> Iterator[str]:
    """Every text in a body."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)
