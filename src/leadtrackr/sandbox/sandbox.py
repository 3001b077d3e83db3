"""One sandbox: its platforms, faults and ledger, and what it does with one HTTP request."""

import asyncio
import contextlib
import socket
import struct
from dataclasses import dataclass
from typing import Any

import msgspec
from aiohttp import web

from leadtrackr.sandbox import masking
from leadtrackr.sandbox.contract import Answer, Call, Flag, Platform, json_answer
from leadtrackr.sandbox.faults import Active, Faults, Plan
from leadtrackr.sandbox.ledger import Entry, Ledger, iso
from leadtrackr.sandbox.world import World

_CLOSE_WITH_RESET = struct.pack("ii", 1, 0)
_NO_PLATFORM = json_answer(
    404, {"error": "The sandbox plays no platform of this name."}, flags=[Flag("unknown_destination")]
)


@dataclass(frozen=True, slots=True)
class Sandbox:
    """Everything behind one server."""

    world: World
    platforms: dict[str, Platform[Any]]
    faults: Faults

    @property
    def ledger(self) -> Ledger:
        """The record of all calls."""
        return self.world.ledger

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Play one call: draw its faults, ask the platform, note it in the ledger, answer or not.

        A platform with a delay takes the call at once and answers late, so the ledger is never behind.
        """
        destination, slash, rest = request.path[1:].partition("/")
        body = await request.read()
        now = self.world.now()
        plan = self.faults.plan(destination, slash + rest, now)
        call = self._call(request, slash + rest, body, plan, now)
        answer = self._answer(destination, call, plan.act)
        self._record(destination, request, call, answer, plan.act)
        if delay_s := max(plan.delay_s, 0 if answer is None else answer.delay_s):
            await asyncio.sleep(delay_s)
        if plan.act is not None and plan.act.kind in ("hang", "accept_then_hang"):
            await plan.act.released.wait()
        if answer is None or (plan.act is not None and plan.act.kind == "accept_then_hang"):
            _cut_off(request)
            return web.Response(status=500)
        return web.Response(status=answer.status, body=answer.content or None, headers=answer.headers)

    def _call(self, request: web.Request, path: str, body: bytes, plan: Plan, now: int) -> Call:
        headers = {name.lower(): value for name, value in request.headers.items()}
        return Call(request.method, path, dict(request.query), headers, body, now, plan.poisons)

    def _answer(self, destination: str, call: Call, act: Active | None) -> Answer | None:
        """None when the caller gets no answer and the platform never sees the call."""
        platform = self.platforms.get(destination)
        if platform is None:
            return _NO_PLATFORM
        if act is None or act.kind == "accept_then_hang":
            return platform.answer(call)
        return _answer_of_fault(platform, act) if act.kind == "status" else None

    def _record(
        self, destination: str, request: web.Request, call: Call, answer: Answer | None, act: Active | None
    ) -> None:
        ledger = self.ledger
        entry = Entry(
            number=ledger.next_number(),
            time=iso(call.at),
            at=call.at,
            destination=destination,
            method=call.method,
            path=call.path,
            query=masking.fields(call.query),
            headers=masking.headers(dict(request.headers)) if ledger.bodies else {},
            body=masking.body(call) if ledger.bodies else None,
            status=None if answer is None else answer.status,
            accepted=[] if answer is None else list(answer.accepted),
            flags=[] if answer is None else list(answer.flags),
            fault=None if act is None else act.label,
            validation=answer is not None and answer.validation,
        )
        ledger.record(entry)


def _answer_of_fault(platform: Platform[Any], act: Active) -> Answer:
    fault = act.fault
    headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    if fault.body is msgspec.UNSET:
        answer = platform.failure(fault.answer_status)
        return Answer(answer.status, answer.content, {**answer.headers, **headers})
    if isinstance(fault.body, str):
        return Answer(fault.answer_status, fault.body.encode(), {"Content-Type": "text/plain", **headers})
    return json_answer(fault.answer_status, fault.body, headers=headers)


def _cut_off(request: web.Request) -> None:
    """Close the connection without an answer; the caller sees a reset."""
    transport = request.transport
    if transport is None:
        return
    connection = transport.get_extra_info("socket")
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _CLOSE_WITH_RESET)
    transport.abort()
