"""An incident in words for a person, and as JSON for programs. Pure."""

from leadtrackr.conversions.incidents.model import Incident, IncidentKind
from leadtrackr.conversions.receipts import Words, words_of
from leadtrackr.destinations.registry import DESTINATIONS
from leadtrackr.kit.clock import iso_millis, to_datetime

_OVER = "Nothing to do: it is over."


def words(one: Incident, now: int) -> Words:
    """What is wrong and what to do next; `now` in microseconds UTC."""
    known = DESTINATIONS.get(one.destination)
    name = one.destination if known is None else known.name
    if one.recovered_at is not None:
        return _recovered(one, name)
    if one.kind == IncidentKind.STOPPED:
        said = words_of(one.destination, one.code or "")
        resume = f"leadtrackr destinations resume {one.project} {one.destination}"
        return Words(
            f"Nothing is sent to {name}. {said.sentence}",
            f"{said.next_step} Connecting again lets it go on; else: {resume}",
        )
    if one.kind == IncidentKind.FAILING:
        said = words_of(one.destination, one.code or "")
        return Words(
            f"{name} has kept failing since {_moment(one.since_at)}. {said.sentence}",
            "Nothing to do yet: it is tried again by itself, and nothing counts against the conversions. If it lasts, "
            "look at the platform's status page.",
        )
    if one.kind == IncidentKind.TOKEN_EXPIRING:
        return _token(one, name, now)
    return _closing(one, name)


def _token(one: Incident, name: str, now: int) -> Words:
    ended = one.ends_at is not None and one.ends_at <= now
    day = "" if one.ends_at is None else f" on {to_datetime(one.ends_at):%Y-%m-%d}"
    command = f"leadtrackr connect {one.project} {one.destination}"
    known = DESTINATIONS.get(one.destination)
    sign_in = f"Sign in again: {command} --sign-in. Or make" if known and known.consent else "Make"
    return Words(
        f"The token for {name} {'ended' if ended else 'ends'}{day}, as was said when it was connected.",
        f"{sign_in} a new one and connect it, with the day on which it ends, if it does: {command} KEY=VALUE …",
    )


def _closing(one: Incident, name: str) -> Words:
    first = "" if one.ends_at is None else f", the first at {_moment(one.ends_at)}"
    cause = f" {words_of(one.destination, one.code).sentence}" if one.code else ""
    return Words(
        f"Conversions that wait for {name} expire within 24 hours{first}.{cause}",
        f"Mend or resume the connection before that. See how it is doing: leadtrackr destinations check {one.project} "
        f"{one.destination}",
    )


def _recovered(one: Incident, name: str) -> Words:
    if one.kind == IncidentKind.STOPPED:
        said = words_of(one.destination, one.code or "")
        return Words(f"{name} had been stopped, and a person mended it. {said.sentence}", _OVER)
    if one.kind == IncidentKind.FAILING:
        return Words(f"{name} had kept failing since {_moment(one.since_at)}, and works again.", _OVER)
    if one.kind == IncidentKind.TOKEN_EXPIRING:
        return Words(f"The token for {name} was about to end, and was replaced.", _OVER)
    if not one.lost:
        return Words(f"Conversions that waited for {name} were about to expire. None did.", _OVER)
    return Words(
        f"Conversions that waited for {name} were about to expire. {one.lost} of them did.",
        f"See which: leadtrackr conversions list {one.project} --state expired --destination {one.destination}",
    )


def _moment(at: int) -> str:
    return f"{to_datetime(at):%Y-%m-%d %H:%M} UTC"


def to_wire(one: Incident, now: int) -> dict[str, object]:
    """An incident as the API and the command line give it; times as ISO 8601."""
    said = words(one, now)
    return {
        "id": one.id,
        "projectId": one.project,
        "kind": one.kind.value,
        "open": one.recovered_at is None,
        "connectionId": one.connection_id,
        "destination": one.destination,
        "code": one.code,
        "detail": one.detail,
        "sentence": said.sentence,
        "nextStep": said.next_step,
        "since": iso_millis(one.since_at),
        "openedAt": iso_millis(one.opened_at),
        "recoveredAt": None if one.recovered_at is None else iso_millis(one.recovered_at),
        "endsAt": None if one.ends_at is None else iso_millis(one.ends_at),
        "deliveriesWaiting": one.waiting,
        "deliveriesExpired": one.lost,
    }
