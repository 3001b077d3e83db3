"""What can go wrong, as types. Every one carries a sentence for a person.

LeadTrackrError
├─ InvalidInput       the caller's value is wrong; names the field
├─ Unauthenticated    no credential, or a wrong one
├─ Forbidden          known, but not allowed
├─ NotFound           no such project, lead, label …
├─ Conflict           it contradicts what is there already
├─ Unavailable        the database is away; try again after `retry_after` seconds
└─ SettingError       a setting stops the program from starting; names the setting
"""


class LeadTrackrError(Exception):
    """The root: `str(error)` is the sentence."""


class InvalidInput(LeadTrackrError):
    """A value is missing or wrong. `field` is the name that the caller used."""

    def __init__(self, sentence: str, field: str | None = None) -> None:
        super().__init__(sentence)
        self.field = field


class Unauthenticated(LeadTrackrError):
    """No credential, or one that is not known."""


class Forbidden(LeadTrackrError):
    """The caller is known and may not do this."""


class NotFound(LeadTrackrError):
    """There is no such thing in this project."""


class Conflict(LeadTrackrError):
    """The request contradicts the present state; nothing was changed."""


class Unavailable(LeadTrackrError):
    """The database cannot be reached or cannot write now; `retry_after` is in seconds."""

    def __init__(self, sentence: str, retry_after: int = 5) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class SettingError(LeadTrackrError):
    """A setting stops the start; `setting` is its name."""

    def __init__(self, setting: str, sentence: str) -> None:
        super().__init__(f"{setting}: {sentence}")
        self.setting = setting
