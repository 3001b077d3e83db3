"""Google's later answers: what is certain is said of each event, and what is not is pinned on none.

Shapes follow the reference of `requestStatus:retrieve` and the page "Diagnostics" of the Data Manager API.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from leadtrackr.destinations.contract import (
    Kind,
    Known,
    NeverKnown,
    NotYet,
    OnlyCounts,
    Response,
    StatusAnswer,
)
from leadtrackr.destinations.google_ads import GOOGLE_ADS
from leadtrackr.destinations.google_ads.codes import CODES
from leadtrackr.destinations.google_ads.processing import PROCESSING
from leadtrackr.destinations.google_ads.status import GOOGLE_STATUS, read
from tests.destinations.making import SETTINGS, answer, names, said

P = "PROCESSING_ERROR_REASON_"
SIX_HOURS = 6 * 3600


def count(reason: str, number: object, indices: object = None) -> dict[str, Any]:
    """One entry of errorCounts or warningCounts; None leaves a field out."""
    found = {"reason": reason, "recordCount": number, "recordIndices": indices}
    return {name: value for name, value in found.items() if value is not None}


def one(word: str, n: object = None, *errors: dict[str, Any], warnings: Sequence[Any] = ()) -> dict[str, Any]:
    """The status of one destination."""
    found: dict[str, Any] = {"destination": {"productDestinationId": "1"}, "requestStatus": word}
    if n is not None:
        found["eventsIngestionStatus"] = {"recordCount": n}
    if errors:
        found["errorInfo"] = {"errorCounts": list(errors)}
    if warnings:
        found["warningInfo"] = {"warningCounts": list(warnings)}
    return found


def status(*destinations: dict[str, Any]) -> Response:
    """An answer about these destinations."""
    return answer(200, {"requestStatusPerDestination": list(destinations)})


def codes(found: StatusAnswer) -> list[str]:
    """The code of each event."""
    assert isinstance(found, Known)
    return [outcome.code for outcome in found.outcomes]


def test_the_question() -> None:
    request = GOOGLE_STATUS.request("CAES+/=&?", SETTINGS["google_ads"], "tok")
    assert request.url == ("https://datamanager.googleapis.com/v1/requestStatus:retrieve?requestId=CAES%2B%2F%3D%26%3F")
    assert (request.method, request.service, request.headers) == ("GET", "google_ads", {"authorization": "Bearer tok"})


def test_the_times() -> None:
    """Half an hour, then twice as long each time: seven questions within a day."""
    at, asked = GOOGLE_STATUS.first_after_s, 0
    waits = [*GOOGLE_STATUS.again_after_s, *[GOOGLE_STATUS.again_after_s[-1]] * 100]
    assert (at, GOOGLE_STATUS.give_up_after_s) == (1800, 86400)
    while at <= GOOGLE_STATUS.give_up_after_s:
        at, asked = at + waits[asked], asked + 1
    assert asked == 7


@pytest.mark.parametrize("word", ["PROCESSING", "REQUEST_STATUS_UNKNOWN"])
def test_not_yet(word: str) -> None:
    assert read(status(one(word)), 3) == NotYet()
    assert read(status(one("SUCCESS", "3"), one(word)), 3) == NotYet()


@pytest.mark.parametrize("n", ["3", 3, None])
def test_success_confirms_all(n: object) -> None:
    found = read(status(one("SUCCESS", n)), 3)
    assert codes(found) == ["processed"] * 3
    assert {outcome.kind for outcome in said(found)} == {Kind.CONFIRMED}


@pytest.mark.parametrize("word", ["FAILED", "FAILURE"])
@pytest.mark.parametrize("number", ["3", 3])
@pytest.mark.parametrize("indices", [None, [0, 1, 2], ["2", "0", "1"], [0]])
def test_a_failure_with_one_reason_for_all_is_certain(word: str, number: object, indices: object) -> None:
    found = read(status(one(word, "3", count(P + "CLICK_NOT_FOUND", number, indices))), 3)
    assert codes(found) == [P + "CLICK_NOT_FOUND"] * 3


@pytest.mark.parametrize("numbers", [int, str])
def test_a_partial_success_is_mapped_by_index(numbers: Any) -> None:
    errors = (
        count(P + "TOO_RECENT_CLICK", numbers(2), [numbers(4), numbers(0)]),
        count("PROCESSING_ERROR_OPERATING_ACCOUNT_MISMATCH_FOR_AD_IDENTIFIER", numbers(1), [numbers(3)]),
        count(P + "DUPLICATE_TRANSACTION_ID", numbers(1), [numbers(1)]),
    )
    found = read(status(one("PARTIAL_SUCCESS", numbers(6), *errors)), 6)
    assert [(outcome.kind, outcome.code) for outcome in said(found)] == [
        (Kind.RETRY, P + "TOO_RECENT_CLICK"),
        (Kind.CONFIRMED, P + "DUPLICATE_TRANSACTION_ID"),
        (Kind.CONFIRMED, "processed"),
        (Kind.REJECTED, "PROCESSING_ERROR_OPERATING_ACCOUNT_MISMATCH_FOR_AD_IDENTIFIER"),
        (Kind.RETRY, P + "TOO_RECENT_CLICK"),
        (Kind.CONFIRMED, "processed"),
    ]
    assert {outcome.retry_after_s for outcome in said(found) if outcome.kind is Kind.RETRY} == {SIX_HOURS}


@pytest.mark.parametrize("reason", list(PROCESSING))
def test_every_reason_has_its_outcome(reason: str) -> None:
    (found,) = said(read(status(one("FAILED", "1", count(reason, "1", [0]))), 1))
    assert (found.code, found.kind, found.hold) == (reason, CODES[reason].kind, CODES[reason].hold)
    (bare,) = said(read(status(one("FAILED", "1", count(reason.removeprefix(P), "1", [0]))), 1))
    assert bare.code == reason


def test_a_new_reason_is_rejected_with_googles_word() -> None:
    found = read(status(one("PARTIAL_SUCCESS", "2", count(P + "BRAND_NEW", "1", [1]))), 2)
    assert codes(found) == ["processed", "unexpected"]
    assert said(found)[1].kind is Kind.REJECTED
    assert said(found)[1].detail == P + "BRAND_NEW"


def test_a_terms_reason_holds_the_connection() -> None:
    reason = P + "DESTINATION_ACCOUNT_ENHANCED_CONVERSIONS_TERMS_NOT_SIGNED"
    (found,) = said(read(status(one("FAILED", "1", count(reason, "1"))), 1))
    assert (found.kind, found.hold) == (Kind.HOLD, "configuration")


GCLID, GBRAID = P + "INVALID_GCLID", P + "INVALID_GBRAID"
DOUBTFUL = [
    ("no indices", [count(GCLID, "2")], (4, 2)),
    ("too few indices", [count(GCLID, "2", [1])], (4, 2)),
    ("too many indices", [count(GCLID, "2", [1, 2, 3])], (4, 2)),
    ("an index twice", [count(GCLID, "2", [1, 1])], (4, 2)),
    ("an index in two reasons", [count(GCLID, "1", [1]), count(GBRAID, "1", [1])], (4, 2)),
    ("an index too high", [count(GCLID, "1", [6])], (5, 1)),
    ("a negative index", [count(GCLID, "1", [-1])], (5, 1)),
    ("an index that is none", [count(GCLID, "1", ["x"])], (5, 1)),
    ("an index that is true", [count(GCLID, "1", [True])], (5, 1)),
    ("a fraction", [count(GCLID, "1", [1.5])], (5, 1)),
    ("no list", [count(GCLID, "1", "1")], (5, 1)),
    ("one reason with, one without", [count(GCLID, "1", [0]), count(GBRAID, "2")], (3, 3)),
    ("more than there are", [count(GCLID, "9")], (0, 6)),
    ("duplicates are there", [count(P + "DUPLICATE_GCLID", "2"), count(GCLID, "1")], (5, 1)),
]


@pytest.mark.parametrize(("why", "errors", "numbers"), DOUBTFUL, ids=[row[0] for row in DOUBTFUL])
def test_what_is_doubtful_is_pinned_on_nothing(why: str, errors: list[Any], numbers: tuple[int, int]) -> None:
    found = read(status(one("PARTIAL_SUCCESS", "6", *errors)), 6)
    assert isinstance(found, OnlyCounts)
    assert (found.accepted, found.refused) == numbers
    expected: Counter[str] = Counter()
    for error in errors:
        expected[error["reason"]] += int(error["recordCount"])
    assert found.reasons == expected
    assert (found.outcome.kind, found.outcome.code) == (Kind.ACCEPTED, "status_counts")
    assert f"{numbers[1]} of 6 not taken" in found.outcome.detail
    assert GCLID in found.outcome.detail


FAILURES = [
    ("no reason", [], (0, 6)),
    ("two reasons without indices", [count(GCLID, "4"), count(GBRAID, "2")], (0, 6)),
    ("fewer than there are", [count(GCLID, "4", [0, 1, 2, 3])], (0, 6)),
    ("duplicates among them", [count(P + "DUPLICATE_GCLID", "4"), count(GBRAID, "2")], (4, 2)),
]


@pytest.mark.parametrize(("why", "errors", "numbers"), FAILURES, ids=[row[0] for row in FAILURES])
def test_a_failure_without_certainty(why: str, errors: list[Any], numbers: tuple[int, int]) -> None:
    found = read(status(one("FAILED", "6", *errors)), 6)
    assert isinstance(found, OnlyCounts)
    assert (found.accepted, found.refused) == numbers


def test_a_failure_with_several_reasons_and_all_indices_is_mapped() -> None:
    errors = (count(GCLID, "2", [2, 0]), count(GBRAID, "1", [1]))
    assert codes(read(status(one("FAILED", "3", *errors)), 3)) == [GCLID, GBRAID, GCLID]


def test_new_reasons_are_counted_together() -> None:
    found = read(status(one("PARTIAL_SUCCESS", "9", count("NEW_A", "2"), count("NEW_B", "3"))), 9)
    assert isinstance(found, OnlyCounts)
    assert found.reasons == {"unexpected": 5}
    assert "2 × NEW_A; 3 × NEW_B" in found.outcome.detail


@pytest.mark.parametrize(
    "listed",
    [
        [one("SUCCESS", "4")],
        [one("FAILED", "4", count(GCLID, "3"))],
        [one("SUCCESS", "x")],
        [one("SUCCESS", "3"), one("SUCCESS", "3")],
        [one("SUCCESS"), one("SUCCESS")],
        [one("SUCCESS"), one("SUCCESS", "4")],
        [one("SUCCESS", "2"), one("SUCCESS", "4")],
        [one("PARTIAL_SUCCESS", "3")],
        [one("PARTIAL_SUCCESS", "3", count(GCLID, None, [1]))],
    ],
)
def test_what_cannot_be_ours_or_says_nothing_ends_the_questions(listed: list[dict[str, Any]]) -> None:
    found = read(status(*listed), 3)
    assert isinstance(found, NeverKnown)
    assert (found.outcome.kind, found.outcome.code) == (Kind.ACCEPTED, "status_unknown")
    assert found.outcome.detail


def test_the_only_destination_with_our_number_of_events_is_ours() -> None:
    listed = [one("SUCCESS", "7"), one("PARTIAL_SUCCESS", "3", count(GCLID, "1", [2]))]
    assert codes(read(status(*listed), 3)) == ["processed", "processed", GCLID]


def test_warnings_are_noted_where_they_belong() -> None:
    warnings = [count("WARNING_A", "1", [1]), count("WARNING_B", "2")]
    found = said(read(status(one("SUCCESS", "3", warnings=warnings)), 3))
    assert [outcome.code for outcome in found] == ["processed"] * 3
    assert ["WARNING_A" in outcome.detail for outcome in found] == [False, True, False]
    assert all("somewhere in the request: WARNING_B" in outcome.detail for outcome in found)


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"<html>", b'{"requestStatusPerDestination":[]}'])
def test_an_answer_that_cannot_be_read_is_asked_for_again(body: bytes) -> None:
    found = read(answer(200, body), 3)
    assert isinstance(found, NotYet)
    assert found.outcome is not None
    assert found.outcome.code == "unreadable"


@pytest.mark.parametrize(
    ("http", "code", "kind"),
    [
        (401, "token_expired", Kind.RETRY),
        (403, "PERMISSION_DENIED", Kind.HOLD),
        (409, "ABORTED", Kind.RETRY),
        (408, "server_error", Kind.RETRY),
        (429, "rate_limited", Kind.RETRY),
        (503, "server_error", Kind.RETRY),
        (302, "unreadable", Kind.UNKNOWN),
    ],
)
def test_passing_trouble_leaves_the_question_open(http: int, code: str, kind: Kind) -> None:
    body = {"error": {"code": http, "message": "No.", "status": "X", "details": []}}
    found = read(answer(http, body, {"retry-after": "40"}), 3)
    assert isinstance(found, NotYet)
    assert found.outcome is not None
    assert (found.outcome.code, found.outcome.kind) == (code, kind)
    if http in (408, 429, 503):
        assert found.outcome.retry_after_s == 40


@pytest.mark.parametrize("http", [400, 404, 405, 413, 422])
def test_a_refusal_ends_the_questions_and_rejects_nothing(http: int) -> None:
    violation = {"field": "request_id", "reason": "INVALID_REQUEST_ID"}
    found = read(answer(http, {"error": {"code": http, "details": [{"fieldViolations": [violation]}]}}), 3)
    assert isinstance(found, NeverKnown)
    assert str(http) in found.outcome.detail


REASONS = [GCLID, GBRAID, P + "TOO_RECENT_CLICK", P + "DUPLICATE_GCLID", P + "NEW"]
truths = st.lists(st.none() | st.sampled_from(REASONS), min_size=1, max_size=9)


def faithful(truth: Sequence[str | None]) -> dict[str, list[int]]:
    """The events that failed, by reason."""
    found: dict[str, list[int]] = {}
    for index, reason in enumerate(truth):
        if reason is not None:
            found.setdefault(reason, []).append(index)
    return found


def shown(truth: Sequence[str | None], indices: Mapping[str, list[Any]], draw: st.DrawFn) -> dict[str, Any]:
    """A status whose counts are true, with these indices, in any order, as numbers or as text."""
    counts = faithful(truth)
    errors = []
    for reason in draw(st.permutations(sorted(counts))):
        listed = [draw(st.sampled_from([index, str(index)])) for index in draw(st.permutations(indices[reason]))]
        number = draw(st.sampled_from([len(counts[reason]), str(len(counts[reason]))]))
        errors.append(count(reason, number, draw(st.sampled_from([listed, listed, None]))))
    word = "SUCCESS" if not counts else "PARTIAL_SUCCESS" if None in truth else "FAILED"
    return one(word, draw(st.sampled_from([len(truth), str(len(truth)), None])), *errors)


@st.composite
def told(draw: st.DrawFn) -> tuple[list[str | None], bool, Response]:
    """The truth, whether the indices lack, repeat or exceed something, and what Google says of it."""
    truth = draw(truths)
    indices: dict[str, list[int]] = {reason: list(listed) for reason, listed in faithful(truth).items()}
    spoilt = bool(indices) and draw(st.booleans())
    if spoilt:
        listed = indices[draw(st.sampled_from(sorted(indices)))]
        how = draw(st.sampled_from(["lack", "repeat", "exceed", "replace", "negative"]))
        if how == "lack":
            del listed[draw(st.integers(0, len(listed) - 1))]
        elif how == "replace":
            listed[draw(st.integers(0, len(listed) - 1))] = len(truth) + draw(st.integers(0, 5))
        else:
            listed.append({"repeat": listed[0], "exceed": len(truth), "negative": -1}[how])
    return truth, spoilt, status(shown(truth, indices, draw))


@given(told())
def test_no_outcome_is_ever_pinned_on_a_wrong_event(case: tuple[list[str | None], bool, Response]) -> None:
    truth, _, response = case
    found = read(response, len(truth))
    if isinstance(found, Known):
        expected = ["processed" if one is None else "unexpected" if one.endswith("NEW") else one for one in truth]
        assert codes(found) == expected
    else:
        assert isinstance(found, OnlyCounts)
        there = sum(reason is None or reason.endswith("DUPLICATE_GCLID") for reason in truth)
        assert (found.accepted, found.refused) == (there, len(truth) - there)


@given(told())
def test_spoilt_indices_are_never_believed(case: tuple[list[str | None], bool, Response]) -> None:
    truth, spoilt, response = case
    certain = len(set(truth)) == 1  # success, or one reason for all
    if spoilt and not certain:
        assert isinstance(read(response, len(truth)), OnlyCounts)


entries = st.builds(
    count,
    st.sampled_from(REASONS),
    st.none() | st.integers(-1, 7) | st.integers(0, 7).map(str) | st.just("x"),
    st.none() | st.lists(st.integers(-1, 7) | st.integers(0, 7).map(str) | st.just("x"), max_size=5),
)


@given(st.sampled_from(["PARTIAL_SUCCESS", "FAILED", "SUCCESS"]), st.lists(entries, max_size=4), st.integers(1, 6))
@example("SUCCESS", [count(P + "INVALID_GCLID", 0, [0, "x"])], 1)
def test_whatever_is_said_an_event_gets_only_what_names_it(word: str, errors: list[dict[str, Any]], n: int) -> None:
    found = read(status(one(word, n, *errors)), n)
    if isinstance(found, OnlyCounts):
        assert found.accepted + found.refused == n
        assert min(found.accepted, found.refused) >= 0
    if not isinstance(found, Known):
        return
    named: dict[str, set[str]] = {}
    for error in errors:
        for index in error.get("recordIndices", []):
            named.setdefault(str(index), set()).add(error["reason"])
    for index, code in enumerate(codes(found)):
        reasons = named.get(str(index), set())
        if code == "processed":
            assert reasons == set()
            assert word != "FAILED"
        elif {code} != {reason if reason in CODES else "unexpected" for reason in reasons}:
            assert word == "FAILED"
            assert {error["reason"] for error in errors if str(error.get("recordCount")) != "0"} == {
                code if code != "unexpected" else P + "NEW"
            }


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["SUCCESS", "FAILED", "PARTIAL_SUCCESS", "1", GCLID]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                names("""requestStatusPerDestination requestStatus errorInfo errorCounts recordCount recordIndices
                reason eventsIngestionStatus warningInfo warningCounts""")
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)


@given(json, st.integers(1, 4))
def test_any_answer_is_read(body: object, n: int) -> None:
    for listed in (body, {"requestStatusPerDestination": [body]}):
        found = read(answer(200, listed), n)
        assert all(outcome.code in CODES for outcome in said(found))
        if isinstance(found, Known):
            assert len(found.outcomes) == n


def test_two_thousand_events() -> None:
    odd = list(range(1, 2000, 2))
    found = read(status(one("PARTIAL_SUCCESS", "2000", count(GCLID, "1000", odd))), 2000)
    assert codes(found) == ["processed", GCLID] * 1000
    assert GOOGLE_ADS.status is GOOGLE_STATUS
