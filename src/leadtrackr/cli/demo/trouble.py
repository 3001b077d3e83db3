"""What went wrong on purpose, and that nothing was lost by it."""

from itertools import pairwise
from typing import Final

from leadtrackr.cli.demo.evidence import Check, Evidence, checked
from leadtrackr.cli.demo.ledger import Call
from leadtrackr.cli.demo.play import ASKED_S
from leadtrackr.cli.demo.script import FAILED, REFUSES
from leadtrackr.conversions.model import DELIVERED
from leadtrackr.kit.clock import SECOND

_PAUSED: Final = frozenset({"server_error", "rate_limited"})
"""What is said of a conversion while its platform is left alone."""


def failure(found: Evidence) -> Check:
    """Meta's answer of 500."""
    return _survived(found, "meta", 500, "A platform's failure is survived")


def pause(found: Evidence) -> Check:
    """Reddit's answer of 429: the pause that it asked for is kept."""
    there = _survived(found, "reddit", 429, "A platform that asks to wait is left alone")
    wrong = [] if there.ok else [there.sentence]
    left_alone = pause_s(found, "reddit", 429)
    if left_alone is not None and left_alone < ASKED_S:
        wrong.append(f"it asked for {ASKED_S} s and was called again after {left_alone:.2f} s")
    kept = f"Reddit asked for {ASKED_S} s and got {left_alone or 0:.1f} s; {there.sentence}"
    return checked(there.promise, wrong, kept)


def one_refused(found: Evidence) -> Check:
    """Pinterest's refusal of one event of a request."""
    refused = [one for one in found.receipts if (one.destination, one.code) == (REFUSES, FAILED)]
    calls = [call for call in found.ledger.of(REFUSES) if any(one.event_id in call.event_ids for one in refused)]
    wrong = [] if len(refused) == 1 else [f"{len(refused)} were refused instead of 1"]
    wrong += [f"the refused one was sent {len(calls)} times"] if len(calls) != 1 else []
    wrong += [f"{len(call.event_ids) - call.taken} of its request were lost" for call in calls if _lost(call)]
    others = sum(call.taken for call in calls)
    kept = f"Pinterest refused 1 of a request; its {others} others were accepted at once"
    return checked("One refused conversion costs the others nothing", wrong or _alone(others), kept)


def _lost(call: Call) -> bool:
    return call.taken != len(call.event_ids) - 1


def _alone(others: int) -> list[str]:
    return [] if others else ["there was no other in its request"]


def _survived(found: Evidence, destination: str, status: int, promise: str) -> Check:
    ends = {one.event_id: one for one in found.receipts if one.destination == destination}
    ids = {event_id for call in found.ledger.failed(destination, status) for event_id in call.event_ids}
    wrong = [
        f"{event_id} was lost after a {status} of {destination}"
        for event_id in sorted(ids)
        if event_id not in ends or (ends[event_id].state not in DELIVERED and ends[event_id].code in _PAUSED)
    ]
    kept = f"{len(ids)} conversions were in the call that got a {status}; all were sent again, none was lost"
    return checked(promise, wrong or ([f"no {status}"] if not ids else []), kept)


def failed_once(found: Evidence) -> frozenset[tuple[str, str]]:
    """Destination and event id of what was in a call that failed as a whole."""
    return frozenset(
        (call.destination, event_id)
        for call in found.ledger.calls
        if call.status in (429, 500)
        for event_id in call.event_ids
    )


def pause_s(found: Evidence, destination: str, status: int) -> float | None:
    """Seconds from the first such answer of a platform to the next call to it."""
    calls = found.ledger.of(destination)
    for call, following in pairwise(calls):
        if call.status == status:
            return (following.at - call.at) / SECOND
    return None
