"""Every outcome in words: what the engine itself decides, and with it what each destination's own table says.

`catalogue` is what the API, the command line, the pages and the documents tell people about a code.
"""

import re
from collections.abc import Mapping
from functools import partial
from typing import Final

import msgspec

from leadtrackr.destinations import registry
from leadtrackr.destinations.contract import Action, Code, Kind, Scope

ENGINE: Final = "leadtrackr"
"""What stands for a destination where the engine itself speaks."""
PAGE: Final = "/outcomes"
"""The path under which the server shows the whole catalogue."""
ACTIONS: Final[Mapping[Action, str]] = {
    Action.DONE: "Nobody has to do anything: it is as it should be, or nothing can change it.",
    Action.WAIT: "Nobody has to do anything: it goes on by itself at the time that the receipt shows.",
    Action.WE_ACT: "LeadTrackr or whoever runs it has to act.",
    Action.YOU_ACT: "You have to act; what to do is said in the row.",
}
"""The classes in words."""

MISSING: Final = "missing_data"
CONSENT: Final = "consent_denied"
ONCE: Final = "converted_once"
TOO_RECENT: Final = "too_recent"
WINDOW_CLOSED: Final = "window_closed"
RETRIES_OVER: Final = "retries_over"
BEHIND: Final = "behind_earlier"
TAKEN_OVER: Final = "taken_over"
INTERRUPTED: Final = "interrupted"
PAUSED: Final = "destination_paused"
HELD: Final = "destination_held"
UNBUILDABLE: Final = "not_buildable"
TOO_LARGE: Final = "too_large"
ASKED_AGAIN: Final = "asked_again"
CANCELLED: Final = "cancelled"
ACCOUNT_CHANGED: Final = "account_changed"
PAUSED_BY_PERSON: Final = "paused_by_person"
POISON: Final = "poison"
RATE_LIMIT: Final = "rate_limit"
SAID_IN_QUEUE: Final = frozenset({BEHIND, RATE_LIMIT})
"""Codes that say why something stands in the queue; any other there is what it went through before."""
NOT_SENT: Final = frozenset({PAUSED, WINDOW_CLOSED})
"""Outcomes of deliveries that were claimed and then not sent: no attempt was made."""
TAKEN_BACK: Final = "taken_back"
TAKEN_BACK_UNSURE: Final = "taken_back_unsure"
NOTHING_TO_TAKE_BACK: Final = "nothing_to_take_back"
CANNOT_TAKE_BACK: Final = "cannot_take_back"
TAKE_BACK_OFF: Final = "take_back_off"
NO_VALUE_TO_TAKE_BACK: Final = "no_value_to_take_back"
CANNOT_RESTATE: Final = "cannot_restate"
RENEWING: Final = "access_being_renewed"
NOT_ASKED: Final = "status_not_asked"

_you: Final = partial(Code, Kind.REJECTED, action=Action.YOU_ACT)
_over: Final = partial(Code, Kind.REJECTED, action=Action.DONE)
_wait: Final = partial(Code, Kind.RETRY, action=Action.WAIT)
_held: Final = partial(Code, Kind.HOLD, action=Action.YOU_ACT)
_ours: Final = partial(Code, action=Action.WE_ACT)

OWN_CODES: Final[Mapping[str, Code]] = {
    MISSING: _you(
        "The lead lacks what this platform needs to match it.",
        "Send the missing field with the lead; a new rating is planned with what the lead holds then.",
    ),
    CONSENT: _over(
        "The visitor denied the consent that this platform's data needs.",
        "Nothing to do: without consent nothing leaves.",
    ),
    ONCE: _over(
        "This lead has converted under this label on this platform before, and the label counts that once.",
        "Nothing to do. To count it again, make a label without “convert once” and “take back”.",
    ),
    TOO_RECENT: _wait(
        "The platform does not take conversions of a click that is this recent.",
        "Nothing to do: it is sent as soon as the platform takes it.",
    ),
    WINDOW_CLOSED: _you(
        "The platform takes this conversion no more: its time window has closed.",
        "Rate leads sooner, or raise the conversion window on the platform where it allows that.",
    ),
    RETRIES_OVER: _you(
        "The platform did not take the conversion in all the days for which it is tried.",
        "Look at the last answer below. When its cause is mended, rate the lead again.",
    ),
    BEHIND: _wait(
        "An earlier conversion of this lead is still on its way to this platform; they go in order.",
        "Nothing to do: it is sent when the earlier one is settled.",
    ),
    TAKEN_OVER: Code(
        Kind.UNKNOWN,
        "The worker that had it stopped without saying what became of it; whether it was sent is not known.",
        "Nothing to do: unless it has been settled since, it is sent again under the same event id, which platforms "
        "that know such ids count once.",
        action=Action.WAIT,
    ),
    INTERRUPTED: Code(
        Kind.UNKNOWN,
        "The worker was stopped before the platform had answered; whether it took the conversion is not known.",
        "Nothing to do: it is sent again under the same event id, which platforms that know such ids count once.",
        action=Action.WAIT,
    ),
    PAUSED: _wait(
        "The platform is not answering as it should, so it is left alone for a while.",
        "Nothing to do: sending goes on by itself.",
    ),
    UNBUILDABLE: _ours(
        Kind.REJECTED,
        "This lead's data could not be made into an event for the platform.",
        "Nothing to do for you, unless the lead's data looks wrong. Whoever runs LeadTrackr should report it.",
    ),
    TOO_LARGE: _you(
        "The event alone is larger than the platform takes in one request.",
        "Look at the lead's attribution data: a value in it must be far too long.",
    ),
    "bad_credentials": _held(
        "The stored credentials cannot be used to ask for access.",
        "Connect the destination again with credentials that are complete.",
        hold="credentials",
    ),
    "address_refused": _ours(
        Kind.HOLD,
        "The platform's address is not one that this server may call.",
        "Nothing to do for you: whoever runs LeadTrackr should look at the connection's settings and at the server's "
        "network.",
        hold="configuration",
    ),
    "unreadable_secrets": _ours(
        Kind.HOLD,
        "The connection's stored secrets cannot be decrypted with the present secret key.",
        "Nothing to do for you: whoever runs LeadTrackr puts the former key back into LEADTRACKR_SECRET_KEY behind the "
        "new one, or connects the destination again.",
        hold="configuration",
    ),
    ACCOUNT_CHANGED: _you(
        "It was rated for another account than the one that the connection leads to now, so it was not sent there.",
        "Connect the former account again and send it again, or rate the lead again for the new account.",
    ),
    RATE_LIMIT: _wait(
        "The platform allows a limited number of requests, and they are used up for the moment.",
        "Nothing to do: it is sent in its turn. The limit is in the connection's settings, should yours be another.",
    ),
    POISON: _ours(
        Kind.REJECTED,
        "Three workers died while they were sending it, the last time with nothing else in their hands.",
        "Nothing to do for you, and nothing else is held up by it. Whoever runs LeadTrackr should report it with the "
        "lead's data at hand: it is a fault of the program.",
    ),
    ASKED_AGAIN: _wait(
        "A person asked for it to be sent again.",
        "Nothing to do: it is sent under its own event id, which the platform counts once.",
    ),
    CANCELLED: _over(
        "A person stopped it, so it is not sent any more.",
        "Nothing to do. To send it after all, ask for it to be sent again.",
    ),
    TAKEN_BACK: _over(
        "It was taken back before it was sent, because the lead was rated otherwise.",
        "Nothing to do. When the lead is rated with this label again, that is sent.",
    ),
    TAKEN_BACK_UNSURE: _you(
        "It was taken back while it was not known whether the platform had taken it, so it is not sent again.",
        "Look on the platform whether it counted the conversion, and correct it there if it did and lets you.",
    ),
    NOTHING_TO_TAKE_BACK: _over(
        "There was nothing to take back: the platform never took the conversion.",
        "Nothing to do: it does not count there.",
    ),
    CANNOT_TAKE_BACK: _over(
        "The lead was rated otherwise, but this platform cannot take a conversion back: it stays counted.",
        "Nothing to do here. Correct it on the platform by hand where it offers that, and give the label that leads "
        "get instead an event of its own there.",
    ),
    TAKE_BACK_OFF: _you(
        "The lead was rated otherwise, but this connection is not set to take a conversion's value back: it stays "
        "counted with its value.",
        "Connect the destination with the setting that restates lost conversions to zero and set the lead's status "
        "again, or correct the conversion on the platform by hand.",
    ),
    NO_VALUE_TO_TAKE_BACK: _over(
        "The lead was rated otherwise, but the conversion has no value, which is all that this platform takes back: it "
        "stays counted.",
        "Nothing to do here. Correct it on the platform by hand where it offers that.",
    ),
    CANNOT_RESTATE: _over(
        "The lead got another price, but this platform takes no new value for a conversion that it has: it keeps the "
        "first one.",
        "Nothing to do here. Correct it on the platform by hand where it offers that.",
    ),
    RENEWING: _wait(
        "Another process is renewing the access to this platform.",
        "Nothing to do: it is sent when that is done.",
        scope=Scope.DESTINATION,
    ),
    NOT_ASKED: Code(
        Kind.ACCEPTED,
        "The platform took the conversion, but what it made of it will not be found out: LeadTrackr could not ask "
        "it about that.",
        "Nothing to do. Look on the platform itself whether it counts; it is not sent again.",
        action=Action.DONE,
    ),
    PAUSED_BY_PERSON: _held(
        "A person paused this connection.",
        "Resume the connection; what waits here is sent then, with its original time.",
        hold="configuration",
    ),
    HELD: _held(
        "The connection to this platform is held until a person mends it.",
        "Mend the connection; what waits here is sent then, with its original time.",
        hold="configuration",
    ),
}


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One code of one destination, or of the engine itself, for people."""

    destination: str
    """The slug; `leadtrackr` for what the engine itself decides."""
    code: str
    kind: Kind
    scope: Scope
    action: Action
    sentence: str
    next_step: str
    link: str
    """An address on the platform's pages, or else the code's own row on this server's, from its root."""

    @property
    def anchor(self) -> str:
        """The name of its row on the pages of outcomes."""
        return anchor(self.destination, self.code)

    @property
    def is_elsewhere(self) -> bool:
        """Whether the link leads to the platform's pages."""
        return self.link.startswith("https://")


def catalogue() -> tuple[Entry, ...]:
    """Everything that can become of a conversion: the engine's own codes first, then each destination's."""
    tables = {ENGINE: OWN_CODES} | {slug: each.codes for slug, each in registry.DESTINATIONS.items()}
    return tuple(_entry(name, code, row) for name, table in tables.items() for code, row in table.items())


def entry(destination: str, code: str) -> Entry | None:
    """What the catalogue says of a code that a delivery to this destination has; None for one that nobody knows."""
    row = explain(destination, code)
    return None if row is None else _entry(ENGINE if code in OWN_CODES else destination, code, row)


def link(destination: str, code: str | None) -> str | None:
    """Where more is said of a code; None without one, or for one that nobody knows."""
    known = None if code is None else entry(destination, code)
    return None if known is None else known.link


def anchor(destination: str, code: str) -> str:
    """The name of a code's row on the pages of outcomes: the server's and the documents'."""
    return f"{destination}-{re.sub(r'[^A-Za-z0-9_]', '-', code)}"


def explain(destination: str, code: str) -> Code | None:
    """The words for a code of a destination, or of the engine itself; None for a code that nobody knows."""
    own = OWN_CODES.get(code)
    if own is not None:
        return own
    known = registry.DESTINATIONS.get(destination)
    return None if known is None else known.codes.get(code)


def _entry(destination: str, code: str, row: Code) -> Entry:
    return Entry(
        destination=destination,
        code=code,
        kind=row.kind,
        scope=row.scope,
        action=row.action,
        sentence=row.sentence,
        next_step=row.next_step,
        link=row.link or f"{PAGE}#{anchor(destination, code)}",
    )
