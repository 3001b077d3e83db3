"""Webhook: the specification's vector, exact bytes, one test per row of the outcome table, the emulator over HTTP."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from leadtrackr.conversions.exchange import signed as as_sent
from leadtrackr.destinations.contract import HTTP_CODES, LeadData, Outcome, Request, Response, Settings, Window
from leadtrackr.destinations.registry import validate_settings, with_changes
from leadtrackr.destinations.webhook import WEBHOOK
from leadtrackr.destinations.webhook.answer import CODES
from leadtrackr.destinations.webhook.signing import signed
from leadtrackr.kit.ids import Ids
from tests.destinations.making import DAY, NOON, SETTINGS, answer, body_of, event, lead, outcomes
from tests.destinations.test_compliance import leads
from tests.sandbox.client import NOW, SECOND, Client, Clock, Server

CONNECTION = SETTINGS["webhook"]
OTHER = "whsec_" + "T3RoZXIr" * 5
HOST = "https://hooks.example.com"


def test_the_vector_of_the_specification() -> None:
    settings = {"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
    headers = signed(
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        b'{"test": 2432232314}',
        settings,
        1614265330 * SECOND + 999_999,
        "unused",
    )
    assert headers == {
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_the_whole_request() -> None:
    request = WEBHOOK.build([event(slug="webhook")], CONNECTION, None)
    body = (
        b'{"type":"lead.qualified","timestamp":"2026-11-21T12:00:00.123456Z",'
        b'"data":{"event_id":"lt-abcdefghijklmnopqrstuvwxyz","lead_id":42,"value":50.00,"currency":"EUR"}}'
    )
    assert (request.body, request.items) == (body, (body,))
    assert (request.service, request.method) == ("webhook", "POST")
    assert request.url == "https://hooks.example.com/leads?of=site"
    assert request.headers == {"content-type": "application/json", "webhook-id": "lt-abcdefghijklmnopqrstuvwxyz"}


def test_every_try_has_the_same_id_and_its_own_time_and_signature() -> None:
    request = WEBHOOK.build([event(slug="webhook")], CONNECTION, None)
    first, second = (as_sent(request, at, "nonce").headers for at in (NOON, NOON + DAY))
    assert first["webhook-id"] == second["webhook-id"] == event().event_id
    assert int(second["webhook-timestamp"]) - int(first["webhook-timestamp"]) == 86_400
    for sent in (first, second):
        content = f"{sent['webhook-id']}.{sent['webhook-timestamp']}.".encode() + request.body
        key = base64.b64decode(CONNECTION["secret"].removeprefix("whsec_"))
        right = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
        assert sent["webhook-signature"] == f"v1,{right}"


def test_while_a_secret_is_changed_both_sign() -> None:
    request = WEBHOOK.build(
        [event(slug="webhook")], {**CONNECTION, "secret": OTHER, "old_secret": "whsec_" + "A" * 32}, None
    )
    both = as_sent(request, NOON, "").headers["webhook-signature"].split(" ")
    alone = [
        as_sent(WEBHOOK.build([event(slug="webhook")], {**CONNECTION, "secret": secret}, None), NOON, "")
        for secret in (OTHER, "whsec_" + "A" * 32)
    ]
    assert both == [one.headers["webhook-signature"] for one in alone]
    assert both[0] != both[1]


def test_a_former_secret_can_be_taken_out_again() -> None:
    changed = with_changes(WEBHOOK, {**CONNECTION, "old_secret": OTHER}, {"old_secret": ""})
    assert validate_settings(WEBHOOK, changed) == CONNECTION


def test_nothing_of_the_person_leaves_unless_somebody_chose_it() -> None:
    assert set(body_of(WEBHOOK, event(slug="webhook"))["data"]) == {"event_id", "lead_id", "value", "currency"}
    found = body_of(WEBHOOK, event(slug="webhook"), person_data="yes")["data"]
    assert {name: found[name] for name in found if name not in ("event_id", "lead_id", "value", "currency")} == {
        "email": "erika.mustermann@example.de",
        "phone": "+493012345678",
        "first_name": "Erika",
        "last_name": "Mustermann",
        "company_name": "Muster GmbH",
        "country": "DE",
        "conversion_page": "example.de/kontakt",
        "click_ids": dict(lead().ids),
    }


def test_what_consent_forbids_is_left_out_even_then() -> None:
    stripped = LeadData(lead_id=42, created_at=NOON, consent={"ad_user_data": "denied"})
    found = body_of(WEBHOOK, event(stripped, "webhook"), person_data="yes")["data"]
    assert set(found) == {"event_id", "lead_id", "value", "currency"}


@pytest.mark.parametrize(
    ("cents", "currency", "text"),
    [(5000, "EUR", b'"value":50.00,'), (5000, "JPY", b'"value":5000,'), (5000, "KWD", b'"value":5.000,')],
)
def test_money(cents: int, currency: str, text: bytes) -> None:
    assert text in WEBHOOK.build([event(slug="webhook", value_cents=cents, currency=currency)], CONNECTION, None).body


def test_any_lead_will_do_for_ninety_days() -> None:
    assert WEBHOOK.missing(LeadData(lead_id=1, created_at=NOON), {}) == ()
    one = event(slug="webhook", happened_at=NOON - DAY)
    assert WEBHOOK.window(one, {}) == Window(NOON, NOON + 90 * DAY)
    assert body_of(WEBHOOK, one)["timestamp"] == "2026-11-20T12:00:00Z"


def test_the_account_is_the_host() -> None:
    assert WEBHOOK.account(CONNECTION) == "hooks.example.com"
    assert WEBHOOK.account({"url": "https://hooks.example.com:8443/x"}) == "hooks.example.com:8443"


def test_the_check_is_a_signed_ping_under_an_id_of_its_own() -> None:
    request = WEBHOOK.check(CONNECTION, None)
    assert json.loads(request.body) == {"type": "ping", "timestamp": "1970-01-01T00:00:00Z", "data": {}}
    assert request.items == ()
    first, second = (as_sent(request, NOON, nonce).headers for nonce in ("abc", "def"))
    assert (first["webhook-id"], second["webhook-id"]) == ("ping-abc", "ping-def")
    assert first["webhook-signature"] != second["webhook-signature"]
    assert WEBHOOK.read_check(answer(200)).code == "check_ok"
    assert WEBHOOK.read_check(answer(401)).hold == "credentials"


def test_made_up_secrets_are_as_the_specification_wants_them() -> None:
    secret = Ids(lambda size: bytes(range(size))).webhook_secret()
    assert secret == "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
    assert 24 <= len(base64.b64decode(secret.removeprefix("whsec_"))) <= 64


ROWS: list[tuple[list[int], str, str, str, str | None]] = [
    ([200, 201, 202, 204, 299], "ok", "accepted", "event", None),
    ([300, 301, 302, 303, 304, 307, 308, 399], "redirect", "retry", "destination", None),
    ([410], "gone", "hold", "destination", "configuration"),
    ([401], "unauthorized", "hold", "destination", "credentials"),
    ([429], "rate_limited", "retry", "destination", None),
    ([408, 502, 503, 504], "server_error", "retry", "destination", None),
    ([400, 402, 403, 404, 405, 409, 413, 415, 418, 422, 499], "refused", "retry", "event", None),
    ([500, 501, 505, 507, 599], "failed", "retry", "event", None),
    ([100, 101, 199, 0], "unreadable", "unknown", "event", None),
]


@pytest.mark.parametrize(
    ("status", "code", "kind", "scope", "hold"),
    [(status, *row) for statuses, *row in ROWS for status in statuses],
)
@pytest.mark.parametrize("body", [b"", b'{"ok":true,"email":"jane@example.com"}', b"<html>Jane"])
def test_statuses(status: int, code: str, kind: str, scope: str, hold: str | None, body: bytes) -> None:
    (found,) = outcomes(WEBHOOK.read(answer(status, body), 1))
    assert (found.code, found.kind, found.scope, found.hold) == (code, kind, scope, hold)
    assert "ane" not in found.detail


def test_every_row_is_covered() -> None:
    own = set(CODES) - set(HTTP_CODES)
    assert {row[1] for row in ROWS} - set(HTTP_CODES) | {"check_ok"} == own


@pytest.mark.parametrize("status", [301, 404, 408, 429, 500, 502, 503, 504])
@pytest.mark.parametrize(("said", "pause_s"), [("42", 42), ("Fri, 20 Nov 2026 12:01:00 GMT", 60), ("", None)])
def test_the_pause_that_the_receiver_asks_for_is_kept(status: int, said: str, pause_s: float | None) -> None:
    headers = {"retry-after": said, "date": "Fri, 20 Nov 2026 12:00:00 GMT"}
    (found,) = outcomes(WEBHOOK.read(answer(status, b"", headers), 1))
    assert found.retry_after_s == pause_s


@pytest.fixture(scope="module")
def receiver() -> Iterator[Client]:
    """The emulator, told the connection's secret; its clock stands still."""
    server = Server(Clock())
    client = Client(server.running.port)
    client.set("webhook", secrets=[CONNECTION["secret"]])
    yield client
    server.stop()


def send(client: Client, request: Request, at: int = NOW) -> Response:
    """A request as it goes out at this time, sent to the emulator instead."""
    assert request.url.startswith(HOST)
    sent = as_sent(request, at, "abc")
    headers = {name.title(): value for name, value in sent.headers.items()}
    reply = client.call("POST", f"/webhook{request.url.removeprefix(HOST)}", sent.body, headers)
    return Response(status=reply.status, headers={k.lower(): v for k, v in reply.headers.items()}, body=reply.content)


def deliver(client: Client, one: Any, settings: Settings = CONNECTION, at: int = NOW) -> Outcome:
    """What becomes of one event."""
    (found,) = outcomes(WEBHOOK.read(send(client, WEBHOOK.build([one], settings, None), at), 1))
    return found


def test_a_receiver_takes_it_and_knows_a_repeat(receiver: Client) -> None:
    one = event(slug="webhook", event_id="lt-twice")
    for at in (NOW, NOW + 200 * SECOND):
        assert deliver(receiver, one, at=at).code == "ok"
    (row,) = receiver.last("webhook")["accepted"]
    assert (row["key"], row["value"], row["currency"]) == ("lt-twice", 50.0, "EUR")
    assert receiver.last("webhook")["flags"] == []
    keys = receiver.call("GET", "/_sandbox/ledger/keys?destination=webhook").json["keys"]
    assert [one["times"] for one in keys if one["key"] == "lt-twice"] == [2]


def test_a_receiver_refuses_another_secret_an_old_try_and_takes_either_of_two(receiver: Client) -> None:
    one = event(slug="webhook")
    wrong = {**CONNECTION, "secret": OTHER}
    assert deliver(receiver, one, wrong).code == "unauthorized"
    assert deliver(receiver, one, {**wrong, "old_secret": CONNECTION["secret"]}).code == "ok"
    assert deliver(receiver, one, at=NOW - 301 * SECOND).code == "unauthorized"
    assert deliver(receiver, one, at=NOW - 300 * SECOND).code == "ok"


@pytest.mark.parametrize(
    ("way", "code"),
    [
        ({"status": 410}, "gone"),
        ({"status": 301, "location": "https://elsewhere.example.com/"}, "redirect"),
        ({"status": 429, "retry_after": "7"}, "rate_limited"),
        ({"status": 204}, "ok"),
    ],
)
def test_an_address_with_a_way_of_its_own(receiver: Client, way: dict[str, Any], code: str) -> None:
    receiver.set("webhook", paths={"/odd": way})
    found = deliver(receiver, event(slug="webhook"), {**CONNECTION, "url": f"{HOST}/odd"})
    assert (found.code, found.retry_after_s) == (code, 7 if code == "rate_limited" else None)


def test_the_ping_is_taken_and_counts_nothing(receiver: Client) -> None:
    assert WEBHOOK.read_check(send(receiver, WEBHOOK.check(CONNECTION, None))).code == "check_ok"
    call = receiver.last("webhook")
    assert (call["accepted"], call["validation"]) == ([], True)
    bad = WEBHOOK.check({**CONNECTION, "secret": OTHER}, None)
    assert WEBHOOK.read_check(send(receiver, bad)).code == "unauthorized"


@hypothesis_settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    someone=leads,
    person_data=st.sampled_from(["yes", "no"]),
    cents=st.none() | st.integers(0, 10**9),
    currency=st.none() | st.sampled_from(["EUR", "JPY", "KWD"]),
)
def test_every_lead_is_taken(
    receiver: Client, someone: LeadData, person_data: str, cents: int | None, currency: str | None
) -> None:
    one = event(someone, "webhook", value_cents=cents, currency=currency)
    assert WEBHOOK.missing(someone, CONNECTION) == ()
    assert deliver(receiver, one, {**CONNECTION, "person_data": person_data}).code == "ok"
    call = receiver.last("webhook")
    assert (call["flags"], call["accepted"][0]["key"]) == ([], one.event_id)
