"""Projects are made here, and every caller of the API is recognised here."""

import msgspec

from leadtrackr.accounts import queries
from leadtrackr.accounts.model import Project
from leadtrackr.db.database import Tx
from leadtrackr.kit.errors import Forbidden, InvalidInput, NotFound, Unauthenticated
from leadtrackr.kit.ids import Ids, hash_key
from leadtrackr.kit.money import is_currency
from leadtrackr.kit.phone import is_country

MISSING_KEY = "Missing X-API-Key header"
INVALID_KEY = "Invalid API key"


class NewProject(msgspec.Struct, frozen=True):
    """A project just made. `api_key` is shown this once; only its hash is kept."""

    project: Project
    api_key: str


def create_project(tx: Tx, ids: Ids, *, name: str, currency: str, country: str | None) -> NewProject:
    """Makes a project with its first API key. InvalidInput for a currency or country that does not exist."""
    name, currency = name.strip(), currency.strip().upper()
    country = country.strip().upper() if country else None
    if not name:
        raise InvalidInput("A project needs a name.", "name")
    if not is_currency(currency):
        raise InvalidInput(f"{currency} is not an ISO 4217 currency code, such as EUR.", "currency")
    if country is not None and not is_country(country):
        raise InvalidInput(f"{country} is not an ISO 3166 country code, such as NL.", "country")
    public_id = ids.public_id()
    number = queries.add(tx, public_id=public_id, name=name, currency=currency, country=country)
    key = ids.api_key()
    queries.add_key(tx, project_id=number, key_hash=hash_key(key), hint=key[-4:])
    project = Project(id=number, public_id=public_id, name=name, currency=currency, country=country, active=True)
    return NewProject(project, key)


def find_project(tx: Tx, ref: str) -> Project:
    """The project of a number or public id, trimmed; NotFound."""
    project = queries.by_ref(tx, ref.strip())
    if project is None:
        raise NotFound("Project not found")
    return project


def authenticate(tx: Tx, api_key: str | None) -> Project:
    """The active project that an API key opens; Unauthenticated or Forbidden."""
    if not api_key or not api_key.strip():
        raise Unauthenticated(MISSING_KEY)
    project = queries.by_key_hash(tx, hash_key(api_key.strip()))
    if project is None:
        raise Unauthenticated(INVALID_KEY)
    return require_active(project)


def require_active(project: Project) -> Project:
    """The project itself, if it takes leads and ratings; Forbidden."""
    if not project.active:
        raise Forbidden("Project is inactive")
    return project


def admit_to(tx: Tx, ref: str, api_key: str | None, *, key_needed: bool) -> Project:
    """The project that a server-side post names, if its key opens it.

    A project that has a key requires it; with `key_needed` the key is required in any case. A key of another project
    is as wrong as one that does not exist.
    """
    project = find_project(tx, ref)
    if api_key and api_key.strip():
        owner = queries.by_key_hash(tx, hash_key(api_key.strip()))
        if owner is None or owner.id != project.id:
            raise Unauthenticated(INVALID_KEY)
    elif key_needed or queries.has_key(tx, project.id):
        raise Unauthenticated(MISSING_KEY)
    return require_active(project)
