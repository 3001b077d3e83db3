"""The limit of createLead and updateLeadStatus: the barest server that stores the same rows as surely.

It decodes, writes the same rows into the same tables under the same pragmas with one commit for many requests, and
answers. It checks nothing: no project, no key, no plan, no savepoint, no number made E.164.
"""

import asyncio
import os
import queue
import secrets
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from leadtrackr.db.sqlite import connect

PROJECT: Final = 1
GROUP: Final = 512
DESTINATIONS: Final = ("google_ads", "ga4", "meta")
_LEAD: Final = (
    *("project_id", "created_at", "updated_at", "first_name", "last_name", "email", "email_key", "phone"),
    *(
        "phone_e164",
        "company_name",
        "country",
        "form_name",
        "unique_identifier",
        "unique_event_id",
        "ip_address",
        "user_agent",
    ),
    *("form_data", "user_data", "attribution_data", "channel_flow", "gclid", "cid", "fbp", "fbc"),
    *("search_text", "door"),
)
_JOB: Final = (*("project_id", "lead_id", "label_id", "state", "remaining", "warnings", "created_at"),)
_DELIVERY: Final = (
    *("project_id", "job_id", "lead_id", "label_id", "connection_id", "destination", "account", "action", "event_id"),
    *("happened_at", "value_cents", "currency", "state", "code", "detail", "field", "run_at", "closes_at", "behind"),
    *("passed", "created_at", "updated_at", "settled_at"),
)
_READ: Final = (
    *("id", "project_id", "created_at", "updated_at", "status", "stage", "label_id", "price", "note", "form_name"),
    *("first_name", "last_name", "email", "email_key", "phone", "phone_e164", "company_name", "form_data"),
    *("user_data", "attribution_data", "channel_flow", "unique_identifier", "unique_event_id", "ip_address"),
    *("user_agent", "country"),
)


def _insert(table: str, columns: tuple[str, ...]) -> str:
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608


_INSERT_LEAD: Final = (
    _insert("leads", _LEAD)
    + " ON CONFLICT (project_id, unique_event_id) WHERE unique_event_id IS NOT NULL DO NOTHING RETURNING id"
)
_SELECT_LEAD: Final = f"SELECT {', '.join(_READ)} FROM leads WHERE id = ? AND project_id = ?"  # noqa: S608
_INSERT_JOB: Final = _insert("jobs", _JOB) + " ON CONFLICT (lead_id) WHERE state = 'pending' DO NOTHING RETURNING id"
_INSERT_DELIVERY: Final = _insert("deliveries", _DELIVERY)
_UPDATE_LEAD: Final = (
    "UPDATE leads SET status = 'lost', stage = 'rated', label_id = ?, price = ?, updated_at = ?"
    " WHERE id = ? AND project_id = ?"
)

Work = Callable[[sqlite3.Connection], Any]
Item = tuple[Work, "asyncio.Future[Any]"]


class _Writer:
    """One thread, one connection, one commit for all that has come in meanwhile."""

    def __init__(self, path: Path) -> None:
        self._connection = connect(path)
        self._queue: queue.SimpleQueue[Item | None] = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    async def write(self, work: Work) -> Any:
        future: asyncio.Future[Any] = self._loop.create_future()
        self._queue.put((work, future))
        return await future

    def close(self) -> None:
        self._queue.put(None)
        self._thread.join()
        self._connection.close()

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            group = [item]
            while len(group) < GROUP and not self._queue.empty() and (more := self._queue.get()) is not None:
                group.append(more)
            self._connection.execute("BEGIN IMMEDIATE")
            results = [work(self._connection) for work, _ in group]
            self._connection.execute("COMMIT")
            self._loop.call_soon_threadsafe(_resolve, group, results)


def _resolve(group: list[Item], results: list[Any]) -> None:
    for (_, future), result in zip(group, results, strict=True):
        future.set_result(result)


class _Form(msgspec.Struct, rename="camel"):
    form_name: str
    unique_event_id: str


class _User(msgspec.Struct, rename="camel"):
    first_name: str
    last_name: str
    email: str
    phone: str
    company_name: str | None = None


class _Attribution(msgspec.Struct):
    gclid: str
    cid: str
    fbp: str
    fbc: str


class _Lead(msgspec.Struct, rename="camel"):
    form_data: msgspec.Raw
    user_data: msgspec.Raw
    attribution_data: msgspec.Raw
    channel_flow: msgspec.Raw


class _Rating(msgspec.Struct, rename="camel"):
    lead_id: int
    price: int


_lead = msgspec.json.Decoder(_Lead).decode
_form = msgspec.json.Decoder(_Form).decode
_user = msgspec.json.Decoder(_User).decode
_attribution = msgspec.json.Decoder(_Attribution).decode
_rating = msgspec.json.Decoder(_Rating).decode
_encode = msgspec.json.Encoder().encode


def _row(body: bytes, ip: str | None, user_agent: str | None) -> tuple[object, ...]:
    lead = _lead(body)
    form, user, attribution = _form(lead.form_data), _user(lead.user_data), _attribution(lead.attribution_data)
    now, email = time.time_ns() // 1000, user.email.lower()
    search = f"{user.first_name} {user.last_name}\n{email}\n{user.phone}".lower()
    names = (user.first_name, user.last_name, user.email, email, user.phone, user.phone, user.company_name, None)
    texts = (lead.form_data, lead.user_data, lead.attribution_data, lead.channel_flow)
    ids = (attribution.gclid, attribution.cid, attribution.fbp, attribution.fbc)
    seen = (form.form_name, None, form.unique_event_id, ip, user_agent)
    return (PROJECT, now, now, *names, *seen, *(bytes(text).decode() for text in texts), *ids, search, "web")


def _rate(connection: sqlite3.Connection, rating: _Rating) -> int:
    now, lead_id = time.time_ns() // 1000, rating.lead_id
    connection.execute(_SELECT_LEAD, (lead_id, PROJECT)).fetchone()
    job = (PROJECT, lead_id, 2, "pending", 3, "[]", now)
    job_id = connection.execute(_INSERT_JOB, job).fetchone()[0]
    closes = now + 90 * 86_400_000_000
    money = (now, rating.price, "EUR", "queued", None, None, None, now, closes, None, 0, now, now, None)
    rows = [
        (PROJECT, job_id, lead_id, 2, place, slug, "1234567890", "987654321", secrets.token_hex(14), *money)
        for place, slug in enumerate(DESTINATIONS, start=1)
    ]
    connection.executemany(_INSERT_DELIVERY, rows)
    connection.execute(_UPDATE_LEAD, (2, rating.price, now, lead_id, PROJECT))
    return lead_id


def create() -> Starlette:
    """The application; the file is named by BENCH_DATABASE."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        app.state.writer = writer = _Writer(Path(os.environ["BENCH_DATABASE"]))
        yield
        writer.close()

    async def create_lead(request: Request) -> Response:
        ip = request.client.host if request.client else None
        row = _row(await request.body(), ip, request.headers.get("user-agent"))
        lead_id = await app.state.writer.write(lambda db: db.execute(_INSERT_LEAD, row).fetchone()[0])
        answer = {"message": "Lead created successfully", "leadId": lead_id, "uniqueIdentifier": None}
        return Response(_encode(answer), 201, media_type="application/json")

    async def update_lead_status(request: Request) -> Response:
        rating = _rating(await request.body())
        lead_id = await app.state.writer.write(lambda db: _rate(db, rating))
        answer = {"message": "Lead queued for processing", "leadId": lead_id, "status": "pending", "queued": True}
        return Response(_encode(answer), 201, media_type="application/json")

    routes = [
        Route("/api/leads/createLead", create_lead, methods=["POST"]),
        Route("/api/leads/updateLeadStatus", update_lead_status, methods=["POST"]),
    ]
    app = Starlette(routes=routes, lifespan=lifespan)
    return app
