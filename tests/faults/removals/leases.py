"""Safeguards of leases: claims, deaths, late outcomes."""

from typing import Final

from tests.faults.removals.model import Removal, cut, engine

LEASES: Final[tuple[Removal, ...]] = (
    cut(
        "fence: the lease token of an outcome",
        "A late outcome is written over the try of the worker that has the delivery now.",
        "store/test_safeguards.py::test_an_outcome_of_what_was_given_back_is_refused_though_the_lease_lives[sqlite]",
        engine("record", '_D.lease_token == bindparam("of_token"), '),
        quick=True,
    ),
    cut(
        "fence: the lease token of an outcome, on PostgreSQL",
        "There too a late outcome is written over the try of the worker that has the delivery now.",
        "store/test_safeguards.py::"
        "test_an_outcome_of_what_was_given_back_is_refused_though_the_lease_lives[postgresql]",
        engine("record", '_D.lease_token == bindparam("of_token"), '),
        quick=True,
    ),
    cut(
        "fence: an outcome is written once",
        "An outcome is written a second time.",
        "store/test_safeguards.py::test_an_outcome_is_written_once_though_the_lease_lives[sqlite]",
        engine("record", ', _D.lease_token == bindparam("of_token"), _D.state == constant(State.SENDING))', ")"),
    ),
    cut(
        "lease row, locked before the deliveries",
        "A worker that records late and the one that takes over stand in each other's way: a deadlock.",
        "store/test_locks.py::test_who_records_waits_for_a_takeover_without_holding_the_deliveries",
        engine("record", "    if tx.first(_LEASE, of_token=token) is None:\n        return ()\n"),
    ),
    cut(
        "lease check before each request",
        "A worker that stood still sends what another one has taken over.",
        "store/test_safeguards.py::test_a_worker_that_stood_still_sends_nothing_that_was_taken_over[sqlite]",
        engine("drain", " and await lot.lease.keep()"),
        quick=True,
    ),
    cut(
        "lease check before each request, on PostgreSQL",
        "There too a worker that stood still sends what another one has taken over.",
        "store/test_safeguards.py::test_a_worker_that_stood_still_sends_nothing_that_was_taken_over[postgresql]",
        engine("drain", " and await lot.lease.keep()"),
        quick=True,
    ),
    cut(
        "lease kept alive",
        "A slow platform looks like a dead worker, and its batch is sent again and again.",
        "store/test_worker.py::test_a_slow_platform_does_not_look_like_a_dead_worker[sqlite]",
        engine("drain", "        lease.start()\n"),
    ),
    cut(
        "claim: FOR UPDATE SKIP LOCKED",
        "Two workers lease the same delivery.",
        "store/test_claim.py::test_a_claim_skips_what_another_transaction_has_locked",
        engine("claim", "    .with_for_update(skip_locked=True)\n"),
    ),
    cut(
        "claim: SKIP LOCKED",
        "A claim waits for another transaction, and may then lease what that one has leased.",
        "store/test_claim.py::test_a_claim_skips_what_another_transaction_has_locked",
        engine("claim", "    .with_for_update(skip_locked=True)\n", "    .with_for_update()\n"),
    ),
    cut(
        "claim: what is queued and nothing else",
        "What is being sent is leased again.",
        "store/test_claim.py::test_no_delivery_is_ever_handed_out_twice[sqlite]",
        engine("claim", "QUEUED & _D.behind.is_(None)", "_D.behind.is_(None)"),
    ),
    cut(
        "claim: what has not expired",
        "A conversion is sent after its platform's window.",
        "store/test_claim.py::test_nothing_is_claimed_after_its_window[sqlite]",
        engine("claim", ', _D.closes_at > bindparam("now"))', ")"),
    ),
    cut(
        "claim: what closes first goes first",
        "A conversion with an hour left waits behind thousands that have weeks, and expires.",
        "store/test_claim.py::test_what_closes_first_goes_first[sqlite]",
        engine("claim", "        .order_by(_D.closes_at, _D.id)\n", "        .order_by(_D.id)\n"),
    ),
    cut(
        "give-back: the fence",
        "A worker that stops puts back into the queue what another one is sending.",
        "store/test_safeguards.py::test_nobody_gives_back_what_another_has_taken_over[sqlite]",
        engine("claim", "    .where(_IDS, _OURS)\n", "    .where(_IDS)\n"),
    ),
    cut(
        "takeover: the fence",
        "What was recorded under a lease is queued again when the lease ends.",
        "store/test_safeguards.py::test_a_takeover_leaves_what_was_recorded_or_given_back[sqlite]",
        engine("housekeeping", ', _D.lease_token == bindparam("of_token"), _D.state == constant(State.SENDING))', ")"),
    ),
    cut(
        "takeover: SKIP LOCKED",
        "Every worker waits for the one that is sweeping.",
        "store/test_locks.py::test_a_sweep_does_not_wait_for_another",
        engine(
            "housekeeping",
            "    .limit(DEAD_LEASES)\n    .with_for_update(skip_locked=True)\n",
            "    .limit(DEAD_LEASES)\n    .with_for_update()\n",
        ),
    ),
    cut(
        "due tries: SKIP LOCKED",
        "Every worker waits for the one that queues what is due.",
        "store/test_locks.py::test_a_sweep_does_not_wait_for_what_another_one_moves[due]",
        engine(
            "housekeeping",
            "    .with_for_update(skip_locked=True)\n)\n_PROMOTE",
            "    .with_for_update()\n)\n_PROMOTE",
        ),
    ),
    cut(
        "closed windows: SKIP LOCKED",
        "Every worker waits for the one that expires what has closed.",
        "store/test_locks.py::test_a_sweep_does_not_wait_for_what_another_one_moves[closed]",
        engine("housekeeping", "(of=deliveries, skip_locked=True)", "(of=deliveries)"),
    ),
    cut(
        "takeover at once by the only worker",
        "After a crash on SQLite everything waits for a lease of a process that is gone.",
        "store/test_worker.py::test_the_only_worker_takes_over_at_once_what_a_crash_left_behind",
        engine(
            "worker", "                await self._db.write(housekeeping.abandon_leases)\n", "                pass\n"
        ),
    ),
    cut(
        "takeover at once by nobody else",
        "A worker that starts beside others takes over what they are sending.",
        "store/test_worker.py::test_a_worker_among_others_waits_for_their_leases[postgresql]",
        engine("worker", "        if self._db.alone:\n", "        if True:\n"),
    ),
    cut(
        "poison: three deaths",
        "A delivery that kills its worker kills workers for ever.",
        "store/test_drain.py::test_a_delivery_that_kills_its_workers_is_quarantined_after_three_deaths[sqlite]",
        engine("housekeeping", "if row.deaths + 1 >= DEATHS]", "if row.deaths + 1 > 10**6]"),
        engine("housekeeping", "if row.deaths + 1 < DEATHS]", "if row.deaths + 1 <= 10**6]"),
    ),
    cut(
        "poison: lots that shrink with takeovers",
        "The innocent that were leased with a killer are rejected with it.",
        "store/test_drain.py::test_the_innocent_are_never_rejected_with_it[sqlite]",
        engine("lots", "    return min(most, SMALL_LOT) if deaths == 1 else 1\n", "    return most\n"),
    ),
    cut(
        "poison: deaths in a row",
        "Days of retries that meet workers that died of something else end in quarantine.",
        "store/test_drain.py::test_only_deaths_in_a_row_count[sqlite]",
        engine("record", '            "deaths": 0,\n'),
    ),
    cut(
        "poison: what is suspected is not claimed ahead",
        "One that only lay beside what kills the worker dies a third time with it and is rejected.",
        "store/test_drain.py::test_what_is_suspected_is_not_claimed_ahead[sqlite]",
        engine("drain", "if ahead and any(one.deaths for one in lot):", "if False:"),
    ),
    cut(
        "give-back after a fault of ours: none",
        "A delivery that makes our own code fail is tried again at once, for ever, uncounted.",
        "store/test_safeguards.py::test_what_may_have_caused_a_fault_of_ours_is_counted_as_a_death[sqlite]",
        engine("drain", "give_back=not faulty", "give_back=True"),
    ),
    cut(
        "give-back when the worker stops",
        "After each restart everything waits for the leases of the one that stopped.",
        "store/test_drain.py::test_a_worker_that_must_stop_gives_back_what_it_has_not_sent[sqlite]",
        engine("drain", "            if give_back or not left:\n", "            if not left:\n"),
        engine(
            "worker",
            "            await self._db.write(lambda tx: claim.give_back_all(tx, self._means.owner))\n",
            "            pass\n",
        ),
    ),
    cut(
        "end of the grace time",
        "A platform that does not answer keeps a worker that must stop until it is killed.",
        "store/test_drain.py::test_a_worker_that_must_stop_gives_back_what_hangs[sqlite]",
        engine("worker", "                task.cancel()\n", "                pass\n"),
    ),
    cut(
        "attempts: one for what was on its way when the worker stopped",
        "What a platform may have taken is called never sent, and nobody takes it back.",
        "store/test_drain.py::test_what_was_on_its_way_when_the_worker_stopped_is_not_called_never_sent[sqlite]",
        engine(
            "sender",
            "            sending.results += self._results(batch, piece, Whole(_INTERRUPTED), started_at, request)\n",
        ),
    ),
    cut(
        "outcomes are written when the database is back",
        "What a platform has taken is sent again, and called poison after three such moments.",
        "store/test_drain.py::test_what_came_of_a_lot_is_written_when_the_database_is_back[sqlite]",
        engine("drain", "        for wait_s in WRITE_AGAIN_S:\n", "        for wait_s in ():\n"),
    ),
    cut(
        "give-back of what was claimed ahead",
        "A lot that was claimed ahead is sent to a platform that has just failed.",
        "store/test_worker.py::test_what_was_claimed_ahead_is_not_sent_to_a_platform_that_has_stopped[sqlite-503-waiting]",
        engine("drain", "lot.stopped", "False"),
    ),
)
