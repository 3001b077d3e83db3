"""What a rating would send, without sending it: the plan of the real path, with the requests that it would build.

Pure: whoever asks has read the database before.
"""

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from leadtrackr.conversions import connections, outcomes
from leadtrackr.conversions.masking import head, masked_body, read_head
from leadtrackr.conversions.model import UNSETTLED, Connection, DeliveryKind, State, Warned
from leadtrackr.conversions.planning import Planned
from leadtrackr.conversions.receipts import Words, words_of
from leadtrackr.destinations.contract import Destination, Event, LeadData, Request, Settings
from leadtrackr.destinations.registry import DESTINATIONS
from leadtrackr.kit.secretbox import SecretBox, UnreadableSecretError

Address = Callable[[Request], str]
"""Where a request goes, without its query."""
AT_ONCE: Final = Words("It would be sent at once.", "")
UNREADABLE: Final = "unreadable_secrets"
_TOKEN: Final = "***"  # noqa: S105 - stands for the token that is fetched when it is sent


class Prospect(msgspec.Struct, frozen=True, kw_only=True):
    """One delivery that a rating would make."""

    planned: Planned
    label: str
    connection: Connection
    event: Event

    @property
    def would_be_sent(self) -> bool:
        """Whether it would leave, now or later; the others are skipped or come too late."""
        return self.planned.state in UNSETTLED


class Cancel(msgspec.Struct, frozen=True, kw_only=True):
    """An earlier delivery that has not been sent, and would not be any more."""

    id: int
    destination: str
    label: str
    code: str

    @property
    def words(self) -> Words:
        """What its receipt would say then."""
        return words_of(self.destination, self.code)


class Foreseen(msgspec.Struct, frozen=True, kw_only=True):
    """What a rating would do. Nothing of it has been written or sent."""

    lead_id: int
    unique_identifier: str | None
    label: str | None
    """None when the lead would be open again: all that is sent then takes something back."""
    pending: bool
    """Whether the rating itself would be refused at this moment, since the lead has a pending job."""
    prospects: tuple[Prospect, ...] = ()
    cancels: tuple[Cancel, ...] = ()
    warnings: tuple[Warned, ...] = ()


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A request as it would be sent: secrets masked, plain personal values of the body too."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: str


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """A prospect with what would become of it, in words."""

    prospect: Prospect
    state: State
    code: str | None
    words: Words
    request: Shown | None
    """None when nothing would be sent."""


def event_of(planned: Planned, lead: LeadData, now: int) -> Event:
    """The event that a delivery planned now (microseconds UTC) would become. `lead` is what consent permits."""
    return Event(
        event_id=planned.sent_as or planned.event_id,
        action=planned.action,
        happened_at=planned.happened_at,
        value_cents=planned.value_cents,
        currency=planned.currency,
        changed_at=None if planned.takes_back is None else now,
        retracted=planned.kind == DeliveryKind.RETRACTION,
        lead=lead,
    )


def preview(prospect: Prospect, box: SecretBox, address: Address) -> Preview:
    """Builds what would be sent, with the destination's own `build`, and masks it."""
    planned = prospect.planned
    request = drawn(prospect, box)
    if not isinstance(request, Request):
        return _preview(prospect, *request)
    method, headers = read_head(head(request))
    body = masked_body(DESTINATIONS[planned.destination].masked_keys)(request.body.decode("utf-8", "replace"))
    shown = Shown(method=method, url=address(request), headers=headers, body=body)
    return _preview(prospect, planned.state, planned.code, shown)


def drawn(prospect: Prospect, box: SecretBox) -> Request | tuple[State, str | None]:
    """The request that would be sent, or the state and the code in which it ends without one."""
    planned = prospect.planned
    if not prospect.would_be_sent:
        return planned.state, planned.code
    destination = DESTINATIONS[planned.destination]
    try:
        settings = connections.full_settings(prospect.connection, box)
    except UnreadableSecretError:
        return State.HELD, UNREADABLE
    token = None if destination.auth is None else _TOKEN
    request = build(destination, prospect.event, settings, token, takes_back=planned.takes_back is not None)
    return request if isinstance(request, Request) else (State.REJECTED, request)


def build(
    destination: Destination, event: Event, settings: Settings, token: str | None, *, takes_back: bool = False
) -> Request | str:
    """The request of one event, or the code for why it cannot be made."""
    make = destination.take_back.build if takes_back and destination.take_back else destination.build
    try:
        if make is None:
            return outcomes.UNBUILDABLE
        request = make([event], settings, token)
    except Exception:  # noqa: BLE001 - odd data of a lead makes the real path refuse it under the same code
        return outcomes.UNBUILDABLE
    return request if len(request.body) <= destination.limits.batch_bytes else outcomes.TOO_LARGE


def _preview(prospect: Prospect, state: State, code: str | None, request: Shown | None = None) -> Preview:
    words = AT_ONCE if code is None else words_of(prospect.planned.destination, code)
    return Preview(prospect=prospect, state=state, code=code, words=words, request=request)
