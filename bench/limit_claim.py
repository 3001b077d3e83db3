"""The limit of claim and record: the same rows changed by the barest SQL, on the driver alone.

It takes everything in two commits. It checks nothing: no lease that may be lost, no connection, no job that waits for
more, nothing that stands behind what is settled.
"""

import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import psycopg

from leadtrackr.db.open import sqlite_path
from leadtrackr.db.sqlite import connect

_READ: Final = (
    "SELECT d.id, d.job_id, d.lead_id, d.account, d.action, d.event_id, d.happened_at, d.value_cents, d.currency,"
    " d.closes_at, d.tries, d.passed, d.kind, d.takes_back, d.sent_as, l.created_at, l.email_key,"
    " l.phone_e164, l.first_name, l.last_name, l.company_name, l.attribution_data, l.ip_address, l.user_agent,"
    " l.country"
    " FROM deliveries d JOIN leads l ON l.id = d.lead_id"
    " WHERE d.connection_id = {one} AND d.state = 'queued' AND d.behind IS NULL AND d.closes_at > {one}"
    " ORDER BY d.closes_at, d.id LIMIT {one}"
)
_SEND: Final = "UPDATE deliveries SET state = 'sending', lease_token = {one}, updated_at = {one} WHERE id {ids}"
_LEASE: Final = (
    "INSERT INTO leases (token, connection_id, owner, deliveries, until) VALUES ({one}, {one}, '', {one}, {one})"
)
_MOVE: Final = (
    "UPDATE deliveries SET state = 'accepted', code = 'accepted', detail = NULL, run_at = {one}, settled_at = {one},"
    " tries = tries + 1, passed = 1, behind = NULL, lease_token = NULL, updated_at = {one} WHERE id {ids}"
)
_SETTLE: Final = "UPDATE jobs SET remaining = 0, state = 'settled', settled_at = {one} WHERE id {ids}"
_END: Final = "DELETE FROM leases WHERE token = {one}"
_ATTEMPT: Final = (
    "INSERT INTO attempts (delivery_id, request, number, started_at, ended_at, kind, scope, code, detail, reference,"
    " http_status, url, head) "
)
_SAME: Final = "1, {one}, {one}, 'accepted', 'event', 'accepted', '', {one}, 200, {one}, {one}"
_INQUIRY: Final = (
    "INSERT INTO inquiries (connection_id, reference, deliveries, sent_at, next_at, state)"
    " VALUES ({one}, {one}, {one}, {one}, {one}, 'open')"
)
Row = tuple[Any, ...]


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """What is recorded of a request, beside each event's own JSON."""

    url: str
    head: str
    reference: str
    request: Callable[[str], str]
    """The JSON of the event with this id."""


class Bare:
    """One connection of the driver."""

    def __init__(self, url: str) -> None:
        path = sqlite_path(url)
        self._db: _Sqlite | _Postgres = _Postgres(url) if path is None else _Sqlite(path)

    def take(self, connection_id: int, count: int, sent: Sent) -> float:
        """Claims so many and records them as accepted; returns the seconds of both, without what is between them."""
        db, token = self._db, sent.reference
        started = time.perf_counter()
        now = time.time_ns() // 1000
        db.begin()
        rows = db.all(_READ, (connection_id, now, count))
        ids = [row[0] for row in rows]
        db.run(_SEND, (token, now), ids)
        db.run(_LEASE, (token, connection_id, msgspec.json.encode(ids).decode(), now + 60_000_000))
        db.commit()
        seconds = time.perf_counter() - started
        if len(rows) != count:
            raise RuntimeError(f"the queue held {len(rows)} deliveries instead of {count}")
        requests = [sent.request(row[5]) for row in rows]
        jobs = [row[1] for row in rows]
        return seconds + self._record(connection_id, ids, jobs, requests, sent)

    def close(self) -> None:
        """Lets go of the connection."""
        self._db.close()

    def _record(self, connection_id: int, ids: list[int], jobs: list[int], requests: list[str], sent: Sent) -> float:
        db = self._db
        started = time.perf_counter()
        now = time.time_ns() // 1000
        db.begin()
        db.run(_MOVE, (now, now, now), ids)
        db.attempts(ids, requests, (now, now, sent.reference, sent.url, sent.head))
        db.run(_INQUIRY, (connection_id, sent.reference, msgspec.json.encode(ids).decode(), now, now + 60_000_000))
        db.run(_SETTLE, (now,), jobs)
        db.run(_END, (sent.reference,))
        db.commit()
        return time.perf_counter() - started


class _Sqlite:
    def __init__(self, path: Path) -> None:
        self._connection: sqlite3.Connection = connect(path)

    def begin(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def all(self, sql: str, values: Row) -> list[Row]:
        return self._connection.execute(sql.format(one="?"), values).fetchall()

    def run(self, sql: str, values: Row, ids: list[int] | None = None) -> None:
        listed = () if ids is None else (msgspec.json.encode(ids).decode(),)
        self._connection.execute(sql.format(one="?", ids="IN (SELECT value FROM json_each(?))"), values + listed)

    def attempts(self, ids: Sequence[int], requests: Sequence[str], same: Row) -> None:
        sql = f"{_ATTEMPT}VALUES (?, ?, {_SAME.format(one='?')})"
        self._connection.executemany(sql, [(*each, *same) for each in zip(ids, requests, strict=True)])

    def commit(self) -> None:
        self._connection.execute("COMMIT")

    def close(self) -> None:
        self._connection.close()


class _Postgres:
    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url)

    def begin(self) -> None:
        """The driver begins by itself, together with the first statement."""

    def all(self, sql: str, values: Row) -> list[Row]:
        return self._connection.execute(sql.format(one="%s").encode(), values).fetchall()

    def run(self, sql: str, values: Row, ids: list[int] | None = None) -> None:
        listed = () if ids is None else (ids,)
        self._connection.execute(sql.format(one="%s", ids="= ANY (%s::bigint[])").encode(), values + listed)

    def attempts(self, ids: list[int], requests: list[str], same: Row) -> None:
        # As one text: the driver takes six times as long to write a list of texts.
        each = msgspec.json.encode(dict(zip(ids, requests, strict=True))).decode()
        sql = f"{_ATTEMPT}SELECT key::bigint, value, {_SAME.format(one='%s')} FROM json_each_text(%s)"  # noqa: S608 - our own words
        self._connection.execute(sql.encode(), (*same, each))

    def commit(self) -> None:
        self._connection.commit()

    def close(self) -> None:
        self._connection.close()
