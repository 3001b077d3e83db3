"""Projects are made here, and every caller of the API and every person at the pages is recognised here."""

from collections.abc import Sequence
from typing import Final

import msgspec

from leadtrackr.accounts import queries, sign_in
from leadtrackr.accounts.model import Actor, ApiKey, Project, Role, User
from leadtrackr.db.database import Database, Tx
from leadtrackr.kit.clock import DAY
from leadtrackr.kit.email import email_key
from leadtrackr.kit.errors import Forbidden, InvalidInput, NotFound, Unauthenticated
from leadtrackr.kit.ids import Ids, hash_key
from leadtrackr.kit.money import is_currency
from leadtrackr.kit.phone import is_country

MISSING_KEY = "Missing X-API-Key header"
INVALID_KEY = "Invalid API key"
LINK_LIFE: Final = DAY
"""Microseconds that a login link can be used for."""
SESSION_LIFE: Final = 30 * DAY
"""Microseconds until a person has to sign in again."""
BAD_LINK: Final = "This login link has been used already, is older than a day, or was not copied whole."


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


async def new_key(db: Database, ids: Ids, project_ref: str) -> str:
    """Another API key of a project, shown this once. Both work until one is revoked: programs change over in peace."""

    def work(tx: Tx) -> str:
        project, key = find_project(tx, project_ref), ids.api_key()
        queries.add_key(tx, project_id=project.id, key_hash=hash_key(key), hint=key[-4:])
        return key

    return await db.write(work)


async def keys_of(db: Database, project_ref: str) -> list[ApiKey]:
    """A project's keys, as far as they are kept."""
    return await db.read(lambda tx: queries.keys(tx, find_project(tx, project_ref).id))


async def revoke_key(db: Database, project_ref: str, key_id: int) -> None:
    """Ends a key at once. NotFound when the project has no living key of that id."""

    def work(tx: Tx) -> None:
        if not queries.revoke_key(tx, find_project(tx, project_ref).id, min(key_id, 2**63 - 1)):
            raise NotFound(f"This project has no API key {key_id} that is in use.")

    await db.write(work)


async def set_active(db: Database, project_ref: str, *, active: bool) -> None:
    """Switches a project on or off: one that is off takes no leads and no ratings. What is queued is still sent."""
    await db.write(lambda tx: queries.set_active(tx, find_project(tx, project_ref).id, active=active))


def find_project(tx: Tx, ref: str) -> Project:
    """The project of a number or public id, trimmed; NotFound."""
    project = queries.by_ref(tx, ref.strip())
    if project is None:
        raise NotFound("Project not found")
    return project


def find_and_lock_project(tx: Tx, ref: str) -> Project:
    """The same for whoever gives it a label or a connection: others who do wait, and then see what this one made."""
    project = find_project(tx, ref)
    queries.lock(tx, project.id)
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


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    """A person and a new login link. `token` is shown this once; only its hash is kept."""

    user: User
    created: bool
    """Whether the person is new here."""
    token: str
    expires_at: int


class NewSession(msgspec.Struct, frozen=True):
    """A session just begun. `token` goes into the browser's cookie; only its hash is kept."""

    token: str
    expires_at: int


async def invite(
    db: Database,
    ids: Ids,
    *,
    email: str,
    admin: bool = False,
    project_refs: Sequence[str] = (),
    role: Role = Role.MEMBER,
) -> Invitation:
    """Makes a person, or finds the one of that address, and a new login link. What they may see is only ever added to.

    InvalidInput for what is no address, NotFound for an unknown project; nothing is written then.
    """

    def work(tx: Tx) -> Invitation:
        user, created = create_user(tx, email=email, admin=admin)
        for ref in project_refs:
            sign_in.set_member(tx, project_id=find_project(tx, ref).id, user_id=user.id, role=role)
        token, expires_at = ids.sign_in_token(), tx.now() + LINK_LIFE
        sign_in.forget_old(tx)
        sign_in.add_link(tx, token_hash=hash_key(token), user_id=user.id, expires_at=expires_at)
        return Invitation(user=user, created=created, token=token, expires_at=expires_at)

    return await db.write(work)


def create_user(tx: Tx, *, email: str, admin: bool) -> tuple[User, bool]:
    """The person of this address, and whether they are new. InvalidInput for what is no address."""
    address = email_key(email)
    if address is None or any(letter.isspace() for letter in address):
        raise InvalidInput(f"{email} is not an e-mail address, such as you@example.com.", "email")
    created = sign_in.add_user(tx, email=address, is_admin=admin)
    user = sign_in.by_email(tx, address)
    assert user is not None  # noqa: S101 - people are never removed
    if admin and not user.is_admin:
        sign_in.make_admin(tx, user.id)
        user = msgspec.structs.replace(user, is_admin=True)
    return user, created


async def link_is_usable(db: Database, token: str) -> bool:
    """Whether a login link would still let somebody in. Looking does not use it up."""
    return await db.read(lambda tx: sign_in.link_is_usable(tx, hash_key(token)))


async def redeem(db: Database, ids: Ids, token: str) -> NewSession:
    """Uses a login link up and begins a session; Unauthenticated when the link lets nobody in."""

    def work(tx: Tx) -> NewSession:
        user_id = sign_in.use_link(tx, hash_key(token))
        if user_id is None:
            raise Unauthenticated(BAD_LINK)
        session = NewSession(ids.sign_in_token(), tx.now() + SESSION_LIFE)
        sign_in.forget_old(tx)
        sign_in.add_session(tx, token_hash=hash_key(session.token), user_id=user_id, expires_at=session.expires_at)
        return session

    return await db.write(work)


async def actor_of(db: Database, session_token: str) -> Actor | None:
    """Who is signed in under this session; None when it has ended or was never begun."""
    return await db.read(lambda tx: sign_in.actor(tx, hash_key(session_token)))


async def sign_out(db: Database, session_token: str) -> None:
    """Ends a session. A session that has ended already stays so."""
    await db.write(lambda tx: sign_in.end_session(tx, hash_key(session_token)))


async def projects_of(db: Database, actor: Actor) -> list[Project]:
    """The projects that a person may see, oldest first."""
    return [project for project in await db.read(queries.everything) if actor.can_see(project.id)]


async def project_for(db: Database, actor: Actor, ref: str) -> Project:
    """A project that a person may see. To anybody else it is NotFound, as if it did not exist."""
    project = await db.read(lambda tx: find_project(tx, ref))
    if not actor.can_see(project.id):
        raise NotFound("Project not found")
    return project
