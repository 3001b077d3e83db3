"""What every fault is measured by: what clients were told, what the ledger holds and what the tables say, compared."""

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Final

from tests.faults.frame import Figure, exactly
from tests.support.tables import execute

ATTEMPTS: Final = "SELECT count(*) FROM attempts"
TAKEN_OVER: Final = "SELECT count(*) FROM attempts WHERE code = 'taken_over'"
"""Those that say that their worker died, whether or not it had sent something."""
_LOGGED: Final = """SELECT event_id, count(attempts.id)
    FROM deliveries LEFT JOIN attempts ON attempts.delivery_id = deliveries.id GROUP BY event_id"""
_UNSETTLED: Final = "('queued', 'sending', 'waiting', 'held')"
HALVES: Final = {
    "lead without job": "SELECT count(*) FROM leads WHERE label_id IS NOT NULL AND NOT EXISTS"
    " (SELECT 1 FROM jobs WHERE jobs.lead_id = leads.id AND jobs.label_id = leads.label_id)",
    "status without label": "SELECT count(*) FROM leads WHERE (label_id IS NULL) <> (status = 'open')",
    "job without lead": "SELECT count(*) FROM jobs JOIN leads ON leads.id = jobs.lead_id"
    " WHERE jobs.id IN (SELECT max(id) FROM jobs GROUP BY lead_id)"
    " AND leads.label_id IS DISTINCT FROM jobs.label_id"
    " AND NOT (leads.status = 'open' AND leads.updated_at >= jobs.created_at)",
    "job without delivery": "SELECT count(*) FROM jobs WHERE id NOT IN (SELECT job_id FROM deliveries)",
    "delivery without job": "SELECT count(*) FROM deliveries WHERE job_id NOT IN (SELECT id FROM jobs)",
    "miscounted job": "SELECT count(*) FROM jobs WHERE remaining <>"
    " (SELECT count(*) FROM deliveries WHERE job_id = jobs.id AND passed = 0)",
    "job settled too early": "SELECT count(*) FROM jobs WHERE state <> 'pending' AND remaining <> 0",
    "price without rating": "SELECT count(*) FROM leads WHERE price IS NOT NULL AND price NOT IN"
    " (SELECT value_cents FROM deliveries WHERE lead_id = leads.id)",
    "lease without sending": "SELECT count(*) FROM deliveries WHERE (state = 'sending') <> (lease_token IS NOT NULL)",
    "state against its time": "SELECT count(*) FROM deliveries"  # noqa: S608
    f" WHERE (state IN {_UNSETTLED}) <> (settled_at IS NULL)",
    "accepted without attempt": "SELECT count(*) FROM deliveries WHERE state = 'accepted' AND id NOT IN"
    " (SELECT delivery_id FROM attempts WHERE kind = 'accepted')",
    "behind nothing": "SELECT count(*) FROM deliveries WHERE behind IS NOT NULL"
    " AND behind NOT IN (SELECT id FROM deliveries)",
}
"""What half of a transaction would look like. Each must be 0 at any moment, also between a crash and the next start."""


def unsettled(url: str) -> int:
    """How many deliveries are not settled."""
    return int(execute(url, f"SELECT count(*) FROM deliveries WHERE state IN {_UNSETTLED}")[0][0])  # noqa: S608


def halves(url: str, but: str = "") -> dict[str, int]:
    """The halves that there are, by name, with how many; empty when all is well. `but` is one that is well here."""
    counts = {name: int(execute(url, sql)[0][0]) for name, sql in HALVES.items() if name != but}
    return {name: count for name, count in counts.items() if count}


def half_writes(url: str, but: str = "") -> Figure:
    """All halves together; what they are is in the figure's name when there are any."""
    found = halves(url, but)
    words = ", ".join(found)
    return exactly(f"half-writes{f' ({words})' if words else ''}", sum(found.values()), 0)


def acknowledged(url: str, leads: Collection[int], ratings: Collection[tuple[int, int]]) -> list[Figure]:
    """Every 201 is in the tables: leads by id, ratings by lead and price."""
    there = {row[0] for row in execute(url, "SELECT id FROM leads")}
    rated = set(execute(url, "SELECT lead_id, value_cents FROM deliveries"))
    missing = len(set(leads) - there) + len(set(ratings) - rated)
    return [exactly("acknowledged but missing", missing, 0)]


def delivered(url: str, keys: Mapping[str, int]) -> list[Figure]:
    """Once all is settled: each accepted delivery is in the ledger and nothing else is, each time with an attempt."""
    stands = {row[0]: row[1:] for row in execute(url, "SELECT event_id, state, code FROM deliveries")}
    alone = Counter(stands.get(key, ("unknown", None)) for key in keys if stands.get(key, ("", None))[0] != "accepted")
    words = ", ".join(f"{n} {state} ({code})" for (state, code), n in sorted(alone.items()))
    pending = execute(url, "SELECT count(*) FROM jobs WHERE state = 'pending'")[0][0]
    logged: dict[str, int] = dict(execute(url, _LOGGED))
    return [
        exactly("lost", len(stands.keys() - keys.keys()), 0),
        exactly("in the ledger alone" + (f" [{words}]" if words else ""), alone.total(), 0),
        exactly("sent and not logged", sum(max(0, times - logged.get(key, 0)) for key, times in keys.items()), 0),
        exactly("jobs left pending", pending, 0),
    ]


def jobs_of(url: str) -> dict[int, int]:
    """How many jobs each lead has."""
    return dict(execute(url, "SELECT lead_id, count(*) FROM jobs GROUP BY lead_id"))
