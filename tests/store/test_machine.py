"""Any course of events, in a model: ratings, claims, outcomes of every kind, crashes, holds, pauses and time.

A trigger in the database writes down every step of every delivery, so that none between two looks goes unseen.
"""

import json
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import column, select, table

from leadtrackr.conversions import claim, housekeeping, inquiry, operations
from leadtrackr.conversions.hold import clock, hold_connection, pause_connection, release_connection
from leadtrackr.conversions.model import DELIVERED, TRANSITIONS, UNSETTLED, Claimed, State
from leadtrackr.conversions.record import Recorded
from leadtrackr.conversions.schedule import DELAYS
from leadtrackr.db import tables
from leadtrackr.db.database import Tx
from leadtrackr.db.open import sqlite_path
from leadtrackr.db.statement import prepare
from leadtrackr.destinations.contract import Kind, Known, Outcome, Scope
from leadtrackr.destinations.registry import DESTINATIONS
from leadtrackr.kit.clock import DAY, HOUR, SECOND
from leadtrackr.kit.errors import Conflict
from tests.support.engine import ACCEPTED, DOWN, HOLD, LEASE_US, REJECTED, RETRY, UNKNOWN, World

SLUGS = ("google_ads", "meta")
LABELS = ("A", "B", "C", "C", "lost", "open")
OUTCOMES = (
    ACCEPTED,
    ACCEPTED,
    REJECTED,
    RETRY,
    UNKNOWN,
    DOWN,
    HOLD,
    Outcome(kind=Kind.CONFIRMED, code="ok"),
    Outcome(kind=Kind.UNKNOWN, code="timeout", scope=Scope.DESTINATION),
    Outcome(kind=Kind.RETRY, code="rate_limited", scope=Scope.DESTINATION, retry_after_s=7200),
)
LATER = {
    Outcome(kind=Kind.CONFIRMED, code="ok"): {State.CONFIRMED},
    Outcome(kind=Kind.REJECTED, code="PROCESSING_ERROR_REASON_CLICK_NOT_FOUND"): {State.REJECTED},
    Outcome(kind=Kind.RETRY, code="PROCESSING_ERROR_REASON_TOO_RECENT_CLICK", retry_after_s=21_600): {
        State.WAITING,
        State.EXPIRED,
        State.CANCELLED,
    },
    HOLD: {State.HELD, State.CANCELLED},
}
"""What a platform says hours later of what it has taken, and where that takes a delivery."""
LONG_DOWN = Outcome(kind=Kind.RETRY, code="rate_limited", scope=Scope.DESTINATION, retry_after_s=72_000)
FROZEN = (
    "job_id",
    "lead_id",
    "event_id",
    "kind",
    "takes_back",
    "sent_as",
    "happened_at",
    "value_cents",
    "currency",
    "account",
    "action",
    "closes_at",
)
_MOVES = prepare(select(table("seen_moves", column("id"), column("was"), column("became"))))
_SQLITE = """
CREATE TABLE seen_moves (id INTEGER, was TEXT, became TEXT);
CREATE TRIGGER see_moves AFTER UPDATE OF state ON deliveries WHEN OLD.state <> NEW.state
BEGIN INSERT INTO seen_moves VALUES (OLD.id, OLD.state, NEW.state); END;
"""
_POSTGRES = """
DROP TABLE IF EXISTS seen_moves;
CREATE TABLE seen_moves (id BIGINT, was TEXT, became TEXT);
CREATE OR REPLACE FUNCTION see_move() RETURNS trigger LANGUAGE plpgsql AS
'BEGIN INSERT INTO seen_moves VALUES (OLD.id, OLD.state, NEW.state); RETURN NULL; END';
CREATE OR REPLACE TRIGGER see_moves AFTER UPDATE OF state ON deliveries
FOR EACH ROW WHEN (OLD.state <> NEW.state) EXECUTE FUNCTION see_move();
"""


def watch(url: str) -> str:
    """Adds the trigger to a fresh database."""
    path = sqlite_path(url)
    if path is not None:
        lite = sqlite3.connect(path)
        lite.executescript(_SQLITE)
        lite.close()
    else:
        with psycopg.connect(url) as connection:
            connection.execute(_POSTGRES.encode())
    return url


class Engine(RuleBasedStateMachine):
    """Two leads, three labels in a path, two destinations, and workers that come and go."""

    fresh_url: ClassVar[Callable[[], str]]

    def __init__(self) -> None:
        super().__init__()
        self.world = World(watch(type(self).fresh_url()))
        self.world.project()
        self.world.label("A", take_back=True)
        self.world.label("B", after=("A",), convert_once=True)
        self.world.label("C", after=("B",), done=True, take_back=True)
        self.world.connect("google_ads", retract_as_zero="yes")
        self.world.connect("meta")
        self.leads = [self.world.lead(), self.world.lead(email=None, attribution={"gclid": "x"})]
        self.batches: dict[str, tuple[str, list[Claimed]]] = {}
        self.gone: dict[str, tuple[str, list[Claimed]]] = {}
        self.settled: dict[int, Any] = {}
        self.frozen: dict[int, tuple[object, ...]] = {}
        self.replayed: set[int] = set()
        self.left: dict[int, int] = {}
        """How much of the time for tries is left to each delivery that has failed by itself, microseconds."""
        self.moves = 0
        self.steps_seen = set[tuple[State, State]]()
        self.tokens = 0
        self.rated = dict.fromkeys(self.leads, "open")
        self.rows = self.world.rows(tables.leads)

    def teardown(self) -> None:
        try:
            self.everything_comes_to_an_end()
        finally:
            self.world.close()

    # What happens

    @rule(lead=st.integers(0, 1), label=st.sampled_from(LABELS), price=st.none() | st.integers(0, 10**6))
    def rate(self, lead: int, label: str, price: int | None) -> None:
        pending = any(job.state == "pending" for job in self.world.jobs(lead_id=self.leads[lead]))
        try:
            self.world.rate(self.leads[lead], label, price)
            taken = True
        except Conflict:
            taken = False
        assert taken != pending
        if taken:
            known = self.world.labels.get(label)
            self.rated[self.leads[lead]] = known.conversion_id if known else label
            self.rows = self.world.rows(tables.leads)

    @rule(slug=st.sampled_from(SLUGS), most=st.integers(1, 4))
    def claim(self, slug: str, most: int) -> None:
        connection = self.connection(slug)
        if connection.state != "active" or (connection.paused_until or 0) > self.now:
            return
        self.tokens += 1
        token = f"t{self.tokens}"
        claimed = self.world.claim(slug, token, most)
        if claimed:
            self.batches[token] = (slug, claimed)

    @rule(outcomes=st.tuples(*[st.sampled_from(OUTCOMES)] * len(SLUGS)))
    def deliver(self, outcomes: tuple[Outcome, ...]) -> None:
        """A worker's whole round, so that a course of events gets somewhere."""
        self.sweep()
        for slug, outcome in zip(SLUGS, outcomes, strict=True):
            self.claim(slug, 4)
            for token in [token for token, (of, _) in self.batches.items() if of == slug]:
                _, claimed = self.gone[token] = self.batches.pop(token)
                self.tell(slug, token, claimed, [outcome] * len(claimed))
        self.sweep()

    @precondition(lambda self: self.batches)
    @rule(data=st.data())
    def record(self, data: st.DataObject) -> None:
        token = data.draw(st.sampled_from(sorted(self.batches)))
        slug, claimed = self.batches.pop(token)
        sent = data.draw(st.integers(1, len(claimed)))
        outcomes = data.draw(st.lists(st.sampled_from(OUTCOMES), min_size=sent, max_size=sent))
        held = {row.id for row in self.world.deliveries(lease_token=token)}
        recorded = self.tell(slug, token, claimed[:sent], outcomes)
        assert {delivery_id for delivery_id, _ in recorded.moves} == held & {one.id for one in claimed[:sent]}
        assert recorded.late == sent - len(recorded.moves)
        rest = [one.id for one in claimed[sent:]]
        given_back = self.world.write(lambda tx: claim.give_back(tx, token, rest))
        assert given_back == len(held & set(rest))
        self.gone[token] = (slug, claimed)

    @precondition(lambda self: self.batches)
    @rule(data=st.data())
    def crash(self, data: st.DataObject) -> None:
        token = data.draw(st.sampled_from(sorted(self.batches)))
        self.gone[token] = self.batches.pop(token)

    @precondition(lambda self: self.batches)
    @rule(data=st.data(), outcome=st.sampled_from(OUTCOMES))
    def stand_still(self, data: st.DataObject, outcome: Outcome) -> None:
        """Past its lease; another worker has what was its own when it goes on."""
        token = data.draw(st.sampled_from(sorted(self.batches)))
        slug, claimed = self.gone[token] = self.batches.pop(token)
        self.time_goes_by(LEASE_US)
        self.sweep()
        self.claim(slug, 4)
        before = self.world.deliveries()
        assert self.tell(slug, token, claimed, [outcome] * len(claimed)).late == len(claimed)
        assert self.world.deliveries() == before

    @precondition(lambda self: self.gone)
    @rule(data=st.data(), outcome=st.sampled_from(OUTCOMES))
    def come_back_late(self, data: st.DataObject, outcome: Outcome) -> None:
        """A worker that stood still, or one that says everything twice."""
        token = data.draw(st.sampled_from(sorted(self.gone)))
        slug, claimed = self.gone[token]
        held = {row.id for row in self.world.deliveries(lease_token=token)}
        before = self.world.deliveries()
        recorded = self.tell(slug, token, claimed, [outcome] * len(claimed))
        assert recorded.late == len(claimed) - len(held)
        if not held:
            assert (recorded.moves, self.world.deliveries()) == ((), before)

    @rule(data=st.data())
    def answer_later(self, data: st.DataObject) -> None:
        """Google takes what there is, and says hours later of some what became of them."""
        self.deliver((ACCEPTED, ACCEPTED))
        taken = self.world.deliveries(state="accepted", destination="google_ads")
        if not taken:
            return
        if data.draw(st.booleans()):
            self.rate(data.draw(st.integers(0, 1)), data.draw(st.sampled_from(LABELS)), 700)
            taken = self.world.deliveries(state="accepted", destination="google_ads")
        ids = data.draw(st.lists(st.sampled_from([row.id for row in taken]), min_size=1, unique=True))
        said = {one: data.draw(st.sampled_from(list(LATER))) for one in ids}
        status = DESTINATIONS["google_ads"].status
        assert status is not None
        self.tokens += 1
        question = {"connection_id": taken[0].connection_id, "reference": f"r{self.tokens}", "deliveries": f"{ids}"}

        def work(tx: Tx) -> list[tuple[int, State]]:
            tx.run(inquiry._BEGIN, **question, sent_at=tx.now(), next_at=tx.now())
            (asked,) = inquiry.take_due(tx)
            return inquiry.apply(tx, asked, status, Known(tuple(said.values())), retry_days=3)

        moved = dict(self.world.write(work))
        assert moved.keys() == said.keys()
        for number, state in moved.items():
            self.settled.pop(number, None)
            if said[number].kind == Kind.RETRY and state == State.WAITING:
                self.left.setdefault(number, 3 * DAY)
            assert state in LATER[said[number]]
        # What is held though a person has mended its connection since goes on with the next sweep.
        self.sweep()

    def tell(self, slug: str, token: str, claimed: list[Claimed], outcomes: list[Outcome]) -> Recorded:
        """Records outcomes. An event that failed by itself has three days from the first time on."""
        recorded = self.world.record(slug, token, claimed, outcomes)
        said = {one.id: outcome for one, outcome in zip(claimed, outcomes, strict=True)}
        for number, state in recorded.moves:
            if said[number].kind not in (Kind.RETRY, Kind.UNKNOWN) or said[number].scope == Scope.DESTINATION:
                continue
            (row,) = self.world.deliveries(id=number)
            if state == State.WAITING:
                assert row.run_at - self.now <= self.left.setdefault(number, 3 * DAY), row
            elif row.code == "retries_over":
                assert self.left.get(number, 3 * DAY) < DELAYS[-1], row
            else:
                assert (row.code, row.closes_at < self.now + DELAYS[-1]) == ("window_closed", True), row
        return recorded

    @rule(first=st.booleans())
    def keep_house(self, first: bool) -> None:
        if first:
            self.world.write(housekeeping.mend)
        self.sweep()

    def sweep(self) -> None:
        for _ in range(20):
            if not self.world.read(housekeeping.housekeeping_needed):
                break
            assert self.world.sweep().total > 0, "housekeeping is needed and does nothing"
        assert not self.world.read(housekeeping.housekeeping_needed)
        self.nobody_is_pending_without_need()

    @rule(by=st.sampled_from([SECOND, LEASE_US, HOUR, 11 * HOUR, DAY, 8 * DAY, 8 * DAY]))
    def time_goes_by(self, by: int) -> None:
        deliveries = {row.id: row for row in self.world.deliveries()}
        connections = {row.id: row for row in self.world.rows(tables.connections)}
        for number in self.left:
            one = connections[deliveries[number].connection_id]
            if one.state == "active":
                self.left[number] -= max(0, self.now + by - max(self.now, one.paused_until or 0))
        self.world.step(by)

    @rule(slug=st.sampled_from(SLUGS), what=st.sampled_from(["hold", "pause", "pause for long", "release"]))
    def stop_or_go(self, slug: str, what: str) -> None:
        number = self.connection(slug).id

        def work(tx: Tx) -> None:
            if what == "hold":
                hold_connection(tx, number, reason="credentials", outcome=HOLD, now=tx.now())
            elif what.startswith("pause"):
                outcome = DOWN if what == "pause" else LONG_DOWN
                pause_connection(tx, number, outcome=outcome, now=tx.now(), fraction=0.5)
            else:
                release_connection(tx, number, now=tx.now())

        self.world.write(work)

    @rule(
        slug=st.sampled_from(SLUGS),
        how=st.sampled_from(["hold", "pause", "pause for long"]),
        on=st.sampled_from(["release", "take", "wait"]),
        by=st.sampled_from([HOUR, 11 * HOUR, DAY]),
    )
    def fail_and_stop(self, slug: str, how: str, on: str, by: int) -> None:
        """Events fail by themselves, and then their destination as a whole: no time for tries passes meanwhile."""
        self.sweep()
        self.claim(slug, 1)
        under_way = [token for token, (of, _) in self.batches.items() if of == slug]
        self.claim(slug, 4)
        for token in [token for token, (of, _) in self.batches.items() if of == slug and token not in under_way]:
            _, claimed = self.gone[token] = self.batches.pop(token)
            self.tell(slug, token, claimed, [RETRY] * len(claimed))
        self.stop_or_go(slug, how)
        self.time_goes_by(by)
        if on == "release":
            self.stop_or_go(slug, "release")
        elif on == "take":
            for token in under_way:
                _, claimed = self.gone[token] = self.batches.pop(token)
                self.tell(slug, token, claimed, [ACCEPTED] * len(claimed))
        self.time_goes_by(by)

    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        states = {row.id: State(row.state) for row in self.world.deliveries()}
        if states:
            ids = data.draw(st.sets(st.sampled_from(sorted(states)), min_size=1))
            wanted = operations.Chosen(ids=tuple(sorted(ids)))
            stopped = self.world.run(operations.cancel(self.world.db, self.world.project_ref, wanted))
            assert set(stopped.ids) == {one for one in ids if states[one] in operations.STOPPABLE}

    @rule()
    def replay(self) -> None:
        plan = self.world.run(operations.retry(self.world.db, self.world.project_ref, operations.Chosen()))
        for one in plan.ids:
            self.settled.pop(one, None)
            self.left.pop(one, None)
            self.replayed.add(one)

    # What always holds

    @invariant()
    def jobs_count_what_has_not_passed(self) -> None:
        deliveries, jobs = self.world.deliveries(), self.world.jobs()
        for job in jobs:
            unpassed = [d.id for d in deliveries if d.job_id == job.id and not d.passed]
            assert job.remaining == len(unpassed), (job, unpassed)
            assert job.state == "pending" or not unpassed
        pending = [job.lead_id for job in jobs if job.state == "pending"]
        assert len(pending) == len(set(pending))
        shown = {lead: self.world.status(lead) for lead in self.leads}
        assert shown == {lead: "pending" if lead in pending else rated for lead, rated in self.rated.items()}

    @invariant()
    def only_a_rating_writes_a_lead(self) -> None:
        assert self.world.rows(tables.leads) == self.rows

    @invariant()
    def every_step_is_drawn(self) -> None:
        moves = self.world.read(lambda tx: tx.all(_MOVES))
        for move in moves[self.moves :]:
            assert State(move.became) in TRANSITIONS[State(move.was)], move
            self.steps_seen.add((State(move.was), State(move.became)))
        self.moves = len(moves)

    @invariant()
    def what_is_settled_or_frozen_never_changes(self) -> None:
        leased = {row.token: json.loads(row.deliveries) for row in self.world.rows(tables.leases)}
        for row in self.world.deliveries():
            frozen = tuple(getattr(row, name) for name in FROZEN)
            assert self.frozen.setdefault(row.id, frozen) == frozen
            if State(row.state) not in UNSETTLED:
                assert self.settled.setdefault(row.id, row) == row
                assert row.behind is None
                assert row.settled_at is not None
            else:
                assert row.id not in self.settled
                assert row.settled_at is None
            assert (row.state == "sending") == (row.lease_token is not None)
            assert row.lease_token is None or row.id in leased[row.lease_token]
            assert (row.currency is None) == (row.value_cents is None)

    @invariant()
    def time_for_tries_passes_only_while_its_connection_may_send(self) -> None:
        clocks = {
            row.id: self.world.read(partial(clock, connection_id=row.id, now=self.now))
            for row in self.world.rows(tables.connections)
        }
        found = {
            row.id: row.retry_until - clocks[row.connection_id]
            for row in self.world.deliveries()
            if row.retry_until is not None
        }
        assert found == self.left

    @invariant()
    def each_line_keeps_its_order(self) -> None:
        lines: dict[tuple[int, int], list[Any]] = {}
        for row in self.world.deliveries():
            if State(row.state) in UNSETTLED:
                lines.setdefault((row.lead_id, row.connection_id), []).append(row)
        for line in lines.values():
            ordered = self.from_the_head(line)
            assert all(row.state != "sending" for row in ordered[1:]), line
            # What was asked for again goes to the end of its line; the others stay in the order of their ratings.
            ids = [row.id for row in ordered if row.id not in self.replayed]
            assert ids == sorted(ids), line

    @staticmethod
    def from_the_head(line: list[Any]) -> list[Any]:
        """The line in the order in which it goes: one stands at its head, and one behind each."""
        followers = {row.behind: row for row in line}
        assert len(followers) == len(line), line
        ordered, place = list[Any](), None
        while place in followers:
            ordered.append(followers[place])
            place = ordered[-1].id
        assert len(ordered) == len(line), line
        return ordered

    @invariant()
    def what_is_taken_back_is_what_the_platform_has(self) -> None:
        """Once, only where the platform can, never ahead of the conversion, and under its id, time and account."""
        rows = {row.id: row for row in self.world.deliveries()}
        standing: set[int] = set()
        for row in rows.values():
            if row.kind == "conversion":
                assert (row.takes_back, row.sent_as) == (None, None)
                continue
            first = rows[row.takes_back]
            assert (row.sent_as, row.lead_id, row.label_id) == (first.event_id, first.lead_id, first.label_id)
            assert (row.happened_at, row.account, row.action) == (first.happened_at, first.account, first.action)
            if row.state == "skipped":
                continue
            assert row.destination == "google_ads"
            if row.kind == "retraction" and State(row.state) in UNSETTLED | DELIVERED:
                assert row.value_cents == 0
                assert first.id not in standing, "taken back twice"
                standing.add(first.id)
            if State(row.state) in DELIVERED | {State.SENDING}:
                assert State(first.state) not in UNSETTLED
                assert row.kind == "restatement" or self.arrived(rows, first.id)

    @invariant()
    def what_counts_once_counts_once(self) -> None:
        """Each label here does: B says so, and A and C are taken back. However often a person sends all again."""
        rows = self.world.deliveries()
        followed = {row.takes_back for row in rows if row.kind == "retraction" and row.state != "skipped"}
        standing = [
            (row.lead_id, row.label_id, row.connection_id)
            for row in rows
            if row.kind == "conversion" and row.id not in followed and State(row.state) in UNSETTLED | DELIVERED
        ]
        assert len(standing) == len(set(standing)), standing

    @staticmethod
    def arrived(rows: dict[int, Any], first: int) -> bool:
        return any(
            State(row.state) in DELIVERED
            for row in rows.values()
            if row.id == first or (row.takes_back == first and row.kind == "restatement")
        )

    @invariant()
    def a_lead_that_was_rated_otherwise_has_nothing_standing_at_google(self) -> None:
        """Of a label that asks for it and is not on its path: no conversion without a take-back of it."""
        names = {label.id: name for name, label in self.world.labels.items()}
        rows = self.world.deliveries(destination="google_ads")
        followed = {row.takes_back for row in rows if row.kind == "retraction"}
        labels = {row.id: names.get(row.label_id or 0) for row in self.world.rows(tables.leads)}
        kept = {"A": ("A", "B", "C"), "C": ("C",)}
        for row in rows:
            name = names[row.label_id]
            if row.kind != "conversion" or name not in kept or labels[row.lead_id] in kept[name]:
                continue
            reached = State(row.state) in UNSETTLED | DELIVERED
            worth = [one.value_cents for one in rows if one.id == row.id or one.takes_back == row.id]
            assert not reached or row.id in followed or not any(worth), row

    @invariant()
    def what_is_not_settled_has_a_reason(self) -> None:
        connections = {row.id: row for row in self.world.rows(tables.connections)}
        for row in self.world.deliveries():
            if row.state == "held":
                assert connections[row.connection_id].state == "held", row
            if row.state == "waiting":
                assert row.code, row
                assert row.run_at <= self.now + DAY, row

    @invariant()
    def incidents_are_one_at_a_time_and_true(self) -> None:
        found = self.world.rows(tables.incidents, recovered_at=None)
        assert len({(row.connection_id, row.kind) for row in found}) == len(found)
        held = {row.id for row in self.world.rows(tables.connections, state="held")}
        assert {row.connection_id for row in found if row.kind == "stopped"} == held

    def nobody_is_pending_without_need(self) -> None:
        """After housekeeping: whatever keeps a lead pending is being sent, or can be claimed this moment."""
        deliveries = {row.id: row for row in self.world.deliveries()}
        connections = {row.id: row for row in self.world.rows(tables.connections)}
        for row in deliveries.values():
            if row.passed:
                continue
            head = row
            while head.behind is not None:
                head = deliveries[head.behind]
            connection = connections[head.connection_id]
            running = connection.state == "active" and (connection.paused_until or 0) <= self.now
            assert head.state == "sending" or (head.state == "queued" and running), (row, head, connection)

    def everything_comes_to_an_end(self) -> None:
        for slug in SLUGS:
            self.stop_or_go(slug, "release")
        self.batches.clear()
        for _ in range(4):
            self.time_goes_by(11 * HOUR)
            self.sweep()
            for slug in SLUGS:
                while self.world.send(slug, ACCEPTED).moves:
                    pass
            self.sweep()
        left = [row for row in self.world.deliveries() if State(row.state) in UNSETTLED]
        assert left == []
        assert {job.state for job in self.world.jobs()} <= {"settled"}
        self.jobs_count_what_has_not_passed()
        self.every_step_is_drawn()

    # Looks

    @property
    def now(self) -> int:
        return self.world.clock.now()

    def connection(self, slug: str) -> Any:
        return self.world.rows(tables.connections, destination=slug)[0]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_any_course_of_events(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, sqlite_template: bytes
) -> None:
    number = 0

    def fresh_url() -> str:
        nonlocal number
        number += 1
        if kind == "postgresql":
            url: str = request.getfixturevalue("postgres_server").fresh("machine")
            return url
        # The same file again and again would be one database with a past.
        path = tmp_path / f"{number}.db"
        path.write_bytes(sqlite_template)
        return f"sqlite:///{path}"

    bound = type("BoundEngine", (Engine,), {"fresh_url": staticmethod(fresh_url)})
    run_state_machine_as_test(
        bound,
        settings=settings(
            max_examples=40 if kind == "sqlite" else 20,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
