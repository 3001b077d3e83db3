"""The hot questions are answered by their index on both databases, among thousands of rows that are long settled."""

import re
from typing import Any

import pytest
from sqlalchemy import literal_column

from leadtrackr.accounts import queries as account_queries
from leadtrackr.conversions import claim, hold, moot, queries, record, reversal, settle, strays
from leadtrackr.db.database import Tx
from leadtrackr.db.statement import Prepared, prepare
from leadtrackr.leads import queries as lead_queries
from tests.support.engine import World

ROWS = 6000
CONNECTIONS = 60
_N = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows}) SELECT {values} FROM n"
_STATE = (
    "CASE WHEN i % 10 < 5 THEN 'accepted' WHEN i % 10 < 7 THEN 'queued' WHEN i % 10 = 7 THEN 'waiting'"
    " WHEN i % 10 = 8 THEN 'held' ELSE 'sending' END"
)
FILL: dict[str, tuple[int, dict[str, str]]] = {
    "projects": (
        CONNECTIONS,
        {"public_id": "'p' || i", "name": "'x'", "currency": "'EUR'", "created_at": "1"},
    ),
    "connections": (
        CONNECTIONS,
        {"project_id": "1 + i", "destination": "'x'", "settings": "'{}'", "secrets": "''", "state": "'active'"}
        | {"created_at": "1", "updated_at": "1"},
    ),
    "leads": (
        ROWS,
        {"project_id": "1", "created_at": "i", "updated_at": "i", "search_text": "''", "door": "'web'"}
        | {"form_data": "'{}'", "user_data": "'{}'", "attribution_data": "'{}'", "email_key": "'e' || i"}
        | {
            "phone": "'p' || i",
            "phone_e164": "'+' || i",
            "unique_identifier": "'u' || i",
            "unique_event_id": "'v' || i",
        },
    ),
    "jobs": (
        ROWS,
        {"project_id": "1", "lead_id": "i", "label_id": "1", "status_after": "'x'", "stage_after": "'open'"}
        | {"state": "CASE WHEN i % 20 = 1 THEN 'pending' ELSE 'settled' END", "remaining": "i % 2"}
        | {"warnings": "'[]'", "created_at": "1"},
    ),
    "deliveries": (
        ROWS,
        {
            "project_id": "1",
            "job_id": "i",
            "lead_id": "i",
            "label_id": "1",
            "connection_id": f"1 + i / 10 % {CONNECTIONS}",
        }
        | {"destination": "'x'", "account": "'x'", "action": "'x'", "event_id": "'lt-' || i", "happened_at": "1"}
        | {"state": _STATE, "run_at": "i", "closes_at": "i", "passed": "CASE WHEN i % 9 = 0 THEN 0 ELSE 1 END"}
        | {"behind": "CASE WHEN i % 7 = 0 THEN i - 1 END", "lease_token": "CASE WHEN i % 10 = 9 THEN 't' || i END"}
        | {"lease_until": "CASE WHEN i % 10 = 9 THEN i END", "created_at": "1", "updated_at": "1"},
    ),
    "api_keys": (ROWS, {"project_id": "1", "hash": "'h' || i", "hint": "'x'", "created_at": "1"}),
}
"""Table → how many rows, and the SQL of each column for row `i`."""

_SCAN = re.compile(r"(SCAN|Seq Scan on) (deliveries|jobs|leads|api_keys)\b")

QUESTIONS: dict[str, tuple[Prepared, dict[str, Any], tuple[str, ...]]] = {
    "claim": (claim._PICK, {"connection_id": 1, "now": 1, "most": 10}, ("ix_deliveries_claim",)),
    "ready connections": (claim._READY_CONNECTIONS, {"now": 1}, ("ix_deliveries_claim",)),
    "due": (claim._DUE, {"now": 1}, ("ix_deliveries_due",)),
    "closed": (claim._CLOSED, {"now": 1}, ("ix_deliveries_closing",)),
    "dead": (claim._DEAD, {"now": 1}, ("ix_deliveries_lease",)),
    "renew": (claim._RENEW, {"of_token": "t", "until": 1}, ("ix_deliveries_token",)),
    "stale": (claim._STALE, {}, ("ix_deliveries_behind",)),
    "backlog": (claim._BACKLOG, {}, ("ix_deliveries_",)),
    "housekeeping needed": (
        claim._NEEDED,
        {"now": 1},
        ("ix_deliveries_due", "ix_deliveries_closing", "ix_deliveries_lease", "ix_jobs_passed", "ix_deliveries_open"),
    ),
    "still ours": (record._STILL_OURS, {"of_token": "t"}, ("ix_deliveries_token",)),
    "followers": (settle._FOLLOWERS, {"ids": [1, 2]}, ("ix_deliveries_behind",)),
    "free followers": (settle._FREE_FOLLOWERS, {"ids": [1, 2]}, ("ix_deliveries_behind",)),
    "passed jobs": (settle._PASSED, {}, ("ix_jobs_passed",)),
    "pending job": (queries._PENDING_JOB, {"lead_id": 1}, ("uq_jobs_pending",)),
    "taken back": (moot._TAKEN_BACK, {"ids": [1]}, ("ix_deliveries_takes_back",)),
    "past": (reversal._PAST, {"project_id": 1, "lead_id": 1}, ("ix_deliveries_lead",)),
    "to pass": (hold._TO_PASS, {"of_connection": 1}, ("ix_deliveries_fresh",)),
    "to hold": (hold._TO_HOLD, {"of_connection": 1}, ("ix_deliveries_open",)),
    "release": (hold._RELEASE_DELIVERIES, {"of_connection": 1, "now": 1}, ("ix_deliveries_open",)),
    "queued on a held connection": (strays._FIND_HELD, {}, ("ix_deliveries_open",)),
    "fresh on a paused connection": (strays._FIND_PAUSED, {"now": 1}, ("ix_deliveries_fresh",)),
    "held on an active connection": (strays._FIND_RELEASED, {}, ("ix_deliveries_open",)),
    "lead by identifier": (lead_queries._BY_IDENTIFIER, {"project_id": 1, "value": "u7"}, ("ix_leads_identifier",)),
    "lead by e-mail": (lead_queries._BY_EMAIL, {"project_id": 1, "value": "e7"}, ("ix_leads_email",)),
    "lead by phone": (lead_queries._BY_PHONE, {"project_id": 1, "value": "p7"}, ("ix_leads_phone",)),
    "lead by E.164": (lead_queries._BY_PHONE_E164, {"project_id": 1, "value": "+7"}, ("ix_leads_phone_e164",)),
    "lead by event id": (lead_queries._BY_EVENT, {"project_id": 1, "value": "v7"}, ("uq_leads_event",)),
    "API key": (account_queries._BY_KEY, {"hash": "h7"}, ("api_keys",)),
}

OF_ITS_CHOICE = {"ready connections", "housekeeping needed", "passed jobs", "held on an active connection"}
"""PostgreSQL weighs several partial indices against each other by what the rows are like; any of them will do."""


@pytest.fixture(params=["with statistics", "without statistics"])
def full(world: World, request: pytest.FixtureRequest) -> World:
    """Thousands of rows, about half of them settled. SQLite has statistics only where somebody made them."""
    world.furnish("google_ads", "ga4", "meta")

    def fill(tx: Tx) -> None:
        for table, (rows, columns) in FILL.items():
            values = _N.format(rows=rows, values=", ".join(columns.values()))
            tx.run(prepare(literal_column(f"INSERT INTO {table} ({', '.join(columns)}) {values}")))

    world.write(fill)
    if request.param == "with statistics" or world.db.dialect == "postgresql":
        world.write(lambda tx: tx.run(prepare(literal_column("ANALYZE"))))
    return world


def explain(world: World, question: Prepared, values: dict[str, Any]) -> str:
    def ask(tx: Any) -> str:
        if tx.dialect == "postgresql":
            # The rows are still few for PostgreSQL; what is asked is whether the index can answer at all.
            tx._connection.execute("SET LOCAL enable_seqscan = off")
        sql, own, _ = question.sql(tx.dialect)
        how = "EXPLAIN " if tx.dialect == "postgresql" else "EXPLAIN QUERY PLAN "
        given = {
            n: str(v) if isinstance(v, list) and tx.dialect == "sqlite" else v for n, v in {**own, **values}.items()
        }
        return "\n".join(str(row[-1]) for row in tx._connection.execute(how + sql, given).fetchall())

    return world.write(ask)


def test_every_hot_question_is_answered_by_its_index(full: World) -> None:
    wrong: list[str] = []
    for name, (question, values, indices) in QUESTIONS.items():
        plan = explain(full, question, values)
        # Reading a partial index to its end is no scan of the table: it holds only what it is about.
        scans = [line for line in plan.splitlines() if _SCAN.search(line) and "USING" not in line]
        free = full.db.dialect == "postgresql" and name in OF_ITS_CHOICE
        if scans or not (free or all(index in plan for index in indices)):
            wrong.append(f"{name}:\n{plan}")
    assert not wrong, "\n\n".join(wrong)
