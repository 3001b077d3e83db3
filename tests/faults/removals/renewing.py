"""Safeguards of refresh tokens that are good for one use."""

from typing import Final

from tests.faults.removals.model import Removal, cut, engine

_OF: Final = "store/test_renewal.py::"

RENEWING: Final[tuple[Removal, ...]] = (
    cut(
        "refresh tokens: one process at a time",
        "Two processes use one refresh token; one of them is refused, and the connection is held.",
        f"{_OF}test_processes_that_need_one_at_once_take_turns[sqlite]",
        engine("renewal", " or (connection.renewing_until or 0) > now", ""),
    ),
    cut(
        "refresh tokens: whoever is stopped stores first",
        "A worker that is stopped between the platform's answer and the write loses the newest token.",
        f"{_OF}test_whoever_is_stopped_in_the_middle_stores_the_answer_first[sqlite]",
        engine("tokens", "await asyncio.shield(task)", "await task"),
    ),
    cut(
        "refresh tokens: only over what it came of",
        "A token of the old credentials is written over those that a person has just entered.",
        f"{_OF}test_what_a_person_enters_meanwhile_stays[sqlite]",
        engine("renewal", "settings.get(rotates) == turn.settings.get(rotates)", "True"),
    ),
    cut(
        "refresh tokens: a person's change reads under the lock",
        "A person who changes another setting writes the old refresh token back.",
        "store/test_locks.py::test_a_person_who_changes_a_setting_does_not_write_an_old_refresh_token_over_the_new_one",
        engine(
            "connections", ".with_for_update(\n        of=connections, key_share=True\n    )\n)\n_MADE", "\n)\n_MADE"
        ),
    ),
    cut(
        "refresh tokens: the access token outlives them",
        "Each process that renews makes the others renew too, over and over.",
        f"{_OF}test_an_access_token_outlives_the_refresh_token_that_it_came_with[sqlite]",
        engine("tokens", " if name != auth.rotates)", ")"),
    ),
    cut(
        "an access token that ended early is renewed",
        "A connection is held although its refresh token is good.",
        "store/test_sign_in_elsewhere.py::"
        "test_an_access_token_that_ends_early_is_renewed_where_it_can_be[sqlite-True-accepted]",
        engine("sender", "code in auth.renewed_on", "False"),
    ),
)
