"""The hot questions are answered by their index on both databases, among thousands of rows that are long settled."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import literal_column

from leadtrackr.accounts import queries as account_queries
from leadtrackr.conversions import (
    claim,
    hold,
    housekeeping,
    moot,
    queries,
    rates,
    receipts,
    record,
    reversal,
    settle,
    strays,
)
from leadtrackr.conversions.incidents import changes, service, watch
from leadtrackr.db.database import Tx
from leadtrackr.db.statement import Prepared, prepare
from leadtrackr.leads import queries as lead_queries
from leadtrackr.leads import tabs
from leadtrackr.leads.listing import Filters
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
        | {"status": "CASE WHEN i % 3 = 0 THEN 'open' ELSE 'lost' END"}
        | {"stage": "CASE WHEN i % 3 = 0 THEN 'open' ELSE 'rated' END"}
        | {
            "phone": "'p' || i",
            "phone_e164": "'+' || i",
            "unique_identifier": "'u' || i",
            "unique_event_id": "'v' || i",
        },
    ),
    "jobs": (
        ROWS,
        {"project_id": "1", "lead_id": "i", "label_id": "1"}
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
        | {"created_at": "1", "updated_at": "1"},
    ),
    "leases": (
        ROWS,
        {"token": "'t' || i", "connection_id": f"1 + i % {CONNECTIONS}", "owner": "'x'", "deliveries": "'[]'"}
        | {"until": "i"},
    ),
    "rate_buckets": (ROWS, {"key": "'k' || (i / 3)", "period_s": "i % 3", "full_until": "1"}),
    "incidents": (
        ROWS,
        {"project_id": "1", "connection_id": f"1 + i % {CONNECTIONS}", "kind": "'stopped'", "since_at": "1"}
        | {"opened_at": "1", "recovered_at": "2"},
    ),
    "api_keys": (ROWS, {"project_id": "1", "hash": "'h' || i", "hint": "'x'", "created_at": "1"}),
}
"""Table → how many rows, and the SQL of each column for row `i`."""

_SCAN = re.compile(r"(SCAN|Seq Scan on) (deliveries|leases|jobs|leads|api_keys|rate_buckets|incidents)\b")

QUESTIONS: dict[str, tuple[Prepared, dict[str, Any], tuple[str, ...]]] = {
    "claim fresh ones": (claim._PICKS[0], {"connection_id": 1, "now": 1, "most": 10}, ("ix_deliveries_open",)),
    "claim others": (claim._PICKS[1], {"connection_id": 1, "now": 1, "most": 10}, ("ix_deliveries_open",)),
    "ready connections": (claim._READY_CONNECTIONS, {"now": 1}, ("ix_deliveries_open",)),
    "due": (housekeeping._DUE, {"now": 1}, ("ix_deliveries_due",)),
    "closed": (housekeeping._CLOSED, {"now": 1}, ("ix_deliveries_open",)),
    "dead": (housekeeping._DEAD, {"now": 1}, ("ix_leases_until",)),
    "left behind": (housekeeping._LEFT_BEHIND, {"ids": [1, 2], "of_token": "t"}, ("deliveries",)),
    "others": (claim._OTHERS, {"connection_id": 1, "owner": "x", "now": 1}, ("ix_leases_connection_id",)),
    "stale": (housekeeping._STALE, {}, ("ix_deliveries_behind",)),
    "backlog": (housekeeping._BACKLOG, {}, ("ix_deliveries_",)),
    "housekeeping needed": (
        housekeeping._NEEDED,
        {"now": 1},
        ("ix_deliveries_due", "ix_deliveries_open", "ix_leases_until", "ix_jobs_passed", "ix_deliveries_open"),
    ),
    "still ours": (record._STILL_OURS, {"ids": [1, 2], "of_token": "t"}, ("deliveries",)),
    "followers": (settle._FOLLOWERS, {"ids": [1, 2]}, ("ix_deliveries_behind",)),
    "free followers": (settle._FREE_FOLLOWERS, {"ids": [1, 2]}, ("ix_deliveries_behind",)),
    "passed jobs": (settle._PASSED, {}, ("ix_jobs_passed",)),
    "pending job": (queries._PENDING_JOB, {"lead_id": 1}, ("uq_jobs_pending",)),
    "taken back": (moot._TAKEN_BACK, {"ids": [1]}, ("ix_deliveries_takes_back",)),
    "past": (reversal._PAST, {"project_id": 1, "lead_id": 1}, ("ix_deliveries_lead",)),
    "to pass": (hold._TO_PASS, {"of_connection": 1}, ("ix_deliveries_open",)),
    "to hold": (hold._TO_HOLD, {"of_connection": 1}, ("ix_deliveries_open",)),
    "to release": (hold._TO_RELEASE, {"of_connection": 1}, ("ix_deliveries_open",)),
    "to send by connection": (receipts._OPEN, {"project_id": 1}, ("ix_deliveries_open",)),
    "being sent by connection": (receipts._SENDING, {"project_id": 1, "ids": [1, 2]}, ("deliveries",)),
    "how many of a connection": (hold._HOW_MANY, {"of_connection": 1}, ("ix_deliveries_open",)),
    "to be sent on a held connection": (strays._FIND_HELD, {}, ("ix_deliveries_open",)),
    "fresh on a paused connection": (strays._FIND_PAUSED, {"now": 1}, ("ix_deliveries_open",)),
    "held on an active connection": (strays._FIND_RELEASED, {}, ("ix_deliveries_open",)),
    "leads by their ids": (lead_queries._BY_IDS, {"project_id": 1, "ids": [1, 2]}, ("leads", "uq_jobs_pending")),
    "lead by identifier": (lead_queries._BY_IDENTIFIER, {"project_id": 1, "value": "u7"}, ("ix_leads_identifier",)),
    "lead by e-mail": (lead_queries._BY_EMAIL, {"project_id": 1, "value": "e7"}, ("ix_leads_email",)),
    "lead by phone": (lead_queries._BY_PHONE, {"project_id": 1, "value": "p7"}, ("ix_leads_phone",)),
    "lead by E.164": (lead_queries._BY_PHONE_E164, {"project_id": 1, "value": "+7"}, ("ix_leads_phone_e164",)),
    "lead by event id": (lead_queries._BY_EVENT, {"project_id": 1, "value": "v7"}, ("uq_leads_event",)),
    "rate buckets": (rates._READ, {"of_key": "k7"}, ("rate_buckets",)),
    "refund": (rates._REFUND, {"of_key": "k7", "of_period": 1, "refund": 1}, ("rate_buckets",)),
    "API key": (account_queries._BY_KEY, {"hash": "h7"}, ("api_keys",)),
}

INCIDENTS: dict[str, tuple[Prepared, dict[str, Any], tuple[str, ...]]] = {
    "stopped": (changes._STOPPED, {"of_connection": 1, "new_code": "x", "new_detail": None, "now": 1}, ()),
    "works": (changes._WORKS, {"of_connection": 1, "now": 1}, ("uq_incidents_open",)),
    "tokens": (watch._TOKENS, {"now": 1, "soon": 1}, ("ix_connections_token",)),
    "tokens over": (watch._TOKENS_OVER, {"now": 1}, ()),
    "closing": (watch._CLOSING, {"now": 1, "soon": 1}, ("ix_deliveries_open", "closes_at<?")),
    "closing over": (watch._CLOSING_OVER, {"now": 1, "soon": 1}, ("ix_deliveries_open", "closes_at<?")),
    "waiting for incidents": (service._WAITING, {"ids": [1, 2]}, ("ix_deliveries_open",)),
    "ending for incidents": (service._ENDING, {"ids": [1, 2], "soon": 1}, ("ix_deliveries_open", "closes_at<?")),
}
QUESTIONS |= INCIDENTS
OF_ITS_CHOICE = {"ready connections", "housekeeping needed", "passed jobs", "held on an active connection", *INCIDENTS}
"""PostgreSQL weighs several partial indices against each other by what the rows are like; any of them will do."""
WHOLE = {"backlog"}
"""They ask for something of each row that is open, and read that index to its end."""


BY_JOB = ("ix_jobs_pending", "pk_leads")
LISTS: dict[str, tuple[Callable[[Tx], object], tuple[str, ...]]] = {
    "pending": (lambda tx: _page(tx, "pending"), BY_JOB),
    "one status": (lambda tx: _page(tx, "lost"), ("ix_leads_status", "uq_jobs_pending")),
    "pending and another": (lambda tx: _page(tx, "lost", "pending"), (*BY_JOB, "ix_leads_status", "uq_jobs_pending")),
    "list of pending": (lambda tx: _tab(tx, tabs.Tab.PENDING), BY_JOB),
    "list of open": (lambda tx: _tab(tx, tabs.Tab.OPEN), ("ix_leads_created", "uq_jobs_pending")),
    "list of rated": (lambda tx: _tab(tx, tabs.Tab.RATED), ("ix_leads_rated", "uq_jobs_pending")),
}
"""Questions put together when they are asked: what asks them, and the indices that find the leads of a page."""
LIKEWISE = {
    "sqlite": {"pk_leads": "SEARCH leads USING INTEGER PRIMARY KEY"},
    # Of the two, PostgreSQL takes the one by lead while nearly all jobs that are pending are of this project.
    "postgresql": {"ix_jobs_pending": "_jobs_pending"},
}
"""How a database's plan calls an index, where that is another word."""


def _page(tx: Tx, *status: str) -> object:
    return lead_queries.page(tx, 1, Filters(status=status))


def _tab(tx: Tx, tab: tabs.Tab) -> object:
    return tabs.read(tx, 1, tab, search=None, page=1)


class Overheard:
    """A transaction that keeps the questions that it is asked for rows."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx
        self.asked: list[Prepared] = []
        self.dialect = tx.dialect
        self.first = tx.first

    def all(self, statement: Prepared, /, **values: Any) -> list[Any]:
        self.asked.append(statement)
        return self._tx.all(statement, **values)


def overheard(world: World, ask: Callable[[Tx], object]) -> Prepared:
    """The statement that gives the ids of a page; its leads are then fetched by them."""

    def work(tx: Any) -> Prepared:
        ear: Any = Overheard(tx)
        ask(ear)
        ids, leads = ear.asked
        assert leads is lead_queries._BY_IDS
        assert isinstance(ids, Prepared)
        return ids

    return world.read(work)


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
        # Reading a partial index to its end is no scan of the table, but that of what is open may hold a million.
        scans = [line for line in plan.splitlines() if _SCAN.search(line) and "USING" not in line]
        if name not in WHOLE:
            scans += [line for line in plan.splitlines() if "SCAN deliveries USING" in line]
        free = full.db.dialect == "postgresql" and name in OF_ITS_CHOICE
        if scans or not (free or all(index in plan for index in indices)):
            wrong.append(f"{name}:\n{plan}")
    assert not wrong, "\n\n".join(wrong)


def test_a_page_of_leads_is_found_by_its_index(full: World) -> None:
    """Pending leads by their jobs; the others in their order, with one look each for a job that is pending."""
    wrong: list[str] = []
    for name, (ask, indices) in LISTS.items():
        plan = explain(full, overheard(full, ask), {})
        expected = {LIKEWISE[full.db.dialect].get(index, index) for index in indices}
        scans = [line for line in plan.splitlines() if _SCAN.search(line) and "USING" not in line]
        if scans or not all(index in plan for index in expected):
            wrong.append(f"{name}:\n{plan}")
    assert not wrong, "\n\n".join(wrong)


def test_pending_leads_are_found_by_their_jobs_whatever_was_true_when_somebody_counted(full: World) -> None:
    """After half of all leads were pending, a list of three must not be looked for among all leads."""
    full.write(lambda tx: tx.run(prepare(literal_column("UPDATE jobs SET state = 'pending' WHERE id % 2 = 0"))))
    full.write(lambda tx: tx.run(prepare(literal_column("ANALYZE"))))
    for name in ("pending", "list of pending"):
        plan = explain(full, overheard(full, LISTS[name][0]), {})
        by_id = "SEARCH leads USING INTEGER PRIMARY KEY" if full.db.dialect == "sqlite" else "pk_leads"
        assert by_id in plan, plan


def test_what_a_lead_shows_costs_one_look_for_its_job(full: World) -> None:
    """And not all pending jobs of all projects, which PostgreSQL might think best for a whole page."""
    plan = explain(full, lead_queries._BY_IDS, {"project_id": 1, "ids": list(range(1, 101))})
    by_lead = r"uq_jobs_pending \(lead_id=\?\)|uq_jobs_pending.*\n\s*Index Cond: \(lead_id = "
    assert len(re.findall(by_lead, plan)) == plan.count("_jobs_pending") == 1, plan
    by_id = "SEARCH leads USING INTEGER PRIMARY KEY" if full.db.dialect == "sqlite" else "pk_leads"
    assert by_id in plan, plan
