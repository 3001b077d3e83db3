"""Safeguards of the order per lead, of first passes, of what persons order, and of what platforms say later."""

from typing import Final

from tests.faults.removals.model import Edit, Removal, cut, engine

_RECORD: Final = "store/test_record.py::"

LINES: Final[tuple[Removal, ...]] = (
    cut(
        "order per lead: claim",
        "A later conversion of a lead overtakes an earlier one.",
        f"{_RECORD}test_deliveries_of_a_lead_go_in_order[sqlite]",
        engine("claim", "QUEUED & _D.behind.is_(None)", "QUEUED"),
    ),
    cut(
        "order per lead: plan",
        "A new conversion does not know of the one before it.",
        "unit/test_planning.py::test_every_unsettled_delivery_stands_behind_the_last_unsettled_one_before_it",
        engine(
            "planning", "    if ahead is None:\n        return planned\n    behind", "    return planned\n    behind"
        ),
    ),
    cut(
        "order per lead: settled ones free their followers",
        "What stands behind a settled conversion is never sent.",
        f"{_RECORD}test_deliveries_of_a_lead_go_in_order[sqlite]",
        engine("settle", "        tx.run(_FREE_FOLLOWERS, ids=sorted(settled))\n", "        pass\n"),
    ),
    cut(
        "order per lead: poison frees its followers",
        "What stands behind a quarantined conversion is never sent.",
        "store/test_safeguards.py::test_what_stood_behind_a_quarantined_one_goes_on_at_once[sqlite]",
        engine("housekeeping", "over = [*closed, *dead.poison]", "over = [*closed]"),
    ),
    cut(
        "order per lead: mend",
        "What stands behind one that is settled, for whatever reason, stands there for ever.",
        "store/test_safeguards.py::test_what_stands_behind_a_settled_one_is_freed_in_time[sqlite]",
        engine("housekeeping", "        tx.run(_UNBLOCK, ids=sorted(stale))\n", "        pass\n"),
    ),
    cut(
        "order per lead: lines close up when a person stops some",
        "What stood behind a stopped conversion overtakes the one before that.",
        "store/test_operations.py::test_a_line_closes_up_when_some_leave_it_from_the_middle[sqlite-cancelled]",
        engine("operations", "            close_up(tx, {int(row.id): row.behind for row in rows})\n"),
    ),
    cut(
        "order per lead: lines close up when some expire",
        "What stood behind an expired conversion overtakes the one before that.",
        "store/test_operations.py::test_a_line_closes_up_when_some_leave_it_from_the_middle[sqlite-expired]",
        engine("housekeeping", "        close_up(tx, {row.id: row.behind for row in closed})\n"),
    ),
    cut(
        "first pass: stuck ones let their followers pass",
        "A platform that is down for a day keeps leads pending behind its first retry.",
        f"{_RECORD}test_what_stands_behind_one_that_waits_counts_as_passed_all_down_the_line[sqlite]",
        engine(
            "settle",
            "            passes.update(row.job_id for row in followers if not row.passed)\n",
            "            pass\n",
        ),
    ),
    cut(
        "first pass: followers of stuck ones pass once",
        "What stands behind a retry passes again with each of its tries: a lead is Rated before another platform was "
        "tried.",
        f"{_RECORD}test_what_stands_behind_one_that_waits_again_has_passed_only_once[sqlite]",
        engine("settle", "            tx.run(_PASS_FOLLOWERS, ids=line)\n", "            pass\n"),
    ),
    cut(
        "first pass: followers are locked",
        "A delivery's first pass is counted twice, and its job settled early.",
        f"{_RECORD}test_a_pass_is_never_counted_twice",
        engine(
            "settle",
            "    # Locked, so that two transactions that pass the same delivery do not both count it.\n"
            "    .with_for_update()\n",
        ),
    ),
    cut(
        "first pass: once for each delivery",
        "A second try is counted as a first pass of another delivery.",
        f"{_RECORD}test_a_later_try_counts_no_second_pass[sqlite]",
        engine("record", "for r in kept if not r.delivery.passed]", "for r in kept]"),
    ),
    cut(
        "first pass: jobs are locked",
        "Two workers that record for one job both count from the same number: it is never settled.",
        "store/test_locks.py::test_two_workers_that_record_for_one_job_settle_it",
        engine("settle", "    tx.lock(_LOCK, ids=sorted(passes))\n"),
    ),
    cut(
        "first pass: jobs with nothing to pass",
        "A lead whose label no destination listens to stays pending.",
        f"{_RECORD}test_a_job_with_nothing_to_pass_is_settled_by_the_next_sweep[sqlite]",
        engine("housekeeping", "    settled += settle_passed_jobs(tx, now)\n"),
    ),
    cut(
        "first pass: what the rate limit keeps in the queue",
        "A backlog above the platform's limit keeps its leads pending for hours.",
        "store/test_drain.py::test_a_limit_of_requests_holds_over_lots_and_workers[sqlite]",
        engine(
            "drain",
            "            pass_jobs(tx, hold.pass_in_queue(tx, self._connection_id, "
            "code=outcomes.RATE_LIMIT), now=tx.now())\n",
            "            pass\n",
        ),
    ),
    cut(
        "strays: what a hold missed",
        "A rating that commits after a hold keeps its lead pending until a person mends the connection.",
        "store/test_hold.py::test_a_rating_that_commits_after_a_hold_does_not_keep_its_lead",
        engine("housekeeping", "stopped, passed = strays.stop(tx, now)", "stopped, passed = 0, list[int]()"),
    ),
    cut(
        "strays: what a release missed",
        "A conversion that was held at the moment of the release is held for ever.",
        "store/test_hold.py::test_what_was_held_while_its_connection_was_released_goes_on[sqlite]",
        engine("housekeeping", "freed = strays.free(tx, now)", "freed = 0"),
    ),
    cut(
        "hold, pause and release in steps",
        "Every other request waits until all of a very long queue is held.",
        "store/test_hold.py::test_a_long_queue_is_held_paused_and_released_step_by_step[sqlite]",
        engine("hold", ".limit(most)"),
    ),
    cut(
        "housekeeping: connections are served between its steps",
        "While very much falls due at one platform nothing is sent to the others.",
        "store/test_worker.py::test_nobody_waits_for_all_of_the_housekeeping[sqlite]",
        engine(
            "worker",
            "                self._begin(found)\n",
        ),
    ),
    cut(
        "housekeeping: ends when the worker must stop",
        "A worker that is told to stop goes on for minutes and is killed.",
        "store/test_worker.py::test_a_worker_that_must_stop_leaves_the_housekeeping_to_others[sqlite]",
        engine("worker", "found.housekeeping and moved and not self._stopping:", "found.housekeeping and moved:"),
    ),
    cut(
        "closed windows: found by the connections",
        "Each look of a worker reads all that is queued.",
        "store/test_plans.py::test_every_hot_question_is_answered_by_its_index[without statistics-sqlite]",
        engine("hold", '_D.connection_id == _C.id + literal_column("0")', "_D.connection_id == _C.id"),
    ),
    cut(
        "plan and record of one lead: one after the other",
        "A rating that was planned while the one ahead settled stands behind it for ever.",
        f"{_RECORD}test_a_plan_made_while_the_one_ahead_settles_is_not_left_behind_it",
        engine("reversal", ".order_by(_D.id).with_for_update(of=deliveries)", ".order_by(_D.id)"),
    ),
    cut(
        "moot take-backs",
        "A platform is told to take back what it never took.",
        "store/test_take_back.py::"
        "test_a_change_while_it_is_being_sent_waits_for_what_comes_of_it[sqlite-outcome1-cancelled]",
        engine("claim", "moot.drop(tx, [one.id for one in found if one.takes_back is not None], now)", "set[int]()"),
    ),
    cut(
        "taken back is not sent again",
        "What a platform asks for again is sent again after it was taken back.",
        "store/test_take_back.py::test_what_google_wants_again_after_it_was_taken_back_is_not_sent_again[sqlite]",
        engine("inquiry", "moot.taken_back(tx, list(accepted))", "set[int]()"),
    ),
    cut(
        "cancel: not while it is being sent",
        "A receipt says cancelled of what the platform got.",
        "store/test_operations.py::test_what_is_being_sent_cannot_be_cancelled[sqlite]",
        engine(
            "operations",
            "frozenset({State.QUEUED, State.WAITING, State.HELD})",
            "frozenset({State.QUEUED, State.WAITING, State.HELD, State.SENDING})",
        ),
    ),
    cut(
        "retry and cancel: FOR UPDATE",
        "Of an order to stop and a claim at the same moment both think that they have it.",
        "store/test_locks.py::test_an_order_waits_for_the_claim_that_was_first",
        engine("operations", "statement.with_for_update(of=deliveries) if lock else statement", "statement"),
    ),
    cut(
        "retry: asked twice, sent once",
        "What has been sent again in the meantime is sent once more.",
        "store/test_operations.py::test_asked_twice_it_is_sent_once[sqlite]",
        engine("again", "    if state in DELIVERED:\n        return Fate.ACCEPTED\n"),
        engine(
            "again",
            "    if state not in AGAIN or (state == State.WAITING and row.code in _NOT_SOONER):\n"
            "        return Fate.ON_ITS_WAY\n",
        ),
    ),
    cut(
        "inquiries: ON CONFLICT",
        "A reference that a platform gives out twice stops the outcomes of its batch from being recorded.",
        "store/test_safeguards.py::test_a_reference_that_comes_twice_is_asked_about_once[sqlite]",
        engine("inquiry", '    .on_conflict_do_nothing(index_elements=["connection_id", "reference"])\n'),
    ),
    cut(
        "inquiries: taken by one worker",
        "Every worker asks the same question.",
        "store/test_inquiry.py::test_a_question_is_taken_by_one_worker_and_taken_over_when_that_one_dies[sqlite]",
        engine("inquiry", "until=now + TAKEN_FOR)", "until=now)"),
    ),
    cut(
        "inquiries: closed once",
        "An answer that comes twice sends a conversion again a second time.",
        "store/test_safeguards.py::test_an_answer_that_comes_twice_counts_once[sqlite]",
        engine(
            "inquiry",
            '.where(_I.id == bindparam("of_inquiry"), _I.state == constant("open"))',
            '.where(_I.id == bindparam("of_inquiry"))',
        ),
    ),
    cut(
        "inquiries: what has moved on is left alone",
        "A late answer overwrites what a person or another try has made of a conversion.",
        "store/test_inquiry.py::test_a_delivery_that_has_moved_on_is_left_alone[sqlite]",
        engine(
            "inquiry",
            '.where(IdsIn(_D.id, "ids"), _D.state == constant(State.ACCEPTED))',
            '.where(IdsIn(_D.id, "ids"))',
        ),
    ),
    cut(
        "inquiries: what was mended since stops nothing",
        "A connection that a person has mended is stopped again by each answer about what was sent before.",
        "store/test_inquiry.py::test_what_is_said_late_of_what_a_person_has_mended_since_stops_nothing[sqlite]",
        engine("inquiry", " and not incidents.mended_since(tx, inquiry.connection_id, inquiry.sent_at)"),
    ),
    cut(
        "inquiries: what is asked for again ends with the days of its tries",
        "A conversion that a platform can never process is sent every few hours until its window closes.",
        "store/test_inquiry.py::test_what_is_asked_for_again_and_again_ends_with_the_days_of_its_tries[sqlite]",
        engine(
            "inquiry",
            "shown + delay > (retry_until if delivery.retry_until is None else delivery.retry_until)",
            "False",
        ),
    ),
    cut(
        "order per lead: what is to be sent again goes first",
        "A conversion that its platform asks for again overtakes, or is overtaken by, the next one of its lead.",
        "store/test_safeguards.py::test_what_is_to_be_sent_again_goes_before_what_was_to_follow_it[sqlite-False]",
        engine("inquiry", "        cut_in(tx, inquiry.connection_id, returning, now)\n", "        pass\n"),
    ),
    cut(
        "inquiries: a platform that asks for a pause gets it",
        "Conversions are sent, and other questions put, in the pause that a question was answered with.",
        "store/test_inquiry.py::test_a_platform_that_asks_to_be_left_alone_is_asked_nothing_and_sent_nothing[sqlite]",
        engine(
            "inquirer",
            "                asked_to_wait(tx, one.connection_id, outcome=trouble, now=tx.now())\n",
            "                pass\n",
        ),
    ),
    cut(
        "inquiries: a held connection is asked when it goes on",
        "A question is given up because of credentials that were mended a day too late.",
        "store/test_inquiry.py::test_a_held_connection_is_asked_when_it_goes_on[sqlite]",
        engine(
            "inquirer",
            "if connection.state != ConnectionState.ACTIVE and connection.hold_reason != BY_A_PERSON:",
            "if False:",
        ),
    ),
    cut(
        "inquiries: only a platform that has answered is given up",
        "A question is given up at the first failure after a day, though nobody has answered it.",
        "store/test_inquiry.py::test_a_held_connection_is_asked_when_it_goes_on[sqlite]",
        engine("inquiry", "if soon or (trouble is not None and trouble.scope == Scope.DESTINATION):", "if soon:"),
    ),
    cut(
        "inquiries: without a token one finds that out for all",
        "A token that is refused is asked for again by each question.",
        "store/test_inquiry.py::test_without_a_token_one_question_finds_that_out_for_all[sqlite]",
        engine("inquirer", "return not away and answer.reason is None", "return True"),
    ),
    cut(
        "inquiries: one odd answer keeps no other from being asked",
        "What cannot be read of one connection leaves what became of all others unknown.",
        "store/test_inquiry.py::test_an_answer_that_cannot_be_read_at_all_is_asked_for_again[sqlite]",
        engine(
            "inquirer",
            "_read(status, response, len(one.deliveries), destination.slug)",
            "status.read(response, len(one.deliveries))",
        ),
    ),
    cut(
        "inquiries: closed when nobody can be asked",
        "A question that no platform can be asked any more is taken up again and again, for ever.",
        "store/test_inquiry.py::test_a_question_that_nobody_can_be_asked_any_more_is_closed[sqlite-unknown]",
        engine("inquirer", "            await self._db.write(lambda tx: inquiry.close(tx, one))\n"),
    ),
    cut(
        "pause: not over what something else holds",
        "A person who pauses and resumes a connection sends to it with dead credentials.",
        "store/test_operations.py::test_what_the_engine_holds_is_no_pause_and_stays_held[sqlite]",
        engine("operations", "if held and found.hold_reason != BY_A_PERSON:", "if False:"),
    ),
    cut(
        "retry: not after the window",
        "What is too old for its platform is queued again and said to be sent.",
        "store/test_operations.py::test_what_is_too_old_stays_as_it_is[sqlite]",
        engine("again", "    if row.closes_at <= now:\n        return Fate.TOO_OLD\n"),
    ),
    cut(
        "retry: not for another account",
        "What was rated for an account that is connected no more is queued again and said to be sent.",
        "api/test_conversions.py::test_the_plan_says_of_each_what_would_become_of_it_and_moves_nothing[sqlite]",
        engine(
            "again",
            "    if connection is not None and row.account != _account(connection):\n"
            "        return Fate.OTHER_ACCOUNT\n",
        ),
    ),
    cut(
        "take-backs: what may have arrived is not just forgotten",
        "A try whose end nobody knows counts at the platform for a lead that turned out lost.",
        "unit/test_take_back.py::test_what_may_have_arrived_is_not_just_forgotten",
        engine("take_back", "first.id in unsure or one.restatements", "one.restatements"),
    ),
    cut(
        "retry: what counts once is counted once",
        "An old conversion is sent again beside the one that was made since for the same lead and label.",
        "store/test_operations.py::"
        "test_what_has_converted_since_under_a_label_that_counts_once_is_not_sent_again[sqlite-convert_once]",
        engine("again", "        elif row.id in converted and fate in SENT:\n            fate = Fate.CONVERTED\n"),
    ),
    cut(
        "retry: lock of the leads",
        "A rating and an order to send again at the same moment each send a conversion that counts once.",
        "store/test_locks.py::test_an_order_to_send_again_waits_for_the_rating_that_was_first",
        engine(
            "operations",
            "    tx.all(_LOCK_LEADS, of_project=project.id, lead_ids=sorted({int(row.lead_id) for row in rows}))\n",
        ),
    ),
    cut(
        "attempts: one for each takeover",
        "What a dead worker sent is in no receipt, and a person is told that it was never sent.",
        "store/test_operations.py::"
        "test_what_a_worker_died_with_may_have_arrived_and_stays_so_when_it_is_asked_for_again[sqlite]",
        engine("housekeeping", "        _write_attempts(tx, left, now)\n"),
    ),
    cut(
        "incidents: ON CONFLICT",
        "Of many workers that see a fault at once all but one fail to record it.",
        "store/test_incidents.py::test_many_that_look_at_once_open_one_of_each",
        engine(
            "incidents/changes",
            '        .on_conflict_do_nothing(index_elements=["connection_id", "kind"], '
            "index_where=_I.recovered_at.is_(None))\n",
        ),
    ),
    cut(
        "incidents: unique index",
        "One fault is told of once for each worker.",
        "store/test_incidents.py::test_many_that_look_at_once_open_one_of_each",
        Edit(
            "src/leadtrackr/db/migrations/versions/0001_first.py",
            '        ["connection_id", "kind"],\n        unique=True,\n',
            '        ["connection_id", "kind"],\n        unique=False,\n',
        ),
        engine(
            "incidents/changes",
            '        .on_conflict_do_nothing(index_elements=["connection_id", "kind"], '
            "index_where=_I.recovered_at.is_(None))\n",
        ),
    ),
)
