"""Pinterest: exact bytes, its rule for identifiers, results by event. Rules: events/create of the API, version 5."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadtrackr.destinations.contract import HTTP_CODES, Kind, LeadData, PerEvent, Refused, Whole, Window
from leadtrackr.destinations.pinterest import PINTEREST
from leadtrackr.destinations.pinterest.codes import CODES
from tests.destinations.making import DAY, HOUR, NOON, SETTINGS, answer, body_of, event, lead, outcomes, sha

GOOD = {"status": "processed", "error_message": None, "warning_message": None}
BAD = {"status": "failed", "error_message": "'em' is not hashed", "warning_message": None}
WARNED = {**GOOD, "warning_message": "No click_id."}
VALIDATION = PINTEREST.validation
assert VALIDATION is not None


def sent(one: Any = None, **settings: str) -> dict[str, Any]:
    """The one event of a request."""
    found: dict[str, Any] = body_of(PINTEREST, one or event(slug="pinterest"), **settings)["data"][0]
    return found


def results(*events: dict[str, Any], status: int = 200, **changes: Any) -> Any:
    """An answer with a result for each event."""
    processed = sum(one["status"] == "processed" for one in events)
    counted = {"num_events_received": len(events), "num_events_processed": processed, "events": list(events)}
    return answer(status, {**counted, **changes})


def test_the_whole_request() -> None:
    request = PINTEREST.build([event(slug="pinterest")], SETTINGS["pinterest"], None)
    item = (
        '{"event_name":"lead","action_source":"web","event_time":1795262400,'
        '"event_id":"lt-abcdefghijklmnopqrstuvwxyz","user_data":{'
        f'"em":["{sha("erika.mustermann@example.de")}"],"ph":["{sha("493012345678")}"],'
        f'"fn":["{sha("erika")}"],"ln":["{sha("mustermann")}"],"country":["{sha("de")}"],'
        '"click_id":"dj0yJnU9AbC-dEf",'
        '"client_ip_address":"203.0.113.7","client_user_agent":"Mozilla/5.0 (X11; Linux x86_64)"},'
        '"event_source_url":"https://example.de/kontakt","custom_data":{"currency":"EUR","value":"50.00"}}'
    )
    assert request.items == (item.encode(),)
    assert request.body == f'{{"data":[{item}]}}'.encode()
    assert request.url == "https://api.pinterest.com/v5/ad_accounts/549755885175/events"
    assert (request.service, request.method) == ("pinterest", "POST")
    assert request.headers == {"content-type": "application/json", "authorization": "Bearer hush-pinterest"}


def test_offline_events_have_no_page() -> None:
    found = sent(action_source="offline")
    assert found["action_source"] == "offline"
    assert "event_source_url" not in found


@pytest.mark.parametrize("page", [None, "", "/a", "no page"])
def test_a_page_that_is_none_is_left_out(page: str | None) -> None:
    assert "event_source_url" not in sent(event(lead(conversion_page=page), "pinterest"))


def test_the_vectors_of_both_kinds() -> None:
    user = sent(event(lead(phone="+442071838750", email="john.smith+ads@gmail.com"), "pinterest"))["user_data"]
    assert user["ph"] == ["8d5f937f3a5590634cbe975951a6aa1543170671ce6e73cce4062f4e8c288417"]
    assert user["em"] == ["05e05255b3e0de727bc07f9f3d06fb0a568406b6dd3aa352ed4ed72e887ee022"]


@pytest.mark.parametrize(
    ("cents", "currency", "text"), [(5000, "EUR", "50.00"), (5000, "JPY", "5000"), (5000, "KWD", "5.000")]
)
def test_the_value_is_a_text(cents: int, currency: str, text: str) -> None:
    found = sent(event(slug="pinterest", value_cents=cents, currency=currency))
    assert found["custom_data"] == {"currency": currency, "value": text}


@pytest.mark.parametrize(("cents", "currency"), [(None, "EUR"), (5000, None), (None, None)])
def test_value_and_currency_only_together(cents: int | None, currency: str | None) -> None:
    assert "custom_data" not in sent(event(slug="pinterest", value_cents=cents, currency=currency))


@pytest.mark.parametrize(
    ("has", "is_enough"),
    [
        ({"email": "a@example.com"}, True),
        ({"ip_address": "203.0.113.7", "user_agent": "Mozilla"}, True),
        ({"ip_address": "203.0.113.7"}, False),
        ({"user_agent": "Mozilla"}, False),
        ({"phone": "+12125550123", "first_name": "Erika", "last_name": "Mustermann", "country": "DE"}, False),
        ({"ids": {"epik": "dj0y"}}, False),
    ],
)
def test_an_email_or_a_device(has: dict[str, Any], is_enough: bool) -> None:
    lacking = PINTEREST.missing(LeadData(lead_id=1, created_at=NOON, **has), {})
    assert [warning.field for warning in lacking] == ([] if is_enough else ["email"])


@pytest.mark.parametrize(("settings", "days"), [({}, 30), ({"max_age_days": "7"}, 7)])
def test_the_window_is_the_settings(settings: dict[str, str], days: int) -> None:
    found = PINTEREST.window(event(slug="pinterest", happened_at=NOON + DAY + 999_999), settings)
    assert found == Window(NOON, NOON + DAY + days * DAY - HOUR // 60)


@pytest.mark.parametrize("status", [200, 422])
def test_each_event_has_its_result(status: int) -> None:
    verdict = PINTEREST.read(results(GOOD, BAD, WARNED, status=status), 3)
    assert isinstance(verdict, PerEvent)
    assert [(one.code, one.kind, one.detail) for one in verdict.outcomes] == [
        ("ok", "accepted", ""),
        ("failed", "rejected", "'em' is not hashed"),
        ("warned", "accepted", "No click_id."),
    ]


def test_a_result_of_a_kind_that_is_new_is_unknown() -> None:
    verdict = PINTEREST.read(results(GOOD, {"status": "queued"}), 2)
    assert [one.kind for one in outcomes(verdict)] == ["accepted", "unknown"]


@pytest.mark.parametrize("n", [1, 3])
def test_results_that_do_not_fit_are_pinned_on_nobody(n: int) -> None:
    verdict = PINTEREST.read(results(GOOD, BAD), n)
    assert isinstance(verdict, Whole)
    assert verdict.outcome.kind == "unknown"


def test_numbers_alone() -> None:
    whole = PINTEREST.read(results(GOOD, GOOD, events=[]), 2)
    assert isinstance(whole, Whole)
    assert whole.outcome.code == "ok"
    part = PINTEREST.read(results(GOOD, BAD, events=None), 2)
    assert isinstance(part, Refused)
    assert (part.named, part.outcome.code, part.outcome.detail) == ({}, "not_processed", "1 of 2 processed")


@pytest.mark.parametrize(
    ("status", "code", "kind", "hold"),
    [
        (400, "http_400", "rejected", None),
        (401, "http_401", "hold", "credentials"),
        (403, "http_403", "hold", "configuration"),
        (404, "http_404", "hold", "configuration"),
        (422, "http_422", "rejected", None),
        (409, "unexpected", "rejected", None),
        (429, "rate_limited", "retry", None),
        (503, "server_error", "retry", None),
        (200, "unreadable", "unknown", None),
        (302, "unreadable", "unknown", None),
    ],
)
@pytest.mark.parametrize("body", [b"<html>", b'{"code":2,"message":"words"}', b"[]"])
def test_refusals_by_status(status: int, code: str, kind: str, hold: str | None, body: bytes) -> None:
    verdict = PINTEREST.read(answer(status, body), 3)
    found = outcomes(verdict)[0]
    assert (found.code, found.kind, found.hold) == (code, kind, hold)
    assert isinstance(verdict, Refused) == (status in (400, 422))
    assert ("words" in found.detail) == (b"words" in body and status not in (200, 302)) or status in (200, 302)


@pytest.mark.parametrize(
    ("headers", "pause_s"),
    [
        ({"retry-after": "7", "x-ratelimit-reset": "42"}, 7),
        ({"x-ratelimit-reset": "42"}, 42),
        ({"x-ratelimit-reset": "1795262400"}, None),
        ({"x-ratelimit-reset": "soon"}, None),
        ({}, None),
    ],
)
def test_a_pause_that_pinterest_names(headers: dict[str, str], pause_s: float | None) -> None:
    assert outcomes(PINTEREST.read(answer(429, b"{}", headers), 3))[0].retry_after_s == pause_s


def test_every_row_can_happen() -> None:
    statuses = {f"http_{status}" for status in (400, 401, 403, 404, 422)}
    assert set(CODES) - set(HTTP_CODES) == statuses | {"failed", "warned", "not_processed", "check_ok", "test_ok"}


@given(
    st.sampled_from([200, 400, 401, 422, 500]),
    st.fixed_dictionaries(
        {},
        optional={
            "num_events_received": st.integers() | st.none(),
            "num_events_processed": st.integers(-1, 4) | st.text(max_size=3),
            "events": st.none() | st.lists(st.sampled_from([GOOD, BAD, WARNED, {}, {"status": None}]), max_size=4),
            "code": st.integers() | st.text(max_size=3),
            "message": st.text(max_size=5) | st.none(),
        },
    ),
)
def test_any_body_is_read(status: int, body: dict[str, object]) -> None:
    for outcome in outcomes(PINTEREST.read(answer(status, body), 3)):
        assert outcome.code in CODES
        assert (outcome.hold is not None) == (outcome.kind is Kind.HOLD)


def test_the_check_is_a_test_event() -> None:
    request = PINTEREST.check(SETTINGS["pinterest"], None)
    assert request.url == "https://api.pinterest.com/v5/ad_accounts/549755885175/events?test=true"
    assert request.headers == {"content-type": "application/json", "authorization": "Bearer hush-pinterest"}
    (one,) = json.loads(request.body)["data"]
    assert one["user_data"] == {"em": [sha("connection-test@example.com")]}
    assert [PINTEREST.read_check(results(each)).code for each in (GOOD, BAD)] == ["check_ok"] * 2
    assert PINTEREST.read_check(answer(401, {"code": 2})).hold == "credentials"
    assert PINTEREST.read_check(answer(400, {"code": 1})).kind == "rejected"
    assert PINTEREST.read_check(answer(200, b"<html>")).code == "unreadable"


def test_validation_records_nothing() -> None:
    assert VALIDATION is not None
    real = PINTEREST.build([event(slug="pinterest")], SETTINGS["pinterest"], None)
    asked = VALIDATION.request(real)
    assert (asked.url, asked.body) == (f"{real.url}?test=true", real.body)
    found = [VALIDATION.read(results(each)) for each in (GOOD, WARNED, BAD)]
    assert [(one.code, one.detail) for one in found] == [
        ("test_ok", ""),
        ("test_ok", "No click_id."),
        ("failed", "'em' is not hashed"),
    ]
    assert VALIDATION.read(answer(401, {"code": 2})).hold == "credentials"
