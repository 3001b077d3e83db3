"""The emulator of X's Conversion API. The tests sign with the destination's code, it verifies with its own."""

import re
from collections.abc import Mapping
from itertools import count
from typing import Any

import pytest

from leadtrackr.destinations.x import X
from leadtrackr.destinations.x.oauth1 import Keys, authorization
from tests.destinations.making import SETTINGS, event, lead
from tests.destinations.over_http import deliver, send

from .client import DAY, NOW, SECOND, Client, Clock, Reply, digest

HOST = "https://ads-api.x.com"
PATH = "/12/measurement/conversions/o8z6j"
KEYS = Keys("ck", "secret-of-ck", "at", "secret-of-at")
NOW_S = NOW // SECOND
HASH = digest("a@example.com")
NONCES = count(1)
FRESH = "2026-11-23T11:00:00.000Z"


def made(**changes: Any) -> dict[str, Any]:
    """A valid conversion; a change to None takes the field out."""
    one = {
        "conversion_time": FRESH,
        "event_id": "tw-o8z6j-o87ne",
        "identifiers": [{"twclid": "23op"}],
        "conversion_id": "lt_1",
        **changes,
    }
    return {name: value for name, value in one.items() if value is not None}


def signed(method: str = "POST", path: str = PATH, keys: Keys = KEYS, at: int = NOW_S, host: str = HOST) -> str:
    """A header with a nonce that was not used before."""
    return authorization(method, host + path, keys, at, f"nonce{next(NONCES)}")


def post(client: Client, *conversions: Any, header: str | None = None, path: str = PATH) -> Reply:
    """POST these conversions, or one, signed unless a header is given."""
    headers: Mapping[str, str] = {"Authorization": signed(path=path) if header is None else header}
    return client.call("POST", f"/x{path}", {"conversions": list(conversions) or [made()]}, headers)


def codes(reply: Reply) -> tuple[int, list[str | int]]:
    """HTTP status and the codes of a refusal."""
    return reply.status, [each["code"] for each in reply.json["errors"]]


def flags(client: Client) -> list[tuple[str, str]]:
    return [(flag["code"], flag.get("field", "")) for flag in client.last("x")["flags"]]


def test_conversions_are_taken_and_noted(sandbox: Client) -> None:
    both = [made(), made(conversion_id="lt_2", event_id="o87nf", value="12.50", price_currency="EUR")]
    reply = post(sandbox, *both)
    assert (reply.status, reply.json["data"]["conversions_processed"]) == (200, 2)
    assert reply.json["data"]["debug_id"]
    call = sandbox.last("x")
    assert [(row["key"], row["scope"], row.get("value"), row["event"]) for row in call["accepted"]] == [
        ("lt_1", "o8z6j/o87ne", None, both[0]),
        ("lt_2", "o8z6j/o87nf", 12.5, both[1]),
    ]
    assert call["accepted"][0]["event_at"] == NOW - 3600 * SECOND
    assert (call["flags"], call["headers"]["Authorization"]) == ([], "***")


GOOD = signed()
TAMPERED = [
    "",
    "Bearer token",
    "OAuth",
    GOOD.replace("HMAC-SHA1", "PLAINTEXT"),
    GOOD.replace('oauth_version="1.0"', 'oauth_version="2.0"'),
    GOOD.replace("nonce", "other"),
    re.sub(r'oauth_nonce="[^"]*"', 'oauth_nonce=""', GOOD),
    re.sub(r'oauth_nonce="[^"]*", ', "", GOOD),
    re.sub(r'oauth_signature="[^"]*"', 'oauth_signature="AAAA"', GOOD),
    re.sub(r'oauth_timestamp="(\d+)\d"', r'oauth_timestamp="\g<1>x"', GOOD),
    GOOD + ', oauth_token="at"',
    GOOD.replace('="at"', '="a t"'),
    signed("GET"),
    signed(path="/12/measurement/conversions/o8z6k"),
    signed(path=f"{PATH}?a=b"),
    signed(host="https://api.x.com"),
    signed(host="http://ads-api.x.com"),
    signed(keys=Keys("ck", "wrong", "at", "secret-of-at")),
    signed(keys=Keys("ck", "secret-of-ck", "at", "wrong")),
    signed(keys=Keys("bad-ck", "secret-of-bad-ck", "at", "secret-of-at")),
]


@pytest.mark.parametrize("header", TAMPERED, ids=range(len(TAMPERED)))
def test_nothing_but_a_right_signature_is_accepted(sandbox: Client, header: str) -> None:
    assert codes(post(sandbox, header=header)) == (401, ["UNAUTHORIZED_ACCESS"])
    assert sandbox.last("x")["accepted"] == []


def test_the_older_host_and_the_query_are_part_of_the_signature(sandbox: Client) -> None:
    assert post(sandbox, header=signed(host="https://ads-api.twitter.com")).status == 200
    path = "/12/accounts?count=1&q=a%20b"
    reply = sandbox.call("GET", f"/x{path}", headers={"Authorization": signed("GET", path)})
    assert (reply.status, len(reply.json["data"])) == (200, 1)


def test_a_nonce_is_good_once(sandbox: Client, clock: Clock) -> None:
    header = signed()
    assert post(sandbox, header=header).status == 200
    assert codes(post(sandbox, header=header)) == (401, ["UNAUTHORIZED_ACCESS"])
    clock.now += 301 * SECOND
    assert codes(post(sandbox, header=header)) == (401, [135])


@pytest.mark.parametrize(("off_s", "status"), [(-301, 401), (-299, 200), (299, 200), (301, 401)])
def test_a_clock_that_is_off(sandbox: Client, off_s: int, status: int) -> None:
    reply = post(sandbox, header=signed(at=NOW_S + off_s))
    assert reply.status == status
    assert status == 200 or codes(reply) == (401, [135])


def test_keys_and_access(sandbox: Client) -> None:
    sandbox.set("x", secrets={"ck": "named"}, revoked=["gone"], no_ads_access=["plain"])
    assert post(sandbox).status == 401
    assert post(sandbox, header=signed(keys=Keys("ck", "named", "at", "secret-of-at"))).status == 200
    assert post(sandbox, header=signed(keys=Keys("ck", "named", "gone", "secret-of-gone"))).status == 401
    refused = post(sandbox, header=signed(keys=Keys("plain", "secret-of-plain", "at", "secret-of-at")))
    assert codes(refused) == (403, ["UNAUTHORIZED_CLIENT_APPLICATION"])


def test_pixels_versions_and_paths(sandbox: Client) -> None:
    sandbox.set("x", unknown_pixels=["o8z6j"], retired_versions=["11"])
    assert post(sandbox).status == 404
    assert post(sandbox, path=PATH.replace("12", "11")).status == 410
    assert post(sandbox, path="/12/measurement/other").status == 404
    assert post(sandbox, path="/13/measurement/conversions/abc").status == 200
    assert flags(sandbox) == [("unknown_version", "")]


CASES: list[tuple[str, dict[str, Any], str]] = [
    ("no_time", {"conversion_time": None}, "conversion_time"),
    ("seconds", {"conversion_time": NOW_S}, "conversion_time"),
    ("no_zone", {"conversion_time": "2026-11-23T11:00:00"}, "conversion_time"),
    ("no_date", {"conversion_time": "2026-13-23T11:00:00Z"}, "conversion_time"),
    ("future", {"conversion_time": "2026-11-23T13:00:00Z"}, "conversion_time"),
    ("odd_stamp", {"conversion_timestamp": NOW_S}, "conversion_timestamp"),
    ("no_event", {"event_id": None}, "event_id"),
    ("event_name", {"event_id": "Lead"}, "event_id"),
    ("unknown", {"event_id": "tw-o8z6j-none"}, "event_id"),
    ("no_identifiers", {"identifiers": None}, "identifiers"),
    ("empty", {"identifiers": []}, "identifiers"),
    ("object", {"identifiers": {"twclid": "23op"}}, "identifiers"),
    ("device_alone", {"identifiers": [{"ip_address": "::1", "user_agent": "x"}]}, "identifiers"),
    ("plain", {"identifiers": [{"hashed_email": "a@example.com"}]}, "identifiers.hashed_email"),
    ("upper", {"identifiers": [{"hashed_phone_number": HASH.upper()}]}, "identifiers.hashed_phone_number"),
    ("empty_click", {"identifiers": [{"twclid": ""}]}, "identifiers.twclid"),
    ("number_key", {"conversion_id": 5}, "conversion_id"),
    ("number_value", {"value": 5, "price_currency": "EUR"}, "value"),
    ("currency", {"value": "5", "price_currency": "EURO"}, "price_currency"),
]


@pytest.mark.parametrize(("changes", "field"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_one_fault_fails_the_request(sandbox: Client, changes: dict[str, Any], field: str) -> None:
    sandbox.set("x", unknown_events=["tw-o8z6j-none"])
    reply = post(sandbox, made(), made(**changes), made())
    assert codes(reply) == (400, ["INVALID_PARAMETER"])
    assert "conversions[1]" not in str(reply.json)
    assert flags(sandbox) == [("INVALID_PARAMETER", f"conversions[1].{field}")]
    assert sandbox.last("x")["accepted"] == []


def test_every_fault_is_listed(sandbox: Client) -> None:
    reply = post(sandbox, made(event_id=None), made(), made(identifiers=[]))
    assert [each["message"] for each in reply.json["errors"]] == [
        "Event ID was not found",
        "At least one user identifier must be provided",
    ]


@pytest.mark.parametrize("body", [b"{", [], {}, {"conversions": []}, {"conversions": 5}])
def test_a_request_without_a_list(sandbox: Client, body: Any) -> None:
    reply = sandbox.call("POST", f"/x{PATH}", body, {"Authorization": signed()})
    assert codes(reply) == (400, ["MISSING_PARAMETER"])


def test_the_limit_of_a_call(sandbox: Client) -> None:
    assert codes(post(sandbox, *[made()] * 501)) == (400, ["INVALID_PARAMETER"])
    assert post(sandbox, *[made(conversion_id=f"lt_{n}") for n in range(500)]).status == 200


@pytest.mark.parametrize(
    ("changes", "name", "field"),
    [
        ({"event_name": "Lead"}, "unknown_field", "event_name"),
        ({"identifiers": [{"twclid": "x"}, {"email": HASH}]}, "unknown_field", "identifiers.email"),
        ({"conversion_id": None}, "no_conversion_id", "conversion_id"),
        ({"value": "5"}, "value_without_currency", "price_currency"),
    ],
)
def test_what_x_leaves_open_is_flagged(sandbox: Client, changes: dict[str, Any], name: str, field: str) -> None:
    assert post(sandbox, made(**changes)).status == 200
    assert flags(sandbox) == [(name, f"conversions[0].{field}")]


def test_undocumented_behaviour_is_a_setting(sandbox: Client) -> None:
    old = made(conversion_time=None, conversion_timestamp=(NOW - 60 * DAY) // 1000)
    assert post(sandbox, old).status == 200
    sandbox.set("x", max_age_days=30)
    assert post(sandbox, old).status == 400


def test_the_destination_is_understood_and_never_signs_twice_alike(sandbox: Client) -> None:
    events = [event(slug="x", event_id=f"lt-{n}") for n in range(3)]
    assert [one.code for one in deliver(sandbox, X, *events, nonce="first")] == ["ok"]
    assert (flags(sandbox), sandbox.summary("x")["distinct_keys"]) == ([], 3)
    assert deliver(sandbox, X, *events, nonce="first")[0].hold == "credentials"
    assert [one.code for one in deliver(sandbox, X, *events, nonce="second")] == ["ok"]
    assert sandbox.summary("x")["duplicates"] == 3
    nobody = event(lead(email=None, phone=None, ids={}), "x")
    assert deliver(sandbox, X, events[0], nobody, nonce="third")[0].code == "http_400"


def test_the_connection_check_and_a_wrong_clock(sandbox: Client) -> None:
    check = X.check(SETTINGS["x"], None)
    assert X.read_check(send(sandbox, check, nonce="a")).code == "check_ok"
    late = X.read_check(send(sandbox, check, at=NOW - DAY, nonce="b"))
    assert (late.code, late.hold) == ("135", "configuration")
    wrong = X.check({**SETTINGS["x"], "consumer_secret": "hush"}, None)
    assert X.read_check(send(sandbox, wrong, nonce="c")).hold == "credentials"


def test_faults(sandbox: Client) -> None:
    sandbox.fault({"destination": "x", "reject_event": 1})
    assert post(sandbox, made(conversion_id="a"), made(conversion_id="b")).status == 400
    assert post(sandbox, made(conversion_id="a")).status == 200
    sandbox.fault({"destination": "x", "max_requests": 0})
    assert codes(post(sandbox)) == (429, ["TOO_MANY_REQUESTS"])
    assert deliver(sandbox, X, event(slug="x"))[0].code == "rate_limited"
