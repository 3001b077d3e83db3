"""A rate limit as a fault: what is too many is refused as the platform would, and marked in the ledger."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from leadtrackr.sandbox.faults import Fault, Faults

from .client import SECOND, Ads, Capi, Client, Clock, Mp

LIMIT: dict[str, Any] = {"max_requests": 2, "per_s": 60}


def test_google_says_that_the_quota_is_exhausted(ads: Ads) -> None:
    ads.client.fault({"destination": "google_ads", **LIMIT})
    assert [ads.ingest().status for _ in range(2)] == [200, 200]
    refused = ads.ingest()
    assert refused.status == 429
    assert refused.json["error"] == {
        "code": 429,
        "message": "Too many requests; try again later.",
        "status": "RESOURCE_EXHAUSTED",
        "details": [
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "RESOURCE_EXHAUSTED",
                "domain": "datamanager.googleapis.com",
                "metadata": {},
            }
        ],
    }
    assert "Retry-After" not in refused.headers


def test_meta_throttles_with_code_4(capi: Capi) -> None:
    capi.client.fault({"destination": "meta", **LIMIT})
    assert [capi.send().status for _ in range(3)] == [200, 200, 429]
    error = capi.send().json["error"]
    assert (error["code"], error["is_transient"]) == (4, True)


def test_ga4_says_nothing_but_429(mp: Mp) -> None:
    mp.client.fault({"destination": "ga4", **LIMIT})
    assert [mp.send(mp.body()).status for _ in range(2)] == [204, 204]
    refused = mp.send(mp.body())
    assert (refused.status, refused.content) == (429, b"")


def test_the_ledger_marks_what_was_too_many(capi: Capi) -> None:
    capi.client.fault({"destination": "meta", **LIMIT})
    for _ in range(3):
        capi.send()
    calls = capi.client.calls("meta")
    assert [call["fault"] for call in calls] == [None, None, "max_requests"]
    assert [len(call["accepted"]) for call in calls] == [1, 1, 0]
    (fault,) = capi.client.call("GET", "/_sandbox/faults").json["faults"]
    assert (fault["seen"], fault["hits"], fault["max_requests"], fault["per_s"]) == (3, 1, 2, 60)


def test_the_window_moves_on_and_refused_calls_do_not_count(capi: Capi, clock: Clock) -> None:
    capi.client.fault({"destination": "meta", "max_requests": 2})
    assert capi.send().status == 200
    clock.now += SECOND // 2
    assert [capi.send().status, capi.send().status] == [200, 429]
    clock.now += SECOND // 2
    assert [capi.send().status, capi.send().status] == [200, 429]


def test_each_destination_and_path_by_itself(ads: Ads) -> None:
    ads.client.fault({"destination": "google_ads", "path": "requestStatus", "max_requests": 0})
    request_id = ads.ingest().json["requestId"]
    assert ads.status(request_id).status == 429
    assert ads.ingest().status == 200


def test_a_limit_can_say_what_happens_to_the_rest(capi: Capi) -> None:
    body = {"error": {"code": 80004, "message": "Too many calls."}}
    capi.client.fault({"destination": "meta", "max_requests": 1, "status": 400, "body": body, "retry_after": 7})
    assert capi.send().status == 200
    refused = capi.send()
    assert (refused.status, refused.json, refused.headers["Retry-After"]) == (400, body, "7")


def test_all_destinations_share_the_limit_of_a_star(sandbox: Client, capi: Capi, mp: Mp) -> None:
    sandbox.fault({"destination": "*", "max_requests": 1})
    assert (mp.send(mp.body()).status, capi.send().status) == (204, 429)


@given(
    limit=st.integers(0, 5),
    window_s=st.sampled_from([0.5, 1, 60]),
    gaps=st.lists(st.integers(0, 2_000_000) | st.just(500_000), max_size=60),
)
def test_no_window_lets_more_through_and_none_is_refused_without_need(
    limit: int, window_s: float, gaps: list[int]
) -> None:
    faults, now, through = Faults(), 0, list[int]()
    faults.add([Fault(destination="meta", max_requests=limit, per_s=window_s)])
    for gap in gaps:
        now += gap
        inside = sum(at > now - window_s * SECOND for at in through)
        refused = faults.plan("meta", "/", now).act is not None
        assert refused == (inside >= limit)
        if not refused:
            through.append(now)
