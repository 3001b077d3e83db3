"""A destination, whole, and what it may say of tokens, of answers that come later and of taking back."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date

import msgspec

from leadtrackr.destinations.contract.answers import Code, Outcome, Request, Response, Verdict
from leadtrackr.destinations.contract.consent import Consent
from leadtrackr.destinations.contract.events import Event, Field, LeadData, Limits, Settings, Warning, Window
from leadtrackr.destinations.contract.reading import AccountTree, Actions, Listing, Standing, Steps
from leadtrackr.destinations.normalise import Rules


class Token(msgspec.Struct, frozen=True):
    """An access token and how long it lives, in seconds."""

    value: str
    expires_in_s: int
    renewed: str | None = None
    """What the platform gave instead of the setting that `TokenAuth.rotates` names; None: the old one stays good."""


class TokenAuth(msgspec.Struct, frozen=True):
    """How a destination gets its access token. The engine sends the request and keeps the token until it expires."""

    request: Callable[[Settings, int], Request]
    """From settings and the time (microseconds UTC). InvalidInput when no request can be made of the settings (a key
    that is no key): the same as a hold for credentials. Its body holds secrets; it is never recorded."""
    read: Callable[[Response], Token | Outcome]
    rotates: str = ""
    """The secret setting, such as a refresh token, that may be good for one request only: the answer has the next one.
    The engine lets one process ask at a time and stores what comes before it uses the access token."""
    entered: str = ""
    """The secret setting that, where it is there, is an access token itself: then none is asked for."""
    renewed_on: frozenset[str] = frozenset()
    """Codes of the table by which the platform refuses an access token that may have ended early: it is asked for anew
    once. Not for one that was entered."""

    def given(self, settings: Settings) -> str | None:
        """The access token that was entered; None when one has to be asked for."""
        return settings.get(self.entered) if self.entered else None


class NotYet(msgspec.Struct, frozen=True):
    """The platform has not finished, or could not be asked; ask again."""

    outcome: Outcome | None = None
    """Why it could not be asked (RETRY, UNKNOWN or HOLD); None while it is still at work."""


class Known(msgspec.Struct, frozen=True):
    """What became of each event, in the order of the request: confirmed, rejected, to be sent again, or held."""

    outcomes: tuple[Outcome, ...]


class OnlyCounts(msgspec.Struct, frozen=True, kw_only=True):
    """How many, but not which: nothing may be pinned on a delivery, which stays accepted."""

    accepted: int
    refused: int
    """Together with `accepted` the events of the request."""
    reasons: Mapping[str, int]
    """Code of the table → how many events; as the platform counts them, so they need not add up to `refused`."""
    outcome: Outcome
    """What a receipt can say: ACCEPTED, the numbers in its detail."""


class NeverKnown(msgspec.Struct, frozen=True):
    """The platform will not say; asking again is of no use, and the deliveries stay accepted."""

    outcome: Outcome
    """What a receipt can say: ACCEPTED."""


StatusAnswer = NotYet | Known | OnlyCounts | NeverKnown


class StatusPoll(msgspec.Struct, frozen=True, kw_only=True):
    """How a platform is asked later what became of a request that it took."""

    request: Callable[[str, Settings, str | None], Request]
    """From an outcome's reference, settings and access token."""
    read: Callable[[Response, int], StatusAnswer]
    """The answer about a request of n events."""
    first_after_s: float
    """Seconds from the request to the first question."""
    again_after_s: tuple[float, ...]
    """Seconds from each question to the next; the last one repeats."""
    give_up_after_s: float
    """Seconds from the request after which nobody asks any more."""
    given_up: str
    """The table's code for a request of which the platform has said nothing until then."""


class Validation(msgspec.Struct, frozen=True, kw_only=True):
    """How a platform looks at a request without counting anything of it."""

    request: Callable[[Request], Request]
    """From the request that would be sent, of one event, to the one that only asks whether it is right."""
    read: Callable[[Response], Outcome]
    """What the platform says; ACCEPTED when it found nothing wrong. Codes of the table."""


class TakeBack(msgspec.Struct, frozen=True, kw_only=True):
    """What a platform lets one do about a conversion that it has already taken."""

    restate: bool
    """Whether its value can be changed."""
    retract: bool
    """Whether it can be made not to count."""
    sentence: str
    """What can be done and what cannot, for a receipt."""
    build: Callable[[Sequence[Event], Settings, str | None], Request] | None = None
    """Set when, and only when, `restate` or `retract` is: the request that gives events their new value, or, where
    `retract` is, takes back those that are `retracted`; read as any other. The events are those that were sent, same
    event id, action and time. ValueError for an event that is to have a value and has none, or no currency. Only for
    events that the platform has taken: to others it may be a new conversion."""
    zero_setting: str = ""
    """The setting that, on yes, has a lost conversion restated to nothing, where that is as close as one comes."""


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    """One ad platform, whole."""

    slug: str
    name: str
    docs_url: str
    api_version: str
    api_version_ends: date | None
    """The day on which the platform retires this version; None when it has announced none."""
    version_ends: Mapping[str, date] = {}
    """The same of the other versions that a connection may be set to (`api_version`), as far as they are announced."""
    fields: tuple[Field, ...]
    one_of: tuple[tuple[str, ...], ...] = ()
    """Groups of fields of which at least one group must be complete; empty when nothing is left to choose."""
    event_field: Field
    """The value of a label's event for this destination."""
    limits: Limits
    identifiers: tuple[str, ...]
    """The names of which at least one must be present, as used in warnings' `field`; empty when any lead will do."""
    also_needed: tuple[str, ...] = ()
    """The names that must be present besides, as used in warnings' `field`."""
    secret_in_query: bool = False
    """Whether the platform takes its secret nowhere but in the query; addresses are kept without theirs."""
    masked_keys: tuple[str, ...] = ()
    """JSON keys whose plain personal values are masked in the copies kept of requests."""
    account: Callable[[Settings], str]
    """The account that deliveries are frozen to, for people and for batches."""
    counted_by: Callable[[Settings], str] | None = None
    """What the platform counts requests by, from settings with their secrets: connections with the same one share the
    limits. It never holds a secret and stays the same when one is renewed. None: the account."""
    counted_by_help: str = ""
    """The same in a word, for the reference page."""
    hashing: Rules | None = None
    """What is hashed and in which form; None where nothing is."""
    reads: tuple[str, ...] | None = None
    """Of the ids that the clients know (`leads.attribution.IDS`) those of which it makes something: when an event is
    made it is shown these and its `click_ids`, and no others. None: all."""
    click_ids: tuple[str, ...] = ()
    """Names in a lead's attribution data that only this platform reads, beside those that the clients know by
    themselves (`leads.attribution.IDS`). They reach it in `LeadData.ids`, under the same consent as the others."""
    missing: Callable[[LeadData, Settings], tuple[Warning, ...]]
    """Why this lead cannot be used; empty when it can."""
    window: Callable[[Event, Settings], Window]
    build: Callable[[Sequence[Event], Settings, str | None], Request]
    """Events of one action, settings, access token (None without `auth`). ValueError for an event whose currency
    `kit.money.is_currency` does not know: a delivery is never made with one."""
    read: Callable[[Response, int], Verdict]
    """The answer to a request of n events."""
    check: Callable[[Settings, str | None], Request]
    """A harmless request that shows whether the credentials work."""
    read_check: Callable[[Response], Outcome]
    codes: Mapping[str, Code]
    """The outcome table: every code that `read`, `read_check`, `auth` and `status` can give, with its words."""
    auth: TokenAuth | None = None
    consent: Consent | None = None
    """How a person signs in at the platform; None where credentials are only entered."""
    reading: TokenAuth | None = None
    """The token for what is read of an account, where it is not that of `auth`."""
    accounts: Listing[AccountTree] | None = None
    """The accounts that the credentials reach; None where the platform lists none."""
    standing: Callable[[Settings, str | None], Steps[Standing]] | None = None
    """From settings and access token: how the account stands; None where there is nothing to read."""
    actions: Actions | None = None
    """The conversion actions of the account; None where the platform has none or lists none."""
    token_ends: Callable[[Settings], int | None] | None = None
    """When the credentials that a person has connected end, microseconds UTC; None when their settings do not tell.
    Not the access token of `auth`, which the engine renews by itself."""
    status: StatusPoll | None = None
    """None when the platform's first answer is its last."""
    take_back: TakeBack | None = None
    validation: Validation | None = None
    """None when the platform has no mode that looks at an event without counting it."""
    counts_once: bool = True
    """Whether the platform counts an event once, however often it comes."""
    natural_key: str = ""
    """What it knows an event by, in words, where it takes no event id of ours; empty where it does."""
    about: str = ""
    """What is sent and how the platform finds the person, for the reference page."""
    window_help: str = ""
    """The rule of `window` in words."""
    unverified: tuple[str, ...] = ()
    """What the platform's documents leave open or nobody could try, in sentences."""
