"""Asks a platform whether an event that would be sent is right, in a mode in which it counts nothing.

Neither the database nor the schedule knows of it: no attempt is spent and no breaker is opened.
"""

from leadtrackr.conversions import connections
from leadtrackr.conversions.exchange import exchange, signed
from leadtrackr.conversions.preview import UNREADABLE, Prospect, build
from leadtrackr.conversions.tokens import Tokens
from leadtrackr.destinations.contract import Kind, Outcome, Scope
from leadtrackr.destinations.registry import DESTINATIONS
from leadtrackr.kit.clock import Clock
from leadtrackr.kit.http import HttpClient
from leadtrackr.kit.ids import Ids
from leadtrackr.kit.secretbox import SecretBox, UnreadableSecretError


async def validate(
    http: HttpClient, tokens: Tokens, box: SecretBox, clock: Clock, ids: Ids, prospect: Prospect
) -> Outcome | None:
    """What the platform says to the event; None when it has no such mode, or nothing would be sent.

    ACCEPTED means that it found nothing wrong; the code's words say what that proves.
    """
    destination = DESTINATIONS[prospect.planned.destination]
    validation = destination.validation
    if validation is None or not prospect.would_be_sent:
        return None
    try:
        settings = connections.full_settings(prospect.connection, box)
    except UnreadableSecretError as error:
        return Outcome(
            kind=Kind.HOLD, code=UNREADABLE, detail=str(error), scope=Scope.DESTINATION, hold="configuration"
        )
    token = await tokens.get(prospect.connection, destination, settings)
    if isinstance(token, Outcome):
        return token
    request = build(destination, prospect.event, settings, token)
    if isinstance(request, str):
        return Outcome(kind=Kind.REJECTED, code=request)
    asked = signed(validation.request(request), clock.now(), ids.token())
    response, failure = await exchange(http, asked, destination.limits.timeout_s, clock, after_send="network")
    return failure if response is None else validation.read(response)
