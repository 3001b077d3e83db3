"""The databases that the rows start from, made once with the program's own services and copied for each run."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import msgspec

from bench.people import People, post
from leadtrackr.conversions import claim, connections
from leadtrackr.conversions import service as conversions
from leadtrackr.conversions.audience import lead_data, permitted
from leadtrackr.conversions.lots import LOT
from leadtrackr.conversions.model import Claimed
from leadtrackr.db import migrate
from leadtrackr.db.database import Tx
from leadtrackr.db.open import open_database
from leadtrackr.destinations.contract import Event
from leadtrackr.destinations.registry import DESTINATIONS
from leadtrackr.kit.clock import HOUR, SystemClock
from leadtrackr.kit.ids import Ids
from leadtrackr.kit.secretbox import SecretBox
from leadtrackr.labels import service as labels
from leadtrackr.labels.service import NewLabel
from leadtrackr.leads import intake, queries
from leadtrackr.leads.model import Door
from leadtrackr.leads.service import Ref

SECRET_KEY: Final = "a key for benchmarks alone and never for secrets"
_GOOGLE: Final = {
    "operating_account": "1234567890",
    "client_id": "client",
    "client_secret": "secret",
    "refresh_token": "refresh",
    "user_data": "yes",
    # What is measured is the program, not Google's limit of requests, which would hold it up after a dozen.
    "requests_per_minute": "99999",
    "requests_per_day": "9999999",
}
_SETTINGS: Final = {
    "google_ads": _GOOGLE,
    "ga4": {"measurement_id": "G-AB12CD34EF", "api_secret": "secret"},
    "meta": {"dataset_id": "1234567890123456", "access_token": "secret"},
}
_EVENTS: Final = {"google_ads": "987654321", "ga4": "qualify_lead", "meta": "QualifiedLead"}


class Template(msgspec.Struct, frozen=True):
    """A database file, and the requests that are posted to a server on a copy of it."""

    database: Path
    requests: Path


class Site:
    """A project in a fresh database."""

    def __init__(self, url: str) -> None:
        migrate.upgrade(url)
        self.db = open_database(url, SystemClock())
        self.ids = Ids()
        self.box = SecretBox([SECRET_KEY])

    async def project(self) -> None:
        """Makes the project; one more when there is one."""
        made = await labels.start_project(self.db, self.ids, name="Bench", currency="EUR", country="NL")
        self.number, self.ref, self.key = made.project.id, made.project.public_id, made.api_key
        self.people = People(self.ref)

    async def label(self, *destinations: str, changed: Mapping[str, str] = MappingProxyType({})) -> str:
        """A label with these destinations connected, `changed` over their settings; returns its conversion id."""
        for slug in destinations:
            await connections.connect(self.db, self.box, self.ref, slug, {**_SETTINGS[slug], **changed})
        events = {slug: _EVENTS[slug] for slug in destinations}
        label = NewLabel(name="Qualified", done=True, events=events)
        return (await labels.create(self.db, self.ids, self.ref, label)).conversion_id

    async def leads(self, count: int, age: int) -> list[int]:
        """Stores so many leads, `age` microseconds old; returns their ids."""
        bodies = [self.people.body() for _ in range(count)]
        read = [
            intake.read(body, door=Door.WEB, country="NL", request_ip=None, request_user_agent="Mozilla/5.0")
            for body in bodies
        ]
        return await self.db.write(
            lambda tx: [queries.insert_new(tx, self.number, one, tx.now() - age) or 0 for one in read]
        )


def _save(requests: list[bytes], path: Path) -> Path:
    path.write_bytes(msgspec.msgpack.encode(requests))
    return path


async def for_create(folder: Path, count: int) -> Template:
    """An empty project, and so many posts of leads."""
    site = Site(f"sqlite:///{folder}/create.db")
    await site.project()
    requests = [post("/api/leads/createLead", site.people.body()) for _ in range(count)]
    await site.db.close()
    return Template(folder / "create.db", _save(requests, folder / "create.requests"))


async def for_status(folder: Path, count: int) -> Template:
    """So many leads in a project with three connected destinations, and one rating of each."""
    site = Site(f"sqlite:///{folder}/status.db")
    await site.project()
    label = await site.label("google_ads", "ga4", "meta")
    key = f"x-api-key: {site.key}\r\n"
    requests = [
        post("/api/leads/updateLeadStatus", {"leadId": lead, "conversionId": label, "price": 5000 + lead}, key)
        for lead in await site.leads(count, 7 * HOUR)
    ]
    await site.db.close()
    return Template(folder / "status.db", _save(requests, folder / "status.requests"))


def _bodies(tx: Tx, box: SecretBox) -> list[bytes]:
    """The bodies of all batches in the queue, which stays as it is."""
    connection = connections.by_id(tx, 1)
    assert connection is not None
    settings, owner = connections.full_settings(connection, box), "preview"
    bodies: list[bytes] = []
    while batch := claim.lease(tx, connection.id, token=f"{len(bodies)}", owner=owner, most=LOT, lease_us=HOUR):
        events = [_event(one) for one in batch]
        bodies.append(DESTINATIONS["google_ads"].build(events, settings, None).body)
    claim.give_back_all(tx, owner)
    return bodies


def _event(one: Claimed) -> Event:
    lead = lead_data(one, lead_id=one.lead_id, created_at=one.lead_created_at, country="NL")
    return Event(
        event_id=one.event_id,
        action=one.action,
        happened_at=one.happened_at,
        value_cents=one.value_cents,
        currency=one.currency,
        lead=permitted(lead),
    )


async def for_delivery(folder: Path, count: int) -> Template:
    """So many Google events in the queue, due now; the requests are the bodies that they make."""
    site = Site(f"sqlite:///{folder}/delivery.db")
    await site.project()
    label = await site.label("google_ads")
    ratings = [
        conversions.Post(ref=Ref(lead_id=lead), conversion_id=label, price=5000 + lead)
        for lead in await site.leads(count, 7 * HOUR)
    ]
    await asyncio.gather(*(conversions.update_status(site.db, site.ids, site.key, rating) for rating in ratings))
    bodies = await site.db.write(lambda tx: _bodies(tx, site.box))
    await site.db.close()
    return Template(folder / "delivery.db", _save(bodies, folder / "delivery.requests"))
