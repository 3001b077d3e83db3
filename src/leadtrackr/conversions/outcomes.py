"""The words for what the engine itself decides. What the platforms decide is in each destination's own table."""

from collections.abc import Mapping
from typing import Final

from leadtrackr.destinations import registry
from leadtrackr.destinations.contract import Code, Kind

MISSING: Final = "missing_data"
CONSENT: Final = "consent_denied"
ONCE: Final = "converted_once"
TOO_RECENT: Final = "too_recent"
WINDOW_CLOSED: Final = "window_closed"
RETRIES_OVER: Final = "retries_over"
BEHIND: Final = "behind_earlier"
TAKEN_OVER: Final = "taken_over"
PAUSED: Final = "destination_paused"
HELD: Final = "destination_held"
UNBUILDABLE: Final = "not_buildable"
TOO_LARGE: Final = "too_large"

OWN_CODES: Final[Mapping[str, Code]] = {
    MISSING: Code(
        Kind.REJECTED,
        "The lead lacks what this platform needs to match it.",
        "Send the missing field with the lead; a new rating is planned with what the lead holds then.",
    ),
    CONSENT: Code(
        Kind.REJECTED,
        "The visitor denied the consent that this platform's data needs.",
        "Nothing to do: without consent nothing leaves.",
    ),
    ONCE: Code(
        Kind.REJECTED,
        "This lead has converted under this label on this platform before, and the label converts once.",
        "Nothing to do. To count it again, make a label without “convert once”.",
    ),
    TOO_RECENT: Code(
        Kind.RETRY,
        "The platform does not take conversions of a click that is this recent.",
        "Nothing to do: it is sent as soon as the platform takes it.",
    ),
    WINDOW_CLOSED: Code(
        Kind.REJECTED,
        "The platform takes this conversion no more: its time window has closed.",
        "Rate leads sooner, or raise the conversion window on the platform where it allows that.",
    ),
    RETRIES_OVER: Code(
        Kind.REJECTED,
        "The platform did not take the conversion in three days of tries.",
        "Look at the last answer below. When its cause is mended, rate the lead again.",
    ),
    BEHIND: Code(
        Kind.RETRY,
        "An earlier conversion of this lead is still on its way to this platform; they go in order.",
        "Nothing to do: it is sent when the earlier one is settled.",
    ),
    TAKEN_OVER: Code(
        Kind.RETRY,
        "The worker that was sending it stopped; another one takes over.",
        "Nothing to do: it is sent again under the same event id, which the platform counts once.",
    ),
    PAUSED: Code(
        Kind.RETRY,
        "The platform is not answering as it should, so it is left alone for a while.",
        "Nothing to do: sending goes on by itself.",
    ),
    UNBUILDABLE: Code(
        Kind.REJECTED,
        "This lead's data could not be made into an event for the platform.",
        "Look at the lead's data; if it looks right, this is a fault of LeadTrackr: please report it.",
    ),
    TOO_LARGE: Code(
        Kind.REJECTED,
        "The event alone is larger than the platform takes in one request.",
        "Look at the lead's attribution data: a value in it must be far too long.",
    ),
    "bad_credentials": Code(
        Kind.HOLD,
        "The stored credentials cannot be used to ask for access.",
        "Connect the destination again with credentials that are complete.",
        hold="credentials",
    ),
    "address_refused": Code(
        Kind.HOLD,
        "The platform's address is not one that this server may call.",
        "Look at the connection's settings and at the server's network.",
        hold="configuration",
    ),
    "unreadable_secrets": Code(
        Kind.HOLD,
        "The connection's stored secrets cannot be decrypted with the present secret key.",
        "Put the former key back into LEADTRACKR_SECRET_KEY behind the new one, or connect the destination again.",
        hold="configuration",
    ),
    HELD: Code(
        Kind.HOLD,
        "The connection to this platform is held until a person mends it.",
        "Mend the connection; what waits here is sent then, with its original time.",
        hold="configuration",
    ),
}


def explain(destination: str, code: str) -> Code | None:
    """The words for a code of a destination, or of the engine itself; None for a code that nobody knows."""
    own = OWN_CODES.get(code)
    if own is not None:
        return own
    known = registry.DESTINATIONS.get(destination)
    return None if known is None else known.codes.get(code)
