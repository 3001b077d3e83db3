"""The ad platforms that a project is connected to, and how each of them is doing."""

from collections.abc import Sequence

import msgspec
from starlette.responses import Response

from leadtrackr.accounts.model import Project
from leadtrackr.conversions import connections, outcomes, receipts
from leadtrackr.conversions.incidents import service as incidents
from leadtrackr.conversions.incidents.model import Incident, IncidentKind
from leadtrackr.conversions.incidents.service import Filters
from leadtrackr.conversions.incidents.words import words
from leadtrackr.conversions.model import Connection, ConnectionState
from leadtrackr.dashboard.receipt import NOTHING, Fact, Said, say
from leadtrackr.dashboard.rendering import moment, platform
from leadtrackr.dashboard.signing_in import offers_sign_in
from leadtrackr.dashboard.visit import Visit
from leadtrackr.destinations.contract import Destination
from leadtrackr.destinations.registry import DESTINATIONS


class Connected(msgspec.Struct, frozen=True, kw_only=True):
    """One connection: its state in words, and its settings without secrets."""

    platform: str
    word: str
    tone: str
    said: Said
    commands: list[str]
    """What to type once a person has mended what held it."""
    sign_in: str
    """Where the button that renews the access leads; empty where there is none."""
    facts: list[Fact]
    incidents: list[Said]
    """What else is wrong with it: the state says already that it is held."""


async def everything(visit: Visit) -> Response:
    """Every connection of the project, and the platforms that are not connected."""
    project = await visit.project()
    db = visit.context.db
    found = await connections.of_project(db, project.public_id)
    to_send = await receipts.to_send(db, project.id)
    wrong = await incidents.listing(db, project.public_id, Filters(open=True, limit=incidents.MAX_LIMIT))
    now = visit.context.clock.now()
    there = {connection.destination for connection in found}
    return visit.page(
        "connections.html",
        project=project,
        section="connections",
        connected=[
            show(
                project, one, to_send.get(one.id, 0), now, [it for it in wrong.incidents if it.connection_id == one.id]
            )
            for one in found
        ],
        others=[(one, connect_command(project, one)) for slug, one in DESTINATIONS.items() if slug not in there],
    )


def connect_command(project: Project, destination: Destination) -> str:
    """What to type to connect a platform: every setting that it cannot do without and signing in does not bring."""
    choice = destination.one_of[0] if destination.one_of else ()
    names = [
        field.name for field in destination.fields if (field.required and field.fresh is None) or field.name in choice
    ]
    consent = destination.consent
    if consent is not None and set(consent.client) <= set(names):
        names = [name for name in names if name not in consent.credentials]
    return " ".join(["leadtrackr connect", project.public_id, destination.slug, *(f"{name}=…" for name in names)])


def show(project: Project, one: Connection, to_send: int, now: int, wrong: Sequence[Incident]) -> Connected:
    """A connection for people. `to_send` counts the deliveries that wait for it, `now` is in microseconds UTC, `wrong`
    are its open incidents."""
    paused = one.state == ConnectionState.ACTIVE and one.paused_until is not None and one.paused_until > now
    until: list[Fact] = [("Paused until", moment(one.paused_until))] if paused and one.paused_until else []
    word, tone, said = _state(one, paused=paused)
    resume = f"leadtrackr destinations resume {project.public_id} {one.destination}"
    return Connected(
        platform=platform(one.destination),
        word=word,
        tone=tone,
        said=said,
        commands=[resume] if one.state == ConnectionState.HELD else [],
        sign_in=f"/projects/{project.public_id}/connections/{one.destination}/sign-in" if offers_sign_in(one) else "",
        incidents=[
            Said(said.sentence, said.next_step)
            for said in (words(it, now) for it in wrong if it.kind != IncidentKind.STOPPED)
        ],
        facts=[*until, ("Conversions to be sent", f"{to_send:,}"), *_settings(one)],
    )


def _state(one: Connection, *, paused: bool) -> tuple[str, str, Said]:
    if one.state == ConnectionState.HELD:
        said = say(one.destination, one.hold_code or outcomes.HELD, one.hold_detail or "")
        return "Held", "act", said
    if paused:
        said = say(one.destination, one.pause_code or outcomes.PAUSED, "")
        return "Paused", "wait", Said(said.sentence, "Nothing to do: sending goes on by itself.")
    return "Active", "good", Said("Conversions are sent as they come.", NOTHING)


def _settings(one: Connection) -> list[Fact]:
    known = DESTINATIONS.get(one.destination)
    if known is None:
        return []
    facts: list[Fact] = [
        (field.label, one.settings[field.name]) for field in known.fields if field.name in one.settings
    ]
    if known.api_version_ends is not None:
        facts.append(("API version ends", f"{known.api_version} on {known.api_version_ends.isoformat()}"))
    return facts
