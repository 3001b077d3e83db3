"""Connecting a project to a destination: settings checked against its declaration, secrets encrypted."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects.postgresql import insert

from leadtrackr.accounts import service as accounts
from leadtrackr.conversions import receipts
from leadtrackr.conversions.hold import release_connection
from leadtrackr.conversions.incidents import changes as incidents
from leadtrackr.conversions.model import Connection, ConnectionState
from leadtrackr.db.database import Database, Tx
from leadtrackr.db.statement import prepare
from leadtrackr.db.tables import connections, projects
from leadtrackr.destinations import registry
from leadtrackr.destinations.contract import Destination, Settings
from leadtrackr.kit.errors import NotFound
from leadtrackr.kit.secretbox import SecretBox

_C: Final = connections.c
_SELECT: Final = select(
    *(_C[name] for name in Connection.__struct_fields__ if name != "country"), projects.c.country
).select_from(connections.join(projects, projects.c.id == _C.project_id))
_BY_ID: Final = prepare(_SELECT.where(_C.id == bindparam("id")))
# The weaker lock: deliveries, which refer to the connection, can be written meanwhile.
_LOCKED: Final = prepare(_SELECT.where(_C.id == bindparam("id")).with_for_update(of=connections, key_share=True))
_OF_PROJECT: Final = prepare(_SELECT.where(_C.project_id == bindparam("project_id")).order_by(_C.id))
_ALL: Final = prepare(_SELECT.order_by(_C.id))
# Locked, so that what a worker renews by itself meanwhile is not written over with what was read before.
_BY_DESTINATION: Final = prepare(
    _SELECT.where(_C.project_id == bindparam("project_id"), _C.destination == bindparam("destination")).with_for_update(
        of=connections, key_share=True
    )
)
_MADE_WITH: Final = ("settings", "secrets", "token_ends_at")
_INSERT: Final = prepare(
    insert(connections)
    .values(
        {name: bindparam(name) for name in ("project_id", "destination", *_MADE_WITH, "created_at")}
        | {"state": ConnectionState.ACTIVE.value, "updated_at": bindparam("created_at")}
    )
    .returning(_C.id)
)
_UPDATE: Final = prepare(
    update(connections)
    .where(_C.id == bindparam("of_connection"))
    .values(
        {name: bindparam(f"new_{name}") for name in _MADE_WITH}
        | {"edition": _C.edition + 1, "updated_at": bindparam("now")}
    )
)
_LEARN: Final = prepare(
    update(connections)
    .where(_C.id == bindparam("of_connection"), _C.project_id == bindparam("of_project"))
    .values(settings=bindparam("new_settings"), updated_at=bindparam("now"))
)
_map = msgspec.json.Decoder(dict[str, str])


class Connected(msgspec.Struct, frozen=True, kw_only=True):
    """A connection at a moment."""

    connection: Connection
    to_send: int
    """How many deliveries have yet to be settled there."""
    now: int
    """That moment, microseconds UTC."""


def _connection(row: Any) -> Connection:
    values = row._asdict()
    values["settings"] = _map.decode(values["settings"])
    values["state"] = ConnectionState(values["state"])
    return Connection(**values)


def by_id(tx: Tx, connection_id: int) -> Connection | None:
    """The connection of this id, for the engine, which serves all projects."""
    row = tx.first(_BY_ID, id=connection_id)
    return None if row is None else _connection(row)


def locked(tx: Tx, connection_id: int) -> Connection | None:
    """The same, and nobody else changes it or claims for it until this transaction ends."""
    row = tx.first(_LOCKED, id=connection_id)
    return None if row is None else _connection(row)


def in_project(tx: Tx, project_id: int) -> list[Connection]:
    """A project's connections, oldest first."""
    return [_connection(row) for row in tx.all(_OF_PROJECT, project_id=project_id)]


def locked_in_project(tx: Tx, project_id: int, which: str | int) -> Connection:
    """A project's connection by its destination or its number, which nobody else changes until this transaction ends.

    NotFound, also when it is another project's.
    """
    found = next((one for one in in_project(tx, project_id) if which in (one.id, one.destination)), None)
    if found is not None:
        return _require(locked(tx, found.id))
    if isinstance(which, int):
        raise NotFound(f"This project has no connection {which}.")
    raise _unconnected(which)


def connected(tx: Tx, project_id: int) -> list[Connected]:
    """A project's connections as they are now, oldest first."""
    waiting, now = receipts.to_send(tx, project_id), tx.now()
    return [Connected(connection=one, to_send=waiting.get(one.id, 0), now=now) for one in in_project(tx, project_id)]


def full_settings(connection: Connection, box: SecretBox) -> Settings:
    """Settings with the secrets decrypted: what a destination builds requests with. Never logged."""
    secrets = _map.decode(box.decrypt(connection.secrets).reveal())
    return {**connection.settings, **secrets}


async def connect(
    db: Database,
    box: SecretBox,
    project_ref: str,
    slug: str,
    values: Mapping[str, str],
    fresh: Mapping[str, str] | None = None,
) -> Connection:
    """Connects a destination, or changes what it was connected with; values not named again stay.

    Of `fresh` (`registry.fresh_values`) are taken those that are neither given now nor there already.
    A connection that was held goes on, with what waited. InvalidInput names a setting that is wrong or missing.
    """
    destination = registry.get(slug)
    return await db.write(lambda tx: _connect(tx, box, project_ref, destination, values, fresh or {}))


def _connect(
    tx: Tx,
    box: SecretBox,
    project_ref: str,
    destination: Destination,
    values: Mapping[str, str],
    fresh: Mapping[str, str],
) -> Connection:
    project = accounts.find_and_lock_project(tx, project_ref)
    row = tx.first(_BY_DESTINATION, project_id=project.id, destination=destination.slug)
    there = None if row is None else _connection(row)
    known = full_settings(there, box) if there else {}
    wanted = registry.with_changes(destination, known, values)
    made_up = {name: value for name, value in fresh.items() if not wanted.get(name, "").strip()}
    checked = registry.validate_settings(destination, {**wanted, **made_up})
    secret_names = {field.name for field in destination.fields if field.secret}
    settings = {name: value for name, value in checked.items() if name not in secret_names}
    secrets = {name: value for name, value in checked.items() if name in secret_names}
    columns = {
        "settings": msgspec.json.encode(settings).decode(),
        "secrets": box.encrypt(msgspec.json.encode(secrets).decode()),
        "token_ends_at": registry.token_ends_at(destination, checked),
    }
    now = tx.now()
    if there is None:
        made = tx.first(_INSERT, project_id=project.id, destination=destination.slug, created_at=now, **columns)
        connection_id = 0 if made is None else int(made.id)
    else:
        connection_id = there.id
        new = {f"new_{name}": value for name, value in columns.items()}
        tx.run(_UPDATE, of_connection=connection_id, now=now, **new)
        release_connection(tx, connection_id, now=now)
        incidents.renewed(tx, connection_id, now)
    return _require(by_id(tx, connection_id))


async def of_project(db: Database, project_ref: str) -> list[Connection]:
    """A project's connections, oldest first."""

    def work(tx: Tx) -> list[Connection]:
        return in_project(tx, accounts.find_project(tx, project_ref).id)

    return await db.read(work)


async def overview(db: Database, project_ref: str) -> list[Connected]:
    """A project's connections as they are now, oldest first. NotFound without the project."""
    return await db.read(lambda tx: connected(tx, accounts.find_project(tx, project_ref).id))


async def find(db: Database, project_ref: str, slug: str) -> Connection:
    """A project's connection to a destination; NotFound, also for a destination that is none."""
    for connection in await of_project(db, project_ref):
        if connection.destination == slug:
            return connection
    raise _unconnected(slug)


async def everything(db: Database) -> list[Connection]:
    """Every project's connections, for whoever runs the server."""
    return await db.read(lambda tx: [_connection(row) for row in tx.all(_ALL)])


async def learn(db: Database, connection_id: int, values: Mapping[str, str]) -> bool:
    """Gives a connection settings that were read from its platform; an empty value takes one away.

    Nothing else changes: what is held stays held. Returns whether something was new; False too when the connection has
    gone since.
    """

    def work(tx: Tx) -> bool:
        found = locked(tx, connection_id)
        if found is None:
            return False
        settings = {name: value for name, value in {**found.settings, **values}.items() if value}
        if settings == found.settings:
            return False
        encoded = msgspec.json.encode(settings).decode()
        tx.run(_LEARN, of_connection=connection_id, of_project=found.project_id, new_settings=encoded, now=tx.now())
        return True

    return await db.write(work)


def _unconnected(slug: str) -> NotFound:
    return NotFound(f"This project is not connected to {registry.get(slug).name}.")


def _require(connection: Connection | None) -> Connection:
    if connection is None:
        raise NotFound("There is no such connection.")
    return connection
