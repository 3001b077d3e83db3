"""Google Ads against the sandbox over real HTTP: later answers in each of its modes, and values stated again."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from leadtrackr.destinations.contract import (
    Event,
    Known,
    NeverKnown,
    NotYet,
    OnlyCounts,
    PerEvent,
    Refused,
    Request,
    Response,
    StatusAnswer,
)
from leadtrackr.destinations.google_ads import GOOGLE_ADS
from leadtrackr.destinations.google_ads.processing import PROCESSING, P
from leadtrackr.destinations.registry import retraction
from tests.destinations.making import SETTINGS, event, said
from tests.sandbox.client import Client, Clock, Server

HOST = "https://datamanager.googleapis.com"
TOKEN = "sandbox-any"
CONNECTION = SETTINGS["google_ads"]
STATUS = GOOGLE_ADS.status
TAKE_BACK = GOOGLE_ADS.take_back
assert STATUS is not None
assert TAKE_BACK is not None
assert TAKE_BACK.build is not None
restate = TAKE_BACK.build


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[Client, Clock]]:
    """One sandbox for this file; its clock stands still."""
    clock = Clock()
    server = Server(clock)
    yield Client(server.running.port), clock
    server.stop()


@pytest.fixture
def google(running: tuple[Client, Clock]) -> Client:
    """The sandbox, empty and with processing that takes no time."""
    reset(running[0])
    return running[0]


def reset(client: Client, **settings: Any) -> None:
    """Forget what was sent; settings as given, the others as at the start."""
    for path in ("/_sandbox/ledger", "/_sandbox/settings"):
        assert client.call("DELETE", path).status < 300
    client.set("google_ads", **{"processing_s": 0, **settings})


def send(client: Client, request: Request) -> Response:
    """A destination's request, sent to the sandbox instead."""
    assert request.url.startswith(HOST)
    path = f"/{request.service}{request.url.removeprefix(HOST)}"
    sent = {name.title(): value for name, value in request.headers.items()}
    reply = client.call(request.method, path, request.body or None, sent)
    headers = {name.lower(): value for name, value in reply.headers.items()}
    return Response(status=reply.status, headers=headers, body=reply.content)


def deliver(client: Client, request: Request) -> str:
    """Sends events, all of which are taken; the reference to ask with."""
    verdict = GOOGLE_ADS.read(send(client, request), len(request.items))
    assert not isinstance(verdict, PerEvent | Refused)
    assert verdict.outcome.code == "ok", verdict
    return verdict.outcome.reference


def build(events: Sequence[Event]) -> Request:
    """The events as they are sent first."""
    return GOOGLE_ADS.build(events, CONNECTION, TOKEN)


def ask(client: Client, reference: str, n: int) -> StatusAnswer:
    """What the platform says of it later."""
    assert STATUS is not None
    return STATUS.read(send(client, STATUS.request(reference, CONNECTION, TOKEN)), n)


def codes(found: StatusAnswer) -> list[str]:
    """The code of each event."""
    assert isinstance(found, Known), found
    return [outcome.code for outcome in found.outcomes]


def events(n: int) -> list[Event]:
    """So many conversions."""
    return [event(event_id=f"lt-{number}") for number in range(n)]


def test_processing_then_success(running: tuple[Client, Clock]) -> None:
    client, clock = running
    reset(client, processing_s=1800)
    reference = deliver(client, build(events(3)))
    assert ask(client, reference, 3) == NotYet()
    clock.now += 1_800_000_000
    assert codes(ask(client, reference, 3)) == ["processed"] * 3


def test_a_request_that_google_does_not_know(google: Client) -> None:
    assert isinstance(ask(google, "no-such-request", 3), NeverKnown)


def test_another_number_of_events_is_not_ours(google: Client) -> None:
    reference = deliver(google, build(events(3)))
    assert isinstance(ask(google, reference, 2), NeverKnown)


def test_without_access_the_question_stays_open(google: Client) -> None:
    reference = deliver(google, build(events(1)))
    google.set("google_ads", service_disabled=True)
    found = ask(google, reference, 1)
    assert isinstance(found, NotYet)
    assert found.outcome is not None
    assert (found.outcome.code, found.outcome.hold) == ("SERVICE_DISABLED", "configuration")


def test_over_the_quota_the_question_stays_open(google: Client) -> None:
    reference = deliver(google, build(events(1)))
    google.set("google_ads", requests_per_minute=1)
    ask(google, reference, 1)
    found = ask(google, reference, 1)
    assert isinstance(found, NotYet)
    assert found.outcome is not None
    assert found.outcome.code == "rate_limited"


@hypothesis_settings(deadline=None, max_examples=25)
@given(
    truth=st.lists(st.none() | st.sampled_from(sorted(PROCESSING)), min_size=1, max_size=8),
    mode=st.sampled_from(["number", "string", "absent"]),
    word=st.sampled_from(["FAILED", "FAILURE"]),
)
def test_every_set_of_errors_in_every_mode(
    running: tuple[Client, Clock], truth: list[str | None], mode: str, word: str
) -> None:
    client, _ = running
    forced = {f"lt-{index}": reason for index, reason in enumerate(truth) if reason}
    reset(client, processing_errors=forced, record_indices=mode, failed_word=word)
    found = ask(client, deliver(client, build(events(len(truth)))), len(truth))
    if mode == "absent" and len(set(truth)) > 1:
        assert isinstance(found, OnlyCounts)
        assert found.reasons == {reason: truth.count(reason) for reason in truth if reason}
        return
    assert codes(found) == [reason or "processed" for reason in truth]


DUPLICATE = P + "DUPLICATE_TRANSACTION_ID"


@pytest.mark.parametrize(("repeats", "again"), [("identical", DUPLICATE), ("all", DUPLICATE), ("none", "processed")])
def test_a_repeat_after_a_lost_answer_is_there_and_counts_once(google: Client, repeats: str, again: str) -> None:
    google.set("google_ads", repeats=repeats)
    deliver(google, build(events(2)))
    found = ask(google, deliver(google, build(events(4))), 4)
    assert codes(found) == [again, again, "processed", "processed"]
    assert {outcome.kind for outcome in said(found)} == {"confirmed"}
    assert google.summary("google_ads")["distinct_keys"] == 4
    assert set(codes(ask(google, deliver(google, build(events(4))), 4))) == {again}


@pytest.mark.parametrize(("repeats", "code"), [("identical", "processed"), ("all", DUPLICATE), ("none", "processed")])
def test_a_value_stated_again_overwrites_and_counts_once(google: Client, repeats: str, code: str) -> None:
    google.set("google_ads", repeats=repeats)
    first = [event(event_id=f"lt-{number}", value_cents=5000) for number in range(3)]
    deliver(google, build(first))
    again = [event(event_id=f"lt-{number}", value_cents=8000 + number, currency="USD") for number in (0, 2)]
    assert codes(ask(google, deliver(google, restate(again, CONNECTION, TOKEN)), 2)) == [code] * 2
    assert values(google) == [("lt-0", 80.0, "USD"), ("lt-1", 50.0, "EUR"), ("lt-2", 80.02, "USD")]
    summary = google.summary("google_ads")
    assert (summary["distinct_keys"], summary["duplicates"], summary["uncounted"]) == (3, 2, 0)


def test_a_lost_conversion_is_worth_nothing_and_stays_counted(google: Client) -> None:
    one = event()
    deliver(google, build([one]))
    zero = retraction(GOOGLE_ADS, one, {**CONNECTION, "retract_as_zero": "yes"})
    assert zero is not None
    assert codes(ask(google, deliver(google, restate([zero], CONNECTION, TOKEN)), 1)) == ["processed"]
    assert values(google) == [(one.event_id, 0.0, "EUR")]


def values(client: Client) -> list[tuple[str, float, str]]:
    """Key, value and currency of each conversion that the platform holds."""
    keys = client.call("GET", "/_sandbox/ledger/keys?destination=google_ads").json["keys"]
    return [(one["key"], one["value"], one["currency"]) for one in keys]
