"""The SQL of sign-ins at platforms. A state is known by its hash; what a flow keeps is encrypted."""

from typing import Any, Final

from sqlalchemy import bindparam, delete, insert, select, update

from leadtrackr.db.database import Tx
from leadtrackr.db.statement import prepare
from leadtrackr.db.tables import oauth_flows

_F: Final = oauth_flows.c
_COLUMNS: Final = (_F.id, _F.project_id, _F.destination, _F.redirect_uri, _F.kept, _F.expires_at)
_INSERT: Final = prepare(
    insert(oauth_flows).values(
        {
            name: bindparam(name)
            for name in (
                "project_id",
                "destination",
                "user_id",
                "state_hash",
                "redirect_uri",
                "kept",
                "created_at",
                "expires_at",
            )
        }
    )
)
# `user_id` is empty on the command line, and in SQL nothing equals that.
_IS_BY: Final = _F.user_id.is_not_distinct_from(bindparam("of_user"))
_TAKE: Final = prepare(
    update(oauth_flows)
    .where(_F.state_hash == bindparam("of_state"), _F.used_at.is_(None), _F.expires_at > bindparam("now"), _IS_BY)
    .values(used_at=bindparam("now"))
    .returning(*_COLUMNS)
)
_GRANT: Final = prepare(
    update(oauth_flows)
    .where(_F.id == bindparam("of_flow"), _F.project_id == bindparam("of_project"))
    .values(kept=bindparam("new_kept"), granted_at=bindparam("now"), expires_at=bindparam("until"))
)
_GRANTED: Final = prepare(
    select(*_COLUMNS)
    .where(
        _F.project_id == bindparam("of_project"),
        _F.destination == bindparam("of_destination"),
        _F.granted_at.is_not(None),
        _F.expires_at > bindparam("now"),
        _IS_BY,
    )
    .order_by(_F.id.desc())
)
_END: Final = prepare(
    delete(oauth_flows).where(_F.project_id == bindparam("of_project"), _F.destination == bindparam("of_destination"))
)
_FORGET: Final = prepare(delete(oauth_flows).where(_F.expires_at <= bindparam("now")))


def add(
    tx: Tx,
    *,
    project_id: int,
    destination: str,
    user_id: int | None,
    state_hash: str,
    redirect_uri: str,
    kept: str,
    expires_at: int,
) -> None:
    """Writes a sign-in that has begun."""
    tx.run(
        _INSERT,
        project_id=project_id,
        destination=destination,
        user_id=user_id,
        state_hash=state_hash,
        redirect_uri=redirect_uri,
        kept=kept,
        created_at=tx.now(),
        expires_at=expires_at,
    )


def take(tx: Tx, state_hash: str, user_id: int | None) -> Any | None:
    """Uses a state up and returns its flow; None when it is not known, used, too old or another person's. Of two
    callers at once one gets it."""
    return tx.first(_TAKE, of_state=state_hash, of_user=user_id, now=tx.now())


def keep_grant(tx: Tx, flow_id: int, project_id: int, kept: str, until: int) -> None:
    """Keeps what a person has allowed until the connection is whole."""
    tx.run(_GRANT, of_flow=flow_id, of_project=project_id, new_kept=kept, now=tx.now(), until=until)


def granted(tx: Tx, project_id: int, destination: str, user_id: int | None) -> Any | None:
    """The latest flow that waits for a setting alone."""
    return tx.first(_GRANTED, of_project=project_id, of_destination=destination, of_user=user_id, now=tx.now())


def end(tx: Tx, project_id: int, destination: str) -> None:
    """The project is connected: what was begun to that end is forgotten."""
    tx.run(_END, of_project=project_id, of_destination=destination)


def forget_old(tx: Tx) -> None:
    """Removes flows whose time is over, with what they keep."""
    tx.run(_FORGET, now=tx.now())
