"""What it takes to ask a platform something outside of deliveries, and the asking itself."""

from collections.abc import Callable
from typing import TypeVar

import msgspec

from leadtrackr.conversions.exchange import exchange, signed
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
    response, failure = await exchange(means.http, going, timeout_s, after_send="network")
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


async def read(
    means: Means, destination: Destination, settings: Settings, steps: Callable[[str | None], Steps[T]]
) -> T | Outcome:
    """Takes the steps with a token of their own, where the platform wants one."""
    reader = msgspec.structs.replace(destination, auth=destination.reading or destination.auth)
    token = await Tokens(means.http, means.clock, means.db, means.box).once(reader, settings)
    if isinstance(token, Outcome):
        return token
    return await walk(means, steps(token), destination.limits.timeout_s)
