"""Leasing deliveries to a worker. Every function runs in the caller's transaction.

A lease is one row: who holds it, until when, and which deliveries. These carry its token while they are being sent, and
whatever is written about them later is written only where the token is still theirs.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import bindparam, delete, exists, insert, literal_column, or_, select, update

from leadtrackr.conversions import lots, moot
from leadtrackr.conversions.hold import QUEUED
from leadtrackr.conversions.lots import Candidate
from leadtrackr.conversions.model import Claimed, ConnectionState, State
from leadtrackr.db.database import Tx
from leadtrackr.db.statement import IdsIn, constant, packed, prepare, unpack
from leadtrackr.db.tables import connections, deliveries, leads, leases

READ: Final = 500
"""Most deliveries that one statement reads: a lead may be as large as a body, and a text holds at most 10**9 bytes."""
_D: Final = deliveries.c
_C: Final = connections.c
_L: Final = leases.c
_IDS: Final = IdsIn(_D.id, "ids")
_OURS: Final = (_D.lease_token == bindparam("of_token")) & (_D.state == constant(State.SENDING))

_CLAIMABLE: Final = QUEUED & _D.behind.is_(None)

# Asked for apart: in the index over what is open, each of them is in the order of `closes_at`.
_PASSED: Final = tuple(_D.passed == literal_column(flag) for flag in ("0", "1"))
_READY_CONNECTIONS: Final = prepare(
    select(_C.id)
    .where(
        _C.state == constant(ConnectionState.ACTIVE),
        or_(_C.paused_until.is_(None), _C.paused_until <= bindparam("now")),
        or_(
            *(exists(select(literal_column("1")).where(_D.connection_id == _C.id, _CLAIMABLE, one)) for one in _PASSED)
        ),
    )
    .order_by(_C.id)
)
_candidates: Final = msgspec.json.Decoder(list[Candidate])
_PICKS: Final = tuple(
    packed(
        select(*(_D[name] for name in Candidate.__struct_fields__))
        .where(_D.connection_id == bindparam("connection_id"), _CLAIMABLE, passed, _D.closes_at > bindparam("now"))
        .order_by(_D.closes_at, _D.id)
        .limit(bindparam("most"))
        .with_for_update(skip_locked=True)
    )
    for passed in _PASSED
)
_FROM_LEAD: Final = (
    "email_key",
    "phone_e164",
    "first_name",
    "last_name",
    "company_name",
    "attribution_data",
    "ip_address",
    "user_agent",
    "country",
)
_claimed: Final = msgspec.json.Decoder(list[Claimed])
_READ: Final = packed(
    select(
        *(
            leads.c.created_at.label(name)
            if name == "lead_created_at"
            else (leads if name in _FROM_LEAD else deliveries).c[name]
            for name in Claimed.__struct_fields__
        )
    )
    .select_from(deliveries.join(leads, leads.c.id == _D.lead_id))
    .where(_IDS),
    json="attribution_data",
)
_ATTRIBUTION: Final = prepare(
    select(_D.id, leads.c.attribution_data).select_from(deliveries.join(leads, leads.c.id == _D.lead_id)).where(_IDS)
)
_SEND: Final = prepare(
    update(deliveries)
    .where(_IDS)
    .values(state=State.SENDING.value, lease_token=bindparam("token"), updated_at=bindparam("now"))
)
_LEASE: Final = prepare(
    insert(leases).values(
        {name: bindparam(name) for name in ("token", "connection_id", "owner", "deliveries", "until")}
    )
)
_OTHERS: Final = prepare(
    select(_L.token)
    .where(_L.connection_id == bindparam("connection_id"), _L.owner != bindparam("owner"), _L.until > bindparam("now"))
    .limit(1)
)
_ANY: Final = prepare(select(_L.token).where(_L.connection_id == bindparam("connection_id")).limit(1))
_RENEW: Final = prepare(update(leases).where(_L.token == bindparam("of_token")).values(until=bindparam("new_until")))
_GIVE_BACK: Final = prepare(
    update(deliveries)
    .where(_IDS, _OURS)
    .values(state=State.QUEUED.value, lease_token=None, updated_at=bindparam("now"))
)
_END: Final = prepare(delete(leases).where(_L.token == bindparam("of_token")))
_OF_OWNER: Final = prepare(
    select(_L.token, _L.deliveries).where(_L.owner == bindparam("owner")).order_by(_L.token).with_for_update()
)
_ids: Final = msgspec.json.Decoder(list[int])
_attributions: Final = msgspec.json.Decoder(list[object])


def ready_connections(tx: Tx) -> list[int]:
    """The active connections that have something to send now."""
    return [row.id for row in tx.all(_READY_CONNECTIONS, now=tx.now())]


def lease(
    tx: Tx,
    connection_id: int,
    *,
    token: str,
    most: int,
    lease_us: int,
    owner: str = "",
    fit: Callable[[list[Candidate]], list[Candidate]] = list,
) -> list[Claimed]:
    """Leases up to `most` deliveries of a connection, those whose window closes first at the front.

    `fit` may leave out some of them, such as those that a rate limit does not allow.
    """
    now = tx.now()
    picked = [tx.first(pick, connection_id=connection_id, most=most, now=now) for pick in _PICKS]
    found = [one for row in picked for one in unpack(_candidates, row)]
    moot_ids = moot.drop(tx, [one.id for one in found if one.takes_back is not None], now)
    if moot_ids:
        found = [one for one in found if one.id not in moot_ids]
    ids = [one.id for one in fit(lots.choose(found, most))]
    if not ids:
        return []
    in_order = sorted(ids)
    tx.run(_SEND, ids=in_order, token=token, now=now)
    text = msgspec.json.encode(in_order).decode()
    tx.run(_LEASE, token=token, connection_id=connection_id, owner=owner, deliveries=text, until=now + lease_us)
    return read(tx, ids)


def read(tx: Tx, ids: Sequence[int]) -> list[Claimed]:
    """Deliveries with what is sent of their leads, in the order of the ids."""
    read: dict[int, Claimed] = {}
    for start in range(0, len(ids), READ):
        read |= _read(tx, list(ids[start : start + READ]))
    return [read[one] for one in ids]


def _read(tx: Tx, ids: list[int]) -> dict[int, Claimed]:
    row: Any = tx.first(_READ, ids=ids)
    found = unpack(_claimed, row)
    if not attribute(found, row.texts or "[]"):
        # One of them is no JSON. That its lead cannot be read is found when its event is made, and only its.
        texts = {row.id: row.attribution_data for row in tx.all(_ATTRIBUTION, ids=ids)}
        for one in found:
            if not attribute([one], f"[{texts[one.id]}]"):
                msgspec.structs.force_setattr(one, "attribution_data", texts[one.id])
    return {one.id: one for one in found}


def attribute(deliveries: Sequence[Claimed], texts: str) -> bool:
    """Gives deliveries that nobody has seen yet what their leads say of where they came from.

    `texts` is a JSON array in their order. False, and nothing is done, when it is not, or holds fewer or more.
    """
    try:
        attributions = _attributions.decode(texts)
    except msgspec.DecodeError:
        return False
    if len(attributions) != len(deliveries):
        return False
    for one, attribution in zip(deliveries, attributions, strict=True):
        msgspec.structs.force_setattr(one, "attribution_data", attribution)
    return True


def others_send(tx: Tx, connection_id: int, owner: str) -> bool:
    """Whether another worker is sending to a connection: one at a time keeps to its limits over all processes."""
    return tx.first(_OTHERS, connection_id=connection_id, owner=owner, now=tx.now()) is not None


def any_sends(tx: Tx, connection_id: int) -> bool:
    """Whether something is on its way to a connection."""
    return tx.first(_ANY, connection_id=connection_id) is not None


def renew(tx: Tx, token: str, lease_us: int) -> bool:
    """Makes a lease longer; False when it was taken over."""
    return tx.run(_RENEW, of_token=token, new_until=tx.now() + lease_us) > 0


def give_back(tx: Tx, token: str, ids: Sequence[int]) -> int:
    """Puts leased deliveries that were not sent back into the queue, no attempt burnt; returns how many."""
    return tx.run(_GIVE_BACK, of_token=token, ids=sorted(ids), now=tx.now()) if ids else 0


def end(tx: Tx, token: str) -> None:
    """A lease is over; nothing is left under it."""
    tx.run(_END, of_token=token)


def give_back_all(tx: Tx, owner: str) -> int:
    """Ends every lease of a worker that stops, no attempt burnt; returns how many deliveries were under them."""
    given = 0
    for row in tx.all(_OF_OWNER, owner=owner):
        given += give_back(tx, row.token, _ids.decode(row.deliveries))
        end(tx, row.token)
    return given
