"""The SQL of conversion labels."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import bindparam, func, insert, select

from leadtrackr.db.database import Tx
from leadtrackr.db.statement import Insertion, constant, prepare
from leadtrackr.db.tables import label_events, labels
from leadtrackr.labels.model import Label, LabelKind

_L: Final = labels.c
_ids = msgspec.json.Decoder(tuple[int, ...])
_COLUMNS: Final = (
    _L.id,
    _L.conversion_id,
    _L.name,
    _L.kind,
    _L.position,
    _L.done,
    _L.convert_once,
    _L.take_back,
    _L.after,
    _L.path,
)
_OF_PROJECT = select(*_COLUMNS).where(_L.project_id == bindparam("project_id"))
_ALL: Final = prepare(_OF_PROJECT.order_by(_L.position, _L.id))
_BY_CONVERSION_ID: Final = prepare(_OF_PROJECT.where(_L.conversion_id == bindparam("conversion_id")))
_LOST: Final = prepare(_OF_PROJECT.where(_L.kind == constant(LabelKind.LOST)))
_EVENTS: Final = prepare(
    select(label_events.c.label_id, label_events.c.destination, label_events.c.action)
    .join(labels, _L.id == label_events.c.label_id)
    .where(_L.project_id == bindparam("project_id"))
)
_LAST_POSITION: Final = prepare(
    select(func.coalesce(func.max(_L.position), 0).label("position")).where(
        _L.project_id == bindparam("project_id"), _L.kind == constant(LabelKind.LABEL)
    )
)
_INSERT: Final = Insertion(insert(labels).values({c.name: bindparam(c.name) for c in labels.columns if c.name != "id"}))
_INSERT_EVENT: Final = prepare(insert(label_events).values({c.name: bindparam(c.name) for c in label_events.columns}))


def _label(row: Any, events: Mapping[str, str]) -> Label:
    return Label(
        id=row.id,
        conversion_id=row.conversion_id,
        name=row.name,
        kind=LabelKind(row.kind),
        position=row.position,
        done=bool(row.done),
        convert_once=bool(row.convert_once),
        take_back=bool(row.take_back),
        after=_ids.decode(row.after),
        path=_ids.decode(row.path),
        events=events,
    )


def everything(tx: Tx, project_id: int) -> list[Label]:
    """A project's labels with their events, in their order, the Lost label last."""
    events: dict[int, dict[str, str]] = {}
    for row in tx.all(_EVENTS, project_id=project_id):
        events.setdefault(row.label_id, {})[row.destination] = row.action
    found = [_label(row, events.get(row.id, {})) for row in tx.all(_ALL, project_id=project_id)]
    return sorted(found, key=lambda label: label.kind == LabelKind.LOST)


def by_conversion_id(tx: Tx, project_id: int, conversion_id: str) -> Label | None:
    """The label that a client names, without its events."""
    row = tx.first(_BY_CONVERSION_ID, project_id=project_id, conversion_id=conversion_id)
    return None if row is None else _label(row, {})


def lost(tx: Tx, project_id: int) -> Label | None:
    """The project's Lost label, without its events."""
    row = tx.first(_LOST, project_id=project_id)
    return None if row is None else _label(row, {})


def last_position(tx: Tx, project_id: int) -> int:
    """The place of the last of the project's own labels; 0 when it has none."""
    row = tx.first(_LAST_POSITION, project_id=project_id)
    return 0 if row is None else int(row.position)


def add(
    tx: Tx,
    *,
    project_id: int,
    conversion_id: str,
    name: str,
    kind: LabelKind,
    position: int,
    done: bool,
    convert_once: bool,
    take_back: bool = False,
    after: Sequence[int],
    path: Sequence[int],
) -> int:
    """Writes a label; returns its id."""
    return tx.insert(
        _INSERT,
        project_id=project_id,
        conversion_id=conversion_id,
        name=name,
        kind=kind.value,
        position=position,
        done=int(done),
        convert_once=int(convert_once),
        take_back=int(take_back),
        after=msgspec.json.encode(list(after)).decode(),
        path=msgspec.json.encode(list(path)).decode(),
        created_at=tx.now(),
    )


def add_events(tx: Tx, label_id: int, events: Iterable[tuple[str, str]]) -> None:
    """Writes a label's events: destination and value."""
    tx.many(_INSERT_EVENT, [{"label_id": label_id, "destination": slug, "action": value} for slug, value in events])
