"""The SQL of projects and API keys."""

from typing import Any, Final

from sqlalchemy import bindparam, func, insert, select, update

from leadtrackr.accounts.model import ApiKey, Project
from leadtrackr.db.database import Tx
from leadtrackr.db.statement import Insertion, prepare
from leadtrackr.db.tables import api_keys, projects

_P: Final = projects.c
_COLUMNS: Final = (_P.id, _P.public_id, _P.name, _P.currency, _P.country, _P.active)
_BY_ID: Final = prepare(select(*_COLUMNS).where(_P.id == bindparam("id")))
_BY_PUBLIC_ID: Final = prepare(select(*_COLUMNS).where(_P.public_id == bindparam("public_id")))
# The weaker lock: leads and deliveries, which refer to the project, can be written meanwhile.
_LOCK: Final = prepare(select(_P.id).where(_P.id == bindparam("id")).with_for_update(key_share=True))
_BY_KEY: Final = prepare(
    select(*_COLUMNS)
    .join(api_keys, api_keys.c.project_id == _P.id)
    .where(api_keys.c.hash == bindparam("hash"), api_keys.c.revoked_at.is_(None))
)
_ALL: Final = prepare(select(*_COLUMNS).order_by(_P.id))
_KEY_COUNT: Final = prepare(
    select(func.count().label("n"))
    .select_from(api_keys)
    .where(api_keys.c.project_id == bindparam("project_id"), api_keys.c.revoked_at.is_(None))
)
_KEYS: Final = prepare(
    select(*(api_keys.c[name] for name in ("id", "hint", "created_at", "revoked_at")))
    .where(api_keys.c.project_id == bindparam("project_id"))
    .order_by(api_keys.c.id)
)
_REVOKE: Final = prepare(
    update(api_keys)
    .where(
        api_keys.c.project_id == bindparam("of_project"),
        api_keys.c.id == bindparam("of_key"),
        api_keys.c.revoked_at.is_(None),
    )
    .values(revoked_at=bindparam("now"))
)
_ACTIVATE: Final = prepare(update(projects).where(_P.id == bindparam("of_project")).values(active=bindparam("to")))
_INSERT: Final = Insertion(
    insert(projects).values(
        {name: bindparam(name) for name in ("public_id", "name", "currency", "country", "created_at")}
    )
)
_INSERT_KEY: Final = prepare(
    insert(api_keys).values({name: bindparam(name) for name in ("project_id", "hash", "hint", "created_at")})
)


def _project(row: Any) -> Project:
    return Project(
        id=row.id,
        public_id=row.public_id,
        name=row.name,
        currency=row.currency,
        country=row.country,
        active=bool(row.active),
    )


def by_ref(tx: Tx, ref: str) -> Project | None:
    """The project of a number or a public id. Public ids begin with a letter, so the two never meet."""
    if ref.isascii() and ref.isdigit():
        # Beyond 18 digits no id can exist, and the databases would refuse the number.
        row = tx.first(_BY_ID, id=int(ref)) if len(ref) <= 18 else None
    else:
        row = tx.first(_BY_PUBLIC_ID, public_id=ref)
    return None if row is None else _project(row)


def lock(tx: Tx, project_id: int) -> None:
    """Waits until no other transaction holds the project in this way, and holds it until this one ends."""
    tx.first(_LOCK, id=project_id)


def by_key_hash(tx: Tx, key_hash: str) -> Project | None:
    """The project that a living API key belongs to."""
    row = tx.first(_BY_KEY, hash=key_hash)
    return None if row is None else _project(row)


def everything(tx: Tx) -> list[Project]:
    """Every project, oldest first."""
    return [_project(row) for row in tx.all(_ALL)]


def has_key(tx: Tx, project_id: int) -> bool:
    """Whether the project has a living API key."""
    row = tx.first(_KEY_COUNT, project_id=project_id)
    return row is not None and row.n > 0


def add(tx: Tx, *, public_id: str, name: str, currency: str, country: str | None) -> int:
    """Writes a project; returns its number."""
    return tx.insert(_INSERT, public_id=public_id, name=name, currency=currency, country=country, created_at=tx.now())


def add_key(tx: Tx, *, project_id: int, key_hash: str, hint: str) -> None:
    """Writes an API key's hash. `hint` is its end, to tell keys apart."""
    tx.run(_INSERT_KEY, project_id=project_id, hash=key_hash, hint=hint, created_at=tx.now())


def keys(tx: Tx, project_id: int) -> list[ApiKey]:
    """A project's keys, revoked ones too, oldest first."""
    return [ApiKey(**row._asdict()) for row in tx.all(_KEYS, project_id=project_id)]


def revoke_key(tx: Tx, project_id: int, key_id: int) -> bool:
    """Ends a living key of the project; False when there is no such one."""
    return tx.run(_REVOKE, of_project=project_id, of_key=key_id, now=tx.now()) == 1


def set_active(tx: Tx, project_id: int, *, active: bool) -> None:
    """Switches a project on or off."""
    tx.run(_ACTIVATE, of_project=project_id, to=int(active))
