"""Every fault, and how several of them meet."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from .client import DEADLINE_S, Ads, Capi, Client, Mp, Reply

TOKEN = "/google_oauth/token"


def wait_for_calls(client: Client, destination: str, wanted: int) -> list[dict[str, Any]]:
    """The ledger's calls once there are so many."""
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        calls = client.calls(destination)
        if len(calls) >= wanted:
            return calls
    raise AssertionError(f"{wanted} calls to {destination} never came.")


def counts(client: Client) -> list[tuple[int, int, int | None]]:
    """(seen, hits, remaining) of each fault, newest first."""
    return [
        (one["seen"], one["hits"], one["remaining"]) for one in client.call("GET", "/_sandbox/faults").json["faults"]
    ]


def test_a_status_comes_instead_of_the_platform(ads: Ads) -> None:
    ads.client.fault({"destination": "google_ads", "status": 503})
    reply = ads.ingest()
    assert (reply.status, reply.json["error"]["status"]) == (503, "UNAVAILABLE")
    call = ads.client.last("google_ads")
    assert (call["status"], call["fault"], call["accepted"]) == (503, "status", [])
    assert call["body"]["events"] == [ads.event()]


@pytest.mark.parametrize(
    ("destination", "path", "status", "code"),
    [
        ("google_ads", "/google_ads/v1/events:ingest", 429, "RESOURCE_EXHAUSTED"),
        ("google_ads", "/google_ads/v1/events:ingest", 401, "UNAUTHENTICATED"),
        ("meta", Capi.PATH, 500, 2),
        ("meta", Capi.PATH, 429, 4),
        ("meta", Capi.PATH, 401, 190),
        ("meta", Capi.PATH, 400, 100),
        ("google_oauth", TOKEN, 500, "internal_failure"),
        ("google_oauth", TOKEN, 400, "invalid_request"),
        ("ga4", "/ga4/mp/collect", 500, None),
    ],
)
def test_a_status_has_the_platforms_own_body(
    sandbox: Client, destination: str, path: str, status: int, code: int | str | None
) -> None:
    sandbox.fault({"destination": destination, "status": status})
    reply = sandbox.call("POST", path, {})
    assert reply.status == status
    if code is None:
        assert reply.content == b""
    else:
        error = reply.json["error"]
        assert code == (error if isinstance(error, str) else error["code" if destination == "meta" else "status"])


def test_a_body_is_sent_as_given(ads: Ads) -> None:
    path = "requestStatus"
    wrong = {"requestStatusPerDestination": [{"requestStatus": "PARTIAL_SUCCESS", "errorInfo": {}}]}
    ads.client.fault({"destination": "google_ads", "path": path, "body": wrong})
    request_id = ads.ingest().json["requestId"]
    reply = ads.status(request_id)
    assert (reply.status, reply.json) == (200, wrong)
    ads.client.fault({"destination": "google_ads", "path": path, "status": 502, "body": "<html>Bad Gateway</html>"})
    reply = ads.status(request_id)
    assert (reply.status, reply.content) == (502, b"<html>Bad Gateway</html>")
    assert reply.headers["Content-Type"].startswith("text/plain")


@pytest.mark.parametrize("retry_after", [30, 0, "Mon, 23 Nov 2026 12:05:00 GMT"])
def test_retry_after_is_sent_and_means_429(capi: Capi, retry_after: int | str) -> None:
    capi.client.fault({"destination": "meta", "retry_after": retry_after})
    reply = capi.send()
    assert (reply.status, reply.headers["Retry-After"]) == (429, str(retry_after))
    capi.client.fault({"destination": "meta", "retry_after": retry_after, "status": 503})
    assert capi.send().status == 503


def test_a_delay_answers_late_and_takes_at_once(capi: Capi, pool: ThreadPoolExecutor) -> None:
    capi.client.fault({"destination": "meta", "delay_ms": 400})
    started = time.monotonic()
    late = pool.submit(capi.send)
    (call,) = wait_for_calls(capi.client, "meta", 1)
    assert len(call["accepted"]) == 1
    assert not late.done()
    assert late.result(DEADLINE_S).status == 200
    assert time.monotonic() - started >= 0.4


def test_a_delay_and_a_status_together(capi: Capi) -> None:
    capi.client.fault({"destination": "meta", "delay_ms": 100, "status": 500})
    started = time.monotonic()
    assert capi.send().status == 500
    assert time.monotonic() - started >= 0.1


def test_hang_never_answers_until_it_is_removed(capi: Capi, pool: ThreadPoolExecutor) -> None:
    capi.client.fault({"destination": "meta", "hang": True})
    hanging = pool.submit(capi.send)
    (call,) = wait_for_calls(capi.client, "meta", 1)
    assert (call["status"], call["accepted"], call["fault"]) == (None, [], "hang")
    assert not hanging.done()
    assert capi.client.call("DELETE", "/_sandbox/faults").status == 204
    with pytest.raises(ConnectionError):
        hanging.result(DEADLINE_S)
    assert capi.send().status == 200


def test_a_call_that_hangs_does_not_hold_up_others(capi: Capi, mp: Mp, pool: ThreadPoolExecutor) -> None:
    capi.client.fault({"destination": "meta", "hang": True})
    hanging = [pool.submit(capi.send) for _ in range(3)]
    wait_for_calls(capi.client, "meta", 3)
    assert mp.send(mp.body()).status == 204
    capi.client.call("DELETE", "/_sandbox/faults?destination=meta")
    assert all(isinstance(one.exception(DEADLINE_S), ConnectionError) for one in hanging)


def test_reset_cuts_the_connection(ads: Ads) -> None:
    ads.client.fault({"destination": "google_ads", "reset": True, "until": 1})
    with pytest.raises(ConnectionError):
        ads.ingest()
    call = ads.client.last("google_ads")
    assert (call["status"], call["accepted"], call["fault"]) == (None, [], "reset")
    assert ads.ingest().status == 200


def test_accept_then_hang_takes_the_events_and_says_nothing(ads: Ads, pool: ThreadPoolExecutor) -> None:
    ads.client.fault({"destination": "google_ads", "accept_then_hang": True, "until": 1})
    hanging = pool.submit(ads.ingest)
    (call,) = wait_for_calls(ads.client, "google_ads", 1)
    assert (call["status"], call["fault"]) == (200, "accept_then_hang")
    assert [row["key"] for row in call["accepted"]] == ["lt_1"]
    assert not hanging.done()
    ads.client.call("DELETE", "/_sandbox/faults")
    assert isinstance(hanging.exception(DEADLINE_S), ConnectionError)
    assert ads.ingest().status == 200
    totals = ads.client.summary("google_ads")
    assert (totals["accepted"], totals["distinct_keys"], totals["duplicates"]) == (2, 1, 1)


def test_until_counts_calls(capi: Capi) -> None:
    capi.client.fault({"destination": "meta", "status": 500, "until": 2})
    assert [capi.send().status for _ in range(4)] == [500, 500, 200, 200]
    assert counts(capi.client) == [(2, 2, 0)]


def test_the_rate_is_drawn_the_same_way_every_time(capi: Capi) -> None:
    fault = {"destination": "meta", "status": 500, "rate": 0.5, "seed": 7}

    def statuses() -> list[int]:
        capi.client.fault(fault)
        return [capi.send().status for _ in range(20)]

    first = statuses()
    assert set(first) == {200, 500}
    assert statuses() == first
    ((seen, hits, remaining),) = counts(capi.client)
    assert (seen, hits, remaining) == (20, first.count(500), None)
    capi.client.fault({**fault, "rate": 0})
    capi.client.call("DELETE", "/_sandbox/faults")
    capi.client.fault({**fault, "rate": 0})
    assert capi.send().status == 200


def keys(reply: Reply, ads: Ads) -> list[str]:
    """The dedup keys of the latest call, if it was taken."""
    return [row["key"] for row in ads.client.last("google_ads")["accepted"]] if reply.status == 200 else []


def test_a_poison_event_is_named_and_stays_poison_in_any_batch(ads: Ads) -> None:
    ads.client.fault({"destination": "google_ads", "reject_event": 2})
    events = [ads.event(transactionId=f"lt_{n}") for n in range(5)]
    assert ads.ingest(*events[:2]).status == 200
    assert ads.violations(ads.ingest(*events)) == [("events.events[2]", "INVALID_EVENT")]
    assert keys(ads.ingest(*events[:2], *events[3:]), ads) == ["lt_0", "lt_1", "lt_3", "lt_4"]
    assert ads.violations(ads.ingest(events[4], events[2])) == [("events.events[1]", "INVALID_EVENT")]
    assert counts(ads.client) == [(2, 2, None)]


def test_a_poison_event_need_not_be_named(ads: Ads) -> None:
    ads.client.fault({"destination": "google_ads", "reject_event": 1, "named": False})
    reply = ads.ingest(ads.event(transactionId="a"), ads.event(transactionId="b"))
    assert (reply.status, ads.violations(reply)) == (400, [])
    assert reply.json["error"]["status"] == "INVALID_ARGUMENT"


def test_bisecting_finds_a_poison_event_of_meta(capi: Capi) -> None:
    capi.client.fault({"destination": "meta", "reject_event": 700})
    sent = 0

    def deliver(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The events that were refused alone."""
        nonlocal sent
        sent += 1
        reply = capi.send(*events)
        if reply.status == 200:
            return []
        assert "700" not in reply.content.decode()
        if len(events) == 1:
            return events
        half = len(events) // 2
        return deliver(events[:half]) + deliver(events[half:])

    refused = deliver([capi.event(event_id=f"lt_{n}") for n in range(1000)])
    assert [event["event_id"] for event in refused] == ["lt_700"]
    assert sent <= 21
    assert capi.client.summary("meta")["distinct_keys"] == 999


def test_a_poison_event_may_be_one_of_every_batch(capi: Capi) -> None:
    capi.client.fault({"destination": "meta", "reject_event": 0, "every_batch": True, "until": 2})
    assert [capi.send(capi.event(event_id=key)).status for key in "abc"] == [400, 400, 200]


def test_several_poison_events_at_once(ads: Ads) -> None:
    ads.client.fault(*({"destination": "google_ads", "reject_event": n} for n in (0, 2)))
    reply = ads.ingest(*(ads.event(transactionId=key) for key in "abc"))
    assert sorted(ads.violations(reply)) == [
        ("events.events[0]", "INVALID_EVENT"),
        ("events.events[2]", "INVALID_EVENT"),
    ]


def test_ga4_drops_a_poison_event_silently(mp: Mp) -> None:
    mp.client.fault({"destination": "ga4", "reject_event": 1})
    assert mp.send(mp.body(mp.event(event_id="a"), mp.event(event_id="b"))).status == 204
    assert mp.flags() == [("rejected_by_fault", True)]
    assert [row["key"] for row in mp.client.last("ga4")["accepted"]] == ["a"]


def test_newer_faults_are_asked_first_and_each_counts_its_own_calls(capi: Capi, mp: Mp) -> None:
    capi.client.fault({"destination": "*", "status": 500}, {"destination": "meta", "status": 503, "until": 1})
    assert [capi.send().status, capi.send().status] == [503, 500]
    assert mp.send(mp.body()).status == 500
    capi.client.call("DELETE", "/_sandbox/faults?destination=*")
    assert mp.send(mp.body()).status == 204
    assert counts(capi.client) == [(1, 1, 0)]


def test_faults_add_up_and_an_equal_one_starts_again(capi: Capi) -> None:
    fault = {"destination": "meta", "status": 500, "until": 1}
    assert capi.client.call("PUT", "/_sandbox/faults", fault).json["faults"][0]["remaining"] == 1
    assert [capi.send().status, capi.send().status] == [500, 200]
    capi.client.fault(fault)
    assert counts(capi.client) == [(0, 0, 1)]
    capi.client.fault({"destination": "ga4", "hang": True})
    assert len(counts(capi.client)) == 2
    capi.client.call("DELETE", "/_sandbox/faults")
    assert (counts(capi.client), capi.send().status) == ([], 200)


@pytest.mark.parametrize(
    ("fault", "field"),
    [
        ({"status": 500}, "destination"),
        ({"destination": "facebook", "status": 500}, "destination"),
        ({"destination": "meta"}, "status"),
        ({"destination": "meta", "status": 99}, "status"),
        ({"destination": "meta", "status": "500"}, "status"),
        ({"destination": "meta", "statuscode": 500}, "statuscode"),
        ({"destination": "meta", "status": 500, "rate": 1.5}, "rate"),
        ({"destination": "meta", "status": 500, "until": 0}, "until"),
        ({"destination": "meta", "delay_ms": -1}, "delay_ms"),
        ({"destination": "meta", "retry_after": -1}, "retry_after"),
        ({"destination": "meta", "hang": "yes"}, "hang"),
        ({"destination": "meta", "hang": True, "reset": True}, "reset"),
        ({"destination": "meta", "status": 500, "accept_then_hang": True}, "accept_then_hang"),
        ({"destination": "meta", "reject_event": -1}, "reject_event"),
        ({"destination": "meta", "reject_event": 0, "delay_ms": 5}, "delay_ms"),
        ({"destination": "meta", "reject_event": 0, "max_requests": 5}, "max_requests"),
        ({"destination": "meta", "max_requests": -1}, "max_requests"),
        ({"destination": "meta", "max_requests": 1, "per_s": 0}, "per_s"),
        ({"destination": "meta", "status": 500, "per_s": 1}, "per_s"),
        ({"destination": "google_oauth", "reject_event": 0}, "reject_event"),
    ],
)
def test_a_bad_fault_is_refused_by_its_field(sandbox: Client, fault: dict[str, Any], field: str) -> None:
    reply = sandbox.call("PUT", "/_sandbox/faults", fault)
    assert (reply.status, reply.json["field"]) == (400, field)
    assert reply.json["error"]
    listed = sandbox.call("PUT", "/_sandbox/faults", [{"destination": "ga4", "status": 500}, fault])
    assert listed.status == 400
    assert listed.json["field"].endswith(field)
    assert counts(sandbox) == []


@pytest.mark.parametrize("body", [b"", b"{", b"5", b"\xff"])
def test_a_fault_must_be_json(sandbox: Client, body: bytes) -> None:
    assert sandbox.call("PUT", "/_sandbox/faults", body).status == 400
