"""The ad platforms that a project is connected to, and how each of them is doing."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from starlette.responses import Response

from leadtrackr.accounts.model import Project
from leadtrackr.conversions import connections
from leadtrackr.conversions.condition import Condition, Stands, condition
from leadtrackr.conversions.connections import Connected
from leadtrackr.conversions.incidents import service as incidents
from leadtrackr.conversions.incidents.model import Incident, IncidentKind
from leadtrackr.conversions.incidents.service import Filters
from leadtrackr.conversions.incidents.words import words
from leadtrackr.conversions.model import Connection
from leadtrackr.dashboard.receipt import NOTHING, Fact, Said, say
from leadtrackr.dashboard.rendering import moment, platform
from leadtrackr.dashboard.signing_in import offers_sign_in
from leadtrackr.dashboard.visit import Visit
from leadtrackr.destinations.contract import Destination
from leadtrackr.destinations.registry import DESTINATIONS

_WORDS: Final[Mapping[Stands, tuple[str, str]]] = {
    Stands.ACTIVE: ("Active", "good"),
    Stands.PAUSED: ("Paused", "wait"),
    Stands.HELD: ("Held", "act"),
}
"""A state's word, and what its colour means."""


class Card(msgspec.Struct, frozen=True, kw_only=True):
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
    found = await connections.overview(db, project.public_id)
    wrong = await incidents.listing(db, project.public_id, Filters(open=True, limit=incidents.MAX_LIMIT))
    there = {one.connection.destination for one in found}
    return visit.page(
        "connections.html",
        project=project,
        section="connections",
        connected=[
            show(project, one, [it for it in wrong.incidents if it.connection_id == one.connection.id]) for one in found
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


def show(project: Project, there: Connected, wrong: Sequence[Incident]) -> Card:
    """A connection for people. `wrong` are its open incidents."""
    one, found = there.connection, condition(there.connection, there.now)
    until: list[Fact] = [] if found.until is None else [("Paused until", moment(found.until))]
    word, tone = _WORDS[found.state]
    resume = f"leadtrackr destinations resume {project.public_id} {one.destination}"
    return Card(
        platform=platform(one.destination),
        word=word,
        tone=tone,
        said=_said(one, found),
        commands=[resume] if found.state == Stands.HELD else [],
        sign_in=f"/projects/{project.public_id}/connections/{one.destination}/sign-in" if offers_sign_in(one) else "",
        incidents=[
            Said(said.sentence, said.next_step)
            for said in (words(it, there.now) for it in wrong if it.kind != IncidentKind.STOPPED)
        ],
        facts=[*until, ("Conversions to be sent", f"{there.to_send:,}"), *_settings(one)],
    )


def _said(one: Connection, found: Condition) -> Said:
    if found.code is None:
        return Said(found.words.sentence, found.words.next_step or NOTHING)
    said = say(one.destination, found.code, found.detail)
    return said if found.state == Stands.HELD else Said(said.sentence, found.words.next_step, link=said.link)


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
