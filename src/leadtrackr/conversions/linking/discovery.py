"""What a project's account at a platform has: accounts to choose from. Everything is asked of the platform, now."""

from collections.abc import Callable
from typing import TypeVar

import msgspec

from leadtrackr.accounts.model import Actor
from leadtrackr.conversions import connections
from leadtrackr.conversions.linking import service
from leadtrackr.conversions.linking.means import Means, walk
from leadtrackr.conversions.linking.model import NotListed
from leadtrackr.conversions.tokens import Tokens
from leadtrackr.destinations import registry
from leadtrackr.destinations.contract import AccountTree, Destination, Listing, Outcome, Settings, Steps
from leadtrackr.kit.errors import InvalidInput

T = TypeVar("T")


async def accounts(means: Means, project_ref: str, slug: str, *, by: Actor | None = None) -> AccountTree:
    """The accounts that the project's credentials reach: those of its connection, or of a sign-in that waits.

    InvalidInput where the platform lists none, NotFound without credentials or for a project that is not the person's,
    NotListed with what the platform said; both say how it is done by hand.
    """
    destination = registry.get(slug)
    listing = require(destination, destination.accounts, "lists no accounts")
    settings = await settings_of(means, project_ref, slug, by)
    return await listed(means, destination, settings, listing)


async def settings_of(means: Means, project_ref: str, slug: str, by: Actor | None) -> Settings:
    """The settings of the connection, secrets decrypted, or of the sign-in that waits for one of them."""
    flow = await service.waiting(means, project_ref, slug, by=by)
    if flow is not None:
        return flow.kept.values
    found = await connections.find(means.db, project_ref, slug)
    return connections.full_settings(found, means.box)


def require(destination: Destination, listing: Listing[T] | None, lack: str) -> Listing[T]:
    """The listing; InvalidInput where the platform has none, with the settings to fill in."""
    if listing is None:
        names = ", ".join(field.name for field in destination.fields if field.required)
        sentence = f"{destination.name} {lack}; enter what it needs by hand: {names}."
        raise InvalidInput(sentence, "destination")
    return listing


async def listed(means: Means, destination: Destination, settings: Settings, listing: Listing[T]) -> T:
    """What the platform lists; NotListed."""
    found = await read(means, destination, settings, lambda token: listing.steps(settings, token))
    if isinstance(found, Outcome):
        raise NotListed(destination, found, listing.by_hand)
    return found


async def read(
    means: Means, destination: Destination, settings: Settings, steps: Callable[[str | None], Steps[T]]
) -> T | Outcome:
    """Takes the steps with a token of their own, where the platform wants one."""
    reader = msgspec.structs.replace(destination, auth=destination.reading or destination.auth)
    token = await Tokens(means.http, means.clock).get(0, reader, settings)
    if isinstance(token, Outcome):
        return token
    return await walk(means, steps(token), destination.limits.timeout_s)
