"""The emulated receiver of webhooks, by the specification: headers, signature, times, body, ways of its own."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from .client import NOW, SECOND, Client, Reply

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NOW_S = NOW // SECOND
BODY = {"type": "lead.won", "timestamp": "2026-11-23T11:00:00.5Z", "data": {"value": 12.5, "currency": "EUR"}}


def headers_of(body: bytes, event_id: str = "lt_1", at: object = NOW_S, secret: str = SECRET) -> dict[str, str]:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{event_id}.{at}.".encode() + body, hashlib.sha256).digest()
    return {
        "Webhook-Id": event_id,
        "Webhook-Timestamp": str(at),
        "Webhook-Signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def send(
    client: Client, body: Any = None, path: str = "/in", changes: Mapping[str, str] | None = None, **of: Any
) -> Reply:
    raw = body if isinstance(body, bytes) else json.dumps(BODY if body is None else body).encode()
    headers = {**headers_of(raw, **of), **(changes or {})}
    return client.call("POST", f"/webhook{path}", raw, {name: value for name, value in headers.items() if value})


def flag(client: Client) -> tuple[str, str]:
    (found,) = client.last("webhook")["flags"]
    return found["code"], found.get("field", "")


@pytest.fixture
def receiver(sandbox: Client) -> Client:
    sandbox.set("webhook", secrets=[SECRET])
    return sandbox


def test_the_vector_of_the_specification_is_a_right_signature(receiver: Client) -> None:
    """The vector's body is no event, so it is refused for that, after its signature was found right."""
    receiver.set("webhook", tolerance_s=10**10)
    printed = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    of: dict[str, Any] = {"event_id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "at": 1614265330}
    raw = b'{"test": 2432232314}'
    assert headers_of(raw, **of)["Webhook-Signature"] == printed
    assert send(receiver, raw, **of).status == 400
    assert flag(receiver) == ("bad_type", "type")


def test_an_event_is_taken_and_noted(receiver: Client) -> None:
    assert send(receiver).status == 200
    call = receiver.last("webhook")
    (row,) = call["accepted"]
    assert (row["key"], row["scope"], row["value"], row["currency"], row["event"]) == (
        "lt_1",
        "/in/lead.won",
        12.5,
        "EUR",
        BODY,
    )
    assert row["event_at"] == NOW - 3600 * SECOND + SECOND // 2
    assert call["flags"] == []


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"Webhook-Id": ""}, 400, "bad_id"),
        ({"Webhook-Id": "lt.1"}, 400, "bad_id"),
        ({"Webhook-Id": "lt_2"}, 401, "wrong_signature"),
        ({"Webhook-Timestamp": ""}, 400, "bad_timestamp"),
        ({"Webhook-Timestamp": "2026-11-23"}, 400, "bad_timestamp"),
        ({"Webhook-Timestamp": str(NOW_S - 301)}, 401, "old_timestamp"),
        ({"Webhook-Timestamp": str(NOW_S + 301)}, 401, "old_timestamp"),
        ({"Webhook-Timestamp": str(NOW_S - 1)}, 401, "wrong_signature"),
        ({"Webhook-Signature": ""}, 401, "no_signature"),
        ({"Webhook-Signature": "v2,AAAA"}, 401, "no_signature"),
        ({"Webhook-Signature": "v1,AAAA"}, 401, "no_signature"),
        ({"Webhook-Signature": "v1,n!!"}, 401, "no_signature"),
        ({"Webhook-Signature": f"v1,{base64.b64encode(bytes(32)).decode()}"}, 401, "wrong_signature"),
        ({"Content-Type": "text/plain"}, 415, "content_type"),
    ],
)
def test_headers_that_are_not_right(receiver: Client, changes: dict[str, str], status: int, code: str) -> None:
    reply = send(receiver, changes=changes)
    assert (reply.status, flag(receiver)[0]) == (status, code)
    assert receiver.last("webhook")["accepted"] == []


def test_five_minutes_each_way_are_tolerated(receiver: Client) -> None:
    for off in (-300, 300):
        assert send(receiver, at=NOW_S + off).status == 200


def test_one_signature_of_several_is_enough(receiver: Client) -> None:
    right = headers_of(json.dumps(BODY).encode())["Webhook-Signature"]
    other = f"v1,{base64.b64encode(bytes(32)).decode()}"
    assert send(receiver, changes={"Webhook-Signature": f"{other} {right} v1a,AAAA"}).status == 200
    assert send(receiver, secret="whsec_" + "A" * 32).status == 401
    receiver.set("webhook", secrets=[SECRET, "whsec_" + "A" * 32])
    assert send(receiver, secret="whsec_" + "A" * 32).status == 200


def test_without_a_secret_only_the_form_counts(sandbox: Client) -> None:
    assert send(sandbox, secret="whsec_" + "A" * 32).status == 200
    assert send(sandbox, changes={"Webhook-Signature": ""}).status == 401


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"no json", 400, "bad_body"),
        ([], 400, "bad_body"),
        ({**BODY, "type": "lead-won"}, 400, "bad_type"),
        ({**BODY, "type": None}, 400, "bad_type"),
        ({**BODY, "timestamp": "2026-11-23T11:00:00"}, 400, "bad_time"),
        ({**BODY, "timestamp": 1795435200}, 400, "bad_time"),
        ({**BODY, "timestamp": "2026-13-23T11:00:00Z"}, 400, "bad_time"),
        ({**BODY, "data": []}, 400, "bad_data"),
        ({**BODY, "data": {"x": "y" * 20_000}}, 413, "too_large"),
    ],
)
def test_bodies_that_are_not_right(receiver: Client, body: Any, status: int, code: str) -> None:
    assert send(receiver, body).status == status
    assert flag(receiver)[0] == code


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ({"value": 1}, "value_without_currency"),
        ({"value": "1", "currency": "EUR"}, "bad_value"),
        ({"currency": "ABC"}, "bad_currency"),
    ],
)
def test_what_a_careful_sender_does_not_do_is_flagged(receiver: Client, data: dict[str, Any], code: str) -> None:
    assert send(receiver, {**BODY, "data": data}).status == 200
    assert flag(receiver)[0] == code


def test_a_get_is_no_webhook(receiver: Client) -> None:
    assert receiver.call("GET", "/webhook/in").status == 405


def test_a_ping_is_no_event(receiver: Client) -> None:
    assert send(receiver, {**BODY, "type": "ping", "data": {}}).status == 200
    call = receiver.last("webhook")
    assert (call["accepted"], call["validation"]) == ([], True)


def test_each_address_has_its_way(receiver: Client) -> None:
    receiver.set(
        "webhook",
        paths={
            "/gone": {"status": 410},
            "/moved": {"status": 301, "location": "https://elsewhere.example.com/"},
            "/busy": {"status": 429, "retry_after": "30"},
            "/taken": {"status": 202},
        },
    )
    for path, status in {"/gone": 410, "/moved": 301, "/busy": 429, "/taken": 202, "/in": 200}.items():
        reply = send(receiver, path=path)
        assert reply.status == status
        assert len(receiver.last("webhook")["accepted"]) == (status < 300)
        assert reply.headers.get("Location") == ("https://elsewhere.example.com/" if status == 301 else None)
        assert reply.headers.get("Retry-After") == ("30" if status == 429 else None)


def test_a_slow_address_takes_it_at_once_and_answers_late(receiver: Client, pool: ThreadPoolExecutor) -> None:
    receiver.set("webhook", paths={"/slow": {"delay_s": 1.0}})
    late = pool.submit(send, receiver, None, "/slow")
    while not receiver.calls("webhook"):
        assert not late.done()
    assert receiver.last("webhook")["status"] == 200
    assert send(receiver).status == 200
    assert not late.done(), "the other address was answered first"
    assert late.result(10).status == 200


def test_a_fault_may_refuse_one_event(receiver: Client) -> None:
    receiver.fault({"destination": "webhook", "reject_event": 0, "until": 1})
    assert send(receiver).status == 400
    assert flag(receiver)[0] == "poison"
    assert send(receiver).status == 200
    receiver.fault({"destination": "webhook", "status": 503})
    assert send(receiver).status == 503
