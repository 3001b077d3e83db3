"""Building the rows of outcome tables. Each function is one kind of row, so that its class and its next step agree."""

from typing import Final

from leadtrackr.destinations.contract import AGAIN, Action, Code, Hold, Kind, Scope

REPORT: Final = (
    "Nothing to do for you: this is a fault of the program. Whoever runs it should report it with the words below."
)


def taken(sentence: str, next_step: str, link: str = "") -> Code:
    """Accepted; what the platform made of it is not known, or not known yet."""
    return Code(Kind.ACCEPTED, sentence, next_step, action=Action.DONE, link=link)


def counted(sentence: str, next_step: str, link: str = "") -> Code:
    """Confirmed by the platform."""
    return Code(Kind.CONFIRMED, sentence, next_step, action=Action.DONE, link=link)


def mend(sentence: str, next_step: str, link: str = "") -> Code:
    """Rejected, and the user can see to it that the next one is not."""
    return Code(Kind.REJECTED, sentence, next_step, action=Action.YOU_ACT, link=link)


def final(sentence: str, because: str, link: str = "") -> Code:
    """Rejected, and that is as it should be."""
    return Code(Kind.REJECTED, sentence, f"Nothing to do: {because}", action=Action.DONE, link=link)


def fault(sentence: str, link: str = "") -> Code:
    """Rejected for what only this program can have done."""
    return Code(Kind.REJECTED, sentence, REPORT, action=Action.WE_ACT, link=link)


def later(sentence: str, next_step: str = AGAIN, after_s: float | None = None, link: str = "") -> Code:
    """This event goes again by itself, after so many seconds or by the schedule."""
    return Code(Kind.RETRY, sentence, next_step, after_s, action=Action.WAIT, link=link)


def trouble(sentence: str, after_s: float | None = None, link: str = "") -> Code:
    """The platform as a whole has trouble; everything goes again by itself."""
    return Code(Kind.RETRY, sentence, AGAIN, after_s, Scope.DESTINATION, action=Action.WAIT, link=link)


def held(hold: Hold, sentence: str, next_step: str, link: str = "") -> Code:
    """The connection is held until the user has mended it."""
    return Code(Kind.HOLD, sentence, next_step, scope=Scope.DESTINATION, hold=hold, action=Action.YOU_ACT, link=link)


def held_by_fault(sentence: str, link: str = "") -> Code:
    """The connection is held for what only this program can have done."""
    return Code(
        Kind.HOLD, sentence, REPORT, scope=Scope.DESTINATION, hold="configuration", action=Action.WE_ACT, link=link
    )
