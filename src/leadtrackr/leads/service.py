"""Leads come in and are found here; each use case is one transaction."""

import msgspec

from leadtrackr.accounts import service as accounts
from leadtrackr.accounts.model import Project
from leadtrackr.db.database import Database, Tx
from leadtrackr.kit.email import email_key
from leadtrackr.kit.errors import InvalidInput, NotFound, Unavailable
from leadtrackr.kit.phone import e164
from leadtrackr.leads import coerce, intake, listing, queries, tabs
from leadtrackr.leads.model import Door, Lead


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """A post as it came in: the decoded body and what the request itself says."""

    body: dict[str, object]
    door: Door
    api_key: str | None = None
    request_ip: str | None = None
    request_user_agent: str | None = None


class Stored(msgspec.Struct, frozen=True):
    """What became of a post: a new lead, or one more word on a lead that was there."""

    lead_id: int
    unique_identifier: str | None
    created: bool


class Ref(msgspec.Struct, frozen=True, kw_only=True):
    """How a caller names a lead. The first one present decides alone."""

    lead_id: object = None
    unique_identifier: object = None
    email: object = None
    phone: object = None


class Page(msgspec.Struct, frozen=True):
    """One page of a listing."""

    leads: list[Lead]
    total: int
    page: int
    limit: int


async def store(db: Database, arrival: Arrival) -> Stored:
    """Makes or completes a lead. InvalidInput, Unauthenticated, Forbidden, NotFound; nothing is written then."""
    ref = intake.project_ref(arrival.body)
    return await db.write(lambda tx: _store(tx, ref, arrival))


def _store(tx: Tx, ref: str, arrival: Arrival) -> Stored:
    if arrival.door == Door.WEB:
        project = accounts.require_active(accounts.find_project(tx, ref))
    else:
        project = accounts.admit_to(tx, ref, arrival.api_key, key_needed=arrival.door == Door.CALL)
    new = intake.read(
        arrival.body,
        door=arrival.door,
        country=project.country,
        request_ip=arrival.request_ip,
        request_user_agent=arrival.request_user_agent,
    )
    now = tx.now()
    lead_id = queries.insert_new(tx, project.id, new, now)
    if lead_id is not None:
        return Stored(lead_id, new.unique_identifier, created=True)
    there = queries.by_event_id(tx, project.id, new.unique_event_id or "")
    if there is None:
        # It was there at the insert and is gone now. Never 404 here: the LeadBot blocks its visitor on one.
        raise Unavailable("The lead was deleted at this moment. Try again shortly.")
    changes = intake.merge(there, new)
    if changes:
        queries.change(tx, project.id, there.id, {**changes, "updated_at": now})
    return Stored(there.id, new.unique_identifier or there.unique_identifier, created=False)


async def get(db: Database, api_key: str | None, ref: Ref) -> Lead:
    """The lead that a caller names, of the key's project. InvalidInput without a name, NotFound."""

    def work(tx: Tx) -> Lead:
        return find(tx, accounts.authenticate(tx, api_key), ref)

    return await db.read(work)


async def list_page(db: Database, api_key: str | None, params: dict[str, str]) -> Page:
    """One page of the leads of the key's project. InvalidInput names a parameter that is wrong."""

    def work(tx: Tx) -> Page:
        project = accounts.authenticate(tx, api_key)
        filters = listing.read(params, project.country)
        found, total = queries.page(tx, project.id, filters)
        return Page(found, total, filters.page, filters.limit)

    return await db.read(work)


async def list_tab(db: Database, project: Project, tab: tabs.Tab, *, search: str, page: int) -> tabs.TabPage:
    """One page of one list, for the pages of people who may see the project. InvalidInput for a search too short."""
    filters = listing.read({"search": search}, project.country)
    return await db.read(lambda tx: tabs.read(tx, project.id, tab, search=filters.search, page=page))


async def get_of(db: Database, project: Project, lead_id: int) -> Lead:
    """The project's lead of this number; NotFound."""
    return await db.read(lambda tx: find(tx, project, Ref(lead_id=lead_id)))


def find(tx: Tx, project: Project, ref: Ref) -> Lead:
    """The lead that a caller names: leadId, then uniqueIdentifier, email, phone; the newest one wins."""
    lead = _find(tx, project, ref)
    if lead is None:
        raise NotFound("Lead not found")
    return lead


def _find(tx: Tx, project: Project, ref: Ref) -> Lead | None:
    if (lead_id := _given(ref.lead_id, "leadId")) is not None:
        if not (lead_id.isascii() and lead_id.isdigit()):
            raise InvalidInput("Invalid parameter: leadId must be a whole number", "leadId")
        # Beyond 18 digits no id can exist, and the databases would refuse the number.
        return queries.by_id(tx, project.id, int(lead_id)) if len(lead_id) <= 18 else None
    if (identifier := _given(ref.unique_identifier, "uniqueIdentifier")) is not None:
        return queries.by_identifier(tx, project.id, identifier)
    if (email := _given(ref.email, "email")) is not None:
        return queries.by_email(tx, project.id, email_key(email) or email)
    if (phone := _given(ref.phone, "phone")) is not None:
        return queries.by_phone(tx, project.id, phone, e164(phone, project.country))
    raise InvalidInput("Missing required field: one of leadId, uniqueIdentifier, email or phone", "leadId")


def _given(value: object, field: str) -> str | None:
    """A name's text, None when absent. An array or object names nothing, and passing over it could hit another lead."""
    if isinstance(value, dict | list):
        raise InvalidInput(f"Invalid parameter: {field} must be a text or a number", field)
    return coerce.text(value)
