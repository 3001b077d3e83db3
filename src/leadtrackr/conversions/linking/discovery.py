"""What a project's account at a platform has: accounts to choose from, conversion actions. All is asked now."""

from collections.abc import Sequence
from typing import TypeVar

import msgspec

from leadtrackr.accounts import service as projects
from leadtrackr.accounts.model import Actor
from leadtrackr.conversions import connections
from leadtrackr.conversions.linking import service
from leadtrackr.conversions.linking.means import Means, Reach, read
from leadtrackr.conversions.linking.model import NotListed
from leadtrackr.conversions.model import Connection
from leadtrackr.destinations import registry
from leadtrackr.destinations.contract import (
    AccountTree,
    Actions,
    ConversionAction,
    Destination,
    Listing,
    NewAction,
    Outcome,
)
from leadtrackr.kit.errors import InvalidInput

T = TypeVar("T")


async def accounts(means: Means, project_ref: str, slug: str, *, by: Actor | None = None) -> AccountTree:
    """The accounts that the project's credentials reach: those of its connection, or of a sign-in that waits.

    InvalidInput where the platform lists none, NotFound without credentials or for a project that is not the person's,
    NotListed with what the platform said; both say how it is done by hand.
    """
    destination = registry.get(slug)
    listing = require(destination, destination.accounts, "lists no accounts")
    return await listed(means, destination, await reach_of(means, project_ref, slug, by), listing)


async def reach_of(means: Means, project_ref: str, slug: str, by: Actor | None) -> Reach:
    """The connection with its settings, secrets decrypted, or the sign-in that waits for one of them."""
    flow = await service.waiting(means, project_ref, slug, by=by)
    if flow is not None:
        return Reach(settings=flow.kept.values, token=flow.kept.token)
    return _reach(means, await connections.find(means.db, project_ref, slug))


def _reach(means: Means, found: Connection) -> Reach:
    return Reach(settings=connections.full_settings(found, means.box), connection=found)


def require(destination: Destination, listing: Listing[T] | None, lack: str) -> Listing[T]:
    """The listing; InvalidInput where the platform has none, with the settings to fill in."""
    if listing is None:
        names = ", ".join(field.name for field in destination.fields if field.required)
        sentence = f"{destination.name} {lack}; enter what it needs by hand: {names}."
        raise InvalidInput(sentence, "destination")
    return listing


async def listed(means: Means, destination: Destination, reach: Reach, listing: Listing[T]) -> T:
    """What the platform lists; NotListed."""
    found = await read(means, destination, reach, lambda token: listing.steps(reach.settings, token))
    if isinstance(found, Outcome):
        raise NotListed(destination, found, listing.by_hand)
    return found


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which conversion actions are wanted."""

    everything: bool = False
    """Those too that this program cannot send to."""
    name: str = ""
    """A part of the name, in any case."""
    category: str = ""


async def actions(
    means: Means, project_ref: str, slug: str, wanted: Filter, *, by: Actor | None = None
) -> list[ConversionAction]:
    """The conversion actions of the connected account, by name. Errors as for `accounts`."""
    destination, known = _with_actions(slug)
    reach = await _of_connection(means, project_ref, slug, by)
    found = await listed(means, destination, reach, known.listing)
    return picked(found, wanted)


def picked(found: Sequence[ConversionAction], wanted: Filter) -> list[ConversionAction]:
    """Those that are wanted, by name."""
    part = wanted.name.casefold()
    return sorted(
        (
            one
            for one in found
            if (wanted.everything or one.is_usable)
            and part in one.name.casefold()
            and wanted.category.upper() in ("", one.category)
        ),
        key=lambda one: (one.name.casefold(), one.id),
    )


async def create_action(
    means: Means, project_ref: str, slug: str, new: NewAction, *, by: Actor | None = None
) -> ConversionAction:
    """Makes a conversion action in the connected account. InvalidInput names what the platform would refuse; NotListed
    with what it said, after which nothing was made, or it was and could not be read back."""
    destination, known = _with_actions(slug)
    known.check(new)
    reach = await _of_connection(means, project_ref, slug, by)
    made = await read(means, destination, reach, lambda token: known.create(new, reach.settings, token))
    if isinstance(made, Outcome):
        raise NotListed(destination, made, "")
    return made


def _with_actions(slug: str) -> tuple[Destination, Actions]:
    destination = registry.get(slug)
    if destination.actions is None:
        field = destination.event_field
        sentence = f"{destination.name} lists no conversion actions; a label's event is entered by hand. {field.help}"
        raise InvalidInput(sentence.strip(), "destination")
    return destination, destination.actions


async def _of_connection(means: Means, project_ref: str, slug: str, by: Actor | None) -> Reach:
    if by is not None:
        await projects.project_for(means.db, by, project_ref)
    return _reach(means, await connections.find(means.db, project_ref, slug))
