"""What it takes to ask a platform something outside of deliveries, and the asking itself."""

import msgspec

from leadtrackr.conversions.exchange import exchange, signed
from leadtrackr.db.database import Database
from leadtrackr.destinations.contract import Outcome, Request, Response
from leadtrackr.kit.clock import Clock
from leadtrackr.kit.http import HttpClient
from leadtrackr.kit.ids import Ids
from leadtrackr.kit.secretbox import SecretBox


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
