"""What the Data Manager emulator takes, and what becomes of it."""

import hashlib
from typing import Any

import pytest

from .client import NOW, SECOND, Ads, Clock, digest, rfc3339

REASON = "PROCESSING_ERROR_REASON_"


def outcome(ads: Ads, request_id: str) -> dict[str, Any]:
    """The status of a request with one destination."""
    listed: list[dict[str, Any]] = ads.status(request_id).json["requestStatusPerDestination"]
    (found,) = listed
    return found


def errors(ads: Ads, request_id: str) -> tuple[str, list[dict[str, Any]]]:
    found = outcome(ads, request_id)
    return found["requestStatus"], found.get("errorInfo", {}).get("errorCounts", [])


@pytest.fixture
def done(ads: Ads) -> Ads:
    """The API with processing that takes no time."""
    ads.client.set("google_ads", processing_s=0)
    return ads


def test_a_request_is_taken_and_noted(ads: Ads) -> None:
    events = [ads.event(transactionId=f"lt_{n}", conversionValue=n) for n in range(3)]
    reply = ads.ingest(*events)
    assert reply.status == 200
    assert reply.json.keys() == {"requestId"}
    call = ads.client.last("google_ads")
    assert [(row["index"], row["key"], row["value"], row["event"]) for row in call["accepted"]] == [
        (n, f"lt_{n}", n, events[n]) for n in range(3)
    ]
    assert {row["scope"] for row in call["accepted"]} == {"GOOGLE_ADS/1234567890/555"}
    assert (call["status"], call["flags"], call["fault"]) == (200, [], None)


def test_snake_case_names_and_old_spellings_are_taken(ads: Ads) -> None:
    body = {
        "destinations": [
            {
                "operating_account": {"product": "GOOGLE_ADS", "account_id": "1"},
                "product_destination_id": "5",
                "login_account": None,
            }
        ],
        "events": [
            {
                "event_timestamp": "2026-11-23T11:00:00.123456789+01:00",
                "event_source": "PHONE",
                "conversion_value": "12.50",
                "currency": "EUR",
                "user_data": {"user_identifiers": [{"email_address": "A" * 64}]},
                "custom_variables": [{"variable": "a", "value": "b"}],
                "event_device_info": {"user_agent": "x"},
                "call_info": {"start_timestamp": rfc3339(NOW)},
            }
        ],
        "encoding": "HEX",
        "validate_only": False,
    }
    assert ads.send(body).status == 200
    (row,) = ads.client.last("google_ads")["accepted"]
    assert (row["key"], row["value"], row["event_at"]) == (None, 12.5, NOW - 2 * 3600 * SECOND + 123_456)
    assert ads.client.summary("google_ads")["unkeyed"] == 1


def test_the_printed_hash_vectors_are_taken(ads: Ads) -> None:
    printed = {
        "alexz@example.com": "509e933019bb285a134a9334b8bb679dff79d0ce023d529af4bd744d47b4fd8a",
        "+": "fb4f73a6ec5fdb7077d564cdd22c3554b43ce49168550c3b12c547b78c517b30",
    }
    (email, hashed), _ = printed.items()
    assert hashlib.sha256(email.encode()).hexdigest() == hashed
    identifiers = [{"emailAddress": value} for value in printed.values()]
    assert ads.ingest(ads.event(userData={"userIdentifiers": identifiers})).status == 200


def test_encrypted_identifiers_are_not_judged(ads: Ads) -> None:
    key = {"gcpWrappedKeyInfo": {"keyType": "XCHACHA20_POLY1305"}}
    event = ads.event(userData={"userIdentifiers": [{"emailAddress": "ciphertext"}]})
    assert ads.ingest(event, encryptionInfo=key, encoding="BASE64").status == 200


def test_validate_only_takes_nothing_and_has_no_status(ads: Ads) -> None:
    reply = ads.ingest(ads.event(transactionId="12345"), validateOnly=True)
    assert reply.status == 200
    assert reply.json["requestId"].startswith("v-")
    assert ads.client.last("google_ads")["accepted"] == []
    assert ads.violations(ads.status(reply.json["requestId"])) == [("request_id", "INVALID_REQUEST_ID")]


def test_the_status_of_no_request_is_refused(ads: Ads) -> None:
    assert ads.violations(ads.status("unknown")) == [("request_id", "INVALID_REQUEST_ID")]
    assert ads.violations(ads.status("")) == [("request_id", "REQUIRED_FIELD_MISSING")]


def test_a_request_is_processed_for_a_while(ads: Ads, clock: Clock) -> None:
    ads.client.set("google_ads", processing_s=1800)
    request_id = ads.ingest().json["requestId"]
    assert outcome(ads, request_id)["requestStatus"] == "PROCESSING"
    clock.now += 1800 * SECOND - 1
    assert outcome(ads, request_id)["requestStatus"] == "PROCESSING"
    clock.now += 1
    assert outcome(ads, request_id) == {
        "destination": ads.destination(),
        "requestStatus": "SUCCESS",
        "eventsIngestionStatus": {"recordCount": "1"},
    }


def test_a_transaction_id_twice_in_one_request_fails_the_second(done: Ads) -> None:
    request_id = done.ingest(done.event(), done.event(conversionValue=9)).json["requestId"]
    counts = [{"reason": f"{REASON}DUPLICATE_TRANSACTION_ID", "recordCount": "1", "recordIndices": [1]}]
    assert errors(done, request_id) == ("PARTIAL_SUCCESS", counts)


@pytest.mark.parametrize(
    ("repeats", "same_again", "other_value"),
    [("identical", "FAILED", "SUCCESS"), ("all", "FAILED", "FAILED"), ("none", "SUCCESS", "SUCCESS")],
)
def test_a_transaction_id_again_is_a_duplicate_or_a_restatement(
    done: Ads, repeats: str, same_again: str, other_value: str
) -> None:
    done.client.set("google_ads", repeats=repeats)
    assert errors(done, done.ingest().json["requestId"]) == ("SUCCESS", [])
    assert errors(done, done.ingest().json["requestId"])[0] == same_again
    restated = done.ingest(done.event(conversionValue=99)).json["requestId"]
    assert errors(done, restated)[0] == other_value
    (key,) = done.client.call("GET", "/_sandbox/ledger/keys?destination=google_ads").json["keys"]
    assert (key["key"], key["times"], key["value"]) == ("lt_1", 3, 99)


def test_the_same_transaction_id_for_another_action_is_another_conversion(done: Ads) -> None:
    done.ingest()
    other = done.ingest(destinations=[done.destination(productDestinationId="556")])
    assert errors(done, other.json["requestId"]) == ("SUCCESS", [])


def test_processing_errors_are_given_by_index_and_do_not_count(done: Ads) -> None:
    done.client.set("google_ads", processing_errors={"lt_2": "TOO_RECENT_CLICK", "click": f"{REASON}INVALID_GCLID"})
    events = [done.event(transactionId=f"lt_{n}") for n in range(4)]
    events[0]["adIdentifiers"] = {"gclid": "click"}
    request_id = done.ingest(*events).json["requestId"]
    assert errors(done, request_id) == (
        "PARTIAL_SUCCESS",
        [
            {"reason": f"{REASON}INVALID_GCLID", "recordCount": "1", "recordIndices": [0]},
            {"reason": f"{REASON}TOO_RECENT_CLICK", "recordCount": "1", "recordIndices": [2]},
        ],
    )
    totals = done.client.summary("google_ads")
    assert (totals["accepted"], totals["distinct_keys"], totals["uncounted"]) == (4, 2, 2)
    done.client.set("google_ads", processing_errors={})
    assert errors(done, done.ingest(events[2]).json["requestId"]) == ("SUCCESS", [])


@pytest.mark.parametrize(("form", "shown"), [("string", ["1"]), ("absent", None), ("number", [1])])
def test_the_form_of_indices_is_a_setting(done: Ads, form: str, shown: list[Any] | None) -> None:
    done.client.set("google_ads", record_indices=form, failed_word="FAILURE")
    request_id = done.ingest(done.event(), done.event()).json["requestId"]
    assert errors(done, request_id)[1][0].get("recordIndices") == shown
    assert errors(done, done.ingest().json["requestId"])[0] == "FAILURE"


def test_events_go_to_the_destinations_that_they_refer_to(done: Ads) -> None:
    targets = [done.destination(reference=name, productDestinationId=str(n)) for n, name in enumerate("ab", 1)]
    events = [done.event(), done.event(transactionId="lt_2", destinationReferences=["b"])]
    request_id = done.ingest(*events, destinations=targets).json["requestId"]
    assert [(row["key"], row["scope"][-1]) for row in done.client.last("google_ads")["accepted"]] == [
        ("lt_1", "1"),
        ("lt_1", "2"),
        ("lt_2", "2"),
    ]
    listed = done.status(request_id).json["requestStatusPerDestination"]
    assert [(one["destination"]["reference"], one["eventsIngestionStatus"]["recordCount"]) for one in listed] == [
        ("a", "1"),
        ("b", "2"),
    ]


def test_warnings_come_with_success(ads: Ads) -> None:
    warnings = [{"field": "events[0]", "reason": "WARNING_REASON_GENERIC", "description": "x"}]
    ads.client.set("google_ads", field_warnings=warnings)
    assert ads.ingest().json["fieldWarnings"] == warnings


def test_a_value_without_currency_is_taken_and_flagged(ads: Ads) -> None:
    assert ads.ingest(ads.event(currency=None)).status == 200
    assert [flag["code"] for flag in ads.client.last("google_ads")["flags"]] == ["value_without_currency"]


def test_an_emptied_ledger_forgets_requests_and_keys(done: Ads) -> None:
    request_id = done.ingest().json["requestId"]
    assert done.client.call("DELETE", "/_sandbox/ledger").status == 204
    assert done.violations(done.status(request_id)) == [("request_id", "INVALID_REQUEST_ID")]
    assert errors(done, done.ingest().json["requestId"]) == ("SUCCESS", [])


def test_two_thousand_events_are_taken(ads: Ads) -> None:
    events = [ads.event(transactionId=f"lt_{n}") for n in range(2000)]
    assert ads.ingest(*events).status == 200
    assert ads.client.summary("google_ads")["distinct_keys"] == 2000


CLICK_S = NOW / SECOND


@pytest.mark.parametrize(
    ("identity", "clicked_s", "reason"),
    [
        ({"adIdentifiers": {"gclid": "a"}}, CLICK_S - 6 * 3600, None),
        ({"adIdentifiers": {"gclid": "a"}}, CLICK_S - 6 * 3600 + 1, "TOO_RECENT_CLICK"),
        ({"adIdentifiers": {"wbraid": "a"}}, CLICK_S - 90 * 86_400, None),
        ({"adIdentifiers": {"wbraid": "a"}}, CLICK_S - 90 * 86_400 - 1, "EVENT_TOO_OLD"),
        ({"adIdentifiers": {"gclid": "a"}}, CLICK_S, "CONVERSION_PRECEDES_CLICK"),
        ({"adIdentifiers": {"gclid": "unknown"}}, CLICK_S, None),
        ({"userData": {"userIdentifiers": [{"emailAddress": digest("a@b.de")}]}}, CLICK_S - 63 * 86_400, None),
        (
            {"userData": {"userIdentifiers": [{"emailAddress": digest("a@b.de")}]}},
            CLICK_S - 63 * 86_400 - 1,
            "EVENT_TOO_OLD",
        ),
    ],
)
def test_a_click_whose_time_is_known_is_judged_by_its_age(
    done: Ads, identity: dict[str, Any], clicked_s: float, reason: str | None
) -> None:
    done.client.set("google_ads", clicks={"a": clicked_s, digest("a@b.de"): clicked_s})
    event = {**done.event(), "adIdentifiers": None, "userData": None, **identity}
    event = {name: value for name, value in event.items() if value is not None}
    event["eventTimestamp"] = rfc3339(NOW - SECOND)
    status, found = errors(done, done.ingest(event, encoding="HEX").json["requestId"])
    assert [one["reason"] for one in found] == ([] if reason is None else [f"{REASON}{reason}"])
    assert status == ("SUCCESS" if reason is None else "FAILED")
