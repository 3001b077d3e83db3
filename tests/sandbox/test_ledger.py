"""What the ledger notes, hides, counts and keeps."""

import json
from pathlib import Path
from typing import Any

import pytest

from leadtrackr.sandbox.contract import Accepted
from leadtrackr.sandbox.ledger import Entry, Ledger

from .client import NOW, SECOND, Ads, Capi, Client, Clock, Mp

SECRETS = ("s3cret", "EAAtoken", "sandbox-any", "1//refresh")


def test_every_call_is_noted_in_order(ads: Ads, capi: Capi, mp: Mp, clock: Clock) -> None:
    ads.ingest()
    clock.now += SECOND
    capi.send()
    mp.send(mp.body())
    calls = ads.client.call("GET", "/_sandbox/ledger").json["calls"]
    assert [(call["number"], call["destination"], call["method"], call["path"], call["status"]) for call in calls] == [
        (1, "google_ads", "POST", "/v1/events:ingest", 200),
        (2, "meta", "POST", "/v25.0/123456789012345/events", 200),
        (3, "ga4", "POST", "/mp/collect", 204),
    ]
    assert [(call["at"], call["time"]) for call in calls[:2]] == [
        (NOW, "2026-11-23T12:00:00.000000+00:00"),
        (NOW + SECOND, "2026-11-23T12:00:01.000000+00:00"),
    ]
    assert calls[0]["body"] == ads.body()


def test_no_secret_is_in_the_ledger(ads: Ads, capi: Capi, mp: Mp) -> None:
    ads.ingest()
    capi.send(access_token="EAAtoken")
    capi.client.call(
        "POST", f"{Capi.PATH}?access_token=EAAtoken&appsecret_proof=s3cret", b'{"access_token": "EAAtoken",'
    )
    mp.send(mp.body())
    mp.client.call(
        "POST", "/ga4/mp/collect", b"", {"Cookie": "s3cret", "X-Api-Key": "s3cret", "X-Hub-Secret": "s3cret"}
    )
    form = {"grant_type": "refresh_token", "client_id": "a", "client_secret": "s3cret", "refresh_token": "1//refresh"}
    mp.client.call("POST", "/google_oauth/token", form=form)
    everything = mp.client.call("GET", "/_sandbox/ledger").content.decode()
    assert [secret for secret in SECRETS if secret in everything] == []
    assert mp.client.calls("google_ads")[0]["headers"]["Authorization"] == "***"
    assert mp.client.calls("meta")[1]["body"] == '{"access_token": "***",'


def test_what_is_no_platform_is_noted_and_404(sandbox: Client) -> None:
    reply = sandbox.call("POST", "/myspace/rest/events", {"a": 1})
    assert (reply.status, reply.json["error"]) == (404, "The sandbox plays no platform of this name.")
    call = sandbox.last("myspace")
    assert (call["path"], call["status"], call["flags"][0]["code"]) == (
        "/rest/events",
        404,
        "unknown_destination",
    )


def test_the_sandboxs_own_addresses_are_not_noted(sandbox: Client) -> None:
    assert sandbox.call("GET", "/_sandbox/nothing").status == 404
    assert sandbox.call("POST", "/_sandbox/ledger").status == 404
    assert sandbox.call("GET", "/_sandbox/ledger").json == {"calls": []}


def test_the_ledger_can_be_narrowed(ads: Ads, capi: Capi) -> None:
    for n in range(3):
        ads.ingest(ads.event(transactionId=f"lt_{n}"))
    capi.send()
    assert [call["number"] for call in ads.client.calls("google_ads", "&since=2")] == [3]
    (light,) = ads.client.calls("google_ads", "&since=2&bodies=0")
    assert light["body"] is None
    assert light["accepted"][0]["key"] == "lt_2"
    assert "event" not in light["accepted"][0]
    assert ads.client.call("GET", "/_sandbox/ledger?since=x").status == 400


def test_the_summary_counts_what_a_checker_needs(capi: Capi) -> None:
    capi.send(capi.event(event_id="a"), capi.event(event_id="b"))
    capi.send(
        capi.event(event_id="b"),
        capi.event(event_id="b", event_name="Purchase", custom_data={"value": 1, "currency": "EUR"}),
    )
    capi.send(capi.event(event_id=None))
    capi.send(capi.event(event_time=0))
    assert capi.client.summary("meta") == {
        "calls": 4,
        "accepted": 5,
        "distinct_keys": 3,
        "duplicates": 1,
        "unkeyed": 1,
        "uncounted": 0,
        "statuses": {"200": 3, "400": 1},
    }
    keys = capi.client.call("GET", "/_sandbox/ledger/keys?destination=meta").json["keys"]
    assert [(one["scope"].rpartition("/")[2], one["key"], one["times"]) for one in keys] == [
        ("Lead", "a", 1),
        ("Lead", "b", 2),
        ("Purchase", "b", 1),
    ]
    assert capi.client.call("GET", "/_sandbox/ledger/keys").status == 400


def test_deleting_empties_it_and_numbers_go_on(capi: Capi) -> None:
    capi.send()
    assert capi.client.call("DELETE", "/_sandbox/ledger").status == 204
    assert capi.client.call("GET", "/_sandbox/ledger/summary").json == {"destinations": {}}
    capi.send()
    assert [call["number"] for call in capi.client.calls("meta")] == [2]


def entry(number: int, *keys: str) -> Entry:
    accepted = [Accepted(index, key, "scope", event={"id": key}) for index, key in enumerate(keys)]
    return Entry(number, "", number, "meta", "POST", "/", {}, {}, {"data": list(keys)}, 200, accepted, [], None)


def test_a_file_outlives_the_sandbox(tmp_path: Path) -> None:
    file = tmp_path / "ledger.jsonl"
    first = Ledger(file)
    for number, key in ((first.next_number(), "a"), (first.next_number(), "b")):
        first.record(entry(number, key))
    # Not closed: a killed process closes nothing either.
    second = Ledger(file)
    assert second.calls() == first.calls()
    assert second.summary() == first.summary()
    second.record(entry(second.next_number(), "a"))
    assert [json.loads(line)["number"] for line in file.read_text().splitlines()] == [1, 2, 3]
    assert (second.summary()["meta"]["duplicates"], len(second.keys("meta"))) == (1, 2)
    first.close()
    second.close()


def test_a_line_that_was_cut_off_is_dropped(tmp_path: Path) -> None:
    file = tmp_path / "ledger.jsonl"
    ledger = Ledger(file)
    ledger.record(entry(ledger.next_number(), "a"))
    ledger.close()
    whole = file.read_bytes()
    file.write_bytes(whole + b'{"number": 2, ' + b" " * 10_000)
    ledger = Ledger(file)
    ledger.record(entry(ledger.next_number(), "b"))
    ledger.close()
    assert [json.loads(line)["accepted"][0]["key"] for line in file.read_text().splitlines()] == ["a", "b"]


def test_clearing_empties_the_file(tmp_path: Path) -> None:
    file = tmp_path / "ledger.jsonl"
    ledger = Ledger(file)
    ledger.record(entry(ledger.next_number(), "a"))
    ledger.clear()
    assert file.read_bytes() == b""
    ledger.record(entry(ledger.next_number(), "b"))
    ledger.close()
    assert len(file.read_text().splitlines()) == 1


@pytest.mark.parametrize("body", [[], "text", 5, None, {"nested": {"access_token": "kept"}}])
def test_any_json_body_is_shown(sandbox: Client, body: Any) -> None:
    sandbox.call("POST", "/ga4/mp/collect", json.dumps(body).encode())
    assert sandbox.last("ga4")["body"] == body
