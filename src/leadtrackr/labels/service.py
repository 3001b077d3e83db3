"""Labels are made here, and projects with their Lost label."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from leadtrackr.accounts import service as accounts
from leadtrackr.accounts.model import Project
from leadtrackr.accounts.service import NewProject
from leadtrackr.db.database import Database, Tx
from leadtrackr.kit.errors import Conflict, InvalidInput, NotFound
from leadtrackr.kit.ids import Ids
from leadtrackr.labels import queries, rules
from leadtrackr.labels.model import Label, LabelKind

LOST_NAME: Final = "Lost"
LOST_POSITION: Final = 1_000_000
"""Behind every label of the project's own."""


async def start_project(db: Database, ids: Ids, *, name: str, currency: str, country: str | None) -> NewProject:
    """Makes a project with its first API key and its Lost label. InvalidInput for an unknown currency or country."""

    def work(tx: Tx) -> NewProject:
        made = accounts.create_project(tx, ids, name=name, currency=currency, country=country)
        queries.add(
            tx,
            project_id=made.project.id,
            conversion_id=ids.uuid(),
            name=LOST_NAME,
            kind=LabelKind.LOST,
            position=LOST_POSITION,
            done=True,
            convert_once=False,
            after=(),
            path=(),
        )
        return made

    return await db.write(work)


class NewLabel(msgspec.Struct, frozen=True, kw_only=True):
    """What a person says of a label. `after` names labels by name or conversionId."""

    name: str
    done: bool = False
    convert_once: bool = False
    take_back: bool = False
    after: tuple[str, ...] = ()
    events: Mapping[str, str] = {}
    """Destination slug → the event's value there, checked against the destination's declaration before."""


async def create(db: Database, ids: Ids, project_ref: str, new: NewLabel) -> Label:
    """Makes a label behind the others. Conflict when the name is taken, NotFound for an unknown prerequisite."""
    return await db.write(lambda tx: _create(tx, ids, project_ref, new))


async def listing(db: Database, project_ref: str) -> list[Label]:
    """A project's labels in their order, the Lost label last."""
    return await db.read(lambda tx: queries.everything(tx, accounts.find_project(tx, project_ref).id))


def _create(tx: Tx, ids: Ids, project_ref: str, new: NewLabel) -> Label:
    project, name = accounts.find_and_lock_project(tx, project_ref), new.name.strip()
    existing = queries.everything(tx, project.id)
    if not name:
        raise InvalidInput("A label needs a name.", "name")
    if any(label.name.casefold() == name.casefold() for label in existing):
        raise Conflict(f"This project has a label called {name} already.")
    prerequisites = [_named(existing, ref).id for ref in new.after]
    label_id = queries.add(
        tx,
        project_id=project.id,
        conversion_id=ids.uuid(),
        name=name,
        kind=LabelKind.LABEL,
        position=queries.last_position(tx, project.id) + 1,
        done=new.done,
        convert_once=new.convert_once,
        take_back=new.take_back,
        after=prerequisites,
        path=rules.path_of(prerequisites, {label.id: label for label in existing}),
    )
    queries.add_events(tx, label_id, new.events.items())
    return next(label for label in queries.everything(tx, project.id) if label.id == label_id)


def find(tx: Tx, project: Project, conversion_id: str) -> Label:
    """The label that a client names by its UUID, or by `lost`; InvalidInput when the project has no such label."""
    label = (
        queries.lost(tx, project.id)
        if conversion_id == "lost"
        else queries.by_conversion_id(tx, project.id, conversion_id.strip().lower())
    )
    if label is None:
        raise InvalidInput("Invalid conversionId: this project has no such conversion label", "conversionId")
    return label


def _named(existing: Sequence[Label], ref: str) -> Label:
    wanted = ref.strip()
    for label in existing:
        if wanted == label.conversion_id or wanted.casefold() == label.name.casefold():
            if label.kind == LabelKind.LOST:
                raise InvalidInput("The Lost label cannot come before another one.", "after")
            return label
    raise NotFound(f"This project has no label called {wanted}.")
