"""Pauses (RFC 9110, 10.2.3), tidy details, and answers that mean nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadtrackr.destinations.contract import HTTP_CODES, Refused, Response, Whole
from leadtrackr.destinations.http_common import (
    clean,
    decode,
    joined,
    outcome,
    retry_after_s,
    transport_failure,
    unknown_failure,
)
from tests.destinations.making import NOON, answer

DATE = "Fri, 20 Nov 2026 12:00:00 GMT"
LATER = "Fri, 20 Nov 2026 12:01:30 GMT"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        (" 5 ", 5),
        ("0", 0),
        ("999999999", 86_400),
        (LATER, 90),
        (DATE, 0),
        ("Fri, 20 Nov 2026 11:00:00 GMT", 0),
    ],
)
def test_retry_after(value: str, seconds: float) -> None:
    assert retry_after_s(answer(429, headers={"retry-after": value, "date": DATE})) == seconds


@pytest.mark.parametrize(
    "value", ["", "soon", "-5", "nan", "Fri, 99 Nov 2026 12:00:00 GMT", "Fri, 20 Nov 2026 12:00:00"]
)
def test_retry_after_that_means_nothing(value: str) -> None:
    assert retry_after_s(answer(429, headers={"retry-after": value, "date": DATE})) is None


def test_retry_after_is_placed_by_the_arrival_when_the_answer_has_no_date() -> None:
    headers = {"retry-after": LATER}
    assert retry_after_s(Response(status=429, headers=headers, received_at=NOON + 60_000_000)) == 30
    assert retry_after_s(Response(status=429, headers=headers)) is None


@given(st.text())
def test_any_header_is_read(value: str) -> None:
    seconds = retry_after_s(answer(503, headers={"retry-after": value, "date": DATE}))
    assert seconds is None or 0 <= seconds <= 86_400


def test_details_hold_nothing_personal() -> None:
    words = f"bad erika@example.de, +49 30 1234 5678 from 203.0.113.7\nhash {'ab' * 32} at events[3]"
    assert clean(words) == "bad <e-mail>, <number> from <address> hash <hash> at events[3]"
    assert len(clean("x" * 5000)) == 300


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 599, 408])
def test_statuses_that_speak_for_themselves(status: int) -> None:
    found = transport_failure(HTTP_CODES, answer(status, headers={"retry-after": "7"}))
    assert found is not None
    assert (found.kind, found.scope, found.retry_after_s) == ("retry", "destination", 7)
    assert found.code == ("rate_limited" if status == 429 else "server_error")


def test_unknown_refusals() -> None:
    assert isinstance(unknown_failure(HTTP_CODES, answer(413)), Refused)
    assert isinstance(unknown_failure(HTTP_CODES, answer(405)), Whole)
    assert unknown_failure(HTTP_CODES, answer(405)).outcome.kind == "rejected"
    assert unknown_failure(HTTP_CODES, answer(302)).outcome.kind == "unknown"


def test_a_pause_of_the_platform_goes_before_the_tables() -> None:
    assert outcome(HTTP_CODES, "rate_limited", pause_s=3).retry_after_s == 3
    assert outcome(HTTP_CODES, "rate_limited").retry_after_s is None


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b"\xff", b"[" * 100_000, b'"x"'])
def test_bodies_that_are_something_else(body: bytes) -> None:
    assert decode(body, dict[str, int]) is None


def test_bodies_are_joined() -> None:
    assert joined(b"[", [b"1"], b"]") == b"[1]"
    assert joined(b"[", [b"1", b"2", b"3"], b"]") == b"[1,2,3]"
