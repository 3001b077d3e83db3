"""One request and its answer, in the words of the destinations' contract."""

import msgspec

from leadtrackr.destinations.contract import Kind, Outcome, Request, Response, Scope
from leadtrackr.kit.clock import Clock
from leadtrackr.kit.http import Answer, HttpClient


def signed(request: Request, now: int, nonce: str) -> Request:
    """The request as it goes out now (microseconds UTC): with the headers that hold the time of this attempt."""
    if request.sign is None:
        return request
    headers = {**request.headers, **request.sign(now, nonce)}
    return msgspec.structs.replace(request, headers=headers, sign=None)


async def exchange(
    http: HttpClient, request: Request, timeout_s: float, clock: Clock, *, after_send: str = "timeout"
) -> tuple[Response | None, Outcome | None]:
    """The response, with the clock's time of its arrival, or the outcome that stands for its absence.

    `after_send` is the code for a request that may have arrived: `timeout` where sending twice matters.
    """
    sent = await http.send(request, timeout_s)
    if isinstance(sent, Answer):
        return Response(
            status=sent.status, headers=sent.headers, body=sent.body, received_at=clock.now(), sent=request.items
        ), None
    if sent.refused:
        return None, Outcome(
            kind=Kind.HOLD, code="address_refused", detail=sent.detail, scope=Scope.DESTINATION, hold="configuration"
        )
    if sent.kind == "after_send" and after_send == "timeout":
        return None, Outcome(kind=Kind.UNKNOWN, code="timeout", detail=sent.detail, scope=Scope.DESTINATION)
    return None, Outcome(kind=Kind.RETRY, code="network", detail=sent.detail, scope=Scope.DESTINATION)
