"""Safeguards of the storage, of ratings and of the keys."""

from typing import Final

from tests.faults.removals.model import Edit, Removal, cut, engine

_SQLITE: Final = "src/leadtrackr/db/sqlite.py"
_CHECKPOINT: Final = "src/leadtrackr/db/checkpoint.py"
_POSTGRES: Final = "src/leadtrackr/db/postgres.py"
_TABLES: Final = "src/leadtrackr/db/tables.py"
_MIGRATION: Final = "src/leadtrackr/db/migrations/versions/0001_first.py"


def _index(name: str, table: str, columns: str, where: str) -> Edit:
    """Makes a unique index of the migration an ordinary one."""
    head = f'        "{name}",\n        "{table}",\n        {columns},\n'
    return Edit(_MIGRATION, f"{head}        unique=True,\n{where}", f"{head}        unique=False,\n{where}")


STORAGE: Final[tuple[Removal, ...]] = (
    cut(
        "SQLite's log: rest after a look that brought nothing",
        "Beside a long reader the log is looked through at every commit.",
        "store/test_checkpoint.py::test_a_log_that_a_reader_holds_is_not_looked_through_at_every_commit",
        Edit(_CHECKPOINT, "self._closing.wait(min(REST_S, REST * (time.monotonic() - started)))", "pass"),
    ),
    cut(
        "one pending job per lead: unique index",
        "Two ratings of a lead at once make two jobs.",
        "store/test_status_change.py::test_the_index_alone_refuses_a_second_pending_job[sqlite]",
        Edit(
            _TABLES,
            """_partial("uq_jobs_pending", "lead_id", where="state = 'pending'", unique=True)""",
            """_partial("uq_jobs_pending", "lead_id", where="state = 'pending'")""",
        ),
        _index("uq_jobs_pending", "jobs", '["lead_id"]', ""),
        engine(
            "queries",
            '    .on_conflict_do_nothing(index_elements=["lead_id"], '
            "index_where=_J.state == constant(JobState.PENDING))\n",
        ),
        quick=True,
    ),
    cut(
        "one pending job per lead: ON CONFLICT",
        "The loser of two ratings at once gets a 500 instead of a 409.",
        "store/test_status_change.py::test_of_many_ratings_from_two_processes_exactly_one_is_taken",
        engine(
            "queries",
            '    .on_conflict_do_nothing(index_elements=["lead_id"], '
            "index_where=_J.state == constant(JobState.PENDING))\n",
        ),
        engine("queries", "    .with_for_update(key_share=True)\n"),
        engine("service", "    if pending:\n        raise Conflict(PENDING)\n"),
    ),
    cut(
        "409 while a job is pending",
        "A lead is opened again, or its price changed, while its rating is being sent.",
        "store/test_status_change.py::test_opening_a_lead_while_it_is_being_rated_is_a_conflict",
        engine("service", "    if pending:\n        raise Conflict(PENDING)\n"),
    ),
    cut(
        "lock of the lead during a status change",
        "A status change that began earlier writes an old price back, or opens a lead that is pending.",
        "store/test_status_change.py::test_a_rating_without_a_price_never_writes_an_old_one_back",
        engine("queries", "    .with_for_update(key_share=True)\n"),
    ),
    cut(
        "idempotency keys: ON CONFLICT",
        "A request repeated with its key gets an error instead of the first answer.",
        "store/test_status_change.py::test_the_same_key_and_body_give_the_first_answer_again[sqlite]",
        engine("queries", '    .on_conflict_do_nothing(index_elements=["project_id", "key"])\n'),
        quick=True,
    ),
    cut(
        "idempotency keys: the body's hash",
        "Another request under a used key is answered as if it had been done.",
        "store/test_status_change.py::test_the_same_key_with_another_body_is_a_conflict[sqlite]",
        engine("service", "if kept.body_hash != body_hash:", "if False:"),
    ),
    cut(
        "SQLite: BEGIN IMMEDIATE",
        "A transaction that reads first and writes later is refused as busy in its middle.",
        "store/test_commits.py::test_sqlite_takes_its_write_lock_at_the_start",
        Edit(_SQLITE, '"BEGIN IMMEDIATE"', '"BEGIN"'),
        quick=True,
    ),
    cut(
        "SQLite: lock on a side file",
        "A second server on the same file takes over what the first one is sending.",
        "store/test_commits.py::test_a_second_owner_of_a_sqlite_file_is_refused_with_what_to_do",
        Edit(_SQLITE, "self._lock = _own(path) if owner else None", "self._lock = None"),
    ),
    cut(
        "SQLite: busy_timeout",
        "A backup that holds the file for a moment makes a rating fail.",
        "store/test_commits.py::test_sqlite_is_durable_and_waits_for_locks",
        Edit(_SQLITE, "PRAGMA busy_timeout = 10000", "PRAGMA busy_timeout = 0"),
    ),
    cut(
        "SQLite: a commit waits for the disk when anything in it must",
        "A rating that shares its commit with a claim is told to be on disk and is not.",
        "store/test_commits.py::test_sqlite_waits_for_the_disk_unless_everything_in_a_commit_can_do_without",
        Edit(_SQLITE, "any(item.durable for item in group)", "all(item.durable for item in group)"),
    ),
    cut(
        "SQLite: synchronous = FULL",
        "A power cut takes ratings with it that were answered with 201.",
        "store/test_commits.py::test_sqlite_is_durable_and_waits_for_locks",
        Edit(_SQLITE, "PRAGMA synchronous = FULL", "PRAGMA synchronous = NORMAL"),
    ),
    cut(
        "SQLite: what failed after it had written",
        "One request that fails keeps half of what it wrote.",
        "store/test_commits.py::test_one_failing_piece_of_work_takes_nothing_of_the_others_with_it[sqlite]",
        Edit(
            _SQLITE,
            "                if connection.total_changes > before:\n                    return item\n",
        ),
    ),
    cut(
        "SQLite: a savepoint for each piece of work",
        "One request that fails undoes or keeps half of the others that share its commit.",
        "store/test_commits.py::test_a_statement_that_fails_takes_nothing_of_the_others_with_it[sqlite]",
        Edit(_SQLITE, '            connection.execute("ROLLBACK TO one")\n'),
    ),
    cut(
        "SQLite: readers cannot write",
        "A read that writes does so beside the one writer.",
        "store/test_commits.py::test_reading_work_cannot_write[sqlite]",
        Edit(_SQLITE, '    if query_only:\n        connection.execute("PRAGMA query_only = ON")\n'),
    ),
    cut(
        "PostgreSQL: a deadlock's victim begins again",
        "Of two transactions in each other's way one fails with a 500.",
        "store/test_commits.py::test_a_deadlock_is_begun_again_and_seen_by_nobody",
        Edit(_POSTGRES, "TRIES: Final = 5", "TRIES: Final = 1"),
    ),
    cut(
        "PostgreSQL: the fate of a COMMIT without an answer",
        "A rating that is on disk is answered with 503, and the client's repeat with 409.",
        "store/test_postgres.py::test_commit_that_was_never_answered_is_found_to_be_on_disk",
        Edit(_POSTGRES, "or not self._is_committed(tx.number, tx.now())", "or True"),
    ),
    cut(
        "PostgreSQL: a transaction that stands still ends",
        "A process that stopped in the middle of a transaction keeps its locks for as long as its connection lives.",
        "store/test_postgres.py::test_every_connection_of_the_pool_is_told_what_it_may_do_and_for_how_long",
        Edit(_POSTGRES, "-c idle_in_transaction_session_timeout=30000 "),
    ),
    cut(
        "PostgreSQL: the time is the server's",
        "Hosts whose clocks differ take each other's leases for ended, or for lasting.",
        "store/test_clocks.py::test_the_time_of_a_transaction_is_the_servers_own",
        Edit(_POSTGRES, "if isinstance(self._clock, SystemClock):", "if False:"),
    ),
    cut(
        "a project is furnished by one at a time",
        "Who makes a label or a connection at the same moment as another gets an error that says nothing.",
        "store/test_locks.py::test_two_labels_of_one_name_at_once_are_one_label",
        Edit("src/leadtrackr/accounts/service.py", "    queries.lock(tx, project.id)\n"),
    ),
)
