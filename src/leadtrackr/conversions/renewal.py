"""Secrets that the platform exchanges when they are used, such as refresh tokens. Runs in the caller's transaction.

One process at a time asks: whoever has the turn has read what is stored now, and stores what comes. A turn of a process
that died ends by itself.
"""

from typing import Final

import msgspec
from sqlalchemy import bindparam, update

from leadtrackr.conversions import connections
from leadtrackr.conversions.model import Connection
from leadtrackr.db import tables
from leadtrackr.db.database import Tx
from leadtrackr.db.statement import prepare
from leadtrackr.destinations.contract import Settings
from leadtrackr.kit.secretbox import SecretBox

_C: Final = tables.connections.c
_BEGIN: Final = prepare(
    update(tables.connections)
    .where(_C.id == bindparam("of_connection"))
    .values(renewing_until=bindparam("until"), updated_at=bindparam("now"))
)
_END: Final = prepare(
    update(tables.connections)
    .where(_C.id == bindparam("of_connection"), _C.renewing_until == bindparam("until"))
    .values(renewing_until=None)
)
_STORE: Final = prepare(
    update(tables.connections)
    .where(_C.id == bindparam("of_connection"))
    .values(secrets=bindparam("new_secrets"), updated_at=bindparam("now"))
)
_map = msgspec.json.Decoder(dict[str, str])


class Turn(msgspec.Struct, frozen=True):
    """The right to use a connection's secret until a time (microseconds UTC), with what was stored when it began."""

    connection: Connection
    settings: Settings
    until: int


class Kept(msgspec.Struct, frozen=True):
    """What is stored after a turn. `ours`: it is what the turn began with, or what came of that."""

    connection: Connection
    settings: Settings
    ours: bool


def begin(tx: Tx, box: SecretBox, connection_id: int, lasts_us: int) -> Turn | None:
    """Takes the turn; None while another process has it, or when the connection is gone."""
    connection = connections.locked(tx, connection_id)
    now = tx.now()
    if connection is None or (connection.renewing_until or 0) > now:
        return None
    until = now + lasts_us
    tx.run(_BEGIN, of_connection=connection_id, until=until, now=now)
    return Turn(connection, connections.full_settings(connection, box), until)


def end(tx: Tx, turn: Turn) -> None:
    """Gives the turn back unused."""
    tx.run(_END, of_connection=turn.connection.id, until=turn.until)


def finish(tx: Tx, box: SecretBox, turn: Turn, rotates: str, renewed: str | None) -> Kept | None:
    """Stores what the platform gave and ends the turn; None when the connection is gone.

    Nothing is stored over what a person has entered meanwhile, or what a process has that took the turn over.
    """
    connection = connections.locked(tx, turn.connection.id)
    if connection is None:
        return None
    settings = connections.full_settings(connection, box)
    ours = settings.get(rotates) == turn.settings.get(rotates)
    if ours and renewed is not None:
        settings = {**settings, rotates: renewed}
        secrets = {**_map.decode(box.decrypt(connection.secrets).reveal()), rotates: renewed}
        new = box.encrypt(msgspec.json.encode(secrets).decode())
        tx.run(_STORE, of_connection=connection.id, new_secrets=new, now=tx.now())
    end(tx, turn)
    return Kept(connection, settings, ours)
