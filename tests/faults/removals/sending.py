"""Safeguards of sending: what may go, how answers are read, breaker, limits, tries."""

from typing import Final

from tests.faults.removals.model import Edit, Removal, cut, engine

SENDING: Final[tuple[Removal, ...]] = (
    cut(
        "expiry at send",
        "What closes while it stands in line is sent after its window.",
        "store/test_drain.py::test_what_closes_while_it_stands_in_line_is_not_sent[sqlite]",
        engine("sender", "self._in_time(sending, todo.popleft())", "todo.popleft()"),
    ),
    cut(
        "window check at send: by the database's clock",
        "A host whose clock is wrong gives conversions up too early, or sends what is too old.",
        "store/test_clocks.py::test_what_is_in_its_window_is_sent_and_what_is_past_it_is_not[sqlite-behind]",
        engine("sender", "now = started_at + sending.batch.offset_us", "now = started_at"),
    ),
    cut(
        "account check",
        "What was rated for one account is sent to another one that was connected since.",
        "store/test_operations.py::"
        "test_what_was_rated_for_another_account_is_not_sent_to_the_new_one_and_can_be_sent_to_the_old[sqlite]",
        engine("sender", "if delivery.account == account]", "]"),
        engine("sender", "if delivery.account != account]", "if False]"),
    ),
    cut(
        "one action in one request",
        "A platform that takes one action in a request counts the others under the first.",
        "unit/test_sender.py::test_batches_keep_to_the_platforms_limits",
        engine(
            "sender",
            "setdefault((one.action, one.takes_back is None), [])",
            'setdefault(("", one.takes_back is None), [])',
        ),
    ),
    cut(
        "take-backs in requests of their own",
        "A take-back is sent as a conversion, or the other way round.",
        "unit/test_sender.py::test_take_backs_go_in_requests_of_their_own_under_the_conversions_id",
        engine("sender", "setdefault((one.action, one.takes_back is None), [])", "setdefault((one.action, True), [])"),
    ),
    cut(
        "limit of bytes of a request",
        "A platform refuses a whole batch for its size.",
        "unit/test_sender.py::test_batches_keep_to_the_platforms_limits",
        engine(
            "sender",
            "if request is None or len(request.body) > batch.destination.limits.batch_bytes:",
            "if request is None:",
        ),
    ),
    cut(
        "limit of events of a request",
        "A platform refuses a whole batch for the number of its events.",
        "unit/test_sender.py::test_batches_keep_to_the_platforms_limits",
        engine("sender", "_chunks(group, batch.destination.limits.batch_events)", "[group]"),
    ),
    cut(
        "headers that are kept: secret values masked",
        "Who may read receipts reads the access tokens of the platforms.",
        "unit/test_masking.py::test_every_header_is_named_and_only_known_harmless_values_are_kept[Authorization-hush-***]",
        engine("masking", '    return f"{scheme[1]} {MASK}" if scheme else MASK\n', "    return value\n"),
    ),
    cut(
        "bodies that are kept: personal values masked",
        "Plain personal data of each lead stands in the log of the tries as well.",
        "unit/test_masking.py::test_plain_values_under_the_keys_are_masked_wherever_they_stand",
        engine("masking", 'found.sub(rf\'"\\1":"{MASK}"\', text)', "text"),
    ),
    cut(
        "secrets that cannot be read hold their connection",
        "With the wrong key nothing is sent, nobody is told, and leads stay pending.",
        "store/test_worker.py::test_secrets_that_cannot_be_read_hold_the_connection[sqlite]",
        engine(
            "drain",
            '            hold.hold_connection(tx, connection.id, reason="configuration", '
            "outcome=outcome, now=tx.now())\n",
        ),
    ),
    cut(
        "consent check at send",
        "Personal data of a lead that has denied it leaves.",
        "store/test_safeguards.py::test_what_consent_denies_is_in_no_request[sqlite]",
        engine("sender", "lead=permitted(lead),", "lead=lead,"),
    ),
    cut(
        "consent check when a rating is planned",
        "What consent forbids is queued, though it can never be sent.",
        "unit/test_planning.py::test_denied_consent_is_told_from_data_that_was_never_there",
        engine("planning", "data = permitted(rating.lead)", "data = rating.lead"),
    ),
    cut(
        "an odd lead is narrowed down",
        "One lead whose event cannot be built stops all that share its batch.",
        "unit/test_sender.py::test_a_lead_that_cannot_be_built_stops_no_other",
        engine(
            "sender",
            "            if len(piece) > 1:\n                return [], _halves(piece)\n            code = ",
            "            code = ",
        ),
    ),
    cut(
        "per-item outcomes: as many as events",
        "An answer with too few or too many outcomes is pinned on the wrong deliveries.",
        "unit/test_sender.py::test_an_answer_that_makes_no_sense_leaves_all_of_it_unknown[answer0]",
        engine("sender", "if isinstance(verdict, PerEvent) and len(verdict.outcomes) != n:", "if False:"),
        quick=True,
    ),
    cut(
        "per-item outcomes: by index",
        "Outcomes that come in another order are pinned on the wrong deliveries.",
        "unit/test_sender.py::test_an_outcome_is_never_on_the_wrong_delivery",
        Edit(
            "src/leadtrackr/destinations/contract/answers.py",
            "PerEvent(tuple(found[index] for index in range(n)))",
            "PerEvent(tuple(found.values()))",
        ),
    ),
    cut(
        "named refusals: by index",
        "The first events of a batch are rejected for the one that the platform has named.",
        "unit/test_sender.py::test_a_named_poison_event_costs_one_request_more",
        engine("sender", "chosen = [piece[index] for index in named]", "chosen = list(piece[: len(named)])"),
    ),
    cut(
        "per-item outcomes: each index once",
        "Of an event that is named twice the last outcome counts, whatever became of the one that is not named.",
        "unit/test_sender.py::test_an_outcome_is_never_on_the_wrong_delivery",
        Edit(
            "src/leadtrackr/destinations/contract/answers.py",
            "if index in found or not 0 <= index < n:",
            "if not 0 <= index < n:",
        ),
    ),
    cut(
        "named refusals: only places of ours",
        "A place outside the batch stops the worker, or names an innocent from the end.",
        "unit/test_sender.py::test_a_named_place_that_is_none_of_ours_names_nothing[named1]",
        engine("sender", "not all(0 <= index < n for index in verdict.named)", "False"),
    ),
    cut(
        "bisection",
        "One bad event of a thousand that nobody names costs all of them.",
        "unit/test_sender.py::test_one_poison_event_that_nobody_names_is_found_in_few_requests[1000-0-21]",
        engine(
            "sender",
            "            if len(piece) > 1:\n                return [], _halves(piece)\n            verdict = ",
            "            verdict = ",
        ),
    ),
    cut(
        "a token is renewed once",
        "A platform that refuses every token is asked for ever.",
        "unit/test_sender.py::test_a_fresh_token_that_is_refused_holds_the_connection",
        engine(
            "sender",
            "            if not part.renewed_token:\n                part.renewed_token = True\n"
            "                return [], [piece]\n",
            "            if not part.renewed_token:\n                return [], [piece]\n",
        ),
    ),
    cut(
        "another look after a drain that was at work",
        "A rating that comes as a drain ends waits for the next look.",
        "store/test_worker.py::test_a_rating_at_the_very_end_of_a_drain_is_delivered_at_once[sqlite]",
        engine("worker", "self._asked_again.add(connection_id)", "pass"),
    ),
    cut(
        "requests built ahead: the token of their turn",
        "A request that was built ahead goes out with a token that has been refused meanwhile.",
        "unit/test_sender.py::test_a_request_that_was_built_ahead_is_sent_only_if_it_is_still_right",
        engine("sender", " or draft.token != token"),
    ),
    cut(
        "nothing more after a failure of the whole destination",
        "A platform that has just failed gets the rest of the lot all the same.",
        "unit/test_sender.py::test_a_destination_that_fails_in_the_middle_costs_the_rest_nothing",
        engine("sender", "        if sending.failure is not None:\n", "        if False:\n"),
    ),
    cut(
        "attempt refund",
        "A platform that is down for a day uses up the tries of everything.",
        "unit/test_record_rules.py::test_a_failing_destination_burns_no_try_and_waits_for_its_pause[retry]",
        engine(
            "record", "outcome.code, detail, paused_until or now, 0)", "outcome.code, detail, paused_until or now, 1)"
        ),
        quick=True,
    ),
    cut(
        "attempt refund, on PostgreSQL",
        "There too a platform that is down for a day uses up the tries of everything.",
        "store/test_record.py::test_each_attempt_is_kept_and_a_failure_of_the_destination_costs_no_try[postgresql]",
        engine(
            "record", "outcome.code, detail, paused_until or now, 0)", "outcome.code, detail, paused_until or now, 1)"
        ),
        quick=True,
    ),
    cut(
        "no try after the window",
        "A retry is put after the end of the platform's window.",
        "unit/test_record_rules.py::test_there_is_no_try_at_or_after_the_end_of_the_window[retry]",
        engine("record", "    if now + delay >= delivery.closes_at:\n", "    if False:\n"),
    ),
    cut(
        "no try after the time for tries",
        "What a platform will never take is tried until its window closes, for months.",
        "unit/test_record_rules.py::test_tries_are_over_when_the_next_one_would_come_after_their_end[1-retry]",
        engine(
            "record",
            "    if shown + delay > (retry_until if delivery.retry_until is None else delivery.retry_until):\n",
            "    if False:\n",
        ),
    ),
    cut(
        "time for tries: from the first failure",
        "Each failure gives three days more.",
        "store/test_time_for_tries.py::test_the_end_itself_is_in_time_and_a_moment_later_is_not[sqlite]",
        engine("record", 'func.coalesce(_D.retry_until, bindparam("new_retry_until"))', 'bindparam("new_retry_until")'),
    ),
    cut(
        "time for tries: none passes in a pause",
        "A platform that is down for three days uses up the time of all that failed before.",
        "store/test_time_for_tries.py::test_time_stands_still_while_its_connection_is_paused[sqlite]",
        engine("hold", '        stood_still=_shows_the_same(bindparam("until")),\n'),
        quick=True,
    ),
    cut(
        "time for tries: a pause that ends early",
        "A pause of days that a person ends leaves more time for tries than there is.",
        "store/test_time_for_tries.py::test_so_does_a_pause_that_ends_because_the_platform_has_taken_something[sqlite]",
        engine("hold", "        stood_still=_shows_the_same(_SINCE),\n"),
    ),
    cut(
        "time for tries: none passes while held",
        "Credentials that are mended after three days find nothing left to be tried again.",
        "store/test_time_for_tries.py::test_time_stands_still_while_it_is_held[sqlite]",
        engine("hold", '        stood_still=_shows_the_same(bindparam("now")),\n'),
    ),
    cut(
        "time for tries: a hold that is said twice",
        "Each answer that says again that credentials are dead takes the time since the first one.",
        "store/test_time_for_tries.py::test_a_hold_that_is_said_twice_began_the_first_time[sqlite]",
        engine("hold", '"held_at": _SINCE', '"held_at": bindparam("now")'),
    ),
    cut(
        "time for tries: anew for a person",
        "What was tried for three days and is asked for again has a single try.",
        "store/test_time_for_tries.py::test_a_person_who_asks_for_it_again_gives_it_the_whole_time[sqlite-over]",
        engine("operations", "        retry_until=None,\n"),
    ),
    cut(
        "jitter of retries",
        "What failed together comes back at the same moment, from every server.",
        "unit/test_schedule.py::test_full_jitter_between_a_second_and_the_whole_delay",
        engine("schedule", "int(_longest(tries) * fraction)", "_longest(tries)"),
        quick=True,
    ),
    cut(
        "jitter of pauses",
        "Every worker knocks at a platform that was down at the same moment.",
        "unit/test_schedule.py::test_a_pause_spreads_over_half_of_its_step",
        engine("schedule", "longest // 2 + int(longest * fraction / 2)", "longest"),
    ),
    cut(
        "jitter of polls",
        "Workers that were started together look at the database together for ever.",
        "store/test_safeguards.py::test_looks_of_idle_workers_drift_apart[sqlite]",
        engine("worker", " * (0.75 + self._ids.fraction() / 2)"),
    ),
    cut(
        "jitter is drawn anew for each batch",
        "Retries of different batches fall on one moment.",
        "store/test_safeguards.py::test_batches_that_failed_alike_are_tried_again_at_different_times[sqlite]",
        engine("record", "    jitter = fraction()\n", "    jitter = 0.5\n"),
    ),
    cut(
        "breaker: the pause is kept to",
        "A platform that asked for a pause is called inside it.",
        "store/test_safeguards.py::test_what_is_left_in_the_queue_is_not_sent_inside_a_pause[sqlite]",
        engine(
            "drain",
            "        if connection.paused_until is not None and connection.paused_until > tx.now():\n"
            "            return None\n",
        ),
    ),
    cut(
        "breaker: the longest pause of requests under way",
        "A platform that asked for an hour is called sooner, since another request just failed.",
        "store/test_record.py::test_of_several_requests_the_longest_pause_is_kept[sqlite]",
        engine("record", "max(failed, key=lambda one: one.retry_after_s or 0.0)", "failed[0]"),
    ),
    cut(
        "breaker: a longer pause is not cut short",
        "A platform that asked for an hour is called sooner, since a request of another lot failed after it.",
        "store/test_hold.py::test_a_pause_that_was_asked_for_is_not_cut_short_by_another_failure[sqlite]",
        engine("hold", "if row is not None and (row.paused_until or 0) > until:", "if False:"),
    ),
    cut(
        "breaker: one probe at a time",
        "Each worker, and each lot, tries a platform that is down.",
        "store/test_safeguards.py::test_nothing_is_probed_while_something_is_on_its_way[sqlite]",
        engine("drain", "if probing and claim.any_sends(tx, self._connection_id):", "if False:"),
    ),
    cut(
        "breaker: a probe is one request",
        "A platform that comes back meets a whole lot at once.",
        "store/test_drain.py::test_a_probe_is_a_single_request[sqlite]",
        engine("drain", "allowance.take(tx, 1 if probing else needed)", "allowance.take(tx, needed)"),
        engine("drain", "    if batch.connection.failures > 0:\n        return min(lots.LOT, limits.batch_events)\n"),
    ),
    cut(
        "breaker: the connection's row is locked while it is claimed",
        "Two workers find a connection free at the same moment, and both send or probe.",
        "store/test_locks.py::test_two_workers_that_claim_at_once_are_one_after_the_other",
        engine("connections", ".with_for_update(of=connections, key_share=True)"),
        quick=True,
    ),
    cut(
        "breaker: failures are counted under a lock",
        "Of many workers that find a platform down at once one is counted, and the pauses do not grow.",
        "store/test_locks.py::test_two_failures_at_once_are_counted_as_two",
        engine("hold", ".where(_OF_THIS).with_for_update(key_share=True)", ".where(_OF_THIS)"),
    ),
    cut(
        "one worker at a time for each connection",
        "Requests under way add up over workers to more than the platform allows.",
        "store/test_drain.py::test_another_workers_lease_keeps_a_connection_until_it_ends[sqlite]",
        engine("drain", " or claim.others_send(tx, self._connection_id, means.owner)"),
    ),
    cut(
        "one drain at a time for each connection in a worker",
        "Requests under way add up over looks to more than the platform allows.",
        "store/test_worker.py::test_a_connection_has_one_drain_in_a_worker[sqlite]",
        engine("worker", "            if connection_id in self._draining:\n", "            if False:\n"),
    ),
    cut(
        "rate limit at claim",
        "What the platform does not allow now is leased, and keeps its leads pending.",
        "store/test_safeguards.py::test_no_more_is_leased_than_the_limit_allows[sqlite]",
        engine("drain", "lot if granted >= needed else lots.within(lot, size, granted)", "lot"),
    ),
    cut(
        "rate limit at each request",
        "Refusals that are narrowed down go beyond the platform's limit.",
        "store/test_drain.py::test_refusals_narrowed_down_stay_within_the_limit[sqlite]",
        engine("drain", " and await lot.allowance.spend(self._means.db, still_ours)"),
    ),
    cut(
        "rate limit: a grant is for now",
        "What was granted long ago is sent together with what is granted now.",
        "store/test_safeguards.py::test_a_grant_that_is_old_is_given_back_and_not_spent[sqlite]",
        engine(
            "allowance",
            "        if self._left and age_us > min(limit.tolerance_us for limit in self._limits):\n",
            "        if False:\n",
        ),
    ),
    cut(
        "rate limit: a grant grows old by the database's clock",
        "A host whose clock is ahead asks anew before each request, and one whose clock is behind spends old grants.",
        "store/test_clocks.py::test_what_is_granted_is_spent_without_asking_again_until_it_is_old[sqlite-behind]",
        engine(
            "allowance",
            "self._clock.now() + self._offset_us - self._granted_at",
            "self._clock.now() - self._granted_at",
        ),
    ),
    cut(
        "rate limit: FOR UPDATE",
        "Two workers take the same requests.",
        "store/test_rates.py::test_a_taker_waits_for_the_one_before_to_commit[all are there]",
        engine("rates", "order_by(_B.period_s).with_for_update()", "order_by(_B.period_s)"),
        engine("rates", '        where=_B.full_until == bindparam("seen"),\n'),
    ),
    cut(
        "rate limit: ON CONFLICT only where nobody else wrote",
        "The first takers of a day overwrite each other's buckets.",
        "store/test_rates.py::test_a_taker_waits_for_the_one_before_to_commit[one is missing]",
        engine("rates", '        where=_B.full_until == bindparam("seen"),\n'),
    ),
    cut(
        "a hold that comes late",
        "A connection that a person has just mended is held again for its old credentials.",
        "store/test_hold.py::test_a_hold_that_comes_late_does_not_stop_a_connection_that_was_mended_meanwhile[sqlite]",
        engine("record", "if hold is not None and _is_as_it_was(tx, connection):", "if hold is not None:"),
    ),
)
