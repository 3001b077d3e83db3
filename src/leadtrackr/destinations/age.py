"""How old a conversion may be where a platform's documents do not settle it: a setting of the connection."""

from typing import Final

from leadtrackr.destinations.contract import Event, Field, Settings, Window
from leadtrackr.destinations.http_common import ON_THE_WAY, sent_at
from leadtrackr.kit.clock import DAY, SECOND

_NAME: Final = "max_age_days"


def age_field(days: int, why: str, *, most: int = 99, pattern: str = r"[1-9]\d?") -> Field:
    """The setting, from 1 to `most` days, which `pattern` matches; `why` says where the default comes from."""
    return Field(
        name=_NAME,
        label="Days that a conversion may lie back",
        help=why,
        kind="number",
        default=str(days),
        pattern=pattern,
        pattern_help=f"Enter whole days, from 1 to {most}.",
    )


def window_of_age(event: Event, settings: Settings, default_days: int) -> Window:
    """Opens with the lead; closes as many days after the second that is sent as the setting says."""
    age = int(settings.get(_NAME, default_days)) * DAY
    return Window(event.lead.created_at, sent_at(event) // SECOND * SECOND + age - ON_THE_WAY)
