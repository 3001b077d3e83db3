"""When a token ends, as the person who connected it says: platforms show it where the token is made, if at all."""

from datetime import UTC, date, datetime
from typing import Final

from leadtrackr.destinations.contract import Field, Settings
from leadtrackr.kit.clock import from_datetime

TOKEN_ENDS_ON: Final = Field(
    name="token_ends_on",
    label="Day on which the token ends",
    help="If you know one, such as 2027-01-31: a week before it, an incident is opened. Forgotten when a secret is "
    "changed, unless it is given again.",
    kind="date",
    of_secrets=True,
)


def token_ends(settings: Settings) -> int | None:
    """The start of that day in UTC, microseconds: at which hour a token ends is rarely known. None without a day."""
    day = settings.get(TOKEN_ENDS_ON.name)
    if day is None:
        return None
    return from_datetime(datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC))
