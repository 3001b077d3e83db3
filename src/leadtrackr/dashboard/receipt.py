"""A receipt in words: each delivery as one line that says where it stands, what happened and what to do. Pure."""

from collections.abc import Mapping
from typing import Final, TypeVar

import msgspec
from markupsafe import Markup

from leadtrackr.conversions import outcomes
from leadtrackr.conversions.model import DeliveryKind, State
from leadtrackr.conversions.receipts import Rating, Receipt, Tried
from leadtrackr.dashboard.rendering import moment, money, platform
from leadtrackr.destinations.contract import Kind
from leadtrackr.destinations.registry import DESTINATIONS

T = TypeVar("T")
NOTHING: Final = "Nothing to do."
SHOWN_TRIES: Final = 20
"""Attempts of one delivery that a page shows, the newest ones."""
_LONGEST_REQUEST: Final = 20_000
_SECOND: Final = 1_000_000


class Standing(msgspec.Struct, frozen=True):
    """A state for people: its word, its colour's meaning (good, wait, act, bad, still), and what it says by itself."""

    word: str
    tone: str
    sentence: str


STANDINGS: Final[Mapping[State, Standing]] = {
    State.QUEUED: Standing("Queued", "wait", "It is about to be sent."),
    State.SENDING: Standing("Sending", "wait", "It is being sent at this moment."),
    State.WAITING: Standing("Waiting", "wait", "It could not be sent yet and goes on by itself."),
    State.HELD: Standing("Held", "act", "The connection to this platform is held until a person mends it."),
    State.ACCEPTED: Standing("Accepted", "good", "The platform took the conversion."),
    State.CONFIRMED: Standing("Counted", "good", "The platform says that it counts the conversion."),
    State.SKIPPED: Standing("Not sent", "still", "It was not sent."),
    State.REJECTED: Standing("Rejected", "bad", "The platform refused the conversion for good."),
    State.EXPIRED: Standing("Expired", "bad", "It could not be delivered in time."),
    State.CANCELLED: Standing("Cancelled", "still", "It was stopped before it was sent."),
}
_OUTCOMES: Final[Mapping[str, tuple[str, str]]] = {
    Kind.ACCEPTED: ("Accepted", "good"),
    Kind.CONFIRMED: ("Counted", "good"),
    Kind.REJECTED: ("Rejected", "bad"),
    Kind.RETRY: ("To be tried again", "wait"),
    Kind.HOLD: ("Held", "act"),
    Kind.UNKNOWN: ("Not known", "wait"),
}
_UNSENT: Final = "Nothing was sent in this attempt."
_UNWRITTEN: Final = "If something was sent in this attempt, the worker had no time to write it down."
_PURPOSES: Final[Mapping[DeliveryKind, str]] = {
    DeliveryKind.RETRACTION: "taking back the conversion for {label}",
    DeliveryKind.RESTATEMENT: "a new value for the conversion for {label}",
}
Fact = tuple[str, str | Markup]
_URGENCY: Final = ("act", "bad", "wait", "good", "still")
"""Tones by how soon a person should look."""
_SEEN_WHOLE: Final = 4
"""Most lines that need no overview."""


class Said(msgspec.Struct, frozen=True):
    """What happened and what to do, and the words that came with it, under the name of who said them."""

    sentence: str
    next_step: str
    speaker: str = ""
    words: str = ""
    link: str | None = None
    """Where more is said of it."""


class TryLine(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt."""

    number: int
    at: Markup
    took: str
    word: str
    tone: str
    said: Said
    http_status: int | None
    url: str
    reference: str
    request: str
    no_request: str
    """Instead of a request, where there is none."""
    asked: str | None
    """How often its platform was asked what became of it; None where that is asked nowhere."""
    ask_at: Markup | None


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One delivery."""

    id: int
    platform: str
    label: str
    purpose: str
    """What it does to an earlier conversion; empty for a conversion."""
    standing: Standing
    said: Said
    facts: list[Fact]
    tries: list[TryLine]
    earlier_tries: int
    """Attempts older than those shown."""


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """One rating with a line for each platform and label of its path."""

    label: str | None
    """None when the lead was set to open."""
    rated_at: Markup
    lines: list[Line]

    @property
    def overview(self) -> list[tuple[Standing, dict[str, int]]]:
        """Of many lines: by standing the platforms, each with the first of its lines. Empty for a few."""
        if len(self.lines) <= _SEEN_WHOLE:
            return []
        found: dict[Standing, dict[str, int]] = {}
        for one in self.lines:
            found.setdefault(one.standing, {}).setdefault(one.platform, one.id)
        return _urgent_first(found)


def at_a_glance(states: Mapping[str, State]) -> list[tuple[Standing, list[str]]]:
    """By standing the platforms, what a person should look at first; `states` by slug."""
    found: dict[Standing, list[str]] = {}
    for slug, state in states.items():
        found.setdefault(STANDINGS[state], []).append(platform(slug))
    return _urgent_first(found)


def _urgent_first(found: Mapping[Standing, T]) -> list[tuple[Standing, T]]:
    return sorted(found.items(), key=lambda item: _URGENCY.index(item[0].tone))


def groups(ratings: list[Rating]) -> list[Group]:
    """The whole receipt, newest rating first."""
    return [
        Group(
            label=rating.label,
            rated_at=moment(rating.rated_at),
            lines=[line(receipt, tried) for receipt, tried in rating.deliveries],
        )
        for rating in ratings
    ]


def line(receipt: Receipt, tried: list[Tried]) -> Line:
    """One delivery with its attempts."""
    first = max(0, len(tried) - SHOWN_TRIES)
    return Line(
        id=receipt.id,
        platform=platform(receipt.destination),
        label=receipt.label,
        purpose=_PURPOSES.get(receipt.kind, "").format(label=receipt.label),
        standing=STANDINGS[receipt.state],
        said=said_of(receipt),
        facts=_facts(receipt),
        tries=[_try(receipt.destination, number, one) for number, one in enumerate(tried, 1)][first:],
        earlier_tries=first,
    )


def said_of(receipt: Receipt) -> Said:
    """What became of a delivery. Every state and every code, also one that nobody knows, has a sentence."""
    said = _outcome(receipt)
    return msgspec.structs.replace(said, sentence=f"{receipt.purpose} {said.sentence}".strip())


def _outcome(receipt: Receipt) -> Said:
    words = receipt.outcome
    said = Said(
        words.sentence or STANDINGS[receipt.state].sentence,
        words.next_step or NOTHING,
        link=outcomes.link(receipt.destination, receipt.reason),
    )
    if receipt.code is None or receipt.state in (State.QUEUED, State.SENDING):
        return said
    if receipt.code in (outcomes.RETRIES_OVER, outcomes.WINDOW_CLOSED) and receipt.detail:
        # What ended the tries keeps the last answer: its code, a colon, the platform's words.
        code, _, rest = receipt.detail.partition(": ")
        known = outcomes.explain(receipt.destination, code)
        last = receipt.detail if known is None else f"{known.sentence} {rest}".rstrip()
        return msgspec.structs.replace(said, speaker="The last answer", words=last)
    return say(receipt.destination, receipt.code, receipt.detail or "")


def say(destination: str, code: str, detail: str) -> Said:
    """A code in words, with what the platform itself said."""
    known = outcomes.explain(destination, code)
    if known is None:
        return Said(
            f"{platform(destination)} answered with the code {code}, which this version of LeadTrackr does not know.",
            "Look at the platform's words below; if they do not help, report the code.",
            f"{platform(destination)} says",
            detail or "nothing more",
        )
    ours = code in outcomes.OWN_CODES or code in ("network", "timeout")
    speaker = "In detail" if ours else f"{platform(destination)} says"
    return Said(
        known.sentence,
        known.next_step or NOTHING,
        speaker if detail else "",
        detail,
        outcomes.link(destination, code),
    )


def _facts(receipt: Receipt) -> list[Fact]:
    facts: list[Fact] = []
    if receipt.state in (State.QUEUED, State.WAITING):
        facts.append(("Next try", moment(receipt.run_at)))
    if receipt.settled_at is None:
        facts.append(("Can be sent until", moment(receipt.closes_at)))
    else:
        facts.append(("Since", moment(receipt.settled_at)))
    facts.append(("Conversion time", moment(receipt.happened_at)))
    value = "None" if receipt.value_cents is None else money(receipt.value_cents, receipt.currency or "")
    facts.append(("Value", value))
    known = DESTINATIONS.get(receipt.destination)
    facts.append(("Account", receipt.account))
    facts.append((known.event_field.label if known else "Event", receipt.action))
    facts.append(("Event id", receipt.sent_as or receipt.event_id))
    return facts


def _try(destination: str, number: int, one: Tried) -> TryLine:
    word, tone = _OUTCOMES.get(one.kind, (one.kind, "still"))
    return TryLine(
        number=number,
        at=moment(one.started_at, seconds=True),
        took=f"{(one.ended_at - one.started_at) / _SECOND:.2f} s",
        word=word,
        tone=tone,
        said=say(destination, one.code, one.detail),
        http_status=one.http_status,
        url=one.url,
        reference=one.reference,
        request=_readable(one.request),
        no_request=_UNWRITTEN if one.code == outcomes.TAKEN_OVER else _UNSENT,
        asked=None if one.asked is None else _asked(destination, one.asked),
        ask_at=None if one.ask_at is None else moment(one.ask_at),
    )


def _asked(destination: str, times: int) -> str:
    often = {0: "has not been asked yet", 1: "was asked once"}.get(times, f"was asked {times} times")
    return f"{platform(destination)} {often} what became of it"


def _readable(request: str) -> str:
    """The event's JSON with a line for each value; as it is when it is something else."""
    try:
        found = msgspec.json.format(request, indent=2) if request else ""
    except msgspec.DecodeError:
        found = request
    return found if len(found) <= _LONGEST_REQUEST else found[:_LONGEST_REQUEST] + "\n…"
