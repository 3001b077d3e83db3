"""From the plan of a rating to an answer for each platform. Pure.

Everything comes of the deliveries that the rating would make, so that an answer cannot disagree with what is done.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from leadtrackr.conversions import outcomes
from leadtrackr.conversions.counting.model import (
    KEPT,
    NOTHING_SENT,
    OPENS,
    SENT,
    UNSENT,
    Answer,
    Before,
    Counting,
    Fate,
    Looked,
    Missing,
    OfLabel,
    Prognosis,
)
from leadtrackr.conversions.model import Connection, DeliveryKind, State
from leadtrackr.conversions.planning import Planned
from leadtrackr.conversions.preview import Foreseen, Prospect, drawn
from leadtrackr.conversions.receipts import Words, words_of
from leadtrackr.destinations.contract import Request
from leadtrackr.destinations.registry import DESTINATIONS
from leadtrackr.kit.clock import DAY
from leadtrackr.kit.secretbox import SecretBox
from leadtrackr.labels.model import Label

FAR: Final = 100 * 365 * DAY
"""So long after now that a platform whose time runs from the lead takes nothing any more."""
UNUSABLE: Final = frozenset({outcomes.MISSING, outcomes.CONSENT})
_LEAVES: Final = frozenset({Answer.YES, Answer.NOT_YET, Answer.WHEN_MENDED})
"""Answers for what would be sent, now or later."""
_AT_ONCE: Final = Words("Everything that the platform asks for is there; it would be sent at once.", "")
_TOO_LATE: Final = Words(
    "It could not be sent before the platform's time window closes.",
    "Nothing to do: rate leads sooner. It counts only if the platform answers again before that.",
)
_NEW_VALUE: Final = Words("It counts there already; the rating would give it the lead's present value.", "")
_SENT_BEFORE: Final = Words("It was sent there before, so it is not sent again.", "")
_UNCONNECTED: Final = Words(
    "The project is connected to no platform, so the rating would count nowhere.",
    "Connect one: leadtrackr connect PROJECT DESTINATION KEY=VALUE …",
)
_SUMMARY: Final[Mapping[Answer, str]] = {
    Answer.YES: "Counts",
    Answer.NOT_YET: "Counts later",
    Answer.WHEN_MENDED: "Counts once the connection is mended",
    Answer.COUNTED: "Counted already",
    Answer.NO: "Does not count",
    Answer.NO_EVENT: "The label has no event",
}


def count(looked: Looked, box: SecretBox) -> Counting:
    """The answers for every label that was asked about."""
    return Counting(
        lead_id=looked.lead_id,
        unique_identifier=looked.unique_identifier,
        asked_at=looked.now,
        pending=any(foreseen.pending for _, foreseen in looked.asked),
        consent=looked.consent,
        labels=tuple(_of_label(looked, label, foreseen, box) for label, foreseen in looked.asked),
    )


def _of_label(looked: Looked, label: Label | None, foreseen: Foreseen, box: SecretBox) -> OfLabel:
    if label is None:
        return OfLabel(label=None, platforms=(), words=Words(opening(foreseen, box), ""))
    fates = fates_of(foreseen.prospects, box)
    platforms = tuple(_prognosis(looked, label, one, fates) for one in looked.connections)
    return OfLabel(label=label, platforms=platforms, words=_summary(platforms))


def fates_of(prospects: Sequence[Prospect], box: SecretBox) -> list[tuple[Prospect, Fate]]:
    """What would become of each delivery of a plan, in its order: one may stand behind another of the same plan."""
    found: list[tuple[Prospect, Fate]] = []
    for one in prospects:
        fate, behind = _alone(one, box), one.planned.behind
        if behind is not None and behind < 0:
            fate = _after(fate, found[-behind - 1][1])
        found.append((one, fate))
    return found


def opening(foreseen: Foreseen, box: SecretBox) -> str:
    """What setting a lead to `open` would do to its earlier conversions, in words."""
    leaves: list[str] = []
    stays: list[str] = []
    for one, fate in fates_of(foreseen.prospects, box):
        (leaves if fate.answer in _LEAVES else stays).append(_place(one.label, one.planned.destination))
    unsent = [_place(one.label, one.destination) for one in foreseen.cancels]
    groups = ((SENT, leaves), (KEPT, stays), (UNSENT, unsent))
    said = [f"{words} {', '.join(places)}." for words, places in groups if places]
    return " ".join([OPENS, *([] if leaves else [NOTHING_SENT]), *said])


def _place(label: str, slug: str) -> str:
    known = DESTINATIONS.get(slug)
    return f"{label} on {slug if known is None else known.name}"


def usable_until(prospect: Prospect, now: int) -> int | None:
    """From when on a rating with the same lead and label would be of no use; None when the platform's time runs from
    the rating itself, so that no end is known.
    """
    later = msgspec.structs.replace(prospect.event, happened_at=now + FAR)
    destination = DESTINATIONS[prospect.planned.destination]
    closes_at = destination.window(later, prospect.connection.settings).closes_at
    return closes_at if closes_at < now + FAR else None


def _alone(one: Prospect, box: SecretBox) -> Fate:
    planned, made = one.planned, drawn(one, box)
    state, code = (planned.state, planned.code) if isinstance(made, Request) else made
    answer = _answer(planned, state, code)
    waits = answer in (Answer.YES, Answer.NOT_YET)
    return Fate(
        answer=answer,
        code=None if answer == Answer.YES else code,
        words=_words(planned, answer, state, code),
        send_at=planned.run_at if waits else None,
        behind=planned.behind if waits and planned.behind is not None and planned.behind > 0 else None,
    )


def _answer(planned: Planned, state: State, code: str | None) -> Answer:
    if planned.kind == DeliveryKind.RESTATEMENT or (state == State.SKIPPED and code not in UNUSABLE):
        return Answer.COUNTED
    if state in (State.SKIPPED, State.EXPIRED, State.REJECTED):
        return Answer.NO
    if state == State.HELD:
        return Answer.WHEN_MENDED
    if planned.run_at >= planned.closes_at:
        return Answer.NO
    waits = state == State.WAITING or (planned.behind is not None and planned.behind > 0)
    return Answer.NOT_YET if waits else Answer.YES


def _words(planned: Planned, answer: Answer, state: State, code: str | None) -> Words:
    if answer == Answer.YES:
        return _AT_ONCE
    if answer == Answer.NO and state in (State.QUEUED, State.WAITING):
        return _TOO_LATE
    if planned.kind == DeliveryKind.RESTATEMENT and state != State.SKIPPED:
        return _NEW_VALUE
    return words_of(planned.destination, code or "")


def _after(fate: Fate, ahead: Fate) -> Fate:
    """What is sent at once waits all the same when what it stands behind does."""
    if fate.answer != Answer.YES or ahead.answer not in (Answer.NOT_YET, Answer.WHEN_MENDED):
        return fate
    return Fate(
        answer=ahead.answer,
        code=outcomes.BEHIND,
        words=words_of("", outcomes.BEHIND),
        send_at=None if ahead.send_at is None else max(ahead.send_at, fate.send_at or 0),
        behind=ahead.behind,
    )


def _prognosis(
    looked: Looked, label: Label, connection: Connection, fates: Sequence[tuple[Prospect, Fate]]
) -> Prognosis:
    destination = DESTINATIONS[connection.destination]
    here = [(one, fate) for one, fate in fates if one.connection.id == connection.id]
    before = tuple(_before(looked.labels[number], connection, here) for number in label.path)
    base = Prognosis(
        connection=connection,
        name=destination.name,
        account=destination.account(connection.settings),
        action=label.events.get(connection.destination),
        fate=_no_event(label, destination.name, connection),
        window=destination.window_help,
        before=tuple(one for one in before if one is not None),
        takes_back=tuple(
            one.label for one, fate in here if one.planned.kind == DeliveryKind.RETRACTION and fate.answer in _LEAVES
        ),
    )
    found = _own(label, here)
    return base if found is None else _with(base, *found, looked.now)


def _with(base: Prognosis, one: Prospect, fate: Fate, now: int) -> Prognosis:
    planned = one.planned
    sent = fate.answer in _LEAVES
    late = fate.answer == Answer.NO and (planned.closes_at <= now or planned.run_at >= planned.closes_at)
    timed = planned.kind == DeliveryKind.CONVERSION and fate.code not in UNUSABLE and (sent or late)
    lacking = None if planned.field is None else Missing(planned.field, planned.detail or "")
    return msgspec.structs.replace(
        base,
        fate=fate,
        missing=lacking,
        closes_at=planned.closes_at if sent else None,
        usable_until=usable_until(one, now) if timed else None,
    )


def _own(label: Label, here: Sequence[tuple[Prospect, Fate]]) -> tuple[Prospect, Fate] | None:
    """What the rating would send of the label itself, not what it takes back of others."""
    mine = [
        found
        for found in here
        if found[0].planned.label_id == label.id and found[0].planned.kind != DeliveryKind.RETRACTION
    ]
    return mine[-1] if mine else None


def _before(label: Label, connection: Connection, here: Sequence[tuple[Prospect, Fate]]) -> Before | None:
    if connection.destination not in label.events:
        return None
    found = _own(label, here)
    sent = Fate(answer=Answer.COUNTED, code=None, words=_SENT_BEFORE)
    return Before(label, sent if found is None else found[1])


def _no_event(label: Label, name: str, connection: Connection) -> Fate:
    words = Words(
        f"The label {label.name} has no event on {name}, so nothing of it is sent there.",
        "Nothing to do, unless it should: then make a label that has one, "
        f"leadtrackr label create PROJECT NAME --event {connection.destination}=VALUE",
    )
    return Fate(answer=Answer.NO_EVENT, code=None, words=words)


def _summary(platforms: Sequence[Prognosis]) -> Words:
    if not platforms:
        return _UNCONNECTED
    groups = {answer: [one.name for one in platforms if one.fate.answer == answer] for answer in Answer}
    return Words(
        " ".join(f"{_SUMMARY[answer]} on {', '.join(names)}." for answer, names in groups.items() if names), ""
    )
