"""What becomes of accepted events: the asynchronous processing behind `requestStatus:retrieve`.

The outcome is drawn up when the request is taken, and shown once `processing_s` has passed. Not verified, so a setting:
the JSON type of recordIndices, and when a repeated transaction id is a DUPLICATE_TRANSACTION_ID.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from leadtrackr.sandbox.contract import Accepted
from leadtrackr.sandbox.google_ads.event import Event, Target
from leadtrackr.sandbox.google_ads.request import Request, echo
from leadtrackr.sandbox.google_ads.settings import Settings
from leadtrackr.sandbox.google_clicks import Ages, Fault, judge
from leadtrackr.sandbox.ledger import Ledger

PREFIX: Final = "PROCESSING_ERROR_"
CLICKS: Final[Mapping[Fault, str]] = {
    "before": "PROCESSING_ERROR_REASON_CONVERSION_PRECEDES_CLICK",
    "recent": "PROCESSING_ERROR_REASON_TOO_RECENT_CLICK",
    "old": "PROCESSING_ERROR_REASON_EVENT_TOO_OLD",
}
DUPLICATE: Final = "PROCESSING_ERROR_REASON_DUPLICATE_TRANSACTION_ID"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of one request for one destination: how many events, and which failed for which reason."""

    destination: dict[str, Any]
    count: int
    errors: dict[str, list[int]]


@dataclass(frozen=True, slots=True)
class Taken:
    """A request that was taken at `at` (µs UTC)."""

    at: int
    outcomes: tuple[Outcome, ...]


class Processing:
    """Draws up the outcome of one request against what the ledger has seen before."""

    def __init__(self, slug: str, ledger: Ledger, settings: Settings, now: int) -> None:
        self._slug, self._ledger, self._settings, self._now = slug, ledger, settings, now
        self._here: set[tuple[str, str]] = set()
        self._errors: dict[int, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        self._counts: dict[int, int] = defaultdict(int)

    def run(self, request: Request) -> tuple[list[Accepted], tuple[Outcome, ...]]:
        """The accepted events, one row for each of their destinations, and the outcome per destination."""
        rows = [
            self._row(index, event, target, request.raw_events[index])
            for index, event in enumerate(request.events)
            for target in event.targets
        ]
        outcomes = tuple(
            Outcome(echo(raw), self._counts[index], dict(self._errors[index]))
            for index, raw in enumerate(request.raw_destinations)
        )
        return rows, outcomes

    def _row(self, index: int, event: Event, target: Target, raw: dict[str, Any]) -> Accepted:
        scope = target.scope
        reason = self._reason(event, scope, raw)
        self._counts[target.index] += 1
        if reason is not None:
            self._errors[target.index][reason].append(index)
        return Accepted(
            index=index,
            key=event.key,
            scope=scope,
            value=event.value,
            currency=event.currency,
            event_at=event.at,
            counts=reason is None or reason == DUPLICATE,
            processing_error=reason,
            event=raw if self._ledger.bodies else None,
        )

    def _reason(self, event: Event, scope: str, raw: dict[str, Any]) -> str | None:
        forced = self._settings.processing_errors
        if forced:
            reason = forced.get(event.key or "") or forced.get(event.gclid or "")
            if reason is not None:
                return reason if reason.startswith(PREFIX) else f"{PREFIX}REASON_{reason}"
        if self._settings.clicks and (fault := self._by_click(event, raw)) is not None:
            return CLICKS[fault]
        return DUPLICATE if event.key is not None and self._is_duplicate(event, scope, event.key) else None

    def _by_click(self, event: Event, raw: dict[str, Any]) -> Fault | None:
        settings = self._settings
        given = _of(raw, "adIdentifiers", "ad_identifiers") or {}
        ids = [given[name] for name in ("gclid", "gbraid", "wbraid") if given.get(name)]
        people = _of(_of(raw, "userData", "user_data") or {}, "userIdentifiers", "user_identifiers") or []
        hashes = [value for person in people for value in person.values() if isinstance(value, str)]
        ages = Ages(settings.click_age_h, settings.click_days, settings.hashed_days)
        return judge(settings.clicks, ids, hashes, at=event.at, now=self._now, ages=ages)

    def _is_duplicate(self, event: Event, scope: str, key: str) -> bool:
        if (scope, key) in self._here:
            return True
        self._here.add((scope, key))
        before = self._ledger.find(self._slug, scope, key)
        if before is None or self._settings.repeats == "none":
            return False
        same = (before.value, before.currency, before.event_at) == (event.value, event.currency, event.at)
        return same or self._settings.repeats == "all"


def _of(raw: dict[str, Any], camel: str, snake: str) -> Any:
    """A field of an event, by either of its names in proto3 JSON."""
    return raw.get(camel, raw.get(snake))


def show(taken: Taken, now: int, settings: Settings) -> dict[str, Any]:
    """The body of `requestStatus:retrieve`."""
    is_done = now >= taken.at + int(settings.processing_s * 1_000_000)
    return {"requestStatusPerDestination": [_show_outcome(outcome, is_done, settings) for outcome in taken.outcomes]}


def _show_outcome(outcome: Outcome, is_done: bool, settings: Settings) -> dict[str, Any]:
    shown: dict[str, Any] = {"destination": outcome.destination, "requestStatus": "PROCESSING"}
    if not is_done:
        return shown
    failed = sum(len(indices) for indices in outcome.errors.values())
    if failed:
        shown["requestStatus"] = settings.failed_word if failed >= outcome.count else "PARTIAL_SUCCESS"
        counts = [_show_errors(reason, indices, settings) for reason, indices in outcome.errors.items()]
        shown["errorInfo"] = {"errorCounts": counts}
    else:
        shown["requestStatus"] = "SUCCESS"
    shown["eventsIngestionStatus"] = {"recordCount": str(outcome.count)}
    return shown


def _show_errors(reason: str, indices: list[int], settings: Settings) -> dict[str, Any]:
    shown: dict[str, Any] = {"reason": reason, "recordCount": str(len(indices))}
    if settings.record_indices == "number":
        shown["recordIndices"] = indices
    elif settings.record_indices == "string":
        shown["recordIndices"] = [str(index) for index in indices]
    return shown
