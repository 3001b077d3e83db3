"""What it takes to ask a platform something outside of deliveries, and the asking itself."""

from collections.abc import Callable
from typing import TypeVar

import msgspec

from leadtrackr.conversions.exchange import exchange, signed
from leadtrackr.conversions.model import Connection
from leadtrackr.conversions.tokens import Tokens
from leadtrackr.db.database import Database
from leadtrackr.destinations.contract import Destination, Outcome, Request, Response, Settings, Steps
from leadtrackr.kit.clock import Clock
from leadtrackr.kit.http import HttpClient
from leadtrackr.kit.ids import Ids
from leadtrackr.kit.secretbox import SecretBox

T = TypeVar("T")


class Means(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of the program that meet a platform here."""

    db: Database
    box: SecretBox
    http: HttpClient
    clock: Clock
    ids: Ids


async def ask(means: Means, request: Request, timeout_s: float) -> Response | Outcome:
    """The answer to one request that counts nothing, or the outcome that stands for its absence."""
    going = signed(request, means.clock.now(), means.ids.token())
    response, failure = await exchange(means.http, going, timeout_s, means.clock, after_send="network")
    if response is not None:
        return response
    assert failure is not None  # noqa: S101 - one of the two is always there
    return failure


async def walk(means: Means, steps: Steps[T], timeout_s: float) -> T | Outcome:
    """Takes the steps one after the other; the outcome of a request without an answer ends them."""
    try:
        request = next(steps)
        while True:
            answer = await ask(means, request, timeout_s)
            if isinstance(answer, Outcome):
                return answer
            request = steps.send(answer)
    except StopIteration as done:
        found: T | Outcome = done.value
        return found
    finally:
        steps.close()


class Reach(msgspec.Struct, frozen=True, kw_only=True):
    """What an account is read with. Holds secrets; never shown."""

    settings: Settings
    connection: Connection | None = None
    """Whose settings they are; None for a sign-in that waits."""
    token: str = ""
    """An access token that came with that sign-in."""


async def read(
    means: Means, destination: Destination, reach: Reach, steps: Callable[[str | None], Steps[T]]
) -> T | Outcome:
    """Takes the steps with an access token, where the platform wants one."""
    token = await _token(means, destination, reach)
    if isinstance(token, Outcome):
        return token
    return await walk(means, steps(token), destination.limits.timeout_s)


async def _token(means: Means, destination: Destination, reach: Reach) -> str | Outcome | None:
    """A token of its own; where refresh tokens rotate, the sign-in's or one that the connection's is renewed for."""
    if reach.token:
        return reach.token
    reader = msgspec.structs.replace(destination, auth=destination.reading or destination.auth)
    tokens = Tokens(means.http, means.clock, means.db, means.box)
    if reader.auth is not None and reader.auth.rotates and reach.connection is not None:
        return await tokens.get(reach.connection, reader, reach.settings)
    return await tokens.once(reader, reach.settings)
