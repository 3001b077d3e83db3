"""The SQL of people: users, memberships, login links and sessions. Links and sessions are known by their hash only."""

from typing import Any, Final

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from leadtrackr.accounts.model import Actor, Role, User
from leadtrackr.db.database import Tx
from leadtrackr.db.statement import prepare
from leadtrackr.db.tables import login_links, members, sessions, users

_U: Final = users.c
_K: Final = login_links.c
_S: Final = sessions.c
_COLUMNS: Final = (_U.id, _U.email, _U.is_admin)
_BY_EMAIL: Final = prepare(select(*_COLUMNS).where(_U.email == bindparam("email")))
_INSERT_USER: Final = prepare(
    insert(users)
    .values({name: bindparam(name) for name in ("email", "is_admin", "created_at")})
    .on_conflict_do_nothing(index_elements=["email"])
)
_MAKE_ADMIN: Final = prepare(update(users).where(_U.id == bindparam("of_user")).values(is_admin=1))
_new_member: Final = insert(members).values(
    {name: bindparam(name) for name in ("project_id", "user_id", "role", "created_at")}
)
_SET_MEMBER: Final = prepare(
    _new_member.on_conflict_do_update(
        index_elements=["project_id", "user_id"], set_={"role": _new_member.excluded.role}
    )
)
_ROLES: Final = prepare(
    select(members.c.project_id, members.c.role)
    .where(members.c.user_id == bindparam("user_id"))
    .order_by(members.c.project_id)
)
_INSERT_LINK: Final = prepare(
    insert(login_links).values({name: bindparam(name) for name in ("hash", "user_id", "created_at", "expires_at")})
)
_USABLE: Final = (_K.hash == bindparam("of_hash"), _K.used_at.is_(None), _K.expires_at > bindparam("now"))
_LINK: Final = prepare(select(_K.user_id).where(*_USABLE))
_USE_LINK: Final = prepare(update(login_links).where(*_USABLE).values(used_at=bindparam("now")).returning(_K.user_id))
_INSERT_SESSION: Final = prepare(
    insert(sessions).values({name: bindparam(name) for name in ("hash", "user_id", "created_at", "expires_at")})
)
_OF_SESSION: Final = prepare(
    select(*_COLUMNS)
    .select_from(sessions.join(users, _U.id == _S.user_id))
    .where(_S.hash == bindparam("of_hash"), _S.expires_at > bindparam("now"))
)
_END_SESSION: Final = prepare(delete(sessions).where(_S.hash == bindparam("of_hash")))
_FORGET_LINKS: Final = prepare(delete(login_links).where(_K.expires_at <= bindparam("now")))
_FORGET_SESSIONS: Final = prepare(delete(sessions).where(_S.expires_at <= bindparam("now")))


def _user(row: Any) -> User:
    return User(id=row.id, email=row.email, is_admin=bool(row.is_admin))


def by_email(tx: Tx, email: str) -> User | None:
    """The person of this address, which is lower-cased already."""
    row = tx.first(_BY_EMAIL, email=email)
    return None if row is None else _user(row)


def add_user(tx: Tx, *, email: str, is_admin: bool) -> bool:
    """Writes a person; False when the address has one already."""
    return tx.run(_INSERT_USER, email=email, is_admin=int(is_admin), created_at=tx.now()) == 1


def make_admin(tx: Tx, user_id: int) -> None:
    """The person sees every project from now on."""
    tx.run(_MAKE_ADMIN, of_user=user_id)


def set_member(tx: Tx, *, project_id: int, user_id: int, role: Role) -> None:
    """The person belongs to the project, in this role."""
    tx.run(_SET_MEMBER, project_id=project_id, user_id=user_id, role=role.value, created_at=tx.now())


def add_link(tx: Tx, *, token_hash: str, user_id: int, expires_at: int) -> None:
    """Writes a login link's hash."""
    tx.run(_INSERT_LINK, hash=token_hash, user_id=user_id, created_at=tx.now(), expires_at=expires_at)


def link_is_usable(tx: Tx, token_hash: str) -> bool:
    """Whether the link was made here, has not been used and is not too old."""
    return tx.first(_LINK, of_hash=token_hash, now=tx.now()) is not None


def use_link(tx: Tx, token_hash: str) -> int | None:
    """Uses a link up; returns whose it is, or None. Of two callers at once one gets it."""
    row = tx.first(_USE_LINK, of_hash=token_hash, now=tx.now())
    return None if row is None else int(row.user_id)


def add_session(tx: Tx, *, token_hash: str, user_id: int, expires_at: int) -> None:
    """Writes a session's hash."""
    tx.run(_INSERT_SESSION, hash=token_hash, user_id=user_id, created_at=tx.now(), expires_at=expires_at)


def actor(tx: Tx, token_hash: str) -> Actor | None:
    """Who is signed in under this session, with what they may see; None when it has ended."""
    row = tx.first(_OF_SESSION, of_hash=token_hash, now=tx.now())
    if row is None:
        return None
    user = _user(row)
    return Actor(user, {found.project_id: Role(found.role) for found in tx.all(_ROLES, user_id=user.id)})


def end_session(tx: Tx, token_hash: str) -> None:
    """Signs the session out."""
    tx.run(_END_SESSION, of_hash=token_hash)


def forget_old(tx: Tx) -> None:
    """Removes links and sessions that have ended."""
    now = tx.now()
    tx.run(_FORGET_LINKS, now=now)
    tx.run(_FORGET_SESSIONS, now=now)
